"""Turns of the event loop: how long the one at hand has lasted, and what is left for the next, in its order.

Whoever may have much to do asks `is_long`, and goes on in the next turn where this one is: so that nobody, whatever
they ask for, has the others wait. While turns are frozen, nothing new is begun for those who are connected.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial

import gevent
from gevent.hub import Waiter

log = logging.getLogger("greenchat.turns")

# A turn that has lasted so long, in seconds, is long: what can wait is left for the next. With one more piece of work
# that has begun before, it is over well within 50 ms, which nobody feels.
LONG_SECONDS = 0.02

# How the event loop numbers its priorities: first of what happens in a turn.
FIRST = 2


class Turns:
    """The turns of this thread's event loop, between `start` and `stop`; before and after, none is long."""

    def __init__(self) -> None:
        self.number = 0
        self.is_frozen = False
        self.began = 0.0  # another object with each turn, and whenever somebody notices that one is held
        self._long_from = float("inf")
        self._later: deque[Callable[[], object]] = deque()
        self._standing: list[Callable[[], object]] = []  # wakes who stands still, each of them
        loop = gevent.get_hub().loop
        self._run_callback = loop.run_callback
        self._check = loop.check(ref=False, priority=FIRST)
        self._timer = loop.timer(0)

    def start(self) -> None:
        self._check.start(self._begin)

    def stop(self) -> None:
        """Measure no more. What was left for a next turn is still done."""
        self._check.stop()
        self._long_from = float("inf")

    def is_long(self) -> bool:
        """Whether this turn has lasted so long that what can wait should."""
        return time.monotonic() > self._long_from

    def at_end(self, function: Callable[[], object]) -> None:
        """Call `function` at the end of this turn."""
        self._run_callback(function)

    def later(self, function: Callable[[], object]) -> None:
        """Call `function` in the next turn, or in one after that where too much has come before it."""
        self._later.append(function)
        if not self._timer.active:
            self._timer.start(self._go_on)

    def breathe(self) -> None:
        """Let the others have their turn, where this one is long: the greenlet waits for the next. What the event loop
        calls itself cannot wait, and does not."""
        if self.is_long() and gevent.getcurrent() is not gevent.get_hub():
            self.wait()

    def wait(self) -> None:
        """Let the greenlet wait for the next turn, behind all that waits for it already."""
        self.wait_for(self.later)

    def wait_for(self, tell: Callable[[Callable[[], object]], object]) -> None:
        """Let the greenlet wait until the function that it gives to `tell` is called, by the event loop."""
        waiter = Waiter()
        tell(partial(waiter.switch, None))
        waiter.get()

    def freeze(self) -> None:
        """From now on, who is about to begin something new for a client stands still."""
        self.is_frozen = True

    def thaw(self) -> None:
        self.is_frozen = False
        standing, self._standing = self._standing, []
        for wake in standing:
            self.later(wake)

    def stand_still(self) -> None:
        """Let the greenlet wait for as long as turns are frozen."""
        while self.is_frozen:
            self.wait_for(self._standing.append)

    def wait_until_quiet(self, seconds: float) -> None:
        """Wait until nothing is left for a next turn, at most so many seconds."""
        until = time.monotonic() + seconds
        gevent.sleep(0)  # what this turn has brought is done at its end, or left for the next one then
        while self._later and time.monotonic() < until:
            self.wait()

    def _begin(self) -> None:
        self.number += 1
        self.began = now = time.monotonic()
        self._long_from = now + LONG_SECONDS

    def is_held(self) -> None:
        """This turn is held up: who compares what it began with will look at the clock. From whatever thread."""
        self.began += 0.0

    def _go_on(self) -> None:
        self._timer.stop()
        for _ in range(len(self._later)):
            function = self._later.popleft()
            try:
                function()
            except Exception:  # it must not take what waits behind it with it
                log.exception("what was left for this turn has failed")
            if self.is_long():
                break
        if self._later and not self._timer.active:
            self._timer.start(self._go_on)
