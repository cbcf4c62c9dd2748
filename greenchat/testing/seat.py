"""A session without a connection: what is said is handed in, and what it is told is kept."""

from collections.abc import Callable, Sequence
from typing import Any

import gevent
from gevent import GreenletExit

from greenchat.chat.room import Member
from greenchat.codecs import Codec
from greenchat.config.schema import Limits
from greenchat.protocol.vocabulary import Request
from greenchat.server.server import ChatServer
from greenchat.session import router
from greenchat.session.served import Served
from greenchat.testing.clock import HandClock


class Screen:
    """Where an outbox would be: it takes everything at once."""

    bytes_waiting = 0
    took_at = 0.0

    def __init__(self) -> None:
        self.data: list[bytes] = []

    def send(self, data: bytes) -> int:
        self.data.append(data)
        return len(data)

    def fail(self, reason: str) -> None:
        """It never does."""


class Seat(Served):
    """It stands where a `Connection` stands, and reads from no socket. Nothing that it says is held up by flood
    control, and nobody minds its silence."""

    __slots__ = ("_clock", "_decoder", "_is_over", "_spoke_at")

    def __init__(self, server: ChatServer, address: str, codec: Codec, clock: HandClock, number: int = 0) -> None:
        super().__init__(server, number or server.next_session(), address, codec, Screen())
        self._greenlet = None
        self._decoder = codec.request_decoder(server.config.limits.frame_bytes)
        self._clock = clock
        self._spoke_at = clock.monotonic()
        self._is_over = False
        server.sessions[self.id] = self

    @classmethod
    def carried(cls, server: ChatServer, was: "Seat") -> "Seat":
        """As `was`, which was one of another server, between two requests; it still has to be given its member."""
        seat = cls(server, was.address, was.codec, was._clock, was.id)
        seat.outbox, seat._receipts = was.outbox, was._receipts
        seat.since, seat.login, seat.replay, seat._trusted = was.since, was.login, was.replay, was._trusted
        seat.device, seat.device_id, seat.device_token = was.device, was.device_id, was.device_token
        seat._decoder, seat._spoke_at = was._decoder, was._spoke_at
        return seat

    def take(self, data: bytes) -> None:
        """Deal with what its client has sent, in this greenlet."""
        self.ask(self._decoder.feed(data))

    def ask(self, frames: Sequence[Request]) -> None:
        """Deal with requests, in this greenlet."""
        self._work(lambda: router.route(self, frames))
        self._spoke_at = self._clock.monotonic()

    def begin(self) -> None:
        self._work(self.appear)

    def vanish(self) -> None:
        """Its client is gone, without a word."""
        self._work(lambda: self.lose("connection closed"))

    def _work(self, step: Callable[[], object]) -> None:
        self._greenlet = gevent.getcurrent()
        try:
            if self.closing is None:
                step()
        except GreenletExit:
            pass
        finally:
            self._greenlet = None
        if self.closing is not None:
            self._end()

    def _interrupt(self) -> None:
        if self._greenlet is None:
            gevent.spawn(self._end)
        else:
            super()._interrupt()

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self.disappear(self.closing or "")
        self._receipts.all_sent(self.server.config.server.grace_seconds)
        self._forget()
        self.member = None

    def _forget(self) -> None:
        server: Any = self.server
        server.sessions.pop(self.id, None)

    def finish_answers(self, seconds: float) -> None:
        """Wait for what holds up its answers: a disk, mostly."""
        self._receipts.all_sent(seconds)

    def joined(self, member: Member) -> None:
        self.member = member

    @property
    def idle_seconds(self) -> float:
        return self._clock.monotonic() - self._spoke_at

    def mind_silence(self, limits: Limits) -> None:
        pass

    def knows_pings(self) -> None:
        pass

    def breathe(self) -> None:
        self.server.turns.breathe()

    def repeated(self) -> None:
        pass

    def charge(self, frames: float) -> None:
        pass

    def apart(self, function: Callable[..., None], *arguments: object) -> None:
        function(*arguments)
