"""Somebody's right to be forgotten: what they said is replaced, and then gone from the bytes of the file as well."""

import json
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from greenchat import FORGOTTEN, clean_file, terms, transaction

from . import changes, index, keys

# What stands in the place of a message, whose number stays, so that a room's numbers have no gap.
TEXT = "(forgotten)"

# Messages that are looked at in one go: some ten milliseconds, in which others may write.
LOOK = 20_000

# The mark of a file that somebody's words have been taken out of, as long as its unused parts may hold them.
UNCLEAN = "forgotten"

T = TypeVar("T")

_THESE = "id IN (SELECT value FROM json_each(?))"
_MOVES = (
    "(name IN (SELECT value FROM json_each(:names)) "
    "OR kind = 'renamed' AND detail IN (SELECT value FROM json_each(:names)))"
)


class Traces(Struct):
    """What there is of somebody: names as they were spelt, and how many messages, comings and goings."""

    names: list[str]
    messages: int
    moves: int


def find(connection: sqlite3.Connection, name: str) -> Traces:
    """What there is of `name`, however it was spelt."""
    key = terms.key_of(name)
    spelt = connection.execute(
        "SELECT DISTINCT sender FROM messages UNION SELECT name FROM comings "
        "UNION SELECT detail FROM comings WHERE kind = 'renamed'"
    )
    known = {*(found for (found,) in spelt), *changes.names(connection)}
    names = sorted(found for found in known if found != FORGOTTEN and terms.key_of(found) == key)
    asked = json.dumps(names)
    (messages,) = connection.execute(
        "SELECT count(*) FROM messages WHERE sender IN (SELECT value FROM json_each(?))", (asked,)
    ).fetchone()
    (moves,) = connection.execute(f"SELECT count(*) FROM comings WHERE {_MOVES}", {"names": asked}).fetchone()
    return Traces(names, messages, moves)


def unclean(connection: sqlite3.Connection) -> bool:
    """Whether words that were replaced may still be in the unused parts of the file: `clean` was not finished."""
    return connection.execute("SELECT 1 FROM marks WHERE name = ?", (UNCLEAN,)).fetchone() is not None


def replace(connection: sqlite3.Connection, names: list[str]) -> tuple[int, int]:
    """Replace what was said until now under these spellings of a name, and drop the comings and goings.

    Returns how many messages and how many of those there were. The file is not clean before `clean`.
    """
    asked = json.dumps(names)

    def forget_moves(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT OR IGNORE INTO marks VALUES (?, 1)", (UNCLEAN,))
        return connection.execute(f"DELETE FROM comings WHERE {_MOVES}", {"names": asked}).rowcount

    moves, messages, reached = _in_turn(connection, forget_moves), 0, 0
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()
    while reached < last:
        before = reached
        reached, found = connection.execute(
            "SELECT max(id), json_group_array(id) FILTER (WHERE sender IN (SELECT value FROM json_each(?))) "
            "FROM (SELECT id, sender FROM messages WHERE id > ? ORDER BY id LIMIT ?)",
            (asked, reached, LOOK),
        ).fetchone()
        _in_turn(connection, partial(changes.forget, spelt=names, nobody=FORGOTTEN, low=before, high=reached))
        ids = json.loads(found)
        for start in range(0, len(ids), index.STEP):
            messages += _in_turn(connection, _replacing(ids[start : start + index.STEP]))
    return messages, moves


def _replacing(ids: list[int]) -> Callable[[sqlite3.Connection], int]:
    these = json.dumps(ids)

    def work(connection: sqlite3.Connection) -> int:
        keys.forget(connection, _THESE, (these,))
        index.unindex(connection, _THESE, (these,))
        connection.execute(
            "DELETE FROM answers WHERE message IN (SELECT value FROM json_each(?)) "
            f"OR account IN (SELECT account FROM messages WHERE {_THESE} AND account != 0)",
            (these, these),
        )
        replaced = connection.execute(
            "UPDATE messages SET sender = ?, text = ?, action = 0, account = 0, more = json_remove(more, '$.files') "
            f"WHERE {_THESE}",
            (FORGOTTEN, TEXT, these),
        ).rowcount
        index.index(connection, f"id <= ? AND {_THESE}", (index.indexed(connection), these))
        return replaced

    return work


def clean(connection: sqlite3.Connection, path: Path, patience: float) -> None:
    """Leave nothing of what was replaced in the bytes of the file, and of the one beside it that is written ahead.

    It is tried for `patience` seconds; then `DatabaseError` is raised, and it can be called again. A server that uses
    the file waits while it is written anew: about a second for each million messages.
    """
    while _in_turn(connection, index.retire_more):
        pass
    pages = -index.MERGE_PAGES
    while _in_turn(connection, partial(index.merge, pages=pages)):
        pages = index.MERGE_PAGES
    clean_file(connection, path, patience)
    transaction(connection, lambda connection: connection.execute("DELETE FROM marks WHERE name = ?", (UNCLEAN,)))


def _in_turn(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """One transaction of many: a server that wants to write has as much time, afterwards, as this one took."""
    start = time.monotonic()
    result = transaction(connection, work)
    time.sleep(time.monotonic() - start)
    return result
