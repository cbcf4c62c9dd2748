"""sessions.sqlite3: who may come back to lost connections, in which rooms accounts are, how far they have read, and
whom they ignore; and the cursors of their programs, see cursors.py.

It is written behind what happens, in batches: nobody waits for it, and what a crash takes is the last moment.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from greenchat.storage import cursors
from greenchat.storage.sqlite import Database, DatabaseError, T, Work

log = logging.getLogger("greenchat.sessions")

FILE = "sessions.sqlite3"

# How often it is told that the file cannot be used, in seconds: it is tried with everything that is to be kept.
COMPLAINT_SECONDS = 60.0

# Stays that wait for a file that cannot be used: more than there are connections. Past it the oldest are dropped.
MOST_WAITING = 100_000

# `stay` is what session/stays.py makes of one: it has hashes of tokens, and no token. `since` is when the account was
# in the room last that is known of, in microseconds since 1970. `people` are those whom an account ignores, as
# session/stay.py writes them. A `place` is a room by its name, or "@" and the id of a conversation.
MIGRATIONS = (
    """
CREATE TABLE stays (
    id BLOB PRIMARY KEY,
    stay BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE rooms (
    account INTEGER NOT NULL,
    room TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (account, room)
) WITHOUT ROWID;
CREATE TABLE ignored (
    account INTEGER PRIMARY KEY,
    people BLOB NOT NULL
);
""",
    """
CREATE TABLE reads (
    account INTEGER NOT NULL,
    place TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (account, place)
) WITHOUT ROWID;
"""
    + cursors.TABLE,
)

Stays = dict[bytes, Callable[[], bytes] | None]
Rooms = dict[tuple[int, str], int | None]
Reads = dict[tuple[int, str], int | None]
Ignored = dict[int, bytes]


class SessionStore:
    """The file of one server, in its data directory."""

    def __init__(self, data_dir: Path) -> None:
        # A loss of power may take the last moments: it costs a few people their place.
        self._database = Database(data_dir / FILE, MIGRATIONS, synchronous="NORMAL")
        self._stays: Stays = {}
        self._rooms: Rooms = {}
        self._reads: Reads = {}
        self._ignored: Ignored = {}
        self._gone: set[int] = set()  # accounts
        self._is_writing = False
        self._quiet_until = 0.0

    # --- read; may wait ---

    def stays(self) -> list[tuple[bytes, bytes]]:
        """All that were kept, as `keep` was given them. None where the file cannot be used."""
        return self._ask(_stays) or []

    def rooms_of(self, account: int) -> dict[str, int]:
        """The rooms in which an account is or was and that it has not left, with when that was known last."""
        self._write()  # what waits comes first
        found = self._ask(_rooms_of(account)) or {}
        for (of, room), since in self._rooms.items():
            if of == account:
                found.pop(room, None)
                if since is not None:
                    found[room] = since
        return found

    def reads_of(self, account: int) -> dict[str, int]:
        """Up to which message an account has read each place."""
        self._write()
        found = self._ask(_reads_of(account)) or {}
        for (of, place), seq in self._reads.items():
            if of == account:
                found.pop(place, None)
                if seq is not None:
                    found[place] = seq
        return found

    def ignored_by(self, account: int) -> bytes:
        """Whom an account ignores, as it was given to `ignores`; empty where that is nobody."""
        if account in self._ignored:
            return self._ignored[account]
        self._write()
        return self._ask(_ignored_by(account)) or b""

    # --- write, behind what happens ---

    def keep(self, stay: bytes, what: Callable[[], bytes]) -> None:
        """Keep what `what` makes of the stay with this id at the moment at which it is written."""
        self._stays[stay] = what
        self._begin()

    def drop(self, stay: bytes) -> None:
        self._stays[stay] = None
        self._begin()

    def came(self, account: int, room: str) -> None:
        self._rooms[account, room] = time.time_ns() // 1000
        self._begin()

    def left(self, account: int, room: str) -> None:
        self._rooms[account, room] = self._reads[account, room] = None
        self._begin()

    def read(self, account: int, place: str, seq: int) -> None:
        self._reads[account, place] = seq
        self._begin()

    def forget(self, accounts: Iterable[int]) -> None:
        """Keep nothing of these accounts: they are gone."""
        self._gone.update(accounts)
        self._begin()

    def ignores(self, account: int, people: bytes) -> None:
        self._ignored[account] = people
        self._begin()

    # --- the cursors of programs; may wait ---

    def cursor(self, account: int, name: str) -> list[cursors.Place]:
        """How far the program `name` of an account has got. Raises `DatabaseError`."""
        return self._must(partial(cursors.read, account=account, name=name))

    def keep_cursor(self, account: int, name: str, place: cursors.Place) -> str:
        """It has got to `place`; with no epoch, nothing is kept of that. It is in the file then; or why it is too much
        to be kept. Raises `DatabaseError`."""
        return self._must(partial(cursors.keep, account=account, name=name, place=place))

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._write()
        self._database.close()

    def _begin(self) -> None:
        if not self._is_writing:
            self._write()

    def _write(self) -> None:
        if self._stays or self._rooms or self._reads or self._ignored or self._gone:
            stays, self._stays = self._stays, {}
            rooms, self._rooms = self._rooms, {}
            reads, self._reads = self._reads, {}
            ignored, self._ignored = self._ignored, {}
            made = [(stay, what() if what is not None else None) for stay, what in stays.items()]
            gone, self._gone = self._gone, set()
            self._is_writing = True
            back = partial(self._wrote, stays, rooms, reads, ignored, gone)
            self._database.start(_put(made, rooms, reads, ignored, gone), back)

    def _wrote(
        self,
        stays: Stays,
        rooms: Rooms,
        reads: Reads,
        ignored: Ignored,
        gone: set[int],
        _: None,
        error: Exception | None,
    ) -> None:
        self._is_writing = False
        if error is None:
            self._write()
            return
        # It goes with the next that is to be kept: a token that was ended must not be good again after a restart.
        self._complain(error)
        self._stays, self._rooms, self._ignored = stays | self._stays, rooms | self._rooms, ignored | self._ignored
        self._reads = reads | self._reads
        self._gone |= gone
        while len(self._stays) > MOST_WAITING:
            del self._stays[next(iter(self._stays))]

    def _ask(self, work: Work[T]) -> T | None:
        with suppress(DatabaseError):
            return self._must(work)
        return None

    def _must(self, work: Work[T]) -> T:
        """Raises `DatabaseError`."""
        try:
            return self._database.run(work)
        except DatabaseError as error:
            self._complain(error)
            raise

    def _complain(self, error: Exception) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + COMPLAINT_SECONDS
            log.error("who is in which room is not remembered over a restart: %s", error)


def _stays(connection: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
    return connection.execute("SELECT id, stay FROM stays").fetchall()


def _rooms_of(account: int) -> Callable[[sqlite3.Connection], dict[str, int]]:
    def work(connection: sqlite3.Connection) -> dict[str, int]:
        return dict(connection.execute("SELECT room, since FROM rooms WHERE account = ? ORDER BY since", (account,)))

    return work


def _reads_of(account: int) -> Callable[[sqlite3.Connection], dict[str, int]]:
    def work(connection: sqlite3.Connection) -> dict[str, int]:
        return dict(connection.execute("SELECT place, seq FROM reads WHERE account = ?", (account,)))

    return work


def _ignored_by(account: int) -> Callable[[sqlite3.Connection], bytes]:
    def work(connection: sqlite3.Connection) -> bytes:
        (found,) = connection.execute("SELECT people FROM ignored WHERE account = ?", (account,)).fetchone() or (b"",)
        return bytes(found)

    return work


def _put(
    stays: list[tuple[bytes, bytes | None]], rooms: Rooms, reads: Reads, ignored: Ignored, gone: Iterable[int]
) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.executemany("DELETE FROM stays WHERE id = ?", [(stay,) for stay, what in stays if what is None])
        connection.executemany(
            "INSERT INTO stays VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET stay = excluded.stay",
            [(stay, what) for stay, what in stays if what is not None],
        )
        connection.executemany(
            "DELETE FROM rooms WHERE account = ? AND room = ?", [key for key, since in rooms.items() if since is None]
        )
        connection.executemany(
            "INSERT INTO rooms VALUES (?, ?, ?) ON CONFLICT (account, room) DO UPDATE SET since = excluded.since",
            [(*key, since) for key, since in rooms.items() if since is not None],
        )
        connection.executemany(
            "DELETE FROM reads WHERE account = ? AND place = ?", [key for key, seq in reads.items() if seq is None]
        )
        connection.executemany(
            "INSERT INTO reads VALUES (?, ?, ?) ON CONFLICT (account, place) DO UPDATE SET seq = excluded.seq",
            [(*key, seq) for key, seq in reads.items() if seq is not None],
        )
        connection.executemany(
            "INSERT INTO ignored VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET people = excluded.people",
            ignored.items(),
        )
        for table in ("rooms", "reads", "ignored", "cursors"):
            connection.executemany(f"DELETE FROM {table} WHERE account = ?", [(account,) for account in gone])

    return work
