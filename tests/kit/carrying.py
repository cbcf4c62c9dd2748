"""Connections that are carried from one server to another one in the same process, as they are from one process to the
next."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
from msgspec import msgpack

from greenchat.config.load import load
from greenchat.server.carried import CarriedConnections
from greenchat.server.lifecycle import Lifecycle
from greenchat.server.pause import Pause, take_up
from greenchat.server.server import ChatServer
from greenchat.testing import NO_REPLAY, UNLIMITED

DEADLINE = 30.0


class Client:
    """One that waits by gevent, in the server's own thread."""

    def __init__(self, where: str | tuple[str, int]) -> None:
        import gevent.socket as sockets

        if isinstance(where, str):
            self.socket = sockets.socket(sockets.AF_UNIX)
            self.socket.settimeout(DEADLINE)
            self.socket.connect(where)
        else:
            self.socket = sockets.create_connection(where, DEADLINE)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def line(self) -> str:
        """The next line; empty once the server has closed."""
        return self._file.readline().decode().rstrip("\n")

    def expect(self, *lines: str) -> None:
        for line in lines:
            got = self.line()
            assert got == line, f"expected {line!r}, got {got!r}"

    def close(self) -> None:
        self._file.close()
        self.socket.close()


class House:
    """A server, and those that came after it with its connections. `settings` are as in `greenchat.testing.serving`."""

    def __init__(self, data_dir: Path, plugins: Callable[[], tuple[object, ...]], settings: dict[str, object]) -> None:
        self._data_dir = data_dir
        self._plugins = plugins
        self.settings = {"server.host": "127.0.0.1", "server.port": 0, **UNLIMITED, **NO_REPLAY, **settings}
        self._clients: list[Client] = []
        self.server = self._made()
        self.life = Lifecycle(self.server)
        self.life.start()

    def connect(self) -> Client:
        host, _, port = self.server.addresses[0].rpartition(":")
        self._clients.append(Client((host, int(port))))
        return self._clients[-1]

    def join(self, name: str) -> Client:
        client = self.connect()
        client.send(f"JOIN|{name}\n")
        assert client.line().startswith("INFO|Welcome")
        return client

    def pause(self) -> Pause:
        return Pause(self.server)

    def reload(self, pause: Pause | None = None) -> CarriedConnections:
        """Have all connections go on with a new server; what was carried."""
        if pause is None:
            pause = self.pause()
            pause.freeze()
        assert pause.settle()
        return self.go_over(pause)

    def go_over(self, pause: Pause) -> CarriedConnections:
        """As `reload`, once all are at rest."""
        old = self.server
        pause.hold()
        members = list(old.chat.members.values())
        was = pause.carry({member: place for place, member in enumerate(members)})
        was = msgpack.decode(msgpack.encode(was), type=CarriedConnections)
        pause.give_away()
        self.life.abandon()
        self.server = self._made()
        self.life = Lifecycle(self.server)
        self.server.acceptor.take_up(was.acceptor)
        self.life.start()
        for session, one in zip(take_up(self.server, was), was.sessions, strict=True):
            if session is not None and one.member >= 0:
                self.seat(session, members[one.member])
        self.server.acceptor.go_on()
        return was

    def seat(self, session: Any, was: Any) -> None:
        """What restoring the chat does, as far as it matters here: somebody is in the rooms that they were in."""
        chat = self.server.chat
        hooks = (chat._hooks.check_join, chat._hooks.check_enter)
        name, only, welcome = was.name, session.only, session.is_welcome
        member = chat.join(session, name, "", "", {})
        session.joined(member)
        session.only, session.is_welcome = only, welcome
        for room in member.rooms.values():
            chat.show(session, member, room)
        assert hooks

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self.life.stop()

    def _made(self) -> ChatServer:
        return ChatServer(load(flags=self.settings), self._data_dir, self._plugins())


@contextmanager
def house(data_dir: Path, plugins: Callable[[], tuple[object, ...]] = tuple, **settings: object) -> Iterator[House]:
    """A house in this thread. Settings with two underscores for each dot."""
    with gevent.Timeout(DEADLINE):
        made = House(data_dir, plugins, {name.replace("__", "."): value for name, value in settings.items()})
        try:
            yield made
        finally:
            made.stop()
