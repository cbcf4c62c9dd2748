"""One connection's greenlet: it reads, decodes, and hands on what came, no faster than it may; and ends."""

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import gevent
from gevent import GreenletExit
from greenlet import greenlet

from greenchat.chat.room import Member
from greenchat.codecs import Codec, can_be_carried, shared_of
from greenchat.config.schema import Limits
from greenchat.errors import Advice, Reject
from greenchat.hooks.ending import CarriedAway, Cut, Killed
from greenchat.net.outbox import Outbox, linger
from greenchat.net.readable import Readable
from greenchat.protocol.reload_reports import Reconnect
from greenchat.protocol.requests import MarkRead, Ping, Pong
from greenchat.protocol.vocabulary import Request
from greenchat.session import router
from greenchat.session.carried import CarriedSession, decode_frames, encode_frames
from greenchat.session.flood import FloodControl
from greenchat.session.host import Host
from greenchat.session.idle import IdleMonitor, Next
from greenchat.session.served import Served
from greenchat.storage.fairness import is_queued

# What clients send by themselves, while nobody sits before them perhaps.
SAYS_NOTHING = (Ping, Pong, MarkRead)

# What is told for a request that was cut for a reload.
CUT = "The server is being reloaded, and this was cut off. Send it again."

# Why a connection ends that cannot be carried over a reload: its client is to come back at once.
RECONNECT = "server is reloading"

# Who has no time left to join, or to say something, when they are carried has so much, in seconds.
SOON_SECONDS = 0.1


class Connection(Served):
    """A session, as its own greenlet and the server see it."""

    __slots__ = (
        "_deadline",
        "_decoder",
        "_drains",
        "_ending",
        "_flood",
        "_helper",
        "_idle",
        "_is_carried",
        "_readable",
        "_socket",
    )

    def __init__(self, server: Host, number: int, sock: socket.socket, address: str, codec: Codec) -> None:
        limits = server.config.limits
        outbox = Outbox(sock, limits.outbox_bytes, limits.outbox_seconds, self.lose, server.backlog)
        super().__init__(server, number, address, codec, outbox)
        self._socket = sock
        self._helper: greenlet | None = None  # where a part of it runs at this moment
        self._ending: Any = None  # the greenlet in which it ends
        self._drains = False  # it has ended, but for what is on its way
        self._is_carried = False  # somebody else serves the connection now
        self._decoder = codec.request_decoder(limits.frame_bytes)
        self._readable = Readable(sock.fileno(), server.turns)
        self._deadline: Any = None
        self._flood = FloodControl(limits, server.turns, server.backlog)
        self._idle = IdleMonitor(time.monotonic())

    @classmethod
    def carried(cls, server: Host, was: CarriedSession, sock: socket.socket, codec: Codec) -> "Connection":
        """The session that `was`, by its socket, which never waits. It has no member yet; `run` serves it. Raises
        `ValueError` where it cannot be understood."""
        self = cls(server, was.id, sock, was.address, codec)
        try:
            self._restore(was)
        except BaseException:
            self._let_go()
            raise
        return self

    def _restore(self, was: CarriedSession) -> None:
        self._greenlet = None
        self.since = was.since
        self.login.account, self.login.account_id, self.login.role = was.account, was.account_id, was.role
        self.only, self.is_welcome, self.replay = was.only, was.is_welcome, was.replay
        self.device, self.device_id, self.device_token = was.device, was.device_id, was.device_token
        self._trusted = was.trusted
        self.closing, self._is_lost, self._drains = was.closing, was.is_lost, was.drains
        if was.decoder:
            assert can_be_carried(self._decoder)
            self._decoder.restore(was.decoder)
            self.shared_codec = shared_of(self.codec)  # which may depend on what has been read
        self._flood.restore(decode_frames(was.frames, self.codec), was.tokens)
        self._idle.restore(was.heard_at, was.spoke_at, was.pinged_at, was.knows_pings)
        self.outbox.restore(was.outbox)
        if was.closing is None:
            self._start_deadline(was.join_seconds)

    # --- a hand-over ---

    @property
    def rests(self) -> bool:
        """Whether nothing is under way: it waits for something to read, or stands between two parts of what it has
        read, or has ended but for what is on its way."""
        return self._readable.waits or self._flood.rests or self._drains

    @property
    def greenlet(self) -> Any:
        """The one that serves it."""
        return self._greenlet or self._ending

    @property
    def is_portable(self) -> bool:
        """Whether it can be carried into another process: TLS cannot, and some plugins' codecs cannot."""
        return type(self._socket) is socket.socket and can_be_carried(self._decoder)

    def carry(self, member: int, network: str | None) -> CarriedSession:
        """All of it, while it rests; nothing of it changes."""
        assert can_be_carried(self._decoder)
        left = 0.0
        if self._deadline is not None:
            gone = (datetime.now(UTC) - self.since).total_seconds()
            most = self.server.config.limits.join_seconds
            left = min(max(most - gone, SOON_SECONDS), most)  # none at all would be for ever
        return CarriedSession(
            self.id,
            self._socket.fileno(),
            self.address,
            network,
            self.codec.name,
            self._decoder.state(),
            encode_frames(self._flood.left()),
            self.outbox.carry(),
            self.since,
            member,
            self.login.account,
            self.login.account_id,
            self.login.role,
            self.only,
            self.is_welcome,
            self.replay,
            self._trusted,
            self.device,
            self.device_id,
            self.device_token,
            *self._idle.state(),
            left,
            self._flood.tokens() if self.member is None else None,
            self.closing,
            self._is_lost,
            self._drains,
        )

    @property
    def is_queued(self) -> bool:
        """Whether what is under way waits for a turn, behind others."""
        return is_queued(self._helper or self.greenlet)

    def cut(self, *, queued: bool = False) -> None:
        """End what is under way for one of its requests, which is answered so; the others wait. With `queued`, only if
        it `is_queued` still; else it stops once that is done."""
        gevent.get_hub().loop.run_callback(self._cut, queued)

    def _cut(self, queued: bool) -> None:
        if self.greenlet is None or self.rests or self._flood.breathes:
            return
        if queued and not self.is_queued:
            self.stops = True
        else:
            self.greenlet.throw(Cut())

    def send_away(self) -> None:
        """Have its client come back by another connection, as this one cannot be carried. It rests."""
        if self.closing is not None or self._greenlet is None:
            return
        if not self.codec.tokens:  # who has one comes back with it, and asks for all again that has no answer
            for frame in self._flood.left():
                self.refuse(Reject(CUT, "try_again"), frame.ref)
        self.tell(Reconnect())
        self.closing, self._is_lost = RECONNECT, True
        gevent.get_hub().loop.run_callback(self._greenlet.throw, Killed)

    def thaw(self) -> None:
        """Turns are frozen no more: what has come meanwhile is noticed now, and what was to end does."""
        self._readable.thaw()
        if self.closing is not None:
            gevent.get_hub().loop.run_callback(self._interrupt)

    def give_away(self, *, open_still: bool) -> None:
        """Let go of the socket, which is `open_still` for who goes on with it, and of the chat, without leaving it."""
        self._is_carried = True
        if open_still:
            self._socket.detach()
        if self.greenlet is not None:
            gevent.get_hub().loop.run_callback(self.greenlet.throw, CarriedAway)
        else:
            self._let_go()

    def joined(self, member: Member) -> None:
        self.member = member
        self._flood.share_with(member)
        self._stop_deadline()

    @property
    def idle_seconds(self) -> float:
        return self._idle.silence(time.monotonic())

    def mind_silence(self, limits: Limits) -> None:
        """Called now and then: ping a client that has been silent for long, close one that has been for too long."""
        if self.server.turns.is_frozen:
            return  # it is we who do not listen
        match self._idle.look(time.monotonic(), limits, joined=self.member is not None, pings=self.codec.pings):
            case Next.PING:
                self.tell_at_once(Ping())
            case Next.SEND_HOME:
                text = f"You have said nothing for {limits.idle_seconds:g} seconds. Come back any time."
                self.refuse(Reject(text, "idle"))
                self.close("said nothing for too long")
            case Next.GIVE_UP:
                self.lose("did not answer a ping")

    def serves_here(self) -> bool:
        return gevent.getcurrent() in (self._greenlet, self._helper)

    def knows_pings(self) -> None:
        self._idle.knows_pings = True

    def run(self, first: bytes = b"") -> None:
        """Serve the connection until it ends; `first` was read already. The caller closes the socket."""
        try:
            if self._flood.rests:
                self._go_on()
            else:
                self._begin(first)
            self._serve()
        except GreenletExit:
            pass
        except BaseException as error:  # whatever a plugin's codec raises, say: it ends this connection, not the server
            self.server.unexpected(self, error)
            self.closing = "internal error"
        finally:
            if self._is_carried:
                self._let_go()
            else:
                self._end(self.closing or "connection lost")

    def _begin(self, first: bytes) -> None:
        with suppress(Cut):  # a plugin may take long
            self.appear()
        self._start_deadline(self.server.config.limits.join_seconds)
        if first and self.closing is None:
            self._handle(self._flood.decoded(self._decoder.feed, first), len(first))

    def _go_on(self) -> None:
        """It was carried here, and rests."""
        self._greenlet = gevent.getcurrent()
        frames = self._flood.take_left()
        if frames and self.closing is None:
            self._handle(frames, 0)

    def _serve(self) -> None:
        while self.closing is None:
            self._readable.wait()  # each chunk waits for its turn, so that a fast sender cannot starve the others
            try:
                data = self._socket.recv(self._flood.read_bytes)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not data:
                self.closing = "connection closed"
                return
            self._handle(self._flood.decoded(self._decoder.feed, data), len(data))

    def _handle(self, frames: Sequence[Request], size: int) -> None:
        """Handle what came as so many bytes, up to where the connection is to be closed."""
        self._idle.busy = True
        done, is_cut = 0, False
        try:
            for part in self._flood.parts(frames, size):
                done += len(part)
                router.route(self, part)
                if not isinstance(part[-1], SAYS_NOTHING):
                    self._idle.spoke(time.monotonic())
                if self.closing is not None:
                    return
                if self.member is not None and (room := self.member.talks_in) is not None:
                    self._flood.flush_if_large(room, len(part))
        except Cut as cut:
            self.stops = False
            is_cut, frames = True, [*cut.left, *frames[done:]]
            self._answer_cut(cut)
        if is_cut and frames and self.closing is None:
            self._handle(frames, 0)
        self._idle.busy = False
        self._idle.heard(time.monotonic())

    def _answer_cut(self, cut: Cut) -> None:
        """What was cut can be tried again, which its client is told; what was said before that was said."""
        self.send_acks()
        for ref in cut.refs:
            self.refuse(Reject(CUT, "try_again"), ref)
        if self.member is not None and not self.is_welcome:
            self.lose("cut while it joined")  # it has come half in; by the next connection, all is asked anew

    def breathe(self) -> None:
        self._flood.breathe()

    def repeated(self) -> None:
        self._flood.repeated()

    def charge(self, frames: float) -> None:
        self._flood.charge(frames)

    def apart(self, function: Callable[..., None], *arguments: object) -> None:
        helper = self._helper = greenlet(function)
        try:
            helper.switch(*arguments)
        except BaseException:
            if helper:  # it waits for something, and is not waited for any more
                helper.throw(Killed)
            raise
        finally:
            self._helper = None

    def _start_deadline(self, seconds: float) -> None:
        if seconds:
            self._deadline = gevent.get_hub().loop.timer(seconds)
            self._deadline.start(self._too_late)

    def _too_late(self) -> None:
        self.refuse(Reject("You have not joined in time.", "timeout", Advice.JOIN_AGAIN))
        self.close("did not join in time")

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.stop()
            self._deadline.close()
            self._deadline = None

    def _end(self, reason: str) -> None:
        """Leave the chat, deliver what waits, and let go of everything but the socket."""
        self.closing = reason
        self._ending, self._greenlet = self._greenlet, None
        self._stop_deadline()
        try:
            if not self._drains:
                with suppress(Cut):
                    self.disappear(reason)
                self._say_goodbye(reason)
                self._receipts.all_sent(self.server.config.server.grace_seconds)
                self._drains = True
            if self.outbox.drained(self.server.config.server.grace_seconds):
                linger(self._socket, self._readable)
        except GreenletExit:
            pass  # told to end at once
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self._ending = self._greenlet = None
        self._stop_deadline()
        self.outbox.close()
        self._readable.close()
        # Nothing leads back from here: it need not wait for the garbage collector.
        self.member = None

    def _say_goodbye(self, reason: str) -> None:
        try:
            goodbye = b"" + self._decoder.goodbye(reason)
        except GreenletExit:
            raise
        except BaseException as error:  # whatever a plugin's codec raises, or returns
            self.server.unexpected(self, error)
            return
        if goodbye:
            self.send_acks()
            self._receipts.tell(goodbye)
