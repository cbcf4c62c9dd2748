"""`greenchat serve`: a server with its log, its signals and what it says at start."""

import contextlib
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from greenchat.config.difference import compare
from greenchat.config.grants import split
from greenchat.config.load import convert
from greenchat.config.schema import Config
from greenchat.errors import GreenchatError
from greenchat.hooks.ending import Killed, dying_of_interrupts
from greenchat.hooks.loader import Plugins
from greenchat.server import signals, systemd
from greenchat.server.collector import short_collections
from greenchat.server.forks import NoSecondServer
from greenchat.server.interrupter import Interrupter
from greenchat.server.lifecycle import Lifecycle
from greenchat.server.logs import Log
from greenchat.server.server import ChatServer
from greenchat.server.watchdog import Watchdog
from greenchat.server.watching import TRIAL, Handover, Watch, trial
from greenchat.storage import backup, datadir

log = logging.getLogger("greenchat")

# Both are called localhost, which browsers trust as much as a page by TLS.
LOOPBACK = ("127.0.0.1", "::1")


def serve(
    config: Config,
    data_dir: Path,
    configure: Callable[[], Config],
    *,
    watch: bool = False,
    file: Path | None = None,
) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code. Raises `GreenchatError` where the server cannot start.

    `configure` reads the configuration again, from wherever `config` came: SIGHUP asks for that. With `watch`, the
    server begins again where a plugin has changed, or the configuration `file`.
    """
    # What was compiled within the same second would be taken for what it is now.
    sys.dont_write_bytecode = sys.dont_write_bytecode or watch
    if TRIAL in os.environ:
        logging.disable()  # it tells in the end what there is to tell
        return trial(ChatServer(config, data_dir), os.environ[TRIAL])
    handover = Handover() if watch else None
    inherited = systemd.inherited_sockets(os.environ)
    manager = systemd.Manager(os.environ)
    lines = Log(config.server.log_format, config.server.log_level)
    try:
        with dying_of_interrupts():
            lifecycle = Lifecycle(ChatServer(config, data_dir))
        with datadir.locked(data_dir):
            if backup.finish(data_dir):
                log.warning("a restore that was interrupted is finished now")
            begins_again = _run(lifecycle, configure, inherited, manager, handover, file)
    finally:
        lines.stop()
    if handover is not None and begins_again:
        handover.begin_again()
    return 0


def _run(
    lifecycle: Lifecycle,
    configure: Callable[[], Config],
    inherited: Sequence[Any],
    manager: systemd.Manager,
    handover: Handover | None,
    file: Path | None,
) -> bool:
    """Serve; whether the server is to begin again."""
    server, begins_again = lifecycle.server, Event()
    watch = Watch(server, file, configure, begins_again.set) if handover is not None else None
    _allow_descriptors()
    with signals.StopSignals(server.owners) as stop:
        if not _start(lifecycle, inherited, stop.stopped):
            log.info("stopped before the start was done")
            return False
        _reload_on_hangup(lifecycle, configure, stop.stopped, manager)
        _say_hello(server)
        watchdog = Watchdog(server.owners, server.counters.turns, server.hooks.held, server.turns.is_held)
        with ExitStack() as until_stopped:
            if watch is not None:
                watch.start()
                until_stopped.callback(watch.stop)
            for context in short_collections(), watchdog, NoSecondServer(), manager.serving():
                until_stopped.enter_context(context)
            with Interrupter(server.owners, watchdog):  # from the stop on, it is the signals that interrupt
                gevent.wait([stop.stopped, begins_again], count=1)
            log.info("stopping")
            manager.tell("STOPPING=1")
            stop.stopping()
            if handover is not None and not stop.stopped.is_set():
                handover.keep(server.acceptor, server.config, configure())
            lifecycle.stop()
    return begins_again.is_set() and not stop.stopped.is_set()


def _start(lifecycle: Lifecycle, inherited: Sequence[Any], stopped: Event) -> bool:
    """Start the server, unless it is asked to stop meanwhile: plugins may take their time. Whether it has started."""
    starting = gevent.spawn(_outcome, lifecycle.start, inherited)
    gevent.wait([starting, stopped], count=1)
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


def _reload_on_hangup(
    lifecycle: Lifecycle, configure: Callable[[], Config], stopped: Event, manager: systemd.Manager
) -> None:
    """SIGHUP asks to read the configuration again. It also comes when the terminal is closed in which the server was
    started, and then asks for a stop, but for a server that was told to outlast it (nohup)."""
    outlasts = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN or not _has_terminal()

    def on_signal() -> None:
        if outlasts or _has_terminal():
            with manager.reloading():
                _reload(lifecycle, configure)
        else:
            stopped.set()

    gevent.signal_handler(signal.SIGHUP, on_signal)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _reload(lifecycle: Lifecycle, configure: Callable[[], Config]) -> None:
    """Take what may change from the configuration as it is now, and tell the log the rest."""
    try:
        new = configure()
        for plugin in lifecycle.server.plugins:
            if plugin.settings is not None:  # what is wrong there would stop the next start
                table, _ = split(new.plugins.get(plugin.name, {}), plugin.name, type(plugin.settings))
                convert(table, type(plugin.settings), f"plugins.{plugin.name}", "the configuration")
        outcome = compare(lifecycle.server.config, new)
        lifecycle.reconfigure(outcome.config)
    except GreenchatError as error:
        log.error("the configuration cannot be used, and the old one stays in force: %s", error)
        return
    logging.getLogger().setLevel(outcome.config.server.log_level.upper())
    log.info("the configuration was read again: %s", "; ".join(outcome.changed) or "nothing has changed")
    if outcome.waiting:
        log.warning("these settings will change when the server is started again: %s", ", ".join(outcome.waiting))


def _say_hello(server: ChatServer) -> None:
    first, *others = server.addresses
    lines = [f"[*] Chat Server started on {first}", "[*] Waiting for connections..."]
    if others:
        lines.append(f"    Also on:  {', '.join(others)}")
    page, *ways = _ways_in(server)
    lines += [
        f"    Join:     {page}",
        *(f"              {way}" for way in ways),
        f"    Plugins:  {_plugin_line(server.plugins)}",
        f"    Data:     {server.data_dir}",
        "    Stop:     Ctrl-C",
    ]
    with contextlib.suppress(OSError):  # whoever started us may read no further than the first line
        print("\n".join(lines), flush=True)


def _ways_in(server: ChatServer) -> list[str]:
    """How to join from this machine, the easiest way first."""
    address = server.addresses[0]
    if address.startswith("unix:"):
        return [f"nc -U {address.removeprefix('unix:')}"]
    host, _, port = address.rpartition(":")
    here = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    tls = server.config.tls
    ways = []
    if server.page:
        scheme = "https" if tls.cert else "http"
        name = "localhost" if here in LOOPBACK else host
        ways.append(f"{scheme}://{name}:{port}{server.page.rstrip('/')} in a browser")
    if tls.required:
        return [*ways, f"greenchat connect --tls {here} {port}"]
    return [*ways, f"greenchat connect {here} {port}, or nc {here} {port}"]


def _plugin_line(plugins: Plugins) -> str:
    on = ", ".join(plugin.name for plugin in plugins.on) or "none"
    off = ", ".join(plugin.name for plugin in plugins if plugin.off and not plugin.is_spare)
    return f"{on} (off: {off}; see greenchat plugins list)" if off else on
