"""accounts.sqlite3: who has registered which name. Work for the server's `Database`, and for the command line."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from greenchat import Account as Entitled
from greenchat import file_state

FILE = "accounts.sqlite3"

HOME_BYTES = 7  # as many as SQLite's numbers hold, which are signed

# `key` is what the name is compared by. Times are microseconds since 1970, UTC. `password_set` is when the password was
# set, and so tells one password of an account from the next. `id`, random and of 62 bits, is what rights hang on, also
# in other files; what those have kept for a key from before there were ids is the account's that `inherits`. `home`
# tells whether somebody comes from where the account was logged in to last: see `home_of`.
#
# `devices` are where people stay logged in, by a chain of tokens (greenchat.TokenChain), as long as the password is the
# one that it was then. No id is given twice: whoever ends one must not end another. See devices.py.
MIGRATIONS = (
    """
CREATE TABLE accounts (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    password_set INTEGER NOT NULL,
    created INTEGER NOT NULL,
    last_login INTEGER
) WITHOUT ROWID;
""",
    """
ALTER TABLE accounts ADD COLUMN id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN inherits INTEGER NOT NULL DEFAULT 1;
UPDATE accounts SET id = max(1, random() & 4611686018427387903);
CREATE UNIQUE INDEX accounts_by_id ON accounts (id);
""",
    "ALTER TABLE accounts ADD COLUMN home INTEGER NOT NULL DEFAULT 0;",
    """
CREATE TABLE devices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    password_set INTEGER NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    current BLOB NOT NULL,
    previous BLOB NOT NULL,
    salt BLOB NOT NULL,
    older BLOB NOT NULL,
    older_salt BLOB NOT NULL,
    older_until INTEGER NOT NULL
);
CREATE INDEX devices_by_account ON devices (account);
CREATE UNIQUE INDEX devices_by_current ON devices (current);
CREATE INDEX devices_by_previous ON devices (previous);
CREATE INDEX devices_by_older ON devices (older);
""",
)


class Account(NamedTuple):
    name: str
    hash: str
    password_set: int
    id: int

    def __repr__(self) -> str:
        return f"Account({self.name!r})"


class Entry(NamedTuple):
    """A line of the list."""

    name: str
    created: int
    last_login: int | None


class Registered(NamedTuple):
    """What the server has in memory of each account, beside what the directory has."""

    password_set: int
    home: int


def home_of(account_id: int, network: str) -> int:
    """`network` as it is kept: as a hash, so that the file does not list where people are. 0 is nowhere."""
    key = account_id.to_bytes(8)
    return int.from_bytes(hashlib.blake2b(network.encode(), key=key, digest_size=HOME_BYTES).digest()) or 1


def now() -> int:
    return time.time_ns() // 1000


def find(key: str) -> Callable[[sqlite3.Connection], Account | None]:
    def work(connection: sqlite3.Connection) -> Account | None:
        row = connection.execute("SELECT name, hash, password_set, id FROM accounts WHERE key = ?", (key,)).fetchone()
        return Account(*row) if row else None

    return work


def add(key: str, account: Account, home: int = 0) -> Callable[[sqlite3.Connection], bool]:
    """Whether it was added: nobody had it."""

    def work(connection: sqlite3.Connection) -> bool:
        time_of_it = account.password_set
        done = connection.execute(
            "INSERT INTO accounts (key, name, hash, password_set, created, last_login, id, inherits, home) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO NOTHING",
            (key, account.name, account.hash, time_of_it, time_of_it, time_of_it, account.id, home),
        )
        return done.rowcount == 1

    return work


def set_password(key: str, hashed: str, password_set: int, was_set: int | None = None) -> Callable[..., bool]:
    """Whether it was done; with `was_set`, only where the password is still the one that was set then. Nobody stays
    logged in anywhere."""

    def work(connection: sqlite3.Connection) -> bool:
        done = connection.execute(
            "UPDATE accounts SET hash = ?, password_set = ? WHERE key = ? AND password_set = ifnull(?, password_set)",
            (hashed, password_set, key, was_set),
        )
        if done.rowcount:
            connection.execute("DELETE FROM devices WHERE account = (SELECT id FROM accounts WHERE key = ?)", (key,))
        return done.rowcount == 1

    return work


def note_login(key: str, account: Account, renewed: str | None, home: int) -> Callable[[sqlite3.Connection], None]:
    """Somebody has logged in just now, from `home`; `renewed` is a new hash of the same password, if it needs one."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE accounts SET last_login = ?, hash = ifnull(?, hash), home = ? WHERE key = ? AND password_set = ?",
            (now(), renewed, home, key, account.password_set),
        )

    return work


def remove(key: str, was_set: int | None = None) -> Callable[[sqlite3.Connection], bool]:
    """Whether it was there; with `was_set` as in `set_password`."""

    def work(connection: sqlite3.Connection) -> bool:
        done = connection.execute(
            "DELETE FROM accounts WHERE key = ? AND password_set = ifnull(?, password_set)", (key, was_set)
        )
        return done.rowcount == 1

    return work


def entries(connection: sqlite3.Connection) -> list[Entry]:
    return [Entry(*row) for row in connection.execute("SELECT name, created, last_login FROM accounts ORDER BY key")]


def entitled(connection: sqlite3.Connection) -> list[Entitled]:
    """All accounts, as other plugins know them."""
    rows = connection.execute("SELECT id, key, name, inherits, password_set FROM accounts")
    return [Entitled(number, key, name, bool(inherits), since) for number, key, name, inherits, since in rows]


class Found(NamedTuple):
    """All accounts: by their keys, and as other plugins know them. And the devices asked for that are gone."""

    registered: dict[str, Registered]
    accounts: list[Entitled]
    gone: set[int]


def look(seen: object, devices: Collection[int]) -> Callable[[sqlite3.Connection], tuple[object, Found | None]]:
    """The state of the file, to be given as `seen` next time; and, unless it is as it was `seen`, what is in it."""

    def work(connection: sqlite3.Connection) -> tuple[object, Found | None]:
        state = file_state(connection)
        if state == seen:
            return state, None
        rows = connection.execute("SELECT key, password_set, home FROM accounts")
        registered = {key: Registered(*rest) for key, *rest in rows}
        return state, Found(registered, entitled(connection), missing(connection, devices))

    return work


# A device counts as long as the password is the one that it was when somebody logged in there.
LIVE = "devices JOIN accounts ON accounts.id = account AND accounts.password_set = devices.password_set"


def missing(connection: sqlite3.Connection, devices: Iterable[int]) -> set[int]:
    """Which of these are not there any more."""
    sql = f"SELECT 1 FROM {LIVE} WHERE devices.id = ?"
    return {number for number in devices if connection.execute(sql, (number,)).fetchone() is None}
