"""A proxy between clients and a server, which does to their connections what networks do: it cuts them, resets them, or
swallows what is sent while they seem to go on."""

import queue
import select
import socket
import struct
import threading
from contextlib import suppress

from greenchat.testing import DEADLINE

# With this, closing a socket resets its connection.
AT_ONCE = struct.pack("ii", 1, 0)


class Flow:
    """One direction of a connection."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.waiting = b""
        self.ended = self.swallowed = False
        self.lost = 0  # bytes

    def pass_on(self) -> None:
        """Take what has come, and the end, too."""
        try:
            data = self.source.recv(1 << 16)
        except ConnectionError:
            self.ended = True
            if not self.swallowed:
                reset(self.sink)
            return
        self.ended = not data
        if self.swallowed:
            self.lost += len(data)
            return
        self.waiting = data
        if data:
            self.give()
        else:
            with suppress(OSError):
                self.sink.shutdown(socket.SHUT_WR)

    def give(self) -> None:
        try:
            self.waiting = self.waiting[self.sink.send(self.waiting) :]
        except BlockingIOError:
            pass
        except OSError:
            self.waiting = b""  # whoever would read it has gone


class Link:
    """One connection through the proxy: `up` is what the client sends, `down` what the server does."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.up, self.down = Flow(client, server), Flow(server, client)

    @property
    def flows(self) -> tuple[Flow, Flow]:
        return self.up, self.down

    @property
    def hangs(self) -> bool:
        return self.up.swallowed or self.down.swallowed

    @property
    def is_over(self) -> bool:
        if self.client.fileno() < 0 or self.server.fileno() < 0:
            return True
        return self.up.ended and self.down.ended and not self.hangs

    def close(self) -> None:
        self.client.close()
        self.server.close()

    def reset(self) -> None:
        reset(self.client)
        reset(self.server)


def reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    end.close()


class Proxy:
    """Listens on `port` of 127.0.0.1, and connects on to the port `server`, as from `address`. What it is told holds
    for the connections that there are: those that come later are sound."""

    def __init__(self, server: int, address: str = "127.0.0.1") -> None:
        self._to, self._address = ("127.0.0.1", server), address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._links: list[Link] = []
        self._woken, self._wake = socket.socketpair()
        self._asked: queue.SimpleQueue[tuple[object, threading.Event]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what networks do ---

    def cut(self) -> None:
        """Both ends read that the other one has closed; what is under way may be lost."""
        self._do(lambda: [link.close() for link in self._links if not link.hangs])

    def reset(self) -> None:
        """Both ends read that the connection was reset."""
        self._do(lambda: [link.reset() for link in self._links if not link.hangs])

    def swallow(self, *, up: bool = True, down: bool = True) -> None:
        """From now on all that is sent gets lost, and both ends hold the connection for sound, even where the other one
        closes."""

        def swallow() -> None:
            for link in self._links:
                link.up.swallowed, link.down.swallowed = link.up.swallowed or up, link.down.swallowed or down

        self._do(swallow)

    @property
    def lost(self) -> int:
        """How many bytes of servers were swallowed, of the connections that there are."""
        return sum(link.down.lost for link in list(self._links))

    def give_up(self) -> None:
        """Reset the connections that hang."""
        self._do(lambda: [link.reset() for link in self._links if link.hangs])

    def close(self) -> None:
        self._do(lambda: [link.reset() for link in self._links])
        self._ask(None)
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()
        for end in (self._listener, self._woken, self._wake):
            end.close()

    # --- the thread ---

    def _do(self, function: object) -> None:
        assert self._ask(function).wait(DEADLINE)

    def _ask(self, function: object) -> threading.Event:
        done = threading.Event()
        self._asked.put((function, done))
        self._wake.send(b".")
        return done

    def _run(self) -> None:
        while True:
            flows = [flow for link in self._links for flow in link.flows]
            reading = {flow.source: flow for flow in flows if not flow.waiting and not flow.ended}
            writing = {flow.sink: flow for flow in flows if flow.waiting}
            ready, free, _ = select.select([self._woken, self._listener, *reading], [*writing], [])
            for end in free:
                writing[end].give()
            for end in ready:
                if end is self._listener:
                    self._accept()
                elif end is not self._woken and end.fileno() >= 0:
                    reading[end].pass_on()
            if self._woken in ready and not self._obey():
                return
            for link in [link for link in self._links if link.is_over]:
                self._links.remove(link)
                link.close()

    def _obey(self) -> bool:
        """Whether to go on."""
        self._woken.recv(1 << 16)
        while not self._asked.empty():
            function, done = self._asked.get()
            if function is None:
                return False
            function()
            self._links = [link for link in self._links if not link.is_over]
            done.set()
        return True

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(self._to, DEADLINE, (self._address, 0))
        except OSError:
            reset(client)
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setblocking(False)
        self._links.append(Link(client, server))
