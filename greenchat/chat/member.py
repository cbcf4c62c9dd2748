"""Somebody in the chat: under a name, in rooms, behind an outlet. No socket is known here."""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from greenchat.chat.ignoring import Ignored
from greenchat.codecs import Codec
from greenchat.errors import Advice, Reject
from greenchat.protocol.text import some_of

if TYPE_CHECKING:
    from greenchat.chat.room import Room

# Rooms of somebody that are told by name where one is missing: as many as one sees at a glance.
ROOMS_TOLD = 20


class Asked(NamedTuple):
    """Where a request wants to be: the room that it names, if any; or the conversation of two, by its id or by who the
    other one is."""

    room: str = ""
    conversation: str = ""
    to: str = ""


class Outlet(Protocol):
    """Where a member's events go: a session, or a list in a test. `outbox` is whatever `Deliver` delivers to.

    `account` is the key of the name that it is logged in to, and `account_id` what that account's rights hang on; empty
    and 0 for none. `role` is "operator" for one, or empty. `address` is where it is, as a session has it.

    `asked` is what the request names with which plugins deal in this greenlet; None where they deal with none: what
    another greenlet says for the same member meanwhile must not end up there.
    """

    codec: Codec
    outbox: Any
    address: str
    account: str
    account_id: int
    role: str

    @property
    def asked(self) -> Asked | None: ...


class Member:
    """Somebody in the chat, under a name; `key` is what the name is compared by.

    `rooms` are those one is in, by their names; there may be none. `only` is the name of the room that one is in, as
    long as one has never been in another one, or can only be in one at a time; else empty. `away` says why one is, if
    one is; `ignored` are those whose messages one does not want. One has said something in `talks_in` last.
    """

    __slots__ = ("away", "codec", "ignored", "key", "name", "only", "outbox", "outlet", "rooms", "talks_in")

    def __init__(self, name: str, key: str, room: "Room", outlet: Outlet) -> None:
        self.name = name
        self.key = key
        self.rooms = {room.name: room}
        self.only = room.name
        self.away = ""
        self.ignored: Ignored | None = None
        self.talks_in: Room | None = None
        self.outlet = outlet
        self.codec = outlet.codec
        self.outbox = outlet.outbox

    @property
    def room(self) -> "Room":
        """The room that is meant: the one that the request at hand names, or else the only one. Never any other: what
        was written for one room must not be said in another. Raises `Reject`."""
        name, asked = self.only, self.outlet.asked
        if asked is not None:
            if asked.conversation or asked.to:
                raise Reject("This is for rooms. Type it in the room that you mean.", code="room_required")
            name = asked.room or name
        room = self.rooms.get(name)
        if room is None:
            raise self._no_room(name)
        return room

    @property
    def identity(self) -> "int | Member":
        """Who this is, whatever the name: an account's id; or, for a guest, this very stay."""
        return self.outlet.account_id or self

    def _no_room(self, name: str) -> Reject:
        rooms = some_of(list(self.rooms), ROOMS_TOLD)
        if rooms and name:
            return Reject(f"You are not in {name}, but in {rooms}.", code="not_in_room")
        if rooms:
            return Reject(f"You have been in more than one room: say in which. You are in {rooms}.", "room_required")
        return Reject("You are in no room, so nobody would read this.", "room_required", Advice.ENTER_ROOM)
