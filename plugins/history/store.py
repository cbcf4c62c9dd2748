"""What is in history.sqlite3, and the SQL that reads and writes it. Each function works in the caller's transaction.

Beside a busy event loop, Python gets on after each step of a statement only when the loop lets go, which may take
milliseconds. So many rows are one step here: they go in as one statement of many parameters, and come out as one JSON
text.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, count, groupby, repeat

import msgspec

from greenchat import Deleted, History, Joined, Left, Message, Past, Renamed

from . import changes, index, keys
from .changes import Change
from .runs import Run, pack_any, part, unpack

FILE = "history.sqlite3"

# Times are microseconds since 1970-01-01 UTC. A room's `seq` has no gap, but for its beginning: what was up to
# `removed` has been removed.
_MESSAGES = """
CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, room INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
    sender TEXT NOT NULL, text TEXT NOT NULL, action INTEGER NOT NULL
);
CREATE UNIQUE INDEX messages_by_room ON messages (room, seq);
"""

# Of the index of words, as it was first; see `index.py`.
_WORDS = """
CREATE VIRTUAL TABLE words USING fts5(
    text, room, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
);
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO marks VALUES ('indexed', 0);
"""

# `seq` is the room's latest message before it; `detail` why somebody left, or the new name.
_COMINGS = """
CREATE TABLE comings (
    id INTEGER PRIMARY KEY, room INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('joined', 'left', 'renamed')), name TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE INDEX comings_by_room ON comings (room, seq);
"""

MIGRATIONS = (
    _MESSAGES,
    _WORDS,
    _COMINGS,
    index.MIGRATION,
    changes.MIGRATION,
    keys.MIGRATION,
    changes.FILES,
    changes.ANSWERS,
)

# Runs of one INSERT. Python is busy with the parameters of so many for about a millisecond, in which the event loop
# stands still. What remains goes in powers of two, so that SQLite knows each statement.
RUNS = 1024

Move = Joined | Left | Renamed
Values = tuple[object, ...] | dict[str, object]
Coming = tuple[int, Move]  # the room's latest message before it, and what it was
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)
LAST = 2**63 - 1  # the highest number that SQLite knows
_RUN_VALUES = 8
_INSERT = {
    2**power: "INSERT INTO messages (id, room, seq, time, sender, text, action, account) "
    "SELECT column1 + key, column2, column3 + key, column4, column5, value, column6, column7 "
    f"FROM (VALUES {', '.join(['(?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT))'] * 2**power)}), json_each(column8)"
    for power in range(RUNS.bit_length())
}
_FOUND = msgspec.json.Decoder(list[tuple[int, str, int, int, str, str, int, int, int, str | None]])
_CAME = msgspec.json.Decoder(list[tuple[int, int, str, str, str]])


def microseconds(time: datetime) -> int:
    """`time` as it is stored."""
    return (time - _EPOCH) // _MICROSECOND


# --- write -----------------------------------------------------------------------------------------------------------


def keep(connection: sqlite3.Connection, items: Sequence[Run | Change], comings: Sequence[Coming]) -> dict[str, int]:
    """Keep what was said and changed, in its order, and who came and went. Returns what `write_carefully` does."""
    raised = {}
    try:
        write_items(connection, items)
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        raised = write_carefully(connection, items)
    if comings:
        write_comings(connection, comings)
    return raised


def write(connection: sqlite3.Connection, runs: Iterable[Iterable[Message]]) -> None:
    """Keep messages, as `write_runs` does."""
    write_runs(connection, pack_any(chain.from_iterable(runs)))


def write_items(connection: sqlite3.Connection, items: Iterable[Run | Change]) -> None:
    """Keep messages, as `write_runs` does, and changes of those and earlier ones."""
    for kind, group in groupby(items, type):
        if kind is Run:
            write_runs(connection, [item for item in group if isinstance(item, Run)])
        else:
            for item in group:
                if isinstance(item, Change):
                    room = room_ids(connection, (item.room,))[item.room]
                    changes.put(connection, room, item)


def write_runs(connection: sqlite3.Connection, runs: Sequence[Run]) -> None:
    """Keep messages. Raises `sqlite3.IntegrityError` where one of them, or another in its place, is there already."""
    ids = room_ids(connection, {run.room for run in runs})
    for first in range(0, len(runs), RUNS):
        values: list[object] = []
        for run in runs[first : first + RUNS]:
            time = microseconds(run.time)
            values += (run.id, ids[run.room], run.seq, time, run.sender, run.action, run.account, run.texts)
        start, number = 0, RUNS
        while number:
            end = start + number * _RUN_VALUES
            if end <= len(values):
                connection.execute(_INSERT[number], values[start:end])
                start = end
            else:
                number //= 2
    for run in runs:
        if run.reply_to or run.files:
            changes.complete(connection, run.id, run.reply_to, [*run.files])
        if run.key is not None:
            keys.put(connection, run.key, ids[run.room], run.seq, run.rev, run.id, microseconds(run.time))
    mark = index.indexed(connection)
    late = [number for run in runs if run.id <= mark for number in range(run.id, run.id + run.count)]
    if late:
        index.index(connection, "id <= ? AND id IN (SELECT value FROM json_each(?))", (mark, json.dumps(late)))


def write_carefully(connection: sqlite3.Connection, items: Sequence[Run | Change]) -> dict[str, int]:
    """Keep messages one by one: none that is there already, and in the next free place where another has its place.

    Returns by how much the numbers had to be raised, in which rooms.
    """
    raised: dict[str, int] = {}
    moved: dict[tuple[str, int], int] = {}  # where messages are that were to be in another place
    ids = room_ids(connection, {item.room for item in items})
    for one in chain.from_iterable(map(_singles, items)):
        if isinstance(one, Change):
            by, seq = raised.get(one.room, 0), moved.get((one.room, one.seq), one.seq)
            write_items(connection, [msgspec.structs.replace(one, rev=one.rev + by, last=one.last + by, seq=seq)])
            continue
        (message,) = unpack(one)
        room, number = ids[message.room], message.id
        there = connection.execute("SELECT room, sender, text FROM messages WHERE id = ?", (number,)).fetchone()
        if there == (room, message.sender, message.text):
            continue
        if there is not None:
            number = newest(connection) + 1
        seq = message.seq + raised.get(message.room, 0)
        if connection.execute("SELECT 1 FROM messages WHERE room = ? AND seq = ?", (room, seq)).fetchone():
            (seq,) = connection.execute("SELECT max(seq) + 1 FROM messages WHERE room = ?", (room,)).fetchone()
            raised[message.room] = seq - message.seq
        moved[message.room, message.seq] = seq
        rev = one.rev + seq - message.seq
        write_runs(connection, [msgspec.structs.replace(one, id=number, seq=seq, rev=rev)])
    return raised


def _singles(item: Run | Change) -> Iterable[Run | Change]:
    """The messages of a run, each as one by itself."""
    return map(part, repeat(item), count(), range(1, item.count + 1)) if isinstance(item, Run) else (item,)


def write_comings(connection: sqlite3.Connection, comings: Sequence[Coming]) -> None:
    """Keep who came and went."""
    ids = room_ids(connection, {event.room for _, event in comings})
    rows = [(ids[event.room], seq, microseconds(event.time), *_described(event)) for seq, event in comings]
    values = ", ".join(f"json_extract(value, '$[{column}]')" for column in range(6))
    connection.execute(
        f"INSERT INTO comings (room, seq, time, kind, name, detail) SELECT {values} FROM json_each(?)",
        (json.dumps(rows),),
    )


def room_ids(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
    """The number of each room; a new one where it had none."""
    asked = (json.dumps(sorted(names)),)
    connection.execute("INSERT OR IGNORE INTO rooms (name) SELECT value FROM json_each(?)", asked)
    chosen = "SELECT json_group_object(name, id) FROM rooms WHERE name IN (SELECT value FROM json_each(?))"
    ids: dict[str, int] = json.loads(connection.execute(chosen, asked).fetchone()[0])
    return ids


# --- read ------------------------------------------------------------------------------------------------------------


class Ends(msgspec.Struct, frozen=True):
    """How far it goes: the latest sequence number and rev of every room that ever was, the time of its latest message
    as far as there is one, and the highest id of all."""

    seqs: dict[str, int]
    revs: dict[str, int]
    times: dict[str, datetime]
    id: int


def ends(connection: sqlite3.Connection) -> Ends:
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(name, seq, coalesce((SELECT rev + last.seq - last FROM changes "
        "WHERE changes.room = last.id ORDER BY rev DESC LIMIT 1), seq), "
        "(SELECT time FROM messages WHERE messages.room = last.id AND messages.seq = last.seq))) FROM "
        "(SELECT id, name, max(removed, coalesce((SELECT max(seq) FROM messages WHERE room = rooms.id), 0)) AS seq "
        "FROM rooms) AS last"
    ).fetchone()
    rooms: list[tuple[str, int, int, int | None]] = json.loads(found)
    seqs = {name: seq for name, seq, _, _ in rooms}
    revs = {name: rev for name, _, rev, _ in rooms}
    times = {name: moment(time) for name, _, _, time in rooms if time is not None}
    return Ends(seqs, revs, times, newest(connection))


def newest(connection: sqlite3.Connection) -> int:
    """The highest id of all messages; 0 where there is none."""
    (found,) = connection.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()
    assert isinstance(found, int)
    return found


def page(connection: sqlite3.Connection, ask: History, limit: int) -> list[Past]:
    """The messages of `ask.room` that `ask` asks for, at most `limit`, in their order."""
    (room,) = connection.execute("SELECT id FROM rooms WHERE name = ?", (ask.room,)).fetchone() or (0,)
    low, high = ask.after + 1, ask.before - 1 if ask.before else LAST
    if ask.since is not None:
        low = max(low, _first_since(connection, room, ask.since))
    if ask.until is not None:
        high = min(high, _first_since(connection, room, ask.until) - 1)
    order = "ASC" if from_the_start(ask) else "DESC"
    found = rows(
        connection,
        f"SELECT * FROM messages WHERE room = ? AND seq BETWEEN ? AND ? ORDER BY seq {order} LIMIT ?",
        (room, low, high, limit),
    )
    return sorted(found, key=lambda past: past.message.seq)


def last(connection: sqlite3.Connection, room: str, count: int) -> list[Past]:
    """The last messages of `room`, or of all where that is empty, in their order; without those that were deleted."""
    only = "room = (SELECT id FROM rooms WHERE name = :room) AND" if room else ""
    order = "seq" if room else "id"
    query = f"SELECT * FROM messages WHERE {only} {changes.IS_THERE} ORDER BY {order} DESC LIMIT :count"
    return sorted(rows(connection, query, {"room": room, "count": count}), key=lambda past: _number(past.message))


def _number(message: Message | Deleted) -> int:
    return message.id if isinstance(message, Message) else 0


def from_the_start(ask: History) -> bool:
    """Whether the earliest messages are asked for: the next page, rather than the one before."""
    return bool(ask.after or ask.since) and not (ask.before or ask.until)


def comings(connection: sqlite3.Connection, room: str, low: int, high: int, limit: int) -> list[Coming]:
    """Who came and went behind the messages `low` to `high` of `room`, in their order: the latest `limit` of them."""
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(seq, time, kind, name, detail)) FROM (SELECT * FROM ("
        "SELECT comings.* FROM comings JOIN rooms ON rooms.id = room AND rooms.name = ? WHERE seq BETWEEN ? AND ? "
        "ORDER BY seq DESC, comings.id DESC LIMIT ?) ORDER BY id)",
        (room, low, high, limit),
    ).fetchone()
    return [(seq, _move(room, time, kind, name, detail)) for seq, time, kind, name, detail in _CAME.decode(found)]


def _first_since(connection: sqlite3.Connection, room: int, time: datetime) -> int:
    """The first message of `room` at `time` or later; past the last one, where there is none. There is no index for
    it: times rise with the sequence numbers, so it is found by halving."""
    early = "(SELECT time FROM messages WHERE room = :room AND seq >= (low + high) / 2 ORDER BY seq LIMIT 1) < :time"
    (found,) = connection.execute(
        "WITH RECURSIVE span(low, high) AS (SELECT (SELECT min(seq) FROM messages WHERE room = :room), "
        "(SELECT max(seq) + 1 FROM messages WHERE room = :room) UNION ALL "
        f"SELECT iif({early}, (low + high) / 2 + 1, low), iif({early}, high, (low + high) / 2) "
        "FROM span WHERE low < high) SELECT coalesce(min(low), 1) FROM span WHERE low = high",
        {"room": room, "time": microseconds(time)},
    ).fetchone()
    assert isinstance(found, int)
    return found


def messages(connection: sqlite3.Connection, query: str, values: Values) -> list[Message]:
    """The messages that `query` finds, whole rows, in its order; without those that were deleted."""
    return [past.message for past in rows(connection, query, values) if isinstance(past.message, Message)]


def rows(connection: sqlite3.Connection, query: str, values: Values) -> list[Past]:
    """As `messages`, with all that is kept of them, and what stands for those that were deleted."""
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(found.id, rooms.name, found.seq, found.time, sender, text, action, "
        f"account, {changes.FIRST_REV}, more)) FROM ({query}) AS found JOIN rooms ON rooms.id = found.room",
        values,
    ).fetchone()
    read: list[Past] = []
    for number, room, seq, time, sender, text, action, account, rev, more in _FOUND.decode(found):
        message = Message(room, seq, number, sender, text, moment(time), bool(action), False, rev)
        if more is None:
            read.append(Past(message, account))
        else:
            read.append(changes.past(message, account, changes.MORE.decode(more), moment))
    return read


def newer(connection: sqlite3.Connection, room: str, rev: int, most: int) -> tuple[list[Past], int] | None:
    """All of `room` that is newer than `rev`, as it is now, by its rev; and the latest rev. None where that is more
    than `most`, or `rev` was never given."""
    found = changes.newer(connection, room, rev, most)
    if found is None:
        return None
    number, at, now = found
    read = rows(connection, changes.NEWER, {"room": number, "at": at, "rev": rev})
    return sorted((one for one in read if one.message.rev > rev), key=lambda one: one.message.rev), now


def find(connection: sqlite3.Connection, room: str, seq: int) -> Past | None:
    """One message, with all that is kept of it."""
    query = "SELECT * FROM messages WHERE room = (SELECT id FROM rooms WHERE name = ?) AND seq = ?"
    return next(iter(rows(connection, query, (room, seq))), None)


def texts(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Senders and texts of messages, by their ids, as far as they are there."""
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(id, sender, text)) FROM messages "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(ids),),
    ).fetchone()
    return {number: (sender, text) for number, sender, text in json.loads(found)}


def moment(microseconds: int) -> datetime:
    """What was stored as `microseconds`."""
    return _EPOCH + timedelta(microseconds=microseconds)


def _described(event: Move) -> tuple[str, str, str]:
    match event:
        case Joined(name=name):
            return "joined", name, ""
        case Left(name=name, reason=reason):
            return "left", name, reason
        case Renamed(name=name, new_name=new_name):
            return "renamed", name, new_name


def _move(room: str, time: int, kind: str, name: str, detail: str) -> Move:
    match kind:
        case "joined":
            return Joined(room, name, moment(time))
        case "left":
            return Left(room, name, detail, moment(time))
    return Renamed(room, name, detail, moment(time))


def rooms(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Number and name of every room that ever was, in the order of their numbers."""
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(id, name)) FROM (SELECT id, name FROM rooms ORDER BY id)"
    ).fetchone()
    return [(number, name) for number, name in json.loads(found)]
