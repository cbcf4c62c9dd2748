"""The SQL that looks for what was said; see `index.py` for what the scopes are."""

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from heapq import nlargest
from typing import TypeVar

from msgspec import Struct

from greenchat import Message, Past, Reject

from . import changes, index, store, terms
from .query import Query, Unit

# After so many steps of SQLite's it is looked how long a search has taken: about a millisecond.
STEPS = 1000

# So many terms are looked for in one go, in as many scopes as that makes: FTS5 holds some pages of 4 kB for each, and
# what takes long can be given up in between.
AT_ONCE = 500

# By how much a clock may have been put back: ids rise with the times but for that, so that days are found by halving.
SLACK = timedelta(hours=1)

T = TypeVar("T")


class Reach(Struct, frozen=True):
    """Where somebody looks: in the shared scope, but for the rooms `hidden` from them, if `shared`; and in the scopes
    of these rooms. Rooms are numbers. `only` are those that they have asked for, in the shared scope."""

    shared: bool
    apart: tuple[int, ...]
    hidden: tuple[int, ...] = ()
    only: tuple[int, ...] = ()


def search(connection: sqlite3.Connection, query: Query, reach: Reach, before: int, limit: int) -> list[Past]:
    """The latest messages that `query` finds, with ids below `before`, unless that is 0. What is above the mark
    "indexed" is not found."""
    low, high = _span(connection, query)
    high = min(high, before or store.LAST)
    scopes = [*[index.SHARED] * reach.shared, *reach.apart]
    each = max(AT_ONCE // query.size, 1)
    found: list[Past] = []
    for start in range(0, len(scopes), each):
        match = " OR ".join(_expression(query, scope, reach.only) for scope in scopes[start : start + each])
        found += _look(connection, match, query, low, high, reach.hidden, limit)
        if len(found) >= limit:
            found = nlargest(limit, found, key=_number)
            low = _number(found[-1]) + 1
    return sorted(found, key=_number, reverse=True)


def _number(past: Past) -> int:
    return past.message.id if isinstance(past.message, Message) else 0


def _look(
    connection: sqlite3.Connection,
    match: str,
    query: Query,
    low: int,
    high: int,
    hidden: Sequence[int],
    limit: int,
) -> list[Past]:
    since = store.microseconds(query.since) if query.since else -store.LAST
    until = store.microseconds(query.until) if query.until else store.LAST
    return store.rows(
        connection,
        "SELECT messages.* FROM words JOIN messages ON messages.id = words.rowid WHERE words MATCH ? "
        "AND words.rowid >= ? AND words.rowid < ? AND messages.time >= ? AND messages.time < ? "
        f"AND {changes.IS_THERE} AND messages.room NOT IN (SELECT value FROM json_each(?)) "
        "ORDER BY words.rowid DESC LIMIT ?",
        (match, low, high, since, until, json.dumps(hidden), limit),
    )


def _expression(query: Query, scope: int, only: Sequence[int]) -> str:
    """What FTS5 is asked in one scope. Nothing that somebody has typed is syntax there."""
    parts = [_phrase(scope, unit) for unit in query.units]
    if query.senders:
        parts.append(_any(scope, query.senders))
    if only and scope == index.SHARED:
        parts.append(_any(scope, [f"{terms.ROOM}{room}" for room in only]))
    return f"({' AND '.join(parts or [_phrase(scope, Unit((terms.ANY,)))])})"


def _any(scope: int, found: Sequence[str]) -> str:
    return f"({' OR '.join(_phrase(scope, Unit((term,))) for term in found)})"


def _phrase(scope: int, unit: Unit) -> str:
    quoted = " ".join(f"{scope}{term}" for term in unit.terms).replace('"', '""')
    return f'"{quoted}" *' if unit.begins else f'"{quoted}"'


def _span(connection: sqlite3.Connection, query: Query) -> tuple[int, int]:
    """From which id on, and below which, what was said in the time of `query` is. Some of it may be of another."""
    low = _first_at(connection, query.since, -SLACK) if query.since else 0
    high = _first_at(connection, query.until, SLACK) if query.until else store.LAST
    return low, high


def _first_at(connection: sqlite3.Connection, moment: datetime, slack: timedelta) -> int:
    """An id before which all was said before `moment`, and from which on all was said after that; give or take."""
    asked = store.microseconds(moment) + slack // timedelta(microseconds=1)
    early = "(SELECT time FROM messages WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1) < :time"
    (found,) = connection.execute(
        "WITH RECURSIVE span(low, high) AS (SELECT (SELECT min(id) FROM messages), (SELECT max(id) + 1 FROM messages) "
        f"UNION ALL SELECT iif({early}, (low + high) / 2 + 1, low), iif({early}, high, (low + high) / 2) "
        "FROM span WHERE low < high) SELECT coalesce(min(low), 0) FROM span WHERE low = high",
        {"time": asked},
    ).fetchone()
    assert isinstance(found, int)
    return found


def bounded(seconds: float, work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """`work`, which is given up after so many seconds, 0 for never: `Reject` is raised then. A beginning that thousands
    of words have takes as long as one lets it."""
    if not seconds:
        return work

    def bounded_work(connection: sqlite3.Connection) -> T:
        until = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
        try:
            return work(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            raise Reject(
                "That takes too long to look for. Write words in full, or more letters before the *, or fewer words, "
                "or where: in:lobby.",
                code="too_slow",
            ) from None
        finally:
            connection.set_progress_handler(None, 0)

    return bounded_work
