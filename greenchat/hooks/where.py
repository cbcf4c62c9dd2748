"""Where a plugin is at work: what it does by itself, by its context, is bound to the same rooms as what it is asked."""

from typing import Protocol

from greenchat.errors import Reject
from greenchat.hooks.room_switches import RoomSwitches
from greenchat.hooks.tasks import Tasks


class HasRooms(Protocol):
    """What knows it, from the start of the server on."""

    rooms: RoomSwitches | None


class Where:
    """That of one plugin."""

    def __init__(self, plugin: str, around: HasRooms, tasks: Tasks) -> None:
        self._plugin = plugin
        self._around = around
        self._tasks = tasks

    def is_on(self, room: str) -> bool:
        rooms = self._around.rooms
        return rooms is None or rooms.is_on(self._plugin, room)

    def require_on(self, room: str) -> None:
        """Raises `Reject` where the plugin is off, or off in `room`; or, where that is empty, is for some rooms
        alone."""
        if self._tasks.halted:
            raise Reject(f"The plugin {self._plugin} is off.", code="not_allowed")
        if self._around.rooms is not None:
            self._around.rooms.require_on(self._plugin, room, self._what)

    def require_meant(self, room: str) -> None:
        """Raises `Reject` where the operator has it in other rooms than `room` alone."""
        if self._around.rooms is not None:
            self._around.rooms.require_meant(self._plugin, room, self._what)

    @property
    def _what(self) -> str:
        return f"The plugin {self._plugin}"
