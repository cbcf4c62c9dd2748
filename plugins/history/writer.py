"""What was said and is not on disk yet: it waits here, is written in group commits off the event loop, and outlasts an
outage of the database. All of it happens in the event loop, and nothing waits but for `open`, `saved` and `close`.
"""

import errno
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import gevent
from gevent.event import AsyncResult, Event
from msgspec.structs import replace

from greenchat import ChatServer, Database, DatabaseError, Messages, Reject

from . import store

log = logging.getLogger("greenchat.history")

# So much is written at once at the most: an acknowledgement may have to wait for some 30 ms, and the event loop is busy
# for a millisecond with so many runs.
BATCH = 20_000
BATCH_RUNS = 4_000

# From one try to the next while the database cannot be used, in seconds: soon enough for those who wait for it, and no
# burden on a machine in trouble.
RETRY_SECONDS = 1.0

# How long what has still to be written may hold up the end of the server, in seconds.
CLOSE_SECONDS = 10.0

Release = Callable[[Reject | None], None]


def off() -> Reject:
    """The answer to who wants to read while history is off."""
    return Reject("History is off at the moment. Try again later.", code="history_off")


def _not_stored() -> Reject:
    return Reject("This was said, but could not be kept: history is off. Do not send it again.", code="not_stored")


class Watcher(Protocol):
    """Who is told what becomes of the keeping. None of it may wait."""

    def went_off(self, problem: Exception) -> None:
        """What is said from now on may not be kept."""

    def went_on(self, lost: int) -> None:
        """What is said is kept again, and what was said meanwhile is, but for the `lost` messages."""

    def renumbered(self) -> None:
        """Sequence numbers of what was said already have been raised."""

    def wrote(self, messages: int) -> None:
        """So many were written at once."""


class Place:
    """Where the file is. SQLite would go on writing into one that has been moved away, and nobody would find it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)

    def check(self, connection: sqlite3.Connection) -> None:
        """Raises `OSError` where there is another file now than when `connection` was new."""
        try:
            there = self._path.stat()
            file = there.st_dev, there.st_ino
        except FileNotFoundError:
            file = 0, 0
        if connection is not self._connection:
            self._connection, self._file = connection, file
        elif file != self._file:
            # What is still beside the old file belongs into it.
            connection.execute("ROLLBACK")
            connection.execute("PRAGMA wal_checkpoint")
            raise OSError(errno.ESTALE, "another file is in its place")


class MessageWriter:
    """`latest` is the latest sequence number of each room that it was given, `times` the time of that message, as far
    as it is known; `problem` is why history is off, or None.

    What has waited for `commit_seconds` is written, and what somebody waits for at once: in the next write, which takes
    all that has come while the last one was under way. Half of `most` messages do not wait any longer either; past
    `most`, the oldest are dropped.
    """

    def __init__(
        self, server: ChatServer, database: Database, watcher: Watcher, commit_seconds: float, most: int
    ) -> None:
        self.latest: dict[str, int] = {}
        self.times: dict[str, datetime] = {}
        self.problem: Exception | None = None
        self._chat = server.chat
        self._rooms = server.chat.rooms
        self._turns = server.turns
        self._database = database
        self._place = Place(database.path)
        self._watcher = watcher
        self._commit_seconds = commit_seconds
        self._most = most
        self._enough = max(most // 2, 1)
        self._loop: Any = gevent.get_hub().loop
        self._timer: Any = None
        self._committed: dict[str, int] = {}  # as `latest`, but on disk
        self._known = False  # whether it is known what was on disk before
        self._waiting: deque[store.Run] = deque()
        self._count = 0  # of the messages in `_waiting`
        self._alarm = 1  # at which count something is to be done
        self._comings: deque[store.Coming] = deque(maxlen=most)
        self._batch: list[store.Run] = []  # what is being written
        self._batch_comings: list[store.Coming] = []
        self._cut = False  # whether more was due than went into the last batch
        self._busy = False  # whether the database does something for us
        self._soon = False  # whether a write begins at the end of this turn
        self._holds: list[tuple[str, int, Release]] = []
        self._lost = 0
        self._closing: Event | None = None

    def open(self) -> None:
        """Learn what is on disk, waiting for it. Where that cannot be, history is off until it can."""
        try:
            self._learn(self._database.run(store.ends, writes=False))
        except DatabaseError as error:
            self._fail(error)

    # --- what comes ---

    def take(self, messages: Messages) -> None:
        """Keep what was said in a row in one room. There is so much of it that as little as possible is done here."""
        count = len(messages.texts)
        self.latest[messages.room] = messages.seq + count - 1
        self.times[messages.room] = messages.time
        self._waiting.append(store.pack_run(messages))
        self._count += count
        if self._count >= self._alarm:
            self._wake()

    def take_coming(self, event: store.Move) -> None:
        """Keep that somebody came or went."""
        self._comings.append((self.latest.get(event.room, 0), event))
        if self._alarm == 1:
            self._wake()

    def hold(self, room: str, seq: int, release: Release) -> None:
        """Call `release` once the message `seq` of `room` is on disk, which may be now; or with why it will not be. The
        message itself may still be on its way to `take`."""
        if self._committed.get(room, 0) >= seq:
            release(None)
        elif self.problem is not None:
            release(_not_stored())
        else:
            self._holds.append((room, seq, release))
            if not self._busy:
                self._write_soon()

    def unsaved(self, room: str) -> list[store.Run]:
        """What was said in `room` and is not on disk yet."""
        return [run for run in chain(self._batch, self._waiting) if run.room == room]

    def unsaved_comings(self, room: str) -> list[store.Coming]:
        """Who came into `room` and went, as far as that is not on disk yet."""
        return [coming for coming in chain(self._batch_comings, self._comings) if coming[1].room == room]

    def saved(self) -> None:
        """Wait until all that was given so far is on disk. Raises `Reject` where history is off."""
        if self.problem is not None:
            raise off()
        if run := [*self._batch[-1:], *islice(reversed(self._waiting), 1)]:
            last, outcome = run[-1], AsyncResult()
            self.hold(last.room, last.seq + last.count - 1, outcome.set)
            if outcome.get() is not None:
                raise off()

    def close(self) -> None:
        """Write what waits, waiting for it, though not for ever."""
        self._closing = Event()
        if self._waiting or self._comings:
            self._write()
        if self._busy:
            self._closing.wait(CLOSE_SECONDS)
        self._stop_timer()
        if self._count:
            log.error("the server ends without having kept the last of what was said: messages lost: %d", self._count)

    # --- when to write ---

    def _wake(self) -> None:
        """As many wait as may wait without anything being done."""
        if self._busy or self.problem is not None:
            self._shed()
        elif self._holds or self._count >= self._enough:
            self._write_soon()
        else:
            self._write_after(self._commit_seconds)

    def _write_soon(self) -> None:
        """Write at the end of this turn, when all that was said in it has been given to `take`."""
        self._alarm = self._most + 1
        if not self._soon:
            self._soon = True
            self._loop.run_callback(self._write)

    def _write_after(self, seconds: float) -> None:
        self._alarm = self._most + 1 if self.problem else self._enough
        if self._timer is None:
            self._timer = self._loop.timer(seconds)
            self._timer.start(self._write)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _go_on(self) -> None:
        """The database has nothing to do for us: see what is next."""
        more = bool(self._waiting or self._comings)
        urgent = self._cut or self.problem is not None or self._closing is not None or bool(self._holds)
        if more and (urgent or self._count >= self._enough):
            self._write_soon()
            return
        self._alarm = 1
        if more:
            self._write_after(self._commit_seconds)
        elif self._closing is not None:
            self._closing.set()

    # --- write ---

    def _write(self) -> None:
        """Have the database write the next batch; it takes one at a time."""
        self._soon = False
        if self._busy:
            return
        self._stop_timer()
        if not self._known:
            self._busy = True
            self._database.start(store.ends, self._learned)
            return
        if not self._waiting and not self._comings:
            self._alarm = 1  # what is being held is still on its way to `take`
            return
        size = 0
        while self._waiting and size < BATCH and len(self._batch) < BATCH_RUNS:
            run = self._waiting.popleft()
            self._batch.append(run)
            size += run.count
        self._count -= size
        self._cut = bool(self._waiting)
        self._batch_comings.extend(self._comings)
        self._comings.clear()
        self._busy = True
        self._alarm = self._most + 1
        work = partial(self._keep, self._batch, self._batch_comings)
        self._database.start(work, partial(self._wrote, size))

    def _keep(
        self, runs: list[store.Run], comings: list[store.Coming], connection: sqlite3.Connection
    ) -> dict[str, int]:
        """In the database's thread."""
        self._place.check(connection)
        return store.keep(connection, runs, comings)

    def _wrote(self, size: int, raised: Mapping[str, int] | None, problem: Exception | None) -> None:
        self._busy = False
        batch, self._batch = self._batch, []
        comings, self._batch_comings = self._batch_comings, []
        if problem is not None:
            self._waiting.extendleft(reversed(batch))
            self._count += size
            self._comings.extendleft(reversed(comings))
            self._fail(problem)
            return
        self._committed.update((run.room, run.seq + run.count - 1) for run in batch)
        if raised:
            log.warning("there were messages already where others were to be kept, in %s", ", ".join(raised))
            self._committed.update((room, self._committed[room] + more) for room, more in raised.items())
            self._renumber(raised)
        if self.problem is not None and self._count <= self._enough:
            self._recover()
        released = [hold for hold in self._holds if hold[1] <= self._committed.get(hold[0], 0)]
        self._holds = [hold for hold in self._holds if hold[1] > self._committed.get(hold[0], 0)]
        self._watcher.wrote(size)
        self._go_on()
        self._release(iter(released), None)

    def _release(self, held: Iterator[tuple[str, int, Release]], problem: Reject | None) -> None:
        """Have those hear it who wait for it: of thousands, some in the next turns of the event loop."""
        for _, _, release in held:
            release(problem)
            if self._turns.is_long():
                self._turns.later(partial(self._release, held, problem))
                return

    # --- outages ---

    def _fail(self, problem: Exception) -> None:
        """Nothing can be written: try again and again, and let nobody wait for it."""
        if str(problem) != str(self.problem):
            log.error("history is off: %s", problem, exc_info=None if isinstance(problem, DatabaseError) else problem)
        self._go_off(problem)
        self._shed()
        if self._closing is not None:
            self._closing.set()
        else:
            self._write_after(RETRY_SECONDS)

    def _shed(self) -> None:
        """Drop the oldest of what waits, where it is too much."""
        while (spare := self._count - self._most) > 0:
            first = self._waiting.popleft()
            dropped = min(first.count, spare)
            if dropped < first.count:
                self._waiting.extendleft(store.pack(store.unpack(first)[dropped:]))
            self._count -= dropped
            self._lost += dropped
        if self._lost and self.problem is None:
            problem = Exception(f"the disk is too slow: more than {self._most} messages waited to be written")
            log.error("history is off: %s", problem)
            self._go_off(problem)

    def _go_off(self, problem: Exception) -> None:
        before, self.problem = self.problem, problem
        # What is being written may yet succeed, so whoever waits for that has to wait on.
        doubtful = {run.room: run.seq + run.count - 1 for run in self._batch}
        rejected = [hold for hold in self._holds if hold[1] > doubtful.get(hold[0], 0)]
        self._holds = [hold for hold in self._holds if hold[1] <= doubtful.get(hold[0], 0)]
        if before is None:
            self._watcher.went_off(problem)
        self._release(iter(rejected), _not_stored())

    def _recover(self) -> None:
        lost, self._lost, self.problem = self._lost, 0, None
        log.warning("history is on again; messages lost: %d", lost)
        self._watcher.went_on(lost)

    def _learned(self, stored: store.Ends | None, problem: Exception | None) -> None:
        self._busy = False
        if stored is None:
            assert problem is not None
            self._fail(problem)
            return
        self._learn(stored)
        if self.problem is not None and not self._count:
            self._recover()
        self._go_on()

    def _learn(self, stored: store.Ends) -> None:
        """This much of each room is on disk: what was said without knowing it comes behind that."""
        self._known = True
        self._committed = dict(stored.seqs)
        self._chat.ids.begin_above(stored.id)
        for name, time in stored.times.items():
            self.times[name] = max(time, self.times.get(name, time))
        self._renumber(stored.seqs, stored.times)

    def _renumber(self, more: Mapping[str, int], since: Mapping[str, datetime] = MappingProxyType({})) -> None:
        """Raise the sequence numbers of what waits, and those that the rooms will give, by so much each; and times to
        those `since` which it comes, as times of one room never fall."""
        rooms = [room for name in more if (room := self._rooms.get(name)) is not None]
        for room in rooms:
            room.flush()  # all that was said has been given to `take` then
        self._waiting = deque(
            replace(run, seq=run.seq + more[run.room], time=max(run.time, since.get(run.room, run.time)))
            if run.room in more
            else run
            for run in self._waiting
        )
        self._comings = deque(
            ((seq + more.get(event.room, 0), event) for seq, event in self._comings), self._comings.maxlen
        )
        self._holds = [(name, seq + more.get(name, 0), release) for name, seq, release in self._holds]
        for name, by in more.items():
            self.latest[name] = self.latest.get(name, 0) + by
        for room in rooms:
            room.restore(self.latest[room.name], self.times.get(room.name, room.time))
        if rooms:
            self._watcher.renumbered()
