"""What is done with the database on the side: messages are put into the index, old ones are removed, and what another
program has changed is noticed. All of it in small steps, since whoever waits for a write waits for a step as well."""

import logging
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import gevent

from greenchat import Database, DatabaseError, checkpoint, file_state, write_anew

from . import changes, index, keys, retention, store
from .indexer import Indexer
from .replays import Replays
from .retention import CHECK_SECONDS, Retention

log = logging.getLogger("greenchat.history")

# With fewer messages than this in one write, the processor has time for the index, which takes longer than the write.
# Else the index waits until there was no such write for TALK_SECONDS.
CALM = 2000

# ... and with fewer than this within a second, in however many writes: a hundred times what a busy chat says.
CALM_A_SECOND = 20_000

# After a step of indexing it rests for so many times as long, if something was written within so many seconds. With a
# million messages to index, and no rest, one sender got a third of what it did without, and a message took 6 ms (p99)
# instead of 1.5.
RESTS = 9
TALK_SECONDS = 1.0

# After a step of indexing that has failed, in seconds: the next one may fail as well.
FAULT_SECONDS = 10.0

# From one removal of what is too old, or too much, to the next, in seconds. Nobody counts on the minute.
TRIM_SECONDS = 3600.0

# From one look to the next whether words were deleted that are to be gone from the bytes of the file, in seconds. The
# file is written anew then, and who writes waits: about a second for each million messages. That is not to be each
# hour; they are to be gone within a day.
CLEAN_SECONDS = 12 * 3600.0

# How often it is looked whether another program has changed the file, in seconds: somebody was forgotten, perhaps, and
# is not to be read by newcomers any more. It takes some ten microseconds.
LOOK_SECONDS = 0.5

# No message is later.
FOREVER = datetime.max.replace(tzinfo=UTC)


class Tidy:
    """`keep_days` and `keep_messages` of each room are kept, and `keep_bytes` in all; all where they are 0. `tell` is
    for what operators should know."""

    def __init__(
        self,
        database: Database,
        indexer: Indexer,
        replays: Replays,
        tell: Callable[[str], None],
        *,
        keep_days: float,
        keep_messages: int,
        keep_bytes: int,
    ) -> None:
        self._database = database
        self._replays = replays
        self._keep_days = keep_days
        self._keep_messages = keep_messages
        self._retention = Retention(self._run, replays.forget, tell, keep_bytes) if keep_bytes else None
        self._indexer = indexer
        self._greenlets: list[Any] = []
        self._second, self._written = 0.0, 0  # when it began, and what was written in it
        self._wrote_at = 0.0
        self._calm_at = 0.0  # until when nothing is indexed, as so much was written
        self._complaint = ""
        self._seen: object = None  # the state of the file when it was looked at last

    def start(self) -> None:
        """Do all this from now on."""
        self._indexer.due.set()
        self._greenlets = [gevent.spawn(self._index), gevent.spawn(self._again, LOOK_SECONDS, self._look)]
        self._greenlets.append(gevent.spawn(self._again, CLEAN_SECONDS, self.clean))
        self._greenlets.append(gevent.spawn(self._again, TRIM_SECONDS, self._trim_keys))
        if self._keep_days or self._keep_messages:
            self._greenlets.append(gevent.spawn(self._again, TRIM_SECONDS, self._trim))
        if self._retention is not None:
            self._greenlets.append(gevent.spawn(self._again, CHECK_SECONDS, self._retention.check))

    @property
    def notice(self) -> str:
        """What operators should know; empty for nothing."""
        return self._retention.notice if self._retention is not None else ""

    @notice.setter
    def notice(self, notice: str) -> None:
        if self._retention is not None:
            self._retention.notice = notice

    def stop(self) -> None:
        gevent.killall(self._greenlets)

    def wrote(self, messages: int) -> None:
        """So many were written just now."""
        now = self._wrote_at = time.monotonic()
        if now - self._second >= 1:
            self._second, self._written = now, 0
        self._written += messages
        if messages >= CALM or self._written >= CALM_A_SECOND:
            self._calm_at = now + TALK_SECONDS
        self._indexer.due.set()

    def _index(self) -> None:
        while True:
            self._indexer.due.wait()
            while (rest := self._calm_at - time.monotonic()) > 0:
                gevent.sleep(rest)
            self._indexer.due.clear()  # not afterwards: what is written meanwhile is due, too
            if not self._guard(self._index_some):
                self._indexer.due.set()
                gevent.sleep(FAULT_SECONDS)

    def _index_some(self) -> None:
        began = time.monotonic()
        indexed = self._indexer.step()
        if self._indexer.clear() or indexed:
            self._indexer.due.set()
            # Nobody waits for it: who searches indexes what is missing by themselves.
            talk = time.monotonic() - self._wrote_at < TALK_SECONDS
            gevent.sleep((RESTS if talk else 0) * (time.monotonic() - began))

    def _again(self, seconds: float, step: Callable[[], None]) -> None:
        while True:
            self._guard(step)
            gevent.sleep(seconds)

    def _guard(self, step: Callable[[], None]) -> bool:
        """Do `step`; whether it went well. What fails once must not end indexing, removing or looking for good."""
        try:
            step()
        except DatabaseError as error:
            self._complain(error)
            return False
        except Exception:
            log.exception("history: a step of tidying up has failed")
            return False
        return True

    def _trim(self) -> None:
        since = datetime.now(UTC) - timedelta(days=self._keep_days) if self._keep_days else None
        if since is not None:
            while self._run(partial(retention.trim_comings, since=since)):
                pass
        for number, name in self._run(store.rooms, writes=False) or ():
            step = partial(retention.trim, room=number, keep=self._keep_messages, since=since)
            while upto := self._run(step):
                self._replays.forget(name, upto)

    def _trim_keys(self) -> None:
        while self._run(keys.trim):
            pass

    def clean(self) -> None:
        """Leave nothing in the file of words that were deleted or changed. Another look takes up what is not done."""
        count = self._run(changes.unclean, writes=False)
        if not count:
            return
        pages = -index.MERGE_PAGES
        while self._run(partial(index.merge, pages=pages)):
            pages = index.MERGE_PAGES
        if not self._run(partial(write_anew, path=self._database.path)):
            return
        while (emptied := self._run(checkpoint)) is False:
            gevent.sleep(LOOK_SECONDS)  # somebody reads what was there before
        if emptied:
            self._run(partial(changes.cleaned, count=count))

    def forget_room(self, name: str) -> None:
        """Remove all that was said in a room. Raises `DatabaseError`."""
        for number in [number for number, known in self._database.run(store.rooms, writes=False) if known == name]:
            while upto := self._database.run(partial(retention.trim, room=number, keep=0, since=FOREVER)):
                self._replays.forget(name, upto)
            self._database.run(partial(_drop_comings, room=number))
            self._database.run(partial(keys.forget_room, room=number))
            self._database.run(changes.soil)

    def _look(self) -> None:
        state = self._run(file_state, writes=False)
        if state is not None and state != self._seen:
            if self._seen is not None:
                self._replays.refresh()
            self._seen = state

    def _run(self, work: Callable[[sqlite3.Connection], Any], *, writes: bool = True) -> Any:
        return self._attempt(partial(self._database.run, work, writes=writes))

    def _attempt(self, step: Callable[[], Any]) -> Any:
        """What `step` returns; None where the database cannot be used, which the writer deals with."""
        try:
            return step()
        except DatabaseError as error:
            self._complain(error)
            return None

    def _complain(self, error: DatabaseError) -> None:
        if str(error) != self._complaint:
            log.warning("history cannot be tidied up: %s", error)
            self._complaint = str(error)


def _drop_comings(connection: sqlite3.Connection, room: int) -> None:
    connection.execute("DELETE FROM comings WHERE room = ?", (room,))
