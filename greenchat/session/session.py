"""One connection, as plugins see it. Its greenlet is in connection.py, what becomes of its requests in router.py."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from greenlet import getcurrent

from greenchat import values
from greenchat.chat.cascade import one_step
from greenchat.chat.chat import Chat
from greenchat.chat.outlet import Asked, Login
from greenchat.chat.place import Place
from greenchat.chat.presence import Kept
from greenchat.chat.room import Member, Room
from greenchat.codecs import Codec, shared_of
from greenchat.codecs.advice import advise, in_full
from greenchat.errors import Advice, Reject, sendable
from greenchat.hooks.commands import CommandTable
from greenchat.hooks.ending import Cut
from greenchat.hooks.interfaces import Call
from greenchat.net.outbox import Outbox, deliver
from greenchat.protocol.events import Event, Message, Notice
from greenchat.protocol.replies import Ack, Error
from greenchat.protocol.requests import Frame, Ref, RunCommand, Say
from greenchat.protocol.runs import Says
from greenchat.protocol.text import require_text
from greenchat.protocol.vocabulary import Request
from greenchat.session import coming
from greenchat.session.host import Host
from greenchat.session.receipts import Hold, Receipts, refs_of
from greenchat.session.welcome import NO_BRAND, branded, welcoming

R = TypeVar("R", bound="Request | Says")


class Session(coming.Newcomer):
    """One connection, as plugins see it: what they are promised is told in interfaces.py. `server` is for the core."""

    __slots__ = (
        "_acks",
        "_acks_place",
        "_at_hand",
        "_call_at_hand",
        "_calls",
        "_receipts",
        "_said",
        "_trusted",
        "stops",
    )

    server: Host

    def __init__(self, server: Host, number: int, address: str, codec: Codec, outbox: Outbox) -> None:
        self.server = server
        self._acks: list[Ack] = []
        self._acks_place: Place | None = None  # where those of them were said that have a seq
        self._at_hand: Request | Says | None = None  # what plugins are asked whether they take it
        self._call_at_hand: Call | None = None  # the same as a call, once somebody has asked for it
        self._said: list[Message] = []  # for messages in a row at hand
        self._calls: tuple[Call, ...] = ()  # commands that run, the innermost last
        self._trusted = False  # knows the server's pass phrase
        self.stops = False  # behind the request at hand, as if that was cut: a reload waits for it
        self.closing = None
        self.id = number
        self.since = datetime.now(UTC)
        self.login = Login()
        self.only, self.is_welcome = "", False
        self.stay, self.replay = None, True
        self.device, self.device_id, self.device_token = "", 0, ""
        self.address = address
        self.codec, self.shared_codec = codec, shared_of(codec)
        self.member: Member | None = None
        self.outbox = outbox
        self._receipts = Receipts(codec, outbox)

    # --- for plugins ---

    @property
    def chat(self) -> Chat:
        return self.server.chat

    @property
    def commands(self) -> CommandTable:
        return self.server.commands

    @property
    def name(self) -> str:
        return self.member.name if self.member else ""

    @property
    def room(self) -> str:
        with suppress(Reject):
            return self.require_member().room_meant(self).name
        return ""

    @property
    def fields(self) -> dict[str, object]:
        return {"session": self.id, "address": self.address, "user": self.name}

    @property
    def call(self) -> Call | None:
        if self._calls:
            here = getcurrent()
            for call in reversed(self._calls):
                if call.greenlet is here:
                    return call
        frame = self._at_hand
        if frame is None or not self.serves_here():
            return None
        if self._call_at_hand is None:
            where = Asked()
            if isinstance(frame, Say | RunCommand):
                where = self.asked_in(frame.room, frame.conversation, frame.to, frame.reply_to)
            elif isinstance(frame, Says):
                where = self.asked_in(frame.room, "", "")
            refs = frame.refs if isinstance(frame, Says) else (frame.ref,)
            self._call_at_hand = Call(self, where, refs[0] if len(refs) == 1 else None)
        return self._call_at_hand

    def tell(self, reply: Event | Frame) -> None:
        if not isinstance(reply, Event | Frame):
            raise TypeError(f"tell takes an event or an answer, not {type(reply).__name__}; for a text there is info")
        call = self.call
        data = self.codec.encode(reply if call is None else call.marked(reply))
        self.settle()
        if data:
            self._receipts.tell(data)

    def tell_at_once(self, reply: Frame) -> None:
        """Send it before all that waits until something is sure: for pings, which ask whether the other one is
        there."""
        data = self.codec.encode(reply)
        if data:
            deliver((self.outbox,), data)

    def info(self, text: str) -> None:
        self.tell(Notice(values.text(text)))

    @one_step
    def say(self, text: str, *, action: bool = False, room: str = "", reply_to: int = 0) -> Message:
        chat, member = self.server.chat, self.require_member()
        call = self.call
        if call is not None and not room and (call.asked.conversation or call.asked.to):
            said = chat.say_to_one(member, text, call.asked, action=bool(action), origin=self, reply_to=reply_to)
        else:
            where = chat.room_of(member, room) if room else member.room_meant(self)
            where.fanout.talk = None  # what a plugin causes is told apart from what is said by itself
            said = chat.say(member, require_text(text), bool(action), where, self, reply_to)
            where.fanout.mark_cause()
        if call is not None:
            call.said = said
            if isinstance(self._at_hand, Says):
                self._said.append(said)
        return said

    @one_step
    def enter(self, room: str, key: str = "", ref: Ref = None, *, move: bool | None = None) -> None:
        move = not self.codec.many_rooms if move is None else move
        # What is said in the room waits for nothing: the welcome, which comes before it, must not have to either.
        self.send_acks()
        self._receipts.all_sent(self.server.config.server.grace_seconds)
        member = self.require_member()
        were_in = set(member.rooms)
        entered = self.server.chat.enter(self, member, room, key, move=move)
        self.welcome(entered, ref)
        if entered.name not in were_in:
            self.show_others(entered)

    def command(self, line: str, room: str = "", *, conversation: str = "", to: str = "", reply_to: int = 0) -> None:
        outer = self.call
        asked = outer.asked if outer is not None and not (room or conversation or to or reply_to) else None
        asked = asked or self.asked_in(room, conversation, to, reply_to)
        call = Call(self, asked, outer.ref if outer is not None else None)
        try:
            self.during(call, lambda: self.server.commands.run(self, line))
        finally:
            if outer is not None and call.said is not None:
                outer.said = call.said

    @one_step
    def log_in(self, account: str, account_id: int = 0) -> None:
        account = values.text(account)
        if bool(account) != bool(account_id):
            raise ValueError("an account has a key and an id: name both, or neither")
        kept = self.server.remembered(account_id) if self.member is not None else Kept({})
        chat, member = self.server.chat, self.member
        there = chat.people.of_account(account_id)
        if account_id not in (0, self.account_id):
            self.require_no_other_device()
        if member is not None and there is not None and there is not member:
            coming.move(self, member, there)
            return
        before = self.account_id
        self.login.account, self.login.account_id, self.login.role = account, account_id, ""
        if member is not None:
            member.reads.update(kept.reads)
            chat.account_changed(member, before)
            self.server.stays.changed(member)
        if self.server.hooks.account is not None:
            self.server.hooks.account(self)
        if member is not None:
            chat.tell_role(member)
            coming.bring_along(self, member, kept)

    def require_no_other_device(self) -> None:
        member = self.member
        if member is not None and member.account_id and (len(member.sessions) > 1 or member.awaited):
            text = f"You are {member.name} on other devices as well. /logout here first, and come in again."
            raise Reject(text, code="already_logged_in")

    @property
    def needs_password(self) -> bool:
        return bool(self.server.config.server.password) and not self._trusted

    def authenticate(self, password: str) -> None:
        self.server.check_password(self.address, password)
        self._trusted = True

    def require_member(self) -> Member:
        if self.member is None:
            raise Reject("You have not joined yet.", "not_joined", Advice.JOIN_FIRST)
        return self.member

    def name_on_record(self) -> str:
        return self.require_member().name_on_record

    def advise(self, advice: Advice, *, name: str = "", line: str = "") -> str:
        return advise(self.codec.advice, advice, name=name or self.name, line=line)

    @one_step
    def refuse(self, verdict: Reject, ref: Ref = None) -> None:
        verdict = in_full(sendable(verdict), self.codec.advice, self.name)
        self.tell(Error(verdict.code, verdict.text, ref))
        self.server.refused(self.id, self.name, verdict)

    @one_step
    def end(self, verdict: Reject, reason: str = "") -> None:
        reason = values.shown(reason or verdict.code.replace("_", " "))
        self.refuse(verdict)
        self.close(reason)
        self.server.stays.over(self, reason)

    # --- for the core ---

    def welcome(self, room: Room | None, ref: Ref = None, token: str = "", *, is_first: bool = False) -> None:
        self.tell(welcoming(self, room, ref, token))
        if is_first and (brand := self.server.config.brand) != NO_BRAND:
            self.tell(branded(brand))
        self.server.welcomed(self)
        if room is None:
            self.server.came_in(self)
        elif self.server.hooks.entered is not None:
            self.server.hooks.entered(self, room)

    def show_others(self, room: Room) -> None:
        for other in list(self.require_member().sessions):
            if other is not self and other.codec.many_rooms and other.is_welcome and isinstance(other, Session):
                self.server.chat.show(other, self.require_member(), room)
                other.welcome(room)

    def offer(self, asked: R, take: Callable[[Any, R], bool]) -> bool:
        """Ask plugins whether one takes a request, or messages in a row, and acknowledge what was said for it then.
        Raises `Reject`."""
        self._at_hand = asked
        try:
            if not take(self, asked):
                return False
            refs = refs_of(asked)
            if refs:
                call = self._call_at_hand
                self._catch_up()
                for ref in refs:
                    self.acknowledge(ref, call.said if call is not None and len(refs) == 1 else None)
            return True
        except Cut as cut:
            if isinstance(asked, Says):
                self._keep_said(cut, asked.refs, self._said)
            elif (call := self._call_at_hand) is not None:
                self._keep_said(cut, (asked.ref,), (call.said,))
            raise
        finally:
            self._at_hand = self._call_at_hand = None
            self._said = []

    def _keep_said(self, cut: Cut, refs: Sequence[Ref], said: Sequence[Message | None]) -> None:
        """What plugins have said for these requests, in their order, up to where they were `cut`, is acknowledged."""
        done = [message for message in said if message is not None]
        self._catch_up()
        for ref, message in zip(refs, done, strict=False):
            if ref is not None:
                self.acknowledge(ref, message)
        cut.said, cut.is_answered = len(done), bool(done)

    def during(self, call: Call, run: Callable[[], None]) -> None:
        """Call `run` while `call` is the request at hand."""
        self._calls += (call,)
        self.settle()
        try:
            run()
        except Cut as cut:
            if len(self._calls) == 1 and self._at_hand is None:
                self._keep_said(cut, (call.ref,), (call.said,))
            raise
        finally:
            self._calls = tuple(one for one in self._calls if one is not call)

    def acknowledge(self, ref: Ref, said: Message | None) -> None:
        """What came with `ref` was said, or has been done (None)."""
        if said is None:
            self._acks.append(Ack(ref))
            return
        place: Place | None = self.server.chat.rooms.get(said.room)
        if said.conversation:
            place = self.server.chat.open_conversation(said.conversation)
        self._answers_of(place)
        self._acks.append(Ack(ref, said.seq, said.id, said.rev, said.conversation, said.with_))

    def acknowledge_run(self, refs: Sequence[Ref], room: Room, seq: int, number: int) -> None:
        """What came with `refs` was said in a row in `room`, the first of it as `seq`, under the id `number`."""
        self._answers_of(room)
        rev = seq + room.rev - room.seq  # nothing but these has come since the first of them
        self._acks += [
            Ack(ref, seq + place, number + place, rev + place) for place, ref in enumerate(refs) if ref is not None
        ]

    def acknowledge_change(self, ref: Ref, place: Place, seq: int, rev: int) -> None:
        """What came with `ref` has been done to the message `seq` of `place`."""
        if ref is not None:
            self._answers_of(place)
            self._acks.append(Ack(ref, seq, 0, rev, place.conversation, place.with_for(self.require_member())))

    def _answers_of(self, place: Place | None) -> None:
        """What is acknowledged next was said there."""
        if place is not self._acks_place:
            self.send_acks()
            self._acks_place = place

    def send_acks(self) -> None:
        """Acknowledgements go out together, and always before the next answer of another kind."""
        if self._acks:
            place = self._acks_place
            hold: Hold | None = self.server.hooks.delay_ack
            if isinstance(place, Room):
                if self.member is not None:
                    place.fanout.catch_up_with_events(self)
            elif place is not None:
                hold = self.server.chat.hold
            acks, self._acks = self._acks, []
            self._receipts.acknowledge(acks, place, hold)

    def settle(self) -> None:
        """What was asked before is answered, and what was told in its rooms before has been told, before what comes
        now."""
        self.send_acks()
        self._catch_up()

    @property
    def waits_for_acks(self) -> bool:
        """Whether acknowledgements of it are held back, until what they are for is kept."""
        return self._receipts.is_waiting

    @abstractmethod
    def lose(self, reason: str) -> None:
        """Close this connection, which nobody has wanted to end: its user may come back."""

    @abstractmethod
    def serves_here(self) -> bool:
        """Whether it is this greenlet that deals with the requests of this session."""

    @abstractmethod
    def breathe(self) -> None:
        """Between two frames: let the others have their turn, where this one is long."""

    @abstractmethod
    def repeated(self) -> None:
        """The frame at hand was said before, and is nearly free."""

    @abstractmethod
    def charge(self, frames: float) -> None:
        """The frame at hand costs so much more than one."""

    @abstractmethod
    def apart(self, function: Callable[..., None], *arguments: object) -> None:
        """Call `function` on a stack of its own. Joining goes deep into names and plugins, and Python would keep the
        pages that this took, 4 KB and more, for as long as this connection idles."""

    def _catch_up(self) -> None:
        if self.member is not None:
            for room in self.member.rooms.values():
                room.fanout.catch_up(self)

    def asked_in(self, room: str, conversation: str, to: str, reply_to: int = 0) -> Asked:
        with suppress(Reject):  # one that cannot be is one that one is not in, which only some commands ask for
            room = room and self.server.chat.room_name(room)
        return Asked(room, conversation, to, reply_to)
