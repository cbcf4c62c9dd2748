"""What is done with direct.sqlite3 on the side: messages are put into the index, old ones are removed, deleted words
leave its bytes, and what another program has changed is noticed. All of it in small steps, since whoever waits for a
write waits for a step as well."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import gevent
from gevent.event import Event

from greenchat.storage import direct_forget, direct_index, direct_rows
from greenchat.storage.cleaning import write_anew
from greenchat.storage.direct_store import DirectStore
from greenchat.storage.epochs import checkpoint
from greenchat.storage.sqlite import DatabaseError, file_state

log = logging.getLogger("greenchat.direct")

T = TypeVar("T")

# From one removal of what is too old to the next, in seconds. Nobody counts on the minute.
TRIM_SECONDS = 3600.0

# Messages that are removed in one step: some milliseconds.
STEP = 200

# From one look to the next whether words were deleted that are to be gone from the bytes of the file, in seconds. The
# file is written anew then, and who writes waits: about a second for each million messages. That is not to be each
# hour; they are to be gone within a day.
CLEAN_SECONDS = 12 * 3600.0

# How often it is looked whether another program has changed the file, in seconds: somebody was forgotten, perhaps, and
# is not to be read any more. It takes some ten microseconds.
LOOK_SECONDS = 0.5

# What was said is put into the index of words at most so often, in seconds, in steps; after one it rests for so many
# times as long.
INDEX_SECONDS = 1.0
RESTS = 9

_DAY = 24 * 3600.0


class DirectTidy:
    """`days` tells how long messages are kept, 0 for ever. `trimmed` is told in which conversations some were removed;
    `forgot` that somebody was forgotten, and which ends have no name any more: by conversations and accounts."""

    def __init__(
        self,
        store: DirectStore,
        days: Callable[[], float],
        trimmed: Callable[[list[str]], None],
        forgot: Callable[[list[tuple[str, int]]], None],
    ) -> None:
        self._store = store
        self._days = days
        self._trimmed = trimmed
        self._forgot = forgot
        self._greenlets: list[Any] = []
        self._complaint = ""
        self._due = Event()  # there may be something to index
        self._due.set()
        self._seen: object = None  # the state of the file when it was looked at last

    def start(self) -> None:
        """Do all this from now on."""
        steps = ((LOOK_SECONDS, self._look), (TRIM_SECONDS, self._trim), (CLEAN_SECONDS, self._clean))
        self._greenlets = [gevent.spawn(self._again, seconds, step) for seconds, step in steps]
        self._greenlets.append(gevent.spawn(self._again, INDEX_SECONDS, self._index))
        self._store.wrote = self._due.set

    def stop(self) -> None:
        gevent.killall(self._greenlets)

    def _again(self, seconds: float, step: Callable[[], None]) -> None:
        """Do `step` again and again. What fails once must not end it for good."""
        while True:
            try:
                if self._store.problem is None:
                    step()
            except DatabaseError as error:
                if str(error) != self._complaint:
                    log.warning("direct messages cannot be tidied up: %s", error)
                    self._complaint = str(error)
            except Exception:
                log.exception("direct messages: a step of tidying up has failed")
            gevent.sleep(seconds)

    def _look(self) -> None:
        state = self._store.tidy(file_state, writes=False)
        if state != self._seen:
            if self._store.look_at_epoch():
                self._forgot(self._store.tidy(direct_forget.nameless, writes=False))
            self._seen = state

    def _index(self) -> None:
        self._due.wait()
        self._due.clear()
        began = time.monotonic()
        while self._store.tidy(direct_index.index_more):
            gevent.sleep(RESTS * (time.monotonic() - began))  # who searches indexes what is missing by themselves
            began = time.monotonic()

    def _trim(self) -> None:
        if days := self._days():
            since = int((time.time() - days * _DAY) * 1_000_000)
            while found := self._store.tidy(partial(direct_rows.trim, since=since, most=STEP)):
                self._trimmed(found)

    def _clean(self) -> None:
        """Leave nothing in the file of words that are gone. Another look takes up what is not done."""
        count = self._store.tidy(direct_rows.unclean, writes=False)
        if not count:
            return
        self._store.tidy(direct_index.merge)
        self._store.tidy(partial(write_anew, path=self._store.path))
        while not self._store.tidy(checkpoint):
            gevent.sleep(LOOK_SECONDS)  # somebody reads what was there before
        self._store.tidy(partial(direct_rows.cleaned, count=count))
