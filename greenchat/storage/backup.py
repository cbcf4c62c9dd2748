"""Backups: all databases of a data directory as they were at one moment, verified, and putting them back.

**One moment** is one in which no database changes, as all are locked for writing together, for some milliseconds. So
what is in one of them never lacks what came before it in another. Copies are made after that, from what was then; a
server goes on writing meanwhile. What waits in a server's memory at that moment, and is not acknowledged, is not there.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec import Struct, convert, to_builtins

from greenchat.errors import GreenchatError
from greenchat.refusals import explain
from greenchat.storage import datadir
from greenchat.storage.sqlite import as_database_error
from greenchat.version import __version__

MANIFEST = "manifest.json"

# What is understood here of manifests. It rises when a backup cannot be put back any more by what was before.
FORMAT = 1

# In the data directory while files are put in the place of others: what is to be done, so that it can be finished after
# a crash.
UNFINISHED = "restore-unfinished.json"

# In the data directory after that: of when what is there now was. A later version can tell by it that numbers which
# were given after that time may be given again.
RESTORED = "restored.json"

# How long another program may hold a database, in seconds, and how long each of the others is locked while one waits
# for the next: a server gives up on its history after 5.
PATIENCE = 60.0
HOLD_SECONDS = 1.0

# Pages that are copied in one go, so that Ctrl-C need not wait: some ten MB.
PAGES = 4096

# What is read and hashed in one go, in bytes.
CHUNK = 1024 * 1024

# Room that must stay on the disk besides, in bytes: for the manifest, and for a server beside it.
SPARE = 16 * 1024 * 1024

# Files of the data directory that have nothing to be kept: they are made anew.
_MADE_ANEW = (datadir.LOCK_FILE, "plugins-off.json", RESTORED)
_BESIDE = ("-wal", "-shm", "-journal")


class BackupError(GreenchatError):
    """It could not be made, or put back; the text says why, and what to do."""


class Entry(Struct, frozen=True):
    """One database of a backup. `version` is its `user_version`: how many migrations it has had."""

    bytes: int
    sha256: str
    version: int


class Manifest(Struct, frozen=True):
    """What a backup has; `time` is the moment, `greenchat` the version that made it."""

    format: int
    greenchat: str
    time: datetime
    databases: dict[str, Entry]


class Backup(Struct, frozen=True):
    """A backup that was made: `left_out` are the names of what else there is in the data directory."""

    manifest: Manifest
    left_out: list[str]


class Restored(Struct, frozen=True):
    """A backup that was put back. `aside` is where what was there before has gone, None where there was nothing."""

    manifest: Manifest
    aside: Path | None


# --- make one --------------------------------------------------------------------------------------------------------


def make(data_dir: Path, target: Path) -> Backup:
    """Back up all databases of `data_dir` into the new directory `target`, wholly or not at all. Raises `BackupError`
    or `DatabaseError`. A server may run on it meanwhile."""
    target = Path(os.path.abspath(target))
    if os.path.lexists(target):
        raise BackupError(f"{target} is there already. A backup is never written over: name a new directory.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no directory {target.parent}. Make it first, where only you can read.")
    if (data_dir / UNFINISHED).exists():
        raise BackupError(
            f"A restore in {data_dir} was interrupted. Start the server, which finishes it, or restore again."
        )
    paths = sorted(path for path in data_dir.glob("*.sqlite3") if path.is_file())
    if not paths:
        raise BackupError(f"There is no database in {data_dir}. Say where the server keeps its files with --data-dir.")
    with _told(target.parent), ExitStack() as stack:
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        stack.callback(shutil.rmtree, partial, ignore_errors=True)
        sources, moment = _snapshots(stack, paths)
        _require_room(target.parent, sum(map(_size, sources.values())))
        entries = {path.name: _copy(source, path, partial / path.name) for path, source in sources.items()}
        manifest = Manifest(FORMAT, __version__, moment, entries)
        _write(partial / MANIFEST, json.dumps(to_builtins(manifest), indent=2) + "\n")
        _sync(partial)
        if os.path.lexists(target):
            raise BackupError(f"{target} has come to be meanwhile. Name another directory.")
        partial.rename(target)
        _sync(target.parent)
    known = {path.name + end for path in paths for end in ("", *_BESIDE)}.union(_MADE_ANEW)
    return Backup(manifest, sorted(path.name for path in data_dir.iterdir() if path.name not in known))


def _snapshots(stack: ExitStack, paths: list[Path]) -> tuple[dict[Path, sqlite3.Connection], datetime]:
    """A connection to each file that sees it as it was at one moment, and that moment."""
    until = time.monotonic() + PATIENCE
    while True:
        with ExitStack() as locks:
            sources: dict[Path, sqlite3.Connection] = {}
            try:
                # All are locked, and then looked at. One that is busy lets go of all: who waits for two at once, as
                # another backup does, must not wait for us.
                for path in paths:
                    lock = locks.enter_context(_opened(path))
                    _in_words(path, lock.execute, "BEGIN IMMEDIATE")
                moment = datetime.now(UTC)
                for path in paths:
                    source = sources[path] = stack.enter_context(_opened(path))
                    _in_words(path, source.execute, "BEGIN")
                    _in_words(path, source.execute, "SELECT count(*) FROM sqlite_master")  # the look that counts
                return sources, moment
            except sqlite3.OperationalError as error:
                if time.monotonic() >= until:
                    raise as_database_error(error, path) from error
                for source in sources.values():
                    source.close()


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection = _in_words(
        path,
        lambda: sqlite3.connect(f"file:{quote(str(path))}?mode=rw", HOLD_SECONDS, isolation_level=None, uri=True),
    )
    with closing(connection):
        yield connection


def _in_words(path: Path, function: Callable[..., Any], *arguments: object) -> Any:
    """What the function returns. Raises `DatabaseError`, and `sqlite3.OperationalError` where the file is busy."""
    try:
        return function(*arguments)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise
        raise as_database_error(error, path) from error


def _size(source: sqlite3.Connection) -> int:
    ((pages,), (size,)) = (source.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
    return int(pages) * int(size)


def _copy(source: sqlite3.Connection, path: Path, copy: Path) -> Entry:
    """Copy what `source` sees, and verify the copy."""
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(copy, isolation_level=None)) as target:
        try:
            source.backup(target, pages=PAGES)
        except sqlite3.Error as error:  # which of the two it was
            where = copy if error.sqlite_errorname.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE")) else path
            raise as_database_error(error, where) from error
        version = _verified(target, path, "Nothing was backed up.")
    _sync(copy)
    return Entry(copy.stat().st_size, _hash(copy), version)


def _verified(connection: sqlite3.Connection, path: Path, otherwise: str) -> int:
    """The version of the database's schema, if SQLite finds nothing wrong with it."""
    try:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise BackupError(f"{path} is damaged: {' '.join(found.split())}. {otherwise}")
    return int(version)


# --- put one back ----------------------------------------------------------------------------------------------------


def read(directory: Path) -> Manifest:
    """What the backup in `directory` has, after a look at each of its bytes. Raises `BackupError`."""
    try:
        manifest = convert(json.loads((directory / MANIFEST).read_text("utf-8")), Manifest)
    except FileNotFoundError:
        raise BackupError(f"{directory} is no backup: it has no {MANIFEST}.") from None
    except ValueError as error:
        if (later := _later_format(directory)) is not None:
            raise later from None
        raise BackupError(f"{directory / MANIFEST} is damaged: {error}. Nothing was changed.") from None
    except OSError as error:
        raise BackupError(f"{directory / MANIFEST} cannot be read: {explain(error)}") from None
    if manifest.format > FORMAT or _numbers(manifest.greenchat) > _numbers(__version__):
        raise _made_by_later(directory, manifest.greenchat)
    for name, entry in manifest.databases.items():
        path = directory / name
        if not re.fullmatch(r"[^/\0]+\.sqlite3", name) or name.startswith("."):
            raise BackupError(f"{directory / MANIFEST} is damaged: {name!r} is no database. Nothing was changed.")
        try:
            whole = path.stat().st_size == entry.bytes and _hash(path) == entry.sha256
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {explain(error)} Nothing was changed.") from None
        if not whole:
            raise BackupError(f"{path} is not what was backed up: its bytes differ. Nothing was changed.")
    return manifest


def restore(directory: Path, data_dir: Path) -> Restored:
    """Put the backup in `directory` into `data_dir`, wholly or not at all, and what is there aside. Raises
    `GreenchatError`, also where a server runs on it."""
    manifest = read(directory)
    with datadir.locked(data_dir), _told(data_dir), ExitStack() as stack:
        finish(data_dir)
        _require_room(data_dir, sum(entry.bytes for entry in manifest.databases.values()))
        new = Path(tempfile.mkdtemp(prefix="restoring-", dir=data_dir))
        stack.callback(shutil.rmtree, new, ignore_errors=True)
        for name, entry in manifest.databases.items():
            _fetch(directory / name, new / name, entry)
        mark = {"time": manifest.time.isoformat(), "restored": datetime.now(UTC).isoformat()}
        _write(new / RESTORED, json.dumps(mark) + "\n")
        for path in (new, *new.iterdir()):
            datadir.give(path, data_dir)
        _sync(new)
        there = [path for path in data_dir.glob("*.sqlite3*") if path.name.endswith((".sqlite3", *_BESIDE))]
        there += [path for path in (data_dir / RESTORED,) if path.exists()]
        aside = _new_directory(data_dir, f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        plan = _Plan(new.name, aside.name, sorted(path.name for path in there))
        _write(data_dir / f"{UNFINISHED}.new", json.dumps(to_builtins(plan)) + "\n")
        (data_dir / f"{UNFINISHED}.new").rename(data_dir / UNFINISHED)
        _sync(data_dir)  # from here on it will be done, if not now then at the next start
        stack.pop_all()
        finish(data_dir)
        if not any(aside.iterdir()):
            aside.rmdir()
    return Restored(manifest, aside if aside.exists() else None)


class _Plan(Struct, frozen=True):
    """Directories in the data directory, of what is to be there and of what was there, and the names of the latter."""

    new: str
    aside: str
    old: list[str]


def finish(data_dir: Path) -> bool:
    """Finish a restore that was interrupted; whether there was one. The caller has locked the directory.

    Nothing is moved twice: what is aside already was moved, and what has its name now is new.
    """
    with _told(data_dir):
        try:
            plan = convert(json.loads((data_dir / UNFINISHED).read_text("utf-8")), _Plan)
        except FileNotFoundError:
            return False
        except ValueError as error:
            raise BackupError(
                f"{data_dir / UNFINISHED} is damaged: {error}. Restore again, once it is removed."
            ) from None
        new, aside = data_dir / plan.new, data_dir / plan.aside
        for name in plan.old:
            if not os.path.lexists(aside / name) and os.path.lexists(data_dir / name):
                (data_dir / name).rename(aside / name)
        _sync(aside)
        for path in sorted(new.iterdir()) if new.exists() else ():
            path.rename(data_dir / path.name)
        _sync(data_dir)
        shutil.rmtree(new, ignore_errors=True)
        (data_dir / UNFINISHED).unlink()
        _sync(data_dir)
    return True


def _fetch(source: Path, copy: Path, entry: Entry) -> None:
    """Copy a database of a backup, and verify the copy."""
    found = hashlib.sha256()
    with source.open("rb") as given, os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while part := given.read(CHUNK):
            found.update(part)
            out.write(part)
    if found.hexdigest() != entry.sha256:
        raise BackupError(f"{source} has changed meanwhile. Nothing was changed in the data directory.")
    # No file is made beside it: the copy is to be moved as it is.
    with closing(sqlite3.connect(f"file:{quote(str(copy))}?immutable=1", uri=True)) as connection:
        _verified(connection, source, "Nothing was changed in the data directory.")
    _sync(copy)


def _made_by_later(directory: Path, version: str) -> BackupError:
    return BackupError(
        f"{directory} was made by greenchat {version}, and this is {__version__}. Use that or a later one."
    )


def _later_format(directory: Path) -> BackupError | None:
    """What a manifest of a later format says of itself, which may look otherwise in all but these two."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        raw = json.loads((directory / MANIFEST).read_text("utf-8"))
        if int(raw["format"]) > FORMAT:
            return _made_by_later(directory, str(raw["greenchat"]))
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


# --- files -----------------------------------------------------------------------------------------------------------


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """What the system refuses, in words."""
    try:
        yield
    except OSError as error:
        raise BackupError(f"{error.filename or place}: {explain(error)}") from error
    except sqlite3.Error as error:
        raise as_database_error(error, place) from error


def _require_room(place: Path, size: int) -> None:
    free = shutil.disk_usage(place).free
    if free < size + SPARE:
        needed = (size + SPARE) / 1_000_000
        raise BackupError(
            f"{place} has room for {free / 1_000_000:,.0f} MB, and {needed:,.0f} MB are needed. Make room."
        )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    with datadir.open_private(path) as file:
        file.write(text)
    _sync(path)


def _sync(path: Path) -> None:
    """Wait until what is in the file, or the names in the directory, would outlast a loss of power."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _new_directory(data_dir: Path, name: str) -> Path:
    path, number = data_dir / name, 1
    while os.path.lexists(path):
        number += 1
        path = data_dir / f"{name}-{number}"
    path.mkdir(0o700)
    datadir.give(path, data_dir)
    return path
