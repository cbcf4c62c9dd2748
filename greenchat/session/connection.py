"""One connection's greenlet: it reads, decodes, and hands on what came, no faster than it may; and ends."""

import socket
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent import GreenletExit
from greenlet import greenlet

from greenchat.chat.room import Member
from greenchat.codecs import Codec
from greenchat.config.schema import Limits
from greenchat.errors import Advice, Reject
from greenchat.hooks.ending import Killed
from greenchat.net.outbox import Outbox, linger
from greenchat.net.readable import Readable
from greenchat.protocol.requests import MarkRead, Ping, Pong
from greenchat.session import router
from greenchat.session.flood import FloodControl
from greenchat.session.host import Host
from greenchat.session.idle import IdleMonitor, Next
from greenchat.session.served import Served

# What clients send by themselves, while nobody sits before them perhaps.
SAYS_NOTHING = (Ping, Pong, MarkRead)


class Connection(Served):
    """A session, as its own greenlet and the server see it."""

    __slots__ = ("_deadline", "_decoder", "_flood", "_helper", "_idle", "_readable", "_socket")

    def __init__(self, server: Host, number: int, sock: socket.socket, address: str, codec: Codec) -> None:
        limits = server.config.limits
        outbox = Outbox(sock, limits.outbox_bytes, limits.outbox_seconds, self.lose, server.backlog)
        super().__init__(server, number, address, codec, outbox)
        self._socket = sock
        self._helper: greenlet | None = None  # where a part of it runs at this moment
        self._decoder = codec.request_decoder(limits.frame_bytes)
        self._readable = Readable(sock.fileno(), server.turns)
        self._deadline: Any = None
        self._flood = FloodControl(limits, server.turns, server.backlog)
        self._idle = IdleMonitor(time.monotonic())

    def joined(self, member: Member) -> None:
        self.member = member
        self._flood.share_with(member)
        self._stop_deadline()

    @property
    def idle_seconds(self) -> float:
        return self._idle.silence(time.monotonic())

    def mind_silence(self, limits: Limits) -> None:
        """Called now and then: ping a client that has been silent for long, close one that has been for too long."""
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
            self.appear()
            self._start_deadline(self.server.config.limits.join_seconds)
            self._serve(first)
        except GreenletExit:
            pass
        except BaseException as error:  # whatever a plugin's codec raises, say: it ends this connection, not the server
            self.server.unexpected(self, error)
            self.closing = "internal error"
        finally:
            self._end(self.closing or "connection lost")

    def _serve(self, first: bytes) -> None:
        if first and self.closing is None:
            self._take(first)
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
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Handle what was read, up to where the connection is to be closed."""
        self._idle.busy = True
        for part in self._flood.parts(self._decoder.feed(data), len(data)):
            router.route(self, part)
            if not isinstance(part[-1], SAYS_NOTHING):
                self._idle.spoke(time.monotonic())
            if self.closing is not None:
                return
            if self.member is not None and (room := self.member.talks_in) is not None:
                self._flood.flush_if_large(room, len(part))
        self._idle.busy = False
        self._idle.heard(time.monotonic())

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
        self._greenlet = None
        self._stop_deadline()
        try:
            self.disappear(reason)
            self._say_goodbye(reason)
            self._receipts.all_sent(self.server.config.server.grace_seconds)
            if self.outbox.drained(self.server.config.server.grace_seconds):
                linger(self._socket, self._readable)
        except GreenletExit:
            pass  # told to end at once
        finally:
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
