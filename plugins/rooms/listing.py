"""Which rooms there are, for who looks around. Making the list is dear where they are many, so it is made now and then,
and all share it."""

import time
from collections.abc import Iterable

from gevent.lock import Semaphore

from greenchat import ChatServer, Session

from .access import Access
from .answers import Listed
from .rules import RuleBook

# Rooms in one answer to /rooms: as many as somebody looks through. The rest is counted.
ROOMS_SHOWN = 100

# The list is good for so many times as long as it took to make, so that no more than a twentieth of the server's time
# goes into it, however many ask; a second at most. What took less than CHEAP_SECONDS is made anew for everybody: a
# thousand rooms.
TIMES_AS_LONG = 20
MOST_SECONDS = 1.0
CHEAP_SECONDS = 0.002

# So many rooms are looked at before it is asked whether others should have their turn: half a millisecond.
STEP = 256


class Listing:
    def __init__(self, server: ChatServer, book: RuleBook, access: Access) -> None:
        self._server = server
        self._book = book
        self._access = access
        self._open: list[Listed] = []  # the first of those that everybody sees
        self._more = 0
        self._protected: list[str] = []
        self._good_until = 0.0
        self._making = Semaphore()

    def seen_by(self, session: Session) -> tuple[list[Listed], int]:
        """The first of the rooms that `session` may know of, those with most members first; and how many more there
        are. May wait."""
        if time.monotonic() >= self._good_until:
            with self._making:
                if time.monotonic() >= self._good_until:  # else somebody has made it meanwhile
                    self._make()
        found, more = self._open, self._more
        own = [name for name in self._steps(self._protected) if self._access.may_see(session, name)]
        everything = sorted([*found, *map(self._listed, own)], key=_rank)
        return everything[:ROOMS_SHOWN], more + max(len(everything) - ROOMS_SHOWN, 0)

    def _make(self) -> None:
        began = time.thread_time()
        rooms, seen = self._server.chat.rooms, list[Listed]()
        protected = []
        for name in self._steps({*rooms, *self._book.kept}):
            if self._access.rules_of(name).protected and name != self._server.chat.default_room:
                protected.append(name)
            else:
                seen.append(self._listed(name))
        seen.sort(key=_rank)
        self._open, self._more = seen[:ROOMS_SHOWN], max(len(seen) - ROOMS_SHOWN, 0)
        self._protected = protected
        took = time.thread_time() - began
        self._good_until = time.monotonic() + (min(took * TIMES_AS_LONG, MOST_SECONDS) if took > CHEAP_SECONDS else 0)

    def _listed(self, name: str) -> Listed:
        rules, room = self._access.rules_of(name), self._server.chat.rooms.get(name)
        members, topic = (len(room.members), room.topic) if room is not None else (0, rules.topic)
        return Listed(name, members, topic, rules.kept, rules.protected)

    def _steps(self, names: Iterable[str]) -> Iterable[str]:
        for number, name in enumerate(names, 1):
            yield name
            if number % STEP == 0:
                self._server.turns.breathe()


def _rank(listed: Listed) -> tuple[int, str]:
    return -listed.members, listed.name
