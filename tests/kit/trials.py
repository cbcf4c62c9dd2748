"""A server that is asked to be reloaded, and what it says to that."""

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from greenchat.server.apart import MARK
from kit.failing import plugin_dir
from kit.machine import eventually
from kit.processes import ServeProcess, serve_process

# What the log tells at the end of each reload.
OUTCOME = re.compile(r"asked by \w+, (?:another program goes on|nothing was reloaded: (?P<why>.*))")


class Reloaded:
    """A server, in a directory of its own, that loads what is in `plugins`, and `chat.toml`."""

    def __init__(self, tmp_path: Path, server: ServeProcess) -> None:
        self.data_dir = tmp_path
        self.plugins = tmp_path / "mine"
        self.starter = tmp_path / "starter.py"
        self.config = tmp_path / "chat.toml"
        self.server = server
        self._seen = 0

    def write(self, **plugins: str) -> None:
        plugin_dir(self.plugins, **plugins)

    @property
    def trials(self) -> list[str]:
        """The processes that try something for this server, or were started by such a one."""
        return [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if self._is_of_trial(path)]

    def _is_of_trial(self, environment: Path) -> bool:
        try:
            found = environment.read_bytes()
        except OSError:
            return False
        return MARK.encode() in found and str(self.data_dir).encode() in found

    @property
    def log(self) -> str:
        return (self.data_dir / "stderr.log").read_text()

    def ask(self) -> None:
        self.server.process.send_signal(signal.SIGHUP)

    def outcome(self) -> str:
        """Why nothing was reloaded; empty if it was."""
        eventually(lambda: len(self._outcomes()) > self._seen)
        self._seen += 1
        return self._outcomes()[self._seen - 1]

    def reload(self) -> str:
        self.ask()
        return self.outcome()

    def _outcomes(self) -> list[str]:
        return [match["why"] or "" for match in OUTCOME.finditer(self.log)]


STARTER = "from greenchat.cli import main\nif __name__ == '__main__':\n    main()\n"


@contextmanager
def serve_reloaded(
    tmp_path: Path, *arguments: str, starter: str = STARTER, config: str = "", **plugins: str
) -> Iterator[Reloaded]:
    """`starter` is the program that the server is, beside `plugins` by their names."""
    (tmp_path / "mine").mkdir()
    plugin_dir(tmp_path / "mine", **plugins)
    (tmp_path / "starter.py").write_text(starter)
    (tmp_path / "chat.toml").write_text(config)
    command = [sys.executable, str(tmp_path / "starter.py")]
    more = ("--plugins-dir", str(tmp_path / "mine"), "--config", str(tmp_path / "chat.toml"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TRIED_FOR", str(tmp_path))
        with serve_process(tmp_path, *more, *arguments, command=command) as server:
            yield Reloaded(tmp_path, server)
