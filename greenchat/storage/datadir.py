"""The directory that plugins keep their files in: made where it is missing, private, used by one server at a time."""

import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from greenchat.errors import GreenchatError
from greenchat.refusals import explain

log = logging.getLogger("greenchat.datadir")

# In the data directory; it holds the process id of the server that has locked it. It is never removed: a second server
# could lock the file that has just been removed, and a third one a new file of this name.
LOCK_FILE = "server.lock"

# In it, too: by what a command line shows that it may read it. See proof.py.
PROOF_FILE = "server.proof"

# Where the server on it listens, as long as one runs. See whereabouts.py.
ADDRESSES_FILE = "server.addresses"

# And which plugins operators want on and off, see plugin_choice.py.
CHOICE_FILE = "plugins-chosen.json"

# What the server's user alone is to read: databases with what SQLite puts beside them, and the server's own notes. An
# administrator who makes them readable for others can do so once more, but a copy that was put back never should be.
PRIVATE = (
    *("*.sqlite3", "*.sqlite3-wal", "*.sqlite3-shm", "*.sqlite3-journal"),
    *(
        LOCK_FILE,
        PROOF_FILE,
        f"{ADDRESSES_FILE}*",
        CHOICE_FILE,
        "plugins-off.json",
        "renamed-rooms.txt",
        "restored.json",
    ),
)

# Files that are named in one warning.
FILES_SHOWN = 10

# What others have on a file or directory: to read, write or enter it.
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make(data_dir: Path) -> None:
    """Make the directory where it is missing, for its user alone. Raises `GreenchatError` where that cannot be."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(data_dir, error) from None


def open_private(path: Path, mode: str = "w") -> Any:
    """A text file, opened by `mode` as `open` does, which nobody else can read if it is made. Raises `OSError`."""
    return open(path, mode, encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))


def make_private(path: Path) -> bool:
    """Take away from others what they may do with the file; whether there was something. Raises `OSError`."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        path.chmod(mode & ~OTHERS)
    return bool(mode & OTHERS)


def give(path: Path, data_dir: Path) -> None:
    """Make what root has made in there, on a command line, whose the directory is: it is the server's user who needs
    it. Raises `OSError`."""
    owner = data_dir.stat()
    if os.geteuid() == 0 and owner.st_uid:
        os.chown(path, owner.st_uid, owner.st_gid)


def mend(data_dir: Path) -> None:
    """Make private again what is ours in there, as a copy that was put back may need it, and tell the log."""
    for pattern in PRIVATE:
        for path in sorted(data_dir.glob(pattern)):
            try:
                if path.is_file() and make_private(path):
                    log.warning("others could read %s. It is private again; whoever was curious has read it", path)
            except OSError as error:
                log.error(
                    "others can read %s, and that cannot be changed: %s. Give it to the server's user: "
                    "chown --reference=%s %s && chmod 600 %s",
                    *(path, error.strerror, data_dir, path, path),
                )


def warn(data_dir: Path) -> None:
    """Tell the log what others can get at in there that is not ours to change: it may be so on purpose."""
    with suppress(OSError):
        mode = stat.S_IMODE(data_dir.stat().st_mode)
        if not mode & OTHERS:
            return
        what = "see what there is in"
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            what = "put files in the place of those in"
        log.warning("others can %s %s. Unless you want that: chmod 700 %s", what, data_dir, data_dir)
        found = [str(path) for path in sorted(data_dir.iterdir()) if _is_open(path)]
        if found:
            more = f" and {len(found) - FILES_SHOWN} more" if len(found) > FILES_SHOWN else ""
            shown = " ".join(found[:FILES_SHOWN])
            log.warning("others can read files in there. Unless you want that: chmod go= %s%s", shown, more)


def _is_open(path: Path) -> bool:
    """Whether it is a file that others can read or write."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & OTHERS)


def is_used(data_dir: Path) -> bool:
    """Whether a server has ever run on the directory, or what one kept was put back there."""
    return (data_dir / LOCK_FILE).exists() or any(data_dir.glob("*.sqlite3"))


@contextmanager
def locked(data_dir: Path, held: int | None = None) -> Iterator[int]:
    """Keep other servers out of the directory, which is made, until the block or the process ends, however it ends:
    the lock is the kernel's. Its descriptor, which may be `held` by the program that was this process before. Raises
    `GreenchatError` where another server has it."""
    make(data_dir)
    try:
        file = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        if held is not None:
            ours = os.path.samestat(os.fstat(held), os.fstat(file))
            os.close(file if ours else held)
            file = held if ours else file
        give(data_dir / LOCK_FILE, data_dir)
    except OSError as error:
        raise _unusable(data_dir, error) from None
    try:
        _lock(file, data_dir)
        yield file
    finally:
        os.close(file)


def _lock(file: int, data_dir: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 20).decode("ascii", "replace").strip()
        who = f"Another server (process {holder})" if holder.isdigit() else "Another server"
        raise GreenchatError(
            f"{who} uses the data directory {data_dir}. Stop it, or choose another directory with --data-dir."
        ) from None
    except OSError as error:
        raise _unusable(data_dir, error) from None
    with suppress(OSError):  # on a full disk the lock holds without a name on it
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())


def _unusable(data_dir: Path, error: OSError) -> GreenchatError:
    return GreenchatError(
        f"Cannot use the data directory {data_dir}: {explain(error)} Or choose another with --data-dir."
    )
