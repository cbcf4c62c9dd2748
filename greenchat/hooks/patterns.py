"""Whether a text is as a plugin's pattern says, within a time.

Python's regular expressions try again and again: "(a+)+b" takes years for fifty letters, and nobody else's code runs
meanwhile. Who looks at the event loop from outside ends that by `SlowPatternError`: see server/interrupter.py.
"""

import re
import time
from functools import lru_cache

from greenchat.errors import GreenchatError

# How long one pattern may take for one text, in seconds: longer than any text that can be typed needs, however slow the
# machine, and no longer than people put up with.
PATTERN_SECONDS = 0.5


class SlowPatternError(GreenchatError):
    """It takes too long; the plugin is to blame that has this pattern."""


class Matching:
    """The match that is under way: one at a time, as nothing else runs meanwhile. When it has begun, by the clock of
    `time.monotonic`."""

    began = 0.0


@lru_cache(maxsize=256)  # those of all commands
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def matches(pattern: str, text: str) -> bool:
    """Whether all of `text` is as `pattern` says. Raises `SlowPatternError`, where somebody looks."""
    Matching.began = time.monotonic()
    return compiled(pattern).fullmatch(text) is not None


def require_pattern(pattern: str) -> None:
    """Raises `ValueError` for what is no regular expression."""
    try:
        compiled(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from None
