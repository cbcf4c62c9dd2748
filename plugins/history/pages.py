"""Reading what was said, a page at a time. Nobody who writes is waited for, and what is not on disk yet is there,
too."""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import TypeVar

from msgspec.structs import replace

from greenchat import (
    ChatServer,
    Database,
    DatabaseError,
    FairQueue,
    History,
    HistoryPage,
    Message,
    Past,
    Reject,
    Room,
    Session,
    UsedKey,
    host_of,
    network_of,
)

from . import changes, keys, store
from .refusals import off, unknown
from .runs import unpack
from .writer import MessageWriter

log = logging.getLogger("greenchat.history")

# Who is further behind than so many gets the latest page: more than that, nobody scrolls back.
BEHIND = 1000

T = TypeVar("T")


class Reader:
    """A connection that reads, opened when it is wanted, and whose turn it is to have it."""

    def __init__(self, open_database: Callable[[], Database]) -> None:
        self._open = open_database
        self._database: Database | None = None
        self._queue = FairQueue()

    @contextmanager
    def turn(self, session: Session) -> Iterator[None]:
        """Wait for the turn of `session`, which lasts as long as the block."""
        with self._queue.turn(network_of(host_of(session.address)), session.account or f"#{session.id}"):
            yield

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work(connection)` returns. Raises `DatabaseError`."""
        if self._database is None:
            self._database = self._open()
        return self._database.run(work, writes=False)

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()


class Pages:
    """`reader` is a connection of its own. A page has `most` messages at the most, and, with `moves`, who came and
    went. Pages are read in turn: by address, and then by who it is.
    """

    def __init__(
        self,
        server: ChatServer,
        message_writer: MessageWriter,
        reader: Reader,
        most: int,
        *,
        moves: bool,
    ) -> None:
        self._chat = server.chat
        self._message_writer = message_writer
        self._reader = reader
        self._most = most
        self._moves = moves
        self._complaint = ""

    def page(self, session: Session, ask: History) -> HistoryPage:
        """What `session` asks for. Raises `Reject`. The greenlet waits."""
        room = self.readable(session, ask.room or session.require_member().room.name)
        # SQLite knows numbers up to LAST only.
        after, before = min(max(ask.after, 0), store.LAST - 1), min(max(ask.before, 0), store.LAST)
        ask = replace(ask, room=room, after=after, before=before, limit=min(max(ask.limit, 1), self._most))
        moves = self._message_writer.unsaved_comings(room)
        self.hand_over(self._chat.rooms.get(room))
        rev, epoch = self._message_writer.revs.get(room, 0), self._message_writer.epoch
        member = session.require_member()
        with self._reader.turn(session):
            messages, more = self.read(ask)
            if not self._moves:
                return HistoryPage(room, [*self._chat.as_told(messages, member)], more, ask.ref, rev, epoch)
            low, high = _span(ask, messages, more)
            stored = self.look(self._reader, partial(store.comings, room=room, low=low, high=high, limit=self._most))
        came = dict.fromkeys([*stored, *(move for move in moves if low <= move[0] <= high)])
        told = [
            *((message.seq, 0, message) for message in self._chat.as_told(self.now(messages), member)),
            *((seq, 1, event) for seq, event in came if _in_time(event.time, ask)),
        ]
        events = [event for _, _, event in sorted(told, key=itemgetter(0, 1))]
        return HistoryPage(room, events, more, ask.ref, rev, epoch)

    def catch_up(self, session: Session, ask: History) -> HistoryPage:
        """All that is newer than what `session` knows. Raises `Reject`. The greenlet waits."""
        room, limit = self.readable(session, ask.room or session.require_member().room.name), max(ask.limit, 1)
        found, writer = None, self._message_writer
        if ask.epoch == writer.epoch:
            self.hand_over(self._chat.rooms.get(room))
            writer.saved()  # not in one's turn: others read meanwhile
            with self._reader.turn(session):
                work = partial(store.newer, room=room, rev=min(ask.rev, store.LAST), most=BEHIND)
                found = self.look(self._reader, work)
        if found is None or ask.epoch != writer.epoch:
            latest = self.page(session, History(room, limit=limit, ref=ask.ref))
            return replace(latest, anew=True)
        said, now = found
        more = len(said) > (limit := min(limit, self._most))
        rev = said[limit - 1].message.rev if more else now
        told = self._chat.as_told(self.now(said[:limit]), session.require_member())
        return HistoryPage(room, [*told], more, ask.ref, rev, writer.epoch)

    def find(self, room: Room, seq: int) -> Past | None:
        """One message, with all that is kept of it. Raises `Reject`. The greenlet waits."""
        self.hand_over(room)
        self._message_writer.saved()
        return self.look(self._reader, partial(store.find, room=room.name, seq=seq))

    def used_keys(self, owner: int | bytes, key: str | None) -> Sequence[UsedKey]:
        """What `owner` has said with keys of late, or with this one. Raises `Reject`. The greenlet waits."""
        try:
            self._message_writer.saved()
            return self.look(self._reader, partial(keys.find, owner=owner, key=key))
        except Reject as verdict:
            raise unknown() from verdict

    def named_files(self, files: Sequence[str]) -> Sequence[str]:
        """Those of the files with these ids that a message has. Raises `Reject`. The greenlet waits."""
        for room in [*self._chat.rooms.values()]:
            self.hand_over(room)  # of what was said and deleted in this very turn, too
        self._message_writer.saved()
        return self.look(self._reader, partial(changes.named, files=files))

    def recall(self, room: Room, count: int) -> list[Past]:
        """The last `count` messages of a room. Raises `Reject`. The greenlet waits."""
        self.hand_over(room)
        self._message_writer.saved()
        return self.now(self.look(self._reader, partial(store.page, ask=History(room.name), limit=count)))

    def read(self, ask: History) -> tuple[list[Past], bool]:
        """The messages that `ask` asks for, and whether there are more of them, out of turn. Raises `Reject`."""
        self.hand_over(self._chat.rooms.get(ask.room))
        unsaved, waiting = self.unsaved(ask), self._message_writer.unsaved_changes(ask.room)
        stored = self.look(self._reader, partial(store.page, ask=ask, limit=ask.limit + 1))
        # Some may have been written while we were looking.
        found = {past.message.seq: past for past in chain(unsaved, stored)}
        changes.apply(found, waiting, store.moment)
        ordered = [found[seq] for seq in sorted(found)]
        ordered = ordered[: ask.limit] if store.from_the_start(ask) else ordered[-ask.limit :]
        return self.now(ordered), len(found) > ask.limit

    def now(self, read: Iterable[Past]) -> list[Past]:
        """What was read a moment ago, as it is by now."""
        rooms = self._chat.rooms
        return [room.log.now(one) if (room := rooms.get(one.message.room)) is not None else one for one in read]

    def unsaved(self, ask: History) -> list[Past]:
        """Of what `ask` asks for, what is not on disk yet, in its order: not much more than is wanted. What was deleted
        or changed since it was said may wait for the disk as well, and is not told as it was."""
        runs = [run for run in self._message_writer.unsaved(ask.room) if _in_time(run.time, ask)]
        if not store.from_the_start(ask):
            runs.reverse()
        found: dict[int, Past] = {}
        for run in runs:
            if run.seq + run.count > ask.after + 1 and not (ask.before and run.seq >= ask.before):
                said = (message for message in unpack(run) if _fits(message, ask))
                found.update((message.seq, Past(message, run.account)) for message in said)
            if len(found) > ask.limit:
                break
        changes.apply(found, self._message_writer.unsaved_changes(ask.room), store.moment)
        return [found[seq] for seq in sorted(found)]

    def changed(self, messages: Sequence[Past]) -> set[str]:
        """The rooms of those of `messages` of which another program has made others. Raises `Reject`. The greenlet
        waits: what is said and changed here, and not on disk yet, is no work of others."""
        found, asked = set[str](), messages
        while asked:
            for room in {one.message.room for one in asked}:
                self.hand_over(self._chat.rooms.get(room))
            here = [(one, one.message) for one in self.now(asked) if isinstance(one.message, Message)]
            self._message_writer.saved()
            stored = self.look(self._reader, partial(store.texts, ids=[message.id for _, message in here]))
            others = [one for one, message in here if stored.get(message.id) != (message.sender, message.text)]
            # What somebody has changed here while we were looking is looked at again.
            asked = [one for one in others if self.now([one]) != [one]]
            found |= {one.message.room for one in others if one not in asked}
        return found

    def hand_over(self, room: Room | None) -> None:
        """See that the writer has all that was said in `room`."""
        if room is not None and room.rev != self._message_writer.revs.get(room.name, 0):
            room.flush()

    def close(self) -> None:
        """Let go of the file; it is opened again when somebody wants to read."""
        self._reader.close()

    def readable(self, session: Session, room: str) -> str:
        """The name of `room`, if `session` may read what was said there."""
        room = self._chat.room_name(room)
        if not self._chat.may_enter(session, session.require_member(), room):
            raise Reject(f"You may not read what is said in {room}. Ask who is in there.", code="not_allowed")
        return room

    def look(self, reader: Reader, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` finds in the file. Raises `Reject`."""
        if self._message_writer.problem is not None:
            raise off()
        try:
            found = reader.run(work)
        except DatabaseError as error:
            raise self.unreadable(error) from error
        self._complaint = ""
        return found

    def unreadable(self, error: DatabaseError) -> Reject:
        """The answer to who wants to read a file that cannot be used. The log tells why."""
        if str(error) != self._complaint:  # once, however often it is asked for
            log.error("history cannot be read: %s", error)
            self._complaint = str(error)
        return off()


def _fits(message: Message, ask: History) -> bool:
    return message.seq > ask.after and not (ask.before and message.seq >= ask.before)


def _in_time(time: datetime, ask: History) -> bool:
    return (ask.since is None or time >= ask.since) and (ask.until is None or time < ask.until)


def _span(ask: History, messages: list[Past], more: bool) -> tuple[int, int]:
    """Behind which messages, the first and the last, somebody must have come or gone to be on the page of these."""
    forward = store.from_the_start(ask)
    low = messages[0].message.seq if messages and (more or forward) else ask.after
    if messages and (ask.until is not None or (more and forward)):
        return low, messages[-1].message.seq
    return low, ask.before - 1 if ask.before else store.LAST
