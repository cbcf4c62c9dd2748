"""The accounts of a running server: who has registered, in memory, since each join asks for it; the rest on disk."""

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from gevent.lock import BoundedSemaphore
from msgspec.structs import replace

from greenchat import Account as Entitled
from greenchat import AccountDirectory, Database, DatabaseError, Reject

from . import device_store, store
from .device_store import Back
from .refusals import changed_meanwhile, unavailable
from .store import Account, Registered

log = logging.getLogger("greenchat.accounts")

T = TypeVar("T")

# A file that is damaged stays so for a while: one line a minute about it is enough.
COMPLAINT_SECONDS = 60.0


class Changed(NamedTuple):
    """What another process has changed: the keys of accounts that are gone, or whose password is another one; and the
    devices that are gone."""

    accounts: set[str]
    devices: set[int]


class Registry:
    """`registered` has the key of each registered name, and what has to be known of it at once. The directory is where
    other plugins look who has registered.

    The file may be damaged when the server starts. The chat goes on then: nobody can log in, so nobody has the rights
    of an account, and names are free to all until the file can be read. To refuse them all would end the chat instead.
    Once it has been read, names stay reserved, whatever becomes of the file.
    """

    def __init__(self, path: Path, directory: AccountDirectory) -> None:
        self.registered: dict[str, Registered] = {}
        self._directory = directory
        self._database = Database(path, store.MIGRATIONS)
        # Who changes the file holds it until memory has changed as well, so that `look` cannot undo that with what it
        # has read before.
        self._turn = BoundedSemaphore()
        self._seen: object = None  # the state of the file when it was looked at last
        self._loaded = False
        self._readable = True  # when it was looked at last
        self._quiet_until = 0.0

    def go_on(self, passwords: Mapping[str, int]) -> None:
        """To be called before the first `look`, which tells what has changed since: see `passwords_of`."""
        self.registered = {key: Registered(password_set, 0) for key, password_set in passwords.items()}

    def passwords_of(self, keys: Iterable[str]) -> dict[str, int]:
        """When the passwords of these accounts were set, for who goes on after a reload."""
        return {key: self.registered[key].password_set for key in keys if key in self.registered}

    def look(self, devices: Collection[int] = ()) -> Changed:
        """Read again what another process may have changed, of `devices` as well."""
        with self._turn:
            try:
                self._seen, found = self._run(store.look(self._seen, devices), writes=False)
            except DatabaseError as error:
                self._readable = False
                self._complain(error)
                return Changed(set(), set())
            if not self._readable:
                log.info("accounts can be used again")
            self._readable = self._loaded = True
            if found is None:
                return Changed(set(), set())
            before, (self.registered, accounts, gone) = self.registered, found
            self._directory.replace(accounts)
            changed = {key for key, known in before.items() if self.password_set(key) != known.password_set}
            return Changed(changed, gone)

    def password_set(self, key: str) -> int | None:
        """When that was, of the account `key`; None where nobody has registered it."""
        known = self.registered.get(key)
        return known.password_set if known is not None else None

    def require_loaded(self) -> None:
        """Raises `Reject` as long as the file could not be read since the start."""
        if not self._loaded:
            raise unavailable()

    def find(self, key: str) -> Account | None:
        return self.ask(store.find(key), writes=False)

    def add(self, key: str, account: Account, home: int = 0) -> None:
        """Raises `Reject` where somebody has it."""
        with self._turn:
            if not self.ask(store.add(key, account, home)):
                self._seen = None  # it is there, but we did not know of it
                raise Reject(f"The username {account.name} belongs to somebody. Choose another.", code="name_reserved")
            self.registered[key] = Registered(account.password_set, home)
            self._directory.add(Entitled(account.id, key, account.name, since=account.password_set))

    def set_password(self, key: str, account: Account, hashed: str) -> None:
        """Raises `Reject` where the account is not any more what it was when its password was asked for."""
        password_set = store.now()
        with self._turn:
            if not self.ask(store.set_password(key, hashed, password_set, account.password_set)):
                raise changed_meanwhile()
            self.registered[key] = self.registered[key]._replace(password_set=password_set)
            known = self._directory.by_id(account.id)
            if known is not None:
                self._directory.add(replace(known, since=password_set))

    def remove(self, key: str, account: Account) -> None:
        """Raises `Reject` as `set_password` does."""
        with self._turn:
            if not self.ask(store.remove(key, account.password_set)):
                raise changed_meanwhile()
            self.registered.pop(key, None)
            self._directory.remove(Entitled(account.id, key, account.name))

    def note_login(self, key: str, account: Account, renewed: str | None, home: int) -> None:
        """Raises `Reject` as `set_password` does. Where the disk is full, people can still log in."""
        try:
            self._run(store.note_login(key, account, renewed, home))
        except DatabaseError as error:
            self._complain(error)
        if self.password_set(key) != account.password_set:
            raise changed_meanwhile()
        self.registered[key] = Registered(account.password_set, home)

    def come_back(self, token: str, network: str, oldest: int) -> Back | None:
        """Who comes back by the token of a device, if it is good: see device_store.py. The next one is on disk before
        anybody is told it; where the disk is full, this one stays good. Raises `Reject` where the file cannot be used.
        """
        self.require_loaded()
        try:
            back = self._run(device_store.use(token, network, oldest))
        except DatabaseError as error:
            self._complain(error)
            back = self.ask(device_store.look_up(token, oldest), writes=False)
        if back is None or self.password_set(back.device.key) != back.device.password_set:
            return None
        home = store.home_of(back.device.account_id, network)
        self.registered[back.device.key] = Registered(back.device.password_set, home)
        return back

    def close(self) -> None:
        self._database.close()

    def ask(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> T:
        """What `work` returns. Raises `Reject` where the file cannot be used."""
        self.require_loaded()
        try:
            return self._run(work, writes=writes)
        except DatabaseError as error:
            self._complain(error)
            raise unavailable() from None

    def _run(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> T:
        try:
            return self._database.run(work, writes=writes)
        except BaseException:
            # If it is this greenlet that has been ended, the work may be done all the same: `look` has to find out.
            self._seen = None
            raise

    def _complain(self, error: DatabaseError) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + COMPLAINT_SECONDS
            more = "" if self._loaded else " Until then nobody can log in, and anybody can have any name."
            log.error("accounts: %s%s", error, more)
