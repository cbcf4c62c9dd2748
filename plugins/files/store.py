"""What is in files.sqlite3, and the SQL that reads and writes it. Each function works in the caller's transaction.

Files lie in a database as all else does: so they are whole or not there, whenever the power fails; they are in each
backup, of the same moment as the messages; and what is deleted is gone from the bytes of the file. They are kept by
what is in them: one that comes twice is there once.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

FILE = "files.sqlite3"

# `hash` is the SHA-256 of what is in a file, in hexadecimal; while it comes, the parts have what begins with COMING in
# its place. `small` is that of a small copy. Whose a file is: an account's id, or 0; a digest of the address it came
# from, for limits; and the room that it was sent to, or, behind an @, the conversation of two. Times are seconds since
# 1970. `sources` are who has kept messages with files.
MIGRATIONS = (
    """
CREATE TABLE parts (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, place INTEGER NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX parts_by_hash ON parts (hash, place);
CREATE TABLE files (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, small TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
    size INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, stored INTEGER NOT NULL,
    account INTEGER NOT NULL, address TEXT NOT NULL, place TEXT NOT NULL, time INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_by_hash ON files (hash);
CREATE INDEX files_by_small ON files (small);
CREATE TABLE sources (name TEXT PRIMARY KEY) WITHOUT ROWID;
""",
)

# How much of a file is one part, in bytes: so much of each one that comes or goes is in memory.
PART_BYTES = 256 * 1024

# What begins the place of a hash as long as it is not known.
COMING = "coming "


class Kept(Struct, frozen=True):
    """A file, in the order of the columns. `stored` is how many bytes it takes, with its small copy."""

    id: str
    hash: str
    small: str
    name: str
    type: str
    size: int
    width: int
    height: int
    stored: int
    account: int
    address: str
    place: str
    time: int


class Used(NamedTuple):
    """How many bytes of files there are."""

    in_all: int
    by_account: int
    from_address: int
    in_place: int


_ALL = ", ".join(Kept.__struct_fields__)

# --- write -----------------------------------------------------------------------------------------------------------


def put_part(connection: sqlite3.Connection, coming: str, place: int, data: bytes) -> None:
    """A part of a file that is coming."""
    connection.execute("INSERT INTO parts (hash, place, data) VALUES (?, ?, ?)", (f"{COMING}{coming}", place, data))


def drop(connection: sqlite3.Connection, coming: str) -> None:
    """The file does not come."""
    connection.execute("DELETE FROM parts WHERE hash = ?", (f"{COMING}{coming}",))


def drop_all(connection: sqlite3.Connection) -> int:
    """Whatever was coming when the server ended does not come. Returns how many parts there were."""
    return connection.execute("DELETE FROM parts WHERE hash >= ? AND hash < ?", (COMING, f"{COMING}~")).rowcount


def finish(connection: sqlite3.Connection, coming: str, kept: Kept) -> None:
    """All of it is here, and it is this; or it is here already."""
    if is_here(connection, kept.hash):
        drop(connection, coming)
    else:
        connection.execute("UPDATE parts SET hash = ? WHERE hash = ?", (kept.hash, f"{COMING}{coming}"))
    _keep(connection, kept)


def put_whole(connection: sqlite3.Connection, coming: str, kept: Kept, data: bytes, small: bytes) -> None:
    """Keep this instead of what has come."""
    drop(connection, coming)
    for number, body in ((kept.hash, data), (kept.small, small)):
        if number and not is_here(connection, number):
            parts = [(number, at, body[at : at + PART_BYTES]) for at in range(0, len(body), PART_BYTES)]
            connection.executemany("INSERT INTO parts (hash, place, data) VALUES (?, ?, ?)", parts)
    _keep(connection, kept)


def _keep(connection: sqlite3.Connection, kept: Kept) -> None:
    places = ", ".join("?" * len(Kept.__struct_fields__))
    connection.execute(f"INSERT INTO files ({_ALL}) VALUES ({places})", astuple(kept))


def is_here(connection: sqlite3.Connection, number: str) -> bool:
    return connection.execute("SELECT 1 FROM parts WHERE hash = ? LIMIT 1", (number,)).fetchone() is not None


def rename(connection: sqlite3.Connection, number: str, name: str) -> None:
    connection.execute("UPDATE files SET name = ? WHERE id = ?", (name, number))


def delete(connection: sqlite3.Connection, ids: Iterable[str]) -> int:
    """These files are gone, and what is in them, unless it is in others as well. Returns how many there were."""
    count = 0
    for number in ids:
        row = connection.execute("SELECT hash, small FROM files WHERE id = ?", (number,)).fetchone()
        if row is None:
            continue
        connection.execute("DELETE FROM files WHERE id = ?", (number,))
        count += 1
        for found in filter(None, row):
            connection.execute(
                "DELETE FROM parts WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM files WHERE hash = ?1) "
                "AND NOT EXISTS (SELECT 1 FROM files WHERE small = ?1)",
                (found,),
            )
    return count


def saw(connection: sqlite3.Connection, sources: Iterable[str]) -> None:
    """These keep messages with files."""
    connection.executemany("INSERT OR IGNORE INTO sources VALUES (?)", [(name,) for name in sources])


# --- read ------------------------------------------------------------------------------------------------------------


def find(connection: sqlite3.Connection, number: str) -> Kept | None:
    row = connection.execute(f"SELECT {_ALL} FROM files WHERE id = ?", (number,)).fetchone()
    return Kept(*row) if row is not None else None


def part(connection: sqlite3.Connection, number: str, least: int) -> tuple[int, bytes] | None:
    """The first part at this place or behind it, and where the next one begins."""
    row = connection.execute(
        "SELECT place, data FROM parts WHERE hash = ? AND place >= ? ORDER BY place LIMIT 1", (number, least)
    ).fetchone()
    return None if row is None else (row[0] + len(row[1]), row[1])


def length(connection: sqlite3.Connection, number: str) -> int:
    (found,) = connection.execute(
        "SELECT coalesce(sum(length(data)), 0) FROM parts WHERE hash = ?", (number,)
    ).fetchone()
    assert isinstance(found, int)
    return found


def first(connection: sqlite3.Connection, coming: str) -> bytes:
    """The first part of what has come."""
    found = part(connection, f"{COMING}{coming}", 0)
    return found[1] if found is not None else b""


def whole(connection: sqlite3.Connection, coming: str) -> bytes:
    """What has come."""
    rows = connection.execute("SELECT data FROM parts WHERE hash = ? ORDER BY place", (f"{COMING}{coming}",))
    return b"".join(data for (data,) in rows)


def used(connection: sqlite3.Connection, account: int, address: str, place: str) -> Used:
    """Of an account (0: none), from an address, and in a room or conversation."""
    found = connection.execute(
        "SELECT coalesce(sum(stored), 0), "
        "coalesce(sum(stored) FILTER (WHERE account = ?1 AND ?1 <> 0), 0), "
        "coalesce(sum(stored) FILTER (WHERE address = ?2), 0), coalesce(sum(stored) FILTER (WHERE place = ?3), 0) "
        "FROM files",
        (account, address, place),
    ).fetchone()
    return Used(*found)


def ids(connection: sqlite3.Connection, after: str, before: int, most: int) -> list[str]:
    """Files that came before this time, behind this id."""
    rows = connection.execute(
        "SELECT id FROM files WHERE id > ? AND time < ? ORDER BY id LIMIT ?", (after, before, most)
    )
    return [number for (number,) in rows]


def sources(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sources")}


def of_rooms(connection: sqlite3.Connection) -> Iterator[Kept]:
    """What was sent in rooms: what two people have sent to each other alone, nobody else is shown."""
    for row in connection.execute(f"SELECT {_ALL} FROM files WHERE place NOT LIKE '@%' ORDER BY time, id"):
        yield Kept(*row)


def parts(connection: sqlite3.Connection, number: str) -> Iterator[bytes]:
    for (data,) in connection.execute("SELECT data FROM parts WHERE hash = ? ORDER BY place", (number,)):
        yield data


def now() -> int:
    return int(time.time())
