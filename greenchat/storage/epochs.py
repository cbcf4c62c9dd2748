"""In which time the numbers hold that a file gives: an epoch goes on over clean restarts, and over nothing else.

A new one begins whenever numbers that somebody may have seen can be given again, or are gone: after an end that was not
clean, with a copy of an earlier day, after a loss. The file needs a table `marks (name TEXT PRIMARY KEY, value INTEGER
NOT NULL)`.
"""

import errno
import os
import secrets
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

# The marks of the file, besides others: the epoch; and that it was closed in order, with which file that was and when.
EPOCH, CLEAN, CLOSED = "epoch", "clean", "closed"


# A file that was closed in order was not touched any more so many seconds later. A copy that is put back may have the
# same number and the same time of writing, but nobody can set back when its inode was changed. Closing takes less.
CLOSING_SECONDS = 10.0


def new_epoch() -> int:
    return secrets.randbits(62) | 1


class EpochFile:
    """Where a file with an epoch is, and whether it is still the same. SQLite would go on writing into one that has
    been moved away, and nobody would find it. What has a `connection` works in the caller's transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._closed = 0

    def check(self, connection: sqlite3.Connection) -> None:
        """Raises `OSError` where there is another file now than when `connection` was new."""
        try:
            there = self._path.stat()
            file = there.st_dev, there.st_ino
        except FileNotFoundError:
            file = 0, 0
        if connection is not self._connection:
            self._connection, self._file = connection, file
        elif file != self._file:
            # What is still beside the old file belongs into it.
            connection.execute("ROLLBACK")
            connection.execute("PRAGMA wal_checkpoint")
            raise OSError(errno.ESTALE, "another file is in its place")

    def begin(self, connection: sqlite3.Connection) -> int:
        """The epoch, from now on until the file is closed in order: the one before, if that was done. A copy of the
        file, which may be of an earlier day, is another one or was written at another time, and so was one that
        somebody has changed since."""
        self.check(connection)
        query = "SELECT name, value FROM marks WHERE name IN (?, ?, ?)"
        marks = dict(connection.execute(query, (EPOCH, CLEAN, CLOSED)))
        is_same = (marks.get(CLEAN), marks.get(CLOSED)) == self._state and self._untouched_since(marks[CLOSED])
        epoch: int = marks.get(EPOCH, 0) if is_same else 0
        if not epoch:
            epoch = new_epoch()
            self.renew(connection, epoch)
        connection.execute("DELETE FROM marks WHERE name IN (?, ?)", (CLEAN, CLOSED))
        return epoch

    @staticmethod
    def found(connection: sqlite3.Connection) -> int:
        """The epoch that the file has."""
        (epoch,) = connection.execute("SELECT coalesce(max(value), 0) FROM marks WHERE name = ?", (EPOCH,)).fetchone()
        assert isinstance(epoch, int)
        return epoch

    @staticmethod
    def renew(connection: sqlite3.Connection, epoch: int) -> None:
        """Numbers that somebody may have seen can be given again, or are gone."""
        _mark(connection, EPOCH, epoch)

    @staticmethod
    def name_of(epoch: int) -> str:
        """As clients get it."""
        return f"{epoch:016x}"

    def ending(self) -> tuple[int, int]:
        """What `end` is to mark, which is the file's state once it is closed, and has been given its `stamp`."""
        self._closed = time.time_ns()
        return self._state[0], self._closed

    @staticmethod
    def end(connection: sqlite3.Connection, state: tuple[int, int]) -> None:
        """All is written."""
        for name, value in zip((CLEAN, CLOSED), state, strict=True):
            _mark(connection, name, value)

    def stamp(self) -> None:
        """It is closed: have it say that it was written last when that began. Nothing where it was not in order."""
        if self._closed:
            with suppress(OSError):
                os.utime(self._path, ns=(self._closed, self._closed))

    def _untouched_since(self, closed: int) -> bool:
        return self._path.stat().st_ctime_ns - closed < CLOSING_SECONDS * 1e9

    @property
    def _state(self) -> tuple[int, int]:
        """Which file it is, and when it was written last."""
        try:
            there = self._path.stat()
        except OSError:
            return 0, 0
        return there.st_ino, there.st_mtime_ns


def _mark(connection: sqlite3.Connection, name: str, value: int) -> None:
    connection.execute(
        "INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
    )


def checkpoint(connection: sqlite3.Connection) -> bool:
    """Take over all that was written ahead, and empty that file: until then, deleted words are in there. Whether nobody
    was in the way."""
    connection.execute("COMMIT")
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
        connection.execute("BEGIN IMMEDIATE")
    return not busy
