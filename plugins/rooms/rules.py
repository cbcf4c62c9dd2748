"""What holds for a room, and where that is kept. No command and no session is known here."""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

from greenchat import AccountDirectory, Database, DatabaseError, Reject, Room

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
    "ALTER TABLE rooms ADD COLUMN kept INTEGER NOT NULL DEFAULT 1;",
    # Owners are accounts, by their ids. `owner_key` is what there was instead, until it is known whose it is.
    """
    ALTER TABLE rooms RENAME COLUMN owner TO owner_key;
    ALTER TABLE rooms ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;
    """,
)

# The owner of a room whose account is gone: it is nobody's, and does not become that of who comes in next.
GONE = -1

# Rooms whose protection outlasts them, so that nobody reads what was said there by making a room of the same name. Who
# protects one after the other must not fill the disk.
MOST_HELD = 10_000

Work = Callable[[sqlite3.Connection], None]


@dataclass(eq=False, slots=True, weakref_slot=True)
class Rules:
    """What holds for a room.

    `topic_by` is "everybody" or "owner". `topic` and `owner`, the id of an account, are what the room has when it is
    opened again; empty and 0 for none. `owner_key` is the owner's name, from before accounts had ids, until it is known
    whose it is. `entered`: somebody has come in before, so who comes now has not made the room.
    """

    key: str = field(default="", repr=False)
    invite_only: bool = False
    topic_by: str = "everybody"
    topic: str = ""
    owner: int = 0
    owner_key: str = ""
    kept: bool = False
    entered: bool = False

    @property
    def protected(self) -> bool:
        return bool(self.key) or self.invite_only


class RuleBook:
    """The rules of all rooms. In a file as well, which is read once, at the start, are those of kept rooms, and of
    protected ones: what was said there must not be had by making a room of the same name when it has gone.

    Whatever is set holds at once. Where it is to last, it is on the disk when the method returns; who sets something
    else meanwhile gets it written after that, so that the file never falls back.
    """

    def __init__(self, path: Path) -> None:
        self.lasting: dict[str, Rules] = {}  # what is in the file
        self.usable = True
        self._complaint = ""
        self._open: WeakKeyDictionary[Room, Rules] = WeakKeyDictionary()
        self._database = Database(path, MIGRATIONS)

    def read(self) -> bool:
        """Know all rules that last. Where the file cannot be used, the log says so, and it is false: to be tried again.
        Until then nobody knows who may enter which room."""
        try:
            self.lasting = self._database.run(_load)
        except DatabaseError as error:
            self.give_up(error)
            return False
        if not self.usable:
            self.usable = True
            log.warning("all rooms are open again: it is known who may enter which")
        return True

    def give_up(self, error: DatabaseError) -> None:
        """It is not known who may enter which room."""
        if str(error) != self._complaint:
            log.error("only the default room is open for now: it is not known who may enter which: %s", error)
        self.usable, self._complaint = False, str(error)

    def close(self) -> None:
        self._database.close()

    @property
    def kept(self) -> list[str]:
        """The names of rooms that are there when nobody is in them."""
        return [name for name, rules in self.lasting.items() if rules.kept]

    # --- look ---

    def of(self, room: Room) -> Rules:
        """What holds for `room`, which is open."""
        return self._open.setdefault(room, Rules())

    def opened(self, room: Room) -> None:
        """Give a room that is opened what has lasted of it."""
        rules = self.lasting.get(room.name)
        if rules is not None:
            self._open[room] = rules
            room.topic, room.owner = rules.topic if rules.kept else "", rules.owner if rules.owner > 0 else None
            rules.entered = rules.kept or bool(rules.owner or rules.owner_key)

    def settle(self, accounts: AccountDirectory) -> None:
        """Rooms whose owner was kept by name are the account's that had the name then, or else nobody's: whoever has
        registered it since is somebody else."""
        for name, rules in self.lasting.items():
            if rules.owner_key:
                heir = accounts.heir_of(rules.owner_key)
                if heir is None:
                    log.warning("%s is nobody's room now: %s, who owned it, has no account", name, rules.owner_key)
                rules.owner, rules.owner_key = GONE if heir is None else heir.id, ""
                self._database.start(_replace(name, rules), _log_failure)
                for room, those in self._open.items():
                    if those is rules and heir is not None:
                        room.owner = heir.id
                        for member in room.members.values():
                            room.tell_role(member)

    # --- change ---

    def set(self, room: Room, name: str, value: str | bool | int) -> None:
        """Set one of the rules of `room`, by its name. Raises `Reject` where it holds, but cannot be kept."""
        rules = self.of(room)
        before = getattr(rules, name)
        setattr(rules, name, value)
        if name == "owner":
            rules.owner_key = ""
        if rules.protected and room.name not in self.lasting and len(self.lasting) >= MOST_HELD:
            setattr(rules, name, before)
            raise Reject("There are too many protected rooms. Tell whoever runs the server.", code="not_kept")
        self._store(room, rules, "This holds now, but it could not be kept, and is gone after the next start.")

    def set_owner(self, room: Room, account_id: int) -> None:
        """As `set`, without waiting: what cannot be kept goes to the log."""
        rules = self.of(room)
        rules.owner, rules.owner_key = account_id, ""
        if room.name in self.lasting:
            self._database.start(_replace(room.name, rules), _log_failure)

    def keep(self, room: Room, otherwise: str, *, kept: bool) -> None:
        """Keep `room` when nobody is in it, and over restarts; or no more. Raises `Reject` where that cannot be:
        `otherwise`, and whom to tell."""
        rules = self.of(room)
        rules.topic, rules.kept = room.topic, kept
        try:
            self._store(room, rules, otherwise)
        except Reject:
            rules.kept = not kept
            self._remember(room.name, rules)
            raise

    def _store(self, room: Room, rules: Rules, otherwise: str) -> None:
        before = room.name in self.lasting
        if isinstance(room.owner, int):
            rules.owner = room.owner
        if rules.owner:
            rules.owner_key = ""
        lasts = self._remember(room.name, rules)
        if lasts:
            self._write(_replace(room.name, rules), otherwise)
        elif before:
            self._write(_delete(room.name), otherwise)

    def _remember(self, name: str, rules: Rules) -> bool:
        """Whether these rules are to last."""
        if rules.kept or rules.protected:
            self.lasting[name] = rules
        else:
            self.lasting.pop(name, None)
        return name in self.lasting

    def _write(self, work: Work, otherwise: str) -> None:
        verdict = Reject(f"{otherwise} Tell whoever runs the server.", code="not_kept")
        if not self.usable:
            raise verdict
        try:
            self._database.run(work)
        except DatabaseError as error:
            _log_failure(None, error)
            raise verdict from None


# --- the file --------------------------------------------------------------------------------------------------------


def _load(connection: sqlite3.Connection) -> dict[str, Rules]:
    rows = connection.execute("SELECT name, key, invite_only, topic_by, topic, owner, owner_key, kept FROM rooms")
    return {
        name: Rules(key, bool(only), by, topic, owner, owner_key, kept=bool(kept))
        for name, key, only, by, topic, owner, owner_key, kept in rows
    }


def _replace(name: str, rules: Rules) -> Work:
    values = (
        *(name, rules.key, rules.invite_only, rules.topic_by, rules.topic),
        *(rules.owner, rules.owner_key, rules.kept),
    )
    return _execute(
        "REPLACE INTO rooms (name, key, invite_only, topic_by, topic, owner, owner_key, kept) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *values,
    )


def _delete(name: str) -> Work:
    return _execute("DELETE FROM rooms WHERE name = ?", name)


def _execute(statement: str, *values: str | bool | int) -> Work:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute(statement, values)

    return work


def _log_failure(_: None, error: Exception | None) -> None:
    if error is not None:
        log.error("what was set for a room could not be kept: %s", error)
