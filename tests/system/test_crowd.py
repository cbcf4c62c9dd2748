"""A crowd that comes, talks and goes at random."""

import random
import socket
import time

import pytest
from kit.processes import ServeProcess, serve_process
from left_over import COUNTER, left_over

from greenchat.testing import DEADLINE

pytestmark = pytest.mark.alone


class Client:
    """One of a crowd: a socket that does not block, and the lines it has heard."""

    def __init__(self, server: ServeProcess, name: str) -> None:
        self.name = name
        self.socket = socket.create_connection(("127.0.0.1", server.port), DEADLINE)
        self.socket.sendall(f"JOIN|{name}\n".encode())
        self.socket.setblocking(False)
        self._rest = b""
        self.lines: list[str] = []
        self.heard: set[str] = set()

    def read(self) -> None:
        try:
            while data := self.socket.recv(1 << 16):
                *lines, self._rest = (self._rest + data).split(b"\n")
                self.lines += [line.decode() for line in lines]
                self.heard.update(self.lines[-len(lines) :])
        except BlockingIOError:
            pass

    def send(self, data: str) -> None:
        self.socket.setblocking(True)
        self.socket.settimeout(DEADLINE)
        self.socket.sendall(data.encode())
        self.socket.setblocking(False)

    def leave(self) -> None:
        self.send("LEAVE\n")

    def stop_in_mid_frame(self) -> None:
        self.send("MSG|unfini")

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


def test_two_hundred_clients_come_talk_and_vanish_and_nothing_is_lost_or_left_over(tmp_path):
    """Every survivor hears every line once, in order; no greenlet, descriptor or member stays behind."""
    (tmp_path / "counter.py").write_text(COUNTER)
    limits = ["--set", "limits.flood_rate=0", "--set", "limits.connections_per_address=0"]
    with serve_process(tmp_path, "--plugins-dir", str(tmp_path), *limits) as server, server.connect() as counter:
        before = left_over(server, counter)
        live_wildly(server)
        deadline = time.monotonic() + DEADLINE
        while (after := left_over(server, counter)) != before:
            assert time.monotonic() < deadline, f"left over: {after}; before: {before}"


def hear(clients: list[Client], line: str) -> None:
    """Read until everybody has heard `line`, or anything where it is empty."""
    deadline = time.monotonic() + DEADLINE
    deaf = clients
    while deaf:
        assert time.monotonic() < deadline, f"{[client.name for client in deaf]} have not heard {line!r}"
        for client in deaf:
            client.read()
        deaf = [client for client in deaf if line not in client.heard and (line or not client.heard)]


def live_wildly(server: ServeProcess) -> None:
    rng = random.Random(2026)
    witness = Client(server, "witness")
    hear([witness], "")
    crowd: list[Client] = []
    born = said = 0
    for step in range(4000):
        action = rng.random()
        if len(crowd) < 200 and (action < 0.3 or not crowd):
            crowd.append(Client(server, f"c{born}"))
            born += 1
        elif action < 0.34:
            gone = crowd.pop(rng.randrange(len(crowd)))
            rng.choice([gone.reset, gone.socket.close, gone.leave, gone.stop_in_mid_frame])()
            gone.socket.close()
        else:
            burst = range(said, said + rng.randrange(1, 5))
            rng.choice(crowd).send("".join(f"MSG|{number}\n" for number in burst))
            said = burst.stop
        if step % 20 == 0:  # as fast as they can read, so that nobody is closed for being slow
            mark = Client(server, f"mark{step}")
            hear([witness, *(client for client in crowd if client.lines)], f"INFO|{mark.name} has joined the chat.")
            mark.socket.close()
        for client in rng.sample(crowd, min(len(crowd), 5)):
            client.read()

    hear([client for client in crowd if not client.lines], "")
    final = Client(server, "last")
    hear([witness, *crowd], "INFO|last has joined the chat.")
    assert born > 200
    assert len(crowd) > 50
    assert sum(line.startswith("MSG|") for line in witness.lines) > 500
    for client in crowd:
        since = witness.lines.index(f"INFO|{client.name} has joined the chat.") + 1
        due = [line for line in witness.lines[since:] if not line.startswith(f"MSG|{client.name}|")]
        assert client.lines[0].startswith(f"INFO|Welcome to lobby, {client.name}.")
        assert client.lines[1:] == due

    for client in [witness, *crowd, final]:
        client.socket.close()
