"""What was said and is not on disk yet: it waits here, is written in group commits off the event loop, and outlasts an
outage of the database. All of it happens in the event loop, and nothing waits but for `open`, `saved` and `close`.
"""

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

import gevent
from gevent.event import AsyncResult, Event

from greenchat import Alteration, ChatServer, Database, DatabaseError, EpochFile, Messages, Reject, new_epoch

from . import changes, store
from .changes import UNKNOWN, Change
from .refusals import not_stored, off
from .runs import Run, moved, pack_run, part
from .watcher import Watcher

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


class MessageWriter:
    """`latest` is the latest sequence number of each room that it was given, `revs` the latest rev, `times` the time of
    that message, as far as it is known; `epoch` is in which time they hold, and `problem` why history is off, or None.

    What has waited for `commit_seconds` is written, and what somebody waits for at once: in the next write, which takes
    all that has come while the last one was under way. Half of `most` messages do not wait any longer either; past
    `most`, the oldest are dropped.
    """

    def __init__(
        self, server: ChatServer, database: Database, watcher: Watcher, commit_seconds: float, most: int
    ) -> None:
        self.latest: dict[str, int] = {}
        self.revs: dict[str, int] = {}
        self.epoch = EpochFile.name_of(new_epoch())
        self.times: dict[str, datetime] = {}
        self.problem: Exception | None = None
        self._chat = server.chat
        self._rooms = server.chat.rooms
        self._turns = server.turns
        self._database = database
        self.place = EpochFile(database.path)
        self._watcher = watcher
        self._commit_seconds = commit_seconds
        self._most = most
        self._enough = max(most // 2, 1)
        self._loop: Any = gevent.get_hub().loop
        self._timer: Any = None
        self._ahead: dict[str, int] = {}  # by how much the next rev of a room is ahead of its number, by the file
        self._committed: dict[str, int] = {}  # as `revs`, but on disk
        self._known = False  # whether it is known what was on disk before
        self._waiting: deque[Run | Change] = deque()
        self._count = 0  # of the messages and changes in `_waiting`
        self._alarm = 1  # at which count something is to be done
        self._comings: deque[store.Coming] = deque(maxlen=most)
        self._batch: list[Run | Change] = []  # what is being written
        self._batch_comings: list[store.Coming] = []
        self._cut = False  # whether more was due than went into the last batch
        self._busy = False  # whether the database does something for us
        self._soon = False  # whether a write begins at the end of this turn
        self._holds: list[tuple[str, int, Release]] = []
        self._lost = 0
        self._closing: Event | None = None

    def open(self) -> None:
        """Learn what is on disk, waiting for it. Where that cannot be, history is off until it can."""
        rooms, self._rooms = self._rooms, {}  # those that go on over a reload are restored as they are opened
        try:
            self._learn(self._database.run(self._begin))
        except DatabaseError as error:
            self._fail(error)
        finally:
            self._rooms = rooms

    # --- what comes ---

    def take(self, messages: Messages) -> None:
        """Keep what was said in a row in one room. There is so much of it that as little as possible is done here."""
        count, room = len(messages.texts), messages.room
        self.latest[room] = messages.seq + count - 1
        self.revs[room] = messages.rev + count - 1
        self.times[room] = messages.time
        if messages.rev - messages.seq != self._ahead.get(room, 0):
            self._ahead[room] = messages.rev - messages.seq
            self._waiting.append(Change(room, messages.rev - 1, messages.seq - 1, count=0))
        self._waiting.append(pack_run(messages))
        self._count += count
        if self._count >= self._alarm:
            self._wake()

    def take_change(self, alteration: Alteration) -> None:
        """Keep what has become of a message."""
        change = changes.packed(alteration, store.microseconds)
        self.revs[change.room] = change.rev
        self._ahead[change.room] = change.rev - change.last
        self._waiting.append(change)
        self._count += 1
        if self._count >= self._alarm:
            self._wake()

    def take_coming(self, event: store.Move) -> None:
        """Keep that somebody came or went."""
        self._comings.append((self.latest.get(event.room, 0), event))
        if self._alarm == 1:
            self._wake()

    def hold(self, room: str, rev: int, release: Release) -> None:
        """Call `release` once what has this rev in `room` is on disk, which may be now; or with why it will not be. It
        may still be on its way to `take`."""
        if self._committed.get(room, 0) >= rev:
            release(None)
        elif self.problem is not None:
            release(not_stored())
        else:
            self._holds.append((room, rev, release))
            if not self._busy:
                self._write_soon()

    def unsaved(self, room: str) -> list[Run]:
        """What was said in `room` and is not on disk yet, as it was said."""
        return [run for run in chain(self._batch, self._waiting) if isinstance(run, Run) and run.room == room]

    def unsaved_changes(self, room: str) -> list[Change]:
        """What has become of messages of `room` and is not on disk yet, in its order."""
        return [one for one in chain(self._batch, self._waiting) if isinstance(one, Change) and one.room == room]

    def unsaved_comings(self, room: str) -> list[store.Coming]:
        """Who came into `room` and went, as far as that is not on disk yet."""
        return [coming for coming in chain(self._batch_comings, self._comings) if coming[1].room == room]

    def saved(self) -> None:
        """Wait until all that was given so far is on disk. Raises `Reject` where history is off."""
        if self.problem is not None:
            raise off()
        if run := [*self._batch[-1:], *islice(reversed(self._waiting), 1)]:
            last, outcome = run[-1], AsyncResult()
            self.hold(last.room, last.rev + last.count - 1, outcome.set)
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
        if self._known and self.problem is None and not self._count and not self._busy:
            ended = AsyncResult()
            self._database.start(partial(EpochFile.end, state=self.place.ending()), lambda *_: ended.set(None))
            ended.wait(CLOSE_SECONDS)
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
            self._database.start(self._begin, self._learned)
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

    def _begin(self, connection: sqlite3.Connection) -> tuple[store.Ends, int]:
        """In the database's thread."""
        return store.ends(connection), self.place.begin(connection)

    def _keep(
        self, runs: list[Run | Change], comings: list[store.Coming], connection: sqlite3.Connection
    ) -> dict[str, int]:
        """In the database's thread."""
        self.place.check(connection)
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
        self._committed.update((run.room, run.rev + run.count - 1) for run in batch)
        if raised:
            log.warning("there were messages already where others were to be kept, in %s", ", ".join(raised))
            self._committed.update((room, self._committed[room] + more) for room, more in raised.items())
            self._renumber(raised, raised)
            self._renew()
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
            if isinstance(first, Run) and dropped < first.count:
                self._waiting.appendleft(part(first, dropped))
            self._lose_track()
            self._count -= dropped
            self._lost += dropped
        if self._lost and self.problem is None:
            problem = Exception(f"the disk is too slow: more than {self._most} messages waited to be written")
            log.error("history is off: %s", problem)
            self._go_off(problem)

    def _go_off(self, problem: Exception) -> None:
        before, self.problem = self.problem, problem
        self._lose_track()
        # What is being written may yet succeed, so whoever waits for that has to wait on.
        doubtful = {run.room: run.rev + run.count - 1 for run in self._batch}
        rejected = [hold for hold in self._holds if hold[1] > doubtful.get(hold[0], 0)]
        self._holds = [hold for hold in self._holds if hold[1] <= doubtful.get(hold[0], 0)]
        if before is None:
            self._watcher.went_off(problem)
        self._release(iter(rejected), not_stored())

    def _recover(self) -> None:
        lost, self._lost, self.problem = self._lost, 0, None
        log.warning("history is on again; messages lost: %d", lost)
        self._renew()
        self._watcher.went_on(lost)

    def _lose_track(self) -> None:
        """What is in the file may not be what was given: say of each room again which rev it has."""
        self._ahead = dict.fromkeys(self.latest, UNKNOWN)

    def _renew(self) -> None:
        """Numbers that somebody may have seen can be given again, or are gone."""
        self._set_epoch(epoch := new_epoch())
        self._database.start(partial(EpochFile.renew, epoch=epoch))
        self._chat.keys.forget()

    def _set_epoch(self, epoch: int) -> None:
        self.epoch = EpochFile.name_of(epoch)
        for room in self._rooms.values():
            room.epoch = self.epoch

    def _learned(self, stored: tuple[store.Ends, int] | None, problem: Exception | None) -> None:
        self._busy = False
        if stored is None:
            assert problem is not None
            self._fail(problem)
            return
        self._learn(stored)
        if self.problem is not None and not self._count:
            self._recover()
        self._go_on()

    def _learn(self, found: tuple[store.Ends, int]) -> None:
        """This much of each room is on disk: what was said without knowing it comes behind that."""
        stored, epoch = found
        self._known = True
        self._set_epoch(epoch)
        self._committed = dict(stored.revs)
        self._chat.ids.begin_above(stored.id)
        for name, time in stored.times.items():
            self.times[name] = max(time, self.times.get(name, time))
        self._renumber(stored.seqs, stored.revs, stored.times)

    def _renumber(
        self, more: Mapping[str, int], revs: Mapping[str, int], since: Mapping[str, datetime] = MappingProxyType({})
    ) -> None:
        """Raise the numbers of what waits, and those that the rooms will give, by so much each; and times to those
        `since` which it comes, as times of one room never fall."""
        rooms = [room for name in more if (room := self._rooms.get(name)) is not None]
        for room in rooms:
            room.flush()  # all that was said has been given to `take` then
        self._waiting = deque(
            moved(item, more[item.room], revs[item.room], since.get(item.room)) if item.room in more else item
            for item in self._waiting
        )
        self._comings = deque(
            ((seq + more.get(event.room, 0), event) for seq, event in self._comings), self._comings.maxlen
        )
        self._holds = [(name, rev + revs.get(name, 0), release) for name, rev, release in self._holds]
        for name, by in more.items():
            self.latest[name] = self.latest.get(name, 0) + by
            self.revs[name] = self.revs.get(name, 0) + revs[name]
            self._ahead[name] = self._ahead.get(name, 0) + revs[name] - by
        for room in rooms:
            time, rev = self.times.get(room.name, room.time), self.revs[room.name]
            room.restore(self.latest[room.name], time, rev=rev, epoch=self.epoch)
        if rooms:
            self._watcher.renumbered()
