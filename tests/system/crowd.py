"""Good clients that chat at a steady rate, and a ledger of what each has heard: for tests, and for soak.py."""

import selectors
import socket
import time
from array import array
from collections.abc import Callable

from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.plain import PlainCodec
from greenchat.protocol.events import Message
from greenchat.protocol.replies import Ack, Error, Welcome
from greenchat.protocol.requests import Join, Ping, Pong, Say
from greenchat.protocol.vocabulary import Request
from greenchat.testing import DEADLINE

CODECS = (PlainCodec(), JsonCodec())

# How long a turn of the crowd takes; whoever else takes turns with it waits for so long at the most.
TURN_SECONDS = 0.01

# Read at once, as the server does.
READ_BYTES = 64 * 1024


class Ledger:
    """What one listener has heard of one speaker, who counts from 0."""

    __slots__ = ("due", "duplicated", "late", "missing")

    def __init__(self) -> None:
        self.due = 0  # the next number, if nothing goes wrong
        self.missing: set[int] = set()
        self.duplicated = 0
        self.late = 0

    def hear(self, number: int) -> None:
        if number >= self.due:
            self.missing.update(range(self.due, number))
            self.due = number + 1
        elif number in self.missing:
            self.missing.remove(number)
            self.late += 1
        else:
            self.duplicated += 1

    def lost(self, sent: int) -> int:
        """How many of the `sent` messages have not been heard."""
        return len(self.missing) + max(sent - self.due, 0)


class GoodClient:
    """Speaks one of the codecs, reads all it gets, answers pings, and keeps a ledger of every other."""

    def __init__(self, number: int, port: int) -> None:
        self.name = f"good{number}"
        self.sent = self.acknowledged = self.delivered = 0
        self.ledgers: dict[str, Ledger] = {}
        self.complaints: list[str] = []
        self.welcomed = self.closed = False
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.socket.setblocking(False)
        self._codec = CODECS[number % len(CODECS)]
        self._decoder = self._codec.reply_decoder()
        self._send(Join(self.name))

    def say(self) -> None:
        """One message: its number, and when it was sent."""
        ref = self.sent if self._codec.name == "json" else None
        self._send(Say(f"{self.sent} {time.monotonic_ns()}", ref=ref))
        self.sent += 1

    def read(self, latencies: "array[float]") -> None:
        """Take what has come; how long each message took is added to `latencies`, in seconds."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._close(str(error))
            return
        if not data:
            self._close("closed by the server")
        now = time.monotonic_ns()
        for reply in self._decoder.feed(data):
            match reply:
                case Message(sender=sender, text=text) if sender.startswith("good"):
                    number, stamp = map(int, text.split())
                    self.ledgers[sender].hear(number)
                    self.delivered += 1
                    latencies.append((now - stamp) / 1e9)
                case Welcome():
                    self.welcomed = True
                case Ack():
                    self.acknowledged += 1
                case Ping(ref):
                    self._send(Pong(ref))
                case Error(_, text):
                    self.complaints.append(text)
                case _ if not self.welcomed:  # the welcome of plain frames is an INFO, the first that comes
                    self.welcomed = True

    def unacknowledged(self) -> int:
        return self.sent - self.acknowledged if self._codec.name == "json" else 0

    def _send(self, frame: Request) -> None:
        data = self._codec.encode_request(frame)
        try:
            if self.socket.send(data) != len(data):
                self._close("the server took half a frame")
        except OSError as error:
            self._close(f"the server took no frame: {error}")

    def _close(self, why: str) -> None:
        self.closed = True
        self.complaints.append(why)


class Crowd:
    """Good clients in one room, half of them plain and half JSON, and what came of all they said.

    `rate` is in messages a second, of all together. A context manager; all have joined when it begins.
    """

    def __init__(self, port: int, size: int, rate: float) -> None:
        self.latencies = array("d")
        self._selector = selectors.DefaultSelector()
        self.clients = [self._begin(number, port) for number in range(size)]
        for client in self.clients:
            client.ledgers = {other.name: Ledger() for other in self.clients if other is not client}
        self._pause = 1 / rate
        self._speaker = 0
        self._wait(lambda: all(client.welcomed for client in self.clients), "not all were let in")
        self._due = time.monotonic()

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for client in self.clients:
            client.socket.close()

    def turn(self) -> None:
        """Say what is due, and read what has come, for TURN_SECONDS."""
        end = time.monotonic() + TURN_SECONDS
        while (now := time.monotonic()) < end:
            while self._due <= now:
                self._due += self._pause
                self._speak()
            self._read(max(min(end, self._due) - now, 0))

    def settle(self) -> None:
        """Read until all has arrived that was sent, or until nothing comes any more."""
        self._wait(lambda: not (self.lost or self.unacknowledged), "")

    @property
    def stayed(self) -> list[GoodClient]:
        return [client for client in self.clients if not client.closed]

    @property
    def sent(self) -> int:
        return sum(client.sent for client in self.clients)

    @property
    def delivered(self) -> int:
        return sum(client.delivered for client in self.clients)

    @property
    def lost(self) -> int:
        sent = {client.name: client.sent for client in self.stayed}
        return sum(
            client.ledgers[name].lost(sent[name]) for client in self.stayed for name in sent if name in client.ledgers
        )

    @property
    def duplicated(self) -> int:
        return sum(ledger.duplicated for client in self.stayed for ledger in client.ledgers.values())

    @property
    def out_of_order(self) -> int:
        return sum(ledger.late for client in self.stayed for ledger in client.ledgers.values())

    @property
    def unacknowledged(self) -> int:
        return sum(client.unacknowledged() for client in self.stayed)

    @property
    def complaints(self) -> list[str]:
        """What went wrong for somebody who did nothing wrong."""
        return [f"{client.name}: {text}" for client in self.clients for text in client.complaints]

    def check(self) -> None:
        """Raises `AssertionError` where anything went wrong."""
        assert not self.complaints
        assert (self.lost, self.duplicated, self.out_of_order, self.unacknowledged) == (0, 0, 0, 0)

    def _begin(self, number: int, port: int) -> GoodClient:
        client = GoodClient(number, port)
        self._selector.register(client.socket, selectors.EVENT_READ, client)
        return client

    def _speak(self) -> None:
        client = self.clients[self._speaker % len(self.clients)]
        self._speaker += 1
        if not client.closed:
            client.say()

    def _read(self, timeout: float) -> bool:
        ready = self._selector.select(timeout)
        for key, _ in ready:
            key.data.read(self.latencies)
            if key.data.closed:
                self._selector.unregister(key.fileobj)
        return bool(ready)

    def _wait(self, condition: Callable[[], bool], failure: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > deadline:
                assert not failure, f"{failure}: {self.complaints}"
                return
            self._read(TURN_SECONDS)
