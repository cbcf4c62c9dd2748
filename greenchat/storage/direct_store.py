"""direct.sqlite3: what two accounts say to each other alone, with its numbers, waiting for who is away.

It is written in group commits off the event loop, and outlasts an outage of the disk. All of it happens in the event
loop; only what reads waits, and `open`, `saved` and `close`.
"""

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeVar

import gevent
from gevent.event import AsyncResult, Event
from msgspec.structs import replace

from greenchat.errors import Reject
from greenchat.storage import direct_rows
from greenchat.storage.direct_rows import FILE, MIGRATIONS, KeyRow, Row, Talk
from greenchat.storage.epochs import EpochFile, new_epoch
from greenchat.storage.sqlite import BUSY_SECONDS, Database, DatabaseError

log = logging.getLogger("greenchat.direct")

T = TypeVar("T")
Release = Callable[[Reject | None], None]
Item = tuple[Talk, Row | None, KeyRow | None]

# So much is written at once at the most: a few milliseconds of the thread.
BATCH = 2_000

# What waits for a file that cannot be used: past it, the oldest is dropped. Some 50 MB.
MOST_WAITING = 100_000

# From one try to the next while it cannot be used, in seconds.
RETRY_SECONDS = 1.0

# How long what has still to be written may hold up the end of the server, in seconds.
CLOSE_SECONDS = 10.0


class Turns(Protocol):
    """See `greenchat.net.turns`."""

    def is_long(self) -> bool: ...

    def later(self, function: Callable[[], object]) -> None: ...


class DirectStore:
    """The file of one server, in its data directory. `problem` is why it cannot be written, or None. `renewed` is
    called when its `epoch` is another one, and `wrote` when something was written."""

    def __init__(self, data_dir: Path, turns: Turns) -> None:
        self.epoch = EpochFile.name_of(new_epoch())
        self.problem: Exception | None = None
        self.renewed: Callable[[], None] = lambda: None
        self.wrote: Callable[[], None] = lambda: None
        self._turns = turns
        self._file = EpochFile(data_dir / FILE)
        self._another = partial(Database, data_dir / FILE, MIGRATIONS, busy_seconds=BUSY_SECONDS)
        self._database = self._another()
        self._reader = self._another()
        self._loop: Any = gevent.get_hub().loop
        self._timer: Any = None
        self._waiting: deque[Item] = deque()
        self._batch: list[Item] = []  # what is being written
        self.highest = 0  # id of a message on disk, as it was learnt
        self._given = self._committed = 0  # how many items were ever given, and how many of the first are on disk
        self._holds: deque[tuple[int, Release]] = deque()
        self._known = False  # whether it is known what is on disk
        self._busy = self._soon = False
        self._lost = 0
        self._closing: Event | None = None

    def open(self) -> None:
        """Learn what is on disk. Where that cannot be, it is tried again and again."""
        try:
            self.highest, epoch = self._database.run(self._begin)
        except DatabaseError as error:
            self._fail(error)
            return
        self._known = True
        self._set_epoch(epoch)

    def close(self) -> None:
        """Write what waits, waiting for it, though not for ever, and close the file."""
        self._closing = Event()
        if self._waiting and not self._busy:
            self._write()
        if self._busy:
            self._closing.wait(CLOSE_SECONDS)
        self._stop_timer()
        if self._known and self.problem is None and not self._waiting and not self._busy:
            ended = AsyncResult()
            self._database.start(partial(EpochFile.end, state=self._file.ending()), lambda *_: ended.set(None))
            ended.wait(CLOSE_SECONDS)
        if self._waiting:
            log.error("the server ends without having kept the last direct messages: %d lost", len(self._waiting))
        self._reader.close()
        self._database.close()
        self._file.stamp()

    # --- write, behind what happens ---

    def put(self, talk: Talk, row: Row | None = None, key: KeyRow | None = None) -> None:
        """Keep a conversation as it is now, and a message of it, which was said with a key perhaps."""
        self._waiting.append((talk, row, key))
        self._given += 1
        if self.problem is None:
            self._write_soon()
        else:
            self._shed()

    def hold(self, release: Release) -> None:
        """Call `release` once all that was given so far is on disk, which may be now; or with why it will not be."""
        if self._committed >= self._given:
            release(None)
        elif self.problem is not None:
            release(not_stored())
        else:
            self._holds.append((self._given, release))

    # --- read; may wait ---

    def saved(self) -> None:
        """Wait until all that was given so far is on disk. Raises `Reject` where it cannot be written."""
        outcome = AsyncResult()
        self.hold(outcome.set)
        if outcome.get() is not None:
            raise off()

    def find(self, conversation: str) -> Talk | None:
        """Raises `Reject`, as all of these."""
        for talk, *_ in self._pending():
            if talk.id == conversation:
                return talk
        return self.read(partial(direct_rows.find, conversation=conversation))

    def between(self, one: int, other: int) -> Talk | None:
        pair = direct_rows.pair_of(one, other)
        for talk, *_ in self._pending():
            if talk.pair == pair:
                return talk
        return self.read(partial(direct_rows.between, one=one, other=other))

    def message(self, conversation: str, seq: int) -> Row | None:
        for _, row, _ in self._pending():
            if row is not None and (row.conversation, row.seq) == (conversation, seq):
                return row
        return self.read(partial(direct_rows.message, conversation=conversation, seq=seq))

    def has_pending(self, owner: int, key: str) -> bool:
        """Whether what was said with this key is not on disk yet."""
        return any(used is not None and (used.owner, used.key) == (owner, key) for *_, used in self._pending())

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` finds on disk."""
        try:
            return self._reader.run(work, writes=False)
        except DatabaseError as error:
            log.error("direct messages cannot be read: %s", error)
            raise off() from None

    # --- on the side: see `direct_tidy.py` ---

    @property
    def path(self) -> Path:
        return self._database.path

    def tidy(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> T:
        """What `work` returns, with the connection that writes. May wait. Raises `DatabaseError`."""
        return self._database.run(work, writes=writes)

    def look_at_epoch(self) -> bool:
        """Take over the epoch that is in the file, if another program has begun a new one there; whether one has."""
        before = self.epoch
        found = self.tidy(EpochFile.found, writes=False)
        if not self._known or self.problem is not None or self.epoch != before or EpochFile.name_of(found) == before:
            return False
        self._set_epoch(found)
        return True

    def _pending(self) -> Iterable[Item]:
        """What is not on disk yet, the last first."""
        return chain(reversed(self._waiting), reversed(self._batch))

    # --- the steps ---

    def _begin(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """In the database's thread."""
        return direct_rows.highest(connection), self._file.begin(connection)

    def _keep(self, batch: list[Item], renewed: int, connection: sqlite3.Connection) -> None:
        """In the database's thread."""
        self._file.check(connection)
        talks = {talk.id: talk for talk, _, _ in batch}
        rows: dict[tuple[str, int], Row] = {}
        for _, row, _ in batch:
            if row is not None:
                said = rows.get((row.conversation, row.seq))
                if said is not None and not row.id:  # deleted at once, it is still there as that
                    row = replace(row, id=said.id, time=said.time)
                rows[row.conversation, row.seq] = row
        direct_rows.keep(connection, talks.values(), [*rows.values()], [key for *_, key in batch if key is not None])
        if renewed:
            EpochFile.renew(connection, renewed)

    def _write_soon(self) -> None:
        if not self._soon and not self._busy:
            self._soon = True
            self._loop.run_callback(self._write)

    def _write(self) -> None:
        self._soon = False
        self._stop_timer()
        if self._busy:
            return
        if not self._known:
            self._busy = True
            self._database.start(self._begin, self._learned)
            return
        if not self._waiting:
            return
        self._batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH))]
        self._busy = True
        # What others have seen in an outage may be gone, or in another file.
        renewed = 0 if self.problem is None else new_epoch()
        self._database.start(partial(self._keep, self._batch, renewed), partial(self._wrote, renewed))

    def _wrote(self, renewed: int, _: None, problem: Exception | None) -> None:
        self._busy = False
        batch, self._batch = self._batch, []
        if problem is not None:
            self._waiting.extendleft(reversed(batch))
            self._fail(problem)
            return
        self._committed += len(batch)
        self.wrote()
        if renewed and len(self._waiting) <= BATCH:
            self._recover(renewed)
        released = []
        while self._holds and self._holds[0][0] <= self._committed:
            released.append(self._holds.popleft()[1])
        self._go_on()
        self._release(deque(released), None)

    def _learned(self, found: tuple[int, int] | None, problem: Exception | None) -> None:
        self._busy = False
        if found is None:
            assert problem is not None
            self._fail(problem)
            return
        self._known = True
        self.highest, epoch = found
        self._set_epoch(epoch)
        if self.problem is not None and not self._waiting:
            self._recover(epoch)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting:
            self._write_soon()
        elif self._closing is not None:
            self._closing.set()

    def _release(self, held: deque[Release], problem: Reject | None) -> None:
        """Have those hear it who wait for it: of thousands, some in the next turns of the event loop."""
        while held:
            held.popleft()(problem)
            if held and self._turns.is_long():
                self._turns.later(partial(self._release, held, problem))
                return

    # --- outages ---

    def _fail(self, problem: Exception) -> None:
        """Nothing can be written: try again and again, and let nobody wait for it."""
        if str(problem) != str(self.problem):
            trace = None if isinstance(problem, DatabaseError) else problem
            log.error("direct messages are not kept: %s", problem, exc_info=trace)
        if self.problem is None:  # another file may be put in the place of the one that was read so far
            reader, self._reader = self._reader, self._another()
            gevent.spawn(reader.close)
        self.problem = problem
        held, self._holds = deque(release for _, release in self._holds), deque()
        self._shed()
        if self._closing is not None:
            self._closing.set()
        elif self._timer is None:
            self._timer = self._loop.timer(RETRY_SECONDS)
            self._timer.start(self._write)
        self._release(held, not_stored())

    def _recover(self, epoch: int) -> None:
        log.warning("direct messages are kept again; lost: %d", self._lost)
        self.problem, self._lost = None, 0
        self._set_epoch(epoch)

    def _shed(self) -> None:
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._given -= 1
            self._lost += 1

    def _set_epoch(self, epoch: int) -> None:
        self.epoch = EpochFile.name_of(epoch)
        self.renewed()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None


def not_stored() -> Reject:
    return Reject("This was said, but could not be kept: the disk fails. Do not send it again.", code="not_stored")


def off() -> Reject:
    return Reject("What was said cannot be read at the moment. Try again later.", code="history_off")
