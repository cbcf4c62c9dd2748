"""The directory that plugins keep their files in: made where it is missing, and used by one server at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from greenchat.errors import GreenchatError

# In the data directory; it holds the process id of the server that has locked it. It is never removed: a second server
# could lock the file that has just been removed, and a third one a new file of this name.
LOCK_FILE = "server.lock"


def make(data_dir: Path) -> None:
    """Make the directory where it is missing. Raises `GreenchatError` where that cannot be."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(data_dir, error) from None


def is_used(data_dir: Path) -> bool:
    """Whether a server has ever run on the directory, or what one kept was put back there."""
    return (data_dir / LOCK_FILE).exists() or any(data_dir.glob("*.sqlite3"))


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Keep other servers out of the directory, which is made, until the block or the process ends, however it ends:
    the lock is the kernel's. Raises `GreenchatError` where another server has it."""
    make(data_dir)
    try:
        file = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(data_dir, error) from None
    try:
        _lock(file, data_dir)
        yield
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
    os.ftruncate(file, 0)
    os.write(file, f"{os.getpid()}\n".encode())


def _unusable(data_dir: Path, error: OSError) -> GreenchatError:
    return GreenchatError(
        f"Cannot use the data directory {data_dir}: {error.strerror}. Choose another with --data-dir."
    )
