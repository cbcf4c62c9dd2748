"""Whether a history is whole. A copy of the file is looked at: nothing is written, and no server has to wait."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from greenchat import Report, amount, wrong
from greenchat import examine as examining

from . import forget, index, store

# What should not be, and the SQL that finds it: values for the sentence. NOT INDEXED, so that the rows count.
_WRONG = {
    "Room number {} has messages, but no name.": """
        SELECT room FROM messages UNION SELECT room FROM comings EXCEPT SELECT id FROM rooms
    """,
    "Message {} of {}: ids begin with 1.": """
        SELECT messages.id, name FROM messages JOIN rooms ON rooms.id = room WHERE messages.id < 1 ORDER BY 1
    """,
    "{}: seq {} is of {} messages.": """
        SELECT name, seq, count(*) FROM messages NOT INDEXED JOIN rooms ON rooms.id = room
        GROUP BY room, seq HAVING count(*) > 1 ORDER BY name, seq
    """,
    "{}: seq {} is there, but all up to {} was removed.": """
        SELECT name, seq, removed FROM messages NOT INDEXED JOIN rooms ON rooms.id = room
        WHERE seq <= removed ORDER BY name, seq
    """,
    "{}: seq {} to {} is missing.": """
        SELECT name, before + 1, seq - 1 FROM (
            SELECT name, seq, max(removed, lag(seq, 1, 0) OVER (PARTITION BY room ORDER BY seq)) AS before
            FROM messages NOT INDEXED JOIN rooms ON rooms.id = room
        ) WHERE seq > before + 1 ORDER BY name, seq
    """,
}


def examine(path: Path) -> Report:
    """Look at the file as it is at this moment. Raises `DatabaseError` where it cannot be read at all."""
    return examining(path, store.MIGRATIONS, _summary, _findings)


def _summary(connection: sqlite3.Connection) -> str:
    rooms, messages, moves = connection.execute(
        "SELECT (SELECT count(*) FROM rooms), (SELECT count(*) FROM messages), (SELECT count(*) FROM comings)"
    ).fetchone()
    return f"{amount(rooms, 'room')}, {amount(messages, 'message')}, {moves:,} comings and goings."


def _findings(connection: sqlite3.Connection) -> Iterator[str]:
    yield from wrong(connection, _WRONG)
    try:
        if index.is_current(connection):
            index.define(connection)
            connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        yield f"The index of words does not fit what was said: {error}."
    if forget.unclean(connection):
        yield "What was forgotten may still be in the file's unused parts: run `greenchat history forget` again."
