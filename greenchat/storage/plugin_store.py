"""What a plugin keeps by `ctx.store`: JSON values by keys, in a SQLite file of its own.

All of it is in memory, so that nobody who reads or writes waits, and `store["n"] += 1` is one step: it may be done
where nothing may wait. The file follows, off the event loop, within a moment; `flush` waits for it.
"""

import logging
import sqlite3
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from heapq import nlargest
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import gevent
import msgspec
from gevent import getcurrent
from gevent.event import Event

from greenchat import values
from greenchat.errors import PluginError
from greenchat.storage.sqlite import Database, open_database

log = logging.getLogger("greenchat.plugins")

MIGRATIONS = (
    """
    CREATE TABLE kept (
        space TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (space, key)
    ) WITHOUT ROWID;
    """,
)
WRITE = "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
REMOVE = "DELETE FROM kept WHERE space = ? AND key = ?"

# What one plugin may keep, in bytes of JSON: it is in memory. Who needs more has a database of their own.
MOST_BYTES = 64 * 1024 * 1024

# ... in one value: it is made into JSON, and back, in the event loop.
VALUE_BYTES = 1024 * 1024

# Characters of a key.
KEY_LENGTH = 255

# What a value takes besides itself and its key, about, in bytes: so that a million empty ones count as well.
ENTRY_BYTES = 200

# After so many seconds it is tried again to write what could not be written.
RETRY_SECONDS = 5.0

NOTHING: Mapping[str, bytes] = MappingProxyType({})

Place = tuple[str, str]  # space and key; the space is empty for what is of no room and no account


def store_path(data_dir: Path, plugin: str, kind: str = "") -> Path:
    """Where a plugin's file is, whatever its name: beside the others, so that backups and all else have it."""
    return data_dir / f"plugin-{quote(plugin, safe='').replace('.', '%2E')}{kind}.sqlite3"


def tables_path(data_dir: Path, plugin: str) -> Path:
    """Where the file of its `ctx.database` is."""
    return store_path(data_dir, plugin, ".tables")


class Space(MutableMapping[str, Any]):
    """The values of one space by their keys. What is read is a copy: `store[key] = value` changes it."""

    def __init__(self, kept: "Kept", space: str, apart: bool = False) -> None:
        self._kept = kept
        self._space = space
        self._apart = apart  # the server itself changes it, whatever transaction of the plugin goes on

    def __getitem__(self, key: str) -> Any:
        return msgspec.json.decode(self._kept.values(self._space)[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self._kept.put(self._space, _key(key), _encoded(value), self._apart)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._kept.put(self._space, key, None, self._apart)

    def add(self, key: str, number: int = 1, most: int = 10_000) -> int:
        """Add `number` to what `key` counts, from 0 on; the sum. Of more than `most` keys a tenth is forgotten: those
        that are nearest to 0."""
        total: int = self.get(key, 0) + number
        self[key] = total
        if len(self) > most:
            weak = sorted(self, key=lambda one: abs(self[one]))[: max(most // 10, 1)]
            for one in weak:
                del self[one]
        return total

    def top(self, count: int) -> list[tuple[str, int]]:
        """The `count` keys with the largest numbers, and these; the largest first."""
        return nlargest(count, self.items(), key=lambda item: item[1])

    def clear(self) -> None:
        for key in self:  # by itself, a mapping looks for the first one each time
            del self[key]

    def __contains__(self, key: object) -> bool:
        return key in self._kept.values(self._space)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._kept.values(self._space)))

    def __len__(self) -> int:
        return len(self._kept.values(self._space))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} values>"  # what people have entrusted to it is not for a log


class Store(Space):
    """What one plugin keeps."""

    def __init__(self, plugin: str, path: Path | None) -> None:
        """Without a `path` all of it is in memory alone: where no server runs."""
        super().__init__(Kept(plugin, path), "")

    def room(self, name: str) -> Space:
        """What is kept of the room of this name. It is forgotten with the room."""
        return Space(self._kept, f"room:{name}")

    def account(self, account_id: int) -> Space:
        """What is kept of the account with this id. It is forgotten with the account."""
        return Space(self._kept, f"account:{account_id:d}")

    def own(self, space: str) -> Space:
        """What greenchat itself keeps for the plugin."""
        return Space(self._kept, space, apart=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written within is written wholly, or not at all: where the block raises, all is as before, in memory
        as in the file. Nothing in it may wait; what waits nevertheless keeps the others from writing."""
        self._kept.begin()
        try:
            yield
        except BaseException:
            self._kept.roll_back()
            raise
        self._kept.commit()

    def flush(self) -> None:
        """Wait until all that was written is on the disk. Raises `DatabaseError`."""
        self._kept.flush()

    def begin(self) -> None:
        """Read the file, where there is one. Raises `DatabaseError`. Waits for the disk, as nobody does else."""
        self._kept.read()

    def forget_room(self, name: str) -> None:
        self.own(f"room:{name}").clear()

    def forget_account(self, account_id: int) -> None:
        self.own(f"account:{account_id:d}").clear()

    def close(self) -> None:
        """Write what waits, and close the file. Raises `DatabaseError` where it cannot be written."""
        self._kept.close()


class Kept:
    """All values of one plugin, as JSON, and what of them is not in the file yet."""

    def __init__(self, plugin: str, path: Path | None) -> None:
        self._spaces: dict[str, dict[str, bytes]] = {}
        self._plugin = plugin
        self._path = path
        self._size = 0
        self._database: Database | None = None
        self._is_read = path is None or not path.exists()
        self._waiting: dict[Place, bytes | None] = {}  # to be written
        self._writing = False
        self._closed = False
        self._problem: Exception | None = None  # why it could not be written the last time
        self._written = Event()  # set at the end of a write
        self._undo: dict[Place, bytes | None] | None = None  # what a transaction has changed, as it was before
        self._owner: Any = None  # the greenlet whose transaction that is

    def values(self, space: str) -> Mapping[str, bytes]:
        self.read()
        return self._spaces.get(space, NOTHING)

    def read(self) -> None:
        """At the start of the server, when the event loop has nothing else to do: it may be waited for."""
        if self._is_read:
            return
        assert self._path is not None
        connection = open_database(self._path, MIGRATIONS)
        try:
            for space, key, value in connection.execute("SELECT space, key, value FROM kept"):
                self._set(space, key, value)
        finally:
            connection.close()
        self._is_read = True

    def put(self, space: str, key: str, value: bytes | None, apart: bool = False) -> None:
        """Keep a value, or drop it; what is `apart` does not heed the transaction of another greenlet. Raises
        `PluginError` for what is too much."""
        self._require_open()
        undo = self._undo if self._owner is getcurrent() else None
        if self._undo is not undo and not apart:
            raise PluginError("a transaction of ctx.store is under way; nothing in one may wait")
        place = (space, key)
        before = self._spaces.get(space, {}).get(key)
        more = _size(key, value) - _size(key, before)
        if more > 0 and self._size + more > MOST_BYTES:
            raise PluginError(f"ctx.store is full: it takes {MOST_BYTES} bytes. Remove some, or use ctx.database")
        self._set(space, key, value)
        if undo is not None:
            undo.setdefault(place, before)
        else:
            if self._undo is not None:
                self._undo.pop(place, None)  # it stays, whatever becomes of that transaction
            self._waiting[place] = value
            self._write_soon()

    def begin(self) -> None:
        self._require_open()
        if self._undo is not None:
            raise PluginError("a transaction of ctx.store is under way: they cannot be within each other, nor wait")
        self._undo, self._owner = {}, getcurrent()

    def commit(self) -> None:
        undo = self._end()
        self._waiting |= {(space, key): self._spaces.get(space, {}).get(key) for space, key in undo}
        self._write_soon()

    def roll_back(self) -> None:
        for (space, key), before in self._end().items():
            self._set(space, key, before)

    def flush(self) -> None:
        while self._waiting or self._writing:
            if not self._writing:
                self._write()
            self._written.wait()
            if self._problem is not None:
                raise self._problem

    def _require_open(self) -> None:
        if self._closed:
            raise PluginError("its plugin has ended, so nothing is kept in ctx.store any more")
        self.read()

    def close(self) -> None:
        self._closed = True
        try:
            self.flush()
        finally:
            database, self._database = self._database, None
            if database is not None:
                database.close()

    def _end(self) -> dict[Place, bytes | None]:
        undo, self._undo, self._owner = self._undo, None, None
        assert undo is not None
        return undo

    def _set(self, space: str, key: str, value: bytes | None) -> None:
        found = self._spaces.setdefault(space, {})
        self._size += _size(key, value) - _size(key, found.get(key))
        if value is not None:
            found[key] = value
        else:
            found.pop(key, None)
            if not found:
                del self._spaces[space]

    # --- the file ---

    def _write_soon(self) -> None:
        """At the end of this turn of the event loop: what is written in it is one piece of work."""
        if self._path is None:
            self._waiting.clear()
        elif self._waiting and not self._writing and self._problem is None:
            self._writing = True
            self._written = Event()
            gevent.spawn(self._write)

    def _write(self) -> None:
        assert self._path is not None
        if not self._writing:
            self._writing, self._written = True, Event()
        if self._database is None:
            self._database = Database(self._path, MIGRATIONS)
        taken, self._waiting = self._waiting, {}

        def work(connection: sqlite3.Connection) -> None:
            for (space, key), value in taken.items():
                if value is None:
                    connection.execute(REMOVE, (space, key))
                else:
                    connection.execute(WRITE, (space, key, value))

        self._database.start(work, lambda result, error: self._wrote(taken, error))

    def _wrote(self, taken: dict[Place, bytes | None], error: Exception | None) -> None:
        self._writing, written = False, self._written
        if error is not None:
            self._waiting = taken | self._waiting
            if self._problem is None:
                log.error(
                    "what plugin %s keeps waits in memory: %s", self._plugin, error, extra={"plugin": self._plugin}
                )
            self._problem = error
            gevent.spawn_later(RETRY_SECONDS, self._retry)
        else:
            if self._problem is not None:
                log.info("what plugin %s keeps is written again", self._plugin, extra={"plugin": self._plugin})
            self._problem = None
            self._write_soon()
        written.set()

    def _retry(self) -> None:
        if self._waiting and not self._writing and not self._closed:
            self._write()


def _size(key: str, value: bytes | None) -> int:
    return 0 if value is None else len(key) + len(value) + ENTRY_BYTES


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of ctx.store is a str, not {type(key).__name__}")
    key = values.text(key)
    if not 0 < len(key) <= KEY_LENGTH:
        raise PluginError(f"a key of ctx.store has 1 to {KEY_LENGTH} characters")
    return key


def as_json(value: Any) -> Any:
    """`value` as it is read again. Raises `PluginError` where it is no JSON."""
    return msgspec.json.decode(_encoded(value))


def _encoded(value: object) -> bytes:
    try:
        data = msgspec.json.encode(value)
        data.decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PluginError(f"what is no JSON cannot be kept in ctx.store: {values.shown(error)}") from None
    if len(data) > VALUE_BYTES:
        raise PluginError(f"that is too much for ctx.store: a value takes {VALUE_BYTES} bytes of JSON")
    return data
