"""Who has opened the rooms that there are, so that nobody takes all that there may be."""

from collections import Counter
from collections.abc import Mapping

from greenchat.chat.outlet import Outlet
from greenchat.chat.room import Room
from greenchat.config.schema import Limits
from greenchat.errors import Reject
from greenchat.protocol.address import host_of, network_of

# An address, or the id of an account.
Opener = str | int


class Openings:
    """Counts the `rooms` of each address, and of each account; the default room is nobody's. What operators open is not
    counted, nor what comes by a Unix socket, as files have permissions for that, nor what a plugin keeps."""

    def __init__(self, rooms: Mapping[str, Room], default_room: str) -> None:
        self._rooms = rooms
        self._default_room = default_room
        self._counts: Counter[Opener] = Counter()
        self._openers: dict[Room, list[Opener]] = {}

    def require_one_more(self, room: str, limits: Limits) -> None:
        """Raises `Reject` where `room` would be one more than there may be in all."""
        if limits.rooms and len(self._rooms) >= limits.rooms and not self._is_there(room):
            text = f"There are {limits.rooms} rooms, as many as there may be. Join one of them."
            raise Reject(text, code="too_many_rooms")

    def require_own(self, outlet: Outlet, room: Room, limits: Limits) -> None:
        """Raises `Reject` where `room` would be one more than there may be: in all, or of who is behind `outlet`."""
        self.require_one_more(room.name, limits)
        most = limits.rooms_per_address
        if not most or room.lasts or self._is_there(room.name):
            return
        if any(self._counts[opener] >= most for opener in _openers(outlet)):
            raise Reject(
                f"There are {most} rooms made from your address or account, as many as there may be. Join one of them.",
                code="too_many_rooms",
            )

    def opened(self, room: Room, outlet: Outlet) -> None:
        if not self._is_there(room.name) and not room.lasts:
            self._openers[room] = openers = _openers(outlet)
            self._counts.update(openers)

    def gone(self, room: Room) -> None:
        for opener in self._openers.pop(room, ()):
            self._counts[opener] -= 1
            if not self._counts[opener]:
                del self._counts[opener]

    def _is_there(self, room: str) -> bool:
        return room in self._rooms or room == self._default_room


def _openers(outlet: Outlet) -> list[Opener]:
    if outlet.login.role == "operator":
        return []
    network = network_of(host_of(outlet.address))
    return [opener for opener in (network, outlet.login.account_id) if opener]
