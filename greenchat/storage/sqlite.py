"""SQLite files in the data directory: opened with care, migrated, and used off the event loop.

`open_database` is for command lines. A server's plugin uses a `Database`, whose work is done in a thread of its own,
one piece after the other, so that the loop never waits for the disk.
"""

import errno
import os
import sqlite3
import stat
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

from greenchat.errors import GreenchatError
from greenchat.refusals import explain

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Done = Callable[[Any, Exception | None], None]

# How long another process may hold the file, in seconds: a command line that changes something takes milliseconds, a
# backup takes some seconds.
BUSY_SECONDS = 5.0

# From one try to the next where SQLite does not wait by itself, in seconds: what it waits for takes about that long.
RETRY_SECONDS = 0.01


class DatabaseError(GreenchatError):
    """The file cannot be used at the moment; the text says which, why, and what to do."""


def open_database(
    path: Path, migrations: Sequence[str], *, synchronous: str = "FULL", busy_seconds: float = BUSY_SECONDS
) -> sqlite3.Connection:
    """Open the file, which is made where it is missing, and bring it up to date. Raises `DatabaseError`.

    `migrations` are SQL scripts; the file remembers how many of them it has had (`PRAGMA user_version`). Only append to
    them. Each runs in a transaction of its own. The connection is in autocommit mode: write within `transaction`.
    It writes ahead (WAL), so that readers do not wait for who writes; `synchronous` is SQLite's setting: FULL survives
    a loss of power, NORMAL the end of the process alone. `busy_seconds` is how long to wait for another who writes.

    Never open such a file by other means in the same process: closing it would drop SQLite's locks on it, and another
    process could then take away what is being written (sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        with suppress(FileExistsError):
            _create(path)
        connection = sqlite3.connect(path, busy_seconds, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise as_database_error(error, path) from error
    try:
        _write_ahead(connection, busy_seconds)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is gone, not just out of sight
        migrate(connection, migrations, path)
        connection.execute("PRAGMA foreign_keys = ON")  # not before: a migration may put a table in another's place
    except sqlite3.Error as error:
        connection.close()
        raise as_database_error(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path, migrations: Sequence[str], *, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open a file that is there, to look at it: nothing in it is changed, and no server on it has to wait. Raises
    `DatabaseError`, also where it has not had just these `migrations`: it cannot be brought up to date by that."""
    try:
        uri = f"file:{quote(str(path))}?mode=ro"
        connection = sqlite3.connect(uri, busy_seconds, isolation_level=None, check_same_thread=False, uri=True)
    except sqlite3.Error as error:
        raise as_database_error(error, path) from error
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise as_database_error(error, path) from error
    if version != len(migrations):
        connection.close()
        if version > len(migrations):
            raise _written_by_later(path)
        raise DatabaseError(f"{path} was written by an earlier greenchat. Start the server with this one first.")
    return connection


def transaction(connection: sqlite3.Connection, work: Work[T], *, writes: bool = True) -> T:
    """What `work` returns, having been done wholly, or not at all. Without `writes` it waits for nobody who writes."""
    connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def file_state(connection: sqlite3.Connection) -> tuple[sqlite3.Connection, int]:
    """What the file is like: equal to what it was earlier, unless another connection has written to it since then, of
    this process or another, or it was opened anew. For `work` that is to find out what others have changed."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return connection, version


def as_database_error(error: Exception, path: Path) -> DatabaseError:
    """`error` as what is the matter with the file, in words for whoever runs the server."""
    if isinstance(error, DatabaseError):
        return error
    code = getattr(error, "sqlite_errorname", "")
    if isinstance(error, OSError):
        what = f"cannot be opened: {explain(error)}"
    elif code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        what = "is damaged. Put back a copy; or move it away, with -wal and -shm beside it, to begin a new one."
    elif code.startswith(("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")):
        what = "cannot be written: the disk is full. Make room."
    elif code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        what = "is locked by another program. End that."
    elif code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR_SHMOPEN")):
        what = f"cannot be opened for writing: {_why_not(path)}"
    elif code.startswith("SQLITE_IOERR"):  # SQLite does not tell which it was
        what = "cannot be read or written. The disk reports an error, or a quota is used up: see the system's log."
    else:
        what = f"cannot be used: {error}."
    return DatabaseError(f"{path} {what}")


def _why_not(path: Path) -> str:
    """Why a file cannot be opened, which SQLite does not tell. The file itself must not be opened to find out."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return "it is no file. Move it away."
    except OSError as error:
        return explain(error)
    return "check the directory and its permissions."


def _create(path: Path) -> None:
    """Like the rest of what users entrust to it, the file is the operator's alone. Made by root, on a command line, it
    is of whom the directory is, who could not open it otherwise; SQLite does so with the files beside it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        owner = path.parent.stat()
        if os.geteuid() == 0 and owner.st_uid:
            os.fchown(file, owner.st_uid, owner.st_gid)
    finally:
        os.close(file)


def _write_ahead(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """SQLite does not wait where two turn this on for a new file at once: it would be a deadlock. So we do."""
    until = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(RETRY_SECONDS)


def migrate(connection: sqlite3.Connection, migrations: Sequence[str], path: Path) -> None:
    """Do those `migrations` that the file at `path`, or a copy of it, has not had. Raises `DatabaseError` where a later
    version has written it, and what SQLite raises."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise _written_by_later(path)
    for number, script in enumerate(migrations[version:], version + 1):
        # Another process may be doing the same at this moment: who comes second finds nothing left to do.
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] < number:
                for statement in statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _written_by_later(path: Path) -> DatabaseError:
    return DatabaseError(f"{path} was written by a later greenchat. Use that, or move the file away.")


def statements(script: str) -> Sequence[str]:
    """Those that a script is made of. `executescript` would commit what was begun: so it is one statement after the
    other."""
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return [*found, statement] if statement.strip() else found


def at_work(hub: Any) -> "set[Database]":
    """Those databases of this event loop that have work to do: a test waits for what it has caused."""
    found: set[Database] = vars(hub).setdefault("greenchat_databases", set())
    return found


class Database:
    """One SQLite file, used from a thread of its own. Made and used by greenlets of one event loop.

    Work is done in the order in which it was asked for, each piece in one transaction.
    """

    def __init__(
        self, path: Path, migrations: Sequence[str], *, synchronous: str = "FULL", busy_seconds: float = BUSY_SECONDS
    ) -> None:
        """As `open_database`. Nothing is opened yet: that happens with the first work, and again after a failure."""
        self.path = path
        self._open = partial(open_database, path, migrations, synchronous=synchronous, busy_seconds=busy_seconds)
        self._connection: sqlite3.Connection | None = None
        self._pool: Any = ThreadPool(1)
        self._todo: deque[tuple[Callable[[], Any], Done | None]] = deque()
        self._at_work = False

    def run(self, work: Work[T], *, writes: bool = True) -> T:
        """What `work(connection)` returns. The greenlet waits meanwhile, so this is not for where one must not wait.

        What it raises is raised here; what is wrong with the file, as `DatabaseError`. Without `writes`, it is a look
        at the file as it is when it begins, which waits for no other connection that writes.
        """
        outcome: AsyncResult = AsyncResult()
        self._ask(partial(self._transact, work, writes), lambda result, error: outcome.set((result, error)))
        result, error = outcome.get()
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def start(self, work: Work[T], done: Done | None = None) -> None:
        """As `run`, without waiting: `done(result, error)` is called in the event loop afterwards. It must not wait."""
        self._ask(partial(self._transact, work, True), done)

    def close(self) -> None:
        """Wait until all work is done, and close the file."""
        closed = AsyncResult()
        self._ask(self._close, lambda result, error: closed.set(None))
        closed.get()
        self._pool.kill()

    @property
    def hub(self) -> Any:
        """The event loop that it is used by."""
        return self._pool.hub

    def _ask(self, step: Callable[[], Any], done: Done | None) -> None:
        self._todo.append((step, done))
        if not self._at_work:
            self._next()

    def _next(self) -> None:
        """Have the thread take the next step. Only one is with it at a time: gevent would make us wait for more."""
        self._at_work = bool(self._todo)
        busy = at_work(self.hub)
        (busy.add if self._at_work else busy.discard)(self)
        if self._todo:
            step, done = self._todo.popleft()
            self._pool.spawn(_caught, step).rawlink(partial(self._took, done))

    def _took(self, done: Done | None, outcome: Any) -> None:
        self._next()
        if done is not None:
            done(*outcome.value)

    # --- in the thread ---

    def _transact(self, work: Work[T], writes: bool) -> T:
        try:
            if self._connection is None:
                self._connection = self._open()
            return transaction(self._connection, work, writes=writes)
        except sqlite3.IntegrityError:
            raise  # a verdict on what was to be written, not on the file
        except (sqlite3.Error, OSError) as error:
            self._close()
            raise as_database_error(error, self.path) from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _caught(step: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """What `step` returns or raises: gevent would print the latter."""
    try:
        return step(), None
    except Exception as error:
        return None, error
    except BaseException as error:  # sys.exit(), say: whoever waits for it must not do so for ever
        wrapped = RuntimeError(f"the work was ended by {type(error).__name__}")
        wrapped.__cause__ = error
        return None, wrapped
