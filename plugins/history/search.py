"""Looking for words in what was said."""

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from greenchat import Message, Reject

from . import store

# More words than anybody looks for at once: FTS5 reads a list for each.
SEARCH_WORDS = 16

# After so many steps of SQLite's it is looked how long a search has taken: about a millisecond.
STEPS = 1000

T = TypeVar("T")

# So long must be what stands before a `*`: a shorter beginning has so many endings that looking for it takes a second.
SHORTEST_BEGINNING = 3


def search(
    connection: sqlite3.Connection, query: str, room: str, before: int, limit: int, hidden: Iterable[str]
) -> list[Message]:
    """The latest messages that `query` finds (see `query_of`): in `room`, or in all rooms but those `hidden`; with ids
    below `before`, unless that is 0. What is above the mark "indexed" is not found."""
    if room:
        (number,) = connection.execute("SELECT id FROM rooms WHERE name = ?", (room,)).fetchone() or (0,)
        query += f' AND room : "{number}"'
    return store.messages(
        connection,
        "SELECT messages.* FROM words JOIN messages ON messages.id = words.rowid WHERE words MATCH ? "
        "AND words.rowid < ? AND messages.room NOT IN "
        "(SELECT id FROM rooms WHERE name IN (SELECT value FROM json_each(?))) ORDER BY words.rowid DESC LIMIT ?",
        (query, before or store.LAST, json.dumps(list(hidden)), limit),
    )


def bounded(seconds: float, work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """`work`, which is given up after so many seconds, 0 for never: `Reject` is raised then. A beginning that thousands
    of words have takes as long as one lets it."""
    if not seconds:
        return work

    def bounded_work(connection: sqlite3.Connection) -> T:
        until = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
        try:
            return work(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            raise Reject(
                "That takes too long to look for. Write words in full, or more letters before the *, or fewer words.",
                code="too_slow",
            ) from None
        finally:
            connection.set_progress_handler(None, 0)

    return bounded_work


def query_of(text: str) -> str:
    """What FTS5 is to look for: all words of `text`, none of which is syntax. `hel*` is any word that begins with hel.

    Raises `Reject` where there is no word, or too many.
    """
    split = re.split(r"[\s\x00-\x1f\"]+", text)
    words = [word for word in split if any(map(str.isalnum, word))]
    if not words:
        raise Reject("Which words? Write one or more of those that were said.", code="empty")
    if len(words) > SEARCH_WORDS:
        raise Reject(f"These are more than {SEARCH_WORDS} words. Search for fewer.", code="too_long")
    return f"text : ({' '.join(map(_phrase, dict.fromkeys(words)))})"


def _phrase(word: str) -> str:
    beginning = word.rstrip("*")
    return f'"{beginning}" *' if len(beginning) >= SHORTEST_BEGINNING and word != beginning else f'"{beginning}"'
