"""A file is there as long as a message names it. It is told when one is deleted; what is gone otherwise, by its age, by
`forget`, with its room, or in a crash, is looked for again and again."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import gevent

from greenchat import Context, Database, DatabaseError, Reject

from . import store

log = logging.getLogger("greenchat.files")

# From one look at all files to the next, in seconds.
LOOK_SECONDS = 600.0

# A file may be so old without a message: it is about to be said. Longer than an upload can take.
FRESH_SECONDS = 1800

# Files that are looked at in one go: some milliseconds.
STEP = 200


class Keeping:
    def __init__(self, ctx: Context, database: Database, path: Path) -> None:
        self._ctx = ctx
        self._database = database
        self._path = path
        self._complaint = ""

    def start(self) -> None:
        if self._path.exists():
            self._ctx.spawn(self._begin)
        self._ctx.every(LOOK_SECONDS, self.look)

    def _begin(self) -> None:
        """What was coming when the server ended does not come any more."""
        try:
            self._database.run(store.drop_all)
        except DatabaseError as error:
            self._complain(str(error))
            return
        self.look()

    def gone(self, ids: Sequence[str]) -> None:
        """A message with these was deleted."""
        self._ctx.spawn(self._collect, list(ids))

    def named(self, ids: Sequence[str]) -> set[str]:
        """Those that a message names, once it is known on the disk as well. Raises `Reject` and `DatabaseError`."""
        chat = self._ctx.chat
        found = chat.named_files(ids)
        self._database.run(partial(store.saw, sources=[*chat.files.sources]))
        return found

    def look(self) -> None:
        """Delete the files that no message names."""
        if not self._path.exists():
            return
        after, before = "", store.now() - FRESH_SECONDS
        try:
            while ids := self._database.run(partial(store.ids, after=after, before=before, most=STEP), writes=False):
                self._collect(ids)
                after = ids[-1]
                gevent.sleep(0)
        except DatabaseError as error:
            self._complain(str(error))

    def _collect(self, ids: Sequence[str]) -> None:
        """Delete those of these files that no message names. Where that cannot be known, they stay."""
        try:
            missing = self._database.run(store.sources) - {*self._ctx.chat.files.sources}
            if missing:
                self._complain(f"no file is removed while what kept messages is off: {', '.join(sorted(missing))}")
                return
            named = self.named(ids)
            if unnamed := [number for number in ids if number not in named]:
                count = self._database.run(partial(store.delete, ids=unnamed))
                log.debug("%d files are gone that no message names", count)
        except (DatabaseError, Reject) as error:
            self._complain(str(error))
            return
        self._complaint = ""

    def _complain(self, why: str) -> None:
        if why != self._complaint:
            log.warning("files that no message names are not removed now: %s", why)
            self._complaint = why
