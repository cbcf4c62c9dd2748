"""With which keys messages were said: kept with them in history.sqlite3, for a day. Each function works in the caller's
transaction."""

import json
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from greenchat import Ack, Key, UsedKey

# An owner is an account, by its number, or a guest's stay, by bytes. `said` is a digest of what was said, which would
# tell a short text: it is empty once that was changed or deleted.
MIGRATION = """
CREATE TABLE keys (
    id INTEGER PRIMARY KEY, owner NOT NULL, key TEXT NOT NULL, said BLOB NOT NULL, room INTEGER NOT NULL,
    seq INTEGER NOT NULL, rev INTEGER NOT NULL, message INTEGER NOT NULL, time INTEGER NOT NULL
);
CREATE UNIQUE INDEX keys_by_owner ON keys (owner, key);
CREATE INDEX keys_by_message ON keys (room, seq);
"""

# So long they are kept, in seconds: as long as the server knows them.
KEPT_SECONDS = 24 * 3600

# Of one owner, so many are read: the latest. The server knows no more of them.
MOST = 10_000

# So many are removed at once: some milliseconds, in which nothing else is written.
STEP = 5_000

_EPOCH = datetime.fromtimestamp(0, UTC)


def put(connection: sqlite3.Connection, key: Key, room: int, seq: int, rev: int, message: int, time: int) -> None:
    """A message that was just kept, in the room of this number, has a key."""
    connection.execute(
        "REPLACE INTO keys (owner, key, said, room, seq, rev, message, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*key, room, seq, rev, message, time),
    )


def changed(connection: sqlite3.Connection, room: int, seq: int) -> None:
    """The message has not the text any more with which it was said."""
    connection.execute("UPDATE keys SET said = x'' WHERE room = ? AND seq = ?", (room, seq))


def find(connection: sqlite3.Connection, owner: int | bytes, key: str | None) -> Sequence[UsedKey]:
    """What `owner` has said with keys of late, or with this one."""
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(key, hex(said), name, found.time, seq, message, rev)) FROM "
        "(SELECT * FROM keys WHERE owner = :owner AND time > :since AND (:key IS NULL OR key = :key) "
        "ORDER BY id DESC LIMIT :most) AS found JOIN rooms ON rooms.id = room",
        {"owner": owner, "key": key, "since": _since(), "most": MOST},
    ).fetchone()
    return [
        UsedKey(key, bytes.fromhex(said), room, _EPOCH + timedelta(microseconds=moment), Ack(None, seq, number, rev))
        for key, said, room, moment, seq, number, rev in json.loads(found)
    ]


def trim(connection: sqlite3.Connection) -> int:
    """Remove what is too old, some of it. Returns how many."""
    return connection.execute(
        "DELETE FROM keys WHERE id IN (SELECT id FROM keys ORDER BY id LIMIT ?) AND time <= ?", (STEP, _since())
    ).rowcount


def forget_room(connection: sqlite3.Connection, room: int) -> None:
    """Nothing is kept of the room of this number any more."""
    connection.execute("DELETE FROM keys WHERE room = ?", (room,))


def forget(connection: sqlite3.Connection, which: str, values: tuple[object, ...]) -> None:
    """Nor of the messages that this SQL finds."""
    connection.execute(f"DELETE FROM keys WHERE (room, seq) IN (SELECT room, seq FROM messages WHERE {which})", values)


def _since() -> int:
    return int((time.time() - KEPT_SECONDS) * 1_000_000)
