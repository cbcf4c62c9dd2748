"""When it was quiet for long, and what is said next: what time it is then."""

from datetime import datetime, timedelta

from greenchat.connect.common import Line, info_line

# Whoever looks at what was said within so much time knows about when that was.
QUIET = timedelta(minutes=10)


class Quiet:
    """Since `now`, as the clock of the reader has it."""

    def __init__(self, now: datetime) -> None:
        self._last = now

    def line(self, now: datetime) -> Line | None:
        """What is told before something that is said `now`; None where that need not be."""
        last, self._last = self._last, now
        if now.date() != last.date():
            return info_line(f"It is {now:%Y-%m-%d %H:%M}.")
        return info_line(f"It is {now:%H:%M}.") if now - last >= QUIET else None
