"""The log on standard error: lines for people, or JSON objects for programs; no more of them than anybody reads.

What a line is about stands in fields of its own, which callers give as `extra`: `session` (its number), `address`,
`user`, `room`, `code` (of a refusal), `plugin`. In JSON they are seen; by the first that a line has of `address`,
`session`, `plugin` and `user`, it is known whose doing it is.
"""

import contextlib
import copy
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import QueueHandler
from typing import Any

from greenchat.protocol.address import host_of, network_of
from greenchat.server.unwatched import unwatched

# Lines of one source at once: a classroom behind one address comes, 200 of them, and goes, and each is told of thrice;
# some more for what goes wrong meanwhile.
LINES_AT_ONCE = 1000

# ... and each second after that: nobody reads more, and a day of it takes 50 MB.
LINES_A_SECOND = 5.0

# How long it may be kept back how many were left out, in seconds: whoever watches the log wonders by then.
TOLD_SECONDS = 60.0

# Sources that are remembered: more than there are connections. Then it begins anew with all of them.
SOURCES = 20_000

# Lines that wait for a reader of the log that hangs: some MB. Those that come then are left out, and counted.
WAITING_LINES = 20_000

# How long a line may wait for others, in seconds, to be written with them: to wake a thread for each of them costs more
# than all the rest of a line. Who watches the log does not feel it. Errors do not wait: nobody knows what comes next.
BATCH_SECONDS = 0.05
# ... and how many of them are written at once: some 100 KB.
BATCH_LINES = 1000

# How long the end of the process waits for a reader of the log that hangs, in seconds.
PATIENCE_SECONDS = 2.0


class Source:
    """What one source has left of its lines: a token bucket, and how many were left out since it was last told."""

    __slots__ = ("left", "left_out", "since", "told")

    def __init__(self, now: float) -> None:
        self.left = float(LINES_AT_ONCE)
        self.since = self.told = now
        self.left_out = 0

    def takes(self, now: float) -> bool:
        """Whether one more line is let through."""
        self.left = min(LINES_AT_ONCE, self.left + (now - self.since) * LINES_A_SECOND)
        self.since = now
        if self.left < 1:
            self.left_out += 1
            return False
        self.left -= 1
        return True


class Bounded(logging.Filter):
    """Leaves out what one source says too often, and says how many lines that were: with the next line of the source
    that is let through, or of any other after TOLD_SECONDS."""

    def __init__(self, tell: Any) -> None:
        """`tell(record)` writes one more line."""
        super().__init__()
        self._tell = tell
        self._sources: dict[object, Source] = {}
        self._quiet: dict[object, logging.LogRecord] = {}  # who has had lines left out, and the last of those
        self._looked = time.monotonic()
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        key, now = _source(record), time.monotonic()
        with self._lock:
            lines = self._due(now)
            if len(self._sources) >= SOURCES:
                lines += [self._summary(quiet, now) for quiet in list(self._quiet)]
                self._sources.clear()
            source = self._sources.get(key)
            if source is None:
                source = self._sources[key] = Source(now)
            passes = source.takes(now)
            if not passes:
                self._quiet[key] = record
            elif source.left_out:
                lines.append(self._summary(key, now))
        for line in lines:
            self._tell(line)
        return passes

    def finish(self) -> None:
        """Say what has not been said yet of what was left out."""
        with self._lock:
            lines = [self._summary(key, time.monotonic()) for key in list(self._quiet)]
        for line in lines:
            self._tell(line)

    def _summary(self, key: object, now: float) -> logging.LogRecord:
        """How many lines of a source were left out; they are told of then."""
        source, record = self._sources[key], copy.copy(self._quiet.pop(key))
        record.msg = f"{source.left_out} more lines like this were left out: {record.getMessage()}"
        record.args, record.exc_info, record.exc_text = None, None, None
        record.left_out = source.left_out
        source.left_out, source.told = 0, now
        return record

    def _due(self, now: float) -> list[logging.LogRecord]:
        """What is to be told by now of sources that say nothing any more."""
        if now - self._looked < TOLD_SECONDS / 4:
            return []
        self._looked = now
        due = [quiet for quiet in self._quiet if now - self._sources[quiet].told >= TOLD_SECONDS]
        return [self._summary(key, now) for key in due]


def _source(record: logging.LogRecord) -> object:
    """Whose doing a line is: somebody's network, a session's, a plugin's or a name's, for each logger; or else it is
    one with all lines that are written in the same place."""
    address = getattr(record, "address", "")
    if host := host_of(address):
        return record.name, network_of(host)
    for field in ("session", "plugin", "user"):
        value = getattr(record, field, None)
        if value:
            return record.name, field, value
    return record.name, record.pathname, record.lineno


class Writer:
    """Has `write` called with lines from a thread of its own, those of some moments together.

    Nothing here takes a lock, but queues that signal handlers may use wherever they come: one of them may have the last
    lines written.
    """

    def __init__(self, write: Callable[[str], object], form: logging.Formatter) -> None:
        self.lines: queue.SimpleQueue[Any] = queue.SimpleQueue()  # records; and what is to be told once it is reached
        self._hurried: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._write = write
        self._form = form
        self._thread = threading.Thread(target=self._run, name="greenchat-log", daemon=True)
        with unwatched():
            self._thread.start()

    def hurry(self) -> None:
        """Let what waits wait no longer."""
        self._hurried.put(None)

    def flush(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until all that waits is written; not for longer than so many seconds, as nobody may read it."""
        written: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.lines.put(written)
        self.hurry()
        with contextlib.suppress(queue.Empty):
            written.get(timeout=seconds)

    def _run(self) -> None:
        while True:
            batch = [self.lines.get()]
            self._pause()
            while len(batch) < BATCH_LINES and not self.lines.empty():
                batch.append(self.lines.get())
            self._write("".join(self._formatted(entry) for entry in batch if isinstance(entry, logging.LogRecord)))
            for entry in batch:
                if not isinstance(entry, logging.LogRecord):
                    entry.put(None)

    def _pause(self) -> None:
        with contextlib.suppress(queue.Empty):
            self._hurried.get(timeout=BATCH_SECONDS)
        while not self._hurried.empty():
            self._hurried.get()

    def _formatted(self, record: logging.LogRecord) -> str:
        try:
            return f"{self._form.format(record)}\n"
        except Exception as error:  # a field of a plugin's that is odd: the line is told all the same
            return f"{record.levelname} {record.name}: {record.msg} (a field of this line cannot be shown: {error!r})\n"


class Queue(QueueHandler):
    """Hands lines to the `writer`. What they say is made now, since it may change; a traceback stays apart from the
    message. To `flush` it is what Python does at its end, and what else ends the process should do."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer.lines)
        self._writer = writer
        self._lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record = copy.copy(record)
        record.msg = record.message = record.getMessage()
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.args = record.exc_info = None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        lines = self._writer.lines
        if lines.qsize() >= WAITING_LINES:
            self._lost += 1
            return
        if self._lost:
            lost = copy.copy(record)
            lost.msg = lost.message = f"{self._lost} lines were left out, as nobody has read the log"
            lost.exc_text, self._lost = None, 0
            lines.put(lost)
        lines.put(record)
        if record.levelno >= logging.ERROR:
            self._writer.hurry()

    def flush(self) -> None:
        self._writer.flush()


class TextFormatter(logging.Formatter):
    """`2026-01-31 18:00:05.123Z INFO    greenchat: stopping`. Times are UTC."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  (logging calls it so)
        return rfc3339(record.created).replace("T", " ")


def rfc3339(seconds: float) -> str:
    """A moment as RFC 3339 has it, in UTC: 2026-01-31T18:00:05.123Z."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def formatter(form: str) -> logging.Formatter:
    """For `server.log_format`."""
    if form != "json":
        return TextFormatter()
    from pythonjsonlogger.json import JsonFormatter

    class JsonLines(JsonFormatter):
        """One object a line: time, level, logger, message, the fields of the line, and `exception`, a traceback."""

        def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
            return rfc3339(record.created)

    return JsonLines(
        "%(asctime)s %(levelname)s %(name)s %(message)s",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception"},
    )


def write_to_stderr(text: str) -> None:
    """Past Python's own buffer, which a reader that hangs would have this thread hold when the process ends."""
    if sys.stderr is None:
        return  # closed before the start
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    # Nobody may read it any more: there is no other place to say so.
    with contextlib.suppress(OSError, ValueError):
        while data:
            data = data[os.write(sys.stderr.fileno(), data) :]


class Log:
    """The log of the process, from a thread of its own: a reader of the log that hangs must not hang the chat."""

    def __init__(self, form: str, level: str) -> None:
        into = Queue(Writer(write_to_stderr, formatter(form)))
        self._flush = into.flush
        self._bounded = Bounded(into.emit)
        into.addFilter(self._bounded)
        root = logging.getLogger()
        root.handlers = [into]
        root.setLevel(level.upper())

    def stop(self) -> None:
        """Write all that waits."""
        self._bounded.finish()
        self._flush()


def flush() -> None:
    """Have all lines written that wait, where the process is about to end without more ado."""
    for handler in logging.getLogger().handlers:
        handler.flush()
