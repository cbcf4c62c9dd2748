"""What moderation keeps in moderation.sqlite3 in the data directory, and what the server has of it in memory."""

import itertools
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import gevent
from gevent.lock import Semaphore
from msgspec.structs import astuple

from greenchat import AccountDirectory, Database, DatabaseError, ModerationAction, Reject, file_state

from .rules import GONE, Mark, Operator, Rules, Sanction, Slow, whom_of

log = logging.getLogger("greenchat.moderation")

T = TypeVar("T")

FILE = "moderation.sqlite3"

# How often the server looks for what the command line has written, in seconds: who has just typed it waits for it.
LOOK_SECONDS = 0.5

# All is read again when something has changed: after a pause of so many times as long as it took the last time, so that
# with thousands of sentences a tenth of the server's time goes into it, however many are ordered meanwhile. Who has
# ordered one waits for that: with 5,000 of them a third of a second.
PAUSE = 9

# Acts that may wait for a disk that cannot be written: a few MB, and more than operators do in a day.
MOST_WAITING = 10_000

_SENTENCES = """
    CREATE TABLE {} (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, what TEXT NOT NULL, room TEXT NOT NULL, whom TEXT NOT NULL,
        "by" TEXT NOT NULL, account TEXT NOT NULL, why TEXT NOT NULL, since REAL NOT NULL, until REAL,
        UNIQUE (kind, what, room)
    );
"""

_COLUMNS = 'kind, what, key, room, whom, "by", account, why, since, until'  # as the fields of `Sentence`

# From names to accounts. Whose the names are is not known here: see `settle`. Until then `by_key` has the key of who
# ordered something, if that was an account, and -1 stands for its id.
_TO_ACCOUNTS = """
    ALTER TABLE {0} RENAME COLUMN account TO by_key;
    ALTER TABLE {0} ADD COLUMN account INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE {0} ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
    UPDATE {0} SET account = -1 WHERE by_key != '';
"""
_ORDERED = ("bans", "mutes", "slow")

# See `Sentence`, `Operator` and `Slow` for what the columns mean.
MIGRATIONS = (
    """
    CREATE TABLE operators (key TEXT PRIMARY KEY, name TEXT NOT NULL, since REAL NOT NULL, "by" TEXT NOT NULL);
    CREATE TABLE slow (room TEXT PRIMARY KEY, seconds REAL NOT NULL, account TEXT NOT NULL);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, time REAL NOT NULL, "by" TEXT NOT NULL, act TEXT NOT NULL, target TEXT NOT NULL,
        room TEXT NOT NULL, details TEXT NOT NULL
    );
    CREATE INDEX audit_by_time ON audit (time);
    """
    + _SENTENCES.format("bans")
    + _SENTENCES.format("mutes"),
    """
    ALTER TABLE operators RENAME TO operators_by_key;
    CREATE TABLE operators (
        account INTEGER PRIMARY KEY, name TEXT NOT NULL, since REAL NOT NULL, "by" TEXT NOT NULL
    );
    ALTER TABLE bans ADD COLUMN key TEXT NOT NULL DEFAULT '';
    ALTER TABLE mutes ADD COLUMN key TEXT NOT NULL DEFAULT '';
    """
    + "".join(map(_TO_ACCOUNTS.format, _ORDERED)),
)

# --- the file, one step of a transaction each ------------------------------------------------------------------------


def read(connection: sqlite3.Connection, number: int) -> Rules:
    return Rules(
        read_operators(connection),
        _read_sentences(connection, "bans"),
        _read_sentences(connection, "mutes"),
        itertools.starmap(Slow, connection.execute("SELECT room, seconds, account FROM slow")),
        number,
    )


def read_operators(connection: sqlite3.Connection) -> list[Operator]:
    rows = connection.execute('SELECT account, name, since, "by" FROM operators ORDER BY name, account')
    return list(itertools.starmap(Operator, rows))


def add_operator(connection: sqlite3.Connection, operator: Operator) -> int:
    """How many operators there are more now: 1, or 0 where it was one already."""
    return connection.execute(
        "INSERT OR IGNORE INTO operators VALUES (?, ?, ?, ?)",
        (operator.account, operator.name, operator.since, operator.by),
    ).rowcount


def remove_operator(connection: sqlite3.Connection, account_id: int) -> int:
    return connection.execute("DELETE FROM operators WHERE account = ?", (account_id,)).rowcount


def is_settled(connection: sqlite3.Connection) -> bool:
    """Whether nothing is left of the time in which rights hung on names."""
    left = [f"EXISTS (SELECT 1 FROM {table} WHERE NOT settled)" for table in _ORDERED]
    query = " OR ".join(["EXISTS (SELECT 1 FROM operators_by_key)", *left])
    return not connection.execute(f"SELECT {query}").fetchone()[0]


def settle(connection: sqlite3.Connection, heirs: Mapping[str, int]) -> None:
    """Have rights hang on accounts that hung on names. `heirs` are the ids of the accounts that had them then, by the
    keys of their names: whoever has registered a name since is somebody else."""
    for key, *rest in connection.execute('SELECT key, name, since, "by" FROM operators_by_key').fetchall():
        if key in heirs:
            add_operator(connection, Operator(heirs[key], *rest))
        else:
            log.warning("%s was an operator, and is none any more: there is no such account", rest[0])
    connection.execute("DELETE FROM operators_by_key")
    for table in _ORDERED:
        for (key,) in connection.execute(f"SELECT DISTINCT by_key FROM {table} WHERE NOT settled").fetchall():
            if key:
                account_id = heirs.get(key, GONE)
                connection.execute(f"UPDATE {table} SET account = ? WHERE by_key = ?", (account_id, key))
        if table != "slow":
            held = connection.execute(f"SELECT DISTINCT what FROM {table} WHERE kind = 'name' AND NOT settled")
            connection.executemany(
                f"UPDATE OR REPLACE {table} SET kind = 'account', what = ?, key = ? "
                "WHERE kind = 'name' AND what = ? AND NOT settled",
                [(str(heirs[key]), key, key) for (key,) in held.fetchall() if key in heirs],
            )
            whom = connection.execute(f"SELECT DISTINCT whom FROM {table} WHERE NOT settled").fetchall()
            connection.executemany(
                f"UPDATE {table} SET whom = ? WHERE whom = ? AND NOT settled",
                [(whom_of(heirs[key]), key) for (key,) in whom if key in heirs],
            )
        connection.execute(f"UPDATE {table} SET by_key = '', settled = 1")


def _read_sentences(connection: sqlite3.Connection, table: str) -> list[Sanction]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM {table} ORDER BY id")
    return [Sanction(**dict(zip(Sanction.__struct_fields__, row, strict=True))) for row in rows]


def put(connection: sqlite3.Connection, table: str, sanctions: Iterable[Sanction]) -> int:
    """Add `sanctions` to "bans" or "mutes", in the place of those that are there for the same."""
    return connection.executemany(
        f"INSERT OR REPLACE INTO {table} ({_COLUMNS}, by_key, settled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 1)",
        map(astuple, sanctions),
    ).rowcount


def lift(connection: sqlite3.Connection, table: str, marks: Collection[Mark], rooms: Collection[str]) -> int:
    """How many were taken out of "bans" or "mutes": what was ordered in `rooms` for somebody known by `marks`, with all
    that was ordered with it."""
    places = _places(rooms)
    keys = [mark for mark in marks if isinstance(mark, str)]
    ids = [str(mark) for mark in marks if isinstance(mark, int)]
    return connection.execute(
        f"DELETE FROM {table} WHERE room IN ({places}) AND whom IN (SELECT whom FROM {table} WHERE room IN ({places}) "
        f"AND (kind = 'name' AND what IN ({_places(keys)}) "
        f"OR kind = 'account' AND (what IN ({_places(ids)}) OR key IN ({_places(keys)}))))",
        (*rooms, *rooms, *keys, *ids, *keys),
    ).rowcount


def lift_network(connection: sqlite3.Connection, what: str) -> int:
    return connection.execute("DELETE FROM bans WHERE kind = 'network' AND what = ?", (what,)).rowcount


def set_slow(connection: sqlite3.Connection, slow: Slow) -> int:
    if slow.seconds:
        row = (slow.room, slow.seconds, slow.account)
        columns = "room, seconds, account, by_key, settled"
        return connection.execute(f"INSERT OR REPLACE INTO slow ({columns}) VALUES (?, ?, ?, '', 1)", row).rowcount
    return connection.execute("DELETE FROM slow WHERE room = ?", (slow.room,)).rowcount


def tidy(connection: sqlite3.Connection, now: float, void_rooms: Collection[str]) -> None:
    """Take out what has ended, and what guests have ordered in rooms that are gone."""
    for table in ("bans", "mutes"):
        connection.execute(f"DELETE FROM {table} WHERE until <= ?", (now,))
    for table in ("bans", "mutes", "slow"):
        connection.executemany(f"DELETE FROM {table} WHERE room = ? AND account = 0", [(room,) for room in void_rooms])


def drop_room(connection: sqlite3.Connection, room: str) -> int:
    """Take out what was ordered in a room. The audit trail stays as it is."""
    return sum(connection.execute(f"DELETE FROM {table} WHERE room = ?", (room,)).rowcount for table in _ORDERED)


def write_acts(connection: sqlite3.Connection, acts: Iterable[ModerationAction]) -> None:
    connection.executemany(
        'INSERT INTO audit (time, "by", act, target, room, details) VALUES (?, ?, ?, ?, ?, ?)',
        ((act.time.timestamp(), act.by, act.act, act.target, act.room, act.details) for act in acts),
    )


def read_acts(connection: sqlite3.Connection, limit: int) -> list[ModerationAction]:
    """The latest `limit` acts, the earliest of them first."""
    rows = connection.execute(
        'SELECT "by", act, target, room, details, time FROM audit ORDER BY time DESC, id DESC LIMIT ?',
        (limit,),
    ).fetchall()
    return [
        ModerationAction(by, act, target, room, details, datetime.fromtimestamp(at, UTC))
        for by, act, target, room, details, at in reversed(rows)
    ]


def _places(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


# --- in the server ---------------------------------------------------------------------------------------------------


class Records:
    """The file of a server, read into `rules`: checks look there, and never wait for the disk.

    `changed()` is called with all new rules. Nothing is opened, and no file made, before there is something to keep.
    """

    def __init__(
        self, path: Path, accounts: AccountDirectory, rooms: Collection[str], changed: Callable[[], None]
    ) -> None:
        self.rules = Rules()
        self._path = path
        self._accounts = accounts
        self._settled = False
        self._rooms = rooms  # those that there are at the moment
        self._changed = changed
        self._database = Database(path, MIGRATIONS)
        self._used = False
        self._problem = ""
        self._numbers = itertools.count(1)
        self._seen: object = None  # the state of the file that was read last
        self._waiting: deque[ModerationAction] = deque()  # to be written
        self._writer: Any = None  # the greenlet that does it
        self._reading = Semaphore()
        self._moments = itertools.count(1)
        self._read_at = 0
        self._stale = False  # it has been changed, and not been read since
        self._not_before = 0.0

    def change(self, work: Callable[[sqlite3.Connection], int], act: ModerationAction) -> int:
        """What `work(connection)` returns: how much it has changed. It is on the disk then, with `act` in the audit
        trail, unless that is nothing. Raises `Reject` where nothing can be stored."""

        def both(connection: sqlite3.Connection) -> int:
            count = work(connection)
            if count:
                self._stale = True  # whoever is about to have it read may be gone by then
                write_acts(connection, [act])
            return count

        count = self._run(both)
        if count:
            with suppress(Reject):  # it is done, and will hold as soon as the file can be read
                self._read_again()
        return count

    def forget_room(self, room: str) -> None:
        """Nothing that was ordered in `room` holds any more. Raises `Reject` where that cannot be stored."""
        if self._used or self._path.exists():
            self._stale = True
            self._run(lambda connection: drop_room(connection, room))
            self._read_again()

    def require_read(self) -> None:
        """Raises `Reject` where `rules` is empty only because the file could not be read yet."""
        if self._problem and not self.rules.number:
            raise Reject(
                "Who is banned cannot be read at the moment. Tell whoever runs the server.", code="moderation_off"
            )

    def acts(self, limit: int) -> Sequence[ModerationAction]:
        """The latest `limit` acts. Raises `Reject` where they cannot be read."""
        return self._run(lambda connection: read_acts(connection, limit), writes=False)

    def keep(self, act: ModerationAction) -> None:
        """Write `act` soon. Does not wait."""
        if len(self._waiting) == MOST_WAITING:
            log.error("too much waits for the disk; this is not in the audit trail: %s", act)
            return
        self._waiting.append(act)
        if not self._writer:
            self._writer = gevent.spawn(self._write)

    @property
    def waits(self) -> bool:
        """Whether acts wait to be written."""
        return bool(self._waiting)

    def look(self) -> None:
        """Take note of what others have written and of what has ended, and write what could not be written."""
        if not self._used and not self._path.exists():
            return
        void = self.rules.rooms_of_guests.difference(self._rooms)  # there is nothing to order in, any more
        now = time.time()
        ended = self.rules.next_end <= now
        settles = self._accounts.known and not self._settled
        heirs = self._accounts.heirs() if settles else {}

        def work(connection: sqlite3.Connection) -> bool:
            if settles and not is_settled(connection):
                settle(connection, heirs)
            if void or ended or settles:
                tidy(connection, now, void)
                return True
            return self._stale or self._seen != file_state(connection)

        try:
            if self._run(work, writes=bool(void or ended or settles)):
                self._settled = self._settled or settles
                self._read_again()
        except Reject:
            return
        if self._waiting and not self._writer:
            self._writer = gevent.spawn(self._write)

    def close(self) -> None:
        """Write what waits, or say in the log what it was."""
        if self._writer:
            self._writer.join()
        self._write()
        for act in self._waiting:
            log.error("this is not in the audit trail: %s", act)
        if self._used:
            self._database.close()

    def _write(self) -> None:
        """Write what waits, as long as that is possible."""
        while self._waiting:
            acts = list(self._waiting)
            try:
                self._run(lambda connection: write_acts(connection, acts))  # noqa: B023
            except Reject:
                return
            for _ in acts:
                self._waiting.popleft()

    def _run(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> T:
        self._used = True
        try:
            result = self._database.run(work, writes=writes)
        except DatabaseError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                log.error("operators, bans and mutes stay as they are for now: %s", error)
            raise Reject(
                "This cannot be looked up or stored at the moment: nothing was done. Tell whoever runs the server.",
                code="moderation_off",
            ) from None
        if self._problem:
            self._problem = ""
            log.info("operators, bans and mutes can be stored again")
        return result

    def _read_again(self) -> None:
        """Wait until `rules` has what is in the file now. A reading that begins later than this is good for all who
        wait. Raises `Reject` where it cannot be read; it is tried again then."""
        wanted, self._stale = next(self._moments), True
        with self._reading:
            if self._read_at > wanted:
                return
            gevent.sleep(max(self._not_before - time.monotonic(), 0))
            self._read_at, self._stale = next(self._moments), False
            try:
                rules, seconds = self._run(self._read, writes=False)
            except BaseException:
                self._stale = True
                raise
            began = time.thread_time()
            self._take(rules)
            self._not_before = time.monotonic() + PAUSE * (seconds + time.thread_time() - began)

    def _read(self, connection: sqlite3.Connection) -> tuple[Rules, float]:
        """Everything, in the database's thread; and how many seconds that took."""
        began = time.thread_time()
        self._seen = file_state(connection)
        return read(connection, next(self._numbers)), time.thread_time() - began

    def _take(self, rules: Rules) -> None:
        if rules.number > self.rules.number:
            self.rules = rules
            self._changed()
