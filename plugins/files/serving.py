"""Files on their way out: to who has an address that holds. No browser runs what is in there, whatever it is.

- It is what it is said to be: a picture that was written anew here, or bytes to be saved, never guessed (nosniff).
- Opened by itself, it may do nothing: it has no origin (CSP `sandbox`), loads nothing and runs nothing (`default-src
  'none'`), and no other site shows it or reads it (Cross-Origin-Resource-Policy, which every answer has).
"""

import logging
from collections.abc import Iterator
from functools import partial

from greenchat import Database, DatabaseError, HttpRequest, HttpResponse, Parts, Reject

from . import store
from .links import Links
from .names import UNKNOWN, disposition
from .store import Kept

log = logging.getLogger("greenchat.files")

# A file never changes; and who could read it once may have it as long as its address holds.
CACHE = "private, max-age=86400, immutable"

SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"


class Serving:
    def __init__(self, reader: Database, links: Links) -> None:
        self._reader = reader
        self._links = links

    def answer(self, request: HttpRequest, number: str) -> HttpResponse:
        """Raises `Reject`."""
        query = request.query
        if not self._links.holds(number, query.get("until", ""), query.get("by", "")):
            raise Reject("This link has expired, or was never one. The chat has a new one.", code="not_allowed")
        try:
            kept = self._reader.run(partial(store.find, number=number), writes=False)
            if kept is None:
                raise _gone()
            small = bool(query.get("small")) and bool(kept.small)
            digest = kept.small if small else kept.hash
            tag = f'"{digest[:32]}"'
            headers = self._headers(kept, tag, small=small)
            if tag in request.headers.get("if-none-match", ""):
                return HttpResponse(status=304, headers=headers)
            length = self._reader.run(partial(store.length, number=digest), writes=False) if small else kept.size
        except DatabaseError as error:
            raise self._unreadable(error) from error
        place, first = self._part(digest, 0)
        return HttpResponse(Parts(length, self._parts(digest, place, first)), headers=headers)

    def _headers(self, kept: Kept, tag: str, *, small: bool) -> dict[str, str]:
        is_picture = bool(kept.width)
        kind = "image/webp" if small else kept.type if is_picture else UNKNOWN
        return {
            "Content-Type": kind,
            "Content-Disposition": disposition(kept.name, attached=not is_picture),
            "Content-Security-Policy": SANDBOX,
            "Cache-Control": CACHE,
            "ETag": tag,
        }

    def _parts(self, digest: str, place: int, first: bytes) -> Iterator[bytes]:
        yield first
        while True:
            place, data = self._part(digest, place)
            yield data

    def _part(self, digest: str, place: int) -> tuple[int, bytes]:
        """The part at this place, and where the next one is. Raises `Reject`."""
        try:
            found = self._reader.run(partial(store.part, number=digest, least=place), writes=False)
        except DatabaseError as error:
            raise self._unreadable(error) from error
        if found is None:
            raise _gone()  # perhaps while it was being sent
        return found

    def _unreadable(self, error: DatabaseError) -> Reject:
        log.error("files cannot be read: %s", error)
        return Reject("Files cannot be read at the moment.", code="full")


def _gone() -> Reject:
    return Reject("This file is not there any more.", code="unknown_room")
