"""SQLite files in the data directory: opened with care, migrated, and used off the event loop.

`open_database` is for command lines. A server's plugin uses a `Database`, whose work is done in a thread of its own, one
piece after the other, so that the loop never waits for the disk.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from greenchat.errors import GreenchatError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

# How long another process may hold the file, in seconds: a command line that changes something takes milliseconds, a
# backup takes some seconds.
BUSY_SECONDS = 5.0


class DatabaseError(GreenchatError):
    """The file cannot be used at the moment; the text says which, why, and what to do."""


def open_database(path: Path, migrations: Sequence[str], *, synchronous: str = "FULL") -> sqlite3.Connection:
    """Open the file, which is made where it is missing, and bring it up to date. Raises `DatabaseError`.

    `migrations` are SQL scripts; the file remembers how many of them it has had (`PRAGMA user_version`). Only append to
    them. Each runs in a transaction of its own. The connection is in autocommit mode: write within `transaction`.
    It writes ahead (WAL), so that readers do not wait for who writes; `synchronous` is SQLite's setting: FULL survives
    a loss of power, NORMAL the end of the process alone.
    """
    try:
        # Like the rest of what users entrust to it, the file is the operator's alone.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise explain(error, path) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, migrations, path)
    except sqlite3.Error as error:
        connection.close()
        raise explain(error, path) from error
    except DatabaseError:
        connection.close()
        raise
    return connection


def transaction(connection: sqlite3.Connection, work: Work[T]) -> T:
    """What `work` returns, having been done wholly, or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def explain(error: Exception, path: Path) -> DatabaseError:
    """What is the matter with the file, in words for whoever runs the server."""
    if isinstance(error, DatabaseError):
        return error
    code = getattr(error, "sqlite_errorname", "")
    if isinstance(error, OSError):
        what = f"cannot be opened: {error.strerror}. Check the directory and its permissions."
    elif code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        what = "is damaged. Put back a copy, or move the file away to begin a new one."
    elif code.startswith("SQLITE_FULL"):
        what = "cannot be written: the disk is full. Make room."
    elif code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        what = "is locked by another program. End that."
    elif code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        what = "cannot be opened for writing. Check the directory and its permissions."
    else:
        what = f"cannot be used: {error}."
    return DatabaseError(f"{path} {what}")


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str], path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise DatabaseError(f"{path} was written by a later greenchat. Use that, or move the file away.")
    for number, script in enumerate(migrations[version:], version + 1):
        # Another process may be doing the same at this moment: who comes second finds nothing left to do.
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] < number:
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _statements(script: str) -> Sequence[str]:
    """`executescript` would commit what was begun: so it is one statement after the other."""
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return [*found, statement] if statement.strip() else found


class Database:
    """One SQLite file, used from a thread of its own. Made and used by greenlets of one event loop."""

    def __init__(self, path: Path, migrations: Sequence[str], *, synchronous: str = "FULL") -> None:
        """Nothing is opened yet: that happens with the first work, and again after work that failed."""
        from gevent.threadpool import ThreadPool

        self.path = path
        self._migrations = migrations
        self._synchronous = synchronous
        self._connection: sqlite3.Connection | None = None
        self._pool: Any = ThreadPool(1)

    def run(self, work: Work[T]) -> T:
        """What `work(connection)` returns. The greenlet waits meanwhile, so this is not for `greenchat_event`.

        It is one transaction. What it raises is raised here; what is wrong with the file, as `DatabaseError`.
        """
        result: T = self._pool.apply(self._do, (work,))
        return result

    def start(self, work: Work[T], done: Callable[[T | None, Exception | None], None] | None = None) -> None:
        """As `run`, without waiting: `done(result, error)` is called in the event loop afterwards, and must not wait."""
        outcome = self._pool.spawn(self._caught, work)
        if done is not None:
            outcome.rawlink(lambda outcome: done(*outcome.value))

    def close(self) -> None:
        """Wait until all work is done, and close the file."""
        self._pool.apply(self._close)
        self._pool.kill()

    def _caught(self, work: Work[T]) -> tuple[T | None, Exception | None]:
        try:
            return self._do(work), None
        except Exception as error:
            return None, error

    def _do(self, work: Work[T]) -> T:
        try:
            if self._connection is None:
                self._connection = open_database(self.path, self._migrations, synchronous=self._synchronous)
            return transaction(self._connection, work)
        except sqlite3.IntegrityError:
            raise  # a verdict on what was to be written, not on the file
        except (sqlite3.Error, OSError) as error:
            self._close()
            raise explain(error, self.path) from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
