"""`greenchat serve`: a server with its log and its signals, and what goes on in its process when another program takes
its place."""

import contextlib
import gc
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import msgspec
from gevent.event import Event

from greenchat.config.schema import Config
from greenchat.hooks import finding
from greenchat.hooks.ending import Killed, dying_of_interrupts
from greenchat.hooks.loader import Plugin
from greenchat.server import handover, signals, systemd
from greenchat.server.carried_server import CarriedServer, unpacked
from greenchat.server.collector import short_collections
from greenchat.server.forks import NoSecondServer
from greenchat.server.handover import Taken
from greenchat.server.hello import say_hello
from greenchat.server.interrupter import Interrupter
from greenchat.server.lifecycle import Lifecycle
from greenchat.server.logs import Log
from greenchat.server.reloading import Reloader
from greenchat.server.server import ChatServer
from greenchat.server.watchdog import Watchdog
from greenchat.storage import backup, datadir

log = logging.getLogger("greenchat")


def serve(
    configure: Callable[[], Config],
    data_dir_of: Callable[[Config], Path],
    *,
    watch: bool = False,
    file: Path | None = None,
) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code. Raises `GreenchatError` where the server cannot start.

    `configure` reads the configuration, also when SIGHUP asks for that. A program that takes over does not: it goes on
    with what was proven, whatever is on the disk by then. With `watch`, the server is reloaded where a plugin has
    changed, or the configuration `file`.
    """
    # What was compiled within the same second would be taken for what it is now.
    sys.dont_write_bytecode = sys.dont_write_bytecode or watch
    taken = handover.take(os.environ)
    (gc.enable if taken is None else gc.disable)()  # people wait: see `__main__`
    if taken is not None and taken.beginning is not None and taken.beginning.installed:
        finding.know(taken.beginning.installed)
    config, data_dir = _proven(taken) or _read(configure, data_dir_of)
    process = _Process(config, data_dir, configure, file if watch else None, taken, watches=watch)
    lines = Log(config.server.log_format, config.server.log_level)
    if taken is not None:
        taken.steps.tell()
    try:
        process.serve()
    finally:
        lines.stop()
    return 0


def _proven(taken: Taken | None) -> tuple[Config, Path] | None:
    """What the program before has left to this one that is proven, if it has."""
    beginning = None if taken is None else taken.beginning
    config = None if beginning is None else unpacked(beginning.config)
    return None if beginning is None or config is None else (config, Path(beginning.data_dir))


def _read(configure: Callable[[], Config], data_dir_of: Callable[[Config], Path]) -> tuple[Config, Path]:
    config = configure()
    return config, data_dir_of(config)


class _Process:
    """What outlasts a server in its process. `taken` is what the program before has left, if there was one."""

    def __init__(
        self,
        config: Config,
        data_dir: Path,
        configure: Callable[[], Config],
        file: Path | None,
        taken: Taken | None,
        *,
        watches: bool,
    ) -> None:
        self._config, self._data_dir, self._configure = config, data_dir, configure
        self._file, self._watches = file, watches
        self._inherited: Sequence[Any] = () if taken is not None else systemd.inherited_sockets(os.environ)
        self._manager = systemd.Manager(os.environ)
        if taken is not None:
            self._manager.alive()
        self._taken = taken
        # SIGHUP also comes when the terminal is closed in which the server was started, and then asks for a stop, but
        # for a server that was told to outlast it (nohup).
        self._outlasts = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN or not _has_terminal()
        if taken is not None:
            self._outlasts = taken.outlasts_terminal
        self._loaded: Sequence[Plugin] | None = None  # the plugins of the server before, in this very process

    def serve(self) -> None:
        """Serve until the server is stopped. Where another program takes the place of this one, it does not return."""
        taken, server = self._taken, None
        if taken is None:
            with dying_of_interrupts():
                server = ChatServer(self._config, self._data_dir)
        with datadir.locked(self._data_dir, None if taken is None else taken.lock) as lock:
            if taken is None and backup.finish(self._data_dir):
                log.warning("a restore that was interrupted is finished now")
            _allow_descriptors()
            while True:
                with signals.StopSignals() as stop:
                    if taken is not None:
                        stop.hang_up()
                        signals.release()
                    reloader = self._run(stop, server, taken)
                    if reloader is None:
                        return
                    taken, server = self._replace(reloader, lock, stop), None

    def _run(self, stop: signals.StopSignals, server: ChatServer | None, taken: Taken | None) -> Reloader | None:
        """Serve until the server is stopped; or until it is to go on in another program, with what this knows."""
        if taken is not None:
            with self._manager.living():  # plugins may take their time
                lifecycle = self._take_over(stop, taken)
        else:
            assert server is not None
            lifecycle = Lifecycle(server)
            stop.owners = server.owners
            if not _done(stop.stopped, lifecycle.start, self._inherited):
                lifecycle = None
            stop.hang_up()
        if lifecycle is None:
            log.info("stopped before the start was done")
            return None
        server = lifecycle.server
        reloader = Reloader(lifecycle, self._configure, self._manager)
        if self._watches:
            from greenchat.server.watching import Watch  # which few need

        watch = Watch(server, self._file, self._configure, reloader.ask) if self._watches else None
        watchdog = Watchdog(server.owners, server.counters.turns, server.hooks.held, server.turns.is_held)
        with ExitStack() as until_stopped:
            if watch is not None:
                watch.start()
                until_stopped.callback(watch.stop)
            for context in (
                short_collections(at_once=taken is None),
                watchdog,
                NoSecondServer(),
                self._manager.serving(),
            ):
                until_stopped.enter_context(context)
            if taken is None:
                say_hello(server)
            else:
                reloader.took_over(taken)
            stop.on_hangup(partial(self._hang_up, reloader, stop))
            with Interrupter(server.owners, watchdog):  # from the stop on, it is the signals that interrupt
                gevent.wait([stop.stopped, reloader.handed], count=1)
                is_handed_over = reloader.finish()
            if is_handed_over:
                self._config, self._loaded = server.config, server.plugins.again()
                return reloader
            log.info("stopping")
            self._manager.tell("STOPPING=1")
            stop.stopping()
            lifecycle.stop()
        return None

    def _hang_up(self, reloader: Reloader, stop: signals.StopSignals) -> None:
        if self._outlasts or _has_terminal():
            reloader.ask("SIGHUP", None)
        else:
            stop.stopped.set()

    def _take_over(self, stop: signals.StopSignals, taken: Taken) -> Lifecycle | None:
        """Go on as the server that was left to this program; or, where that cannot be, as an empty one. None where it
        is asked to stop, and does not come to that."""
        if taken.state is not None:
            try:
                server = ChatServer(self._config, self._data_dir, choice=taken.state.choice, loaded=self._loaded)
                stop.owners = server.owners
                lifecycle = Lifecycle(server)
                server.reload_asks.expect(asked.ref for asked in taken.state.asked)
                # Who is there is to hear of a stop: it waits for as long as for what is on its way to them.
                if not _done(stop.stopped, lifecycle.take_over, taken, patience=self._config.server.grace_seconds):
                    return None
                gevent.sleep(0)  # who is there is served, before all that can wait
                taken.steps.done("all who wait are served")
                taken.paused = time.monotonic() - taken.state.froze
                gc.enable()
                finding.forget()
            except BaseException as error:
                log.error("it cannot be gone on with what was there, so that all have to come back", exc_info=error)
                taken.drop()
            else:
                taken.close()
                return lifecycle
        else:
            log.error("it cannot be gone on with what was there, so that all have to come back: %s", taken.problem)
        gc.enable()
        finding.forget()
        server = ChatServer(self._config, self._data_dir, loaded=self._loaded)
        stop.owners = server.owners
        lifecycle = Lifecycle(server)
        is_there = _done(stop.stopped, lifecycle.start_empty, taken)
        taken.close()
        return lifecycle if is_there else None

    def _replace(self, reloader: Reloader, lock: int, stop: signals.StopSignals) -> Taken:
        """Let the program on the disk go on in the place of this one. Where that cannot be, what is left to this one,
        all the same."""
        stop.hold()
        self._manager.alive()
        reloader.steps.done("the server has ended, and what goes on is collected")
        state: CarriedServer | None = None
        try:
            state = reloader.collect()
            connections = state.connections
        except Exception:
            log.exception("what is there cannot be collected")
            connections = reloader.leave_behind()
        header = handover.header_of(connections, lock, outlasts_terminal=self._outlasts)
        beginning = reloader.beginning(connections)
        reloader.steps.done("all of it is there, and the program is replaced")
        try:
            handover.replace(state, beginning, header, self._manager.variables, stop.hold, reloader.steps)
        except Exception as error:
            why = f"no other program can be started ({error}): this one goes on with the plugins that it has"
            if state is None:
                log.error("%s", why)
            else:
                state.report = msgspec.structs.replace(state.report, ok=False, why=[why])
        reloader.give_away()
        return Taken(header, state, handover.NOT_COLLECTED, beginning)


def _done(stopped: Event, start: Callable[..., None], argument: object, patience: float = 0.0) -> bool:
    """Have a server `start`, unless it is asked to stop meanwhile: then it has so many seconds more. Whether it has."""
    starting = gevent.spawn(_outcome, start, argument)
    gevent.wait([starting, stopped], count=1)
    starting.join(patience)
    if not starting.ready():
        starting.kill(Killed)
    error = starting.value
    if error is not None and not isinstance(error, Killed):
        raise error
    return error is None


def _outcome(function: Callable[..., None], *arguments: object) -> BaseException | None:
    """What `function` raises, as a value: gevent would write it past the log."""
    try:
        function(*arguments)
    except BaseException as error:
        return error
    return None


def _allow_descriptors() -> None:
    """As many open files as this process may have: by habit, systems begin with 1024, and each client is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems have a hard limit that they do not allow
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
