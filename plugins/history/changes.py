"""What has become of messages: kept with them in history.sqlite3. Each function works in the caller's transaction.

A message has no `rev` of its own in the file: that of the first is 1, and each next one has the next, but for where a
change came in between, or numbers were left out. Those are in `changes`: up to `last` messages there were then.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from greenchat import Alteration, Deleted, Edited, File, Message, Past, Reaction

from . import index, keys

# More than a message: its last rev if it was changed, and what it answers; when it was edited, and whose reactions it
# has; or who has deleted it, and when; and its files, without their addresses. Most messages have nothing of that.
MIGRATION = """
ALTER TABLE messages ADD COLUMN account INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN more TEXT;
CREATE TABLE changes (
    room INTEGER NOT NULL, rev INTEGER NOT NULL, last INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (room, rev)
) WITHOUT ROWID;
CREATE INDEX changes_by_last ON changes (room, last, rev);
"""

# Which files messages have, beside `more`, to be found by their ids. A message that was deleted has none any more,
# whatever stands here.
FILES = """
CREATE TABLE files (file TEXT NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (file, message)) WITHOUT ROWID;
CREATE INDEX files_by_message ON files (message);
CREATE TRIGGER files_go AFTER DELETE ON messages WHEN old.more IS NOT NULL
BEGIN DELETE FROM files WHERE message = old.id; END;
"""

# Which messages answer what an account has said, from when this is kept on.
ANSWERS = """
CREATE TABLE answers (account INTEGER NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (account, message)) WITHOUT ROWID;
CREATE INDEX answers_by_message ON answers (message);
CREATE TRIGGER answers_go AFTER DELETE ON messages WHEN old.more IS NOT NULL
BEGIN DELETE FROM answers WHERE message = old.id; END;
"""

# How many messages were deleted or changed whose words may still be in the unused parts of the file.
UNCLEAN = "changed"

# The `rev` of a message when it was said.
FIRST_REV = (
    "coalesce((SELECT rev + found.seq - last FROM changes WHERE changes.room = found.room AND last < found.seq "
    "ORDER BY last DESC, rev DESC LIMIT 1), found.seq)"
)

# By how much the next rev of a room is ahead of its number, where that has to be looked at anew: never so much.
UNKNOWN = -(2**62)

# What tells that a message is there: in SQL, of a row of messages.
IS_THERE = "(more IS NULL OR json_extract(more, '$.deleted') IS NULL)"


class More(msgspec.Struct, omit_defaults=True):
    """What `more` holds; times are as in the other columns."""

    rev: int = 0
    reply_to: int = 0
    edited: int = 0
    reactions: list[tuple[str, str, int]] = []  # emoji, name, account
    deleted: tuple[str, int] | None = None
    files: list[File] = []

    def stored(self) -> str:
        return msgspec.json.encode(self).decode()

    def names(self) -> dict[str, list[str]] | None:
        found: dict[str, list[str]] = {}
        for emoji, name, _ in self.reactions:
            found.setdefault(emoji, []).append(name)
        return found or None


MORE = msgspec.json.Decoder(More)


class Change(msgspec.Struct, frozen=True, gc=False):
    """One change on its way to the file: `rev` is what it is in the room, whose latest message was `last` then. `more`
    is what the message `seq` has then, and `text` its new text, if it has one; empty, it was deleted. Without these,
    nothing has happened but that the next message has the next rev after this."""

    room: str
    rev: int
    last: int
    seq: int = 0
    text: str | None = None
    more: More | None = None
    count: int = 1  # in a row of what waits, it is as much as a message, if something has happened


def packed(alteration: Alteration, microseconds: Callable[[datetime], int]) -> Change:
    """A change, as an observer gets it."""
    change, past = alteration.change, alteration.past
    message, text = past.message, None
    if isinstance(message, Deleted):
        more = More(deleted=(change.by, microseconds(change.time)))
        text = ""
    else:
        more = More(
            0,
            message.reply_to,
            microseconds(message.edited) if message.edited is not None else 0,
            [(one.emoji, one.name, one.account_id) for one in past.reactions],
            files=kept_files(message.files),
        )
        if isinstance(change, Edited):
            text = change.text
    return Change(change.room, change.rev, alteration.last, change.seq, text, more)


# --- write -----------------------------------------------------------------------------------------------------------


def put(connection: sqlite3.Connection, room: int, change: Change) -> None:
    """Keep a change of a message in the room of this number."""
    values = room, change.rev, change.last, change.seq
    if change.more is None:
        connection.execute("INSERT OR IGNORE INTO changes VALUES (?, ?, ?, ?)", values)
        return
    connection.execute("REPLACE INTO changes VALUES (?, ?, ?, ?)", values)
    which, place = "room = ? AND seq = ?", (room, change.seq)
    more = msgspec.structs.replace(change.more, rev=change.rev).stored()
    if change.text is None:
        connection.execute(f"UPDATE messages SET more = ? WHERE {which}", (more, *place))
        return
    keys.changed(connection, room, change.seq)
    index.unindex(connection, which, place)
    if change.text:
        connection.execute(f"UPDATE messages SET text = ?, more = ? WHERE {which}", (change.text, more, *place))
    else:
        connection.execute(
            f"UPDATE messages SET sender = '', text = '', action = 0, account = 0, more = ? WHERE {which}",
            (more, *place),
        )
    index.index(connection, f"id <= ? AND {which}", (index.indexed(connection), *place))
    soil(connection)


def soil(connection: sqlite3.Connection) -> None:
    """Words are gone, but may still be in the unused parts of the file."""
    connection.execute("INSERT INTO marks VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (UNCLEAN,))


def complete(connection: sqlite3.Connection, number: int, reply_to: int, files: list[File]) -> None:
    """The message with this id, which was just kept, is an answer, or has files."""
    more = More(reply_to=reply_to, files=files).stored()
    connection.execute("UPDATE messages SET more = ? WHERE id = ?", (more, number))
    connection.executemany("INSERT OR IGNORE INTO files VALUES (?, ?)", [(file.id, number) for file in files])
    if reply_to:
        connection.execute(
            "INSERT OR IGNORE INTO answers SELECT said.account, answer.id FROM messages AS answer "
            "JOIN messages AS said ON said.room = answer.room AND said.seq = ? "
            "WHERE answer.id = ? AND said.account NOT IN (0, answer.account)",
            (reply_to, number),
        )


def kept_files(files: Iterable[File] | None) -> list[File]:
    return [file.as_kept for file in files or ()]


def named(connection: sqlite3.Connection, files: Sequence[str]) -> list[str]:
    """Those of the files with these ids that a message has."""
    found = connection.execute(
        "SELECT DISTINCT file FROM files JOIN messages ON messages.id = message "
        "WHERE file IN (SELECT value FROM json_each(?)) AND EXISTS "
        "(SELECT 1 FROM json_each(more, '$.files') WHERE json_extract(value, '$.id') = file)",
        (msgspec.json.encode(files).decode(),),
    )
    return [file for (file,) in found]


def trim(connection: sqlite3.Connection, room: int, upto: int) -> None:
    """The messages up to this one are gone. The last that became of them still tells which rev the next one has."""
    connection.execute(
        "DELETE FROM changes WHERE room = :room AND last <= :upto AND rev < "
        "(SELECT max(rev) FROM changes WHERE room = :room AND last <= :upto)",
        {"room": room, "upto": upto},
    )


# --- read ------------------------------------------------------------------------------------------------------------


def past(message: Message, account: int, more: More, moment: Callable[[int], datetime]) -> Past:
    """A message as it is now, or that it was deleted."""
    rev = more.rev or message.rev
    if more.deleted is not None:
        by, time = more.deleted
        return Past(Deleted(message.room, message.seq, rev, by, moment(time)))
    edited = moment(more.edited) if more.edited else None
    message = msgspec.structs.replace(
        message, rev=rev, reply_to=more.reply_to, edited=edited, reactions=more.names(), files=more.files or None
    )
    return Past(message, account, [Reaction(*one) for one in more.reactions])


def apply(read: dict[int, Past], waiting: Iterable[Change], moment: Callable[[int], datetime]) -> None:
    """Have what was `read`, by its numbers, be what it is once what waits for the disk is there, too."""
    for change in waiting:
        found = read.get(change.seq)
        message = found.message if found is not None else None
        if found is not None and isinstance(message, Message) and change.more is not None and change.rev > message.rev:
            if change.text:
                message = msgspec.structs.replace(message, text=change.text)
            more = msgspec.structs.replace(change.more, rev=change.rev)
            read[change.seq] = past(message, found.account_id, more, moment)


def newer(connection: sqlite3.Connection, room: str, rev: int, most: int) -> tuple[int, int, int] | None:
    """The number of the room, which message was its latest at `rev`, and which rev is its latest now; None where more
    than `most` has happened since, or less than nothing."""
    (number, latest, now) = connection.execute(
        "SELECT id, seq, coalesce((SELECT rev + ends.seq - last FROM changes WHERE room = id "
        "ORDER BY rev DESC LIMIT 1), seq) FROM (SELECT id, max(removed, coalesce((SELECT max(seq) FROM messages "
        "WHERE room = rooms.id), 0)) AS seq FROM rooms WHERE name = ?) AS ends",
        (room,),
    ).fetchone() or (0, 0, 0)
    if not 0 <= now - rev <= most:
        return None
    (at,) = connection.execute(
        "SELECT min(coalesce((SELECT last + :rev - rev FROM changes WHERE room = :room AND rev <= :rev "
        "ORDER BY rev DESC LIMIT 1), :rev), "
        "coalesce((SELECT last FROM changes WHERE room = :room AND rev > :rev ORDER BY rev LIMIT 1), :latest))",
        {"room": number, "rev": rev, "latest": latest},
    ).fetchone()
    return number, at, now


# Of a room by its number: messages behind one, and earlier ones that were changed after a rev.
NEWER = (
    "SELECT * FROM messages WHERE room = :room AND (seq > :at OR seq IN "
    "(SELECT seq FROM changes WHERE room = :room AND rev > :rev))"
)


# --- to be gone ------------------------------------------------------------------------------------------------------


def unclean(connection: sqlite3.Connection) -> int:
    """How many messages were deleted or changed whose words may still be somewhere in the file."""
    (count,) = connection.execute("SELECT coalesce(max(value), 0) FROM marks WHERE name = ?", (UNCLEAN,)).fetchone()
    assert isinstance(count, int)
    return count


def cleaned(connection: sqlite3.Connection, count: int) -> None:
    """There were so many when cleaning began: if there are no more, it is done."""
    connection.execute("DELETE FROM marks WHERE name = ? AND value = ?", (UNCLEAN, count))


# --- to be forgotten -------------------------------------------------------------------------------------------------


def names(connection: sqlite3.Connection) -> list[str]:
    """All who have put an emoji to a message or deleted one."""
    rows = connection.execute(
        "SELECT DISTINCT json_extract(value, '$[1]') FROM messages, json_each(more, '$.reactions') "
        "WHERE more IS NOT NULL UNION SELECT json_extract(more, '$.deleted[0]') FROM messages WHERE more IS NOT NULL"
    )
    return [name for (name,) in rows if name is not None]


def forget(connection: sqlite3.Connection, spelt: Iterable[str], nobody: str, low: int, high: int) -> None:
    """Among the messages with ids above `low`, up to `high`: what these people have put to them is gone, and who has
    deleted one of them is `nobody`."""
    gone = set(spelt)
    rows = connection.execute(
        "SELECT id, more FROM messages WHERE id > ? AND id <= ? AND more IS NOT NULL", (low, high)
    ).fetchall()
    for number, stored in rows:
        more = MORE.decode(stored)
        more.reactions = [one for one in more.reactions if one[1] not in gone]
        if more.deleted is not None and more.deleted[0] in gone:
            more.deleted = (nobody, more.deleted[1])
        if (kept := more.stored()) != stored:
            connection.execute("UPDATE messages SET more = ? WHERE id = ?", (kept, number))
