"""`greenchat serve`: a server with its log, its signals and what it says at start."""

import contextlib
import gc
import logging
import os
import queue
import resource
import signal
import sys
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path

import gevent
from gevent.event import Event

from greenchat.config import Config
from greenchat.plugins import Plugins
from greenchat.server import ChatServer
from greenchat.watchdog import Watchdog

log = logging.getLogger("greenchat")


def serve(config: Config, data_dir: Path) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code. Raises `GreenchatError` where the server cannot start."""
    listener = start_log(config.server.log_format, config.server.log_level)
    try:
        _allow_descriptors()
        server = ChatServer(config, data_dir)
        stopped = Event()
        _stop_on_signals(stopped)
        server.start()
        _say_hello(server)
        # What exists now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        with Watchdog(server.plugins.modules):
            stopped.wait()
            log.info("stopping")
            server.stop()
        return 0
    finally:
        listener.stop()


def start_log(form: str, level: str) -> QueueListener:
    """Log to standard error from a thread of its own: a reader of the log that hangs must not hang the chat."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(form))
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    root = logging.getLogger()
    root.handlers = [QueueHandler(lines)]
    root.setLevel(level.upper())
    listener = QueueListener(lines, handler)
    listener.start()
    return listener


def _formatter(form: str) -> logging.Formatter:
    if form == "json":
        from pythonjsonlogger.json import JsonFormatter

        return JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    return logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")


def _allow_descriptors() -> None:
    """As many open files as this process may have: by habit, systems begin with 1024, and each client is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems have a hard limit that they do not allow
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _stop_on_signals(stopped: Event) -> None:
    """The first signal asks for a stop in good order, the second ends the process at once."""

    def on_signal() -> None:
        if stopped.is_set():
            sys.stderr.write("Stopped at once.\n")
            sys.stderr.flush()
            os._exit(1)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, on_signal)


def _say_hello(server: ChatServer) -> None:
    host, port = server.address
    here = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    lines = [
        f"[*] Chat Server started on {host}:{port}",
        "[*] Waiting for connections...",
        f"    Join:     greenchat connect {here} {port}, or nc {here} {port}",
        f"    Plugins:  {_plugin_line(server.plugins)}",
        f"    Data:     {server.data_dir}",
        "    Stop:     Ctrl-C",
    ]
    with contextlib.suppress(OSError):  # whoever started us may read no further than the first line
        print("\n".join(lines), flush=True)


def _plugin_line(plugins: Plugins) -> str:
    on = ", ".join(plugin.name for plugin in plugins.on) or "none"
    off = ", ".join(plugin.name for plugin in plugins if plugin.off)
    return f"{on} (off: {off}; see greenchat plugins list)" if off else on
