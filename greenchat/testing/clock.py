"""A clock that stands still until a test moves it."""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

# When a chat begins, unless a test says otherwise: a Monday, at noon.
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Handle:
    """What was put off; it may still be called off."""

    __slots__ = ("due", "function")

    def __init__(self, due: float, function: Callable[[], object]) -> None:
        self.due = due
        self.function: Callable[[], object] | None = function

    def cancel(self) -> None:
        self.function = None


class HandClock:
    """The clock of a test: `ctx.clock` of the plugins in it. See `greenchat.hooks.clock.Clock`."""

    def __init__(self, start: datetime = NOON) -> None:
        if start.tzinfo is None:
            raise ValueError("the time at which a chat begins must name its time zone: datetime(..., tzinfo=UTC)")
        self._start = start.astimezone(UTC)
        self._passed = 0.0  # in seconds
        self._waiting: list[tuple[float, int, Handle]] = []
        self._numbers = count()

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Seconds since the clock began."""
        return self._passed

    def call_later(self, seconds: float, function: Callable[[], object]) -> Handle:
        """Have `function` called once so many seconds have passed."""
        handle = Handle(self._passed + max(seconds, 0.0), function)
        heapq.heappush(self._waiting, (handle.due, next(self._numbers), handle))
        return handle

    def move(self, seconds: float, call: Callable[[Callable[[], object]], object]) -> None:
        """Let so many seconds pass, and `call` what comes due meanwhile, each when it is due."""
        until = self._passed + seconds
        while self._waiting and self._waiting[0][0] <= until:
            due, _, handle = heapq.heappop(self._waiting)
            self._passed = max(self._passed, due)
            function, handle.function = handle.function, None
            if function is not None:
                call(function)
        self._passed = until
