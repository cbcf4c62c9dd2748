"""Leaving nothing in the bytes of a file of what was deleted from it."""

import shutil
import sqlite3
import time
from pathlib import Path

from greenchat.storage.sqlite import DatabaseError

# So much room as the file takes must be free to write it anew: for one beside it, and for one that is written ahead.
COPIES = 2

# From one try to the next, in seconds, where SQLite does not wait by itself.
RETRY_SECONDS = 0.01


def write_anew(connection: sqlite3.Connection, path: Path) -> bool:
    """Write all of the file anew, within the caller's transaction; True. SQLite overwrites what is deleted, but not
    what lies between the rows of a page since they were moved to another. Raises `DatabaseError` where there is no
    room: a full disk would end what the file is for."""
    (pages,), (size,) = (connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
    need, free = COPIES * pages * size, shutil.disk_usage(path.parent).free
    if free < need:
        raise DatabaseError(
            f"{path} may still have words in it that were deleted: to write it anew takes {need} bytes, and the disk "
            f"has {free}. Make room."
        )
    connection.execute("COMMIT")
    connection.execute("VACUUM")
    connection.execute("BEGIN IMMEDIATE")
    return True


def clean_file(connection: sqlite3.Connection, path: Path, patience: float) -> None:
    """Leave nothing of what was deleted in the bytes of the file, and of the one beside it that is written ahead. For
    command lines.

    It is tried for `patience` seconds; then `DatabaseError` is raised, and it can be called again. A server that uses
    the file waits while it is written anew: about a second for each million messages.
    """
    # Where rows were moved or became shorter, their old bytes lie between those of others.
    connection.execute("VACUUM")
    until = time.monotonic() + patience
    while _busy(connection):
        if time.monotonic() > until:
            raise DatabaseError(f"{path} is in use by another program all the time. End that, and run this again.")
        time.sleep(RETRY_SECONDS)


def _busy(connection: sqlite3.Connection) -> bool:
    """Take over all that was written ahead, and empty that file; whether somebody is in the way. SQLite waits for who
    reads or writes, but not for another who takes over."""
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return bool(busy)
