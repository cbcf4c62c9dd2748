"""A file that comes: part by part to the disk, and from there, once it is whole, as it may be shown."""

import hashlib
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from greenchat import Context, Database, DatabaseError, FairQueue, HttpRequest, Reject

from . import store
from .names import named_as
from .pictures import picture_in
from .settings import Settings
from .store import Kept
from .stripping import stripped
from .uploads import Upload

# How pictures begin that are looked at. All else is kept as it comes.
BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")

# How long a file may take: so many seconds, and what it takes on a line of so many bytes a second. The slowest of them
# are the last that others would have to wait for, as there are only so many at once.
LEAST_SECONDS, SLOWEST = 60.0, 20_000

# By how much a picture may grow that is written anew, measured by the largest file: else it is sent as a file.
LARGER = 2

# Bytes of an id of a file: nobody guesses one, though its address is signed in any case.
ID_BYTES = 12

T = TypeVar("T")

log = logging.getLogger("greenchat.files")


class Taking:
    def __init__(self, settings: Settings, ctx: Context, database: Database) -> None:
        self._settings = settings
        self._ctx = ctx
        self._database = database
        self._pictures = FairQueue()  # a large one takes memory: there is one at a time, of each who waits in turn

    def take(self, upload: Upload, run: int, request: HttpRequest) -> Kept:
        """All of a file, as it is kept from now on; or nothing of it is. Raises `Reject`."""
        coming = f"{upload.token} {run}"
        try:
            digest = self._receive(upload, run, coming, request)
            return self._finish(upload, coming, digest)
        except BaseException:
            self._database.start(partial(store.drop, coming=coming))
            raise

    def _receive(self, upload: Upload, run: int, coming: str, request: HttpRequest) -> str:
        """Put what comes on the disk. Returns its hash. Raises `Reject`."""
        digest, came, part = hashlib.sha256(), 0, bytearray()
        until = time.monotonic() + LEAST_SECONDS + upload.size / SLOWEST
        assert request.stream is not None
        for data in request.stream:
            if upload.run != run:
                raise Reject("This file is being sent once more.", code="cut")
            if time.monotonic() > until:
                raise Reject("This takes too long. Send it once more by a better line.", code="too_slow")
            came += len(data)
            if came > upload.size:
                raise Reject(f"This is more than the {upload.size} bytes that were said.", code="too_long")
            digest.update(data)
            part += data
            if len(part) >= store.PART_BYTES or came == upload.size:
                place, body = came - len(part), bytes(part)
                self._do(partial(store.put_part, coming=coming, place=place, data=body))
                part.clear()
        if came < upload.size:
            raise Reject("The rest of it did not come. Send it once more.", code="cut")
        return digest.hexdigest()

    def _finish(self, upload: Upload, coming: str, digest: str) -> Kept:
        kept = Kept(
            id=secrets.token_urlsafe(ID_BYTES),
            hash=digest,
            small="",
            name=upload.name,
            type=upload.kind,
            size=upload.size,
            width=0,
            height=0,
            stored=upload.size,
            account=upload.account,
            address=upload.address,
            place=upload.where,
            time=store.now(),
        )
        if self._do(partial(store.first, coming=coming), writes=False).startswith(BEGINNINGS):
            with self._pictures.turn(upload.address, str(upload.account)):
                shown = self._shown(kept, coming)
            if shown is not None:
                return shown
        self._do(partial(store.finish, coming=coming, kept=kept))
        return kept

    def _shown(self, kept: Kept, coming: str) -> Kept | None:
        """Keep a picture as it may be shown; or as it is, but for what it says beside what it shows. None where it is
        to be kept just as it has come."""
        came = self._do(partial(store.whole, coming=coming), writes=False)
        most = LARGER * self._settings.file_bytes
        made = self._ctx.in_thread(_made_of, came, kept, self._settings.pixels, most)
        if made is None:
            return None
        kept, data, small = made
        self._do(partial(store.put_whole, coming=coming, kept=kept, data=data, small=small))
        return kept

    def _do(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> T:
        """Raises `Reject` where the disk does not do it."""
        try:
            return self._database.run(work, writes=writes)
        except DatabaseError as error:
            log.error("a file was not kept: %s", error)
            raise Reject("Files cannot be kept at the moment: the disk is full, or broken.", code="full") from error


def _made_of(came: bytes, kept: Kept, pixels: int, most: int) -> tuple[Kept, bytes, bytes] | None:
    """What is kept of a picture, what is in that, and a small copy; None where it is to be kept just as it has come.
    For a thread, all of it: of what was made for that, each byte may take as long as a thousand others."""
    picture = picture_in(came, pixels)
    if picture is not None and len(picture.data) <= most:
        data, small = picture.data, picture.small
        kept = replace(
            kept,
            name=named_as(kept.name, picture.kind),
            type=picture.kind,
            width=picture.width,
            height=picture.height,
            small=hashlib.sha256(small).hexdigest() if small else "",
        )
    else:
        data, small = stripped(came), b""
        if data == came:
            return None
    kept = replace(kept, hash=hashlib.sha256(data).hexdigest(), size=len(data), stored=len(data) + len(small))
    return kept, data, small
