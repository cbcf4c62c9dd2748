"""What is in history.sqlite3, and the SQL that reads and writes it. Each function works in the caller's transaction.

Beside a busy event loop, Python gets on after each step of a statement only when the loop lets go, which may take
milliseconds. So many rows are one step here: they go in as one statement of many parameters, and come out as one JSON
text.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby

import msgspec

from greenchat import History, Joined, Left, Message, Messages, Renamed

from . import index

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

MIGRATIONS = (_MESSAGES, _WORDS, _COMINGS, index.MIGRATION)

# Runs of one INSERT. Python is busy with the parameters of so many for about a millisecond, in which the event loop
# stands still. What remains goes in powers of two, so that SQLite knows each statement.
RUNS = 1024

Move = Joined | Left | Renamed
Coming = tuple[int, Move]  # the room's latest message before it, and what it was
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)
LAST = 2**63 - 1  # the highest number that SQLite knows
_RUN_VALUES = 7
_INSERT = {
    2**power: "INSERT INTO messages SELECT column1 + key, column2, column3 + key, column4, column5, value, column6 "
    f"FROM (VALUES {', '.join(['(?, ?, ?, ?, ?, ?, CAST(? AS TEXT))'] * 2**power)}), json_each(column7)"
    for power in range(RUNS.bit_length())
}
_TEXTS = msgspec.json.Encoder()
_UNPACKED = msgspec.json.Decoder(list[str])
_FOUND = msgspec.json.Decoder(list[tuple[int, str, int, int, str, str, int]])
_CAME = msgspec.json.Decoder(list[tuple[int, int, str, str, str]])


def microseconds(time: datetime) -> int:
    """`time` as it is stored."""
    return (time - _EPOCH) // _MICROSECOND


# --- pack ------------------------------------------------------------------------------------------------------------


class Run(msgspec.Struct, frozen=True, gc=False):
    """Messages that one person said in a row in one room, at one time; `id` and `seq` are those of the first, and rise
    by one. They take a third of the room of as many `Message`s, and SQLite unpacks them without Python."""

    room: str
    id: int
    seq: int
    time: datetime
    sender: str
    action: bool
    texts: bytes  # a JSON array
    count: int


def pack_run(messages: Messages) -> Run:
    """What one person said in a row, as an observer gets it."""
    texts = _TEXTS.encode(messages.texts)
    return Run(
        messages.room,
        messages.id,
        messages.seq,
        messages.time,
        messages.sender,
        messages.action,
        texts,
        len(messages.texts),
    )


def pack(messages: Sequence[Message]) -> Sequence[Run]:
    """Messages said in a row by one person in one room."""
    first, count = messages[0], len(messages)
    if messages[-1].id - first.id == count - 1:
        texts = _TEXTS.encode([message.text for message in messages])
        return (Run(first.room, first.id, first.seq, first.time, first.sender, first.action, texts, count),)
    return pack_any(messages)  # meanwhile somebody has said something in another room


def pack_any(messages: Iterable[Message]) -> Sequence[Run]:
    """Any messages."""
    alike = groupby(enumerate(messages), lambda item: _likeness(*item))
    return [run for _, group in alike for run in pack([message for _, message in group])]


def _likeness(place: int, message: Message) -> tuple[object, ...]:
    """Neighbours with the same one are of one run."""
    return (message.id - place, message.seq - place, message.room, message.time, message.sender, message.action)


def unpack(run: Run) -> list[Message]:
    """What was packed."""
    return [
        Message(run.room, run.seq + place, run.id + place, run.sender, text, run.time, run.action)
        for place, text in enumerate(_UNPACKED.decode(run.texts))
    ]


# --- write -----------------------------------------------------------------------------------------------------------


def keep(connection: sqlite3.Connection, runs: Sequence[Run], comings: Sequence[Coming]) -> dict[str, int]:
    """Keep what was said, and who came and went. Returns what `write_carefully` does."""
    raised = {}
    try:
        write_runs(connection, runs)
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        raised = write_carefully(connection, runs)
    if comings:
        write_comings(connection, comings)
    return raised


def write(connection: sqlite3.Connection, runs: Iterable[Iterable[Message]]) -> None:
    """Keep messages, as `write_runs` does."""
    write_runs(connection, pack_any(chain.from_iterable(runs)))


def write_runs(connection: sqlite3.Connection, runs: Sequence[Run]) -> None:
    """Keep messages. Raises `sqlite3.IntegrityError` where one of them, or another in its place, is there already."""
    ids = room_ids(connection, {run.room for run in runs})
    for first in range(0, len(runs), RUNS):
        values: list[object] = []
        for run in runs[first : first + RUNS]:
            time = microseconds(run.time)
            values += (run.id, ids[run.room], run.seq, time, run.sender, run.action, run.texts)
        start, number = 0, RUNS
        while number:
            end = start + number * _RUN_VALUES
            if end <= len(values):
                connection.execute(_INSERT[number], values[start:end])
                start = end
            else:
                number //= 2
    mark = index.indexed(connection)
    late = [number for run in runs if run.id <= mark for number in range(run.id, run.id + run.count)]
    if late:
        index.index(connection, "id <= ? AND id IN (SELECT value FROM json_each(?))", (mark, json.dumps(late)))


def write_carefully(connection: sqlite3.Connection, runs: Sequence[Run]) -> dict[str, int]:
    """Keep messages one by one: none that is there already, and in the next free place where another has its place.

    Returns by how much the sequence numbers had to be raised, in which rooms.
    """
    raised: dict[str, int] = {}
    ids = room_ids(connection, {run.room for run in runs})
    for message in chain.from_iterable(map(unpack, runs)):
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
        write_runs(connection, pack([msgspec.structs.replace(message, id=number, seq=seq)]))
    return raised


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
    """How far it goes: the latest sequence number of every room that ever was, the time of its latest message as far as
    there is one, and the highest id of all."""

    seqs: dict[str, int]
    times: dict[str, datetime]
    id: int


def ends(connection: sqlite3.Connection) -> Ends:
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(name, max(removed, coalesce(seq, 0)), "
        "(SELECT time FROM messages WHERE messages.room = last.id AND messages.seq = last.seq))) FROM "
        "(SELECT id, name, removed, (SELECT max(seq) FROM messages WHERE room = rooms.id) AS seq FROM rooms) AS last"
    ).fetchone()
    rooms: list[tuple[str, int, int | None]] = json.loads(found)
    seqs = {name: seq for name, seq, _ in rooms}
    return Ends(seqs, {name: _moment(time) for name, _, time in rooms if time is not None}, newest(connection))


def newest(connection: sqlite3.Connection) -> int:
    """The highest id of all messages; 0 where there is none."""
    (found,) = connection.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()
    assert isinstance(found, int)
    return found


def page(connection: sqlite3.Connection, ask: History, limit: int) -> list[Message]:
    """The messages of `ask.room` that `ask` asks for, at most `limit`, in their order."""
    (room,) = connection.execute("SELECT id FROM rooms WHERE name = ?", (ask.room,)).fetchone() or (0,)
    low, high = ask.after + 1, ask.before - 1 if ask.before else LAST
    if ask.since is not None:
        low = max(low, _first_since(connection, room, ask.since))
    if ask.until is not None:
        high = min(high, _first_since(connection, room, ask.until) - 1)
    order = "ASC" if from_the_start(ask) else "DESC"
    found = messages(
        connection,
        f"SELECT * FROM messages WHERE room = ? AND seq BETWEEN ? AND ? ORDER BY seq {order} LIMIT ?",
        (room, low, high, limit),
    )
    return sorted(found, key=lambda message: message.seq)


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


def messages(connection: sqlite3.Connection, query: str, values: tuple[object, ...]) -> list[Message]:
    """What `query` finds, whole rows of messages, in its order."""
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(found.id, rooms.name, seq, time, sender, text, action)) "
        f"FROM ({query}) AS found JOIN rooms ON rooms.id = found.room",
        values,
    ).fetchone()
    return [
        Message(room, seq, number, sender, text, _moment(time), bool(action))
        for number, room, seq, time, sender, text, action in _FOUND.decode(found)
    ]


def texts(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Senders and texts of messages, by their ids, as far as they are there."""
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(id, sender, text)) FROM messages "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(ids),),
    ).fetchone()
    return {number: (sender, text) for number, sender, text in json.loads(found)}


def _moment(microseconds: int) -> datetime:
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
            return Joined(room, name, _moment(time))
        case "left":
            return Left(room, name, detail, _moment(time))
    return Renamed(room, name, detail, _moment(time))


def rooms(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Number and name of every room that ever was, in the order of their numbers."""
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(id, name)) FROM (SELECT id, name FROM rooms ORDER BY id)"
    ).fetchone()
    return [(number, name) for number, name in json.loads(found)]
