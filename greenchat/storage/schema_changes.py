"""Whether the migrations that a file has not had yet can be done while people wait: in a moment, however much is in it.

They are tried on a copy in memory: of the whole file where that is small, else of its schema alone. The file itself is
only read, and nothing is left beside it.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct, field

from greenchat.storage.sqlite import DatabaseError, as_database_error, migrate, statements

# A file up to this size, in bytes, is copied whole, which takes some hundredths of a second.
SMALL = 8 * 1024 * 1024

# Characters of a statement that are shown.
SHOWN = 60


class Pending(Struct):
    """Of one file: how many migrations wait for it, and those statements among them that take the longer the more is
    in the file."""

    migrations: int = 0
    slow: list[str] = field(default_factory=list)


def examine(path: Path, migrations: Sequence[str]) -> Pending:
    """What is to be done with the file, if there is one. Raises `DatabaseError` where it cannot be brought up to date:
    a later greenchat has written it, or a migration fails."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?{_how(path)}", uri=True)) as source:
            (version,) = source.execute("PRAGMA user_version").fetchone()
            pending = migrations[version:]
            if not pending and version == len(migrations):
                return Pending()
            with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
                if _size(source) <= SMALL:
                    source.backup(copy)
                else:
                    _copy_schema(source, copy)
                    copy.execute(f"PRAGMA user_version = {version:d}")
                try:
                    migrate(copy, migrations, path)
                except sqlite3.Error as error:
                    raise DatabaseError(
                        f"{path} cannot be brought up to date: {error}. Mend the migration, and try it again."
                    ) from error
    except sqlite3.Error as error:
        if not path.exists():
            return Pending()
        raise as_database_error(error, path) from error
    return Pending(len(pending), slow(pending))


def slow(scripts: Sequence[str]) -> list[str]:
    """Those statements of migrations that may take the longer the more is in the file, in one line each. What is done
    to tables that are made in these scripts, before, is quick: there is nothing in them."""
    found, made = [], set[str]()
    for script in scripts:
        for statement in statements(script):
            words = " ".join(_plain(statement, literals=False).split())
            if words.strip("; ") and not _is_quick(words, made):
                shown = " ".join(_plain(statement, literals=True).split())
                found.append(shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}...")
    return found


# A name, however it is quoted, and of whichever schema: SQLite knows all of these.
_NAME = r"""(?:\w+\s?\.\s?)?("(?:[^"]|"")+"|`[^`]+`|\[[^]]+\]|\w+)"""
_IF_NOT = r"(?:IF NOT EXISTS )?"
_FLAGS = re.IGNORECASE
_TABLE = re.compile(rf"CREATE (?:TEMP |TEMPORARY )?TABLE {_IF_NOT}{_NAME} ?(AS\b)?", _FLAGS)
_VIRTUAL = re.compile(rf"CREATE VIRTUAL TABLE {_IF_NOT}{_NAME}", _FLAGS)
_INDEX = re.compile(rf"CREATE (?:UNIQUE )?INDEX {_IF_NOT}{_NAME} ON {_NAME}", _FLAGS)
_ADD = re.compile(rf"ALTER TABLE {_NAME} ADD (?P<column>.*)", _FLAGS)
_RENAME_TABLE = re.compile(rf"ALTER TABLE {_NAME} RENAME TO {_NAME}", _FLAGS)
_SCHEMA_ALONE = re.compile(
    rf"(?:CREATE (?:TEMP |TEMPORARY )?(?:VIEW|TRIGGER)|DROP (?:VIEW|TRIGGER)|ALTER TABLE {_NAME} RENAME)\b", _FLAGS
)
_INSERT = re.compile(rf"INSERT (?:OR \w+ )?INTO {_NAME}", _FLAGS)
_SELECT = re.compile(r"\bSELECT\b", _FLAGS)
_LITERALS = re.compile(r"""--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.DOTALL)
# What SQLite holds against every row that there is, when a column is added.
_LOOKS_AT_ROWS = re.compile(r"\b(?:CHECK|GENERATED|AS)\b", _FLAGS)


def _is_quick(words: str, made: set[str]) -> bool:
    """Whether a statement takes the same time whatever is in the file. `made` are the tables that are new."""
    if match := _TABLE.match(words):
        made.add(_bare(match[1]))
        return not match[2]
    if match := _VIRTUAL.match(words):
        made.add(_bare(match[1]))
        return True
    if match := _INDEX.match(words):
        return _bare(match[2]) in made
    if match := _RENAME_TABLE.match(words):
        if _bare(match[1]) in made:
            made.add(_bare(match[2]))
        else:
            made.discard(_bare(match[2]))
        made.discard(_bare(match[1]))
        return True
    if match := _ADD.match(words):
        return not _LOOKS_AT_ROWS.search(match["column"]) or _bare(match[1]) in made
    if match := _INSERT.match(words):
        return _bare(match[1]) in made and not _SELECT.search(words)
    return bool(_SCHEMA_ALONE.match(words))


def _bare(name: str) -> str:
    return name.strip('"`[]').replace('""', '"').lower()


def _plain(statement: str, *, literals: bool) -> str:
    """Without comments, and with nothing in its literals, unless they are wanted: no word in there is SQL."""

    def plain(match: re.Match[str]) -> str:
        if match[0].startswith(("-", "/")):
            return " "
        return "''" if match[0].startswith("'") and not literals else match[0]

    return _LITERALS.sub(plain, statement)


def _how(path: Path) -> str:
    """How to open the file. SQLite would make two more beside it, unless it is told that nobody writes to it; who
    writes has them there already."""
    return "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"


def _size(connection: sqlite3.Connection) -> int:
    (pages,), (page,) = (connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
    return int(pages) * int(page)


def _copy_schema(source: sqlite3.Connection, copy: sqlite3.Connection) -> None:
    for statement in _schema(source):
        copy.execute(statement)


def _schema(source: sqlite3.Connection) -> Iterator[str]:
    """What makes its tables, then what belongs to them. SQLite itself makes those behind virtual ones, and its own."""
    shadows = {name for (name,) in source.execute("SELECT name FROM pragma_table_list WHERE type = 'shadow'")}
    rows = source.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY type <> 'table', rowid"
    )
    yield from (sql for name, sql in rows if name not in shadows)
