"""What plugins do outside of the hooks of a message: greenlets, timers, and hooks that may take their time."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import gevent

from greenchat.errors import PluginError
from greenchat.hooks.blame import Owners
from greenchat.hooks.ending import Killed

log = logging.getLogger("greenchat.server")

T = TypeVar("T")

# How long the start of a plugin may take, in seconds: bringing a database of some million messages to a newer schema
# takes minutes. A stop does not wait for it.
STARTUP_SECONDS = 300.0

# How long the end of one may take: twice what the history takes at most to write what waits. Three that hang still end
# before systemd kills the server, after 90 seconds.
SHUTDOWN_SECONDS = 20.0

# ... and how long where everybody waits for it, over a reload: a disk that is busy takes a second to have all that was
# written.
CARRIED_SECONDS = 5.0

# From when on the log tells that the start of a plugin takes its time.
SLOW_SECONDS = 10.0


class ErrorHandler:
    """What becomes of exceptions that nobody has caught in this thread's event loop: they are put down to the plugin
    that has started the greenlet or the timer, by `failed(plugin, where, error)`. gevent would end the process for some
    of them (`sys.exit()` in a greenlet, say), and write the others past the log."""

    def __init__(self, owners: Owners, failed: Callable[[str, str, BaseException], None]) -> None:
        self._owners = owners
        self._failed = failed
        self._hub: Any = gevent.get_hub()

    def begin(self) -> None:
        self._hub.handle_error = self._handle

    def end(self) -> None:
        """gevent's own way again."""
        vars(self._hub).pop("handle_error", None)

    def _handle(self, context: Any, kind: Any, error: Any, traceback: Any) -> None:
        if not isinstance(error, BaseException):
            error = kind(error)  # gevent hands on some as their arguments
        if traceback is not None and error.__traceback__ is None:
            error = error.with_traceback(traceback)
        if isinstance(error, Killed):
            return
        plugin = self._owners.of_greenlet(context, error)
        if plugin:
            self._failed(plugin, f"what it does in the background ({_named(context)})", error)
        else:
            log.error("unexpected error in %s", _named(context), exc_info=error)


def _named(context: Any) -> str:
    function = getattr(context, "_run", None) or getattr(context, "callback", None) or context
    return getattr(function, "__qualname__", type(function).__name__)


def within(seconds: float, step: Callable[[], T], slow: Callable[[], None] | None = None) -> T:
    """What `step` returns or raises, in a greenlet of its own; `slow` is called where it takes SLOW_SECONDS. Raises
    `PluginError` where it has not ended after `seconds`: it is ended then, if it lets itself."""
    outcome: list[tuple[Any, BaseException | None]] = []

    def run() -> None:
        try:
            outcome.append((step(), None))
        except BaseException as error:
            outcome.append((None, error))

    greenlet = gevent.spawn(run)
    try:
        if slow is not None and not greenlet.ready():
            greenlet.join(min(SLOW_SECONDS, seconds))
            if not greenlet.ready():
                slow()
                greenlet.join(seconds - SLOW_SECONDS)
        else:
            greenlet.join(seconds)
        if not outcome:
            raise PluginError(f"it was not ready within {seconds:g} seconds")
    finally:
        greenlet.kill(Killed, block=False)
    result, error = outcome[0]
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]
