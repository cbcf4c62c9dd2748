"""The chat itself: come in, say, whisper, move, rename, go. The JOIN/MSG/LEAVE core, without a socket.

Whatever is not allowed raises `Reject`, and then nothing has happened.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice

from greenchat import values
from greenchat.chat.batch import Deliver, EventBatch
from greenchat.chat.cascade import one_step
from greenchat.chat.checks import Answers, Checks, Hooks
from greenchat.chat.conversations import Conversation, Conversations
from greenchat.chat.fanout import DeliveryStats, Turns
from greenchat.chat.ids import MessageIds
from greenchat.chat.ignoring import Ignoring
from greenchat.chat.openings import Openings
from greenchat.chat.outlet import Asked, Outlet
from greenchat.chat.room import ROOMS_TOLD, Member, Room
from greenchat.config.schema import Limits
from greenchat.errors import Reject
from greenchat.protocol.events import (
    Away,
    Ended,
    Event,
    Left,
    Message,
    ModerationAction,
    Notice,
    Private,
    Renamed,
    Topic,
    require_sound,
)
from greenchat.protocol.names import require_name, require_room
from greenchat.protocol.runs import Messages
from greenchat.protocol.text import is_blank, printable, require_text, some_of

# What is told of who is away without saying why. It is nobody's words, and needs no check.
AWAY = "away"

# In so many rooms something is done before it is asked whether others should have their turn: a millisecond or so.
STEP = 64


class Chat:
    """All rooms, and everybody in them. A name is unique in the whole chat."""

    def __init__(self, limits: Limits, default_room: str, hooks: Hooks, turns: Turns, deliver: Deliver) -> None:
        self._limits = limits
        self._hooks = hooks
        self._turns = turns
        self._deliver = deliver
        self.ids = MessageIds()
        self.delivery_stats = DeliveryStats()
        self.members: dict[str, Member] = {}
        self.rooms: dict[str, Room] = {}
        self._checks = Checks(limits, hooks, self.members)
        self._conversations = Conversations(self.members)
        self._ignoring = Ignoring(self.members)
        self.default_room = require_room(default_room, limits.name_length)
        self._openings = Openings(self.rooms, self.default_room)

    # --- come and go ---

    def join(self, outlet: Outlet, name: str, room: str = "", key: str = "") -> Member:
        """Let `name` into the chat, and into `room` (the default room if empty), which `key` may open."""
        room = self.room_name(room)
        name, _ = self._checks.name(outlet, name, [room])
        home = self._opened(outlet, name, room, key)
        member = Member(*self._checks.free_name(name), home, outlet)
        self._require_space(home, member)
        self.members[member.key] = member
        self._conversations.came(member)
        self._ignoring.came(member)
        self._admit(member, home)
        return member

    def enter(self, member: Member, room: str, key: str = "", *, move: bool = False) -> Room:
        """Let `member` into one more room, which is the one it came into last then; with `move`, out of all others."""
        room = self.room_name(room)
        if room in member.rooms:
            raise Reject(f"You are in {room} already.", code="already_joined")
        most = self._limits.rooms_per_session
        move = move or most == 1
        if most and not move and len(member.rooms) >= most:
            raise Reject(f"You are in {most} rooms, as many as one may. Leave one first.", code="too_many_rooms")
        home = self._opened(member.outlet, member.name, room, key)
        self._checks.require_present(member)
        self._require_space(home, member)
        if move:
            for other in list(member.rooms.values()):
                self._remove(member, other, f"went to {room}")
                self._tell_out(member, other, f"went to {room}")
        member.rooms[room] = home
        if not member.codec.many_rooms:
            member.only = room
        elif member.only != room:
            member.only = ""
        self._admit(member, home)
        return home

    def part(self, member: Member, room: Room, reason: str) -> None:
        """Let `member` out of a room. It may have been the last one: nobody is let into another one unasked."""
        self._remove(member, room, reason)
        self._tell_out(member, room, reason)

    def leave(self, member: Member, reason: str, *, breathe: bool = False) -> None:
        """Let `member` go, and tell its rooms. Does nothing the second time. With `breathe` it may take several turns
        of the event loop, where there are very many rooms; what remains when the caller is ended is done at once."""
        try:
            while breathe and len(member.rooms) > STEP:
                for room in list(islice(member.rooms.values(), STEP)):
                    self._remove(member, room, reason)
                self._turns.breathe()
        finally:
            self._leave(member, reason)

    def _leave(self, member: Member, reason: str) -> None:
        if self.members.get(member.key) is not member:
            return
        del self.members[member.key]
        for room in list(member.rooms.values()):
            self._remove(member, room, reason)
        self._ignoring.went(member)
        self._end_conversations(member, member.outlet.account_id, f"{member.name} has left the chat.")

    def account_changed(self, member: Member, before: int) -> None:
        """To be called when the account of `member`'s outlet is another one than that with the id `before`."""
        if member.outlet.account_id != before and self.members.get(member.key) is member:
            self._end_conversations(member, before, f"{member.name} has logged in.")
            self._conversations.came(member)
            self._ignoring.came(member)

    def may_enter(self, outlet: Outlet, member: Member, room: str) -> bool:
        """Whether `member` may come into `room`, and so may read what was said there."""
        if room in member.rooms:
            return True
        try:
            if self._hooks.check_enter is not None:
                self._hooks.check_enter(outlet, member.name, room, "")
        except Reject:
            return False
        return True

    # --- talk ---

    def say(self, member: Member, text: str, action: bool = False, room: Room | None = None) -> Message:
        """Say `text`, which is as `text.require_text` leaves it, to everybody else in `room`, or the member's room."""
        room = room or member.room
        return self._say_checked(member, text, action, room)[-1]

    def say_one(self, member: Member, text: str, room: Room) -> tuple[int, int]:
        """As `say`, for who wants to know the message's sequence number and id alone."""
        self._say_checked(member, text, False, room)
        return room.seq, self.ids.next - 1

    def say_run(self, member: Member, texts: Sequence[str], room: Room, answers: Answers) -> None:
        """Say `texts`, none of which shows nothing, in a row in `room`, as one run where no plugin looks at each. What
        becomes of them is told to `answers`."""
        if self._hooks.check_message is not None:
            self._checks.say_run(member, texts, room, answers, self._say)
            return
        seq, number = self._say(member, texts, room)
        if answers.asks:
            answers.said(0, len(texts), seq, number)

    def _say(self, member: Member, texts: Sequence[str], room: Room) -> tuple[int, int]:
        """The sequence number of the first, and its id."""
        number, seq = self.ids.next, room.seq + 1
        self.ids.next = number + len(texts)
        room.say(member, texts, number)
        return seq, number

    def _say_checked(self, member: Member, text: str, action: bool, room: Room) -> Messages:
        """The run that it is the last of."""
        if is_blank(text):
            require_text(text)
        if self._hooks.check_message is not None:
            text = self._checks.message(member, text, room.name, action)
            self._checks.require_in(member, room)
        number = self.ids.next
        self.ids.next = number + 1
        return room.say(member, (text,), number, action)

    def whisper(self, member: Member, to: str, text: str, *, action: bool = False) -> Private:
        """Say `text` to who is called `to` at this moment, in whatever room they are. Raises `Reject`."""
        other = self.find(to)
        return self._converse(member, self._conversations.between(member, other), other, text, action)

    def converse(self, member: Member, conversation: str, text: str, *, action: bool = False) -> Private:
        """Say `text` in the conversation of this id: to the person whom it was begun with, or to nobody. Raises
        `Reject`."""
        return self._converse(member, *self._conversations.partner(member, conversation), text, action)

    def say_to_one(self, member: Member, text: str, asked: Asked, *, action: bool = False) -> Private:
        """Say `text` to the one person whom a request names, in whichever way. Raises `Reject`."""
        if bool(asked.room) + bool(asked.conversation) + bool(asked.to) > 1:
            raise Reject("Say where: in a room, in a conversation, or to somebody. Not in two of them.", "malformed")
        if asked.conversation:
            return self.converse(member, asked.conversation, text, action=action)
        return self.whisper(member, asked.to, text, action=action)

    def _converse(self, member: Member, found: Conversation, other: Member, text: str, action: bool) -> Private:
        require_text(text)
        if self._hooks.check_message is not None:
            text = self._checks.message(member, text, "", action)
            _, other = self._conversations.partner(member, found.id)  # somebody may have gone meanwhile
        if other.ignored is not None and other.ignored.covers(member):
            raise Reject(f"{other.name} does not take messages from you.", code="ignored")
        private = Private(member.name, other.name, text, datetime.now(UTC), action, found.id)
        self._tell(other, private)
        return private

    @one_step
    def announce(self, text: str) -> None:
        """The server tells everybody, once for each room."""
        for room in list(self.rooms.values()):
            room.tell(Notice(values.text(text), room.name))
            self._turns.breathe()

    # --- what others see of one ---

    @one_step
    def rename(self, member: Member, name: str) -> None:
        """Call `member` by another name from now on, and tell its rooms."""
        if name == member.name:
            raise Reject(f"You are called {name} already.", code="name_taken")
        old = member.name
        for room_name in list(member.rooms) or [""]:
            name, _ = self._checks.name(member.outlet, name, [room_name])
            self._turns.breathe()
        self._checks.require_present(member)
        name, key = self._checks.free_name(name, member)
        for place in (self.members, *(room.members for room in member.rooms.values())):
            del place[member.key]
            place[key] = member
        member.name, member.key = name, key
        self._ignoring.came(member)
        for room in member.rooms.values():
            room.tell(Renamed(room.name, old, name, datetime.now(UTC)))
        if not member.rooms:
            self._tell(member, Renamed("", old, name, datetime.now(UTC)))

    @one_step
    def set_away(self, member: Member, why: str) -> None:
        """`member` is away, and `why`; or back, where that is empty. Raises `Reject` where one may not say that in one
        of the rooms where it is read."""
        if why and why != AWAY:
            for name in list(member.rooms) or [""]:
                why = self._checks.line(member, why, name, "reason")
                self._turns.breathe()
            self._checks.require_present(member)
        member.away = why
        for room in list(member.rooms.values()):
            if room.members.get(member.key) is member:  # still, after others have had their turn
                room.tell_words(Away(room.name, member.name, member.away, datetime.now(UTC)), member)
                if len(member.rooms) > STEP:
                    room.flush()  # else all of them would go out in the turn in which this is answered
            self._turns.breathe()
        if not member.rooms:
            self._tell(member, Away("", member.name, why, datetime.now(UTC)))

    def ignore(self, member: Member, name: str) -> str:
        """From now on `member` does not read what `name` says, whatever they are called by then; the name as it is
        shown. Raises `Reject`."""
        name = self._ignoring.begin(member, *require_name(name, self._limits.name_length))
        self._mind_ignored(member)
        return name

    def unignore(self, member: Member, name: str) -> str:
        """The other way round. Raises `Reject`."""
        name = self._ignoring.end(member, *require_name(name, 0))
        self._mind_ignored(member)
        return name

    @one_step
    def set_topic(self, member: Member, room: Room, topic: str) -> None:
        """What `room` is about, from now on, as `member` says. Raises `Reject` where one may not say that."""
        if topic:
            topic = self._checks.line(member, topic, room.name, "topic")
        room.topic = topic
        room.tell(Topic(room.name, topic, member.name, datetime.now(UTC)))

    def tell_role(self, member: Member) -> None:
        """Tell everybody what `member` is now, after its outlet's role or account has changed, or a room's owner."""
        for room in member.rooms.values():
            room.tell_role(member)

    @one_step
    def audit(self, by: str, act: str, target: str = "", room: str = "", details: str = "") -> None:
        """Tell the observers that somebody has kept order."""
        if self._hooks.acted is not None:
            self._hooks.acted(require_sound(ModerationAction(by, act, target, room, details, datetime.now(UTC))))

    # --- look ---

    def find(self, name: str) -> Member:
        """Who is called `name`, however it is spelt. Raises `Reject` where nobody is."""
        try:
            _, key = require_name(name, self._limits.name_length)
            return self.members[key]
        except (KeyError, Reject):
            raise Reject(f"Nobody here is called {printable(name)}. Look with /who.", code="unknown_user") from None

    def room_name(self, room: str) -> str:
        """The room `room` in the one form that all its spellings share; the default room if empty. Raises `Reject`."""
        return require_room(room, self._limits.name_length) if room else self.default_room

    def room_of(self, member: Member, room: str) -> Room:
        """The room called `room` that `member` is in; if empty, the one that is meant. Raises `Reject`."""
        if not room:
            return member.room
        found = member.rooms.get(room) or member.rooms.get(self.room_name(room))
        if found is None:
            where = f"but in {some_of(list(member.rooms), ROOMS_TOLD)}" if member.rooms else "nor in any other"
            raise Reject(f"You are not in {printable(room)}, {where}.", code="not_in_room")
        return found

    def require_sayable(self, member: Member, text: str, room: str = "") -> str:
        """`text` as `member` may show it to others in `room`, or to one of them (empty): whatever puts words before
        people passes the checks of what is said. May wait. Raises `Reject`."""
        return self._checks.sayable(member, text, room)

    def change_limits(self, limits: Limits) -> None:
        """Hold everything that is asked from now on to `limits`."""
        self._limits = self._checks.limits = limits

    # --- the steps of coming and going ---

    def _opened(self, outlet: Outlet, name: str, room: str, key: str) -> Room:
        """The room, if plugins let `name` in; a new one is restored by them first, which may take its time."""
        if self._hooks.check_enter is not None:
            self._hooks.check_enter(outlet, name, room, key)
        if (home := self.rooms.get(room)) is not None:
            return home
        self._openings.require_one_more(room, self._limits)
        home = Room(room, self._turns, self._deliver, self._observe, self.delivery_stats)
        if self._hooks.room_opened is not None:
            self._hooks.room_opened(home)
        return self.rooms.get(room, home)  # another one may have been first meanwhile

    def _require_space(self, room: Room, member: Member) -> None:
        self._openings.require_own(member.outlet, room, self._limits)
        most = self._limits.members_per_room
        if most and len(room.members) >= most:
            text = f"The room {room.name} is full: it has {most} members. Try another room, or later."
            raise Reject(text, code="room_full")

    def _admit(self, member: Member, room: Room) -> None:
        if room.name not in self.rooms:
            self._openings.opened(room, member.outlet)
            self.rooms[room.name] = room
        room.add(member)

    def _remove(self, member: Member, room: Room, reason: str) -> None:
        del member.rooms[room.name]
        room.remove(member, reason)
        if room.owner is member:
            room.owner = None
        if not room.members and room.name != self.default_room:
            room.flush()  # so that all of it has been told when a room of this name is opened again
            del self.rooms[room.name]
            self._openings.gone(room)

    def _tell_out(self, member: Member, room: Room, reason: str) -> None:
        """Who can be in several rooms is told that it is out of one of them."""
        if member.codec.many_rooms:
            self._tell(member, Left(room.name, member.name, values.shown(reason), datetime.now(UTC)))

    def _tell(self, member: Member, event: Event) -> None:
        data = EventBatch(None, (event,)).encode(member.codec)
        if data:
            self._deliver([member.outbox], data)

    def _mind_ignored(self, member: Member) -> None:
        for room in member.rooms.values():
            room.mind_ignored(member)

    def _end_conversations(self, member: Member, account_id: int, why: str) -> None:
        for conversation, other in self._conversations.went(member, account_id):
            for one, with_ in ((other, member), (member, other)):
                if self.members.get(one.key) is one:
                    self._tell(one, Ended(conversation.id, with_.name, why))

    def _observe(self, events: Sequence[Event]) -> None:
        if self._hooks.messages is not None and type(events) is Messages:
            self._hooks.messages(events)
        if self._hooks.event is not None:
            self._hooks.event(events)
