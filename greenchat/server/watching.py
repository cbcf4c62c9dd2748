"""`greenchat serve --watch`: for who works on a plugin. A file of a plugin that has changed, or the configuration, has
the server reloaded, which nobody who is there notices.

What cannot be read as Python, or as a configuration, is told, and the server goes on as it was.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent

from greenchat.config.schema import Config
from greenchat.errors import GreenchatError
from greenchat.hooks.finding import OWN_DIR
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.server.server import ChatServer

log = logging.getLogger("greenchat.watch")

Ask = Callable[[str, Callable[[ReloadReport], None]], None]

# Where nobody writes plugins: what has such a name is not looked into.
NOT_WATCHED = ("__pycache__", "node_modules", "venv")

# How soon it is looked at what has changed before the watching began, in milliseconds.
FIRST_LOOK_MS = 500


class Watch:
    """What is watched for a server, between `start` and `stop`. `reload` is called, in the event loop, once something
    has changed and can be used, as `Reloader.ask`; `configure` reads the configuration again, from `file` if there is
    one."""

    def __init__(self, server: ChatServer, file: Path | None, configure: Callable[[], Config], reload: Ask) -> None:
        """Raises `GreenchatError` where watchfiles is not installed."""
        try:
            import watchfiles
        except ImportError:
            raise GreenchatError("--watch needs watchfiles. Install it: pip install 'greenchat[watch]'") from None
        self._watch = watchfiles.watch
        self._file = None if file is None else file.resolve()
        self._roots = list(_roots(server))
        self._before: dict[Path, int] | None = self._state()
        self._configure = configure
        self._reload = reload
        self._changed: set[Path] = set()  # since the start
        self._came: list[set[Path]] = []  # what the thread has seen, and nobody looked at yet
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
        while self._came:
            self._changed |= self._came.pop()
        if self._stop.is_set():
            return
        problems = [problem for path in sorted(self._changed) if (problem := self._problem(path))]
        for problem in problems:
            log.error("%s The server goes on as it was.", problem)
        if not problems:
            log.info("changed: %s; reloading", ", ".join(str(path) for path in sorted(self._changed)))
            self._reload("--watch", self._answered)

    def _answered(self, report: ReloadReport) -> None:
        """Another program has not taken over."""
        if report.ok:
            self._changed.clear()
        for why in report.why:
            log.error("%s The server goes on as it was.", why)

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
