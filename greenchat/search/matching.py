"""What FTS5 is asked for a query, in which scopes, and for how long."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from greenchat.errors import Reject
from greenchat.search import terms
from greenchat.search.query import Query, Unit

# After so many steps of SQLite's it is looked how long a search has taken: about a millisecond.
STEPS = 1000

# So many terms are looked for in one go, in as many scopes as that makes: FTS5 holds some pages of 4 kB for each, and
# what takes long can be given up in between.
AT_ONCE = 500

T = TypeVar("T")


def matches(
    query: Query, scopes: Sequence[int], only: Callable[[int], Sequence[int]] = lambda scope: ()
) -> Iterator[str]:
    """What FTS5 is asked, one after the other, to find what `query` means in one of these scopes; and of a scope, in
    those rooms that `only` names by their numbers, if any."""
    each = max(AT_ONCE // query.size, 1)
    for start in range(0, len(scopes), each):
        yield " OR ".join(_expression(query, scope, only(scope)) for scope in scopes[start : start + each])


def _expression(query: Query, scope: int, only: Sequence[int]) -> str:
    """In one scope. Nothing that somebody has typed is syntax there."""
    parts = [_phrase(scope, unit) for unit in query.units]
    if query.senders:
        parts.append(_any(scope, query.senders))
    if query.groups:
        groups = (" AND ".join(_phrase(scope, unit) for unit in group) for group in query.groups)
        parts.append(f"({' OR '.join(f'({group})' for group in groups)})")
    if only:
        parts.append(_any(scope, [f"{terms.ROOM}{room}" for room in only]))
    return f"({' AND '.join(parts or [_phrase(scope, Unit((terms.ANY,)))])})"


def _any(scope: int, found: Sequence[str]) -> str:
    return f"({' OR '.join(_phrase(scope, Unit((term,))) for term in found)})"


def _phrase(scope: int, unit: Unit) -> str:
    quoted = " ".join(f"{scope}{term}" for term in unit.terms).replace('"', '""')
    return f'"{quoted}" *' if unit.begins else f'"{quoted}"'


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
                "That takes too long to look for. Write words in full, or more letters before the *, or fewer words, "
                "or where: in:lobby.",
                code="too_slow",
            ) from None
        finally:
            connection.set_progress_handler(None, 0)

    return bounded_work
