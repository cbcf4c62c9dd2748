"""The load of `greenchat bench`: a crowd of clients in one thread, over real sockets. languages.py is what they speak.

It must measure the server and not itself, so nothing is done for each message at full load.
"""

import os
import selectors
import socket
import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from msgspec import Struct

from greenchat.bench.languages import ROOM, BenchError, Hearing, Language, RefusedError

# Clients on their way in at once: many share one announcement then, and a server's backlog, of 128 at the least, holds.
JOINING_AT_ONCE = 100

# What is read at once: large enough that the calls do not count, small enough to stay in the processor's cache.
READ_BYTES = 256 * 1024

# What is handed to the kernel at once: as much as the server reads.
SEND_BYTES = 64 * 1024

# Nothing has come for this long: everybody has read who else came. A server turns its loop many times within it.
QUIET_SECONDS = 0.1

# How long a wait may be before the deadline is looked at.
WAIT_SECONDS = 0.1

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

Progress = Callable[[int], None]  # told how many are done


class Count(Struct, frozen=True):
    """What arrived of what was due, in deliveries: one message at one client. All of it after `seconds`, if ever."""

    due: int
    delivered: int
    seconds: float


class _Client(Hearing):
    """One connection. `opening` is what it has still to say to be let in; `step` how much of that is answered."""

    __slots__ = ("name", "opening", "outgoing", "sock", "step", "watched", "welcomed")

    def __init__(self, name: str, sock: socket.socket, opening: Sequence[bytes]) -> None:
        super().__init__()
        self.name = name
        self.sock = sock
        self.opening = opening
        self.step = 0
        self.outgoing: deque[bytes | memoryview] = deque(opening[:1])
        self.watched = 0
        self.welcomed = False


Take = Callable[[_Client, int], None]  # what becomes of so many bytes in the buffer


class Crowd:
    """Clients of the server at `address` (as `socket.getpeername` has it), which speak `language`. Each part takes
    `seconds` at the most.

    All methods raise `BenchError` where the server refuses something or closes a connection.
    """

    def __init__(self, family: int, address: Any, seconds: float, language: Language) -> None:
        self._language = language
        self._family = family
        self._address = address
        self._seconds = seconds
        self._selector = selectors.DefaultSelector()
        self._clients: list[_Client] = []
        self._welcomed = 0
        self._buffer = bytearray(READ_BYTES)
        self._view = memoryview(self._buffer)
        self._received = 0  # of messages in this part, by all clients, in the language's units
        self._began = 0.0
        self._latencies = array("q")

    def close(self) -> None:
        """Everybody vanishes."""
        for client in self._clients:
            client.sock.close()
        self._selector.close()

    def join(self, count: int, progress: Progress) -> float:
        """Let `count` clients join, and wait until they have all read of each other; how many seconds joining took."""
        digits = len(str(count - 1))  # names of one length, so that all deliveries are of one length
        self._begin()
        while self._welcomed < count and not self._late():
            while len(self._clients) < min(count, self._welcomed + JOINING_AT_ONCE):
                self._connect(f"bench{len(self._clients):0{digits}}")
            self._turn(WAIT_SECONDS, self._greet)
            progress(self._welcomed)
        if self._welcomed < count:
            raise BenchError(
                f"Only {self._welcomed} of {count} clients were let in within {self._seconds:g} seconds. "
                "Ask for fewer --clients, or for more --seconds."
            )
        took = time.monotonic() - self._began
        while self._turn(QUIET_SECONDS, self._ignore):
            if self._late():
                raise BenchError(
                    f"The room {ROOM} is not quiet after {self._seconds:g} seconds. "
                    "Is somebody else in it? Or ask for fewer --clients."
                )
        return took

    def throughput(self, senders: int, messages: int, size: int, progress: Progress) -> Count:
        """The first `senders` clients send `messages` each, of `size` bytes, as fast as they can."""
        text, units = self._language.begin(self._clients[0].name, size)
        due = senders * messages * (len(self._clients) - 1)
        blocks = _repeated(self._language.say(text), messages)
        self._received = 0
        self._begin()
        for client in self._clients[:senders]:
            client.outgoing.extend(blocks)
            self._watch(client)
        while self._received < due * units and not self._late():
            self._turn(WAIT_SECONDS, self._count)
            progress(self._received // units)
        return Count(due, self._received // units, time.monotonic() - self._began)

    def latency(self, senders: int, messages: int, size: int, rate: int, progress: Progress) -> tuple[Count, list[int]]:
        """The first `senders` clients send `messages` in all, `rate` a second, whether or not the server keeps up.
        The list has the microseconds from sending to arriving of all deliveries, sorted."""
        due = messages * (len(self._clients) - 1)
        self._latencies = array("q")
        sent = 0
        self._begin()
        while len(self._latencies) < due and not self._late():
            passed = time.monotonic() - self._began
            while sent < min(messages, passed * rate):
                client = self._clients[sent % senders]
                client.outgoing.append(self._language.say((b"~%d" % self._microseconds()).ljust(size, b"x")))
                self._send(client)
                sent += 1
            until_next = sent / rate - passed if sent < messages else WAIT_SECONDS
            self._turn(min(until_next, WAIT_SECONDS), self._clock)
            progress(len(self._latencies))
        count = Count(due, len(self._latencies), time.monotonic() - self._began)
        return count, sorted(self._latencies)

    # --- time ---

    def _begin(self) -> None:
        self._began = time.monotonic()

    def _late(self) -> bool:
        return time.monotonic() - self._began > self._seconds

    def _microseconds(self) -> int:
        return int((time.monotonic() - self._began) * 1e6)

    # --- the sockets ---

    def _turn(self, timeout: float, take: Take) -> bool:
        """Send and read where that is possible, waiting for it at most `timeout` seconds; whether it was anywhere."""
        ready = self._selector.select(timeout)
        for key, events in ready:
            client = key.data
            if events & WRITE:
                self._send(client)
            if events & READ and (size := self._read(client)):
                take(client, size)
        return bool(ready)

    def _connect(self, name: str) -> None:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        client = _Client(name, sock, self._language.opening(name))
        self._clients.append(client)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.connect(self._address)
        except BlockingIOError:
            pass
        except OSError as error:
            self._not_let_in(client, f"{os.strerror(error.errno or 0)}.")
        self._watch(client)

    def _send(self, client: _Client) -> None:
        """Send one buffer of what waits, as far as the kernel takes it."""
        outgoing = client.outgoing
        if outgoing:
            try:
                sent = client.sock.send(outgoing[0])
            except BlockingIOError:
                sent = 0
            except OSError:
                outgoing.clear()  # the server has gone; its last words are still to be read
                sent = 0
            if outgoing:
                if sent == len(outgoing[0]):
                    outgoing.popleft()
                else:
                    outgoing[0] = memoryview(outgoing[0])[sent:]
        self._watch(client)

    def _watch(self, client: _Client) -> None:
        wanted = READ | WRITE if client.outgoing else READ
        if client.watched != wanted:
            change = self._selector.modify if client.watched else self._selector.register
            change(client.sock, wanted, client)
            client.watched = wanted

    def _read(self, client: _Client) -> int:
        """How many bytes are in the buffer now."""
        try:
            size = client.sock.recv_into(self._buffer)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._lost(client, os.strerror(error.errno or 0))
        if not size:
            self._lost(client, "the server closed it")
        return size

    # --- what becomes of what was read ---

    def _greet(self, client: _Client, size: int) -> None:
        if client.welcomed:
            return
        client.heard += self._view[:size]
        try:
            if not self._language.answered(client.heard, client.step):
                return
        except RefusedError as refusal:
            self._not_let_in(client, str(refusal))
        client.heard = b""
        client.step += 1
        if client.step == len(client.opening):
            client.welcomed = True
            self._welcomed += 1
        else:
            client.outgoing.append(client.opening[client.step])
            self._watch(client)

    def _ignore(self, client: _Client, size: int) -> None:
        pass

    def _count(self, client: _Client, size: int) -> None:
        try:
            self._received += self._language.count(client, self._buffer, size)
        except RefusedError as refusal:
            self._refused(client, refusal)

    def _clock(self, client: _Client, size: int) -> None:
        now = self._microseconds()
        try:
            stamps = self._language.stamps(client, bytes(self._view[:size]))
        except RefusedError as refusal:
            self._refused(client, refusal)
        self._latencies.extend([now - int(stamp) for stamp in stamps])

    # --- what the server will not have ---

    def _not_let_in(self, client: _Client, reason: str) -> NoReturn:
        raise BenchError(
            f"The server turned {client.name} away: {reason} Does another measurement run there? Else ask for fewer "
            "--clients, or raise limits.connections and limits.connections_per_address there."
        )

    def _refused(self, client: _Client, refusal: RefusedError) -> NoReturn:
        raise BenchError(f"The server refused a message of {client.name}, so nothing can be measured: {refusal}")

    def _lost(self, client: _Client, reason: str) -> NoReturn:
        if not client.welcomed:
            self._not_let_in(client, f"{reason}.")
        raise BenchError(
            f"The connection of {client.name} was lost: {reason}. Unless the server has stopped, its limits stand in "
            "the way: start it with --set limits.outbox_bytes=0 --set limits.outbox_seconds=0 to measure it."
        )


def _repeated(request: bytes, times: int) -> list[memoryview]:
    """`request` so many times, as buffers for the kernel that share their bytes."""
    at_once = min(times, max(1, SEND_BYTES // len(request)))
    block = memoryview(request * at_once)
    blocks, rest = divmod(times, at_once)
    return [block] * blocks + ([block[: rest * len(request)]] if rest else [])
