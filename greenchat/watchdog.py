"""Naming who holds the event loop.

While a hook computes, or blocks in a call that the loop knows nothing of, nobody is served. A thread looks at the loop
from outside, since the loop itself cannot; it costs the way of a message nothing.
"""

import logging
import sys
import threading
import time
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any, Self

import gevent

from greenchat.stats import Longest

log = logging.getLogger("greenchat.watchdog")

# A turn of the loop longer than this is felt by people: a tenth of a second is where waiting begins (Nielsen 1993).
HELD_SECONDS = 0.1


class Watchdog:
    """Logs a warning when a turn of this thread's event loop takes longer than HELD_SECONDS, with the plugin whose code
    is running, if it is one's: `modules` maps module names to plugins. How long turns take goes to `turns`. A context
    manager."""

    def __init__(self, modules: Mapping[str, str], turns: Longest) -> None:
        self._modules = modules
        self._turns = turns
        self._thread_id = threading.get_ident()
        self._turn_began: float | None = None  # None while the loop waits for something to happen
        self._stop = threading.Event()
        loop = gevent.get_hub().loop
        self._watchers: list[Any] = [loop.check(), loop.prepare()]
        self._thread = threading.Thread(target=self._watch, name="greenchat-watchdog", daemon=True)

    def __enter__(self) -> Self:
        after_waiting, before_waiting = self._watchers
        after_waiting.start(self._begin_turn)
        before_waiting.start(self._end_turn)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        for watcher in self._watchers:
            watcher.stop()
            watcher.close()

    def _begin_turn(self) -> None:
        self._turn_began = time.monotonic()

    def _end_turn(self) -> None:
        if self._turn_began is not None:
            now = time.monotonic()
            self._turns.add(now - self._turn_began, now)
        self._turn_began = None

    def _watch(self) -> None:
        told: float | None = None  # the turn that has been told of, so that each is told of once
        while not self._stop.wait(HELD_SECONDS / 2):
            began = self._turn_began
            if began is None or began == told or time.monotonic() - began < HELD_SECONDS:
                continue
            told = began
            log.warning("the event loop is held for more than %g seconds by %s", HELD_SECONDS, self._holder())

    def _holder(self) -> str:
        """The plugin that runs in the loop's thread at this moment, or the place in the code."""
        innermost = frame = sys._current_frames().get(self._thread_id)
        while frame is not None:
            module = frame.f_globals.get("__name__", "")
            if module in self._modules:
                return f"plugin {self._modules[module]} in {frame.f_code.co_name} ({_place(frame)})"
            frame = frame.f_back
        return f"the server itself ({_place(innermost)})" if innermost is not None else "the server itself"


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
