"""The server that `greenchat bench` measures: one of its own, or whatever listens somewhere; and what it uses."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from greenchat.bench.languages import BenchError
from greenchat.protocol.text import printable

# All that would slow the load down or cut it off; 0 is "no limit".
LIMITS_OFF = (
    "flood_rate",
    "connections",
    "connections_per_address",
    "attempts_per_minute",
    "outbox_bytes",
    "outbox_seconds",
    "first_frame_seconds",
    "join_seconds",
)

# A server listens within a second; a busy machine with many plugins may need some more.
START_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 0.02

# One that has nobody to serve any more stops at once, unless a plugin keeps it.
STOP_SECONDS = 10.0


@contextmanager
def own_server() -> Iterator[tuple[int, int]]:
    """A server with its limits off, on a free port of 127.0.0.1, until the block ends: `(port, process id)`.

    The environment's `GREENCHAT_*` settings hold for it, so that plugins of one's own can be measured.
    """
    with tempfile.TemporaryDirectory(prefix="greenchat-bench-") as directory:
        # Files, for a pipe that nobody reads would be full some time, and then the server would wait for ever.
        said, log = Path(directory, "said"), Path(directory, "log")
        command = [sys.executable, "-m", "greenchat", "serve", "--host", "127.0.0.1", "--port", "0"]
        command += ["--data-dir", str(Path(directory, "data"))]
        for limit in LIMITS_OFF:
            command += ["--set", f"limits.{limit}=0"]
        with said.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        try:
            yield _port(process, said, log), process.pid
        finally:
            _stop(process)


def _port(process: "subprocess.Popen[bytes]", said: Path, log: Path) -> int:
    """Where it listens, once it does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        match = re.match(rb"\[\*\] Chat Server started on .*:(\d+)\n", said.read_bytes())
        if match is not None:
            return int(match[1])
        try:
            process.wait(LOOK_AGAIN_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        break
    lines = log.read_text(errors="replace").split("\n")
    reason = next((line for line in reversed(lines) if line.strip()), "it said nothing.")
    raise BenchError(f"The server to be measured did not start: {printable(reason.removeprefix('Error: '), 300)}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.terminate()
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:  # also where a second Ctrl-C ended the waiting
        process.kill()
        process.wait()


def find_process(port: int) -> int | None:
    """The id of the one process of this machine that listens on `port`, where we may know it."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return None  # macOS tells root alone
    listening = [item for item in connections if item.status == psutil.CONN_LISTEN]
    found = {item.pid for item in listening if item.laddr and item.laddr.port == port}
    return found.pop() if len(found) == 1 else None


class ServerProcess:
    """What a server uses; everything is None where its process is not known, or has ended."""

    def __init__(self, pid: int | None) -> None:
        self.pid = pid
        self._process: psutil.Process | None = None
        if pid is not None:
            try:
                self._process = psutil.Process(pid)
            except psutil.Error:
                self.pid = None

    @property
    def name(self) -> str | None:
        """The program's name: what listens on a port may be a proxy or a tunnel, whose use says little."""
        try:
            return self._process.name() if self._process else None
        except psutil.Error:
            return None

    def cpu_seconds(self) -> float | None:
        try:
            times = self._process.cpu_times() if self._process else None
        except psutil.Error:
            return None
        return times.user + times.system if times else None

    def memory_bytes(self) -> int | None:
        """What is in memory (RSS)."""
        try:
            return int(self._process.memory_info().rss) if self._process else None
        except psutil.Error:
            return None
