"""Who is in the chat, by which sessions and in which rooms: come, go, be lost and come back. Without a socket.

Whatever is not allowed raises `Reject`, and then nothing has happened.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

from msgspec import Struct

from greenchat import values
from greenchat.chat import reading
from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.batch import Deliver, EventBatch
from greenchat.chat.checks import Checks, Hooks
from greenchat.chat.conversations import Conversations
from greenchat.chat.directory import Directory
from greenchat.chat.fanout import DeliveryStats, Turns
from greenchat.chat.files import Files
from greenchat.chat.ignoring import Ignored, Ignoring
from greenchat.chat.log import Alteration
from greenchat.chat.openings import Openings
from greenchat.chat.outlet import Outlet
from greenchat.chat.room import Member, Room, shows
from greenchat.config.schema import Limits
from greenchat.errors import Reject
from greenchat.protocol.events import Event, Left
from greenchat.protocol.names import require_room
from greenchat.protocol.runs import Messages

# In so many rooms something is done before it is asked whether others should have their turn: a millisecond or so.
STEP = 64


class Kept(Struct):
    """What somebody had whose absence was told, for when they come back: the rooms, with when they were lost; those of
    them that were theirs as a guest; why they were away, whom they ignored, and how far they had read."""

    rooms: dict[str, datetime]
    owned: list[Room] = []
    away: str = ""
    ignored: Ignored | None = None
    reads: dict[str, int] = {}


class Memory(Protocol):
    """Who is told in which rooms somebody is, and what else of them is to be known when they come back. `absent` are
    those who have a place to come back to, and are not in the chat."""

    @property
    def absent(self) -> Collection[Member]: ...

    def came(self, member: Member, room: str) -> None: ...

    def left(self, member: Member, room: str) -> None: ...

    def changed(self, member: Member) -> None: ...

    def ignores(self, member: Member) -> None: ...

    def read(self, member: Member, room: str) -> None: ...


class Presence:
    """All rooms, and everybody in them. A name is unique in the whole chat. Whoever keeps a `memory` sets it."""

    memory: Memory | None = None

    def __init__(self, limits: Limits, default_room: str, hooks: Hooks, turns: Turns, deliver: Deliver) -> None:
        self._limits = limits
        self._hooks = hooks
        self._turns = turns
        self._deliver = deliver
        self.delivery_stats = DeliveryStats()
        self.people = Directory()
        self.members: Mapping[str, Member] = self.people.by_name
        self.rooms: dict[str, Room] = {}
        self._checks = Checks(limits, hooks, self.members)
        self.accounts = AccountDirectory()
        self.conversations = Conversations(self.people, self.accounts, deliver)
        self.files = Files()
        self._ignoring = Ignoring(self.members)
        self.default_room = require_room(default_room, limits.name_length)
        self._openings = Openings(self.rooms, self.default_room)

    # --- come ---

    def join(
        self, session: Outlet, name: str, room: str | None = "", key: str = "", reads: Mapping[str, int] | None = None
    ) -> Member:
        """Let `session` into the chat, and into `room` (the default room if empty), which `key` may open; or into no
        room where that is None. It is one more session of the member of its account, where there is one; else it is
        somebody new, called `name`, who has read as far as `reads` says."""
        room = None if room is None else self.room_name(room)
        member = self.people.of_account(session.login.account_id)
        if member is None:
            name, _ = self._checks.name(session, name, [room or ""])
            home = None if room is None else self._opened(session, name, room, key)
            member = self.people.of_account(session.login.account_id)  # another device may have been faster
        if member is not None:
            self.attach(session, member, room, key)
            return member
        member = Member(*self._checks.free_name(name), session.login)
        member.reads.update(reads or {})
        if home is not None:
            self._require_space(home, session)
        member.sessions.append(session)
        self._appear(member)
        if home is not None:
            session.only = home.name
            self._admit(member, home, session)
        return member

    def require_welcome(self, session: Outlet, member: Member, room: str = "") -> None:
        """Raises `Reject` where `session` may not become one more of `member`'s."""
        self._checks.name(session, member.name, [room])
        self._checks.require_present(member)

    def attach(self, session: Outlet, member: Member, room: str | None = None, key: str = "") -> None:
        """Make `session` one more of `member`'s; it comes into `room` as well, where they are not in there."""
        self.require_welcome(session, member, room or "")
        home = None
        if room is not None and room not in member.rooms:
            home = self._opened(session, member.name, room, key)
        self._checks.require_present(member)
        if home is not None:
            self._require_space(home, session)
            self._require_one_more(member)
        session.login = member.login
        named = room or ""
        session.only = named if not session.codec.many_rooms or member.rooms.keys() <= {named} else ""
        member.sessions.append(session)
        for there in member.rooms.values():
            if shows(session, there):
                there.fanout.came(session, member)
        if home is not None:
            self._into(member, home, session)

    def come_back(self, session: Outlet, member: Member, kept: Kept) -> Member:
        """`member`, who had left the chat or was in it before a restart, is here again by `session`, under the name
        that they had; or as who another of their devices has become meanwhile. Who that is. Their rooms come after
        that: see `enter_again`."""
        self._checks.name(session, member.name, [next(iter(kept.rooms), "")])
        there = self.people.of_account(session.login.account_id)
        if there is not None:
            self.attach(session, there)
            return there
        name, key = self._checks.free_name(member.name)
        member.name, member.key, member.login = name, key, session.login
        member.away, member.ignored, member.reads = kept.away, kept.ignored, kept.reads
        member.sessions.append(session)
        self._appear(member)
        self._ignoring.restored(member)
        return member

    def enter_again(self, session: Outlet, member: Member, kept: Kept) -> list[Reject]:
        """Let `member` into the rooms that they had not left, as far as they still may; why not, where they may not."""
        refused = []
        for room, since in kept.rooms.items():
            try:
                if room not in member.rooms:
                    self._enter_again(session, member, room, since, kept.owned)
            except Reject as verdict:
                refused.append(verdict)
            self._turns.breathe()
        return refused

    def _enter_again(self, session: Outlet, member: Member, room: str, since: datetime, owned: Sequence[Room]) -> None:
        home = self._opened(session, member.name, self.room_name(room), "", since)
        self._checks.require_present(member)
        if home.name in member.rooms:
            return
        self._require_space(home, session)
        self._require_one_more(member)
        if home in owned and home.owner is None:
            home.owner = member
        self._into(member, home, session)

    # --- go from room to room ---

    def enter(self, session: Outlet, member: Member, room: str, key: str = "", *, move: bool = False) -> Room:
        """Let `member` into one more room; with `move`, out of all others. A session that shows one room at a time
        shows it from then on; while there are other sessions, that is all that `move` does."""
        room = self.room_name(room)
        others = len(member.sessions) > 1 or member.awaited
        at_a_time = not session.codec.many_rooms
        home = member.rooms.get(room)
        if home is not None and (not at_a_time or session.only == room):
            raise Reject(f"You are in {room} already.", code="already_joined")
        move = (move and not others) or self._limits.rooms_per_session == 1
        if home is None:
            if not move:
                self._require_one_more(member)
            home = self._opened(session, member.name, room, key)
            self._checks.require_present(member)
            self._require_space(home, session)
        if move:
            for other in [other for other in member.rooms.values() if other is not home]:
                self._put_out(member, other, f"went to {room}")
        if at_a_time:
            self._look_at(session, member, home)
        if home.name not in member.rooms:
            self._into(member, home, session)
        return home

    def part(self, member: Member, room: Room, reason: str, by: Outlet | None = None, *, put_out_by: str = "") -> None:
        """Let `member` out of a room, as they ask for themselves `by` a session, or not. It may have been the last one:
        nobody is let into another one unasked. `put_out_by` is the name of who does that to them."""
        looking = [session for session in member.sessions if session is not by and session.only == room.name]
        self._put_out(member, room, reason, put_out_by)
        for session in looking if by is not None else ():
            if not session.codec.many_rooms:
                session.info(
                    f"You have left {room.name} on another device, and see no room here. /join leads into one."
                )

    def may_enter(self, session: Outlet, member: Member, room: str) -> bool:
        """Whether `member` may come into `room`, were there space, and so may read what was said there."""
        if room in member.rooms:
            return True
        try:
            if self._hooks.check_enter is not None:
                self._hooks.check_enter(session, member.name, room, "", None)
        except Reject as verdict:
            return verdict.code == "room_full"
        return True

    # --- go ---

    def detach(self, session: Outlet, member: Member) -> None:
        """`session` has ended; `member` goes on to be here, by other sessions or by none. Does nothing the second
        time."""
        if session in member.sessions:
            for room in member.rooms.values():
                room.fanout.went(session)
            member.sessions.remove(session)
            session.is_welcome = False  # whoever is about to show it one more room shows it none

    def leave(self, member: Member, reason: str, *, breathe: bool = False) -> None:
        """Let `member` go for good, and tell its rooms. Does nothing the second time. With `breathe` it may take
        several turns of the event loop, where there are very many rooms; what remains when the caller is ended is done
        at once."""
        if self.people.has(member):
            self._leave(member, reason, breathe=breathe)
            self.forget(member)

    def withdraw(self, member: Member, reason: str) -> Kept:
        """As `leave`, where they may come back: what they will have again then."""
        now = datetime.now(UTC)
        rooms = dict.fromkeys(member.rooms, now)
        owned = [room for room in member.rooms.values() if room.owner is member]
        kept = Kept(rooms, owned, member.away, member.ignored, member.reads)
        self._leave(member, reason, breathe=True)
        return kept

    def forget(self, member: Member) -> None:
        """Who was withdrawn does not come back any more."""
        if self._hooks.gone is not None:
            self._hooks.gone(member)

    def _leave(self, member: Member, reason: str, *, breathe: bool) -> None:
        told: set[Outlet] = set()
        try:
            while breathe and len(member.rooms) > STEP:
                for room in list(islice(member.rooms.values(), STEP)):
                    self._remove(member, room, reason, gone=told)
                self._turns.breathe()
        finally:
            if self.people.has(member):
                self.people.remove(member)
                for room in list(member.rooms.values()):
                    self._remove(member, room, reason, gone=told)
                self._ignoring.went(member)
                self.conversations.went(member, member.account_id, f"{member.name} has left the chat.")

    def account_changed(self, member: Member, before: int) -> None:
        """To be called when the account of `member` is another one than that with the id `before`."""
        if member.account_id != before and self.people.has(member):
            self.people.logged_out(member, before)
            self.conversations.went(member, before, f"{member.name} has logged in.")
            self.people.logged_in(member)
            self._ignoring.came(member)
            for room in member.rooms.values():
                reading.begin(member, room)
                if self.memory is not None:
                    self.memory.came(member, room.name)

    # --- look ---

    def room_name(self, room: str) -> str:
        """The room `room` in the one form that all its spellings share; the default room if empty. Raises `Reject`."""
        return require_room(room, self._limits.name_length) if room else self.default_room

    def change_limits(self, limits: Limits) -> None:
        """Hold everything that is asked from now on to `limits`."""
        self._limits = self._checks.limits = limits

    # --- the steps ---

    def _remember(self, member: Member) -> None:
        """To be called when something of `member` has changed that is to be known when they come back."""
        if self.memory is not None:
            self.memory.changed(member)

    def _appear(self, member: Member) -> None:
        self.people.add(member)
        self._ignoring.came(member)

    def _opened(self, session: Outlet, name: str, room: str, key: str, since: datetime | None = None) -> Room:
        """The room, if plugins let `name` in; a new one is restored by them first, which may take its time."""
        if self._hooks.check_enter is not None:
            self._hooks.check_enter(session, name, room, key, since)
        if (home := self.rooms.get(room)) is not None:
            return home
        self._openings.require_one_more(room, self._limits)
        home = Room(room, self._turns, self._deliver, self._observe, self.delivery_stats)
        if self._hooks.room_opened is not None:
            self._hooks.room_opened(home)
        return self.rooms.get(room, home)  # another one may have been first meanwhile

    def _require_space(self, room: Room, session: Outlet) -> None:
        self._openings.require_own(session, room, self._limits)
        most = self._limits.members_per_room
        if most and len(room.members) >= most:
            text = f"The room {room.name} is full: it has {most} members. Try another room, or later."
            raise Reject(text, code="room_full")

    def _require_one_more(self, member: Member) -> None:
        most = self._limits.rooms_per_session
        if most > 1 and len(member.rooms) >= most:
            raise Reject(f"You are in {most} rooms, as many as one may. Leave one first.", code="too_many_rooms")

    def _into(self, member: Member, room: Room, session: Outlet) -> None:
        """Let `member` in, who is in the chat already."""
        for one in member.sessions:
            if one.codec.many_rooms and one.only != room.name:
                one.only = ""  # it is in more than one room now, or has been
        self._admit(member, room, session)

    def _admit(self, member: Member, room: Room, session: Outlet) -> None:
        if room.name not in self.rooms:
            self._openings.opened(room, session)
            self.rooms[room.name] = room
        member.rooms[room.name] = room
        room.add(member, session)
        reading.begin(member, room)
        if self.memory is not None:
            self.memory.came(member, room.name)

    def show(self, session: Outlet, member: Member, room: Room) -> None:
        """From now on `session` shows `room`, in which `member` is: its welcome is to be told at once."""
        if session not in room.fanout.listeners and shows(session, room):
            room.fanout.came(session, member)

    def _look_at(self, session: Outlet, member: Member, room: Room) -> None:
        """Have a session that shows one room at a time show this one."""
        before = member.rooms.get(session.only)
        if before is not None:
            before.fanout.went(session)
        session.only = room.name
        if room.name in member.rooms and shows(session, room):
            room.fanout.came(session, member)

    def _put_out(self, member: Member, room: Room, reason: str, by: str = "") -> None:
        self._remove(member, room, reason, by)
        room.log.went(member)
        member.reads.pop(room.name, None)
        if self.memory is not None:
            self.memory.left(member, room.name)
        for session in member.sessions:
            if session.codec.many_rooms:  # the others are told in their own way
                self._tell(session, Left(room.name, member.name, values.shown(reason), datetime.now(UTC), by))

    def _remove(self, member: Member, room: Room, reason: str, by: str = "", gone: set[Outlet] | None = None) -> None:
        del member.rooms[room.name]
        room.remove(member, reason, by, gone)
        if room.owner is member:
            room.owner = None
        if not room.members and room.name != self.default_room:
            room.flush()  # so that all of it has been told when a room of this name is opened again
            del self.rooms[room.name]
            self._openings.gone(room)

    def _tell(self, session: Outlet, event: Event) -> None:
        data = EventBatch((event,)).encode(session.codec)
        if data:
            self._deliver([session.outbox], data)

    def _observe(self, events: Sequence[Event]) -> None:
        if type(events) is Messages:
            if self._hooks.messages is not None:
                self._hooks.messages(events)
        elif type(events) is Alteration and self._hooks.changed is not None:
            self._hooks.changed(events)
        if self._hooks.event is not None:
            self._hooks.event(events)
