"""How far programs have got, which the server keeps for them: a table of sessions.sqlite3."""

import sqlite3
from typing import NamedTuple

# By how many names an account may keep cursors: more than anybody has programs. And in how many places each of them may
# be: more rooms than one may be in at a time.
MOST_NAMES = 20
MOST_PLACES = 1000

# `place` as in the table `reads`: see session_store.py.
TABLE = """
CREATE TABLE cursors (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    place TEXT NOT NULL,
    epoch TEXT NOT NULL,
    rev INTEGER NOT NULL,
    id INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (account, name, place)
) WITHOUT ROWID;
"""


class Place(NamedTuple):
    """`time` is in microseconds since 1970; 0 for none."""

    place: str
    epoch: str
    rev: int
    id: int
    time: int


def read(connection: sqlite3.Connection, account: int, name: str) -> list[Place]:
    """Where a program of an account is."""
    found = connection.execute(
        "SELECT place, epoch, rev, id, time FROM cursors WHERE account = ? AND name = ? ORDER BY place", (account, name)
    )
    return [Place(*row) for row in found]


def keep(connection: sqlite3.Connection, account: int, name: str, place: Place) -> str:
    """It is at `place` from now on; with no epoch, nothing is known of that any more. Empty; or why that is not
    possible."""
    if not place.epoch:
        connection.execute(
            "DELETE FROM cursors WHERE account = ? AND name = ? AND place = ?", (account, name, place.place)
        )
        return ""
    (is_there, names, places) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM cursors WHERE account = :account AND name = :name AND place = :place), "
        "(SELECT count(DISTINCT name) FROM cursors WHERE account = :account AND name != :name), "
        "(SELECT count(*) FROM cursors WHERE account = :account AND name = :name)",
        {"account": account, "name": name, "place": place.place},
    ).fetchone()
    if not is_there and names >= MOST_NAMES:
        return f"You keep cursors by {MOST_NAMES} names, as many as one may. Let go of all places of one of them first."
    if not is_there and places >= MOST_PLACES:
        return f"This cursor is in {MOST_PLACES} places, as many as it may be. Let go of one of them first."
    connection.execute("REPLACE INTO cursors VALUES (?, ?, ?, ?, ?, ?, ?)", (account, name, *place))
    return ""
