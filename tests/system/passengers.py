"""Clients of all kinds that chat at a steady rate while their server is replaced under them, and what each has heard.

Run by hand for figures, of each number of sessions:

    PYTHONPATH=tests python tests/system/passengers.py --sessions 10 --sessions 1000 --sessions 10000

It ends with 1 where somebody has lost a word, heard one twice or in another order, or was cut off.
"""

import json
import selectors
import socket
import sys
import tempfile
import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import psutil
from crowd import Ledger
from kit.processes import ServeProcess, serve_process
from kit.web_peer import HANDSHAKE, PONG, TEXT, frame

from greenchat.storage.proof import read_proof
from greenchat.testing import DEADLINE

# So many share a room: what is said is told to all of them, and a thousand sessions are twenty rooms.
ROOM_SIZE = 50

# Messages a second, of all writers together.
RATE = 200.0

# How often a message is one that is cut: half of it is sent, and the rest with the writer's next turn.
HALVES = 5

# A turn of all of them, at most.
TURN_SECONDS = 0.01

READ_BYTES = 256 * 1024

PLUGIN = """\
from greenchat import command


@command
def edition(session):
    "Which edition of this plugin is on."
    return "edition {edition}"
"""

# Many clients of one address, who all come at once.
NO_ADDRESS_LIMITS = (
    *("--set", "limits.connections_per_address=0", "--set", "limits.attempts_per_minute=0"),
    *("--set", "limits.connections=0", "--set", "limits.members_per_room=0", "--set", "limits.flood_rate=0"),
    *("--set", "limits.rooms_per_address=0"),
)


def _is_cut(number: int) -> bool:
    """Whether a message is sent in two halves: how long it takes is its writer's doing."""
    return number % HALVES == HALVES - 1


class Passenger:
    """One session in one room, which hears `writers` of it; `said` is how many messages it has said."""

    kind = "plain"

    def __init__(self, number: int, port: int) -> None:
        self.name = f"p{number}"
        self.room = f"room{number // ROOM_SIZE}"
        self.said = self.acked = 0
        self.ledgers: dict[str, Ledger] = {}
        self.complaints: list[str] = []
        self.is_welcome = False
        self.told: list[str] = []  # what was answered to it alone
        self._rest = b""
        self._late = b""  # the second half of a frame
        self._sent_at: dict[int, float] = {}
        self.seqs: list[int] = []
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._greet()
        self.socket.setblocking(False)

    # --- what it says ---

    def say(self) -> None:
        """The next message; or the second half of the last one before it."""
        data, number = self.finish(), self.said
        self.said += 1
        self._sent_at[number] = time.monotonic()
        encoded = self._message(number)
        if _is_cut(number):
            cut = len(encoded) // 2
            encoded, self._late = encoded[:cut], encoded[cut:]
        self._send(data + encoded)

    def finish(self) -> bytes:
        """The rest of a frame that was sent in part."""
        late, self._late = self._late, b""
        return late

    def send_rest(self) -> None:
        if self._late:
            self._send(self.finish())

    def ask(self, text: str) -> None:
        self._send(self.finish() + f"MSG|{text}\n".encode())

    def _greet(self) -> None:
        self.socket.sendall(f"JOIN|{self.name}|{self.room}\n".encode())

    def _message(self, number: int) -> bytes:
        return f"MSG|{number} {time.monotonic_ns()} é\n".encode()

    def _send(self, data: bytes) -> None:
        try:
            if self.socket.send(data) != len(data):
                self.complaints.append("the server took half a frame")
        except OSError as error:
            self.complaints.append(f"the server took no frame: {error}")

    # --- what it hears ---

    def read(self, waits: "array[float]") -> bool:
        """Take what has come; how long each message, and each acknowledgement, took is added to `waits`. Whether the
        connection is still open."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return True
        except OSError as error:
            self.complaints.append(f"cut off: {error}")
            return False
        if not data:
            self.complaints.append("closed by the server")
            return False
        for line in self._lines(data):
            self._take(line, waits)
        return True

    def _lines(self, data: bytes) -> Iterator[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from lines

    def _take(self, line: bytes, waits: "array[float]") -> None:
        kind, _, rest = line.partition(b"|")
        if kind == b"MSG":
            sender, _, text = rest.partition(b"|")
            self._heard(sender.decode(), text.decode(), waits)
        elif kind == b"ERROR":
            self.complaints.append(rest.decode())
        elif not self.is_welcome:
            self.is_welcome = True
        else:
            self.told.append(rest.decode())
            if b" has left" in rest:
                self.complaints.append(rest.decode())

    def _heard(self, sender: str, text: str, waits: "array[float]") -> None:
        number, stamp, _ = text.split()
        self.ledgers.setdefault(sender, Ledger()).hear(int(number))
        if not _is_cut(int(number)):
            waits.append((time.monotonic_ns() - int(stamp)) / 1e9)


class Program(Passenger):
    """The same in JSON Lines: each message is to be acknowledged, and the numbers of a room go up by one."""

    kind = "json"

    def ask(self, text: str) -> None:
        self._send(self.finish() + self._encoded({"type": "say", "text": text, "room": self.room}))

    def _greet(self) -> None:
        self.socket.sendall(self._encoded({"type": "join", "name": self.name, "room": self.room}))

    def _message(self, number: int) -> bytes:
        text = f"{number} {time.monotonic_ns()} é"
        return self._encoded({"type": "say", "text": text, "room": self.room, "ref": number})

    def _encoded(self, thing: dict[str, object]) -> bytes:
        return json.dumps(thing).encode() + b"\n"

    def _take(self, line: bytes, waits: "array[float]") -> None:
        if not line:
            return
        thing = json.loads(line)
        match thing["type"]:
            case "message" if thing["sender"].startswith("p"):
                self.seqs.append(thing["seq"])
                self._heard(thing["sender"], thing["text"], waits)
            case "welcome":
                self.is_welcome = True
            case "ack" if thing.get("ref") is not None:
                self.seqs.append(thing["seq"])
                self.acked += 1
                sent_at = self._sent_at.pop(thing["ref"])
                if not _is_cut(thing["ref"]):
                    waits.append(time.monotonic() - sent_at)
            case "ping":
                self._send(self._encoded({"type": "pong"}))
            case "error":
                self.complaints.append(thing["text"])
            case "left":
                self.complaints.append(f"{thing['name']} has left")
            case "notice" | "answer":
                self.told.extend(thing.get("lines") or [thing.get("text", "")])


class Window(Program):
    """The same over a WebSocket, as the page does."""

    kind = "web"

    def _greet(self) -> None:
        head = ["GET /chat HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in HANDSHAKE.items())]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.socket.recv(READ_BYTES)
        assert data.startswith(b"HTTP/1.1 101"), data
        self._rest = data.partition(b"\r\n\r\n")[2]
        super()._greet()

    def _encoded(self, thing: dict[str, object]) -> bytes:
        return frame(TEXT, json.dumps(thing).encode())

    def _lines(self, data: bytes) -> Iterator[bytes]:
        data = self._rest + data
        at = 0
        while len(data) >= at + 2:
            size, body = data[at + 1], at + 2
            if size == 126:
                size, body = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, body = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if len(data) < body + size:
                break
            opcode = data[at] & 0x0F
            if opcode == TEXT:
                yield data[body : body + size]
            elif opcode == 9:
                self._send(self.finish() + frame(PONG, data[body : body + size]))
            at = body + size
        self._rest = data[at:]


KINDS = (Passenger, Program, Window)


class Carriage:
    """All of them, every other one a writer, all in their rooms when it begins. A context manager."""

    def __init__(self, port: int, size: int, rate: float = RATE) -> None:
        self.waits = array("d")
        self._selector = selectors.DefaultSelector()
        self.passengers: list[Passenger] = []
        self.writers: list[Passenger] = []
        self._in_room: defaultdict[str, list[Passenger]] = defaultdict(list)
        for number in range(size):
            passenger = KINDS[number % len(KINDS)](number, port)
            self._selector.register(passenger.socket, selectors.EVENT_READ, passenger)
            self.passengers.append(passenger)
            if number % ROOM_SIZE == ROOM_SIZE - 1:
                self._read(0)
        self.wait(lambda: all(one.is_welcome for one in self.passengers), "not all were let in")
        self.writers = self.passengers[1::2] or self.passengers
        for one in self.writers:
            self._in_room[one.room].append(one)
        self._pause = 1 / rate
        self._next = 0
        self._due = time.monotonic()

    def __enter__(self) -> "Carriage":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for one in self.passengers:
            one.socket.close()

    def turn(self) -> None:
        """Say what is due, and read what has come, for a while."""
        end = time.monotonic() + TURN_SECONDS
        while (now := time.monotonic()) < end:
            while self._due <= now:
                self._due += self._pause
                self.writers[self._next % len(self.writers)].say()
                self._next += 1
            self._read(max(min(end, self._due) - now, 0))

    def pass_seconds(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()

    def settle(self) -> None:
        """Send all halves, and read until all has come; or for as long as something still does."""
        for one in self.writers:
            one.send_rest()
        self.wait(lambda: not self.lost and not self.unacknowledged, "")

    @property
    def said(self) -> int:
        return sum(one.said for one in self.writers)

    @property
    def lost(self) -> int:
        return sum(
            one.ledgers.setdefault(writer.name, Ledger()).lost(writer.said)
            for one in self.passengers
            for writer in self._in_room[one.room]
            if writer is not one
        )

    @property
    def unacknowledged(self) -> int:
        return sum(one.said - one.acked for one in self.writers if isinstance(one, Program))

    def faults(self) -> list[str]:
        """What went wrong for anybody."""
        found = [f"{one.kind} {one.name}: {text}" for one in self.passengers for text in one.complaints]
        for one in self.passengers:
            twice = sum(ledger.duplicated for ledger in one.ledgers.values())
            late = sum(ledger.late for ledger in one.ledgers.values())
            if twice or late:
                found.append(f"{one.kind} {one.name} heard {twice} twice, and {late} out of order")
            if isinstance(one, Program) and sorted(one.seqs) != list(range(1, len(one.seqs) + 1)):
                found.append(f"{one.kind} {one.name}: the numbers of {one.room} have gaps")
        if self.lost or self.unacknowledged:
            found.append(f"{self.lost} lost, {self.unacknowledged} without an acknowledgement")
        return found

    def wait(self, condition: Callable[[], bool], failure: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > deadline:
                assert not failure, f"{failure}: {self.faults()[:5]}"
                return
            self._read(TURN_SECONDS)

    def _read(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if not key.data.read(self.waits):
                self._selector.unregister(key.fileobj)


class Conductor:
    """Has the server replaced, as often as it is asked, by another edition of its plugin."""

    def __init__(self, server: ServeProcess, data_dir: Path, plugin: Path) -> None:
        self._server = server
        self._data_dir = data_dir
        self._plugin = plugin
        self.edition = 0
        self.pauses: list[float] = []

    def write_plugin(self) -> None:
        self.edition += 1
        self._plugin.write_text(PLUGIN.format(edition=self.edition))

    def reload(self, meanwhile: Callable[[], object]) -> dict[str, object]:
        """The answer to a request to reload, which the next process gives; until then, `meanwhile` is called."""
        self.write_plugin()
        proof = read_proof(self._data_dir)  # each process has its own
        with socket.create_connection(("127.0.0.1", self._server.port), DEADLINE) as asking:
            asking.sendall(json.dumps({"type": "reload", "proof": proof, "ref": self.edition}).encode() + b"\n")
            asking.setblocking(False)
            data, deadline = b"", time.monotonic() + 3 * DEADLINE
            while b"\n" not in data:
                assert time.monotonic() < deadline, "the server does not say what has become of the reload"
                meanwhile()
                with suppress(BlockingIOError):
                    part = asking.recv(READ_BYTES)
                    assert part, "the server has closed the connection that asked for the reload"
                    data += part
        answer = json.loads(data)
        assert (answer["type"], answer.get("ok"), answer.get("how")) == ("reloaded", True, "handover"), answer
        self.pauses.append(answer["pause_seconds"])
        assert self.answer("/edition") == f"edition {self.edition}"
        return answer

    def answer(self, command: str) -> str:
        """What somebody new is answered."""
        with self._server.join(f"asker{self.edition}") as peer:
            peer.send(f"MSG|{command}")
            return peer.read().removeprefix("INFO|")


@contextmanager
def underway(data_dir: Path, size: int) -> Iterator[tuple[ServeProcess, Carriage, Conductor]]:
    """A server with so many sessions, all of them welcome."""
    plugins = data_dir / "editions"
    plugins.mkdir()
    (plugins / "editions.py").write_text(PLUGIN.format(edition=0))
    with serve_process(data_dir, "--plugins-dir", str(plugins), *NO_ADDRESS_LIMITS) as server:
        conductor = Conductor(server, data_dir, plugins / "editions.py")
        with Carriage(server.port, size) as carriage:
            yield server, carriage, conductor


def percentile(values: "list[float] | array[float]", share: float) -> float:
    ranked = sorted(values)
    return ranked[round((len(ranked) - 1) * share)] if ranked else float("nan")


@click.command()
@click.option("--sessions", multiple=True, type=int, default=[10, 1000, 10_000], show_default=True)
@click.option("--reloads", default=10, show_default=True)
def main(sessions: tuple[int, ...], reloads: int) -> None:
    failed = False
    for size in sessions:
        with tempfile.TemporaryDirectory() as directory, underway(Path(directory), size) as (server, crowd, conductor):
            process = psutil.Process(server.process.pid)
            memory = process.memory_info().rss
            for _ in range(reloads):
                crowd.pass_seconds(1.0)
                conductor.reload(crowd.turn)
            crowd.settle()
            p50, p99, most = (1000 * percentile(conductor.pauses, share) for share in (0.5, 0.99, 1.0))
            click.echo(f"{size:,} sessions, {reloads} reloads, {crowd.said} messages said at {RATE:g} a second")
            click.echo(f"  pause          p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {most:.0f} ms")
            click.echo(f"  longest wait   {1000 * max(crowd.waits):.0f} ms, of a message or an acknowledgement")
            click.echo(f"  memory         {memory / 1e6:.0f} MB before, {process.memory_info().rss / 1e6:.0f} MB after")
            faults = crowd.faults()
            click.echo(f"  faults         {len(faults) or 'none'}")
            for fault in faults[:10]:
                click.echo(f"    {fault}")
            failed = failed or bool(faults)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
