"""Flood control's arithmetic: how much a client may send at this moment. No waiting is done here."""

import time
from collections.abc import Callable
from typing import Self


class TokenBucket:
    """A bucket of frames: full at first, it fills at `rate` a second up to `burst`. `clock` never goes back."""

    __slots__ = ("_at", "_clock", "left")

    def __init__(self, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.left = burst
        self._clock = clock
        self._at = clock()

    @property
    def stored(self) -> tuple[float, float]:
        """What was left, and at which moment of the clock: all of it, for `restored`, in another process perhaps."""
        return self.left, self._at

    @classmethod
    def restored(cls, stored: tuple[float, float], clock: Callable[[], float] = time.monotonic) -> Self:
        """The other way round: it has filled meanwhile."""
        bucket = cls(stored[0], clock)
        bucket._at = stored[1]
        return bucket

    def spend(self, cost: float, burst: float, rate: float) -> float:
        """Take `cost` out, and return 0; or take nothing, and return after how many seconds it will be there."""
        now = self._clock()
        self.left = min(burst, self.left + (now - self._at) * rate)
        self._at = now
        if self.left < cost:
            return (cost - self.left) / rate
        self.left -= cost
        return 0.0
