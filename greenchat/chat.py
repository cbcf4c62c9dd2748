"""The chat itself: come in, say, whisper, rename, go. The JOIN/MSG/LEAVE core, without a socket.

Whatever is not allowed raises `Reject`, and then nothing has happened.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from greenchat.config import Limits
from greenchat.errors import Reject
from greenchat.events import Event, Joined, Left, Message, Notice, Private, Renamed
from greenchat.room import Deliver, Member, Outlet, Room, Schedule, Traffic
from greenchat.text import printable, require_name, require_room, require_text


class Hooks(Protocol):
    """What the chat asks of plugins; None where no plugin has anything to say. See dispatch.py."""

    check_join: Callable[[Outlet, str, str], str] | None
    check_message: Callable[[Outlet, Message], str] | None
    event: Callable[[Sequence[Event]], None] | None


class Chat:
    """All rooms, and everybody in them. A name is unique in the whole chat."""

    def __init__(self, limits: Limits, default_room: str, hooks: Hooks, schedule: Schedule, deliver: Deliver) -> None:
        self._limits = limits
        self._hooks = hooks
        self._schedule = schedule
        self._deliver = deliver
        # Ids rise over restarts too: no server keeps saying a million messages a second from one start to the next.
        self._ids = itertools.count(time.time_ns() // 1000)
        self.traffic = Traffic()
        self.members: dict[str, Member] = {}
        self.rooms: dict[str, Room] = {}
        self.default_room = require_room(default_room, limits.name_length)

    def join(self, outlet: Outlet, name: str, room: str = "") -> Member:
        """Let `name` into `room` (the default room if empty)."""
        room = require_room(room, self._limits.name_length) if room else self.default_room
        name, key = self._free_name(outlet, name, room)
        home = self.rooms.get(room)
        most = self._limits.members_per_room
        if most and home is not None and len(home.members) >= most:
            raise Reject(f"The room {room} is full: it has {most} members. Try another room, or later.", "room_full")
        if home is None:
            home = self.rooms[room] = Room(room, self._schedule, self._deliver, self._observe, self.traffic)
        member = Member(name, key, home, outlet)
        self.members[key] = member
        home.add(member, Joined(room, name, datetime.now(UTC)))
        return member

    def say(self, member: Member, text: str, action: bool = False) -> Message:
        """Say `text`, which is as `text.require_text` leaves it, to everybody else in the member's room."""
        if not text or text.isspace():
            require_text(text)
        if self._hooks.check_message is not None:
            text = self._checked(member, text, member.room.name, action)
        room = member.room
        run = room.talk
        if run is None or run.origin is not member or action:
            run = room.begin_talk(member)
        room.seq += 1
        message = Message(room.name, room.seq, next(self._ids), member.name, text, run.time, action)
        run.events.append(message)
        if action:
            room.talk = None  # a run of its own: codecs encode a run of messages as one, and an action otherwise
        return message

    def whisper(self, member: Member, to: str, text: str, *, action: bool = False) -> Private:
        """Say `text` to one other person, in whatever room they are."""
        require_text(text)
        if self._hooks.check_message is not None:
            text = self._checked(member, text, "", action)
        target = self.find(to)
        private = Private(member.name, target.name, text, datetime.now(UTC), action)
        self._deliver([target.outbox], target.codec.encode(private))
        return private

    def rename(self, member: Member, name: str) -> None:
        """Call `member` by another name from now on, and tell its room."""
        if name == member.name:
            raise Reject(f"You are called {name} already.", code="name_taken")
        old = member.name
        name, key = self._free_name(member.outlet, name, member.room.name, member)
        self._require_present(member)
        for place in (self.members, member.room.members):
            del place[member.key]
            place[key] = member
        member.name, member.key = name, key
        member.room.post(Renamed(member.room.name, old, name, datetime.now(UTC)))

    def leave(self, member: Member, reason: str) -> None:
        """Let `member` go, and tell its room. Does nothing the second time."""
        if self.members.get(member.key) is not member:
            return
        del self.members[member.key]
        room = member.room
        room.remove(member, Left(room.name, member.name, reason, datetime.now(UTC)))
        if not room.members and room.name != self.default_room:
            del self.rooms[room.name]

    def change_limits(self, limits: Limits) -> None:
        """Hold everything that is asked from now on to `limits`."""
        self._limits = limits

    def announce(self, text: str) -> None:
        """The server tells everybody in every room."""
        for room in self.rooms.values():
            room.post(Notice(text, room.name))

    def find(self, name: str) -> Member:
        """Who is called `name`, however it is spelt. Raises `Reject` where nobody is."""
        try:
            _, key = require_name(name, self._limits.name_length)
            return self.members[key]
        except (KeyError, Reject):
            raise Reject(f"Nobody here is called {printable(name)}. Look with /who.", code="unknown_user") from None

    def _free_name(self, outlet: Outlet, name: str, room: str, member: Member | None = None) -> tuple[str, str]:
        """`name` as it will be shown and its key: valid, let in by the plugins, and nobody else's than `member`'s."""
        name, key = require_name(name, self._limits.name_length)
        if self._hooks.check_join is not None:
            name, key = require_name(self._hooks.check_join(outlet, name, room), self._limits.name_length)
        if self.members.get(key, member) is not member:
            raise Reject(f"The username {name} is taken. Choose another.", code="name_taken")
        return name, key

    def _checked(self, member: Member, text: str, room: str, action: bool) -> str:
        check = self._hooks.check_message
        assert check is not None
        draft = Message(room, 0, 0, member.name, text, datetime.now(UTC), action)
        checked = check(member.outlet, draft)
        self._require_present(member)
        return checked if checked is text else require_text(checked)

    def _observe(self, events: Sequence[Event]) -> None:
        if self._hooks.event is not None:
            self._hooks.event(events)

    def _require_present(self, member: Member) -> None:
        """A check may take its time, and the member may be gone when it answers."""
        if self.members.get(member.key) is not member:
            raise Reject("You have left the chat meanwhile.", code="not_joined")
