"""One server, as its plugins and its sessions know it: its chat, its hooks, its sessions, and what it counts.

acceptor.py lets connections in, lifecycle.py starts and stops it.
"""

import logging
import socket
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from greenchat.chat.chat import Chat
from greenchat.chat.place import Place
from greenchat.chat.presence import Kept
from greenchat.chat.room import Member
from greenchat.codecs import Codec
from greenchat.config.schema import Config
from greenchat.errors import ConfigError, Reject
from greenchat.hooks import interfaces
from greenchat.hooks.clock import Clock, SystemClock
from greenchat.hooks.commands import CommandTable
from greenchat.hooks.interfaces import Serve
from greenchat.hooks.lifecycle import PluginLifecycle
from greenchat.hooks.loader import Plugin
from greenchat.net.backlog import Backlog
from greenchat.net.outbox import deliver
from greenchat.net.turns import Turns
from greenchat.protocol.events import Refused
from greenchat.protocol.plugin_reports import Touch, Touches, Why
from greenchat.protocol.reload_reports import Reload
from greenchat.protocol.replies import SearchResults, Stats
from greenchat.protocol.requests import Ref, Search
from greenchat.search.query import Query
from greenchat.server.acceptor import Acceptor
from greenchat.server.page_url import page_url
from greenchat.server.reload_asks import ReloadAsks
from greenchat.server.stats import Counters
from greenchat.session.carried import CarriedSession
from greenchat.session.connection import Connection
from greenchat.session.direct_finder import DirectFinder
from greenchat.session.direct_keeper import DirectKeeper
from greenchat.session.served import Served
from greenchat.session.session import Session
from greenchat.session.stay import decode_ignored
from greenchat.session.stays import Stays
from greenchat.storage.direct_store import DirectStore
from greenchat.storage.direct_tidy import DirectTidy
from greenchat.storage.plugin_choice import Choice, read_choice
from greenchat.storage.proof import Proof
from greenchat.storage.session_store import SessionStore
from greenchat.version import __version__

log = logging.getLogger("greenchat.server")


class ChatServer(interfaces.ChatServer):
    """It runs on the event loop of the thread that makes it; `lifecycle.Lifecycle` starts and stops it."""

    commands: CommandTable
    sessions: dict[int, Served]
    turns: Turns

    def __init__(
        self,
        config: Config,
        data_dir: Path,
        plugin_objects: Iterable[object] = (),
        clock: Clock | None = None,
        installed: Collection[str] | None = None,
        choice: Choice | None = None,
        loaded: Sequence[Plugin] | None = None,
    ) -> None:
        """Raises `ConfigError` and `PluginError`. `plugin_objects` are plugins besides the configured ones. What they
        do at some time goes by `clock`, or else by this machine's; so does how long somebody is away. `installed` are
        the names of the installed ones that are looked at; None is all. `choice` is which plugins operators have chosen
        to be on and off; without, what is kept of that holds. With `loaded`, the plugins are these, whatever is on the
        disk."""
        clock = clock or SystemClock()
        self.config = config
        self.data_dir = data_dir
        self.choice = read_choice(data_dir) if choice is None else choice
        self.turns, self.backlog = Turns(), Backlog(config.limits)
        self.plugin_lifecycle = life = PluginLifecycle(
            config, data_dir, plugin_objects, clock, installed, self.turns, self.choice, loaded
        )
        self.plugins, self.owners, self.hooks, self.commands = life.plugins, life.owners, life.hooks, life.commands
        self.routes = life.routes
        self.acceptor = Acceptor(self)
        try:
            self.chat = Chat(config.limits, config.server.default_room, self.hooks, self.turns, deliver)
        except Reject as verdict:
            raise ConfigError(f"server.default_room: {verdict}") from None
        self.accounts = self.chat.accounts
        self.session_store = SessionStore(data_dir)
        self.stays = Stays(self, self.session_store, self.acceptor.admission, clock)
        self.chat.memory = self.stays
        self.chat.conversations.ignored_by = lambda account: decode_ignored(self.session_store.ignored_by(account))
        self.direct_store = DirectStore(data_dir, self.turns)
        self.direct_keeper = keeper = DirectKeeper(self.direct_store, self.chat)
        self.direct_finder = DirectFinder(self.chat, self.direct_store)
        self.direct_tidy = DirectTidy(
            self.direct_store, lambda: self.config.server.direct_days, keeper.trimmed, keeper.forgot
        )
        self.page = ""
        self.proof = Proof()
        self.counters = Counters(time.monotonic())
        self.started = False  # all plugins have begun
        self.sessions = {}
        self.reload_asks = ReloadAsks(self.sessions, self.proof)
        self.tries: interfaces.Tries | None = None  # where it can be reloaded

    @property
    def addresses(self) -> list[str]:
        """What the server listens on, as `server.listen` is written, with real ports."""
        return self.acceptor.addresses

    # --- for plugins: see interfaces.py ---

    @property
    def url(self) -> str:
        return page_url(self.page, self.addresses, is_secure=bool(self.config.tls.cert))

    def stats(self, ref: Ref = None) -> Stats:
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
            plugins=self.hooks.meters.uses,
            plugin_holds=dict(self.hooks.meters.held),
            plugins_off=dict(self.plugin_lifecycle.off),
        )

    def switch_plugin_on(self, plugin: str) -> None:
        self.plugin_lifecycle.switch_on(plugin)

    def found_plugins(self) -> dict[str, str]:
        return self.plugin_lifecycle.found(self.config)

    def reload(
        self, by: str, session: interfaces.Session | None = None, ref: Ref = None, choice: Choice | None = None
    ) -> None:
        self.reload_asks.ask(by, 0 if session is None else session.id, ref, choice)

    def try_plugin(self, plugin: str) -> Sequence[str]:
        return self._tries().try_plugin(plugin)

    def require_tried(self, plugin: str) -> None:
        self._tries().require_tried(plugin)

    def _tries(self) -> interfaces.Tries:
        if self.tries is None:
            raise Reject("This server runs inside another program: restart that.", code="cannot_reload")
        return self.tries

    def last_refusal(self, member: Member) -> Touch | None:
        return self.hooks.ledger.last_refusal(member)

    def touches(self, member: Member, place: Place, seq: int, *, all_of_room: bool = False) -> Sequence[Touch]:
        return self.hooks.ledger.of_message(member, place.name, seq, place.conversation, all_of_room=all_of_room)

    def forget_room(self, room: str) -> None:
        if not self.started:
            raise Reject("The server has not started yet.")
        if self.hooks.forget_room is not None:
            self.hooks.forget_room(room)
        self.plugin_lifecycle.forget_room(room)

    def search_direct(self, session: interfaces.Session, ask: Search, query: Query | None = None) -> SearchResults:
        assert isinstance(session, Session)
        return self.direct_finder.search(session, ask, query)

    def end_devices(self, devices: Collection[int]) -> None:
        self.stays.end_devices(devices)

    def set_hook_enabled(self, plugin: object, hook: str, enabled: bool) -> None:
        self.hooks.set_enabled(plugin, hook, enabled)

    def plugins_in(self, room: str) -> dict[str, bool]:
        return self.plugin_lifecycle.rooms.of(room)

    def switch_plugin(self, plugin: str, room: str, on: bool) -> bool:
        return self.plugin_lifecycle.rooms.switch(plugin, room, on)

    def refused(self, session: int, name: str, verdict: Reject) -> None:
        self.counters.refusals[verdict.code] += 1
        by = f"plugin {verdict.by}" if verdict.by else "the core"
        fields = {"session": session, "code": verdict.code, "plugin": verdict.by}
        log.debug("#%d was refused: %s, by %s", session, verdict.code, by, extra=fields)
        if self.hooks.event is not None:
            self.hooks.event([Refused(session, name, verdict.code, verdict.text, datetime.now(UTC))])

    def welcomed(self, session: Session) -> None:
        self.reload_asks.welcomed(session)

    def came_in(self, session: Session) -> None:
        self.plugin_lifecycle.came_in(session)

    def listen_also(self, address: str, serve: Serve) -> str:
        owner = self.plugin_lifecycle.owned(serve)
        return self.acceptor.listen_also(address, self.hooks.serving(owner, f"serving {address}", serve))

    def trust_proxies(self, is_proxy: Callable[[str], bool]) -> None:
        owner = self.plugin_lifecycle.owned(is_proxy)

        def ask(host: str) -> bool:
            try:
                return bool(is_proxy(host))
            except BaseException:
                self.hooks.failed(owner, "trust_proxies")
                return False

        self.acceptor.is_proxy = ask

    def count_for(self, address: str) -> None:
        self.acceptor.count_for(address)

    def idle(self) -> AbstractContextManager[None]:
        return self.acceptor.idle()

    def carries(self, codec: Codec) -> None:
        self.acceptor.carries(codec)

    def serve_session(self, sock: Any, address: str, codec: Codec, taken: bytes = b"") -> None:
        self.acceptor.serve_session(sock, address, codec, taken)

    # --- for its sessions ---

    def why(self, ask: Why) -> Touches:
        """Raises `Reject`."""
        if not self.proof.holds(ask.proof):
            text = "Only who may read the server's data directory is told that: name it with --data-dir."
            raise Reject(text, code="not_allowed")
        room = self.chat.room_name(ask.room) if ask.room else ""
        return Touches(self.hooks.ledger.of_rooms(room, ask.seq, ask.limit), ask.ref)

    def reload_for(self, session: Session, ask: Reload) -> None:
        """Raises `Reject`."""
        self.reload_asks.ask_by_proof(session.id, ask)

    def run_session(self, sock: Any, address: str, codec: Codec, taken: bytes) -> None:
        """Run one on a socket that never waits, to its end; `taken` has been read of it already."""
        session = Connection(self, self.next_session(), sock, address, codec)
        self.sessions[session.id] = session
        try:
            session.run(taken)
        finally:
            del self.sessions[session.id]

    def take_up(self, was: CarriedSession, sock: socket.socket, codec: Codec) -> Connection:
        """Have a session that was carried here; `go_on` runs it. Raises `ValueError`."""
        session = Connection.carried(self, was, sock, codec)
        self.sessions[session.id] = session
        return session

    def go_on(self, session: Connection) -> None:
        """Run one that was carried here, to its end."""
        try:
            session.run()
        finally:
            del self.sessions[session.id]

    def next_session(self) -> int:
        """The number of one more session."""
        self.counters.sessions += 1
        return self.counters.sessions

    def unexpected(self, session: Session, error: BaseException) -> None:
        """Log what has ended `session`, and whose code it was raised in: a codec may be a plugin's."""
        plugin = self.owners.of_error(error)
        whose = f" in plugin {plugin}" if plugin else ""
        fields = session.fields | {"plugin": plugin}
        log.error("#%d: unexpected error%s; the connection is closed", session.id, whose, exc_info=error, extra=fields)

    def remembered(self, account_id: int) -> Kept:
        """The rooms that an account has not left, how far it has read, and whom it ignores; of no account, nothing. May
        wait."""
        if not account_id:
            return Kept({})
        rooms = self.session_store.rooms_of(account_id)
        ignored = decode_ignored(self.session_store.ignored_by(account_id))
        since = {room: datetime.fromtimestamp(since / 1_000_000, UTC) for room, since in rooms.items()}
        return Kept(since, ignored=ignored, reads=self.session_store.reads_of(account_id))

    def check_password(self, address: str, given: str) -> None:
        """Raises `Reject` unless `given`, from a session at `address`, is the server's pass phrase."""
        self.acceptor.check_password(address, given)
