"""Times as plugins write them: "5m" is a duration, "07:30" a time of day in the server's own zone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from greenchat.errors import PluginError
from greenchat.hooks.clock import Clock
from greenchat.protocol.durations import EXAMPLES, LONGEST, seconds_in

Moment = Callable[[], datetime | None]  # when something is to happen next, by the clock on the wall

_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d))?")


def seconds_of(duration: object) -> float:
    """`duration`, a number of seconds, "1h30m" or a `timedelta`, in seconds. Raises `PluginError`."""
    seconds: float | None = None
    if isinstance(duration, timedelta):
        seconds = duration.total_seconds()
    elif isinstance(duration, int | float) and not isinstance(duration, bool):
        seconds = float(duration)
    elif isinstance(duration, str):
        seconds = seconds_in(duration)
    if seconds is None or not 0 <= seconds <= LONGEST:  # NaN is neither
        raise PluginError(f"{duration!r} is no duration, or too long: write seconds, or {EXAMPLES}")
    return seconds


def time_of_day(text: str) -> time:
    """What "07:30" says. Raises `PluginError`."""
    found = _TIME.fullmatch(text)
    try:
        if found is not None:
            hour, minute, second = (int(part or 0) for part in found.groups())
            return time(hour, minute, second)
    except ValueError:
        pass
    raise PluginError(f'{text!r} is no time of day: write "07:30"')


def next_time(of_day: time, after: datetime) -> datetime:
    """When it is that time of day next, after a moment, by this machine's zone.

    Each day has it once. What the clock passes twice when summer ends is the first of the two, and what it leaves out
    when summer begins is as long after midnight as it would have been.
    """
    today = after.astimezone().date()
    for days in range(-1, 3):
        # Not `astimezone`, which takes what the clock leaves out for an hour less.
        moment = datetime.fromtimestamp(datetime.combine(today + timedelta(days), of_day).timestamp(), UTC)
        if moment > after:
            return moment
    raise AssertionError("a day has each time of day")


def moments(when: object, clock: Clock) -> Moment:
    """From a time as plugins write it: a function that tells when that is next. Raises `PluginError`."""
    if isinstance(when, str):
        of_day = time_of_day(when)
        return lambda: next_time(of_day, clock.now())
    if not isinstance(when, datetime) or when.tzinfo is None:
        raise PluginError(f'{when!r} is no time: give a datetime that has a time zone, or "07:30"')
    left = [when]
    return lambda: left.pop() if left else None
