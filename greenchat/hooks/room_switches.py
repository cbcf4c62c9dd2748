"""In which rooms plugins are at work: by `rooms` in their configuration, and as the owners of rooms have it, where a
plugin lets them.

A plugin that is off in a room is not asked there, nor told what happens there, and its commands are refused. Of one
that nobody has restricted, nothing is looked at.
"""

import logging
import sqlite3
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any

import gevent

from greenchat.errors import Reject
from greenchat.hooks.calls import Function
from greenchat.protocol.names import require_room
from greenchat.storage.sqlite import Database, DatabaseError

log = logging.getLogger("greenchat.plugins")

FILE = "switches.sqlite3"

MIGRATIONS = (
    """
CREATE TABLE off (
    plugin TEXT NOT NULL,
    room TEXT NOT NULL,
    PRIMARY KEY (plugin, room)
);
""",
)

# What is kept of all rooms: anybody can make one, and switch something off there. Past that, those rooms are forgotten
# first that nobody is in.
MOST_KEPT = 10_000

# From one try to read the file to the next, in seconds, while it cannot be used.
RETRY_SECONDS = 5.0

# Where a hook, by its arguments, tells of which room it is; empty for what is of none, such as direct words.
ROOM_OF: Mapping[str, Callable[..., str]] = {
    "greenchat_check_join": lambda session, name, room: room,
    "greenchat_check_enter": lambda session, name, room, key, since: room,
    "greenchat_check_message": lambda session, message: message.room,
    "greenchat_check_messages": lambda session, messages: messages.room,
    "greenchat_check_reaction": lambda session, room, emoji: room,
    "greenchat_delay_ack": lambda room, seq, rev, release: room.name,
    "greenchat_messages": lambda messages: messages.room,
    "greenchat_changed": lambda alteration: alteration.change.room,
    "greenchat_room_opened": lambda room: room.name,
    "greenchat_entered": lambda session, room: room.name,
    "greenchat_acted": lambda act: act.room,
    "greenchat_order": lambda order: order.room,
    "greenchat_event": lambda event: getattr(event, "room", ""),
}


class RoomSwitches:
    """Those of one server. `changed()` is called when other functions than before are to be called; `open_rooms` are
    those that somebody is in."""

    def __init__(self, data_dir: Path, changed: Callable[[], None]) -> None:
        self._path = data_dir / FILE
        self._changed = changed
        self._database: Database | None = None
        self._only: dict[str, frozenset[str]] = {}
        self._switchable: set[str] = set()
        self._off: dict[tuple[str, str], None] = {}  # plugin and room, in the order in which they were switched off
        self._unknown = False  # what is in the file
        self._reading: Any = None
        self.open_rooms: Container[str] = ()

    # --- from the start to the end ---

    def add(self, plugin: str, only: Iterable[str], switchable: bool, name_length: int) -> None:
        """A plugin that is on: in `only` these rooms, if any are named. Raises `Reject` for what is no room's name."""
        names = frozenset(require_room(name, name_length) for name in only)
        if names:
            self._only[plugin] = names
        if switchable:
            self._switchable.add(plugin)

    def begin(self) -> None:
        """Know what was switched off. May wait."""
        if self._path.exists() and not self._read():
            self._reading = gevent.spawn(self._read_again)
        self._changed()

    def end(self) -> None:
        """May wait."""
        if self._reading is not None:
            self._reading.kill()
        if self._database is not None:
            self._database.close()

    def _read(self) -> bool:
        try:
            found = self._file.run(lambda connection: connection.execute("SELECT plugin, room FROM off").fetchall())
        except DatabaseError as error:
            if not self._unknown:
                log.error("it is not known which plugins are off in which rooms; their checks go on there: %s", error)
            self._unknown = True
            return False
        self._off = dict.fromkeys((plugin, room) for plugin, room in found)
        self._unknown = False
        return True

    def _read_again(self) -> None:
        while not self._read():
            gevent.sleep(RETRY_SECONDS)
        log.warning("it is known again which plugins are off in which rooms")
        self._changed()

    @property
    def _file(self) -> Database:
        if self._database is None:
            self._database = Database(self._path, MIGRATIONS)
        return self._database

    # --- what is so ---

    def is_on(self, plugin: str, room: str) -> bool:
        """Whether a plugin is at work in a room; or, where that is empty, where there is none."""
        if plugin in self._only and room not in self._only[plugin]:
            return False
        return not (self._unknown and plugin in self._switchable) and (plugin, room) not in self._off

    def checks(self, plugin: str, room: str) -> bool:
        """As `is_on`, for what checks: it is closed where that is not known."""
        if self._unknown and plugin in self._switchable:
            return plugin not in self._only or room in self._only[plugin]
        return self.is_on(plugin, room)

    def gated(self, plugin: str, hook: str, function: Function, check: bool) -> Function:
        """`function`, which `plugin` has for `hook`, where it is called in some rooms alone."""
        room_of = ROOM_OF.get(hook)
        if room_of is None or not self._is_restricted(plugin):
            return function
        is_on = self.checks if check else self.is_on

        def call(*arguments: Any) -> Any:
            return function(*arguments) if is_on(plugin, room_of(*arguments)) else None

        return call

    def _is_restricted(self, plugin: str) -> bool:
        return (
            plugin in self._only
            or (self._unknown and plugin in self._switchable)
            or any(plugin == one for one, _ in self._off)
        )

    def require_on(self, plugin: str, room: str, what: str) -> None:
        """Raises `Reject` where `plugin`, of which `what` is, is off in `room`."""
        if self.is_on(plugin, room):
            return
        self.require_meant(plugin, room, what)
        if self._unknown:
            raise Reject(f"{what} does not work at the moment. Try again later.", code="try_again")
        text = f"{what} is off in {room}. Its owner may switch it on again: /plugin on {plugin}"
        raise Reject(text, code="not_allowed")

    def require_meant(self, plugin: str, room: str, what: str) -> None:
        """Raises `Reject` where `plugin`, of which `what` is, is for other rooms than `room` alone."""
        if not self._may_be_on(plugin, room):
            names = ", ".join(sorted(self._only[plugin]))
            raise Reject(f"{what} works in these rooms alone: {names}.", code="not_allowed")

    def of(self, room: str) -> dict[str, bool]:
        """The plugins that can be switched in a room, and whether they are on there."""
        found = sorted(self._switchable)
        return {plugin: self.is_on(plugin, room) for plugin in found if self._may_be_on(plugin, room)}

    def _may_be_on(self, plugin: str, room: str) -> bool:
        return plugin not in self._only or room in self._only[plugin]

    # --- what is changed ---

    def switch(self, plugin: str, room: str, on: bool) -> bool:
        """Switch `plugin` on or off in `room`; whether that is another than before. It is kept when this returns. May
        wait. Raises `Reject`."""
        if plugin not in self._switchable:
            there = ", ".join(sorted(self._switchable))
            hint = f"There are: {there}." if there else "There is none that can."
            raise Reject(f"{plugin} cannot be switched on and off in a room. {hint}", code="not_allowed")
        if not self._may_be_on(plugin, room):
            raise Reject(f"{plugin} is not for {room}: whoever runs the server has said so.", code="not_allowed")
        if self._unknown:
            raise Reject("What is switched off cannot be read at the moment. Try again later.", code="try_again")
        if on is ((plugin, room) not in self._off):
            return False
        dropped = [] if on else self._make_room()

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM off WHERE plugin = ? AND room = ?", [*dropped, (plugin, room)])
            if not on:
                connection.execute("INSERT OR IGNORE INTO off VALUES (?, ?)", (plugin, room))

        self._write(work)
        for one in (*dropped, (plugin, room)):
            self._off.pop(one, None)
        if not on:
            self._off[plugin, room] = None
        self._changed()
        return True

    def forget_room(self, room: str) -> None:
        """Nobody is to find out by another room of this name. May wait. Raises `Reject` where that cannot be kept."""
        if self._unknown:
            raise Reject("What is switched off cannot be read at the moment. Try again later.", code="try_again")
        found = [one for one in self._off if one[1] == room]
        if found:
            self._write(lambda connection: connection.execute("DELETE FROM off WHERE room = ?", (room,)))
            for one in found:
                self._off.pop(one, None)
            self._changed()

    def _make_room(self) -> list[tuple[str, str]]:
        """What is forgotten for one more. Raises `Reject` where nothing can be."""
        if len(self._off) < MOST_KEPT:
            return []
        for one in self._off:
            if one[1] not in self.open_rooms:
                return [one]
        raise Reject("Too much is switched off in too many rooms already.", code="not_allowed")

    def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        try:
            self._file.run(work)
        except DatabaseError as error:
            log.error("which plugins are off in which rooms cannot be kept: %s", error)
            raise Reject("That cannot be kept at the moment, so nothing has changed.", code="try_again") from None
