"""One connection: its greenlet reads, decodes, and sends each frame through the plugins to the core."""

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import gevent
from gevent import GreenletExit
from greenlet import greenlet

from greenchat import values
from greenchat.chat.cascade import one_step
from greenchat.chat.chat import Chat
from greenchat.chat.room import Asked, Member, Room
from greenchat.codecs import Codec
from greenchat.config.schema import Limits
from greenchat.errors import Reject, sendable
from greenchat.hooks import interfaces
from greenchat.hooks.commands import CommandTable
from greenchat.hooks.ending import Killed
from greenchat.net.outbox import READ, Outbox, linger
from greenchat.protocol.events import Event, Message, Notice, Private
from greenchat.protocol.replies import Ack, Error
from greenchat.protocol.requests import Frame, Join, Ping, Pong, Ref, Request, Say
from greenchat.protocol.text import require_text
from greenchat.session import router
from greenchat.session.flood import FloodControl
from greenchat.session.idle import IdleMonitor, Next
from greenchat.session.receipts import Receipts


class Session(interfaces.Session):
    """One connection, as plugins see it.

    `id` counts connections from the server's start. `address` is "HOST:PORT". `chat` and `commands` are the server's.
    `account` is the key of the name that it has logged in to, `account_id` what that account's rights hang on; empty
    and 0 for none. `role` is "operator" for one, or empty.
    """

    __slots__ = (
        "_acks",
        "_acks_room",
        "_closing",
        "_deadline",
        "_decoder",
        "_flood",
        "_greenlet",
        "_helper",
        "_idle",
        "_readable",
        "_receipts",
        "_said",
        "_server",
        "_socket",
        "_trusted",
    )

    def __init__(self, server: router.Host, number: int, sock: socket.socket, address: str, codec: Codec) -> None:
        limits = server.config.limits
        self._server = server
        self._socket = sock
        self._greenlet = gevent.getcurrent()
        self._helper: greenlet | None = None  # where a part of it runs at this moment
        self._decoder = codec.request_decoder(limits.frame_bytes)
        self._readable: Any = gevent.get_hub().loop.io(sock.fileno(), READ)
        self._closing: str | None = None  # why, once it is to be closed
        self._deadline: Any = None
        self._acks: list[Ack] = []
        self._acks_room: Room | None = None  # where those of them were said that have a seq
        self._said: Message | Private | None = None  # by a plugin that took the frame at hand
        self._flood = FloodControl(limits, server.turns, server.backlog)
        self._idle = IdleMonitor(time.monotonic())
        self._trusted = False  # knows the server's pass phrase
        self.id = number
        self.account, self.account_id, self.role = "", 0, ""
        self.address = address
        self.codec = codec
        self.member: Member | None = None
        self.outbox = Outbox(sock, limits.outbox_bytes, limits.outbox_seconds, self.close, server.backlog)
        self._receipts = Receipts(codec, self.outbox)

    # --- for plugins ---

    @property
    def chat(self) -> Chat:
        return self._server.chat

    @property
    def commands(self) -> CommandTable:
        return self._server.commands

    @property
    def name(self) -> str:
        """The user name; empty before JOIN."""
        return self.member.name if self.member else ""

    @property
    def room(self) -> str:
        """The name of the room that is meant at the moment, see `Member.room`; empty where none is."""
        with suppress(Reject):
            return self.require_member().room.name
        return ""

    @property
    def fields(self) -> dict[str, object]:
        """Whose doing a line of the log is: `log.info("...", extra=session.fields)`."""
        return {"session": self.id, "address": self.address, "user": self.name}

    def tell(self, reply: Event | Frame) -> None:
        """Send one event or answer to this session alone. `TypeError` or `ValueError`: it cannot be sent."""
        if not isinstance(reply, Event | Frame):
            raise TypeError(f"tell takes an event or an answer, not {type(reply).__name__}; for a text there is info")
        self._send_acks()
        data = self.codec.encode(reply)
        if data:
            self._receipts.tell(data)

    def info(self, text: str) -> None:
        """Send one line of information to this session alone."""
        self.tell(Notice(values.text(text)))

    @one_step
    def say(self, text: str, *, action: bool = False, room: str = "") -> Message | Private:
        """Say `text` as this session's user in one of its rooms; or else where the request at hand was made, which may
        be a conversation of two. Raises `Reject`."""
        chat, member = self._server.chat, self.require_member()
        asked = member.asked
        if asked is not None and not room and (asked.conversation or asked.to):
            self._said = chat.say_to_one(member, text, asked, action=bool(action))
        else:
            where = chat.room_of(member, room)
            where.talk = None  # what a plugin causes is told apart from what is said by itself
            self._said = chat.say(member, require_text(text), bool(action), where)
            where.mark_cause()
        return self._said

    @one_step
    def enter(self, room: str, key: str = "", ref: Ref = None, *, move: bool | None = None) -> None:
        """Come into `room`, and be welcomed; with `move`, go out of all others, as clients have to that can be in one
        room only. Raises `Reject`."""
        move = not self.codec.many_rooms if move is None else move
        # What is said in the room waits for nothing: the welcome, which comes before it, must not have to either.
        self._send_acks()
        self._receipts.all_sent(self._server.config.server.grace_seconds)
        entered = self._server.chat.enter(self.require_member(), room, key, move=move)
        router.welcome(self, self._server, entered, ref)

    def command(self, line: str, room: str = "", *, conversation: str = "", to: str = "") -> None:
        """Run `line`, what was typed behind the slash, as typed in `room`, or in the conversation with one person.
        Raises `Reject`."""
        member = self.member
        if member is None:
            self._server.commands.run(self, line)
            return
        with suppress(Reject):  # one that cannot be is one that one is not in, which only some commands ask for
            room = room and self._server.chat.room_name(room)
        with member.asking(Asked(room, conversation, to)):
            self._server.commands.run(self, line)

    @one_step
    def log_in(self, account: str, account_id: int = 0) -> None:
        """From now on it is the account with this key and id; empty and 0: nobody. All who see it are told."""
        account = values.text(account)
        if bool(account) != bool(account_id):
            raise ValueError("an account has a key and an id: name both, or neither")
        before = self.account_id
        self.account, self.account_id, self.role = account, account_id, ""
        if self.member is not None:
            self._server.chat.account_changed(self.member, before)
        if self._server.hooks.account is not None:
            self._server.hooks.account(self)
        if self.member is not None:
            self._server.chat.tell_role(self.member)

    @property
    def needs_password(self) -> bool:
        """Whether this session has yet to tell the server's pass phrase before it may join."""
        return bool(self._server.config.server.password) and not self._trusted

    def authenticate(self, password: str) -> None:
        """Tell the server's pass phrase. Raises `Reject` where it is wrong."""
        self._server.check_password(self.address, password)
        self._trusted = True

    def require_member(self) -> Member:
        """Who this session is in the chat. Raises `Reject` before JOIN."""
        if self.member is None:
            raise Reject("You have not joined yet. Send JOIN|<username> first.", code="not_joined")
        return self.member

    def name_on_record(self) -> str:
        """As whom it goes on record: by the account, whatever it calls itself. Raises `Reject` before JOIN."""
        member = self.require_member()
        return member.name if self.account in ("", member.key) else self.account

    @one_step
    def refuse(self, verdict: Reject, ref: Ref = None) -> None:
        """Answer a request with an ERROR, and tell the observers."""
        verdict = sendable(verdict)
        self.tell(Error(verdict.code, verdict.text, ref))
        self._server.refused(self.id, self.name, verdict)

    def close(self, reason: str) -> None:
        """Close this connection, once what waits for it is delivered; `reason` is for the log and the observers."""
        if self._closing is None:
            self._closing = values.shown(reason)
            if gevent.getcurrent() not in (self._greenlet, self._helper):
                gevent.kill(self._greenlet, Killed)

    def mind_silence(self, limits: Limits) -> None:
        """Called now and then: ping a client that has been silent for long, close one that has been for too long."""
        match self._idle.look(time.monotonic(), limits, joined=self.member is not None, pings=self.codec.pings):
            case Next.PING:
                self.tell(Ping())
            case Next.SEND_HOME:
                text = f"You have said nothing for {limits.idle_seconds:g} seconds. Come back any time."
                self.refuse(Reject(text, "idle"))
                self.close("said nothing for too long")
            case Next.GIVE_UP:
                self.close("did not answer a ping")

    # --- for the core ---

    def joined(self, member: Member) -> None:
        """From now on, this session is `member`."""
        self.member = member
        self._stop_deadline()

    def knows_pings(self) -> None:
        """It has sent a ping or a pong: from now on it is expected to answer."""
        self._idle.knows_pings = True

    # --- its greenlet ---

    def run(self, first: bytes = b"") -> None:
        """Serve the connection until it ends; `first` was read already. The caller closes the socket."""
        try:
            if self._server.hooks.connected is not None:
                self._server.hooks.connected(self)
            self._start_deadline(self._server.config.limits.join_seconds)
            self._serve(first)
        except GreenletExit:
            pass
        except BaseException as error:  # whatever a plugin's codec raises, say: it ends this connection, not the server
            self._server.unexpected(self, error)
            self._closing = "internal error"
        finally:
            self._end(self._closing or "connection lost")

    def _serve(self, first: bytes) -> None:
        wait = gevent.get_hub().wait
        if first and self._closing is None:
            self._take(first)
        while self._closing is None:
            wait(self._readable)  # each chunk waits for its turn, so that a fast sender cannot starve the others
            self._server.turns.breathe()
            try:
                data = self._socket.recv(self._flood.read_bytes)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not data:
                self._closing = "connection closed"
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Handle what was read, up to where the connection is to be closed."""
        self._idle.busy = True
        for part in self._flood.parts(self._decoder.feed(data), len(data)):
            self._act_on(part)
            if self._closing is not None:
                return
            if self.member is not None and (room := self.member.talks_in) is not None:
                self._flood.flush_if_large(room, len(part))
        self._idle.busy = False
        self._idle.heard(time.monotonic())

    def _act_on(self, frames: Sequence[Request]) -> None:
        """The way of every frame: through the plugins, then to the core. What has a `ref` is answered once."""
        hooks = self._server.hooks
        say = self._server.chat.say
        take = hooks.frame
        for frame in frames:
            try:
                if take is not None and take(self, frame):
                    self._acknowledge_taken(frame)
                    self._flood.breathe()
                elif type(frame) is Say and (member := self.member) is not None:
                    text = frame.text
                    if not "0" <= text < "\x7f":  # most begin with a letter or a digit, and these need no look
                        text = router.unslashed(text)
                    if frame.conversation or frame.to:
                        asked = Asked(frame.room, frame.conversation, frame.to)
                        said: Message | Private = self._server.chat.say_to_one(member, text, asked)
                    elif frame.room:
                        said = say(member, text, False, self._server.chat.room_of(member, frame.room))
                    else:  # no command is run here, so it is the only room; where there is none, `Member.room` refuses
                        said = say(member, text, False, member.rooms.get(member.only) or member.room)
                    if frame.ref is not None:
                        self._acknowledge(frame.ref, said)
                    continue
                else:
                    if type(frame) is Join:
                        self._apart(router.handle, self, self._server, frame)
                    else:
                        router.handle(self, self._server, frame)
                    self._flood.breathe()
            except Reject as verdict:
                self.refuse(verdict, frame.ref)
            if self._closing is not None:
                break
        if not isinstance(frames[-1], Ping | Pong):
            self._idle.spoke(time.monotonic())
        self._send_acks()

    def _apart(self, function: Callable[..., None], *arguments: object) -> None:
        """Call `function` on a stack of its own. Joining goes deep into names and plugins, and Python would keep the
        pages that this took, 4 KB and more, for as long as this connection idles."""
        helper = self._helper = greenlet(function)
        try:
            helper.switch(*arguments)
        except BaseException:
            if helper:  # it waits for something, and is not waited for any more
                helper.throw(Killed)
            raise
        finally:
            self._helper = None

    def _acknowledge_taken(self, frame: Request) -> None:
        said, self._said = self._said, None
        if type(frame) is Say and frame.ref is not None:
            self._acknowledge(frame.ref, said)

    def _acknowledge(self, ref: Ref, said: Message | Private | None) -> None:
        if said is None:
            self._acks.append(Ack(ref))
            return
        if isinstance(said, Private):
            self._acks.append(Ack(ref, conversation=said.conversation, with_=said.to))
            return
        room = self._server.chat.rooms.get(said.room)
        if room is not self._acks_room:
            self._send_acks()
            self._acks_room = room
        self._acks.append(Ack(ref, said.seq, said.id))

    def _send_acks(self) -> None:
        """Acknowledgements go out together, and always before the next answer of another kind."""
        if self._acks:
            acks, self._acks = self._acks, []
            self._receipts.acknowledge(acks, self._acks_room, self._server.hooks.delay_ack)

    def _start_deadline(self, seconds: float) -> None:
        if seconds:
            self._deadline = gevent.get_hub().loop.timer(seconds)
            self._deadline.start(self._too_late)

    def _too_late(self) -> None:
        self.refuse(Reject("You have not joined in time. Connect again and send JOIN|<username>.", "timeout"))
        self.close("did not join in time")

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.stop()
            self._deadline.close()
            self._deadline = None

    def _end(self, reason: str) -> None:
        """Leave the chat, deliver what waits, and let go of everything but the socket."""
        self._closing = reason
        self._stop_deadline()
        try:
            if self.member is not None:
                self._server.chat.leave(self.member, reason, breathe=True)
            if self._server.hooks.disconnected is not None:
                self._server.hooks.disconnected(self, reason)
            self._receipts.all_sent(self._server.config.server.grace_seconds)
            if self.outbox.drained(self._server.config.server.grace_seconds):
                linger(self._socket, self._readable)
        except GreenletExit:
            pass  # told to end at once
        finally:
            self.outbox.close()
            self._readable.close()
