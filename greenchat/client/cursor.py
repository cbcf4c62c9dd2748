"""How far a program has got with what happens in rooms and conversations, kept in a file or on the server; and what it
has missed since.

The server numbers all that becomes of the messages of a place: by `rev`, within one `epoch`. It may begin a new epoch,
as after a crash; and who is far behind it does not tell all that has changed. For that the cursor has the latest
message, too: then what was said since is read page by page. Of older messages it is known only as far as those pages
show them whether they were changed meanwhile.
"""

import os
import unicodedata
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Protocol

import msgspec
from msgspec.structs import replace

from greenchat.client.errors import CursorError, RefusedError
from greenchat.client.places import conversation_at, place_at, place_of
from greenchat.protocol.events import EPOCH, Change, Deleted, Ended, Message
from greenchat.protocol.replies import CursorPlace, HistoryPage

# So much is read at once: as much as a server gives.
PAGE_MESSAGES = 100

# How often a cursor is kept on the server, in seconds: it counts as what one says, of which one may say ten a second.
SAVE_SECONDS = 1.0

# By so much a server's clock may have been put back. Ids rise all the same, and tell what one knows of what is read.
CLOCK_STEP = timedelta(minutes=1)

# Asks for the present: no server has an epoch of this name.
NO_EPOCH = "-"

OLD_SERVER = "This server does not tell what was said or changed since one was there: it is too old for that."
NO_CURSOR = "{} is no cursor. Name another file; or remove it, to begin with what is said from now on."


class Place(msgspec.Struct, frozen=True):
    """How far one is in a room or conversation: behind `rev` of an `epoch`, and behind the message `id`; `time` is when
    the latest of all that happened."""

    epoch: str
    rev: int
    id: int = 0
    time: datetime = EPOCH


# Kept in the place of one that is to be forgotten.
GONE = Place("", 0)


class Asks(Protocol):
    """`Client.history` of one room or conversation, as far as it matters here."""

    def __call__(
        self,
        *,
        after: int = 0,
        since: datetime | None = None,
        limit: int = 50,
        rev: int = 0,
        epoch: str = "",
    ) -> HistoryPage: ...


class Cursor:
    """How far one has got, by places: rooms, and conversations as `places.py` spells them. It is kept in the file
    `path`, which is for one program and one server, and is replaced whenever it moves; None: it is kept in memory
    alone. Or the server keeps it: see `on_server`.

    Raises `CursorError` where that file has something else in it, and `OSError`.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._places: dict[str, Place] = {}
        if self._path is not None:
            with suppress(FileNotFoundError):
                data = self._path.read_bytes()
                try:
                    self._places = msgspec.json.decode(data, type=dict[str, Place])
                except (msgspec.DecodeError, UnicodeDecodeError):
                    raise CursorError(NO_CURSOR.format(self._path)) from None

    @staticmethod
    def on_server(name: str) -> "Cursor":
        """One that the server keeps for this account, under a name of the program's: at most once a second, so that it
        may be told again what it was done with in the last moment. Guests have none."""
        return _OnServer(name)

    def open(self, server: "Keeper") -> None:
        """To be called when it is used with a client."""

    @property
    def due(self) -> float | None:
        """In how many seconds it is to be saved; None where it is."""
        return None

    def save(self) -> None:
        """Keep it now, as far as it is not."""

    @property
    def latest(self) -> datetime | None:
        """When the latest had happened that it is behind, anywhere; None where it has not been anywhere yet."""
        return max((place.time for place in self._places.values()), default=None)

    @property
    def direct(self) -> list[str]:
        """The conversations that it has been in, as places."""
        return [where for where in self._places if conversation_at(where)]

    def __contains__(self, where: str) -> bool:
        return _key(where) in self._places

    def __getitem__(self, where: str) -> Place:
        return self._places[_key(where)]

    def __setitem__(self, where: str, place: Place) -> None:
        if self._places.get(_key(where)) == place:
            return
        self._places[_key(where)] = place
        self._keep(where)

    def forget(self, where: str) -> None:
        """Have it not been there, as where a conversation has ended."""
        if self._places.pop(_key(where), None) is not None:
            self._keep(where)

    def _keep(self, where: str) -> None:
        """It has moved there."""
        if self._path is not None:
            new = self._path.with_name(f"{self._path.name}.new")
            with suppress(FileNotFoundError):
                new.unlink()  # of a program that was killed in this very moment
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.encode(self._places))
            new.replace(self._path)

    def begin(self, ask: Asks) -> None:
        """Be in the present of what one asks about."""
        page = ask(limit=PAGE_MESSAGES, epoch=NO_EPOCH)
        _require_epoch(page)
        self[place_of(page)] = _behind(Place(page.epoch, page.rev), page)

    def begin_at(self, where: str, time: datetime) -> None:
        """Be where somebody is who knows what had happened at that `time`."""
        self._places[_key(where)] = Place(NO_EPOCH, 0, 0, time)

    def passed(self, item: object, epoch: str = "") -> None:
        """`item` was dealt with: what comes next is what is behind it. Of rooms where the cursor has not been yet, it
        does not say anything; a conversation has begun with it. `epoch` is that of conversations."""
        if isinstance(item, Ended):
            self.forget(place_at("", item.conversation))
        elif isinstance(item, Message | Change) and item.rev:
            where = place_of(item)
            if where not in self and not item.conversation:
                return
            place = self[where] if where in self else Place(epoch or NO_EPOCH, 0)
            number = item.id if isinstance(item, Message) else 0
            self[where] = replace(
                place, rev=max(place.rev, item.rev), id=max(place.id, number), time=max(place.time, item.time)
            )


class Keeper(Protocol):
    """A client of a server that keeps cursors."""

    def cursor(self, name: str) -> Sequence[CursorPlace]: ...

    def keep_cursor(
        self, name: str, room: str, epoch: str, rev: int, number: int, time: datetime | None, *, conversation: str
    ) -> None: ...


class _OnServer(Cursor):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._server: Keeper | None = None
        self._unsaved: dict[str, str] = {}  # places, as the server spells them, by their keys
        self._saved_at = -SAVE_SECONDS

    def open(self, server: Keeper) -> None:
        if server is self._server:
            return
        self._server = server
        for one in server.cursor(self._name):
            # What this program was done with before it lost the last connection is known here alone.
            self._places.setdefault(_key(place_of(one)), Place(one.epoch, one.rev, one.id, one.time or EPOCH))

    @property
    def due(self) -> float | None:
        return max(self._saved_at + SAVE_SECONDS - monotonic(), 0) if self._unsaved else None

    def save(self) -> None:
        while self._unsaved and self._server is not None:
            # What is forgotten first: a server keeps only so many places.
            key = min(self._unsaved, key=self._places.__contains__)
            where = self._unsaved[key]
            place = self._places.get(key, GONE)
            conversation = conversation_at(where)
            room, time = "" if conversation else where, place.time if place.epoch else None
            try:
                self._server.keep_cursor(
                    self._name, room, place.epoch, place.rev, place.id, time, conversation=conversation
                )
            except RefusedError as refusal:
                if refusal.code != "conversation_gone":  # in this very moment
                    raise
            del self._unsaved[key]
            self._saved_at = monotonic()

    def _keep(self, where: str) -> None:
        self._unsaved[_key(where)] = where
        if self.due == 0:
            self.save()


def missed(ask: Asks, where: str, cursor: Cursor) -> Generator[Message | Deleted, None, str]:
    """What was said and changed since the `cursor` was there, which moves on behind each. Returns the place, as the
    server spells it."""
    latest = cursor[where]  # to be behind its message, too, it has to be behind all that is told here
    more = True
    while more:
        place = cursor[where]
        page = ask(limit=PAGE_MESSAGES, rev=place.rev, epoch=place.epoch)
        _require_epoch(page)
        if page.anew:
            yield from _reread(ask, where, cursor, page)
            latest = cursor[where]
        else:
            for event in _logged(page):
                yield event
                cursor[where] = replace(cursor[where], rev=event.rev)
        latest = _behind(latest, page)
        cursor[where] = replace(cursor[where], epoch=page.epoch, rev=page.rev)
        # Where some was read anew, more has been said and changed meanwhile.
        more = page.anew or (page.more and page.rev > place.rev)
    cursor[where] = replace(cursor[where], id=latest.id, time=latest.time)
    return place_of(page)


def _reread(ask: Asks, where: str, cursor: Cursor, page: HistoryPage) -> Iterator[Message | Deleted]:
    """What is new since where the server cannot tell what is: `page` is the latest that there is, and nothing is told
    from behind it."""
    place = cursor[where]
    told = set[int]()

    def is_new(event: Message | Deleted) -> bool:
        if event.seq in told or event.rev > page.rev:
            return False
        if _changed_at(event) > place.time:
            return True
        has_changed = event.rev > place.rev and page.epoch == place.epoch
        return isinstance(event, Message) and (event.id > place.id or (has_changed and event.reactions is not None))

    for event in _logged(page):  # what was changed of what one knows; the others come in their order
        if not (isinstance(event, Message) and event.id > place.id) and is_new(event):
            told.add(event.seq)
            yield event
    for event in _since(ask, place.time, page):
        if is_new(event):
            yield event
            if isinstance(event, Message):
                here = cursor[where]
                cursor[where] = replace(here, id=max(here.id, event.id), time=max(here.time, event.time))


def _since(ask: Asks, time: datetime, page: HistoryPage) -> Iterator[Message | Deleted]:
    """What was said from about `time` on, page by page; what `page` has where the server keeps nothing else."""
    try:
        older = ask(since=max(time, EPOCH + CLOCK_STEP) - CLOCK_STEP, limit=PAGE_MESSAGES)
        yield from _logged(older)
        while older.more and _logged(older):
            older = ask(after=_logged(older)[-1].seq, limit=PAGE_MESSAGES)
            yield from _logged(older)
    except RefusedError as refusal:
        if refusal.code != "no_history":
            raise
        yield from _logged(page)


def _logged(page: HistoryPage) -> list[Message | Deleted]:
    return [event for event in page.events if isinstance(event, Message | Deleted)]


def _behind(place: Place, page: HistoryPage) -> Place:
    """The place with the latest message of `page`, and the time of the latest that has happened there."""
    events = _logged(page)
    numbers = [event.id for event in events if isinstance(event, Message)]
    return replace(place, id=max([place.id, *numbers]), time=max([place.time, *map(_changed_at, events)]))


def _changed_at(event: Message | Deleted) -> datetime:
    """When it was said or, as far as that is told, changed."""
    return (isinstance(event, Message) and event.edited) or event.time


def _require_epoch(page: HistoryPage) -> None:
    if not page.epoch:
        raise RefusedError("no_history", OLD_SERVER)


def _key(where: str) -> str:
    """The same for all spellings of a room that a server takes for one."""
    return where if conversation_at(where) else unicodedata.normalize("NFKC", where).casefold()
