"""Whether a file is whole. A copy of it is looked at: nothing is written, and no server has to wait."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from greenchat.protocol.text import printable
from greenchat.storage.sqlite import DatabaseError, as_database_error, open_database

# Findings of one kind that are told one by one: what is broken in more places than a screen has lines is just broken.
SHOWN = 20


class Report(Struct):
    """What there is, as a sentence, and what is wrong with it, one sentence each."""

    summary: str
    findings: list[str]


def examine(
    path: Path,
    migrations: Sequence[str],
    summary: Callable[[sqlite3.Connection], str],
    findings: Callable[[sqlite3.Connection], Iterator[str]],
) -> Report:
    """Look at the file as it is at this moment. Raises `DatabaseError` where it cannot be read at all."""
    with tempfile.TemporaryDirectory(prefix="greenchat-") as directory:
        copy = Path(directory) / path.name
        _copy(path, copy)
        damage = _damage(copy)
        if damage:  # what is in it would be guesswork
            return Report(f"{path} is damaged. Put back a copy, or move it away to begin a new one.", damage)
        try:
            with closing(open_database(copy, migrations, synchronous="OFF")) as connection:
                return Report(f"{path}: {summary(connection)}", list(findings(connection)))
        except DatabaseError as error:
            raise DatabaseError(str(error).replace(str(copy), str(path))) from error
        except sqlite3.Error as error:
            raise as_database_error(error, path) from error


def wrong(connection: sqlite3.Connection, queries: Mapping[str, str]) -> Iterator[str]:
    """What should not be: `queries` are sentences, each with the SQL that finds the values for it."""
    for sentence, query in queries.items():
        found = connection.execute(query).fetchall()
        for values in found[:SHOWN]:
            yield sentence.format(*(printable(str(value)) for value in values))
        if len(found) > SHOWN:
            yield f"... and {len(found) - SHOWN:,} more of this kind."


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
