"""Taking turns at what only few can do at once: whoever asks a lot waits behind those who ask for little."""

import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent.event import Event

# An answer comes at a multiple of so many seconds. A search does not depend on what one may not read; but the whole
# index does a little, such as on which of its pages are at hand.
QUANTUM = 0.005


@contextmanager
def in_quanta() -> Iterator[None]:
    """Have the block take a multiple of `QUANTUM`."""
    began = time.monotonic()
    try:
        yield
    finally:
        gevent.sleep(QUANTUM - (time.monotonic() - began) % QUANTUM)


# The greenlets that wait for a turn, in whatever queue.
_queued: set[Any] = set()


def is_queued(greenlet: Any) -> bool:
    """Whether it waits for a turn: of what it wants one for, nothing has begun."""
    return greenlet in _queued


class FairQueue:
    """At most `width` greenlets at a time do something; the others wait. Each network that somebody waits from has its
    turn after the others, whatever it asks for, and in it each of those who wait there: an account, say.

    So one address cannot have others wait for more than one thing of its own, and nobody there can for each other.
    """

    def __init__(self, width: int = 1) -> None:
        self._free = width
        # By network and by who it is, in the order of their next turns.
        self._waiting: OrderedDict[str, OrderedDict[str, deque[Event]]] = OrderedDict()

    @contextmanager
    def turn(self, network: str, who: str) -> Iterator[None]:
        """Wait for one's turn, which lasts as long as the block."""
        if self._free:
            self._free -= 1
        else:
            self._wait(network, who)
        try:
            yield
        finally:
            self._next()

    def _wait(self, network: str, who: str) -> None:
        turn, waits = Event(), gevent.getcurrent()
        _queued.add(waits)
        self._waiting.setdefault(network, OrderedDict()).setdefault(who, deque()).append(turn)
        try:
            turn.wait()
        except BaseException:  # the greenlet is ended
            if turn.is_set():
                self._next()
            else:
                self._forget(network, who, turn)
            raise
        finally:
            _queued.discard(waits)

    def _next(self) -> None:
        """Hand the turn on."""
        if not self._waiting:
            self._free += 1
            return
        network, people = self._waiting.popitem(last=False)
        who, turns = people.popitem(last=False)
        turn = turns.popleft()
        if turns:
            people[who] = turns
        if people:
            self._waiting[network] = people
        turn.set()

    def _forget(self, network: str, who: str, turn: Event) -> None:
        people = self._waiting[network]
        people[who].remove(turn)
        if not people[who]:
            del people[who]
        if not people:
            del self._waiting[network]
