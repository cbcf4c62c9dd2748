"""Where history.sqlite3 is, and whether it is still the same."""

import errno
import sqlite3
from pathlib import Path


class Place:
    """Where the file is. SQLite would go on writing into one that has been moved away, and nobody would find it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)

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

    @property
    def file(self) -> int:
        """Which file it is, as long as it is there; 0 where it is not."""
        try:
            return self._path.stat().st_ino
        except OSError:
            return 0
