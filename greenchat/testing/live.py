"""A real server in this process, in a thread of its own, and clients that speak to it over real sockets."""

import queue
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from greenchat.config.load import load

if TYPE_CHECKING:
    from gevent.event import Event

    from greenchat.server.server import ChatServer

# In seconds. Longer than anything on loopback takes, also where the machine has ten other things to do: only a test
# that fails waits for so long.
DEADLINE = 30.0

# Tests come fast, and all from one address.
UNLIMITED = {
    "limits.flood_rate": 0,
    "limits.connections_per_address": 0,
    "limits.attempts_per_minute": 0,
    "limits.rooms_per_address": 0,
}

# What a test says before somebody joins is not told again to them.
NO_REPLAY = {"plugins.history.replay": 0}


class Peer:
    """A plain client, as simple as netcat: it sends lines, and reads lines with a deadline."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), DEADLINE)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def send(self, *lines: str) -> None:
        """Send each line as one frame."""
        self.socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def read(self) -> str:
        """The next line, without its end; empty once the server has closed. Raises `TimeoutError`."""
        return self._file.readline().decode().rstrip("\n")

    def expect(self, *lines: str) -> None:
        """The next lines must be these."""
        for line in lines:
            got = self.read()
            assert got == line, f"expected {line!r}, got {got!r}"

    def read_until(self, line: str) -> list[str]:
        """All lines up to `line`, which must come, without it."""
        before: list[str] = []
        while (got := self.read()) != line:
            assert got, f"the server closed before {line!r}; it said {before}"
            before.append(got)
        return before

    def expect_closed(self) -> None:
        """The server must close the connection, with nothing before."""
        try:
            got = self.read()
        except ConnectionResetError:
            return
        assert got == "", f"expected the end, got {got!r}"

    def close(self) -> None:
        """Vanish, without a LEAVE."""
        self._file.close()
        self.socket.close()


class ServerThread:
    """A running server: where it listens, and clients for it.

    `call(function)` runs a function in the server's thread, the only one in which `server` may be touched.
    """

    def __init__(self, server: "ChatServer", call: Callable[[Callable[[], Any]], Any], stopped: "Event") -> None:
        self.server = server
        self.call = call
        host, _, port = server.addresses[0].rpartition(":")
        self.host, self.port = host, int(port)
        self.peers = ExitStack()
        self._stopped: Event | None = stopped

    def stop(self) -> None:
        """Ask the server to stop, as SIGTERM does; at the end of `serving` it has."""
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            self.call(stopped.set)

    def connect(self) -> Peer:
        """A new connection, which has not joined. It is closed at the end."""
        return self.peers.enter_context(Peer(self.host, self.port))

    def join(self, name: str, room: str = "") -> Peer:
        """A client that has joined and read its welcome."""
        peer = self.connect()
        peer.send(f"JOIN|{name}|{room}" if room else f"JOIN|{name}")
        welcome = peer.read()
        assert welcome.startswith("INFO|Welcome"), welcome
        return peer


@contextmanager
def serving(
    *plugins: object, settings: Mapping[str, object] | None = None, data_dir: Path | None = None
) -> Iterator[ServerThread]:
    """A server on a free port of 127.0.0.1, in a thread of its own, with `plugins` (objects or modules) besides the
    installed ones. `settings` are paths to values: `{"limits.frame_bytes": 100}`. UNLIMITED is off unless set.
    NO_REPLAY holds unless set. `data_dir` is for what outlasts a server; without it, each has an empty one of its own.
    """
    # gevent takes the thread that imports it first for the main one, and would reap its child processes.
    import gevent.hub  # noqa: F401

    with tempfile.TemporaryDirectory() as directory:
        config = load(
            flags={"server.host": "127.0.0.1", "server.port": 0, **UNLIMITED, **NO_REPLAY, **(settings or {})}
        )
        started: queue.Queue[Any] = queue.Queue()
        where = data_dir or Path(directory)
        thread = threading.Thread(target=_run, args=(config, where, plugins, started), daemon=True)
        thread.start()
        outcome = started.get(timeout=DEADLINE)
        if isinstance(outcome, BaseException):
            raise outcome
        running: ServerThread = outcome
        try:
            yield running
        finally:
            running.peers.close()
            running.stop()
            thread.join(DEADLINE)
            assert not thread.is_alive(), "the server did not stop"


def _run(config: Any, data_dir: Path, plugins: tuple[object, ...], started: "queue.Queue[Any]") -> None:
    """The server's thread: it has an event loop of its own, which other threads reach by `call` alone."""
    import gevent
    from gevent.event import Event

    from greenchat.server.lifecycle import Lifecycle
    from greenchat.server.server import ChatServer

    hub = gevent.get_hub()
    asked: queue.SimpleQueue[tuple[Callable[[], Any], queue.SimpleQueue[Any]]] = queue.SimpleQueue()
    wake = hub.loop.async_()
    stopped = Event()

    def answer() -> None:
        while not asked.empty():
            function, reply = asked.get()
            try:
                reply.put((function(), None))
            except BaseException as error:
                reply.put((None, error))

    def call(function: Callable[[], Any]) -> Any:
        reply: queue.SimpleQueue[Any] = queue.SimpleQueue()
        asked.put((function, reply))
        wake.send()
        value, error = reply.get(timeout=DEADLINE)
        if error is not None:
            raise error
        return value

    try:
        wake.start(answer)
        lifecycle = Lifecycle(ChatServer(config, data_dir, plugins))
        lifecycle.start()
    except BaseException as error:
        started.put(error)
    else:
        started.put(ServerThread(lifecycle.server, call, stopped))
        stopped.wait()
        lifecycle.stop()
    finally:
        wake.close()
        hub.destroy(destroy_loop=True)
        hub.throw(gevent.GreenletExit)  # it hangs in its last exception, which keeps the frame of this, and all in it
