"""Who holds the event loop in tests: by `pytest --greenchat-watchdog FILE` it is written there, for `greenchat plugins
check`."""

import logging
from pathlib import Path

from greenchat.server.server import ChatServer
from greenchat.server.watchdog import Watchdog

LOG = "greenchat.watchdog"


class Notes(logging.Handler):
    """A file to which is added what the watchdog tells of plugins."""

    def __init__(self, file: Path) -> None:
        super().__init__(logging.WARNING)
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "plugin", ""):  # the code of a test may take its time
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"{record.getMessage()}\n")


_notes: Notes | None = None


def watch(file: Path) -> None:
    """From now on, the chats of this process are watched."""
    global _notes
    _notes = Notes(file)
    logging.getLogger(LOG).addHandler(_notes)


def begin(server: ChatServer) -> Watchdog | None:
    """A watchdog that looks at this thread's event loop, if that is asked for; to be ended by the caller."""
    return Watchdog(server.owners, server.counters.turns).__enter__() if _notes is not None else None
