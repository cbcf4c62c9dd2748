"""The index of words, and the SQL that writes it. Each function works in the caller's transaction.

It has scopes, so that who searches looks only into what they may read: how long that takes does not depend on what was
said elsewhere. Most rooms are open to everybody, and share scope 0. A room that is closed to somebody has a scope of
its own, by its number: it is `apart` since that was found out, and what was in the index before is moved, in steps.
"""

import json
import sqlite3
import time
from collections.abc import Iterable

import msgspec

from greenchat import terms

# All that is open to everybody.
SHARED = 0

# How many messages one step of indexing, moving or removing deals with: some 10 milliseconds, for which a write may
# have to wait.
STEP = 200

# After so many messages Python lets the event loop have its turn, which stands still meanwhile: a twentieth of a
# millisecond. So long, in seconds, it sleeps for that; a shorter time may not let it go. With slices of half a
# millisecond, what is said took several times as long to arrive while there was much to index.
SLICE = 10
PAUSE = 0.0001

# Messages that are looked at in one step for those of a room that is to be moved: some milliseconds.
LOOK = 20_000

# Rows that are taken out of the index of an earlier version in one step: pages of 4 kB, small entries.
OLD_PAGES, OLD_ENTRIES = 200, 5000

# Pages of the index that are merged in one step: about as long as a step of indexing takes.
MERGE_PAGES = 200

# The mark of an index whose shared scope still has what was moved out of it: with how many pages to merge next.
_TO_MERGE = "to merge"

# A message is in the index if and only if its id is not above the mark "indexed". The terms are made by us, with
# spaces between: so all other signs belong to them (see `terms`). There is no `searchable` but where FTS5 is to
# compare: see `define`.
_WORDS = f"""
CREATE VIRTUAL TABLE words USING fts5(
    terms, content='searchable', content_rowid='id', columnsize=0, tokenize="ascii tokenchars '{terms.SIGNS}'"
);
"""
_SCOPE = "iif(apart.room IS NOT NULL AND (said.id <= apart.moved OR said.id > apart.shared), said.room, 0)"
MIGRATION = f"""
ALTER TABLE words RENAME TO retired;
{_WORDS.strip()}
CREATE TABLE apart (room INTEGER PRIMARY KEY, shared INTEGER NOT NULL, moved INTEGER NOT NULL);
UPDATE marks SET value = 0 WHERE name = 'indexed';
"""

_ROWS = msgspec.json.Decoder(list[tuple[int, int, int, str, str]])
_EMPTY_STRUCTURE = bytes(7)


def indexed(connection: sqlite3.Connection) -> int:
    """The mark: all messages with ids up to it are in the index, and no others."""
    (mark,) = connection.execute("SELECT value FROM marks WHERE name = 'indexed'").fetchone()
    assert isinstance(mark, int)
    return mark


# --- put in and take out ---------------------------------------------------------------------------------------------


def missing(connection: sqlite3.Connection, most: int) -> int:
    """How many messages are not in the index yet; of very many, it is `most`."""
    mark = indexed(connection) if is_current(connection) else 0
    (found,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM messages WHERE id > ? LIMIT ?)", (mark, most)
    ).fetchone()
    assert isinstance(found, int)
    return found


def next_rooms(connection: sqlite3.Connection, most: int = STEP) -> list[str]:
    """The rooms of the messages that `index_more` would index."""
    (found,) = connection.execute(
        "SELECT json_group_array(name) FROM rooms WHERE id IN "
        "(SELECT room FROM messages WHERE id > (SELECT value FROM marks WHERE name = 'indexed') ORDER BY id LIMIT ?)",
        (most,),
    ).fetchone()
    names: list[str] = json.loads(found)
    return names


def index_more(connection: sqlite3.Connection, most: int = STEP) -> int:
    """Index the next messages, at most so many. Returns the mark then, 0 where there were none."""
    prepare(connection)
    mark = indexed(connection)
    (last,) = connection.execute(
        "SELECT max(id) FROM (SELECT id FROM messages WHERE id > ? ORDER BY id LIMIT ?)", (mark, most)
    ).fetchone()
    if last is None:
        return 0
    assert isinstance(last, int)
    index(connection, "id > ? AND id <= ?", (mark, last))
    connection.execute("UPDATE marks SET value = ? WHERE name = 'indexed'", (last,))
    return last


def index(connection: sqlite3.Connection, which: str, values: tuple[object, ...]) -> None:
    """Put messages into the index: those for which the SQL `which` is true, none of which is in it."""
    prepare(connection)
    connection.execute(
        "INSERT INTO words (rowid, terms) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') "
        "FROM json_each(?)",
        (_made(connection, which, values),),
    )


def unindex(connection: sqlite3.Connection, which: str, values: tuple[object, ...]) -> bool:
    """Take messages out of the index, as far as they are in it; whether there were some. To be called before they are
    changed or removed, and where they stay, `index` after that, with `id <= indexed(connection)` besides."""
    prepare(connection)
    made = _made(connection, f"id <= (SELECT value FROM marks WHERE name = 'indexed') AND {which}", values)
    connection.execute(
        "INSERT INTO words (words, rowid, terms) "
        "SELECT 'delete', json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)",
        (made,),
    )
    return made != "[]"


def _made(connection: sqlite3.Connection, which: str, values: tuple[object, ...]) -> str:
    """The ids and terms of messages, as JSON."""
    (found,) = connection.execute(
        f"SELECT json_group_array(json_array(said.id, {_SCOPE}, said.room, sender, text)) "
        f"FROM (SELECT * FROM messages WHERE {which} ORDER BY id) AS said LEFT JOIN apart ON apart.room = said.room",
        values,
    ).fetchone()
    rows = _ROWS.decode(found)
    made = []
    for start in range(0, len(rows), SLICE):
        if start:
            time.sleep(PAUSE)
        made += [(row[0], terms.terms_of(*row[1:])) for row in rows[start : start + SLICE]]
    return msgspec.json.encode(made).decode()


def define(connection: sqlite3.Connection) -> None:
    """Have FTS5 know of each message what should be in the index, so that its `integrity-check` compares."""
    connection.create_function("greenchat_terms", 4, terms.terms_of, deterministic=True)
    connection.execute(
        f"CREATE VIEW searchable AS SELECT said.id AS id, greenchat_terms({_SCOPE}, said.room, sender, text) AS terms "
        "FROM messages AS said LEFT JOIN apart ON apart.room = said.room "
        "WHERE said.id <= (SELECT value FROM marks WHERE name = 'indexed')"
    )


# --- rooms that are closed to somebody -------------------------------------------------------------------------------


class Scope(msgspec.Struct, frozen=True):
    """Of a room: whether it has a scope of its own, and whether some of it is in the shared one."""

    number: int
    name: str
    apart: bool
    shared: bool


class Scopes(msgspec.Struct, frozen=True):
    """Those of all rooms, at some time."""

    state: object
    rooms: list[Scope]


def scopes(connection: sqlite3.Connection, names: Iterable[str]) -> list[Scope]:
    """In which scopes these rooms are, as far as there are such."""
    return _scopes(connection, "WHERE name IN (SELECT value FROM json_each(?))", (json.dumps(list(names)),))


def all_scopes(connection: sqlite3.Connection, known: Scopes | None) -> Scopes:
    """In which scopes each room is that ever was: `known`, where nothing has changed since."""
    state = connection.execute(
        "SELECT max(id), (SELECT json_array(count(*), total(shared), total(moved)) FROM apart) FROM rooms"
    ).fetchone()
    if known is not None and known.state == state:
        return known
    return Scopes(state, _scopes(connection, "", ()))


def _scopes(connection: sqlite3.Connection, which: str, values: tuple[object, ...]) -> list[Scope]:
    (found,) = connection.execute(
        "SELECT json_group_array(json_array(id, name, apart.room IS NOT NULL, coalesce(moved < shared, 1))) "
        f"FROM rooms LEFT JOIN apart ON apart.room = rooms.id {which}",
        values,
    ).fetchone()
    return [Scope(number, name, bool(apart), bool(shared)) for number, name, apart, shared in json.loads(found)]


def set_apart(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """These rooms are closed to somebody: from now on they have scopes of their own."""
    connection.execute(
        "INSERT OR IGNORE INTO apart SELECT id, (SELECT value FROM marks WHERE name = 'indexed'), 0 FROM rooms "
        "WHERE name IN (SELECT value FROM json_each(?))",
        (json.dumps(list(names)),),
    )


def move_more(connection: sqlite3.Connection, most: int = STEP // 2) -> bool:
    """Move messages of a room that is apart into its scope, at most so many; whether there was something to do. Each is
    taken out and put in again: half as many make a step."""
    prepare(connection)
    found = connection.execute("SELECT room, moved, shared FROM apart WHERE moved < shared LIMIT 1").fetchone()
    if found is None:
        return False
    room, moved, shared = found
    ids, reached = _next_of(connection, room, moved, shared, most)
    these = ("id IN (SELECT value FROM json_each(?))", (ids,))
    taken = unindex(connection, *these)
    connection.execute("UPDATE apart SET moved = ? WHERE room = ?", (reached, room))
    index(connection, *these)
    if taken:
        connection.execute("REPLACE INTO marks VALUES (?, ?)", (_TO_MERGE, -MERGE_PAGES))
    return True


def _next_of(connection: sqlite3.Connection, room: int, after: int, upto: int, most: int) -> tuple[str, int]:
    """The next messages of a room, by id: as JSON, and up to which id that is all of them. A large room has some among
    the next of all rooms; of a smaller one all are looked at."""
    last, how = upto, "INDEXED BY messages_by_room"
    (size,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM messages WHERE room = ? LIMIT ?)", (room, LOOK + 1)
    ).fetchone()
    if size > LOOK:
        how = "NOT INDEXED"
        (last,) = connection.execute(
            "SELECT coalesce(max(id), ?) FROM (SELECT id FROM messages WHERE id > ? AND id <= ? ORDER BY id LIMIT ?)",
            (upto, after, upto, LOOK),
        ).fetchone()
    ids, count, reached = connection.execute(
        "SELECT json_group_array(id), count(*), max(id) FROM "
        f"(SELECT id FROM messages {how} WHERE room = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?)",
        (room, after, last, most),
    ).fetchone()
    return ids, reached if count == most else last


# --- what was taken out of it ----------------------------------------------------------------------------------------


def merge(connection: sqlite3.Connection, pages: int) -> bool:
    """Merge a part of the index; whether there may be more to do. FTS5 keeps what was taken out of the index until its
    parts are merged: a negative number of `pages` begins with all of them, a positive one goes on with that
    (sqlite.org/fts5.html, 6.7)."""
    before = connection.total_changes
    connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before > 1


def clear_more(connection: sqlite3.Connection) -> bool:
    """Do a step of what is to be done besides indexing; whether there was something: take an earlier index away, move
    messages, and have the shared scope forget what was moved."""
    if retire_more(connection) or move_more(connection):
        return True
    found = connection.execute("SELECT value FROM marks WHERE name = ?", (_TO_MERGE,)).fetchone()
    if found is None:
        return False
    if merge(connection, found[0]):
        connection.execute("UPDATE marks SET value = ? WHERE name = ?", (MERGE_PAGES, _TO_MERGE))
    else:
        connection.execute("DELETE FROM marks WHERE name = ?", (_TO_MERGE,))
    return True


# --- an index of an earlier version ----------------------------------------------------------------------------------


def prepare(connection: sqlite3.Connection) -> None:
    """See that the index has the terms that are made now; begin a new one where it has others."""
    if is_current(connection):
        return
    if indexed(connection):
        while retire_more(connection):
            pass
        connection.execute("ALTER TABLE words RENAME TO retired")
        connection.execute(_WORDS)
        connection.execute("UPDATE marks SET value = 0 WHERE name = 'indexed'")
        connection.execute("UPDATE apart SET moved = shared")
    connection.execute("REPLACE INTO marks VALUES ('terms', ?)", (terms.VERSION,))


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the index has the terms that are made now."""
    made = connection.execute("SELECT value FROM marks WHERE name = 'terms'").fetchone()
    return bool(made == (terms.VERSION,))


def retire_more(connection: sqlite3.Connection) -> bool:
    """Take a part of the index of an earlier version out of the file; whether there was one. To drop all of it at once
    would take seconds."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'retired'").fetchone() is None:
        return False
    # It is empty as far as FTS5 knows; what was in it, nobody reads any more.
    connection.execute("UPDATE retired_data SET block = x'' WHERE id = 1 AND block <> x''")
    connection.execute(
        "UPDATE retired_data SET block = ? WHERE id = 10 AND block <> ?", (_EMPTY_STRUCTURE, _EMPTY_STRUCTURE)
    )
    for table, key, most in (
        ("retired_data", "id", OLD_PAGES),
        ("retired_docsize", "id", OLD_ENTRIES),
        ("retired_idx", "segid, term", OLD_ENTRIES),
    ):
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            continue
        which = "WHERE id > 10" if table == "retired_data" else ""
        if connection.execute(
            f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} {which} LIMIT ?)", (most,)
        ).rowcount:
            return True
    connection.execute("DROP TABLE retired")
    return True
