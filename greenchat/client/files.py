"""Files, sent over a connection of HTTP of their own, beside the chat. It waits: for user interfaces, in a thread."""

import http.client
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from greenchat.client.connection import open_socket
from greenchat.client.errors import DisconnectedError, NoAnswerError, RefusedError, UnreachableError
from greenchat.client.returning import Door, Returning
from greenchat.client.saying import ANSWER_SECONDS
from greenchat.protocol.events import File
from greenchat.protocol.replies import UploadPlace
from greenchat.protocol.text import printable

# What is read of a file and sent in one go, in bytes: small enough that progress is seen to be made on a slow line.
PART_BYTES = 64 * 1024

# How long the server may take for one part, and to answer, in seconds: of a picture it makes another one first.
PUT_SECONDS = 60.0

# How often it is tried where the connection is lost, and how long is waited before each further time, in seconds.
TRIES = 3
TRY_SECONDS = 1.0

# The most of an answer that is read, in bytes: a sentence, or a message without its words.
ANSWER_BYTES = 64 * 1024

# What a refusal is by its status, where a sentence comes with it.
_CODES = {403: "not_allowed", 408: "too_slow", 413: "too_long", 429: "try_later", 507: "full"}

Progress = Callable[[int], object]


class Uploaded(Struct, frozen=True):
    """A file that was sent and said: the `seq` and `id` of its message, and where that is. `not_stored`: everybody has
    read it, but it could not be kept."""

    seq: int
    id: int
    file: File
    room: str = ""
    conversation: str = ""
    not_stored: bool = False


class Cancelled(Exception):  # noqa: N818  (it was asked for)
    """`progress` has raised it: nothing more is sent."""


def put_file(door: Door, url: str, source: BinaryIO, progress: Progress = lambda sent: None) -> Uploaded:
    """Send all of `source` to where the server has said, by as many tries as it takes. `progress(sent)` is told how
    many bytes have gone out; it may raise `Cancelled`.

    Raises `RefusedError`, `UnreachableError`, `NoAnswerError`, `DisconnectedError` and `OSError` for the file itself.
    """
    for left in reversed(range(TRIES)):
        try:
            return _put_once(door, url, source, progress)
        except (DisconnectedError, UnreachableError):
            if not left:
                raise
        time.sleep(TRY_SECONDS * (TRIES - left))
    raise AssertionError("unreachable")


def _put_once(door: Door, url: str, source: BinaryIO, progress: Progress) -> Uploaded:
    address = urlsplit(url)
    source.seek(0, os.SEEK_END)
    size = source.tell()
    source.seek(0)
    sock, where = open_socket(door.host, door.port, door.timeout, door.encryption)
    with sock:
        sock.settimeout(PUT_SECONDS)
        # The name by which the server knows itself: not each one by which it is reached is known to it.
        connection = http.client.HTTPConnection(address.netloc or where)
        connection.sock = sock
        try:
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            with suppress(BrokenPipeError, ConnectionResetError):  # it has refused it meanwhile, and says why
                connection.request("PUT", address.path, _parts(source, progress), headers)
            answer = connection.getresponse()
            body = answer.read(ANSWER_BYTES)
        except TimeoutError as error:
            raise NoAnswerError(f"{where} does not take the file. Try again later.") from error
        except (_FromFile, Cancelled) as error:
            raise error.__cause__ or error from None
        except (OSError, http.client.HTTPException) as error:
            raise DisconnectedError("The connection was lost while the file was sent.") from error
    if answer.status in (200, 201):
        try:
            return msgspec.json.decode(body, type=Uploaded)
        except msgspec.MsgspecError as error:
            raise UnreachableError(f"{where} has answered something else than a chat server.") from error
    text = printable(" ".join(body.decode(errors="replace").split()), 300)
    raise RefusedError(_CODES.get(answer.status, "refused"), text or f"The server refuses the file ({answer.status}).")


class _FromFile(Exception):  # noqa: N818  (it only carries one)
    """What the file itself has raised."""


def _parts(source: BinaryIO, progress: Progress) -> Iterator[bytes]:
    sent = 0
    while True:
        progress(sent)
        try:
            part = source.read(PART_BYTES)
        except OSError as error:
            raise _FromFile from error
        if not part:
            return
        yield part
        sent += len(part)


class Sending(Returning):
    """`upload` waits until a file is there; `put_file` sends one by `door`."""

    @property
    def door(self) -> Door | None:
        """Where one has come in, for connections beside this one."""
        return self._door

    def upload(
        self,
        path: str | os.PathLike[str],
        *,
        room: str = "",
        conversation: str = "",
        to: str = "",
        text: str = "",
        name: str = "",
        progress: Progress = lambda sent: None,
        timeout: float = ANSWER_SECONDS,
    ) -> Uploaded:
        """Send the file at `path`, called `name` or as it is there, and say a message with it, and with `text`: in one
        of `room`, `conversation` and `to`, as in `say`. `progress` is told how many bytes have gone out.

        Raises as `command` and `put_file` do, and `OSError` where the file cannot be read.
        """
        with Path(path).open("rb") as source:
            args: Mapping[str, Any] = {
                "name": quote(name or Path(path).name, safe="", errors="replace"),
                "size": os.fstat(source.fileno()).st_size,
                "text": text,
            }
            ran = self.command("upload", args, room=room, conversation=conversation, to=to, timeout=timeout)
            place = next((item for item in ran.told if isinstance(item, UploadPlace)), None)
            if place is None or self._door is None:
                raise RefusedError("unknown_command", "This server takes no files.")
            return put_file(self._door, place.put, source, progress)
