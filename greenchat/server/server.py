"""Listening, choosing who serves a connection by its first bytes, letting in no more than the limits, and stopping."""

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.chat import Chat
from greenchat.codecs import Codec
from greenchat.codecs.detect import HTTP_BEGINNINGS, http_refusal
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.plain import PlainCodec
from greenchat.config.schema import Config, Limits
from greenchat.errors import ConfigError, Reject
from greenchat.hooks.ending import Killed
from greenchat.hooks.lifecycle import Lifecycle
from greenchat.net import tls
from greenchat.net.admission import Admission
from greenchat.net.backlog import Backlog
from greenchat.net.listener import Listener, close, listen, name_of, prepare
from greenchat.net.outbox import deliver
from greenchat.net.turns import Turns
from greenchat.protocol.address import host_of, network_of
from greenchat.protocol.events import Notice, Refused
from greenchat.protocol.replies import Error, Stats
from greenchat.protocol.requests import Ref
from greenchat.server.stats import Counters
from greenchat.session.connection import Connection
from greenchat.session.flood import READ_BYTES
from greenchat.session.session import Session
from greenchat.storage import datadir
from greenchat.version import __version__

log = logging.getLogger("greenchat.server")

# How much of a connection's start is looked at to choose who serves it: enough for the greeting of any protocol.
FIRST_BYTES = 16

# How long a connection that is turned away may take, half of it to say its first words. Programs speak at once;
# somebody on netcat reads the answer after half of this.
DOOR_SECONDS = 1.0

# So many may be turned away politely at the same time; more are an attack, and are closed at once.
TURNED_AWAY_AT_ONCE = 100

# How often silent sessions are looked for, as a part of the shortest silence that matters: late by a quarter at most.
SWEEPS = 4
# ... but not more often than this, in seconds.
SWEEP_SECONDS = 0.05

Serve = Callable[[Any, str], None]  # serves a claimed connection: its socket, and its address


class ChatServer:
    """One server: its chat, its plugins, its sessions. It runs on the event loop of the thread that makes it.

    For plugins: `config`, `data_dir`, `chat`, `commands`, `sessions` by their ids, and `stats`. One that keeps accounts
    tells in `accounts` who has registered. One that serves a page for browsers on the chat's own port tells its path in
    `page`, so that people hear of it.
    """

    def __init__(self, config: Config, data_dir: Path, plugin_objects: Iterable[object] = ()) -> None:
        """Raises `ConfigError` and `PluginError`. `plugin_objects` are plugins besides the configured ones."""
        self.config = config
        self.data_dir = data_dir
        self._life = life = Lifecycle(config, data_dir, plugin_objects)
        self.plugins, self.owners, self.hooks, self.commands = life.plugins, life.owners, life.hooks, life.commands
        self._tls = tls.load(config.tls)
        self.turns, self.backlog = Turns(), Backlog(config.limits)
        try:
            self.chat = Chat(config.limits, config.server.default_room, self.hooks, self.turns, deliver)
        except Reject as verdict:
            raise ConfigError(f"server.default_room: {verdict}") from None
        self.accounts = AccountDirectory()
        self.sessions: dict[int, Connection] = {}
        self.page = ""
        self._plain: Codec = PlainCodec()
        self._json: Codec = JsonCodec()
        self.counters = Counters(time.monotonic())
        self._admission = Admission()
        # The greenlets that serve one, with a session or not yet: the network that it counts for.
        self._connections: dict[Any, str | None] = {}
        self._silent: set[Any] = set()  # those whose client has said nothing yet
        self._turned_away = 0  # how many are being refused at this moment
        self._all_gone = Event()
        self._is_proxy: Callable[[str], bool] = lambda host: False
        self._listeners: list[Listener] = []
        self._others: list[Listener] = []  # those of plugins
        self._inherited = False  # whether the listening sockets are somebody else's, who goes on with them
        self._sweeper: Any = None

    @property
    def addresses(self) -> list[str]:
        """What the server listens on, as `server.listen` is written, with real ports."""
        return [name_of(listener) for listener in self._listeners]

    def start(self, inherited: Sequence[Any] = ()) -> None:
        """Let the plugins begin, and listen: on the gevent sockets that are `inherited` from whoever started the
        process, or else on the configured addresses. Raises `GreenchatError` where that cannot be. The greenlet that it
        is called in may be killed meanwhile; what has begun is ended then."""
        datadir.make(self.data_dir)
        datadir.mend(self.data_dir)
        self.turns.start()
        try:
            self._life.start(self)
            datadir.warn(self.data_dir)
            self._listen(inherited)
            self._sweeper = gevent.spawn(self._sweep)
        except BaseException:
            self._listen_no_more()
            self._life.finish(self)
            self.turns.stop()
            raise

    def stop(self) -> None:
        """Listen no more, tell everybody, deliver what is on its way within the grace period, let plugins finish."""
        self._listen_no_more()
        self._sweeper.kill(block=False)
        self.chat.announce("Server is shutting down.")
        for session in self.sessions.values():
            if session.member is None:
                self._try(session, lambda: session.tell(Notice("Server is shutting down.")))  # noqa: B023
        gevent.killall(list(self._silent), Killed, block=False)
        self.turns.wait_until_quiet(self.config.server.grace_seconds)  # the announcement goes out
        for session in list(self.sessions.values()):
            session.close("server is shutting down")
        self._all_gone.clear()
        if self._connections:
            self._all_gone.wait(self.config.server.grace_seconds)
        gevent.killall(list(self._connections), Killed, block=False)
        self._life.finish(self)
        self.turns.stop()

    def reconfigure(self, config: Config) -> None:
        """Go on with `config`, of which only what may change meanwhile has changed: see reload.py. Sessions that stand
        keep what they have taken from it."""
        self._tls = tls.load(config.tls)  # also where the files' names are the same: a certificate is renewed
        if self._tls is not None:
            log.info("the certificate was read again: %s", config.tls.cert)
        self.config = config
        self.chat.change_limits(config.limits)
        self.backlog.change_limits(config.limits)

    def stats(self, ref: Ref = None) -> Stats:
        """How the server is, at this moment."""
        now = time.monotonic()
        return Stats(
            server=f"greenchat/{__version__}",
            uptime_seconds=now - self.counters.started,
            sessions=len(self.sessions),
            sessions_in_all=self.counters.sessions,
            members=len(self.chat.members),
            rooms=len(self.chat.rooms),
            messages=self.chat.delivery_stats.messages,
            deliveries=self.chat.delivery_stats.deliveries,
            waiting_bytes=self.backlog.bytes,
            waiting_bytes_most=self.backlog.most,
            refusals=dict(self.counters.refusals),
            loop_lag_seconds=self.counters.turns.of_late(now),
            ref=ref,
        )

    def forget_room(self, room: str) -> None:
        """Have all plugins forget what they keep of a room that nobody is in, nor comes into. Raises `Reject` where one
        cannot: its name must stay closed then. May wait."""
        if self._sweeper is None:
            raise Reject("The server has not started yet.")
        if self.hooks.forget_room is not None:
            self.hooks.forget_room(room)

    def set_hook_enabled(self, plugin: object, hook: str, enabled: bool) -> None:
        """Call the check, take or observe hook `hook` of `plugin`, the object that bears it, from now on; or do not.

        A hook that has nothing to do at the moment costs nothing so.
        """
        self.hooks.set_enabled(plugin, hook, enabled)

    def listen_also(self, address: str, serve: Serve) -> str:
        """Have `serve` serve what connects to one more `address`, as if it were claimed: the address with its real
        port. For greenchat_startup; connections are accepted once the server has started. Raises `GreenchatError`."""
        serve = self.hooks.serving(self._life.owned(serve), f"serving {address}", serve)
        self._others.append(Listener(listen(address), partial(self._serve, serve=serve), spawn=gevent.spawn_raw))
        return name_of(self._others[-1])

    def trust_proxies(self, is_proxy: Callable[[str], bool]) -> None:
        """Connections from hosts of which `is_proxy` is true (an address; empty: a Unix socket) are those of others,
        and do not count for an address. Who serves them tells whose they are: see `count_for`."""
        owner = self._life.owned(is_proxy)

        def ask(host: str) -> bool:
            try:
                return bool(is_proxy(host))
            except BaseException:
                self.hooks.failed(owner, "trust_proxies")
                return False

        self._is_proxy = ask

    def count_for(self, address: str) -> None:
        """Count this greenlet's connection for `address`, HOST:PORT, from now on. Raises `Reject` where there are too
        many from there; the connection must end then."""
        greenlet = gevent.getcurrent()
        network = self._connections[greenlet]
        assert network is not None
        self._connections[greenlet] = None
        self._admission.leave(network)
        network = network_of(host_of(address))
        self._admission.enter(network, self.config.limits)
        self._connections[greenlet] = network

    @contextmanager
    def idle(self) -> Iterator[None]:
        """While this greenlet waits for its client to begin something: a stop need not wait for it."""
        greenlet = gevent.getcurrent()
        self._silent.add(greenlet)
        try:
            yield
        finally:
            self._silent.discard(greenlet)

    def serve_session(self, sock: Any, address: str, codec: Codec, taken: bytes = b"") -> None:
        """Run a session on a claimed connection, to its end: from now on it speaks `codec`, of which `taken` has been
        read already. `sock` is the one that it was claimed with."""
        if isinstance(sock, tls.TlsConnection):
            self._run_session(tls.TlsSocket(sock), address, codec, taken)
            return
        # The session does its own waiting: a plain socket of the standard library, detached from the one of gevent.
        with socket.socket(sock.family, sock.type, sock.proto, sock.detach()) as bare:
            bare.setblocking(False)
            self._run_session(bare, address, codec, taken)

    def refused(self, session: int, name: str, verdict: Reject) -> None:
        """Count that a request was refused, and tell the observers."""
        self.counters.refusals[verdict.code] += 1
        by = f"plugin {verdict.by}" if verdict.by else "the core"
        fields = {"session": session, "code": verdict.code, "plugin": verdict.by}
        log.debug("#%d was refused: %s, by %s", session, verdict.code, by, extra=fields)
        if self.hooks.event is not None:
            self.hooks.event([Refused(session, name, verdict.code, verdict.text, datetime.now(UTC))])

    def unexpected(self, session: Session, error: BaseException) -> None:
        """Log what has ended `session`, and whose code it was raised in: a codec may be a plugin's."""
        plugin = self.owners.of_error(error)
        whose = f" in plugin {plugin}" if plugin else ""
        fields = session.fields | {"plugin": plugin}
        log.error("#%d: unexpected error%s; the connection is closed", session.id, whose, exc_info=error, extra=fields)

    def check_password(self, address: str, given: str) -> None:
        """Raises `Reject` unless `given`, from a session at `address`, is the server's pass phrase."""
        network = network_of(host_of(address))
        self._admission.check_password(network, given, self.config.server.password, self.config.limits)

    def _sweep(self) -> None:
        """Look after sessions that say nothing, as long as the server runs."""
        while True:
            limits = self.config.limits
            silences = [seconds for seconds in (limits.ping_seconds, limits.idle_seconds) if seconds]
            gevent.sleep(max(min(silences, default=SWEEPS) / SWEEPS, SWEEP_SECONDS))
            self._mind_silence(limits)

    def _mind_silence(self, limits: Limits) -> None:
        """A step of `_sweep`, which would keep hold of the last session while it sleeps."""
        for session in list(self.sessions.values()):
            self._try(session, lambda: session.mind_silence(limits))  # noqa: B023
            self.turns.breathe()

    def _try(self, session: Session, step: Callable[[], None]) -> None:
        """Do something about one session; what goes wrong with it, such as a codec of a plugin, is no other's harm."""
        try:
            step()
        except BaseException as error:
            self.unexpected(session, error)
            session.close("internal error")

    # --- a connection, in its own greenlet ---

    def _serve(self, sock: Any, address: tuple[Any, ...], serve: Serve | None = None) -> None:
        self.turns.breathe()
        host, port = address[:2] if address else ("", 0)  # a Unix socket has no address
        network = "" if self._is_proxy(host) else network_of(host)
        greenlet = gevent.getcurrent()
        self._connections[greenlet] = None
        try:
            self._admission.enter(network, self.config.limits)
            self._connections[greenlet] = network
            try:
                prepare(sock, self.config.limits.ping_seconds)
                shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else "unix"
                self._choose(sock, shown, serve)
            finally:
                counted = self._connections[greenlet]
                if counted is not None:
                    self._admission.leave(counted)
        except Reject as verdict:
            self._turn_away(sock, verdict)
        except OSError:
            pass  # gone before it said anything
        finally:
            del self._connections[greenlet]
            if not self._connections:
                self._all_gone.set()

    def _choose(self, sock: Any, address: str, serve: Serve | None) -> None:
        """Look at the first bytes, without taking them, and hand the connection to who serves it."""
        first = self._first_bytes(sock, FIRST_BYTES, socket.MSG_PEEK)
        self.turns.breathe()
        if first.startswith(tls.HELLO) and self._tls is not None:
            with closing(tls.shake_hands(self._tls, sock, self.config.limits.handshake_seconds)) as connection:
                # All of the first record: what stayed in there, the event loop could not see.
                taken = connection.unread = self._first_bytes(connection, READ_BYTES)
                if taken and not self._claimed(connection, taken[:FIRST_BYTES], address, serve):
                    connection.unread = b""
                    self.serve_session(connection, address, self._codec(taken), taken)
        elif first and self.config.tls.required and sock.family != socket.AF_UNIX:
            raise Reject("This server wants TLS. Connect with: greenchat connect --tls", code="tls_required")
        elif first and not self._claimed(sock, first, address, serve):
            self.serve_session(sock, address, self._codec(first))

    def _claimed(self, sock: Any, first: bytes, address: str, serve: Serve | None) -> bool:
        """Whether a plugin has claimed a connection that begins so, or all of its listener, and served it."""
        if serve is None and self.hooks.claim is not None:
            serve = self.hooks.claim(first)
        if serve is not None:
            serve(sock, address)
        elif first.startswith(tls.HELLO):
            # It may carry any bytes that some other server has had the client keep for it: frames among them.
            raise Reject("This server does not speak TLS. Connect without.", code="no_tls")
        return serve is not None

    def _run_session(self, sock: Any, address: str, codec: Codec, taken: bytes) -> None:
        self.counters.sessions += 1
        session = Connection(self, self.counters.sessions, sock, address, codec)
        self.sessions[session.id] = session
        try:
            session.run(taken)
        finally:
            del self.sessions[session.id]

    def _first_bytes(self, sock: Any, size: int, flags: int = 0) -> bytes:
        """What the client says first; empty where it has gone. Raises `Reject` where it says nothing for too long."""
        first = self._peek(sock, self.config.limits.first_frame_seconds, size, flags)
        if first is None:
            raise Reject("Nothing was said for too long. Connect again and send JOIN|<username>.", code="timeout")
        return first

    def _codec(self, first_bytes: bytes) -> Codec:
        return self._json if first_bytes.startswith(b"{") else self._plain

    def _peek(self, sock: Any, seconds: float, size: int, flags: int) -> bytes | None:
        """What the client says first: empty where it has gone, None where it says nothing for `seconds`."""
        with self.idle(), gevent.Timeout(seconds or None, False):
            first: bytes = sock.recv(size, flags)
            return first
        return None

    def _turn_away(self, sock: Any, verdict: Reject) -> None:
        """Refuse a connection politely: in its own words, if it says some soon, and so that it can read them."""
        self.refused(0, "", verdict)
        polite = self._turned_away < TURNED_AWAY_AT_ONCE
        self._turned_away += 1
        try:
            with contextlib.suppress(OSError), gevent.Timeout(DOOR_SECONDS, False):
                first = self._peek(sock, DOOR_SECONDS / 2, FIRST_BYTES, socket.MSG_PEEK) if polite else b""
                sock.sendall(self._refusal(first or b"", verdict))
                sock.shutdown(socket.SHUT_WR)
                while polite and sock.recv(READ_BYTES):
                    pass  # closing with unread bytes would reset the connection, and take the words back
        finally:
            self._turned_away -= 1

    def _refusal(self, first: bytes, verdict: Reject) -> bytes:
        """`verdict` in the words of a client that begins with `first`."""
        if first.startswith(HTTP_BEGINNINGS):
            return http_refusal("503 Service Unavailable", verdict.text)
        return self._codec(first).encode(Error(verdict.code, verdict.text))

    def _listen(self, inherited: Sequence[Any]) -> None:
        server = self.config.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        self._inherited = bool(inherited)
        for where in inherited or server.listen or [f"{host}:{server.port}"]:
            sock = where if inherited else listen(where)
            self._listeners.append(Listener(sock, self._serve, spawn=gevent.spawn_raw))
        for listener in (*self._listeners, *self._others):
            listener.start()

    def _listen_no_more(self) -> None:
        for listener in self._listeners:
            if self._inherited:
                listener.close()  # the file of a Unix socket stays: more clients come by it
            else:
                close(listener)
        while self._others:
            close(self._others.pop())
