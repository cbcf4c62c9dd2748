"""What is in direct.sqlite3, and the SQL that reads and writes it. Each function works in the caller's transaction."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from greenchat.protocol.requests import History
from greenchat.storage import direct_index

FILE = "direct.sqlite3"

# Times are microseconds since 1970-01-01 UTC. `low` and `high` are the ids of the two accounts, in their order, and the
# same one for who talks to themselves. An end has what its account was called last, how much it has said, and up to
# where it has read what was said, or a plain client has told it. Of a message that was deleted there is who has done
# that, and when. All messages up to `removed` were too old to be kept. A key is what makes a message once: whose it is,
# and a digest of what was said, empty for a text that is gone.
MIGRATIONS = (
    """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL, seq INTEGER NOT NULL, rev INTEGER NOT NULL,
    time INTEGER NOT NULL, removed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX conversations_by_ends ON conversations (low, high);
CREATE TABLE ends (
    account INTEGER NOT NULL, conversation TEXT NOT NULL, name TEXT NOT NULL, said INTEGER NOT NULL,
    read INTEGER NOT NULL, PRIMARY KEY (account, conversation)
) WITHOUT ROWID;
CREATE TABLE messages (
    conversation TEXT NOT NULL, seq INTEGER NOT NULL, rev INTEGER NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL,
    account INTEGER NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL, action INTEGER NOT NULL,
    reply_to INTEGER NOT NULL, edited INTEGER, reactions TEXT, deleted INTEGER, deleted_by TEXT,
    PRIMARY KEY (conversation, seq)
) WITHOUT ROWID;
CREATE INDEX messages_by_rev ON messages (conversation, rev);
CREATE INDEX messages_by_time ON messages (time);
CREATE TABLE keys (
    owner INTEGER NOT NULL, key TEXT NOT NULL, said BLOB NOT NULL, conversation TEXT NOT NULL, seq INTEGER NOT NULL,
    rev INTEGER NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (owner, key)
) WITHOUT ROWID;
CREATE INDEX keys_by_message ON keys (conversation, seq);
CREATE INDEX keys_by_time ON keys (time);
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
    + direct_index.SCHEMA,
    # The files of a message, a JSON array without their addresses; and beside that, to be found by their ids.
    """
ALTER TABLE messages ADD COLUMN files TEXT;
CREATE TABLE files (
    file TEXT NOT NULL, conversation TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (file, conversation, seq)
) WITHOUT ROWID;
CREATE INDEX files_by_message ON files (conversation, seq);
CREATE TRIGGER files_go AFTER DELETE ON messages WHEN old.files IS NOT NULL
BEGIN DELETE FROM files WHERE conversation = old.conversation AND seq = old.seq; END;
CREATE TRIGGER files_gone AFTER UPDATE OF files ON messages WHEN old.files IS NOT NULL AND new.files IS NULL
BEGIN DELETE FROM files WHERE conversation = old.conversation AND seq = old.seq; END;
CREATE TRIGGER files_come AFTER INSERT ON messages WHEN new.files IS NOT NULL
BEGIN
    INSERT OR IGNORE INTO files
    SELECT json_extract(value, '$.id'), new.conversation, new.seq FROM json_each(new.files);
END;
""",
)

# The mark that has the highest id of a message that there ever was.
HIGHEST = "id"

# The mark that says how many messages were deleted, changed or removed whose words may still be somewhere in the file.
UNCLEAN = "unclean"

# Messages that are counted where somebody has not read them: more than anybody looks at the number of.
MOST_COUNTED = 1000

# So long a key is known, in microseconds: see `greenchat.chat.keys`.
KEYS_KEPT = 24 * 3600 * 1_000_000

# The highest number that is stored.
LAST = 2**63 - 1


class TalkEnd(Struct, frozen=True):
    """One of the two accounts of a conversation."""

    account: int
    name: str = ""
    said: int = 0
    read: int = 0


class Talk(Struct, frozen=True):
    """A conversation as it is kept; `time` is that of its last message."""

    id: str
    ends: tuple[TalkEnd, ...]
    seq: int = 0
    rev: int = 0
    time: int = 0

    @property
    def pair(self) -> tuple[int, int]:
        return pair_of(self.ends[0].account, self.ends[-1].account)


class Row(Struct, frozen=True):
    """A message, in the order of the columns. `reactions` are a JSON array of an emoji, a name and an account each."""

    conversation: str
    seq: int
    rev: int
    id: int
    time: int
    account: int
    sender: str
    text: str
    action: int
    reply_to: int
    edited: int | None = None
    reactions: str | None = None
    deleted: int | None = None
    deleted_by: str | None = None
    files: str | None = None


class KeyRow(Struct, frozen=True):
    """The key of a message, in the order of the columns."""

    owner: int
    key: str
    said: bytes
    conversation: str
    seq: int
    rev: int
    id: int
    time: int


COLUMNS = Row.__struct_fields__
_THIS = "messages.conversation = ? AND seq = ?"
_ALL = ", ".join(f"messages.{column}" for column in COLUMNS)
# What was deleted, forgotten or removed stays that, whoever has changed it at that moment.
_UPSERT = (
    f"INSERT INTO messages ({', '.join(COLUMNS)}) "
    f"SELECT {', '.join(f'?{number}' for number in range(1, len(COLUMNS) + 1))} "
    "WHERE ?2 > (SELECT removed FROM conversations WHERE id = ?1) ON CONFLICT (conversation, seq) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[2:] if column not in ("id", "time"))
    + " WHERE messages.deleted IS NULL"
)


def pair_of(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)


# --- write -----------------------------------------------------------------------------------------------------------


def keep(
    connection: sqlite3.Connection, talks: Iterable[Talk], rows: Sequence[Row], keys: Sequence[KeyRow] = ()
) -> None:
    """Keep conversations and messages as they are now, with the keys that they were said with."""
    talks = list(talks)
    connection.executemany(
        "INSERT INTO conversations (id, low, high, seq, rev, time) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) "
        "DO UPDATE SET seq = excluded.seq, rev = excluded.rev, time = excluded.time",
        [(talk.id, *talk.pair, talk.seq, talk.rev, talk.time) for talk in talks],
    )
    connection.executemany(
        "INSERT INTO ends (account, conversation, name, said, read) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
        "(account, conversation) DO UPDATE SET name = excluded.name, said = excluded.said, read = excluded.read",
        [(end.account, talk.id, end.name, end.said, end.read) for talk in talks for end in talk.ends],
    )
    reworded = [(row.conversation, row.seq) for row in rows if row.deleted or row.edited]
    indexed = [direct_index.unindex(connection, _THIS, which) for which in reworded]
    connection.executemany(_UPSERT, [msgspec.structs.astuple(row) for row in rows])
    direct_index.index(connection, [number for numbers in indexed for number in numbers])
    if keys:
        since = max(key.time for key in keys) - KEYS_KEPT
        connection.execute("DELETE FROM keys WHERE time <= ?", (since,))
        connection.executemany(
            "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, key) DO UPDATE SET "
            "said = excluded.said, conversation = excluded.conversation, seq = excluded.seq, rev = excluded.rev, "
            "id = excluded.id, time = excluded.time",
            [msgspec.structs.astuple(key) for key in keys],
        )
    connection.executemany("UPDATE keys SET said = x'' WHERE conversation = ? AND seq = ?", reworded)
    soil(connection, len(reworded))
    if highest := max((row.id for row in rows), default=0):
        connection.execute(
            "INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            (HIGHEST, highest),
        )


def soil(connection: sqlite3.Connection, count: int) -> None:
    """Words of so many messages are gone, but may still be in the unused parts of the file."""
    if count:
        connection.execute(
            "INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (UNCLEAN, count),
        )


def trim(connection: sqlite3.Connection, since: int, most: int) -> list[str]:
    """Remove messages from before this time, at most so many. Returns in which conversations, none where there was
    nothing to remove."""
    found = connection.execute(
        "SELECT conversation, max(seq) FROM "
        "(SELECT conversation, seq FROM messages WHERE time > 0 AND time < ? ORDER BY time LIMIT ?) "
        "GROUP BY conversation",
        (since, most),
    ).fetchall()
    upto = [(seq, number) for number, seq in found]
    for which in upto:
        direct_index.unindex(connection, "seq <= ? AND messages.conversation = ?", which)
    connection.executemany("UPDATE conversations SET removed = max(removed, ?) WHERE id = ?", upto)
    for table in ("messages", "keys"):
        connection.executemany(f"DELETE FROM {table} WHERE seq <= ? AND conversation = ?", upto)
    soil(connection, len(upto))
    return [number for number, _ in found]


def unclean(connection: sqlite3.Connection) -> int:
    """See `UNCLEAN`."""
    (count,) = connection.execute("SELECT coalesce(max(value), 0) FROM marks WHERE name = ?", (UNCLEAN,)).fetchone()
    assert isinstance(count, int)
    return count


def cleaned(connection: sqlite3.Connection, count: int) -> None:
    """There were so many when cleaning began: if there are no more, it is done."""
    connection.execute("DELETE FROM marks WHERE name = ? AND value = ?", (UNCLEAN, count))


# --- read ------------------------------------------------------------------------------------------------------------


def highest(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("SELECT coalesce(max(value), 0) FROM marks WHERE name = ?", (HIGHEST,)).fetchone()
    assert isinstance(found, int)
    return found


def find(connection: sqlite3.Connection, conversation: str) -> Talk | None:
    found = _talks(connection, "id = ?", (conversation,))
    return found[0] if found else None


def between(connection: sqlite3.Connection, one: int, other: int) -> Talk | None:
    found = _talks(connection, "low = ? AND high = ? ORDER BY rev DESC LIMIT 1", pair_of(one, other))
    return found[0] if found else None


def of(connection: sqlite3.Connection, account: int, most: int) -> list[tuple[Talk, int]]:
    """The conversations of an account, those in which something was said last first; each with how many messages it
    has not read, up to `MOST_COUNTED`."""
    which = "id IN (SELECT conversation FROM ends WHERE account = ?) ORDER BY time DESC LIMIT ?"
    talks = _talks(connection, which, (account, most))
    return [(talk, _unread(connection, talk, account)) for talk in talks]


def _unread(connection: sqlite3.Connection, talk: Talk, account: int) -> int:
    read = next((end.read for end in talk.ends if end.account == account), 0)
    if read >= talk.seq:
        return 0
    (count,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM messages WHERE conversation = ? AND seq > ? AND account <> ? "
        "AND deleted IS NULL LIMIT ?) AS unread",
        (talk.id, read, account, MOST_COUNTED),
    ).fetchone()
    assert isinstance(count, int)
    return count


def message(connection: sqlite3.Connection, conversation: str, seq: int) -> Row | None:
    found = rows_of(connection, "WHERE conversation = ? AND seq = ?", (conversation, min(seq, LAST)))
    return found[0] if found else None


def page(connection: sqlite3.Connection, conversation: str, ask: History, times: tuple[int, int]) -> list[Row]:
    """What is asked for, and one more if there is: between two `times`, the second of which is not in it."""
    low, high = min(max(ask.after, 0), LAST - 1) + 1, min(max(ask.before, 0), LAST) - 1 if ask.before else LAST
    forward = from_the_start(ask)
    order = "ASC" if forward else "DESC"
    found = rows_of(
        connection,
        f"WHERE conversation = ? AND seq BETWEEN ? AND ? AND time >= ? AND time < ? ORDER BY seq {order} LIMIT ?",
        (conversation, low, high, *times, ask.limit + 1),
    )
    return found if forward else found[::-1]


def from_the_start(ask: History) -> bool:
    """Whether the earliest messages are asked for: the next page, rather than the one before."""
    return bool(ask.after or ask.since) and not (ask.before or ask.until)


def newer(connection: sqlite3.Connection, conversation: str, rev: int, most: int) -> list[Row] | None:
    """All that is newer than `rev`, by its rev; None where that is more than `most`."""
    where = "WHERE conversation = ? AND rev > ? ORDER BY rev LIMIT ?"
    found = rows_of(connection, where, (conversation, min(rev, LAST), most + 1))
    return None if len(found) > most else found


def named(connection: sqlite3.Connection, files: Sequence[str]) -> list[str]:
    """Those of the files with these ids that a message has."""
    found = connection.execute(
        "SELECT DISTINCT file FROM files WHERE file IN (SELECT value FROM json_each(?))", (json.dumps(files),)
    )
    return [file for (file,) in found]


def used_keys(connection: sqlite3.Connection, owner: int, key: str | None, since: int) -> list[tuple[KeyRow, str]]:
    """What `owner` has said with keys of late, or with this one; each with what the other one was called."""
    name = "(SELECT name FROM ends WHERE ends.conversation = keys.conversation AND account <> keys.owner LIMIT 1)"
    found = connection.execute(
        "SELECT owner, key, said, conversation, seq, rev, id, time, coalesce("
        f"{name}, '') FROM keys WHERE owner = ? AND time > ?" + (" AND key = ?" if key is not None else ""),
        (owner, since, key) if key is not None else (owner, since),
    )
    return [(KeyRow(*row[:-1]), row[-1]) for row in found]


_WAITING = (
    "FROM messages JOIN ends ON ends.conversation = messages.conversation AND messages.seq > ends.read "
    "WHERE ends.account = :account AND messages.account <> :account AND deleted IS NULL"
)


def waiting(connection: sqlite3.Connection, account: int, most: int) -> tuple[list[Row], int, list[str]]:
    """The last of what was said to an account and it has not read; how much that is in all; and in which
    conversations."""
    asked = {"account": account, "most": most}
    select = f"SELECT {_ALL} {_WAITING} ORDER BY time DESC, messages.id DESC LIMIT :most"
    found = [Row(*row) for row in connection.execute(select, asked)]
    counts = connection.execute(f"SELECT messages.conversation, count(*) {_WAITING} GROUP BY 1", asked).fetchall()
    return found[::-1], sum(count for _, count in counts), [number for number, _ in counts]


def _talks(connection: sqlite3.Connection, which: str, values: Sequence[object]) -> list[Talk]:
    talks = []
    query = f"SELECT id, low, high, seq, rev, time FROM conversations WHERE {which}"
    for number, low, high, seq, rev, time in connection.execute(query, values).fetchall():
        ends = {
            account: TalkEnd(account, name, said, read)
            for account, name, said, read in connection.execute(
                "SELECT account, name, said, read FROM ends WHERE account IN (?, ?) AND conversation = ?",
                (low, high, number),
            )
        }
        talks.append(Talk(number, tuple(ends.get(end) or TalkEnd(end) for end in (low, high)), seq, rev, time))
    return talks


def rows_of(connection: sqlite3.Connection, where: str, values: Sequence[object] | Mapping[str, object]) -> list[Row]:
    return [Row(*row) for row in connection.execute(f"SELECT {_ALL} FROM messages {where}", values)]
