"""The load of `greenchat bench`: a crowd of plain clients in one thread, over real sockets.

It must measure the server and not itself, so nothing is done for each message at full load. Every message of the crowd
arrives as a frame of the same length, so deliveries are counted by their bytes; neither an `I` nor an `E` stands in any
of them, so one look at a chunk tells that no INFO or ERROR is in it, and where its first line ends tells that the bytes
are those of whole messages.
"""

import os
import re
import selectors
import socket
import time
from array import array
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

from msgspec import Struct

from greenchat.errors import GreenchatError
from greenchat.text import printable

# A room of its own: nobody else on the server reads the load, and nobody's talk is counted as a delivery.
ROOM = "bench"

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

STAMP = re.compile(rb"\|~(\d+)")
OTHER_LINES = (b"E", b"I")  # how ERROR and INFO begin, wherever they are cut
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

Progress = Callable[[int], None]  # told how many are done


class BenchError(GreenchatError):
    """The measurement cannot be made, or says nothing: the text tells why, and what to do."""


class Count(Struct, frozen=True):
    """What arrived of what was due, in deliveries: one message at one client. All of it after `seconds`, if ever."""

    due: int
    delivered: int
    seconds: float


class _Client:
    """One connection. `heard` is a line that has not ended yet, where lines are looked at; `received` the bytes of
    messages in this part."""

    __slots__ = ("heard", "name", "outgoing", "received", "sock", "watched", "welcomed")

    def __init__(self, name: str, sock: socket.socket) -> None:
        self.name = name
        self.sock = sock
        self.outgoing: deque[bytes | memoryview] = deque()
        self.heard = b""
        self.received = 0
        self.watched = 0
        self.welcomed = False


Take = Callable[[_Client, int], None]  # what becomes of so many bytes in the buffer


class Crowd:
    """Clients of the server at `address` (as `socket.getpeername` has it). Each part takes `seconds` at the most.

    All methods raise `BenchError` where the server refuses something or closes a connection.
    """

    def __init__(self, family: int, address: Any, seconds: float) -> None:
        self._family = family
        self._address = address
        self._seconds = seconds
        self._selector = selectors.DefaultSelector()
        self._clients: list[_Client] = []
        self._welcomed = 0
        self._buffer = bytearray(READ_BYTES)
        self._view = memoryview(self._buffer)
        self._received = 0  # bytes of messages in this part, by all clients
        self._length = 0  # of each of these messages
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
        request = b"MSG|~" + b"x" * (size - 1) + b"\n"
        length = self._length = len(request) + len(self._clients[0].name) + 1
        due = senders * messages * (len(self._clients) - 1)
        blocks = _repeated(request, messages)
        self._received = 0
        self._begin()
        for client in self._clients[:senders]:
            client.outgoing.extend(blocks)
            self._watch(client)
        while self._received < due * length and not self._late():
            self._turn(WAIT_SECONDS, self._count)
            progress(self._received // length)
        return Count(due, self._received // length, time.monotonic() - self._began)

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
                client.outgoing.append((b"MSG|~%d" % self._microseconds()).ljust(len(b"MSG|") + size, b"x") + b"\n")
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
        client = _Client(name, sock)
        self._clients.append(client)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.connect(self._address)
        except BlockingIOError:
            pass
        except OSError as error:
            self._not_let_in(client, f"{os.strerror(error.errno or 0)}.")
        client.outgoing.append(f"JOIN|{name}|{ROOM}\n".encode())
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
        line, end, _ = (client.heard + self._view[:size]).partition(b"\n")
        if not end:
            client.heard = line
        elif line.startswith(b"INFO|"):
            client.welcomed = True
            client.heard = b""
            self._welcomed += 1
        else:
            self._not_let_in(client, _text(line))

    def _ignore(self, client: _Client, size: int) -> None:
        pass

    def _count(self, client: _Client, size: int) -> None:
        find = self._buffer.find
        if client.heard or find(b"E", 0, size) >= 0 or find(b"I", 0, size) >= 0:
            self._count_lines(client, size)
        else:
            end = find(b"\n", 0, size) + 1
            if end and (client.received + end) % self._length:
                raise BenchError(
                    "Not all messages arrive as they were sent, so they cannot be counted. "
                    f"Does a plugin of the server change them, or does somebody else talk in the room {ROOM}?"
                )
            self._add(client, size)

    def _add(self, client: _Client, size: int) -> None:
        client.received += size
        self._received += size

    def _count_lines(self, client: _Client, size: int) -> None:
        """Count the messages alone. Of another line that is cut the start is kept, and nothing of it is counted."""
        *lines, rest = (client.heard + self._view[:size]).split(b"\n")
        client.heard = b""
        for line in lines:
            if line.startswith(b"ERROR|"):
                self._refused(client, line)
            if not line.startswith(OTHER_LINES):
                self._add(client, len(line) + 1)
        if rest.startswith(OTHER_LINES):
            client.heard = rest
        else:
            self._add(client, len(rest))

    def _clock(self, client: _Client, size: int) -> None:
        now = self._microseconds()
        data = client.heard + self._view[:size]
        end = data.rfind(b"\n") + 1
        client.heard = data[end:]
        self._latencies.extend([now - int(stamp) for stamp in STAMP.findall(data, 0, end)])
        if b"E" in data:
            for line in data[:end].split(b"\n"):
                if line.startswith(b"ERROR|"):
                    self._refused(client, line)

    # --- what the server will not have ---

    def _not_let_in(self, client: _Client, reason: str) -> NoReturn:
        raise BenchError(
            f"The server turned {client.name} away: {reason} Does another measurement run there? Else ask for fewer "
            "--clients, or raise limits.connections and limits.connections_per_address there."
        )

    def _refused(self, client: _Client, line: bytes) -> NoReturn:
        raise BenchError(f"The server refused a message of {client.name}, so nothing can be measured: {_text(line)}")

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


def _text(line: bytes) -> str:
    """What the server said, fit for a terminal."""
    text = line.removeprefix(b"ERROR|").decode(errors="replace")
    return printable(text, len(text))
