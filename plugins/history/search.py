"""The SQL that looks for what was said; see `index.py` for what the scopes are."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from heapq import nlargest

from msgspec import Struct

from greenchat import Message, Past, Query, matches

from . import changes, index, store

# By how much a clock may have been put back: ids rise with the times but for that, so that days are found by halving.
SLACK = timedelta(hours=1)


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
    found: list[Past] = []
    for match in matches(query, scopes, lambda scope: reach.only if scope == index.SHARED else ()):
        found += _look(connection, match, query, low, high, reach.hidden, limit)
        if len(found) >= limit:
            found = nlargest(limit, found, key=_number)
            low = _number(found[-1]) + 1
    return sorted(found, key=_number, reverse=True)


def answers(connection: sqlite3.Connection, account: int, before: int, limit: int) -> list[Past]:
    """The latest messages that answer what an account has said, with ids below `before`, unless that is 0; in all rooms
    that there are."""
    return store.rows(
        connection,
        "SELECT messages.* FROM answers JOIN messages ON messages.id = answers.message "
        f"WHERE answers.account = ? AND answers.message < ? AND {changes.IS_THERE} "
        "ORDER BY answers.message DESC LIMIT ?",
        (account, before or store.LAST, limit),
    )


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
