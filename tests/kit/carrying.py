"""Connections that go on with another server in the same process, as they do in another program."""

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import gevent
import pytest
from gevent import socket
from msgspec import msgpack

from greenchat.config.load import load
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.server.carried_server import CarriedServer
from greenchat.server.carrying import collect
from greenchat.server.departure import Departure
from greenchat.server.handover import Taken, header_of
from greenchat.server.lifecycle import Lifecycle
from greenchat.server.pause import Pause
from greenchat.server.server import ChatServer
from greenchat.testing import DEADLINE, UNLIMITED

R = TypeVar("R")


def aside(function: Callable[..., R], *arguments: object) -> R:
    """What `function` returns, which knows nothing of gevent: in another thread, while the servers go on."""
    return gevent.get_hub().threadpool.apply(function, arguments)


class Client:
    """One that waits in the servers' own thread."""

    def __init__(self, address: str) -> None:
        """`address` is as the server tells it."""
        host, _, where = address.rpartition(":")
        if host == "unix":
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(DEADLINE)
            self.socket.connect(where)
        else:
            self.socket = socket.create_connection((host, int(where)), DEADLINE)
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
    """A server, and those that come after it. `plugins()` makes the plugins of one, besides those that are `installed`,
    by their names."""

    def __init__(
        self,
        data_dir: Path,
        plugins: Callable[[], tuple[object, ...]],
        settings: dict[str, object],
        installed: Collection[str],
    ) -> None:
        self._data_dir, self._plugins, self.installed = data_dir, plugins, installed
        self.settings = {"server.host": "127.0.0.1", "server.port": 0, **UNLIMITED, **settings}
        self.clients: list[Client] = []
        self.pause: Pause | None = None
        self.server, self._life = self._made()
        self._life.start()

    def connect(self) -> Client:
        self.clients.append(Client(self.server.addresses[0]))
        return self.clients[-1]

    def join(self, name: str) -> Client:
        client = self.connect()
        client.send(f"JOIN|{name}\n")
        assert client.line().startswith("INFO|Welcome")
        return client

    def freeze(self) -> Pause:
        self.pause = Pause(self.server)
        self.pause.freeze()
        return self.pause

    def depart(self) -> Departure:
        """What has the server freeze as it does before another program goes on."""
        leaving = Departure(self._life)
        self.pause = leaving._pause
        return leaving

    def reload(self) -> CarriedServer:
        """Have all go on with another server; what was carried."""
        taken, state = self.leave()
        self.take_over(taken)
        return state

    def take_over(self, taken: Taken) -> None:
        """Have another server go on."""
        self.server, self._life = self._made()
        self._life.take_over(taken)
        taken.close()

    def begin_empty(self, error: type[BaseException]) -> None:
        """The same, where the next server fails by `error`, and another one is empty."""
        taken, _ = self.leave()
        self.server, self._life = self._made()
        with pytest.raises(error):
            self._life.take_over(taken)
        taken.drop()
        self.server, self._life = self._made()
        self._life.start_empty(taken)
        taken.close()

    def leave(self) -> tuple[Taken, CarriedServer]:
        """Have the server end, and leave all to the next one."""
        pause = self.pause or self.freeze()
        assert pause.settle(DEADLINE)
        self.pause = None
        pause.hold()
        plugins = self._life.finish()
        state = collect(self.server, pause, plugins, time.monotonic(), ReloadReport(ok=True), [], [])
        state = msgpack.decode(msgpack.encode(state), type=CarriedServer)
        pause.give_away()
        lock = os.open(os.devnull, os.O_RDONLY)
        taken = Taken(header_of(state.connections, lock, outlasts_terminal=False), state)
        os.close(lock)
        return taken, state

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self._life.stop()

    def _made(self) -> tuple[ChatServer, Lifecycle]:
        server = ChatServer(load(flags=self.settings), self._data_dir, self._plugins(), installed=self.installed)
        return server, Lifecycle(server)


@contextmanager
def house(
    data_dir: Path,
    plugins: Callable[[], tuple[object, ...]] = tuple,
    settings: dict[str, object] | None = None,
    installed: Collection[str] = (),
) -> Iterator[House]:
    """One in this thread. `settings` are as in `greenchat.testing.serving`."""
    with gevent.Timeout(DEADLINE):
        made = House(data_dir, plugins, settings or {}, installed)
        try:
            yield made
        finally:
            made.close()
