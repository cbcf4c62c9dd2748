"""`greenchat serve --watch`: for who works on a plugin. A file of a plugin that has changed, or the configuration, has
the server stop in good order and begin again, in the same process and on the same sockets; people resume.

What cannot be read as Python, or as a configuration, is told, and the server goes on as it was.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent

from greenchat.config.schema import Config
from greenchat.errors import GreenchatError
from greenchat.hooks.finding import OWN_DIR
from greenchat.server.acceptor import Acceptor
from greenchat.server.server import ChatServer
from greenchat.server.systemd import FIRST_DESCRIPTOR

log = logging.getLogger("greenchat.watch")

# Where nobody writes plugins: what has such a name is not looked into.
NOT_WATCHED = ("__pycache__", "node_modules", "venv")

# How soon it is looked at what has changed before the watching began, in milliseconds.
FIRST_LOOK_MS = 500

# Descriptors that are to be kept are put out of the way first, from this one on.
OUT_OF_THE_WAY = 64


class Watch:
    """What is watched for a server, between `start` and `stop`. `restart` is called, in the event loop, once something
    has changed and can be used; `configure` reads the configuration again, from `file` if there is one."""

    def __init__(
        self, server: ChatServer, file: Path | None, configure: Callable[[], Config], restart: Callable[[], None]
    ) -> None:
        """Raises `GreenchatError` where watchfiles is not installed."""
        try:
            import watchfiles
        except ImportError:
            raise GreenchatError("--watch needs watchfiles. Install it: pip install 'greenchat[watch]'") from None
        self._watch = watchfiles.watch
        self._file = None if file is None else file.resolve()
        self._roots = list(_roots(server))
        self._before: dict[Path, int] | None = self._state()
        self._on = [plugin.name for plugin in server.plugins.on]
        self._configure = configure
        self._restart = restart
        self._changed: set[Path] = set()  # since the start
        self._came: list[set[Path]] = []  # what the thread has seen, and nobody looked at yet
        self._looks = 0
        self._stop = threading.Event()
        self._wake: Any = gevent.get_hub().loop.async_()

    def start(self) -> None:
        logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells of the log, too, where that is beside
        self._wake.start(lambda: gevent.spawn(self._look))
        threading.Thread(target=self._run, name="greenchat-watch", daemon=True).start()
        log.info("watching %s", ", ".join(map(str, [*self._roots, *([self._file] if self._file else [])])))

    def stop(self) -> None:
        self._stop.set()
        self._wake.stop()

    def _run(self) -> None:
        """In the thread. Directories are watched, not files: editors put a new file in the place of the old one."""
        directories = {directory for root in self._roots for directory in _directories(root)}
        if self._file is not None:
            directories.add(self._file.parent)
        for changes in self._watch(
            *sorted(directories),
            watch_filter=lambda change, path: self._matters(Path(path)),
            stop_event=self._stop,
            recursive=False,
            raise_interrupt=False,
            rust_timeout=FIRST_LOOK_MS,
            yield_on_timeout=True,
        ):
            seen = {Path(path) for _, path in changes} | self._missed()
            if seen:
                self._came.append(seen)
                self._wake.send()

    def _missed(self) -> set[Path]:
        """What has changed before the system told of changes, the first time that it is asked."""
        before, self._before = self._before, None
        if before is None:
            return set()
        now = self._state()
        return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}

    def _state(self) -> dict[Path, int]:
        """When which file was written last."""
        files = {file for root in self._roots for where in _directories(root) for file in where.glob("*.py")}
        if self._file is not None:
            files.add(self._file)
        return {file: file.stat().st_mtime_ns for file in files if self._matters(file) and file.exists()}

    def _matters(self, path: Path) -> bool:
        if path == self._file:
            return True
        return path.suffix == ".py" and any(path == root or path.is_relative_to(root) for root in self._roots)

    def _look(self) -> None:
        self._looks += 1
        this_one = self._looks
        while self._came:
            self._changed |= self._came.pop()
        if self._stop.is_set():
            return
        problems = [problem for path in sorted(self._changed) if (problem := self._problem(path))]
        if not problems and (failed := gevent.get_hub().threadpool.apply(_failed_trial, (self._on,))):
            problems.append(failed)
        if self._looks != this_one or self._stop.is_set():
            return  # it has changed again meanwhile, and is looked at again
        for problem in problems:
            log.error("%s The server goes on as it was.", problem)
        if not problems:
            log.info("changed: %s; starting again", ", ".join(str(path) for path in sorted(self._changed)))
            self._restart()

    def _problem(self, path: Path) -> str:
        """Why what has changed cannot be used; empty where it can."""
        if path == self._file:
            try:
                self._configure()
            except GreenchatError as error:
                return str(error)
            return ""
        try:
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except SyntaxError as error:
            return f"{path}:{error.lineno}: {error.msg}."
        except (OSError, ValueError) as error:
            return f"{path}: {error}." if path.exists() else ""  # one that is gone is a change
        return ""


# In the environment of a process that is only to try whether a server could begin: which plugins must be on.
TRIAL = "_GREENCHAT_TRIAL"
TRIAL_SECONDS = 60.0


def trial(server: ChatServer, plugins: str) -> int:
    """The end of such a process, which has loaded all plugins: its exit code."""
    lost = [plugin for plugin in server.plugins if plugin.off and plugin.name in plugins.split(",")]
    for plugin in lost:
        print(f"The plugin {plugin.name} cannot be loaded: {plugin.off}.", file=sys.stderr)
    return 1 if lost else 0


def _failed_trial(plugins: list[str]) -> str:
    """In a thread: have another process load what has changed. Why it cannot; empty where it can."""
    environment = dict(os.environ) | {TRIAL: ",".join(plugins)}
    try:
        done = subprocess.run(_command(), env=environment, capture_output=True, text=True, timeout=TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"The plugins were not loaded within {TRIAL_SECONDS:g} seconds."
    told = done.stderr.strip().splitlines() or ["The plugins cannot be loaded."]
    return told[-1].removeprefix("Error: ") if done.returncode else ""


def _command() -> list[str]:
    """What has started this process."""
    return [sys.executable, *sys.orig_argv[1:]]


def _roots(server: ChatServer) -> Iterator[Path]:
    """Where the plugins are: directories of them, and the packages and files of the others."""
    found = [Path(directory) for directory in server.config.server.plugins_dirs]
    found.append(server.data_dir / OWN_DIR)
    for plugin in server.plugins:
        file = getattr(sys.modules.get(plugin.module), "__file__", None)
        if file is not None:
            found.append(Path(file).parent if Path(file).name == "__init__.py" else Path(file))
    resolved = [path.resolve() for path in found if path.exists()]
    for path in dict.fromkeys(resolved):
        if not any(path != other and path.is_relative_to(other) for other in resolved):
            yield path


def _directories(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root.parent
        return
    for where, names, _ in os.walk(root):
        names[:] = [name for name in names if not name.startswith(".") and name not in NOT_WATCHED]
        yield Path(where)


class Handover:
    """What a server that begins again takes along: its sockets, unless it is to listen elsewhere by then."""

    def __init__(self) -> None:
        self._descriptors: list[int] = []

    def keep(self, acceptor: Acceptor, config: Config, then: Config) -> None:
        """To be called before the server stops; `then` is the configuration of the next one."""
        if _where(config) == _where(then):
            self._descriptors = acceptor.hand_over(OUT_OF_THE_WAY)

    def begin_again(self) -> None:
        """Be the next server. Nothing of this process is left, and this does not come back."""
        environment = dict(os.environ)
        for place, descriptor in enumerate(self._descriptors, FIRST_DESCRIPTOR):
            os.dup2(descriptor, place, inheritable=True)
        if self._descriptors:
            environment |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(self._descriptors))}
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, _command(), environment)


def _where(config: Config) -> tuple[object, ...]:
    return config.server.host, config.server.port, config.server.listen
