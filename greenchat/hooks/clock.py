"""The time, as plugins are given it: all their timers go through one clock, which tests move by hand."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import gevent
from gevent.event import Event


class Alarm(Protocol):
    """What is going to be called."""

    def cancel(self) -> None:
        """Do not call it. Does nothing once it was called."""


class Clock(Protocol):
    """What time it is, and what is to happen when."""

    def now(self) -> datetime:
        """The time of day: aware, in UTC. It jumps where somebody sets the machine's clock."""

    def monotonic(self) -> float:
        """Seconds from some moment on, which never jump."""

    def call_later(self, seconds: float, function: Callable[[], None]) -> Alarm:
        """Call `function`, which must not wait, once so many seconds are over."""


class Pauses:
    """Greenlets that wait by `clock`, until there is nothing to wait for any more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: set[Event] = set()
        self._has_ended = False

    def wait(self, seconds: float) -> None:
        """Let the greenlet wait until so many seconds are over, or all has ended."""
        if seconds <= 0 or self._has_ended:
            return
        over = Event()
        self._waiting.add(over)
        alarm = self._clock.call_later(seconds, over.set)
        try:
            over.wait()
        finally:
            self._waiting.discard(over)
            alarm.cancel()

    def end(self) -> None:
        """Nobody waits any longer, from now on."""
        self._has_ended = True
        for over in self._waiting:
            over.set()


class SystemClock:
    """That of this machine, for the event loop of the thread that calls it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, seconds: float, function: Callable[[], None]) -> Alarm:
        return _Timer(seconds, function)


class _Timer:
    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        self._function = function
        self._timer: Any = gevent.get_hub().loop.timer(max(0.0, seconds))
        self._timer.start(self._ring)

    def cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
            timer.close()

    def _ring(self) -> None:
        self.cancel()
        self._function()
