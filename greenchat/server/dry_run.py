"""Trying a plugin on what was said, in a process of its own: what it would have refused, changed and said.

The process is told all that it needs by a file in a directory that is made for it, writes there and nowhere else, and
ends with it. What happens in there is in testing/dry_child.py; what is asked and found, in protocol/dry_runs.py.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import msgspec

from greenchat.protocol.dry_runs import TEXT_LENGTH, DryAsk, DryReport
from greenchat.server.apart import MARK, marked
from greenchat.storage import direct_rows, session_store
from greenchat.storage.plugin_store import store_path, tables_path

# How long it may take in all, in seconds: a thousand messages take one or two, with a plugin that has little to do.
TRY_SECONDS = 60.0

# Files of the plugin's own that it is given copies of, in bytes at most: more would take longer than the rest.
COPY_BYTES = 256 * 1024**2

# Files that no plugin is given, however it is called: what is said alone, and by what people come back.
NOT_GIVEN = frozenset((direct_rows.FILE, session_store.FILE))

# What of a report is read, in bytes: MOST outcomes of long texts are less.
REPORT_BYTES = 256 * 1024**2

# In the directory: what is asked, what is found, where it is at the moment, what it prints, and its data directory.
ASK_FILE, REPORT_FILE, AT_FILE, PRINTED_FILE, DATA = "ask.json", "report.json", "at", "printed", "data"

CHILD = "greenchat.testing.dry_child"  # started by its name: it knows this package, and not the other way round

# What stands for the secrets of this server, and for who looks after it: none of the plugin's business.
_WITHHELD = ("GREENCHAT_", "NOTIFY_", "WATCHDOG_", "LISTEN_")


class Halt:
    """By which another thread ends what is tried in this one, and all that is to be tried with the same."""

    def __init__(self) -> None:
        self.is_set = False
        self._process: subprocess.Popen[bytes] | None = None

    def set(self) -> None:
        self.is_set = True
        if self._process is not None:
            _kill(self._process)

    def mind(self, process: "subprocess.Popen[bytes]") -> None:
        """This one is at work."""
        self._process = process
        if self.is_set:
            _kill(process)


def try_out(
    ask: DryAsk,
    data_dir: Path | None = None,
    *,
    own_files: Collection[str] = (),
    seconds: float = TRY_SECONDS,
    halt: Halt | None = None,
) -> DryReport:
    """Try a plugin, for so many seconds at most. It is given copies of what it keeps in `data_dir`: its store and its
    database, and its `own_files`. It waits, until `halt` is set, and raises nothing of its own: what goes wrong is in
    the report."""
    if not ask.messages:
        return DryReport(ask.name)
    with _scratch() as directory:
        notes = _copy(ask.name, data_dir, own_files, directory / DATA) if data_dir is not None else []
        path = os.path.abspath(ask.path) if ask.path else ""
        (directory / ASK_FILE).write_bytes(msgspec.json.encode(msgspec.structs.replace(ask, path=path)))
        ended = _run(directory, seconds, halt or Halt())
        report = _report(ask, directory, ended)
        printed = _beginning(directory / PRINTED_FILE)
    return msgspec.structs.replace(report, printed=printed, notes=[*notes, *report.notes]).cleaned()


@contextmanager
def _scratch() -> Iterator[Path]:
    directory = tempfile.mkdtemp(prefix="greenchat-try-")
    try:
        for name in (DATA, "tmp"):
            Path(directory, name).mkdir(0o700)
        yield Path(directory).resolve()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _run(directory: Path, seconds: float, halt: Halt) -> str:
    """Run the process to its end, or end it, with all that it has started. How it has ended, in words."""
    until = time.monotonic() + seconds  # by the clock that all processes have
    command = [sys.executable, "-B", "-P", "-m", CHILD, str(directory), f"{seconds:g}", f"{until:.3f}"]
    with (directory / PRINTED_FILE).open("wb") as printed:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            cwd=directory,
            env=_environment(os.environ, directory),
            start_new_session=True,
        )
    try:
        halt.mind(process)
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"it had not ended after {seconds:g} seconds, and was ended"
    finally:
        _kill(process)
        process.wait()
        for number in marked(str(directory)):
            with suppress(OSError):
                os.kill(number, signal.SIGKILL)
    return f"its process was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended its process ({code})"


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End it, and what it has started and has not gone away from it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment(environment: Mapping[str, str], directory: Path) -> dict[str, str]:
    """That of the process: what is to be found by Python, and nothing of this server's."""
    kept = {name: text for name, text in environment.items() if not name.startswith(_WITHHELD)}
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if os.path.exists(path or "."))
    return kept | {MARK: str(directory), "PYTHONPATH": paths, "TMPDIR": str(directory / "tmp"), "MALLOC_ARENA_MAX": "2"}


def _report(ask: DryAsk, directory: Path, ended: str) -> DryReport:
    try:
        with (directory / REPORT_FILE).open("rb") as file:
            return msgspec.json.decode(file.read(REPORT_BYTES), type=DryReport)
    except (OSError, msgspec.DecodeError):
        return DryReport(ask.name, problem=f"{ended}, {_beginning(directory / AT_FILE) or 'before it began'}")


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(TEXT_LENGTH).decode("utf-8", "replace").strip()
    except OSError:
        return ""


# --- what it keeps ---------------------------------------------------------------------------------------------------


def _copy(plugin: str, data_dir: Path, own_files: Collection[str], target: Path) -> list[str]:
    """Copy what a plugin keeps, as it is at this moment; what could not be, in words. A server may run on it."""
    notes = []
    names = [name for name in own_files if name not in NOT_GIVEN]
    paths = [store_path(data_dir, plugin), tables_path(data_dir, plugin), *map(data_dir.joinpath, names)]
    for path in paths:
        try:
            if not path.is_file():
                continue
            if path.stat().st_size > COPY_BYTES:
                notes.append(f"{path.name} is larger than {COPY_BYTES:,} bytes, so it begins without that")
                continue
            uri = f"file:{quote(str(path))}?mode=ro"
            with (
                closing(sqlite3.connect(uri, uri=True)) as source,
                closing(sqlite3.connect(target / path.name)) as copy,
            ):
                source.backup(copy)
        except (OSError, sqlite3.Error) as error:
            notes.append(f"{path.name} cannot be copied, so it begins without that: {error}")
    return notes
