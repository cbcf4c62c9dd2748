"""Letting connections in: on which sockets, no more than the limits, and by their first bytes who serves each."""

import contextlib
import fcntl
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, NamedTuple, Protocol

import gevent
from gevent.event import Event

from greenchat.codecs import Codec
from greenchat.codecs.detect import codec_of, refusals_of
from greenchat.codecs.wording import in_full
from greenchat.config.schema import Config, Tls
from greenchat.errors import Advice, Reject
from greenchat.hooks.dispatch import Dispatcher
from greenchat.hooks.ending import Killed
from greenchat.hooks.interfaces import Serve
from greenchat.net import tls
from greenchat.net.admission import Admission
from greenchat.net.listener import Listener, close, listen, name_of, prepare
from greenchat.net.turns import Turns
from greenchat.protocol.address import host_of, network_of
from greenchat.protocol.replies import Error
from greenchat.session.flood import READ_BYTES

# How much of a connection's start is looked at to choose who serves it: enough for the greeting of any protocol.
FIRST_BYTES = 16

# How long a connection that is turned away may take, half of it to say its first words. Programs speak at once;
# somebody on netcat reads the answer after half of this.
DOOR_SECONDS = 1.0

# So many may be turned away politely at the same time; more are an attack, and are closed at once.
TURNED_AWAY_AT_ONCE = 100


class Server(Protocol):
    """What it needs of its server."""

    config: Config
    hooks: Dispatcher
    turns: Turns

    def run_session(self, sock: Any, address: str, codec: Codec, taken: bytes) -> None:
        """Run a session on a socket that never waits, to its end."""

    def refused(self, session: int, name: str, verdict: Reject) -> None:
        """To be told of each connection that is turned away, as of session 0."""


class Chosen(NamedTuple):
    """A session that is to be run: see `ChatServer.run_session`."""

    socket: socket.socket
    address: str
    codec: Codec
    taken: bytes


class Acceptor:
    """`is_proxy` says of a host (empty: a Unix socket) whether its connections are those of others."""

    def __init__(self, server: Server) -> None:
        """Raises `ConfigError` where the certificate cannot be used."""
        self._server = server
        self._tls = tls.load(server.config.tls)
        self.admission = Admission()
        # The greenlets that serve one, with a session or not yet: the network that it counts for.
        self._connections: dict[Any, str | None] = {}
        self._silent: set[Any] = set()  # those whose client has said nothing yet
        self._turned_away = 0  # how many are being refused at this moment
        self._all_gone = Event()
        self._listeners: list[Listener] = []
        self._others: list[Listener] = []  # those of plugins
        self._inherited = False  # whether the listening sockets are somebody else's, who goes on with them
        self.is_proxy: Callable[[str], bool] = lambda host: False

    # --- sockets that listen ---

    @property
    def addresses(self) -> list[str]:
        """What the server listens on, as `server.listen` is written, with real ports."""
        return [name_of(listener) for listener in self._listeners]

    def listen(self, inherited: Sequence[Any]) -> None:
        """Accept connections on the gevent sockets that are `inherited`, or else on the configured addresses. Raises
        `GreenchatError` where that cannot be."""
        server = self._server.config.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        self._inherited = bool(inherited)
        for where in inherited or server.listen or [f"{host}:{server.port}"]:
            sock = where if inherited else listen(where)
            self._listeners.append(Listener(sock, self._serve, spawn=gevent.spawn_raw))
        for listener in (*self._listeners, *self._others):
            listener.start()

    def listen_also(self, address: str, serve: Serve) -> str:
        """See `interfaces.ChatServer`."""
        self._others.append(Listener(listen(address), partial(self._serve, serve=serve), spawn=gevent.spawn_raw))
        return name_of(self._others[-1])

    def listen_no_more(self) -> None:
        for listener in self._listeners:
            if self._inherited:
                listener.close()  # the file of a Unix socket stays: more clients come by it
            else:
                close(listener)
        while self._others:
            close(self._others.pop())

    def hand_over(self, least: int) -> list[int]:
        """Descriptors of the sockets that it listens on, none below `least`: they stay open when it listens no more,
        and who connects until somebody goes on with them waits."""
        self._inherited = True
        return [fcntl.fcntl(listener.socket.fileno(), fcntl.F_DUPFD_CLOEXEC, least) for listener in self._listeners]

    def load_certificate(self, config: Tls) -> bool:
        """Read it, also where the files' names are the same: it is renewed then. Whether there is one; raises
        `ConfigError`."""
        self._tls = tls.load(config)
        return self._tls is not None

    # --- those who are connected ---

    def count_for(self, address: str) -> None:
        """See `interfaces.ChatServer`."""
        greenlet = gevent.getcurrent()
        network = self._connections[greenlet]
        assert network is not None
        self._connections[greenlet] = None
        self.admission.leave(network)
        network = network_of(host_of(address))
        self.admission.enter(network, self._server.config.limits)
        self._connections[greenlet] = network

    def check_password(self, address: str, given: str) -> None:
        """Raises `Reject` unless `given`, from a session at `address`, is the server's pass phrase."""
        config = self._server.config
        self.admission.check_password(network_of(host_of(address)), given, config.server.password, config.limits)

    @contextmanager
    def idle(self) -> Iterator[None]:
        """See `interfaces.ChatServer`."""
        greenlet = gevent.getcurrent()
        self._silent.add(greenlet)
        try:
            yield
        finally:
            self._silent.discard(greenlet)

    def close_silent(self) -> None:
        """End those whose clients have said nothing: nothing is lost."""
        for serving in self._silent:
            gevent.kill(serving, Killed)

    def wait_for_all(self, seconds: float) -> None:
        """Wait until all have gone, for so many seconds; then they are ended."""
        self._all_gone.clear()
        if self._connections:
            self._all_gone.wait(seconds)
        for serving in self._connections:
            gevent.kill(serving, Killed)

    # --- a connection, in its own greenlet ---

    def _serve(self, accepted: list[Any], serve: Serve | None = None) -> None:
        """Serve what was `accepted`: a socket and its address. A session runs from here, not from where it was chosen,
        so that an idle one keeps as little as there is."""
        greenlet = gevent.getcurrent()
        self._connections[greenlet] = None
        try:
            chosen = self._admit(accepted, serve)
            if chosen is not None:
                with chosen.socket:
                    # Each by itself: Python would call a `*chosen` on another C stack, and keep 0.5 KB of it.
                    self._server.run_session(chosen.socket, chosen.address, chosen.codec, chosen.taken)
        finally:
            counted = self._connections.pop(greenlet)
            if counted is not None:
                self.admission.leave(counted)
            if not self._connections:
                self._all_gone.set()

    def _admit(self, accepted: list[Any], serve: Serve | None) -> "Chosen | None":
        """The session that is to be run for a connection; None where it has been served already, or turned away."""
        address, sock = accepted.pop(), accepted.pop()
        greenlet = gevent.getcurrent()
        with closing(sock):
            self._server.turns.breathe()
            host, port = address[:2] if address else ("", 0)  # a Unix socket has no address
            network = "" if self.is_proxy(host) else network_of(host)
            limits = self._server.config.limits
            try:
                self.admission.enter(network, limits)
                self._connections[greenlet] = network
                prepare(sock, limits.ping_seconds)
                shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else "unix"
                return self._choose(sock, shown, serve)
            except Reject as verdict:
                if (counted := self._connections[greenlet]) is not None:
                    self._connections[greenlet] = None
                    self.admission.leave(counted)
                self._server.refused(0, "", verdict)
                self._turn_away(sock, verdict)
            except OSError:
                pass  # gone before it said anything
        return None

    def _choose(self, sock: Any, address: str, serve: Serve | None) -> "Chosen | None":
        """Look at the first bytes, without taking them, and hand the connection to who serves it."""
        first = self._first_bytes(sock, FIRST_BYTES, socket.MSG_PEEK)
        self._server.turns.breathe()
        config = self._server.config
        if first.startswith(tls.HELLO) and self._tls is not None:
            with closing(tls.shake_hands(self._tls, sock, config.limits.handshake_seconds)) as connection:
                # All of the first record: what stayed in there, the event loop could not see.
                taken = connection.unread = self._first_bytes(connection, READ_BYTES)
                if taken and not self._claimed(connection, taken[:FIRST_BYTES], address, serve):
                    connection.unread = b""
                    self.serve_session(connection, address, codec_of(taken), taken)
        elif first and config.tls.required and sock.family != socket.AF_UNIX:
            raise Reject("This server wants TLS.", "tls_required", Advice.TLS)
        elif first and not self._claimed(sock, first, address, serve):
            return Chosen(_detached(sock), address, codec_of(first), b"")
        return None

    def _claimed(self, sock: Any, first: bytes, address: str, serve: Serve | None) -> bool:
        """Whether a plugin has claimed a connection that begins so, or all of its listener, and served it."""
        claim = self._server.hooks.claim
        if serve is None and claim is not None:
            serve = claim(first)
        if serve is not None:
            serve(sock, address)
        elif first.startswith(tls.HELLO):
            # It may carry any bytes that some other server has had the client keep for it: frames among them.
            raise Reject("This server does not speak TLS. Connect without.", code="no_tls")
        return serve is not None

    def serve_session(self, sock: Any, address: str, codec: Codec, taken: bytes = b"") -> None:
        """See `interfaces.ChatServer`."""
        if isinstance(sock, tls.TlsConnection):
            self._server.run_session(tls.TlsSocket(sock), address, codec, taken)
            return
        with _detached(sock) as bare:
            self._server.run_session(bare, address, codec, taken)

    def _first_bytes(self, sock: Any, size: int, flags: int = 0) -> bytes:
        """What the client says first; empty where it has gone. Raises `Reject` where it says nothing for too long."""
        first = self._peek(sock, self._server.config.limits.first_frame_seconds, size, flags)
        if first is None:
            raise Reject("Nothing was said for too long.", "timeout", Advice.JOIN_AGAIN)
        return first

    def _peek(self, sock: Any, seconds: float, size: int, flags: int) -> bytes | None:
        """What the client says first: empty where it has gone, None where it says nothing for `seconds`."""
        with self.idle(), gevent.Timeout(seconds or None, False):
            first: bytes = sock.recv(size, flags)
            return first
        return None

    def _turn_away(self, sock: Any, verdict: Reject) -> None:
        """Refuse a connection politely: in its own words, if it says some soon, and so that it can read them."""
        polite = self._turned_away < TURNED_AWAY_AT_ONCE
        self._turned_away += 1
        try:
            with contextlib.suppress(OSError), gevent.Timeout(DOOR_SECONDS, False):
                first = self._peek(sock, DOOR_SECONDS / 2, FIRST_BYTES, socket.MSG_PEEK) if polite else b""
                kind = refusals_of(first or b"")
                verdict = in_full(verdict, kind.advice)
                sock.sendall(kind.refusal(Error(verdict.code, verdict.text)))
                sock.shutdown(socket.SHUT_WR)
                while polite and sock.recv(READ_BYTES):
                    pass  # closing with unread bytes would reset the connection, and take the words back
        finally:
            self._turned_away -= 1


def _detached(sock: Any) -> socket.socket:
    """A plain socket of the standard library instead of gevent's: a session does its own waiting."""
    bare = socket.socket(sock.family, sock.type, sock.proto, sock.detach())
    bare.setblocking(False)
    return bare
