"""Connections that go on with another server in the same process, as they do in another program."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
from gevent import socket
from msgspec import msgpack

from greenchat.config.load import load
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.server.carried_server import CarriedServer
from greenchat.server.carrying import collect
from greenchat.server.handover import Taken, header_of
from greenchat.server.lifecycle import Lifecycle
from greenchat.server.pause import Pause
from greenchat.server.server import ChatServer
from greenchat.testing import DEADLINE, NO_REPLAY, UNLIMITED


class Client:
    """One that waits in the servers' own thread."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), DEADLINE)
        self._file = self.socket.makefile("rb")

    def send(self, data: str | bytes) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def line(self) -> str:
        """The next one; empty once the server has closed."""
        return self._file.readline().decode().rstrip("\n")

    def expect(self, *lines: str) -> None:
        for line in lines:
            got = self.line()
            assert got == line, f"expected {line!r}, got {got!r}"

    def close(self) -> None:
        self._file.close()
        self.socket.close()


class House:
    """A server, and those that come after it. `plugins()` makes the plugins of one."""

    def __init__(self, data_dir: Path, plugins: Callable[[], tuple[object, ...]], settings: dict[str, object]) -> None:
        self._data_dir, self._plugins = data_dir, plugins
        self.settings = {"server.host": "127.0.0.1", "server.port": 0, **UNLIMITED, **NO_REPLAY, **settings}
        self._clients: list[Client] = []
        self.pause: Pause | None = None
        self.server, self._life = self._made()
        self._life.start()

    def connect(self) -> Client:
        host, _, port = self.server.addresses[0].rpartition(":")
        self._clients.append(Client(host, int(port)))
        return self._clients[-1]

    def join(self, name: str) -> Client:
        client = self.connect()
        client.send(f"JOIN|{name}\n")
        assert client.line().startswith("INFO|Welcome")
        return client

    def freeze(self) -> Pause:
        self.pause = Pause(self.server)
        self.pause.freeze()
        return self.pause

    def reload(self) -> CarriedServer:
        """Have all go on with another server; what was carried."""
        pause = self.pause or self.freeze()
        assert pause.settle(DEADLINE)
        self.pause = None
        pause.hold()
        plugins = self._life.finish()
        state = collect(self.server, pause, plugins, time.monotonic(), ReloadReport(ok=True), [], [])
        state = msgpack.decode(msgpack.encode(state), type=CarriedServer)
        pause.give_away()
        lock = os.open(os.devnull, os.O_RDONLY)
        taken = Taken(header_of(state, lock, outlasts_terminal=False), state)
        self.server, self._life = self._made()
        self._life.take_over(taken)
        taken.close()
        os.close(lock)
        return state

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._life.stop()

    def _made(self) -> tuple[ChatServer, Lifecycle]:
        server = ChatServer(load(flags=self.settings), self._data_dir, self._plugins())
        return server, Lifecycle(server)


@contextmanager
def house(
    data_dir: Path, plugins: Callable[[], tuple[object, ...]] = tuple, settings: dict[str, object] | None = None
) -> Iterator[House]:
    """One in this thread. `settings` are as in `greenchat.testing.serving`."""
    with gevent.Timeout(DEADLINE):
        made = House(data_dir, plugins, settings or {})
        try:
            yield made
        finally:
            made.close()
