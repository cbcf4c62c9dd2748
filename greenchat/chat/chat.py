"""The chat itself: say, rename, set a topic. What is said to one person alone is in direct.py; who is there, and how
they come and go, in presence.py.

Whatever is not allowed raises `Reject`, and then nothing has happened.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from greenchat import values
from greenchat.chat import reading
from greenchat.chat.cascade import one_step
from greenchat.chat.checks import Answers, acting
from greenchat.chat.conversations import Conversation
from greenchat.chat.direct import Direct
from greenchat.chat.ignoring import Ignored
from greenchat.chat.outlet import Outlet
from greenchat.chat.place import Place
from greenchat.chat.presence import STEP
from greenchat.chat.room import ROOMS_TOLD, Member, Room
from greenchat.errors import Reject
from greenchat.protocol.events import (
    Away,
    File,
    Invited,
    Message,
    ModerationAction,
    Notice,
    Renamed,
    Topic,
    require_sound,
)
from greenchat.protocol.names import require_known
from greenchat.protocol.runs import Key, Messages
from greenchat.protocol.text import FORBIDDEN, is_blank, printable, require_text, some_of

# What is told of who is away without saying why. It is nobody's words, and needs no check.
AWAY = "away"


class Chat(Direct):
    """What happens in the rooms. Where a request is about what somebody does, `origin` is the session by which they do
    it; else it is the one whose request is dealt with. Who keeps by which words an account is called, besides its name,
    sets `highlights`: it is called with the account's id."""

    highlights: Callable[[int], Sequence[str]] | None = None

    def require_short(self, text: str) -> None:
        """Raises `Reject` where a `text` that came in no frame is longer than one."""
        most = self._limits.frame_bytes
        if most and len(text.encode()) > most:
            raise Reject(f"The message is longer than {most} bytes. Make it shorter.", code="too_long")

    # --- talk ---

    def say(
        self,
        member: Member,
        text: str,
        action: bool = False,
        room: Room | None = None,
        origin: Outlet | None = None,
        reply_to: int = 0,
    ) -> Message:
        """Say `text`, which is as `text.require_text` leaves it, to everybody else in `room`, or the member's room; it
        may answer another message there."""
        room = room or member.room
        if reply_to:
            return self._say_answer(member, text, action, room, acting(member, origin), reply_to)[-1]
        return self._say_checked(member, text, action, room, acting(member, origin))[-1]

    def say_as(self, voice: Member, text: str, room: Room, origin: Outlet, *, action: bool = False) -> Message:
        """Say what `voice`, who is elsewhere and in no room here, has said: by a plugin that speaks for them."""
        text = require_text(text)
        self.require_short(text)
        if self._hooks.check_message is not None:
            text = self._checks.foreign(voice, origin, text, room.name, action)
        if self.rooms.get(room.name) is not room:
            raise Reject(f"There is nobody in {room.name} any more.", code="room_required")
        number = self.ids.next
        self.ids.next = number + 1
        said = room.say(voice, (text,), number, action, origin)[-1]
        self.delivery_stats.deliveries += 1  # it is taken that who says something is one of those who show the room
        return said

    def say_one(
        self, member: Member, text: str, room: Room, origin: Outlet, reply_to: int = 0, key: Key | None = None
    ) -> tuple[int, int]:
        """As `say`, for who wants to know the message's sequence number and id alone; it may answer another message,
        and have a `key`, see keys.py."""
        if reply_to:
            self._say_answer(member, text, False, room, origin, reply_to, key)
        else:
            self._say_checked(member, text, False, room, origin, key)
        return room.seq, self.ids.next - 1

    def say_with(
        self, member: Member, text: str, files: Sequence[File], place: Place, origin: Outlet | None = None
    ) -> Message:
        """Say `text` in a room or a conversation of two, with `files` beside it; without a text, it is the name of the
        first. All sessions of `member` are told of it. May wait. Raises `Reject`."""
        named = list(files)
        text = text or named[0].name
        self._checks.require_in(member, place)
        for file in named if text != named[0].name else named[1:]:
            self._checks.sayable(member, file.name, place.name)
        origin = acting(member, origin)
        if isinstance(place, Conversation):
            return self._converse(member, place, text, False, origin, 0, None, named)
        assert isinstance(place, Room)
        text = given = require_text(text)
        if self._hooks.check_message is not None:
            text = self._checks.message(member, origin, text, place.name, False)
        self._checks.require_in(member, place)  # somebody may have gone meanwhile
        number = self.ids.next
        self.ids.next = number + 1
        said = place.say_with(member, text, number, self.files.told(named, given, text) or [])
        if text is not given:
            self._hooks.numbered(origin, said.seq)
        return said[-1]

    def named_files(self, ids: Sequence[str]) -> set[str]:
        """Those of the files with these ids that some message names, in whatever room or conversation, as far as it is
        remembered or kept. May wait. Raises `Reject` where that cannot be read."""
        wanted, found = set(ids), set[str]()
        for place in [*self.rooms.values(), *self.conversations.all]:
            found |= wanted & place.log.files()
            self._turns.breathe()
        for source in [*self.files.sources.values()]:
            found |= wanted.intersection(source(ids))
        return found

    def say_run(self, member: Member, texts: Sequence[str], room: Room, answers: Answers, origin: Outlet) -> None:
        """Say `texts`, none of which shows nothing, in a row in `room`, as one run where no plugin looks at each. What
        becomes of them is told to `answers`."""
        if self._hooks.check_message is not None:
            self._checks.say_run(member, origin, texts, room, answers, self._say)
            return
        seq, number = self._say(member, texts, room, origin)
        if answers.asks:
            answers.said(0, len(texts), seq, number)

    def _say(self, member: Member, texts: Sequence[str], room: Room, origin: Outlet) -> tuple[int, int]:
        """The sequence number of the first, and its id."""
        number, seq = self.ids.next, room.seq + 1
        self.ids.next = number + len(texts)
        room.say(member, texts, number, origin=origin)
        return seq, number

    def _say_checked(
        self, member: Member, text: str, action: bool, room: Room, origin: Outlet, key: Key | None = None
    ) -> Messages:
        """The run that it is the last of."""
        if FORBIDDEN.search(text) or is_blank(text):
            require_text(text)  # control characters are refused here as well, whatever a codec has let through
        given = text
        if self._hooks.check_message is not None:
            text = self._checks.message(member, origin, text, room.name, action)
            self._checks.require_in(member, room)
        number = self.ids.next
        self.ids.next = number + 1
        if key is not None:
            said = room.say_once(member, text, number, origin, key)
        else:
            said = room.say(member, (text,), number, action, origin)
        if text is not given:
            self._hooks.numbered(origin, said.seq)
        return said

    def _say_answer(
        self,
        member: Member,
        text: str,
        action: bool,
        room: Room,
        origin: Outlet,
        reply_to: int,
        key: Key | None = None,
    ) -> Messages:
        text = given = require_text(text)
        self.message(room, reply_to)
        if self._hooks.check_message is not None:
            text = self._checks.message(member, origin, text, room.name, action)
        past, answered = self._there(room, reply_to)  # it may be gone by now
        self._checks.require_in(member, room)
        number = self.ids.next
        self.ids.next = number + 1
        said = self._answer(member, text, action, number, room, origin, past, answered, key)
        if text is not given:
            self._hooks.numbered(origin, said.seq)
        return said

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
        session = acting(member)
        for room_name in list(member.rooms) or [""]:
            name, _ = self._checks.name(session, name, [room_name])
            self._turns.breathe()
        self._checks.require_present(member)
        name, key = self._checks.free_name(name, member)
        for place in (self.people.by_name, *(room.members for room in member.rooms.values())):
            del place[member.key]
            place[key] = member
        member.name, member.key = name, key
        self._ignoring.came(member)
        self._remember(member)
        told: set[Outlet] = set()
        now = datetime.now(UTC)  # the same in all rooms: by that it is known that they tell of the same
        for room in member.rooms.values():
            room.tell_once(Renamed(room.name, old, name, now), told)
        for session in member.sessions:
            if session not in told:
                self._tell(session, Renamed("", old, name, now))

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
        self._remember(member)
        told: set[Outlet] = set()
        now = datetime.now(UTC)  # as above
        for room in list(member.rooms.values()):
            if room.members.get(member.key) is member:  # still, after others have had their turn
                room.tell_once(Away(room.name, member.name, member.away, now), told, member)
                if len(member.rooms) > STEP:
                    room.flush()  # else all of them would go out in the turn in which this is answered
            self._turns.breathe()
        for session in member.sessions:
            if session not in told:
                self._tell(session, Away("", member.name, why, now))

    def invite(self, member: Member, guest: Member, room: Room) -> None:
        """`member` asks `guest` to come into `room`. Plugins observe it as well."""
        invited = Invited(room.name, member.name, datetime.now(UTC), guest.name)
        guest.tell(invited)
        self._observe((invited,))

    def ignore(self, member: Member, name: str) -> str:
        """From now on `member` does not read what `name` says, whatever they are called by then; the name as it is
        shown. Raises `Reject`."""
        name = self._ignoring.begin(member, *require_known(name, self._limits.name_length))
        self._mind_ignored(member)
        return name

    def unignore(self, member: Member, name: str) -> str:
        """The other way round. Raises `Reject`."""
        name = self._ignoring.end(member, *require_known(name, 0))
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
        """Tell everybody what `member` is now, after its role or account has changed, or a room's owner."""
        told: set[Outlet] = set()
        for room in member.rooms.values():
            if room.role_of(member) == "operator":
                room.tell_role(member, told)  # which is one in the whole chat
            else:
                room.tell_role(member)

    @one_step
    def audit(self, by: str, act: str, target: str = "", room: str = "", details: str = "") -> None:
        """Tell the observers that somebody has kept order."""
        if self._hooks.acted is not None:
            self._hooks.acted(require_sound(ModerationAction(by, act, target, room, details, datetime.now(UTC))))

    def read(self, member: Member, room: Room, seq: int) -> bool:
        """`member` has read `room` up to the message `seq`, or to the last that there is. Whether that is news."""
        if min(seq, room.seq) <= reading.position(member, room):
            return False
        member.reads[room.name] = min(seq, room.seq)
        if self.memory is not None:
            self.memory.read(member, room.name)
        return True

    # --- look ---

    def names_of(self, member: Member) -> Sequence[str]:
        """By which words somebody is called: the name, that of the account, and those of their own."""
        words = self.highlights(member.account_id) if self.highlights is not None and member.account_id else ()
        return (member.name, member.account, *words)

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
        """`text`, which is one line, as `member` may show it to others in `room`, or to one of them (empty): whatever
        puts words before people passes the checks of what is said. May wait. Raises `Reject`."""
        return self._checks.sayable(member, text, room)

    def ignore_also(self, member: Member, ignored: Ignored) -> None:
        """From now on `member` does not read those either whom their account has ignored before."""
        self._ignoring.also(member, ignored)
        self._mind_ignored(member)

    def _mind_ignored(self, member: Member) -> None:
        if self.memory is not None:
            self.memory.ignores(member)
        for room in member.rooms.values():
            room.mind_ignored(member)
