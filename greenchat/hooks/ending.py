"""How greenlets in which plugins run are ended, and a process in which they are being loaded."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from greenlet import GreenletExit


class Killed(GreenletExit):  # type: ignore[misc]
    """With this, and nothing else, the server ends the greenlet of a connection. A plain `GreenletExit` out of a hook
    is the plugin's own doing."""


class CarriedAway(Killed):
    """Somebody else serves the connection from now on: this greenlet ends, and the session does not."""


class Cut(Killed):
    """What this greenlet does for one request ends, and the session goes on. `refs` are those of the requests that it
    ended, and that have no answer; and `left` the requests behind, of which nothing has begun. What was said for one is
    acknowledged, as it must not be asked for again: `said` counts those, of which the last may be under way."""

    def __init__(self, *, is_answered: bool = False) -> None:
        super().__init__()
        self.refs: list[Any] = []
        self.is_answered = is_answered  # the request was
        self.said = 0
        self.left: list[Any] = []


@contextmanager
def dying_of_interrupts() -> Iterator[None]:
    """Meanwhile Ctrl-C ends the process at once, as it ends others. Python would raise `KeyboardInterrupt` in whatever
    plugin is being loaded, and it would be taken for the plugin's own."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # it comes elsewhere, or is ignored, or somebody else's
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
