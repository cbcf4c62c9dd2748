"""Where people stay logged in: the rows of `devices`. Work for the server's `Database`, and for the command line.

Each is good as long as its account has the password that it had then, and until it was not used for a while. `oldest`
is that while ago: what was used before then is not there any more.
"""

import sqlite3
from collections.abc import Callable, Iterable
from typing import NamedTuple

from greenchat import TokenChain

from .store import LIVE, Account, home_of, now

_CHAIN = "current, previous, salt, older, older_salt, older_until"


DAY = 24 * 3600 * 1_000_000


def oldest(days: int) -> int:
    """So many days ago; 0 is always."""
    return now() - days * DAY if days else 0


class Device(NamedTuple):
    """`key` is its account's. Times are microseconds since 1970."""

    id: int
    key: str
    account_id: int
    password_set: int
    name: str
    created: int
    last_used: int

    @property
    def number(self) -> int:
        """By which people end it. Even numbers are devices, odd ones are sessions: see sessions.py."""
        return 2 * self.id


_DEVICE = "devices.id, key, account, devices.password_set, devices.name, devices.created, last_used"


class Back(NamedTuple):
    """Somebody has come back on `device`, and comes back by `token` next time."""

    device: Device
    token: str

    def __repr__(self) -> str:
        return f"Back({self.device!r})"  # secrets do not get into a log


def add(
    account: Account, name: str, chain: TokenChain, most: int, oldest: int, instead: int = 0
) -> Callable[[sqlite3.Connection], tuple[int, list[int]]]:
    """The id of a new device, in the place of `instead`; 0 where the account has changed meanwhile. And which others
    of the account had to go for it: what is too old, and, of more than `most` (0 is no limit), those that were not used
    for longest."""

    def work(connection: sqlite3.Connection) -> tuple[int, list[int]]:
        time = now()
        done = connection.execute(
            f"INSERT INTO devices (account, password_set, name, created, last_used, {_CHAIN}) "
            "SELECT id, password_set, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM accounts WHERE id = ? AND password_set = ?",
            (name, time, time, *chain.stored, account.id, account.password_set),
        )
        if not done.rowcount or done.lastrowid is None:
            return 0, []
        added = done.lastrowid
        remove(account.id, [instead])(connection)
        rows = connection.execute(
            "SELECT id, last_used FROM devices WHERE account = ? AND id <> ? ORDER BY last_used DESC, id DESC",
            (account.id, added),
        )
        gone = [row for place, (row, used) in enumerate(rows, 2) if used < oldest or (most and place > most)]
        remove(account.id, gone)(connection)
        return added, gone

    return work


def use(token: str, network: str, oldest: int) -> Callable[[sqlite3.Connection], Back | None]:
    """Whom `token` lets in, from `network`: that they were here is noted, and the token is another one from now on."""

    def work(connection: sqlite3.Connection) -> Back | None:
        time = now()
        found = _find(connection, token, oldest)
        if found is None:
            return None
        device, chain = found
        new = chain.use(token, time)
        if new is None:
            return None
        connection.execute(
            f"UPDATE devices SET ({_CHAIN}) = (?, ?, ?, ?, ?, ?), last_used = ? WHERE id = ?",
            (*chain.stored, time, device.id),
        )
        connection.execute(
            "UPDATE accounts SET last_login = ?, home = ? WHERE id = ?",
            (time, home_of(device.account_id, network), device.account_id),
        )
        return Back(device, new)

    return work


def look_up(token: str, oldest: int) -> Callable[[sqlite3.Connection], Back | None]:
    """The same where nothing can be written: the token stays as good as it was."""

    def work(connection: sqlite3.Connection) -> Back | None:
        found = _find(connection, token, oldest)
        if found is None:
            return None
        device, chain = found
        before = chain.stored
        new = chain.use(token, now())
        if new is None:
            return None
        return Back(device, new if chain.stored == before else token)

    return work


def _find(connection: sqlite3.Connection, token: str, oldest: int) -> tuple[Device, TokenChain] | None:
    row = connection.execute(
        f"SELECT {_DEVICE}, {_CHAIN} FROM {LIVE} "
        "WHERE (current = :hash OR previous = :hash OR older = :hash) AND last_used >= :oldest",
        {"hash": TokenChain.hash_of(token), "oldest": oldest},
    ).fetchone()
    if row is None:
        return None
    size = len(Device._fields)
    return Device(*row[:size]), TokenChain.restore(row[size:])


def of_account(account_id: int, oldest: int) -> Callable[[sqlite3.Connection], list[Device]]:
    """The devices of an account, the one used last first."""

    def work(connection: sqlite3.Connection) -> list[Device]:
        rows = connection.execute(
            f"SELECT {_DEVICE} FROM {LIVE} WHERE account = ? AND last_used >= ? ORDER BY last_used DESC, devices.id",
            (account_id, oldest),
        )
        return [Device(*row) for row in rows]

    return work


def remove(account_id: int, ids: Iterable[int]) -> Callable[[sqlite3.Connection], int]:
    """How many of these devices of an account there were: no token of theirs lets anybody in any more."""

    def work(connection: sqlite3.Connection) -> int:
        sql = "DELETE FROM devices WHERE account = ? AND id = ?"
        return sum(connection.execute(sql, (account_id, number)).rowcount for number in ids)

    return work


def note_use(ids: Iterable[int], oldest: int) -> Callable[[sqlite3.Connection], None]:
    """Somebody is logged in on these devices; and what is too old goes."""

    def work(connection: sqlite3.Connection) -> None:
        connection.executemany("UPDATE devices SET last_used = ? WHERE id = ?", [(now(), number) for number in ids])
        connection.execute("DELETE FROM devices WHERE last_used < ?", (oldest,))

    return work
