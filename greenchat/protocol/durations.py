"""How long something is, as people type and read it: 30s, 10m, 1h30m, 2d, 1w."""

import math
import re
from datetime import timedelta
from typing import Self

from greenchat.errors import Reject
from greenchat.protocol.text import printable

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d+[wdhms])+", re.IGNORECASE | re.ASCII)

# What people write who mean a duration: 60, 1hour, 1.5h, +1h, -1h. Taken for a reason, say, it would be for good.
_LIKE_A_DURATION = re.compile(r"[-+~.,]?\d")

# The longest duration, in seconds: who wants more means "for good".
LONGEST = 10 * 365 * UNITS["d"]

EXAMPLES = "30s, 10m, 1h30m, 2d or 1w"


class Duration(timedelta):
    """A `timedelta` that people have typed, and that is shown as they would."""

    @classmethod
    def parse(cls, word: str) -> Self | None:
        """What `word`, such as 1h30m, means; None where it is no duration: a number needs its unit. Raises `Reject` for
        one that cannot be meant."""
        seconds = seconds_in(word)
        if seconds is None:
            return None
        if not 0 < seconds <= LONGEST:
            raise Reject(f"{printable(word)} is too short or too long. Type {EXAMPLES}.", code="usage")
        return cls(seconds=seconds)

    def __str__(self) -> str:
        return in_units(self.total_seconds())


def seconds_in(word: str) -> int | None:
    """How many seconds `word`, such as 1h30m, means, be they too few or too many; None where it is no duration."""
    if _DURATION.fullmatch(word) is None:
        return None
    parts = re.findall(r"(\d+)(\w)", word.lower())
    # Int() of a number as long as a frame takes its time, and no number of ten digits is below LONGEST.
    return sum(int(number[:10]) * UNITS[unit] for number, unit in parts)


def is_like_a_duration(word: str) -> bool:
    """Whether who has typed `word` may have meant one, right or wrong."""
    return _LIKE_A_DURATION.match(word) is not None


def in_units(seconds: float) -> str:
    """`seconds` by the two largest units: 1h30m. What is left over counts as one more of the smaller."""
    left = max(math.ceil(seconds), 1)
    names = list(UNITS)
    at = next(at for at, name in enumerate(names) if left >= UNITS[name])
    unit, smaller = names[at], names[min(at + 1, len(names) - 1)]
    count, rest = divmod(math.ceil(left / UNITS[smaller]), UNITS[unit] // UNITS[smaller])
    return f"{count}{unit}{rest}{smaller}" if rest else f"{count}{unit}"
