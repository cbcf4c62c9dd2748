"""When something is to be, as people type and read it: 10m, 17:30, tomorrow, friday 9:00. No I/O, no state."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from greenchat.errors import Reject
from greenchat.protocol.durations import LONGEST, Duration
from greenchat.protocol.text import printable

EXAMPLES = "10m, 17:30, tomorrow, friday 9:00 or 2026-12-24"

# What a day means that is said without a time: the morning.
MORNING = time(9)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORTEST_DAY = 3  # letters of one

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)


W = TypeVar("W", bound="When")


class When(datetime):
    """A moment that people have typed. It is in this machine's zone, and shows itself as they would read it."""

    @classmethod
    def of(cls: type[W], moment: datetime) -> W:
        """This aware `moment`."""
        local = moment.astimezone()
        return cls.combine(local.date(), local.timetz())

    @classmethod
    def parse(cls: type[W], text: str, now: datetime) -> W | None:
        """What `text` means at this moment, None where it is no time. Raises `Reject` for one that cannot be meant: it
        has passed, or nobody lives to see it."""
        duration = Duration.parse(text)
        if duration is not None:
            return cls.of(now + duration)
        words = text.lower().replace("t", " ", 1).split() if _DATE.match(text) else text.lower().split()
        of_day = _time(words.pop()) if words and ":" in words[-1] else MORNING
        if of_day is None or len(words) > 1 or not text.strip():
            return None
        today = now.astimezone().date()
        if not words:
            return next(found for days in range(-1, 3) if (found := _at(cls, today + timedelta(days), of_day)) > now)
        day = _day(words[0], today)
        if day is None:
            return None
        if not today <= day <= today + timedelta(seconds=LONGEST):
            raise Reject(f"{printable(text)} has passed, or is too far away. Type {EXAMPLES}.", code="usage")
        found = _at(cls, day, of_day)
        if found <= now:
            raise Reject(f"{printable(text)} has passed. Type {EXAMPLES}.", code="usage")
        return found

    def __str__(self) -> str:
        return f"{self:%a} {self.day} {self:%b %Y, %H:%M %Z}"


def is_day(word: str) -> bool:
    """Whether a time of day may follow `word`."""
    return _day(word.lower(), date.min + timedelta(days=10)) is not None


def is_time_of_day(word: str) -> bool:
    return _TIME.fullmatch(word) is not None


def is_like_a_time(word: str) -> bool:
    """Whether who has typed `word` may have meant a moment, right or wrong."""
    return word[:1].isdigit() or is_day(word)


def _time(word: str) -> time | None:
    found = _TIME.fullmatch(word)
    return None if found is None else time(int(found[1]), int(found[2]))


def _day(word: str, today: date) -> date | None:
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    found = _DATE.fullmatch(word)
    if found is not None:
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            return None
    for number, name in enumerate(WEEKDAYS):
        if len(word) >= SHORTEST_DAY and name.startswith(word):
            return today + timedelta((number - today.weekday() - 1) % 7 + 1)
    return None


def _at(kind: type[W], day: date, of_day: time) -> W:
    """By this machine's zone: what the clock passes twice when summer ends is the first of the two, and what it leaves
    out when summer begins is as long after midnight as it would have been."""
    # Not `astimezone`, which takes what the clock leaves out for an hour less.
    return kind.of(datetime.fromtimestamp(datetime.combine(day, of_day).timestamp(), UTC))
