"""Somebody's right to be forgotten, in what two people have said to each other alone: their words are as if they had
deleted them, and then gone from the bytes of the file as well. For command lines; a server may use the file.

`FORGOTTEN` has deleted what they said, and is what their account is called once that is gone."""

import json
import sqlite3
import time
from collections.abc import Callable, Collection
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from greenchat.errors import Reject
from greenchat.protocol.names import FORGOTTEN, require_name
from greenchat.storage import cleaning, direct_index, direct_rows
from greenchat.storage.direct_rows import FILE, MIGRATIONS
from greenchat.storage.epochs import EpochFile, new_epoch
from greenchat.storage.sqlite import as_database_error, open_database, transaction

T = TypeVar("T")

# How long it waits for its turn, in seconds, each of the many times that it writes: a server with much to write leaves
# others only short moments in which they may, and nobody is in a hurry here.
PATIENCE = 60.0

# Messages that are dealt with in one go: some milliseconds, for which others wait who want to write.
STEP = 500


class Known(Protocol):
    """An account, as `Accounts` have it."""

    @property
    def id(self) -> int: ...


class Accounts(Protocol):
    """See `greenchat.chat.accounts.AccountDirectory`."""

    def find(self, key: str) -> Known | None: ...

    @property
    def ids(self) -> Collection[int]: ...


class Forgetting:
    """Of who has, or had last, the name `name`: the account that is called so, and those that were and are gone.
    `messages` of theirs are in so many `conversations`; there is nothing of them where there are no `accounts`. All of
    it raises `DatabaseError`."""

    def __init__(self, data_dir: Path, name: str, accounts: Accounts) -> None:
        self._path = data_dir / FILE
        self._key = _key_of(name)
        self._there = accounts.ids
        known = accounts.find(self._key)
        look = partial(self._look, account=known.id if known is not None else 0)
        nothing: tuple[list[int], int, int] = ([], 0, 0)
        self.accounts, self.messages, self.conversations = self._with_file(look, nothing)

    def forget(self) -> int:
        """Forget them, also in the bytes of the file. How many messages of theirs there were."""
        return self._with_file(self._forget, 0)

    def _look(self, connection: sqlite3.Connection, account: int) -> tuple[list[int], int, int]:
        ends = connection.execute("SELECT DISTINCT account, name FROM ends").fetchall()
        absent = [(one, name) for one, name in ends if one not in self._there and name != FORGOTTEN]
        gone = {one for one, name in absent if _key_of(name) == self._key}
        accounts = sorted(gone | ({account} & {one for one, _ in ends}))
        messages, conversations = connection.execute(
            "SELECT count(*), count(DISTINCT messages.conversation) FROM ends JOIN messages "
            "ON messages.conversation = ends.conversation AND messages.account = ends.account "
            "WHERE ends.account IN (SELECT value FROM json_each(?))",
            (json.dumps(accounts),),
        ).fetchone()
        return accounts, messages, conversations

    def _forget(self, connection: sqlite3.Connection) -> int:
        count = 0
        for account in self.accounts:
            of = connection.execute("SELECT conversation FROM ends WHERE account = ?", (account,)).fetchall()
            for (conversation,) in of:
                what = {"conversation": conversation, "account": account}
                while found := _in_turn(connection, partial(_words, **what)):
                    count += found
                _in_turn(connection, partial(_traces, **what, key=self._key))
                if account not in self._there:
                    _in_turn(connection, partial(_name, **what))
        if unclean := direct_rows.unclean(connection):
            _in_turn(connection, direct_index.merge)
            cleaning.clean_file(connection, self._path, PATIENCE)
            transaction(connection, partial(direct_rows.cleaned, count=unclean))
        return count

    def _with_file(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if not self._path.exists():
            return otherwise
        with closing(open_database(self._path, MIGRATIONS, busy_seconds=PATIENCE)) as connection:
            try:
                return work(connection)
            except sqlite3.Error as error:
                raise as_database_error(error, self._path) from error


def nameless(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """Ends that have no name any more, by conversations and accounts."""
    return connection.execute("SELECT conversation, account FROM ends WHERE name = ?", (FORGOTTEN,)).fetchall()


# --- the steps: after each of them a new time begins, so that who has read these words reads all anew ---


def _words(connection: sqlite3.Connection, conversation: str, account: int) -> int:
    these = connection.execute(
        "SELECT seq FROM messages WHERE conversation = ? AND account = ? LIMIT ?", (conversation, account, STEP)
    ).fetchall()
    asked = [(conversation, seq) for (seq,) in these]
    for which in asked:
        direct_index.unindex(connection, "messages.conversation = ? AND seq = ?", which)
    now = time.time_ns() // 1000
    connection.executemany(
        "UPDATE messages SET account = 0, sender = '', text = '', action = 0, reply_to = 0, edited = NULL, "
        f"reactions = NULL, files = NULL, deleted = coalesce(deleted, {now}), deleted_by = '{FORGOTTEN}' "
        "WHERE conversation = ? AND seq = ?",
        asked,
    )
    connection.executemany("UPDATE keys SET said = x'' WHERE conversation = ? AND seq = ?", asked)
    direct_rows.soil(connection, len(these))
    return len(these)


def _traces(connection: sqlite3.Connection, conversation: str, account: int, key: str) -> None:
    """What they have put to messages of the other one, and that they have deleted their own."""
    EpochFile.renew(connection, new_epoch())
    rows = connection.execute(
        "SELECT seq, reactions FROM messages WHERE conversation = ? AND reactions IS NOT NULL", (conversation,)
    ).fetchall()
    for seq, stored in rows:
        kept = [one for one in json.loads(stored) if one[2] != account]
        connection.execute(
            "UPDATE messages SET reactions = ? WHERE conversation = ? AND seq = ?",
            (json.dumps(kept, ensure_ascii=False) if kept else None, conversation, seq),
        )
    deleted = connection.execute(
        "SELECT DISTINCT deleted_by FROM messages WHERE conversation = ? AND deleted IS NOT NULL", (conversation,)
    ).fetchall()
    for (by,) in deleted:
        if by is not None and _key_of(by) == key:
            connection.execute(
                "UPDATE messages SET deleted_by = ? WHERE conversation = ? AND deleted_by = ?",
                (FORGOTTEN, conversation, by),
            )


def _name(connection: sqlite3.Connection, conversation: str, account: int) -> None:
    connection.execute(
        "UPDATE ends SET name = ? WHERE account = ? AND conversation = ?", (FORGOTTEN, account, conversation)
    )
    direct_rows.soil(connection, 1)


def _in_turn(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """One transaction of many: a server that wants to write has as much time, afterwards, as this one took."""
    start = time.monotonic()
    result = transaction(connection, work)
    time.sleep(time.monotonic() - start)
    return result


def _key_of(name: str) -> str:
    """What names are compared by; names that nobody can choose, such as `FORGOTTEN`, by themselves."""
    try:
        return require_name(name, 0)[1]
    except Reject:
        return name
