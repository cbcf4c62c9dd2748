"""Letting connections in: on which sockets, no more than the limits, and by their first bytes who serves each."""

import logging
import os
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, Protocol

import gevent
from gevent import socket as gevent_socket
from gevent.event import Event
from greenlet import greenlet

from greenchat.codecs import Codec, for_one_more
from greenchat.codecs.detect import OUR_CODECS, codec_of
from greenchat.config.schema import Config, Tls
from greenchat.errors import Advice, Reject
from greenchat.hooks.dispatch import Dispatcher
from greenchat.hooks.ending import Killed
from greenchat.hooks.interfaces import Serve
from greenchat.net import tls
from greenchat.net.admission import Admission
from greenchat.net.listener import detached, prepare
from greenchat.net.turns import Turns
from greenchat.protocol.address import host_of, network_of
from greenchat.server.arrivals import Chosen, Silent, until
from greenchat.server.carried_connections import CarriedAcceptor, CarriedSilent
from greenchat.server.listeners import Listeners, Own
from greenchat.server.turning_away import FIRST_BYTES, TurningAway
from greenchat.session.connection import Connection
from greenchat.session.flood import READ_BYTES

log = logging.getLogger("greenchat.server")


class Server(Protocol):
    """What it needs of its server."""

    config: Config
    hooks: Dispatcher
    turns: Turns

    def run_session(self, sock: Any, address: str, codec: Codec, taken: bytes) -> None:
        """Run a session on a socket that never waits, to its end."""

    def go_on(self, session: Connection) -> None:
        """Run it, to its end."""

    def refused(self, session: int, name: str, verdict: Reject) -> None:
        """To be told of each connection that is turned away, as of session 0."""


class Acceptor:
    """`is_proxy` says of a host (empty: a Unix socket) whether its connections are those of others."""

    def __init__(self, server: Server) -> None:
        """Raises `ConfigError` where the certificate cannot be used."""
        self._server = server
        self._tls = tls.load(server.config.tls)
        self.admission = Admission()
        # The greenlets that serve one, with a session or not yet: the network that it counts for.
        self._connections: dict[Any, str | None] = {}
        self._silent: dict[Any, Silent | None] = {}  # those whose client has said nothing yet; None: or never will
        self._idle: set[Any] = set()  # those of plugins that wait for their client to begin something
        self._codecs = {codec.name: codec for codec in OUR_CODECS}  # whose sessions can be carried here
        self._going_on: list[tuple[Any, Any]] = []  # greenlets that are to begin with sockets that were carried here
        self._unusable: list[Any] = []  # sockets that were carried here in vain
        self._held: list[CarriedSilent] = []
        self._turning_away = TurningAway(self._peek, self.idle)
        self._all_gone = Event()
        self.listeners = Listeners(self._serve)
        self.is_proxy: Callable[[str], bool] = lambda host: False

    # --- sockets that listen ---

    @property
    def addresses(self) -> list[str]:
        """What the server listens on, as `server.listen` is written, with real ports."""
        return self.listeners.addresses

    def listen(self, inherited: Sequence[Any]) -> None:
        """Accept connections on the gevent sockets that are `inherited`, or else on the configured addresses. Raises
        `GreenchatError` where that cannot be."""
        self.listeners.open(self._server.config.server, inherited)

    def listen_also(self, address: str, serve: Serve) -> str:
        """See `interfaces.ChatServer`."""
        return self.listeners.open_own(Own(address, serve))

    def listen_no_more(self) -> None:
        self.listeners.close()

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
        self._idle.add(greenlet)
        try:
            yield
        finally:
            self._idle.discard(greenlet)

    def close_silent(self) -> None:
        """End those whose clients have said nothing: nothing is lost."""
        for serving in (*self._silent, *self._idle):
            gevent.kill(serving, Killed)

    def wait_for_all(self, seconds: float) -> None:
        """Wait until all have gone, for so many seconds; then they are ended."""
        self._all_gone.clear()
        if self._connections:
            self._all_gone.wait(seconds)
        for serving in self._connections:
            gevent.kill(serving, Killed)

    # --- over the end of the process: see pause.py ---

    def carries(self, codec: Codec) -> None:
        """See `interfaces.ChatServer`."""
        self._codecs.setdefault(codec.name, codec)

    def knows(self, codec: Codec) -> bool:
        """Whether sessions that speak it can be carried."""
        known = self._codecs.get(codec.name)
        return known is codec or (known is not None and for_one_more(known) is not known and type(known) is type(codec))

    def network_of(self, session: Connection) -> str | None:
        """What its connection counts for."""
        return self._connections.get(session.greenlet)

    def freeze(self) -> None:
        """Let nobody in."""
        self.listeners.freeze()

    def end_idle(self) -> None:
        """End what waits for a client to begin something."""
        for serving in self._idle:
            gevent.kill(serving, Killed)

    def thaw(self) -> None:
        self.listeners.thaw()

    def under_way(self, sessions: Collection[Connection]) -> list[Any]:
        """The greenlets that deal with something else than a session: a request of HTTP, say."""
        if len(self._connections) == len(self._silent) + len(sessions):
            return []
        return [*self._connections.keys() - self._silent.keys() - {session.greenlet for session in sessions}]

    def hold(self) -> None:
        """Take the sockets away from those that serve silent connections, which end."""
        for serving, silent in self._silent.items():
            if silent is None:
                gevent.kill(serving, Killed)
                continue
            at = silent.own.address if silent.own is not None else ""
            network = self._connections[serving]
            self._held.append(CarriedSilent(silent.socket.detach(), silent.address, network, at, silent.until))

    def carry(self) -> CarriedAcceptor:
        """What listens, and what is silent."""
        return CarriedAcceptor(*self.listeners.carry(), self._held)

    def give_away(self) -> None:
        self.listeners.give_away()

    def take_up(self, was: CarriedAcceptor) -> None:
        """Listen on what was carried here, once that is asked for. To be called before plugins begin. Raises
        `OSError`."""
        self.listeners.take_up(was.listeners, was.own, inherited=was.inherited)

    def codec(self, name: str) -> Codec | None:
        """What sessions are carried here with; None where nobody speaks it any more."""
        codec = self._codecs.get(name)
        return None if codec is None else for_one_more(codec)

    def take_up_silent(self, was: CarriedSilent) -> None:
        """Have a connection that was carried here, of which nothing has been read. To be called once plugins have
        begun; it is not served before `go_on`. Raises `OSError`."""
        own = self.listeners.own(was.at) if was.at else None
        sock = gevent_socket.socket(fileno=was.descriptor)
        os.set_inheritable(was.descriptor, False)
        if was.at and own is None:
            self.close_later(sock)  # nobody serves it any more
        else:
            silent = Silent(sock, was.address, own, self._until() if was.until is None else was.until)
            self._will(was.network, sock, lambda: self._serve_silent([silent]))

    def take_up_session(self, session: Connection, sock: socket.socket, network: str | None) -> None:
        """The same of a session, with its socket, and what it counts for."""
        self._will(network, sock, lambda: self._go_on(session, sock))

    def _will(self, network: str | None, sock: Any, serve: Callable[[], None]) -> None:
        """Have one more connection served, once they go on."""
        serving = greenlet(partial(self._run, serve), gevent.get_hub())
        self._connections[serving] = network
        if network is not None:
            self.admission.stays(network)
        self._going_on.append((serving, sock))

    def close_later(self, sock: Any) -> None:
        """Close a socket that was carried here, and that nobody can use, once they go on."""
        self._unusable.append(sock)

    def go_on(self) -> None:
        """Serve those that were carried here."""
        going_on, self._going_on = self._going_on, []
        while self._unusable:
            self._unusable.pop().close()
        for serving, _ in going_on:
            gevent.get_hub().loop.run_callback(serving.switch)

    def abandon(self) -> None:
        """Instead of `go_on`, where the server cannot: no socket that was carried here is closed, since somebody else
        has their descriptors and will."""
        for sock in (*self._unusable, *(sock for _, sock in self._going_on)):
            sock.detach()
        self._going_on, self._unusable = [], []
        self._connections.clear()
        self.listeners.abandon()

    # --- a connection, in its own greenlet ---

    def _run(self, serve: Callable[[], None]) -> None:
        try:
            serve()
        finally:
            self._gone()

    def _go_on(self, session: Connection, sock: socket.socket) -> None:
        with sock:
            self._server.go_on(session)

    def _serve_silent(self, carried: list[Silent]) -> None:
        with closing(carried[0].socket):
            chosen = self._choose_or_refuse(carried.pop(), None)
        if chosen is not None:
            with chosen.socket:
                self._server.run_session(chosen.socket, chosen.address, chosen.codec, chosen.taken)

    def _serve(self, accepted: list[Any], own: Own | None = None) -> None:
        """Serve what was `accepted`: a socket and its address. A session runs from here, not from where it was chosen,
        so that an idle one keeps as little as there is."""
        self._connections[gevent.getcurrent()] = None
        try:
            chosen = self._admit(accepted, own)
            if chosen is not None:
                with chosen.socket:
                    # Each by itself: Python would call a `*chosen` on another C stack, and keep 0.5 KB of it.
                    self._server.run_session(chosen.socket, chosen.address, chosen.codec, chosen.taken)
        finally:
            self._gone()

    def _gone(self) -> None:
        """This greenlet's connection is."""
        counted = self._connections.pop(gevent.getcurrent())
        if counted is not None:
            self.admission.leave(counted)
        if not self._connections:
            self._all_gone.set()

    def _admit(self, accepted: list[Any], own: Own | None) -> "Chosen | None":
        """The session that is to be run for a connection; None where it has been served already, or turned away."""
        address, sock = accepted.pop(), accepted.pop()
        with closing(sock):
            self._server.turns.breathe()
            host, port = address[:2] if address else ("", 0)  # a Unix socket has no address
            network = "" if self.is_proxy(host) else network_of(host)
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else "unix"
            return self._choose_or_refuse(Silent(sock, shown, own, self._until()), network)

    def _until(self) -> float:
        return until(self._server.config.limits.first_frame_seconds)

    def _choose_or_refuse(self, silent: Silent, network: str | None) -> "Chosen | None":
        """As `_choose`; where it may not be, it is turned away. With a `network`, it is let in first."""
        serving, limits = gevent.getcurrent(), self._server.config.limits
        try:
            if network is not None:
                self.admission.enter(network, limits)
                self._connections[serving] = network
                prepare(silent.socket, limits.ping_seconds)
            return self._choose(silent)
        except Reject as verdict:
            if (counted := self._connections[serving]) is not None:
                self._connections[serving] = None
                self.admission.leave(counted)
            self._server.refused(0, "", verdict)
            self._turning_away.turn_away(silent.socket, verdict)
        except OSError:
            pass  # gone before it said anything
        return None

    def _choose(self, silent: Silent) -> "Chosen | None":
        """Look at the first bytes, without taking them, and hand the connection to who serves it."""
        sock, address, own, _ = silent
        serve = own.serve if own is not None else None
        first = self._first_bytes(sock, FIRST_BYTES, socket.MSG_PEEK, silent)
        self._server.turns.breathe()
        config = self._server.config
        if first.startswith(tls.HELLO) and self._tls is not None:
            with closing(self._shake_hands(self._tls, sock)) as connection:
                # All of the first record: what stayed in there, the event loop could not see.
                taken = connection.unread = self._first_bytes(connection, READ_BYTES)
                if taken and not self._claimed(connection, taken[:FIRST_BYTES], address, serve):
                    connection.unread = b""
                    self.serve_session(connection, address, codec_of(taken), taken)
        elif first and config.tls.required and sock.family != socket.AF_UNIX:
            raise Reject("This server wants TLS.", "tls_required", Advice.TLS)
        elif first and not self._claimed(sock, first, address, serve):
            return Chosen(detached(sock), address, codec_of(first), b"")
        return None

    def _shake_hands(self, context: Any, sock: Any) -> tls.TlsConnection:
        with self._silence(None):
            return tls.shake_hands(context, sock, self._server.config.limits.handshake_seconds)

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
        with detached(sock) as bare:
            self._server.run_session(bare, address, codec, taken)

    def _first_bytes(self, sock: Any, size: int, flags: int = 0, silent: Silent | None = None) -> bytes:
        """What the client says first; empty where it has gone. Raises `Reject` where it says nothing for too long."""
        seconds = self._server.config.limits.first_frame_seconds if silent is None else silent.seconds
        first = self._peek(sock, seconds, size, flags, silent)
        if first is None:
            raise Reject("Nothing was said for too long.", "timeout", Advice.JOIN_AGAIN)
        return first

    def _peek(self, sock: Any, seconds: float, size: int, flags: int, silent: Silent | None = None) -> bytes | None:
        """What the client says first: empty where it has gone, None where it says nothing for `seconds`."""
        with self._silence(silent), gevent.Timeout(seconds or None, False):
            first: bytes = sock.recv(size, flags)
            return first
        return None

    @contextmanager
    def _silence(self, silent: Silent | None) -> Iterator[None]:
        """While this greenlet's connection is `silent`; or nothing has come of it that anybody would miss."""
        serving = gevent.getcurrent()
        self._silent[serving] = silent
        try:
            yield
        finally:
            del self._silent[serving]
