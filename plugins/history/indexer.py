"""Keeping the index up to date from the event loop: what is done next, and which rooms are not open to everybody. What
is done itself is in `index.py`."""

import random
from collections.abc import Iterable
from functools import partial

from gevent.event import Event

from greenchat import ChatServer, Database, Session

from . import index

# Of those who are here, so many are asked whether they might come into a room before its messages are indexed. Whom
# none of them stands for is found out when they search.
ASKED = 5


class Indexer:
    """All of it is done by `database`, and the greenlet waits; what is wrong with the file is raised as
    `DatabaseError`. `due` is set when there may be something to do."""

    def __init__(self, server: ChatServer, database: Database) -> None:
        self.due = Event()
        self._server = server
        self._database = database
        self._apart = set[str]()
        self._unclear = True  # whether there may be something in the wrong place

    def step(self) -> int:
        """Index the next messages. Returns up to which; 0 where there were none."""
        if self._server.sessions:
            names = self._database.run(index.next_rooms, writes=False)
            strangers = self._strangers()
            unknown = [name for name in names if name not in self._apart]
            self.set_apart([name for name in unknown if not all(self._lets_in(one, name) for one in strangers)])
        return self._database.run(index.index_more)

    def set_apart(self, names: Iterable[str]) -> None:
        """These rooms are closed to somebody."""
        closed = list(names)
        if closed:
            self._database.run(partial(index.set_apart, names=closed))
            self._apart.update(closed)
            self._unclear = True
            self.due.set()

    def clear(self) -> bool:
        """Do a part of what the index has in the wrong place; whether there was any."""
        self._unclear = self._unclear and self._database.run(index.clear_more)
        return self._unclear

    def _lets_in(self, session: Session, room: str) -> bool:
        """Whether `session` might come into `room`. Who has gone while others were asked is no stranger any more."""
        member = session.member
        return member is None or self._server.chat.may_enter(session, member, room)

    def _strangers(self) -> list[Session]:
        everybody = list(self._server.sessions.values())
        some = random.sample(everybody, min(ASKED, len(everybody)))
        return [session for session in some if session.member is not None and session.role != "operator"]
