"""What plugins get wrong in a test: the server only logs it, and a test shall fail by it."""

import logging
import threading
from collections.abc import Sequence

from greenchat.errors import PluginError

FAILURES = "greenchat.plugins"  # the log that tells of them


class PluginFailed(AssertionError):  # noqa: N818 - as tests read: it says what has happened
    """A plugin has failed in a way that would end the test run, such as by `sys.exit()`."""


class Failures(logging.Handler):
    """What the log tells of plugins that fail in this thread, from now on, until it is closed; as long as no other one
    in this thread listens: of several chats, it is the one in which something happens."""

    _listens = threading.local()

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._thread = threading.get_ident()
        self._found: list[Exception] = []
        logging.getLogger(FAILURES).addHandler(self)
        self.listen()

    def listen(self) -> None:
        """From now on, what fails fails here."""
        self._listens.now = self

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread or self._listens.now is not self:
            return  # of a server beside
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            error.add_note(record.getMessage())
            self._found.append(error)
            return
        if error is None:  # the server's own verdict
            self._found.append(PluginError(record.getMessage()))
            return
        failed = PluginFailed(record.getMessage())
        failed.__cause__ = error
        self._found.append(failed)

    def take(self) -> Sequence[Exception]:
        """What there is since the last look."""
        found, self._found = self._found, []
        return found

    def close(self) -> None:
        logging.getLogger(FAILURES).removeHandler(self)
        super().close()
