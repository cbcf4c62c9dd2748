"""Waiting until a socket can be read. Most connections do nothing else, so it is kept small."""

from typing import Any

import gevent
from greenlet import greenlet

from greenchat.net.turns import Turns

READ = 1  # as the event loop numbers it


class Readable:
    """Of one socket, by its file descriptor. `close` is to be called before the socket is closed.

    gevent's own `hub.wait` keeps one object more and 0.6 KB more of stack for each that waits, and cannot leave what
    comes in a long turn for the next one: of 3,000 clients that leave at once, each would be woken just to wait again.
    """

    __slots__ = ("_greenlet", "_hub", "_turns", "_watcher", "never_freezes")

    def __init__(self, descriptor: int, turns: Turns) -> None:
        self._hub = gevent.get_hub()
        self._turns = turns
        self._watcher = self._hub.loop.io(descriptor, READ)
        self._greenlet: Any = None  # which waits
        self.never_freezes = False  # what comes is only waited for to end: that goes on while turns are frozen

    def wait(self) -> None:
        """Let this greenlet wait until there is something to read, and until it is its turn. Now and then there is
        nothing all the same."""
        self._greenlet = gevent.getcurrent()
        self._watcher.start(self._came)
        try:
            greenlet.switch(self._hub)
        finally:
            self._greenlet = None
            self._watcher.stop()

    @property
    def waits(self) -> bool:
        """Whether a greenlet waits."""
        return self._greenlet is not None

    def thaw(self) -> None:
        """To be called when turns are frozen no more: what has come meanwhile is noticed now."""
        if self._greenlet is not None:
            self._watcher.start(self._came)

    def close(self) -> None:
        self._watcher.close()

    def _came(self) -> None:
        if self._turns.is_long():
            self._watcher.stop()
            self._turns.later(self._wake)
        elif self._turns.is_frozen and not self.never_freezes:
            self._watcher.stop()
        else:
            self._greenlet.switch()

    def _wake(self) -> None:
        if self._greenlet is not None and (self.never_freezes or not self._turns.is_frozen):
            self._greenlet.switch()  # it was not ended meanwhile
