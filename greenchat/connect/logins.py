"""What `greenchat connect` keeps on this machine, so that whoever opens it again is who they were: tokens, by server.

They are in one file for this user's eyes alone, which is replaced as a whole. Beside it is a file of locks: its first
byte belongs to whoever changes the tokens, and each byte behind it to the client whose session has that number, for as
long as it runs. So nobody takes a session away from another terminal, and the kernel knows when a terminal has gone.

Where there is a keyring, the tokens of devices go on into that as soon as it has taken them, and leave the file, which
says then that they are there. Nobody waits for it meanwhile; and those of sessions, good for two minutes, stay.
"""

import fcntl
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from threading import RLock

import msgspec

from greenchat.connect.keychain import KEYCHAIN, Keychain
from greenchat.net.encryption import Encryption
from greenchat.protocol.address import UNIX

FILE, LOCKS = "connect.json", "connect.lock"

# Of sessions whose client has gone so many are kept, the latest: they are good for some two minutes.
MOST_SESSIONS = 100


class Entry(msgspec.Struct, omit_defaults=True):
    """A token of somebody called `name`, or whose account that is: of the session with this number, or of the device
    itself (0). With `item` the token is in the keyring, and not here."""

    server: str
    name: str
    token: str
    session: int = 0
    item: str = ""

    def __repr__(self) -> str:
        return f"Entry({self.server!r}, {self.name!r})"  # the token is a secret


class Logins:
    """The tokens for one server. Where the directory cannot be used, none are there, and none are kept."""

    def __init__(self, server: str, directory: Path | None = None, keychain: Keychain = KEYCHAIN) -> None:
        self._server = server
        self._directory = directory
        self._keychain = keychain
        self._turn = RLock()  # of our own threads: the kernel's locks are the process's
        self._locks = -1  # the descriptor; never closed while it runs, since that would end all locks
        self._session = 0  # the number of our own session; 0 for none
        self._kept = Entry("", "", "")
        self._works = False  # whether the latest change was kept
        self.is_locked = False  # a token is in the keyring, which has not given it

    def last(self) -> str:
        """The account that one has last logged in to, to stay; empty for none."""
        with self._changing(False) as entries:
            return next((entry.name for entry in reversed(entries) if self._is_device(entry)), "")

    def device(self, name: str, known: str = "") -> str:
        """The token with which one stays logged in to the account called `name`; empty for none. The keyring is not
        asked for one that is `known`."""
        with self._changing(False) as entries:
            found = next((entry for entry in entries if self._is_device(entry, name)), Entry("", "", ""))
        if not found.item:
            return found.token
        if known and found.item == self._item(name, known):
            return known
        token = self._keychain.get(found.item)
        self.is_locked = not token
        return token

    def keep_device(self, name: str, token: str) -> bool:
        """Whether `token` is kept, in the place of the one before."""
        with self._changing(True) as entries:
            before = [entry for entry in entries if self._is_device(entry, name)]
            entries[:] = [entry for entry in entries if entry not in before]
            entries.append(Entry(self._server, _key(name), token))
        if self._works:
            self._keychain.put(self._item(name, token), token, lambda: self._moved(name, token))
        self._drop(before)
        return self._works

    def forget_device(self, name: str, token: str = "") -> None:
        """Keep the one of the account called `name` no more; with `token` only if it is that one still."""
        with self._changing(True) as entries:
            gone = [
                entry
                for entry in entries
                if self._is_device(entry, name)
                and (not token or entry.token == token or entry.item == self._item(name, token))
            ]
            entries[:] = [entry for entry in entries if entry not in gone]
        self._drop(gone)

    def _moved(self, name: str, token: str) -> None:
        """The keyring has it. Another terminal may have got the next one meanwhile."""
        item, moved = self._item(name, token), False
        with self._changing(True) as entries:
            for number, entry in enumerate(entries):
                if self._is_device(entry, name) and entry.token == token:
                    entries[number] = Entry(self._server, _key(name), "", item=item)
                    moved = True
        if not moved:
            self._keychain.drop(item)

    def _drop(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.item:
                self._keychain.drop(entry.item)

    def _item(self, name: str, token: str) -> str:
        """What the keyring calls it: as its owner may read, and another one for each token."""
        return f"{_key(name)} at {self._server} {sha256(token.encode()).hexdigest()[:12]}"

    def take_session(self, name: str) -> str:
        """The token of a session of who is called `name`, whose client has gone: it is ours now. Empty for none."""
        with self._changing(True) as entries:
            for entry in reversed(entries):
                if entry.session and self._is_of(entry, name) and self._lock(entry.session):
                    self._session, self._kept = entry.session, entry
                    return entry.token
        return ""

    def keep_session(self, name: str, token: str) -> None:
        """Keep the `token` of our session, in the place of the one before."""
        if (self._kept.name, self._kept.token) == (_key(name), token):
            return
        with self._changing(True) as entries:
            if self._locks < 0:
                return
            if not self._session:
                taken = {entry.session for entry in entries}
                self._session = next(number for number in count(1) if number not in taken and self._lock(number))
            entries[:] = [entry for entry in entries if entry.session != self._session]
            self._kept = Entry(self._server, _key(name), token, self._session)
            entries.append(self._kept)
            self._tidy(entries)

    def forget_session(self) -> None:
        """Keep the one of our session no more."""
        if self._session:
            with self._changing(True) as entries:
                entries[:] = [entry for entry in entries if entry.session != self._session]
            self._kept = Entry("", "", "")

    # --- the file ---

    def _tidy(self, entries: list[Entry]) -> None:
        """Drop the oldest sessions of clients that have gone, of too many."""
        sessions = [entry for entry in entries if entry.session not in (0, self._session)]
        for entry in sessions[: max(0, len(sessions) - MOST_SESSIONS)]:
            if self._lock(entry.session):
                self._unlock(entry.session)
                entries.remove(entry)

    @contextmanager
    def _changing(self, change: bool) -> Iterator[list[Entry]]:
        """What is kept, while nobody else changes it; with `change`, what is made of it is kept."""
        with self._turn:
            try:
                self._open()
                fcntl.lockf(self._locks, fcntl.LOCK_EX, 1, 0)
            except OSError:
                self._works = False
                yield []
                return
            try:
                before = self._read()
                entries = [*before]
                yield entries
                if change and entries != before:
                    self._works = self._write(entries)
            finally:
                self._unlock(0)

    def _open(self) -> None:
        if self._locks >= 0:
            return
        if self._directory is None:
            import platformdirs  # most of what it takes to start is in imports, and a pipe keeps nothing

            self._directory = platformdirs.user_state_path("greenchat")
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._locks = os.open(self._directory / LOCKS, os.O_RDWR | os.O_CREAT, 0o600)

    def _read(self) -> list[Entry]:
        assert self._directory is not None
        try:
            return msgspec.json.decode((self._directory / FILE).read_bytes(), type=list[Entry])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return []

    def _write(self, entries: list[Entry]) -> bool:
        """Whether that was possible: nobody is kept from chatting by a full disk."""
        assert self._directory is not None
        new = self._directory / f"{FILE}.new"
        try:
            with suppress(FileNotFoundError):
                new.unlink()  # of somebody who did not come to an end with it
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.encode(entries))
            new.replace(self._directory / FILE)
        except OSError:
            return False
        return True

    def _lock(self, number: int) -> bool:
        """Lock the byte of a session; whether no other process has it."""
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            return False
        return True

    def _unlock(self, number: int) -> None:
        fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, number)

    def _is_of(self, entry: Entry, name: str) -> bool:
        return (entry.server, entry.name) == (self._server, _key(name))

    def _is_device(self, entry: Entry, name: str = "") -> bool:
        return not entry.session and (self._is_of(entry, name) if name else entry.server == self._server)


def server_key(host: str, port: int, encryption: Encryption | None) -> str:
    """What a server is kept under. A token that came encrypted is never sent to who might be somebody else."""
    where = host if host.startswith(UNIX) else f"{host.lower()} {port}"
    if encryption is None:
        return where
    return f"{where} tls unverified" if encryption.insecure else f"{where} tls"


def _key(name: str) -> str:
    """The same for all spellings of a name that a server takes for one."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()
