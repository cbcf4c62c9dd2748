"""Looking for words, for somebody: what they may read, whose turn it is, and how long it takes."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import TypeVar

import gevent
from msgspec.structs import replace

from greenchat import (
    ChatServer,
    DatabaseError,
    Member,
    Message,
    Past,
    Query,
    Reject,
    Search,
    SearchResults,
    Session,
    bounded,
    in_quanta,
    parse_query,
)

from . import index, search, store
from .indexer import Indexer
from .pages import Pages, Reader
from .search import Reach
from .writer import MessageWriter

# So many messages may be missing in the index: a search waits for those, some seconds. Where it is more, as after an
# upgrade, it is refused, since the latest are what is missing.
BEHIND = 100_000

# For so long a search moves what is in the wrong scope before it looks, in seconds; the rest is moved afterwards.
MOVE_SECONDS = 0.1

T = TypeVar("T")


class Finder:
    """Searches, one at a time: by address in turn, and by who it is. One is given up after `search_seconds`, and finds
    `most` messages at the most."""

    def __init__(
        self,
        server: ChatServer,
        message_writer: MessageWriter,
        indexer: Indexer,
        pages: Pages,
        reader: Reader,
        most: int,
        *,
        search_seconds: float,
    ) -> None:
        self._server = server
        self._chat = server.chat
        self._turns = server.turns
        self._message_writer = message_writer
        self._indexer = indexer
        self._pages = pages
        self._reader = reader
        self._most = most
        self._search_seconds = search_seconds
        self._known: index.Scopes | None = None

    def search(self, session: Session, ask: Search) -> SearchResults:
        """What `session` looks for. Raises `Reject`. The greenlet waits."""
        member = session.require_member()
        query, before = parse_query(ask.text), min(max(ask.before, 0), store.LAST)
        rooms = self._asked(session, ask.room, query)
        limit = min(max(ask.limit, 1), self._most)
        for home in member.rooms.values():
            self._pages.hand_over(home)
        with in_quanta():
            self._message_writer.saved()  # not in one's turn: others search meanwhile
            with self._reader.turn(session):
                self._catch_up()
                reach = self._reach(session, member, rooms)
                work = partial(search.search, query=query, reach=reach, before=before, limit=limit + 1)
                found = self._look(bounded(self._search_seconds, work))
            alone = self._server.search_direct(session, replace(ask, limit=limit))  # in rooms that are named, nothing
        # Somebody may have lost a right meanwhile.
        allowed = {name: self._chat.may_enter(session, member, name) for name in {one.message.room for one in found}}
        read = self._pages.now(one for one in found[:limit] if allowed[one.message.room])
        now = self._chat.as_told(read, member)
        told = [message for message in now if isinstance(message, Message)]  # or somebody has deleted it
        told = sorted([*told, *alone.messages], key=attrgetter("id"), reverse=True)
        more = len(found) > limit or len(told) > limit or alone.more
        return SearchResults(ask.text, told[:limit], more, ask.ref)

    def concerning(
        self, session: Session, query: Query | None, before: int, most: int
    ) -> tuple[list[Past], set[int], int]:
        """What has one of the words of `query`, or answers the account of `session`, with ids below `before`, in rooms
        that it may read: the latest `most`, the latest first; the ids of those that answer; and below which id there
        may be more, 0 where there is none. Raises `Reject`. The greenlet waits."""
        member = session.require_member()
        for home in member.rooms.values():
            self._pages.hand_over(home)
        with in_quanta():
            self._message_writer.saved()
            with self._reader.turn(session):
                self._catch_up()
                found: list[Past] = []
                if query is not None:
                    reach = self._reach(session, member, None)
                    work = partial(search.search, query=query, reach=reach, before=before, limit=most)
                    found = self._look(bounded(self._search_seconds, work))
                look = partial(search.answers, account=member.account_id, before=before, limit=most)
                answers = self._look(bounded(self._search_seconds, look)) if member.account_id else []
        by_id = {past.message.id: past for past in [*found, *answers] if isinstance(past.message, Message)}
        numbers = sorted(by_id, reverse=True)[:most]
        latest = [by_id[number] for number in numbers]
        rooms = {past.message.room for past in latest}
        allowed = {name: self._chat.may_enter(session, member, name) for name in rooms}
        answering = {past.message.id for past in answers if isinstance(past.message, Message)}
        more = numbers[-1] if len(numbers) == most else 0
        return [past for past in latest if allowed[past.message.room]], answering, more

    def close(self) -> None:
        """Let go of the file; it is opened again when somebody searches."""
        self._reader.close()

    def _asked(self, session: Session, room: str, query: Query) -> set[str] | None:
        """In which rooms to look; None for all."""
        named = {self._pages.readable(session, name) for name in query.rooms}
        if not room:
            return named or None
        only = {self._pages.readable(session, room)}
        return only & named if named else only

    def _catch_up(self) -> None:
        """Put all into the index that is on disk now."""
        missing = self._look(partial(index.missing, most=BEHIND))
        if missing >= BEHIND:
            raise Reject(
                "What was said is still being put into the index of words. Search again in some minutes.",
                code="history_off",
            )
        while missing > 0 and self._write(self._indexer.step):
            missing -= index.STEP

    def _reach(self, session: Session, member: Member, asked: set[str] | None) -> Reach:
        """Where `session` may look. Rooms that are not open to everybody are set apart first."""
        while True:
            known = self._scopes(asked)
            readable = self._readable(session, member, known)
            closed = [room.name for room in known if not room.apart and room.number not in readable]
            if not closed:
                break
            self._write(partial(self._indexer.set_apart, closed))
            until = time.monotonic() + MOVE_SECONDS
            while time.monotonic() < until and self._write(self._indexer.clear):
                pass
        mine = [room for room in known if room.number in readable]
        shared = tuple(room.number for room in mine if room.shared)
        return Reach(
            asked is None or bool(shared),
            tuple(room.number for room in mine if room.apart),
            tuple(room.number for room in known if room.shared and room.number not in readable),
            shared if asked is not None else (),
        )

    def _scopes(self, asked: set[str] | None) -> Sequence[index.Scope]:
        if asked is not None:
            return self._look(partial(index.scopes, names=asked))
        self._known = self._look(partial(index.all_scopes, known=self._known))
        return self._known.rooms

    def _readable(self, session: Session, member: Member, known: Sequence[index.Scope]) -> set[int]:
        readable = set()
        for room in known:
            if self._chat.may_enter(session, member, room.name):
                readable.add(room.number)
            if self._turns.is_long():
                gevent.sleep(0)
        return readable

    def _look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._pages.look(self._reader, work)

    def _write(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except DatabaseError as error:
            raise self._pages.unreadable(error) from error
