"""Clients that do what no client should: for tests, and for soak.py.

A fault is a generator: it is stepped again and again, until it has done what it does, or until it is closed.
"""

import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing

from greenchat.testing import DEADLINE

# Read at once, as the server does.
READ_BYTES = 64 * 1024

# How many clients that never read are begun in one turn: connecting holds up the good clients of the same thread.
MUTES_A_TURN = 5

Fault = Generator[None, None, None]

# What both languages are made of, and what neither has.
NOISE = [
    *(b"{", b"}", b'{"type":', b'"join"', b'"say"', b',"text":"x"', b'"\\ud800"', b"[" * 500, b"9" * 400),
    *(b"MSG|", b"JOIN|", b"LEAVE|", b"|", b"\n", b"\r\n", b"GET / HTTP/1.1\r\n", b"SSH-2.0-x\r\n"),
    *(b"\x00", b"\x1b[2J", b"\xff\xfe", "\u202e\u200b".encode(), b"x" * 5000),
]


def connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), DEADLINE)
    sock.setblocking(False)
    return sock


def reset_on_close(sock: socket.socket) -> None:
    """Let the socket end with a reset: no farewell, and what is on its way is dropped."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def drop_what_comes(sock: socket.socket) -> bool:
    """Read and forget; False once the server has closed."""
    try:
        return sock.recv(READ_BYTES) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def feed(sock: socket.socket, data: bytes) -> bool:
    """Send what the kernel takes; False once the server has closed."""
    try:
        sock.send(data)
    except BlockingIOError:
        pass
    except OSError:
        return False
    return True


def vanishing(port: int, name: str, rng: random.Random) -> Fault:
    """Comes, says something and half of something else, and is gone."""
    with closing(connect(port)) as sock:
        feed(sock, f"JOIN|{name}\nMSG|whole\nMSG|ha".encode()[: rng.randrange(40)])
        for _ in range(rng.randrange(20)):
            yield


def resetting(port: int, name: str, rng: random.Random) -> Fault:
    """Resets the connection with a batch of its own on the way, and one of the others'."""
    with closing(connect(port)) as sock:
        reset_on_close(sock)
        feed(sock, f"JOIN|{name}\n".encode())
        for _ in range(rng.randrange(20)):
            feed(sock, b"MSG|on the way\n" * 5)
            yield


def flooding(port: int, name: str, rng: random.Random) -> Fault:
    """Sends as much as it can, and reads."""
    with closing(connect(port)) as sock:
        feed(sock, f"JOIN|{name}\n".encode())
        flood = (b"MSG|" + rng.randbytes(250).hex().encode() + b"\n") * 100
        while drop_what_comes(sock) and feed(sock, flood):
            yield


def garbling(port: int, name: str, rng: random.Random) -> Fault:
    """Sends what is no frame, or half of one, in either language or in others."""
    with closing(connect(port)) as sock:
        while feed(sock, b"".join(rng.choices(NOISE, k=5))) and drop_what_comes(sock):
            yield


def never_reading(port: int, name: str, rng: random.Random) -> Fault:
    """Joins, and takes nothing of what it is sent, until the server closes it."""
    with closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(DEADLINE)
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        feed(sock, f"JOIN|{name}\n".encode())
        while feed(sock, b"\n"):  # says nothing, and finds out when the server has closed
            for _ in range(20):
                yield


FAULTS = (vanishing, resetting, flooding, garbling)


class Injector:
    """Keeps faults going on a server: `rate` new ones a second, and always `mutes` clients that never read."""

    # How long a fault goes on: a flooder is slowed down by then, and some seconds' worth of them are there at once.
    LIFE_SECONDS = 2.0

    def __init__(self, port: int, rate: float, mutes: int, rng: random.Random) -> None:
        self.begun: Counter[str] = Counter()
        self._port = port
        self._pause = 1 / rate if rate else 0
        self._wanted_mutes = mutes
        self._rng = rng
        self._faults: list[tuple[float, Fault]] = []
        self._mutes: list[Fault] = []
        self._due = 0.0  # when the next fault is to begin, once the first turn has come

    def turn(self) -> None:
        """Begin what is due, and step what goes on."""
        now = time.monotonic()
        self._due = self._due or now
        while self._pause and self._due <= now:
            self._due += self._pause
            self._faults.append((now + self.LIFE_SECONDS, self._begin(self._rng.choice(FAULTS))))
        for _ in range(min(self._wanted_mutes - len(self._mutes), MUTES_A_TURN)):
            self._mutes.append(self._begin(never_reading))
        self._faults = [(end, fault) for end, fault in self._faults if self._goes_on(fault, end < now)]
        self._mutes = [fault for fault in self._mutes if self._goes_on(fault)]

    def end(self) -> None:
        for fault in [*self._mutes, *(fault for _, fault in self._faults)]:
            fault.close()

    def _begin(self, kind: Callable[[int, str, random.Random], Fault]) -> Fault:
        self.begun[kind.__name__.replace("_", " ")] += 1
        return kind(self._port, f"bad{self.begun.total()}", self._rng)

    def _goes_on(self, fault: Fault, over: bool = False) -> bool:
        if over:
            fault.close()
        return not over and next(fault, "over") is None
