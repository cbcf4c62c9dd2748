"""Where history.sqlite3 is, and whether it is still the same."""

import errno
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path


class Place:
    """Where the file is. SQLite would go on writing into one that has been moved away, and nobody would find it."""

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

    @property
    def state(self) -> tuple[int, int]:
        """Which file it is, and when it was written last."""
        try:
            there = self._path.stat()
        except OSError:
            return 0, 0
        return there.st_ino, there.st_mtime_ns

    def ending(self) -> tuple[int, int]:
        """What `state` will be once it is closed, and has been given its `stamp`."""
        self._closed = time.time_ns()
        return self.state[0], self._closed

    def stamp(self) -> None:
        """It is closed: have it say that it was written last when that began. Nothing where it was not in order."""
        if self._closed:
            with suppress(OSError):
                os.utime(self._path, ns=(self._closed, self._closed))
