"""A server from its start to its end: plugins begin and end, connections come and go, silent ones are looked after."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gevent

from greenchat.config.schema import Config, Limits
from greenchat.errors import ConfigError, Reject
from greenchat.hooks.carried import CarriedPlugins
from greenchat.protocol.events import Notice
from greenchat.protocol.names import require_room
from greenchat.server.carrying import take_over
from greenchat.server.collector import no_collections
from greenchat.server.handover import Taken
from greenchat.server.pause import abandon
from greenchat.server.server import ChatServer
from greenchat.session.served import Served
from greenchat.session.welcome import branded
from greenchat.storage import datadir, whereabouts

log = logging.getLogger("greenchat.server")

# How often silent sessions are looked for, as a part of the shortest silence that matters: late by a quarter at most.
SWEEPS = 4
# ... but not more often than this, in seconds.
SWEEP_SECONDS = 0.05


class Lifecycle:
    """That of `server`, which begins once."""

    def __init__(self, server: ChatServer) -> None:
        self.server = server
        self._sweeper: Any = None

    def start_empty(self, taken: Taken) -> None:
        """As `start`, on the sockets that were left to this program, as nobody could go on with the rest."""
        self.server.acceptor.take_up(taken.acceptor(self.server.config))
        self.start()

    def start(self, inherited: Sequence[Any] = (), *, listens: bool = True) -> None:
        """Let the plugins begin, and listen: on the gevent sockets that are `inherited` from whoever started the
        process, or else on the configured addresses; or on none, where whoever comes in comes by no socket. Raises
        `GreenchatError` where that cannot be. The greenlet that it is called in may be killed meanwhile; what has begun
        is ended then."""
        server = self.server
        whereabouts.take_away(server.data_dir)  # of one that was killed
        with self._beginning():
            server.plugin_lifecycle.start(server)
            server.stays.open()
            self._open_the_rest()
            datadir.warn(server.data_dir)
            if listens:
                server.acceptor.listen(inherited)
                self._tell_where()

    def take_over(self, taken: Taken) -> None:
        """Go on as the server that was left to this program. Raises whatever goes wrong; what has begun is ended then,
        and nothing of `taken` is closed."""
        state, server = taken.state, self.server
        assert state is not None
        with no_collections(), self._beginning():
            taken.steps.done("all is loaded, and what was left is taken over")
            server.acceptor.take_up(taken.acceptor(server.config))
            try:
                take_over(server, state, taken.steps)
                self._open_the_rest()
                server.acceptor.listen(())
                self._tell_where()
            except BaseException:
                abandon(server)
                raise
        taken.steps.done("the server listens, and all go on")
        server.acceptor.go_on()

    @contextmanager
    def _beginning(self) -> Iterator[None]:
        """What the server begins with, and ends with where that fails."""
        server = self.server
        datadir.make(server.data_dir)
        datadir.mend(server.data_dir)
        server.proof.lay_down(server.data_dir)
        server.turns.start()
        try:
            yield
            self._sweeper = gevent.spawn(self._sweep)
            server.started = True
        except BaseException:
            server.acceptor.listen_no_more()
            server.plugin_lifecycle.finish(server)
            self._close()
            raise

    def _tell_where(self) -> None:
        server = self.server
        whereabouts.lay_down(server.data_dir, server.addresses, needs_tls=server.config.tls.required)

    def _open_the_rest(self) -> None:
        self.server.direct_keeper.open()
        self.server.direct_tidy.start()

    def finish(self) -> CarriedPlugins:
        """Let plugins end, and close what is kept on the disk: another program goes on with it. Sessions are still
        there, and what they are told waits for them."""
        server = self.server
        self._sweeper.kill(block=False)
        server.stays.close()
        carried = server.plugin_lifecycle.finish(server, carried=True)
        self._close()
        return carried

    def _close(self) -> None:
        server = self.server
        server.session_store.close()
        server.direct_tidy.stop()
        server.direct_store.close()
        server.turns.stop()

    def stop(self) -> None:
        """Listen no more, tell everybody, deliver what is on its way within the grace period, let plugins finish."""
        server = self.server
        grace_seconds = server.config.server.grace_seconds
        whereabouts.take_away(server.data_dir)
        server.acceptor.listen_no_more()
        self._sweeper.kill(block=False)
        server.stays.close()
        server.chat.announce("Server is shutting down.")
        for session in list(server.sessions.values()):
            if session.member is None:
                self._try(session, lambda: session.tell(Notice("Server is shutting down.")))  # noqa: B023
        server.acceptor.close_silent()
        server.turns.wait_until_quiet(grace_seconds)  # the announcement goes out
        for session in list(server.sessions.values()):
            session.close("server is shutting down")
        self._wait_for_sessions(grace_seconds)
        server.plugin_lifecycle.finish(server)
        self._close()

    def _wait_for_sessions(self, seconds: float) -> None:
        """Wait until all have ended, for so many seconds; then they are ended."""
        self.server.acceptor.wait_for_all(seconds)

    def reconfigure(self, config: Config) -> None:
        """Go on with `config`, of which only what may change meanwhile has changed: see config/difference.py. Sessions
        that stand keep what they have taken from it. Raises `ConfigError`, and then nothing has changed."""
        server = self.server
        try:
            require_room(config.server.default_room, config.limits.name_length)
        except Reject as verdict:
            raise ConfigError(f"server.default_room: {verdict}") from None
        if server.acceptor.load_certificate(config.tls):
            log.info("the certificate was read again: %s", config.tls.cert)
        if config.tls.required != server.config.tls.required:
            whereabouts.lay_down(server.data_dir, server.addresses, needs_tls=config.tls.required)
        is_branded = config.brand != server.config.brand
        server.config = config
        if is_branded:
            self.tell_brand()
        server.chat.change_limits(config.limits)
        server.backlog.change_limits(config.limits)

    def tell_brand(self) -> None:
        """Have all who show it know how the chat shows itself from now on."""
        brand = branded(self.server.config.brand)
        for session in list(self.server.sessions.values()):
            if session.is_welcome and getattr(session.codec, "numbers", False):
                self._try(session, lambda: session.tell(brand))  # noqa: B023

    def _sweep(self) -> None:
        """Look after sessions that say nothing, as long as the server runs."""
        while True:
            limits = self.server.config.limits
            silences = [seconds for seconds in (limits.ping_seconds, limits.idle_seconds) if seconds]
            gevent.sleep(max(min(silences, default=SWEEPS) / SWEEPS, SWEEP_SECONDS))
            self._mind_silence(limits)

    def _mind_silence(self, limits: Limits) -> None:
        """A step of `_sweep`, which would keep hold of the last session while it sleeps."""
        for session in list(self.server.sessions.values()):
            self._try(session, lambda: session.mind_silence(limits))  # noqa: B023
            self.server.turns.breathe()

    def _try(self, session: Served, step: Callable[[], None]) -> None:
        """Do something about one session; what goes wrong with it, such as a codec of a plugin, is no other's harm."""
        try:
            step()
        except BaseException as error:
            self.server.unexpected(session, error)
            session.close("internal error")
