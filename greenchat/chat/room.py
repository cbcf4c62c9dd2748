"""Rooms, and who is in them: what all of them are told. How that gets to them is in fanout.py."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from weakref import ref

from greenchat import values
from greenchat.chat.batch import Deliver, EventBatch, MessageBatch, QuotingBatch
from greenchat.chat.cascade import one_step
from greenchat.chat.fanout import DeliveryStats, Fanout, Observe, Turns
from greenchat.chat.ignoring import Ignored
from greenchat.chat.log import Alteration
from greenchat.chat.outlet import Login, Outlet
from greenchat.chat.place import LONG_AGO, Place, Quoting, new_epoch
from greenchat.errors import Advice, Reject
from greenchat.protocol.events import Change, Event, File, Joined, Left, Message, Notice, Role, require_sound
from greenchat.protocol.requests import Frame
from greenchat.protocol.runs import Key, Messages
from greenchat.protocol.text import FORBIDDEN, some_of
from greenchat.protocol.vocabulary import NOT_TOLD_IN_ROOMS

# Members that are told by name to who comes in or asks: more than anybody reads. In a hall of 4,000 that fills, all of
# them would be 400 MB.
MEMBERS_TOLD = 1000

# Rooms of somebody that are told by name where one is missing: as many as one sees at a glance.
ROOMS_TOLD = 20


class Member:
    """Somebody in the chat, under a name; `key` is what the name is compared by.

    `sessions` are those that they have: one for a guest, and for an account one for each of its devices. There is none
    while all of them are lost and `awaited`, as many as may still come back. `rooms` are those one is in, by their
    names; there may be none. `away` says why one is, if one is; `ignored` are those whose messages one does not want.
    One has said something in `talks_in` last, and `last_writer` to this one alone: the name then, and in which
    conversation. `allowance` is what flood control lets all sessions send together. `reads` are up to which message one
    has read each room, by its name: see reading.py. `bot` is the plugin that moves it, and empty for people.
    """

    __slots__ = (
        "__weakref__",
        "allowance",
        "awaited",
        "away",
        "bot",
        "ignored",
        "key",
        "last_writer",
        "login",
        "name",
        "reads",
        "rooms",
        "sessions",
        "stays",
        "talks_in",
    )

    def __init__(self, name: str, key: str, login: Login) -> None:
        self.name = name
        self.key = key
        self.login = login
        self.sessions: list[Any] = []  # to plugins, each is a `Session`
        self.awaited = 0
        self.stays: tuple[Any, ...] = ()  # the places to which those may come back: see session/stays.py
        self.rooms: dict[str, Room] = {}
        self.reads: dict[str, int] = {}
        self.away = self.bot = ""
        self.ignored: Ignored | None = None
        self.talks_in: Room | None = None
        self.allowance: Any = None
        self.last_writer: tuple[str, ref[Any]] | None = None  # weak: two who write to each other are no circle

    @property
    def account(self) -> str:
        """The key of the name that it is logged in to; empty for a guest."""
        return self.login.account

    @property
    def account_id(self) -> int:
        return self.login.account_id

    @property
    def role(self) -> str:
        """ "operator" for one, or empty."""
        return self.login.role

    @property
    def name_on_record(self) -> str:
        """As whom it goes on record: by the account, whatever it calls itself."""
        return self.name if self.account in ("", self.key) else self.account

    @property
    def room(self) -> "Room":
        """The room that is meant: the one that the request at hand names, or else the only one. Never any other: what
        was written for one room must not be said in another. Raises `Reject`."""
        session = self.at_hand
        if session is None and len(self.sessions) == 1:
            session = self.sessions[0]
        return self.room_meant(session)

    @property
    def at_hand(self) -> Outlet | None:
        """The session with a request of which this greenlet deals."""
        return next((session for session in self.sessions if session.asked is not None), None)

    @property
    def identity(self) -> "int | Member":
        """Who this is, whatever the name: an account's id; or, for a guest, this very stay."""
        return self.login.account_id or self

    def ignores(self, other: "Member") -> bool:
        """Whether this one does not want to read what `other` says."""
        return self.ignored is not None and self.ignored.covers(other)

    def room_meant(self, session: Outlet | None) -> "Room":
        """As `room`, by this session."""
        name, asked = ("", None) if session is None else (session.only, session.asked)
        if asked is not None:
            if asked.conversation or asked.to:
                raise Reject("This is for rooms. Type it in the room that you mean.", code="room_required")
            name = asked.room or name
        room = self.rooms.get(name)
        if room is None:
            raise self._no_room(name, is_named=asked is not None and bool(asked.room))
        return room

    def tell(self, reply: Event | Frame) -> None:
        """Tell all sessions: see `Session.tell`."""
        for session in list(self.sessions):
            session.tell(reply)

    def info(self, text: str) -> None:
        """Tell all sessions a line of information."""
        for session in list(self.sessions):
            session.info(text)

    def refuse(self, verdict: Reject) -> None:
        """Tell all sessions that something is refused to them, or has been taken from them."""
        for session in list(self.sessions):
            session.refuse(verdict)

    def _no_room(self, name: str, *, is_named: bool) -> Reject:
        rooms = some_of(list(self.rooms), ROOMS_TOLD)
        if rooms and name:
            text = f"You are not in {name}, but in {rooms}."
            return Reject(text, "not_in_room", None if is_named else Advice.ENTER_ROOM)
        if rooms:
            return Reject(f"You have been in more than one room: say in which. You are in {rooms}.", "room_required")
        return Reject("You are in no room, so nobody would read this.", "room_required", Advice.ENTER_ROOM)


def shows(session: Outlet, room: "Room") -> bool:
    """Whether a session of somebody who is in `room` shows it: all do that have been welcomed, but for those that show
    one at a time."""
    return session.is_welcome and (session.codec.many_rooms or session.only == room.name)


class Room(Place):
    """One room: its members, its latest sequence number, and what goes out to them.

    `owner` has made the room: a member, or the id of one's account, which is still the owner after coming back; None
    where it is nobody's. An id of an account that is gone is nobody's, too. `voices` are those who may speak where not
    everybody may, in the same way: a guest as long as they are in here. Whether that is so, a plugin sees to.
    """

    __slots__ = (
        "__weakref__",
        "_roles",
        "_topic",
        "fanout",
        "lasts",
        "members",
        "owner",
        "voices",
    )

    def __init__(self, name: str, turns: Turns, deliver: Deliver, observe: Observe, stats: DeliveryStats) -> None:
        super().__init__(name)
        self._topic = ""
        self.owner: Member | int | None = None
        self.voices: set[Member | int] = set()
        self.lasts = False  # a plugin keeps it, also when nobody is in it: who comes first has not made it
        self.members: dict[str, Member] = {}
        self.fanout = Fanout(turns, deliver, observe, stats)
        self._roles: dict[Member, str] = {}  # what everybody has been told of those who have one

    @property
    def topic(self) -> str:
        """What the room is about. Setting it tells nobody: see `Chat.set_topic`."""
        return self._topic

    @topic.setter
    def topic(self, topic: str) -> None:
        self._topic = values.text(topic)

    def restore(self, seq: int, time: datetime = LONG_AGO, *, rev: int = 0, epoch: str = "") -> None:
        """Go on from `seq`, the latest message that is known of, which was said at `time`, and from the latest `rev` of
        this `epoch`; without, it is a new one. For a room that nobody is in yet, or whose numbers were wrong."""
        for number in (seq, rev):
            if type(number) is not int or number < 0:
                raise ValueError(f"a sequence number is a whole number, not {number!r}")
        self.seq, self.rev = seq, max(seq, rev)
        self.epoch = values.text(epoch) or new_epoch()
        self.log.forget()
        self.time = max(self.time, time)

    def has(self, member: Member) -> bool:
        return member.rooms.get(self.name) is self

    def has_gone(self) -> Reject:
        return Reject(f"You have left {self.name} meanwhile.", code="not_in_room")

    def owned_by(self, member: Member) -> bool:
        account_id = member.account_id
        return self.owner is member or (bool(account_id) and self.owner == account_id)

    def role_of(self, member: Member) -> str:
        """ "operator", "owner", or neither: empty."""
        return "operator" if member.role == "operator" else "owner" if self.owned_by(member) else ""

    def has_voice(self, member: Member) -> bool:
        return bool(self.voices) and member.identity in self.voices

    def some_members(self, asker: Member) -> list[Member]:
        """Who is here, as far as `asker` is told: of very many who has a role, and who has been here longest."""
        if len(self.members) <= MEMBERS_TOLD:
            return list(self.members.values())
        first = [member for member, role in self._roles.items() if role]
        if self.members.get(asker.key) is asker:
            first.insert(0, asker)
        return list(dict.fromkeys([*first, *islice(self.members.values(), MEMBERS_TOLD)]))[:MEMBERS_TOLD]

    def tell_role(self, member: Member, told: set[Outlet] | None = None) -> None:
        """Tell everybody what `member` is here now, if that is not what they know: as `tell_once` does."""
        role = self.role_of(member)
        if role != self._roles.get(member, ""):
            self._roles[member] = role
            self.tell_once(Role(self.name, member.name, role, datetime.now(UTC)), set() if told is None else told)

    def add(self, member: Member, session: Outlet) -> None:
        """Let `member` in, and tell the others. `session` gets only what comes after; the others of theirs show it once
        they are told of it: see `Presence.show`."""
        role = self.role_of(member)
        if role:
            self._roles[member] = role
        self.tell(Joined(self.name, member.name, datetime.now(UTC), role, bool(member.bot)), origin=member)
        self.members[member.key] = member
        self.log.came(member, self.rev)
        if shows(session, self):
            self.fanout.came(session, member)

    def mind_ignored(self, member: Member) -> None:
        """To be called when `member.ignored` has changed."""
        for session in member.sessions:
            self.fanout.mind_ignored(session)

    def remove(self, member: Member, reason: str, by: str = "", gone: set[Outlet] | None = None) -> None:
        """Let `member` out, whom `by` has put out, if anybody; and tell the others. Its sessions get all that came
        before, at once. Who has `gone` is leaving the chat: those who are told so once are in there once they are."""
        self._roles.pop(member, None)
        self.voices.discard(member)
        del self.members[member.key]
        if member.talks_in is self:
            member.talks_in = None
        for session in member.sessions:
            self.fanout.went(session)
        left = Left(self.name, member.name, values.shown(reason), datetime.now(UTC), by, gone is not None)
        if not gone:
            self.tell(left)
        else:
            self.fanout.tell(EventBatch((left,), skips=gone.intersection(self.fanout.listeners)))
        if gone is not None:
            gone.update(self.fanout.told_quits)

    @one_step
    def post(self, event: Event, origin: Member | None = None) -> None:
        """Tell everybody in the room, but for `origin`, at the end of this turn. For plugins: raises `TypeError` or
        `ValueError` for what is no event to be told, or has in it what cannot be sent."""
        if not isinstance(event, Event) or isinstance(event, (Message, Change, *NOT_TOLD_IN_ROOMS)):
            raise TypeError(
                f"post takes what is told in rooms, not {type(event).__name__}; messages are said, by session.say"
            )
        if origin is not None and not isinstance(origin, Member):
            raise TypeError(f"post takes a member as the origin, not {type(origin).__name__}")
        self.tell(require_sound(event), origin)

    def info(self, lines: str | Iterable[str]) -> None:
        """Tell everybody in the room a line of information, or some."""
        for line in lines.splitlines() if isinstance(lines, str) else lines:
            self.post(Notice(FORBIDDEN.sub("?", line), self.name))

    def tell(self, event: Event, origin: Member | None = None) -> None:
        """As `post`, for what is known to be right."""
        self.fanout.tell(EventBatch((event,), skips=() if origin is None else tuple(origin.sessions)))

    def tell_words(self, event: Event, author: Member) -> None:
        """As `tell`, to the author as well: but not to those who do not want to read what `author` says."""
        self.fanout.tell(EventBatch((event,), author))

    def tell_once(self, event: Event, told: set[Outlet], author: Member | None = None) -> None:
        """As `tell`, where those in `told` know already, and who is told now is one of them from then on. What is in it
        are the words of `author`, if any: not for those who do not want to read what they say."""
        self.fanout.tell(EventBatch((event,), author, told.intersection(self.fanout.listeners) if told else ()))
        told.update(self.fanout.listeners)

    def say(
        self, member: Member, texts: Sequence[str], number: int, action: bool = False, origin: Outlet | None = None
    ) -> Messages:
        """Tell what `member` says by the session `origin`, the first of it under the id `number`; the run that it is
        the end of. What one says in one turn, and nobody else says anything meanwhile, is one run: it is said at once,
        at one time."""
        fanout, count = self.fanout, len(texts)
        talk = fanout.talk
        if talk is None or talk.origin is not origin or talk.author is not member or talk.next_id != number or action:
            messages = self._run(member, (), number, action)
            talk = MessageBatch(member, origin, messages)
            fanout.begin_talk(talk)
            member.talks_in = self
        talk.texts += texts
        talk.next_id = number + count
        self.seq += count
        self.rev += count
        fanout.waiting += count
        if action:
            fanout.talk = None  # a run of its own: codecs encode several messages as one, and an action otherwise
        return talk.messages

    def say_once(self, member: Member, text: str, number: int, origin: Outlet, key: Key) -> Messages:
        """As `say`, of one message that has a key: a run of its own."""
        self.fanout.talk = None
        messages = self.say(member, (text,), number, origin=origin)
        self.fanout.talk = None
        messages.key = key
        return messages

    def say_with(self, member: Member, text: str, number: int, files: list[File]) -> Messages:
        """As `say`, of one message that comes with files: a run of its own, of which all sessions of `member` are told
        as on other devices."""
        self.fanout.talk = None
        messages = self.say(member, (text,), number)
        self.fanout.talk = None
        messages.files = files
        return messages

    def answer(
        self,
        member: Member,
        text: str,
        number: int,
        origin: Outlet | None,
        reply_to: int,
        words: Quoting,
        action: bool = False,
        key: Key | None = None,
    ) -> Messages:
        """As `say`, of one message that answers another: a run of its own. `words` are how those are told it who know
        no numbers."""
        messages = self._run(member, (text,), number, action, reply_to)
        messages.key = key
        self.seq += 1
        self.rev += 1
        skips = () if origin is None else (origin,)
        told, unquoted = (Message(self.name, 0, 0, member.name, one, messages.time) for one in words[:2])
        self.fanout.tell(QuotingBatch(messages, member, told, words.is_ignored, unquoted, skips))
        self.fanout.waiting += 1
        member.talks_in = self
        return messages

    def tell_change(self, alteration: Alteration, member: Member, words: Quoting) -> None:
        """Tell everybody, `member` as well, who has made it, what has become of a message."""
        told, unquoted = (Notice(one, self.name) for one in words[:2])
        self.rev = alteration.change.rev
        self.fanout.tell(QuotingBatch(alteration, member, told, words.is_ignored, unquoted))

    def flush(self) -> None:
        """Deliver to every session what this turn brought: at once, or behind what is still going out to them."""
        self.fanout.flush()
