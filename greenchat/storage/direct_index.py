"""The index of words of direct.sqlite3. Each function works in the caller's transaction.

Each conversation is a scope of its own, so that who searches looks only into what they may read: how long that takes
does not depend on what others have said. It is filled behind what is said: a message is in it if and only if its id is
not above the mark, and it was not deleted.
"""

import sqlite3
import time
from collections.abc import Sequence

from greenchat.search import terms

# How many messages one step of indexing deals with: some 10 milliseconds, for which a write may have to wait.
STEP = 200

# After so many messages Python lets the event loop have its turn, for so long, in seconds. See the history plugin.
SLICE = 10
PAUSE = 0.0001

# The mark of the last message in the index, and of the terms that it has: see `terms.VERSION`.
INDEXED, TERMS = "indexed", "terms"

# There is no `searchable` but where FTS5 is to compare: see `define`.
_WORDS = f"""
CREATE VIRTUAL TABLE words USING fts5(
    terms, content='searchable', content_rowid='id', columnsize=0, tokenize="ascii tokenchars '{terms.SIGNS}'"
);
"""
SCHEMA = f"""
CREATE TABLE scopes (number INTEGER PRIMARY KEY AUTOINCREMENT, conversation TEXT NOT NULL UNIQUE);
CREATE INDEX messages_by_id ON messages (id);
{_WORDS.strip()}
"""


def missing(connection: sqlite3.Connection, most: int) -> int:
    """How many messages are not in the index yet; of very many, it is `most`."""
    mark = _mark(connection, INDEXED) if _is_current(connection) else 0
    (found,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM messages WHERE id > ? LIMIT ?)", (mark, most)
    ).fetchone()
    assert isinstance(found, int)
    return found


def index_more(connection: sqlite3.Connection, most: int = STEP) -> bool:
    """Index the next messages, at most so many; whether there were some."""
    _prepare(connection)
    (last,) = connection.execute(
        "SELECT max(id) FROM (SELECT id FROM messages WHERE id > ? ORDER BY id LIMIT ?)",
        (mark := _mark(connection, INDEXED), most),
    ).fetchone()
    if last is None:
        return False
    connection.execute(
        "INSERT OR IGNORE INTO scopes (conversation) SELECT DISTINCT conversation FROM messages "
        "WHERE id > ? AND id <= ? ORDER BY id",
        (mark, last),
    )
    _insert(connection, _rows(connection, "messages.id > ? AND messages.id <= ?", (mark, last)))
    _set(connection, INDEXED, last)
    return True


def unindex(connection: sqlite3.Connection, which: str, values: Sequence[object]) -> list[int]:
    """Take messages out of the index, as far as they are in it: those for which the SQL `which` is true. To be called
    before they are changed or removed; where they stay, `index` after that. Their ids."""
    _prepare(connection)
    rows = _rows(connection, f"messages.id <= ? AND {which}", (_mark(connection, INDEXED), *values))
    connection.executemany(
        "INSERT INTO words (words, rowid, terms) VALUES ('delete', ?, ?)", ((row[0], _terms(row)) for row in rows)
    )
    return [row[0] for row in rows]


def index(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Put them in again, as they are now."""
    for number in ids:
        _insert(connection, _rows(connection, "messages.id = ?", (number,)))


def merge(connection: sqlite3.Connection) -> None:
    """FTS5 keeps what was taken out of the index until its parts are merged (sqlite.org/fts5.html, 6.8)."""
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")


def verify(connection: sqlite3.Connection) -> None:
    """Have FTS5 compare the index with what should be in it: raises `sqlite3.DatabaseError` where it is not so."""
    if not _is_current(connection):
        return
    connection.create_function("greenchat_terms", 4, terms.terms_of, deterministic=True)
    connection.execute(
        "CREATE VIEW searchable AS SELECT id, greenchat_terms(number, 0, sender, text) AS terms FROM messages "
        f"JOIN scopes USING (conversation) WHERE deleted IS NULL AND id <= {_mark(connection, INDEXED)}"
    )
    connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")


_Found = tuple[int, int, str, str]  # id, scope, sender, text


def _rows(connection: sqlite3.Connection, which: str, values: Sequence[object]) -> list[_Found]:
    return connection.execute(
        "SELECT messages.id, number, sender, text FROM messages JOIN scopes ON scopes.conversation = "
        f"messages.conversation WHERE deleted IS NULL AND {which} ORDER BY messages.id",
        values,
    ).fetchall()


def _insert(connection: sqlite3.Connection, rows: Sequence[_Found]) -> None:
    for start in range(0, len(rows), SLICE):
        if start:
            time.sleep(PAUSE)
        made = [(row[0], _terms(row)) for row in rows[start : start + SLICE]]
        connection.executemany("INSERT INTO words (rowid, terms) VALUES (?, ?)", made)


def _terms(row: _Found) -> str:
    return terms.terms_of(row[1], 0, row[2], row[3])


def _prepare(connection: sqlite3.Connection) -> None:
    """See that the index has the terms that are made now; begin a new one where it has others."""
    if _is_current(connection):
        return
    if _mark(connection, INDEXED):
        connection.execute("DROP TABLE words")
        connection.execute(_WORDS)
        _set(connection, INDEXED, 0)
    _set(connection, TERMS, terms.VERSION)


def _is_current(connection: sqlite3.Connection) -> bool:
    return _mark(connection, TERMS) == terms.VERSION


def _mark(connection: sqlite3.Connection, name: str) -> int:
    (found,) = connection.execute("SELECT coalesce(max(value), 0) FROM marks WHERE name = ?", (name,)).fetchone()
    assert isinstance(found, int)
    return found


def _set(connection: sqlite3.Connection, name: str, value: int) -> None:
    connection.execute("REPLACE INTO marks VALUES (?, ?)", (name, value))
