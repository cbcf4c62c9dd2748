"""Naming who holds the event loop.

While a hook computes, or blocks in a call that the loop knows nothing of, nobody is served. A thread looks at the loop
from outside, since the loop itself cannot; it costs the way of a message nothing.
"""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

import gevent

from greenchat.hooks.blame import Owners, place
from greenchat.server.stats import Longest
from greenchat.server.unwatched import unwatched

log = logging.getLogger("greenchat.watchdog")

# How the event loop numbers its priorities.
FIRST, LAST = 2, -2

# A turn of the loop longer than this is felt by people: a tenth of a second is where waiting begins (Nielsen 1993).
HELD_SECONDS = 0.1


class Watchdog:
    """Logs a warning when a turn of this thread's event loop takes longer than HELD_SECONDS, with the plugin whose code
    is running, if it is one's, as `owners` know. How long turns take goes to `turns`. A context manager."""

    def __init__(
        self,
        owners: Owners,
        turns: Longest,
        held: Callable[[str, bool], None] = lambda plugin, again: None,
        is_held: Callable[[], None] = lambda: None,
    ) -> None:
        """`held(plugin, is_to_blame)` is told of each plugin that was found, by the event loop; `is_held` is called at
        once, in the watchdog's thread."""
        self._owners = owners
        self._held, self._is_held = held, is_held
        self._found: deque[tuple[str, bool]] = deque()
        self._turns = turns
        self._thread_id = threading.get_ident()
        self.turn_began: float | None = None  # None while the loop waits for something to happen
        self._told: float | None = None  # the turn that has been told of, so that each is told of once
        self.nudge: Callable[[], None] | None = None  # to be called in the watchdog's thread while a turn is held
        self._stop = threading.Event()
        loop = gevent.get_hub().loop
        # The first to begin and the last to end: what is put off to the end of a turn, as rooms do, belongs to it.
        self._watchers: list[Any] = [loop.check(priority=loop.MAXPRI), loop.prepare(priority=loop.MINPRI)]
        self._tell = loop.async_()
        self._thread = threading.Thread(target=self._watch, name="greenchat-watchdog", daemon=True)

    def __enter__(self) -> Self:
        after_waiting, before_waiting = self._watchers
        after_waiting.start(self._begin_turn)
        before_waiting.start(self._end_turn)
        self._tell.start(self._tell_found)
        with unwatched():
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        for watcher in (*self._watchers, self._tell):
            watcher.stop()
            watcher.close()

    def _tell_found(self) -> None:
        while self._found:
            self._held(*self._found.popleft())

    def _begin_turn(self) -> None:
        self.turn_began = time.monotonic()

    def _end_turn(self) -> None:
        if self.turn_began is not None:
            now = time.monotonic()
            self._turns.add(now - self.turn_began, now)
        self.turn_began = None

    def _watch(self) -> None:
        suspect: tuple[str, int] | None = None  # who was found then
        while not self._stop.wait(HELD_SECONDS / 2):
            began = self.turn_began
            if began is None or time.monotonic() - began < HELD_SECONDS:
                continue
            if self.nudge is not None:
                self.nudge()
            if began == self._told:
                # Many who are quick may have made a turn long, of whom this was the last. Who still runs is not.
                if suspect is not None and suspect == self._holder(self._frame())[::2]:
                    self._found.append((suspect[0], True))
                    self._tell.send()
                suspect = None
                continue
            suspect = self.notice(self._frame())

    def notice(self, innermost: FrameType | None) -> tuple[str, int] | None:
        """Tell of the turn that goes on, unless that was done: it is held, and `innermost` runs. The plugin that is
        found, and which call of it."""
        began = self.turn_began
        if began is None or began == self._told or time.monotonic() - began < HELD_SECONDS:
            return None
        self._told = began
        self._is_held()
        plugin, who, which = self._holder(innermost)
        if plugin:
            self._found.append((plugin, False))
            self._tell.send()
        told_of = "the event loop is held for more than %g seconds by %s"
        log.warning(told_of, HELD_SECONDS, who, extra={"plugin": plugin} if plugin else {})
        return (plugin, which) if plugin else None

    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self._thread_id)

    def _holder(self, innermost: FrameType | None) -> tuple[str, str, int]:
        """The plugin that runs, if one does, the place in the code, and which call of it this is."""
        owner, frame = self._owners.of_frame(innermost)
        if frame is not None:
            return owner, f"plugin {owner} in {frame.f_code.co_name} ({place(frame)})", id(frame)
        return "", f"the server itself ({place(innermost)})" if innermost is not None else "the server itself", 0
