"""Ending what holds the event loop for good.

A plugin with `while True: pass`, or with a regular expression that tries for years, would be the end of the chat: the
watchdog tells of the one, and cannot even tell of the other, as the regular expressions of Python let no other thread
run. Signals do come through: Python looks for them in the middle of both, and of what sleeps.
"""

import logging
import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

from greenchat.hooks import patterns
from greenchat.hooks.blame import Owners
from greenchat.server.watchdog import Watchdog

log = logging.getLogger("greenchat.watchdog")

# How long a plugin may hold the event loop, in seconds. Then it is interrupted where it stands, which is put down to
# it: by then, people have gone to see whether their line is broken.
HELD_SECONDS = 10.0

# How often is looked at what is held, in seconds.
LOOK_SECONDS = 0.25

# By which signal. Its timer counts the time that this process computes: one that idles is not woken.
SIGNAL, TIMER = signal.SIGVTALRM, signal.ITIMER_VIRTUAL

# In the midst of these no plugin is interrupted, though it has called them: they hold locks, or are at work for who
# looks for a fault in a plugin.
UNTOUCHED = ("logging", "threading", "queue", "importlib", "bdb", "pdb")


class Held(BaseException):
    """A plugin held the event loop for too long."""


class Interrupter:
    """Interrupts plugins for as long as the context lasts, in the main thread alone, since signals come there: by
    `Held` in a plugin, and by `SlowPatternError` where a pattern of one is matched."""

    def __init__(self, owners: Owners, watchdog: Watchdog) -> None:
        self._owners = owners
        self._watchdog = watchdog
        self._turn: float | None = None  # the one that was looked at
        self._looks = 0  # how often; not what the clock says, as the process may have been stopped meanwhile
        self._looked = 0.0
        self._is_looking = False  # the next signal may come meanwhile
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(SIGNAL, self._look)
            signal.setitimer(TIMER, LOOK_SECONDS, LOOK_SECONDS)
            self._watchdog.nudge = self._nudge
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._before is not None:
            self._watchdog.nudge = None
            signal.setitimer(TIMER, 0)
            signal.signal(SIGNAL, signal.SIG_IGN)  # one may be on its way

    def _nudge(self) -> None:
        """In the watchdog's thread, as long as the loop is held: what sleeps takes no time of this process's."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)

    def _look(self, number: int, frame: FrameType | None) -> None:
        """Somewhere in the code that runs at this moment."""
        if self._is_looking:
            return
        self._is_looking = True
        try:
            self._look_at(frame)
        finally:
            self._is_looking = False

    def _look_at(self, frame: FrameType | None) -> None:
        now = time.monotonic()
        if frame is not None and frame.f_code is patterns.matches.__code__:
            if now - patterns.Matching.began >= patterns.PATTERN_SECONDS:
                raise patterns.SlowPatternError(
                    f"its pattern takes longer than {patterns.PATTERN_SECONDS:g} seconds; see to it that there is one "
                    "way alone to match a text: (a+)+ and (a|a)* have many"
                )
            return
        turn = self._watchdog.turn_began
        if turn is None or now - self._looked < LOOK_SECONDS / 2:
            return
        self._looked = now
        self._looks, self._turn = (self._looks + 1 if turn == self._turn else 1), turn
        plugin = self._held_by(frame)
        if not plugin:
            return
        self._watchdog.notice(frame)
        if self._looks * LOOK_SECONDS >= HELD_SECONDS and now - turn >= HELD_SECONDS and sys.gettrace() is None:
            self._looks = 0
            raise Held(f"it held the event loop for more than {HELD_SECONDS:g} seconds, and was interrupted")

    def _held_by(self, frame: FrameType | None) -> str:
        """The plugin whose own code runs, or what it has called outside of greenchat."""
        while frame is not None:
            module = str(frame.f_globals.get("__name__"))
            if plugin := self._owners.of_module(module):
                return plugin
            if module.partition(".")[0] in ("greenchat", *UNTOUCHED):
                return ""
            frame = frame.f_back
        return ""
