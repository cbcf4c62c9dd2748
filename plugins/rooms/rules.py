"""What holds for a room, and where that is kept. No command and no session is known here."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import convert, to_builtins

from greenchat import AccountDirectory, Database, DatabaseError, Reject, Room, file_state

from . import store
from .store import GONE, Rules, Work

log = logging.getLogger("greenchat.rooms")

# How exactly it is known when a room was used last, in seconds: nobody asks for less than days, and it is a write.
USED_SECONDS = 86_400

# The rules that keep people out.
PROTECTION = ("key", "invite_only")


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
        self._carried: dict[str, Rules] = {}  # those of rooms that were open before a reload, until they are opened
        self._database = Database(path, store.MIGRATIONS)
        self._seen: object = None  # the state of the file when it was looked at last

    def read(self) -> bool:
        """Know all rules that last. Where the file cannot be used, the log says so, and it is false: to be tried again.
        Until then nobody knows who may enter which room."""
        try:
            self.lasting = self._database.run(store.load)
        except DatabaseError as error:
            self.give_up(error)
            return False
        if not self.usable:
            self.usable = True
            log.warning("all rooms are open again: it is known who may enter which")
            for room, rules in list(self._open.items()):  # those that were open before
                self._open[room] = lasting = self.lasting.get(room.name, rules)
                lasting.entered = True
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

    # --- over a reload ---

    def state(self, rooms: Mapping[str, Room]) -> dict[str, Any]:
        """What holds in `rooms`, which are open. See `go_on`."""
        return {name: to_builtins(self.of(room)) for name, room in rooms.items()}

    def go_on(self, state: Mapping[str, Any], rooms: Mapping[str, Room]) -> None:
        """From there: the same `rooms` are open, before they are `opened` to plugins. What has lasted is what the file
        has of it, if that can be read."""
        for name, rules in state.items():
            if name in rooms:
                self._carried[name] = self._open[rooms[name]] = self.lasting.get(name) or convert(rules, Rules)
                self._carried[name].entered = rules["entered"]

    # --- look ---

    def of(self, room: Room) -> Rules:
        """What holds for `room`, which is open."""
        return self._open.setdefault(room, Rules())

    def opened(self, room: Room) -> None:
        """Give a room that is opened what has lasted of it."""
        if self._carried.pop(room.name, None) is not None:
            return  # what it is about and whose it is goes with the room
        rules = self.lasting.get(room.name)
        if rules is not None:
            self._open[room], room.lasts, room.voices = rules, True, set(rules.voices)
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
                self._database.start(store.put(name, rules), _log_failure)
                for room, those in self._open.items():
                    if those is rules and heir is not None:
                        room.owner = heir.id
                        for member in room.members.values():
                            room.tell_role(member)

    def look(self) -> None:
        """Take note of what the command line has removed. Raises `DatabaseError`."""
        state = self._database.run(file_state, writes=False)
        if state != self._seen:
            for name in self._database.run(store.removed, writes=False):
                if name in self.lasting:
                    self.lasting[name].removed = True
            self._seen = state

    @property
    def has_moderated(self) -> bool:
        """Whether there is a room in which not everybody may speak."""
        return any(rules.moderated for rules in (*self._open.values(), *self.lasting.values()))

    # --- change ---

    def touch(self, name: str) -> None:
        """Somebody is in the room of this name. Does not wait."""
        rules, now = self.lasting.get(name), int(time.time())
        if rules is not None and now - rules.used > USED_SECONDS:
            rules.used = now
            self._database.start(store.put(name, rules), _log_failure)

    def remove(self, name: str) -> None:
        """From now on nobody comes into the room of this name, also after a restart. Raises `DatabaseError`."""
        self._database.run(store.mark_removed(name))
        self.lasting[name].removed = True

    def drop(self, name: str) -> None:
        """Nothing lasts of the room of this name any more. Raises `DatabaseError`."""
        self._database.run(store.drop(name))
        self.lasting.pop(name, None)

    def set(self, room: Room, name: str, value: str | bool | int | list[int], network: str = "") -> None:
        """Set one of the rules of `room`, by its name, from `network`. Raises `Reject` where it holds, but cannot be
        kept."""
        rules = self.of(room)
        if not rules.protected:
            rules.network = network
        setattr(rules, name, value)
        if name == "owner":
            rules.owner_key = ""
        elif value and name in PROTECTION:
            rules.tightened = time.time()
        self._store(room, rules, "This holds now, but it could not be kept, and is gone after the next start.")

    def set_voices(self, room: Room) -> None:
        """Keep who has a voice, where the room lasts. Raises `Reject` as `set` does."""
        self.set(room, "voices", _accounts_of(room))

    def note_voices(self, room: Room) -> None:
        """As `set_voices`, without waiting: what cannot be kept goes to the log."""
        self.of(room).voices = _accounts_of(room)
        if room.name in self.lasting:
            self._database.start(store.put(room.name, self.of(room)), _log_failure)

    def set_owner(self, room: Room, account_id: int) -> None:
        """As `set`, without waiting: what cannot be kept goes to the log."""
        rules = self.of(room)
        rules.owner, rules.owner_key = account_id, ""
        if room.name in self.lasting:
            self._database.start(store.put(room.name, rules), _log_failure)

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
        rules.used = int(time.time())
        if isinstance(room.owner, int):
            rules.owner = room.owner
        if rules.owner:
            rules.owner_key = ""
        lasts = self._remember(room.name, rules)
        if lasts:
            self._write(store.put(room.name, rules), otherwise)
        elif before:
            self._write(store.drop(room.name, unless_removed=True), otherwise)

    def _remember(self, name: str, rules: Rules) -> bool:
        """Whether these rules are to last."""
        if rules.kept or rules.protected or rules.removed:
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


def _accounts_of(room: Room) -> list[int]:
    """The accounts that have a voice in there."""
    return sorted(one for one in room.voices if isinstance(one, int))


def _log_failure(_: None, error: Exception | None) -> None:
    if error is not None:
        log.error("what was set for a room could not be kept: %s", error)
