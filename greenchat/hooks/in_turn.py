"""What has happened, for a function that waits: it is called for one after the other, in their order."""

from collections import deque
from collections.abc import Callable
from contextlib import nullcontext

from greenchat.chat import cascade
from greenchat.errors import PluginError
from greenchat.hooks.context import Context
from greenchat.hooks.tasks import Task
from greenchat.protocol.events import Event

# What waits for one function: a minute of a very busy room. One that is slower than that for long never gets there.
MOST = 10_000


class InTurn:
    """Calls `function`, which is called `name` where it fails, in a greenlet of the plugin whose context is `ctx`, for
    what is `put` here."""

    def __init__(self, ctx: Context, function: Callable[[Event], object], name: str) -> None:
        self._ctx = ctx
        self._function = function
        self._waiting: deque[tuple[Event, cascade.Cause | None]] = deque()
        self._task: Task | None = None

        def call_next() -> None:
            self._call_next()

        call_next.__qualname__ = name
        self._next = call_next

    def put(self, event: Event) -> None:
        """Does not wait. Raises `PluginError` where too much waits already: this one is left out then."""
        if len(self._waiting) >= MOST:
            raise PluginError(f"{MOST} events wait for it already; this one is left out")
        self._waiting.append((event, cascade.current()))
        if self._task is None or self._task.done:
            self._begin()

    def _begin(self) -> None:
        self._task = self._ctx.spawn(self._next)

    def _call_next(self) -> None:
        event, cause = self._waiting.popleft()
        try:
            with nullcontext() if cause is None else cascade.caused_by(cause):
                self._function(event)
        finally:
            if self._waiting:
                self._begin()
