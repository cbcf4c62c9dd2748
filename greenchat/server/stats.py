"""What a server counts of itself, besides what its rooms count: see room.py. No clock but the caller's is read here."""

from collections import Counter

# How long a slow turn of the event loop is told of, in seconds: at least this, and at most twice as long.
LATE_SECONDS = 60.0


class Longest:
    """The longest of what was added lately, in seconds: within LATE_SECONDS, and perhaps the LATE_SECONDS before."""

    def __init__(self) -> None:
        self._longest = self._before = 0.0
        self._began = 0.0

    def add(self, seconds: float, now: float) -> None:
        """`now` is when it ended, on a clock that never goes back."""
        if now - self._began >= LATE_SECONDS:
            self._turn_over(now)
        if seconds > self._longest:
            self._longest = seconds

    def of_late(self, now: float) -> float:
        if now - self._began >= LATE_SECONDS:
            self._turn_over(now)
        return max(self._longest, self._before)

    def _turn_over(self, now: float) -> None:
        self._before = self._longest if now - self._began < 2 * LATE_SECONDS else 0.0
        self._longest = 0.0
        self._began = now


class Counters:
    """Since the server's start, at `started` on a clock that never goes back: sessions that began, requests refused by
    their codes, and how long turns of the event loop take."""

    def __init__(self, started: float) -> None:
        self.started = started
        self.sessions = 0
        self.refusals: Counter[str] = Counter()
        self.turns = Longest()
