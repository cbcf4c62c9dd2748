"""A process that tries something, as the server sees it: started, read, and ended with all that it has started."""

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent import os as gevent_os

from greenchat.server.apart import LINE, MARK, NO_SERVER, SCRATCH, TRIAL, marked
from greenchat.server.handover import command

# What belongs to the server alone, of the environment: its service manager's words, and what it is left by hand-overs.
NOT_INHERITED = re.compile("NOTIFY_SOCKET|WATCHDOG_(USEC|PID)|LISTEN_(PID|FDS|FDNAMES)|_GREENCHAT_.*")

# What is read at once.
READ_BYTES = 1 << 16

# What it may answer, in bytes: a line for each of a thousand plugins.
ANSWER_BYTES = 1 << 20

# What is kept of what it writes to standard error: the last lines say why it has ended.
KEPT_BYTES = 1 << 12

# How much longer it may live by itself, in seconds: it is ended before that, unless this process is.
LONGER_SECONDS = 5

# Where its temporary files are, on most Linux: in memory. They are removed with it, however it ends.
MEMORY = "/dev/shm"

# How often it is looked for what it has started: what a process starts while it is being ended is found the next time.
LOOKS = 5


class Child:
    """It runs the command that has started this process. `step` is where it was last, `told` the end of what it wrote
    to standard error, `ended` how it has ended by itself."""

    def __init__(self, seconds: float) -> None:
        self.step = ""
        self.ended = ""
        self._seconds = seconds
        self._word = secrets.token_hex()
        self._mark = secrets.token_hex()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False
        self._told = b""
        self._scratch = ""
        self._lock = threading.Lock()  # who ends it waits until it has been started

    @property
    def told(self) -> str:
        return self._told.decode(errors="replace")

    def ask(self, question: bytes, found: Callable[[bytes], bool]) -> None:
        """Start it, and hand each line that it answers to `found`, until that returns true, or it has ended. Raises
        `OSError` where it cannot be started."""
        gevent.get_hub().threadpool.apply(self._start)
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for stream in (process.stdin, process.stdout, process.stderr):
            gevent_os.make_nonblocking(stream.fileno())
        helpers = [gevent.spawn(self._write, process.stdin, question), gevent.spawn(self._listen, process.stderr)]
        try:
            for line in self._lines(process.stdout):
                if found(line):
                    return
            helpers[1].join(timeout=1)
            self.ended = gevent.get_hub().threadpool.apply(_how, (process,))
        finally:
            gevent.killall(helpers)

    def end(self) -> None:
        """End it, if it has not ended, and all that it has started. Waits until it is gone."""
        self._is_over = True
        gevent.get_hub().threadpool.apply(self._end)

    def _write(self, stream: Any, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended
            while data:
                data = data[gevent_os.nb_write(stream.fileno(), data) :]
            stream.close()

    def _listen(self, stream: Any) -> None:
        for data in _read(stream):
            self._told = (self._told + data)[-KEPT_BYTES:]

    def _lines(self, stream: Any) -> Iterator[bytes]:
        """Its lines, without what shows that they are its own; others are left out."""
        begin, waiting = f"{LINE} {self._word} ".encode(), b""
        for data in _read(stream):
            *lines, waiting = (waiting + data).split(b"\n")
            yield from (line.removeprefix(begin) for line in lines if line.startswith(begin))
            if len(waiting) > ANSWER_BYTES:
                return

    # --- in a thread ---

    def _start(self) -> None:
        with self._lock:
            if not self._is_over:
                self._open()

    def _open(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not NOT_INHERITED.fullmatch(name)}
        self._scratch = tempfile.mkdtemp(prefix=SCRATCH, dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
        environment |= {
            "TMPDIR": self._scratch,
            TRIAL: f"{self._word} {self._seconds + LONGER_SECONDS:.0f}",
            MARK: self._mark,
            NO_SERVER: "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._process = subprocess.Popen(
            command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )

    def _end(self) -> None:
        with self._lock:
            if self._process is not None:
                self._kill(self._process)
            if self._scratch:
                shutil.rmtree(self._scratch, ignore_errors=True)

    def _kill(self, process: "subprocess.Popen[bytes]") -> None:
        ended = set[int]()
        for _ in range(LOOKS):
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            others = set(marked(self._mark)) - ended
            ended |= others
            for number in others:
                with contextlib.suppress(OSError):
                    os.kill(number, signal.SIGKILL)
            if not others:
                break
        process.wait()
        for number in ended:
            with contextlib.suppress(OSError):  # it is no child of ours, unless this is process 1 of a container
                os.waitpid(number, 0)
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError, AttributeError):
                stream.close()  # type: ignore[union-attr]


def _read(stream: Any) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while data := gevent_os.nb_read(stream.fileno(), READ_BYTES):
            yield data


def _how(process: "subprocess.Popen[bytes]") -> str:
    """In a thread: how it has ended, once it has."""
    code = process.wait()
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
