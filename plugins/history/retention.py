"""How much disk history may take: past it the oldest messages go, of the largest rooms first, and operators are warned
before."""

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from . import changes, index, store

log = logging.getLogger("greenchat.history")

# From one look at how much there is to the next, in seconds. At the 8 MB a second that one address can write, half a
# gigabyte comes in between.
CHECK_SECONDS = 60.0

# Operators are warned once so much of it is taken, and no more once it is less than the second: a part of it.
WARN, CALM = 0.9, 0.85

# What there is more than may be when somebody is warned for the first time, such as after an upgrade, stays so long.
GRACE_SECONDS = 7 * 24 * 3600.0

# Down to which part messages are removed. The index is written anew after that, which is not to be done every minute.
LOW = 0.95

# How many of a room's oldest messages tell how large those are.
SAMPLE = 100

# What a message takes besides its text, in bytes, and how often its text is there: once more, as words, by and large.
ROW_BYTES, TEXT_TIMES = 60, 2.0

MARKS = ("warned", "warned_bytes")


class State(NamedTuple):
    """How many bytes are in use; and when it was warned of that, in seconds since 1970, and how many they were then."""

    used: int
    warned: int | None
    warned_bytes: int


class Share(NamedTuple):
    """What a room has: messages `first` to `last`, of about so many bytes each."""

    room: int
    name: str
    first: int
    last: int
    each: float

    @property
    def bytes(self) -> float:
        return (self.last - self.first + 1) * self.each


# --- the file --------------------------------------------------------------------------------------------------------


def used(connection: sqlite3.Connection) -> int:
    """How many bytes of the file are in use; what was removed is used again, and makes it no smaller."""
    pages, free, size = (
        connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count", "page_size")
    )
    return int(pages - free) * int(size)


def state(connection: sqlite3.Connection) -> State:
    marks = dict(connection.execute("SELECT name, value FROM marks WHERE name IN (?, ?)", MARKS).fetchall())
    return State(used(connection), marks.get(MARKS[0]), marks.get(MARKS[1], 0))


def warn(connection: sqlite3.Connection, now: float, amount: int) -> None:
    connection.executemany("REPLACE INTO marks VALUES (?, ?)", zip(MARKS, (int(now), amount), strict=True))


def warn_no_more(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM marks WHERE name IN (?, ?)", MARKS)


def shares(connection: sqlite3.Connection) -> list[Share]:
    """What each room has, by the size of its oldest messages: there may be too many to look at all."""
    rows = connection.execute(
        "SELECT room, name, first, last, (SELECT avg(length(CAST(text AS BLOB))) FROM "
        "(SELECT text FROM messages WHERE messages.room = ends.room ORDER BY seq LIMIT ?)) FROM "
        "(SELECT id AS room, name, (SELECT min(seq) FROM messages WHERE room = rooms.id) AS first, "
        "(SELECT max(seq) FROM messages WHERE room = rooms.id) AS last FROM rooms) AS ends WHERE last IS NOT NULL",
        (SAMPLE,),
    )
    return [Share(room, name, first, last, ROW_BYTES + TEXT_TIMES * size) for room, name, first, last, size in rows]


def plan(found: Sequence[Share], need: float) -> list[tuple[Share, int]]:
    """Of which rooms how many messages are to stay, so that about `need` bytes go: the largest rooms are made as small
    as each other, and the rest stays as it is. Of each room the last message stays."""
    ordered = sorted(found, key=lambda share: -share.bytes)
    total = level = 0.0
    for number, share in enumerate(ordered, 1):
        total += share.bytes
        level = max((total - need) / number, 0.0)
        if number == len(ordered) or level >= ordered[number].bytes:
            break
    return [(share, max(int(level / share.each), 1)) for share in ordered if share.bytes > level]


def trim(connection: sqlite3.Connection, room: int, keep: int, since: datetime | None, most: int = index.STEP) -> int:
    """Remove messages from the beginning of a room, at most so many: all but the last `keep`, unless that is 0, and
    those before `since`. Returns up to which, 0 where there was nothing to remove."""
    ages = {"room": room, "oldest": store.microseconds(since) if since is not None else 0, "keep": keep, "most": most}
    spare = "(time < :oldest OR :keep AND seq <= (SELECT max(seq) FROM messages WHERE room = :room) - :keep)"
    first = "SELECT seq, time FROM messages WHERE room = :room ORDER BY seq LIMIT"
    if not connection.execute(f"SELECT 1 FROM ({first} 1) WHERE {spare}", ages).fetchone():
        return 0
    (upto,) = connection.execute(f"SELECT max(seq) FROM ({first} :most) WHERE {spare}", ages).fetchone()
    assert isinstance(upto, int)
    index.unindex(connection, "room = ? AND seq <= ?", (room, upto))
    connection.execute("DELETE FROM messages WHERE room = ? AND seq <= ?", (room, upto))
    connection.execute("DELETE FROM comings WHERE room = ? AND seq <= ?", (room, upto))
    changes.trim(connection, room, upto)
    connection.execute("UPDATE rooms SET removed = max(removed, ?) WHERE id = ?", (upto, room))
    return upto


def trim_comings(connection: sqlite3.Connection, since: datetime, most: int = index.STEP) -> int:
    """Remove comings and goings before `since`, at most so many. Returns how many."""
    return connection.execute(
        "DELETE FROM comings WHERE id IN (SELECT id FROM comings ORDER BY id LIMIT ?) AND time < ?",
        (most, store.microseconds(since)),
    ).rowcount


# --- in the server ---------------------------------------------------------------------------------------------------


class Retention:
    """`run` does something with the file, and returns None where that cannot be done; `forget` is told of rooms up to
    which message they have lost theirs, and `tell` what operators are to read.

    `notice` is what an operator is told who comes later, empty for nothing.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        forget: Callable[[str, int], None],
        tell: Callable[[str], None],
        keep_bytes: int,
    ) -> None:
        self.notice = ""  # also from before a reload: nobody is told twice
        self._run = run
        self._forget = forget
        self._tell = tell
        self._most = keep_bytes

    def check(self) -> None:
        """See how much there is, and warn, or remove what is too much. The greenlet waits."""
        found = self._run(state, writes=False)
        if found is None:
            return
        now = time.time()
        if found.warned is None:
            if found.used >= self._most * WARN:
                self._run(partial(warn, now=now, amount=found.used))
                self._warn(found.used, now, found.used)
        elif found.used < self._most * CALM:
            self._run(warn_no_more)
            self.notice = ""
        else:
            if not self.notice:  # it was an earlier server that warned
                self._warn(found.used, found.warned, found.warned_bytes)
            elif found.used > self._limit(now, found.warned, found.warned_bytes):
                self._remove(found.used)

    def _limit(self, now: float, warned: float, warned_bytes: int) -> float:
        if now - warned < GRACE_SECONDS and warned_bytes > self._most:
            return warned_bytes + self._most * (1 - WARN)
        return self._most

    def _warn(self, amount: int, warned: float, warned_bytes: int) -> None:
        until = ""
        if warned_bytes > self._most:
            day = datetime.fromtimestamp(warned + GRACE_SECONDS, UTC)
            until = f" Nothing of what there was goes before {day:%Y-%m-%d %H:%M} UTC."
        self.notice = (
            f"History takes {_size(amount)}, and is to take {_size(self._most)}: past that the oldest messages go, of "
            f"the largest rooms first.{until} Export what you want to keep, or raise plugins.history.keep_bytes."
        )
        log.warning("%s", self.notice)
        self._tell(self.notice)

    def _remove(self, amount: int) -> None:
        target = self._most * LOW
        found = self._run(shares, writes=False) or ()
        # As much of what is estimated is to go as of what is really there.
        rooms = plan(found, sum(share.bytes for share in found) * (1 - target / amount))
        count = 0
        while rooms:
            for share, keep in list(rooms):  # a step of each: it may be enough before all is gone that was planned
                upto = self._run(partial(trim, room=share.room, keep=keep, since=None))
                if not upto:
                    rooms.remove((share, keep))
                    continue
                self._forget(share.name, upto)
                count += upto - share.first + 1
                rooms[rooms.index((share, keep))] = share._replace(first=upto + 1), keep
                left = self._run(used, writes=False)
                if left is None or left <= target:
                    rooms.clear()
                    break
        if count:
            log.warning("the oldest %d messages were removed, as history is to take %s", count, _size(self._most))
            self._merge()

    def _merge(self) -> None:
        """Have the index let go of what was removed, or the next look would find as much in use as this one."""
        pages = -index.MERGE_PAGES
        while self._run(partial(index.merge, pages=pages)):
            pages = index.MERGE_PAGES


def _size(amount: float) -> str:
    return f"{amount / 1e9:.1f} GB" if amount >= 1e9 else f"{amount / 1e6:.1f} MB"
