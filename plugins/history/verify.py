"""Whether a history is whole. A copy of the file is looked at: nothing is written, and no server has to wait."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from greenchat import DatabaseError, amount, as_database_error, open_database, printable

from . import forget, index, store

# Findings of one kind that are told one by one: what is broken in more places than a screen has lines is just broken.
SHOWN = 20

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


class Report(Struct):
    """What there is, as a sentence, and what is wrong with it, one sentence each."""

    summary: str
    findings: list[str]


def examine(path: Path) -> Report:
    """Look at the file as it is at this moment. Raises `DatabaseError` where it cannot be read at all."""
    with tempfile.TemporaryDirectory(prefix="greenchat-") as directory:
        copy = Path(directory) / store.FILE
        _copy(path, copy)
        damage = _damage(copy)
        if damage:  # what is in it would be guesswork
            return Report(f"{path} is damaged. Put back a copy, or move it away to begin a new one.", damage)
        try:
            with closing(open_database(copy, store.MIGRATIONS, synchronous="OFF")) as connection:
                return Report(f"{path}: {_summary(connection)}", list(_findings(connection)))
        except DatabaseError as error:
            raise DatabaseError(str(error).replace(str(copy), str(path))) from error
        except sqlite3.Error as error:
            raise as_database_error(error, path) from error


def _copy(path: Path, copy: Path) -> None:
    try:
        if shutil.disk_usage(copy.parent).free < path.stat().st_size:
            raise DatabaseError(
                f"{copy.parent.parent} has no room for a copy of {path}. Make room, or name another place by TMPDIR."
            )
        with (
            closing(sqlite3.connect(f"file:{quote(str(path))}?{_how(path)}", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except (OSError, sqlite3.Error) as error:
        raise as_database_error(error, path) from error


def _how(path: Path) -> str:
    """How to open the file. SQLite wants to make two more beside it, unless it is told that nobody writes to it: that
    is so where nobody can, and nothing is written ahead, such as in a backup on a disk that is read-only."""
    ahead = path.with_name(f"{path.name}-wal").exists()
    return "mode=ro" if ahead or os.access(path.parent, os.W_OK) else "immutable=1"


def _damage(copy: Path) -> list[str]:
    """What SQLite finds wrong with the file as such."""
    with closing(sqlite3.connect(copy)) as connection:
        try:
            rows = connection.execute(f"PRAGMA integrity_check({SHOWN})").fetchall()
        except sqlite3.DatabaseError as error:
            rows = [(str(error),)]
    return [printable(line, len(line)) for (row,) in rows for line in row.splitlines() if row != "ok"]


def _summary(connection: sqlite3.Connection) -> str:
    rooms, messages, moves = connection.execute(
        "SELECT (SELECT count(*) FROM rooms), (SELECT count(*) FROM messages), (SELECT count(*) FROM comings)"
    ).fetchone()
    return f"{amount(rooms, 'room')}, {amount(messages, 'message')}, {moves:,} comings and goings."


def _findings(connection: sqlite3.Connection) -> Iterator[str]:
    for sentence, query in _WRONG.items():
        found = connection.execute(query).fetchall()
        for values in found[:SHOWN]:
            yield sentence.format(*(printable(str(value)) for value in values))
        if len(found) > SHOWN:
            yield f"... and {len(found) - SHOWN:,} more of this kind."
    try:
        if index.is_current(connection):
            index.define(connection)
            connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        yield f"The index of words does not fit what was said: {error}."
    if forget.unclean(connection):
        yield "What was forgotten may still be in the file's unused parts: run `greenchat history forget` again."
