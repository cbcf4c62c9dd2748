"""What holds for a room, and where that is kept. No command and no session is known here."""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

from greenchat import Database, DatabaseError, Reject, Room

log = logging.getLogger("greenchat.rooms")

MIGRATIONS = (
    """
    CREATE TABLE rooms (
        name TEXT PRIMARY KEY,
        key TEXT NOT NULL,
        invite_only INTEGER NOT NULL,
        topic_by TEXT NOT NULL,
        topic TEXT NOT NULL,
        owner TEXT NOT NULL
    );
    """,
)

Work = Callable[[sqlite3.Connection], None]


@dataclass(eq=False, slots=True, weakref_slot=True)
class Rules:
    """What holds for a room.

    `topic_by` is "everybody" or "owner". `topic` and `owner`, an account, are what a kept room has when it is opened
    again; empty for none. `entered`: somebody has come in before, so who comes now has not made the room.
    """

    key: str = field(default="", repr=False)
    invite_only: bool = False
    topic_by: str = "everybody"
    topic: str = ""
    owner: str = ""
    kept: bool = False
    entered: bool = False

    @property
    def protected(self) -> bool:
        return bool(self.key) or self.invite_only


class RuleBook:
    """The rules of all rooms. Those of kept rooms are in a file as well, which is read once, at the start.

    Whatever is set holds at once. For a kept room it is on the disk when the method returns; who sets something else
    meanwhile gets it written after that, so that the file never falls back.
    """

    def __init__(self, path: Path) -> None:
        self.kept: dict[str, Rules] = {}
        self._open: WeakKeyDictionary[Room, Rules] = WeakKeyDictionary()
        self._usable = True
        self._database = Database(path, MIGRATIONS)

    def read(self) -> None:
        """Know all kept rooms. Where the file cannot be used, none is kept until the next start, and the log says so:
        a chat without its kept rooms is better than none."""
        try:
            self.kept = self._database.run(_load)
        except DatabaseError as error:
            self._usable = False
            log.error("rooms are not kept until the next start, and those that were are open to all now: %s", error)

    def close(self) -> None:
        self._database.close()

    # --- look ---

    def of(self, room: Room) -> Rules:
        """What holds for `room`, which is open."""
        return self._open.setdefault(room, Rules())

    def opened(self, room: Room) -> None:
        """Give a room that is opened what was kept of it."""
        rules = self.kept.get(room.name)
        if rules is not None:
            self._open[room] = rules
            room.topic, room.owner = rules.topic, rules.owner or None

    # --- change ---

    def set(self, room: Room, name: str, value: str | bool) -> None:
        """Set one of the rules of `room`, by its name. Raises `Reject` where it holds, but cannot be kept."""
        rules = self.of(room)
        setattr(rules, name, value)
        if rules.kept:
            self._write(
                _update(room.name, name, value),
                "This holds now, but it could not be kept, and is gone after the next start.",
            )

    def set_owner(self, room: Room, account: str) -> None:
        """As `set`, without waiting: what cannot be kept goes to the log."""
        rules = self.of(room)
        rules.owner = account
        if rules.kept:
            self._database.start(_update(room.name, "owner", account), _log_failure)

    def keep(self, room: Room) -> None:
        """Keep `room` when nobody is in it, and over restarts. Raises `Reject` where that cannot be."""
        rules = self.of(room)
        rules.topic, rules.owner = room.topic, room.owner if isinstance(room.owner, str) else ""
        rules.kept, self.kept[room.name] = True, rules
        try:
            self._write(_insert(room.name, rules), "No room can be kept at the moment.")
        except Reject:
            rules.kept = False
            del self.kept[room.name]
            raise

    def drop(self, room: Room) -> None:
        """Keep `room` no more: it goes when nobody is in it. Raises `Reject` where that cannot be."""
        rules = self.kept.pop(room.name)
        rules.kept = False
        try:
            self._write(_delete(room.name), "This cannot be changed at the moment.")
        except Reject:
            rules.kept, self.kept[room.name] = True, rules
            raise

    def _write(self, work: Work, otherwise: str) -> None:
        verdict = Reject(f"{otherwise} Tell whoever runs the server.", code="not_kept")
        if not self._usable:
            raise verdict
        try:
            self._database.run(work)
        except DatabaseError as error:
            _log_failure(None, error)
            raise verdict from None


# --- the file --------------------------------------------------------------------------------------------------------


def _load(connection: sqlite3.Connection) -> dict[str, Rules]:
    rows = connection.execute("SELECT name, key, invite_only, topic_by, topic, owner FROM rooms")
    return {
        name: Rules(key, bool(only), by, topic, owner, kept=True, entered=True)
        for name, key, only, by, topic, owner in rows
    }


def _insert(name: str, rules: Rules) -> Work:
    values = (name, rules.key, rules.invite_only, rules.topic_by, rules.topic, rules.owner)
    return _execute(
        "REPLACE INTO rooms (name, key, invite_only, topic_by, topic, owner) VALUES (?, ?, ?, ?, ?, ?)", *values
    )


def _update(name: str, column: str, value: str | bool) -> Work:
    return _execute(f"UPDATE rooms SET {column} = ? WHERE name = ?", value, name)


def _delete(name: str) -> Work:
    return _execute("DELETE FROM rooms WHERE name = ?", name)


def _execute(statement: str, *values: str | bool) -> Work:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute(statement, values)

    return work


def _log_failure(_: None, error: Exception | None) -> None:
    if error is not None:
        log.error("what was set for a kept room could not be kept: %s", error)
