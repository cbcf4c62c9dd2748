"""`greenchat` as processes, for the tests that need it as its users have it."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from greenchat.testing import DEADLINE, Peer
from kit import TESTS

GREENCHAT = [sys.executable, "-m", "greenchat"]


def with_helpers() -> dict[str, str]:
    """The environment for a script of the tests, which uses what is in this directory."""
    return os.environ | {"PYTHONPATH": str(TESTS)}


@contextmanager
def kept_port() -> Iterator[int]:
    """A port of 127.0.0.1 that is nobody else's while this goes on: servers may be started there, one after the other,
    and in between nobody listens. The system gives a port that is bound, but not listened on, to those alone who name
    it."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


class ServeProcess:
    """`greenchat serve` as a process; its log goes to a file, so that nothing can fill a pipe."""

    def __init__(
        self,
        data_dir: Path,
        *arguments: str,
        before: Sequence[str] = (),
        tcp: bool = True,
        command: Sequence[str] = GREENCHAT,
    ) -> None:
        self._log = data_dir / "stderr.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(*before, *command, "serve", "--data-dir", str(data_dir)),
                    *(("--host", "127.0.0.1", "--port", "0") if tcp else ()),
                    *("--set", "limits.attempts_per_minute=0", "--set", "plugins.history.replay=0"),
                    *arguments,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.first = self.process.stdout.readline().rstrip()
        match = re.fullmatch(r"\[\*\] Chat Server started on (?:127\.0\.0\.1:(\d+)|unix:.+)", self.first)
        if match is None:
            self.process.kill()
            raise AssertionError(f"{self.first!r}; {self._log.read_text()}")
        self.port = int(match[1] or 0)
        self.second = self.process.stdout.readline().rstrip()

    def connect(self) -> Peer:
        return Peer("127.0.0.1", self.port)

    def join(self, name: str) -> Peer:
        peer = self.connect()
        peer.send(f"JOIN|{name}")
        assert peer.read().startswith("INFO|Welcome")
        return peer

    def wait(self) -> tuple[str, str]:
        """The rest of standard output, and the log, once the process has ended."""
        out = self.process.stdout.read()
        self.process.wait(DEADLINE)
        return out, self._log.read_text()

    def stop(self) -> tuple[str, str]:
        self.process.terminate()
        return self.wait()


@contextmanager
def serve_process(
    data_dir: Path,
    *arguments: str,
    before: Sequence[str] = (),
    tcp: bool = True,
    command: Sequence[str] = GREENCHAT,
) -> Iterator[ServeProcess]:
    """`before` is what starts it, such as a shell with other limits; without `tcp`, `arguments` say where to listen."""
    serving = ServeProcess(data_dir, *arguments, before=before, tcp=tcp, command=command)
    try:
        yield serving
    finally:
        if serving.process.poll() is None:
            serving.process.kill()
            serving.process.wait()
        serving.process.stdout.close()


def run_greenchat(*arguments: str, env: dict[str, str] | None = None, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GREENCHAT, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(env or {})},
        **options,
    )
