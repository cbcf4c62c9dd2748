"""`greenchat` as processes, for the tests that need it as its users have it."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from greenchat.testing import DEADLINE, Peer

GREENCHAT = [sys.executable, "-m", "greenchat"]


class ServeProcess:
    """`greenchat serve` as a process; its log goes to a file, so that nothing can fill a pipe."""

    def __init__(self, data_dir: Path, *arguments: str, before: Sequence[str] = ()) -> None:
        self._log = data_dir / "stderr.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(*before, *GREENCHAT, "serve", "--host", "127.0.0.1", "--port", "0", "--data-dir", str(data_dir)),
                    *("--set", "limits.attempts_per_minute=0"),
                    *arguments,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.first = self.process.stdout.readline().rstrip()
        match = re.fullmatch(r"\[\*\] Chat Server started on 127\.0\.0\.1:(\d+)", self.first)
        if match is None:
            self.process.kill()
            raise AssertionError(f"{self.first!r}; {self._log.read_text()}")
        self.port = int(match[1])
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
def serve_process(data_dir: Path, *arguments: str, before: Sequence[str] = ()) -> Iterator[ServeProcess]:
    """`before` is what starts it, such as a shell with other limits."""
    serving = ServeProcess(data_dir, *arguments, before=before)
    try:
        yield serving
    finally:
        if serving.process.poll() is None:
            serving.process.kill()
            serving.process.wait()
        serving.process.stdout.close()
