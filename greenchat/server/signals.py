"""SIGTERM and Ctrl-C: the first asks for a stop in good order, the second ends the process at once. SIGHUP asks for a
reload.

These are Python's own signal handlers, which run wherever Python code runs: also where a plugin holds the event loop,
which could not be told of anything then.
"""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

import gevent
from gevent.event import Event

from greenchat.hooks.background import SHUTDOWN_SECONDS
from greenchat.hooks.blame import Owners
from greenchat.server import logs
from greenchat.server.unwatched import HELD_BACK

log = logging.getLogger("greenchat")

# How long a plugin may go on holding the event loop once the server is to stop. Then it is interrupted where it stands.
HELD_SECONDS = 2.0

# How often that is looked at, while the server stops.
LOOK_SECONDS = 0.5

# Clocks that go on over the start of another program, and what they send.
TIMERS = (
    (signal.ITIMER_REAL, signal.SIGALRM),
    (signal.ITIMER_VIRTUAL, signal.SIGVTALRM),
    (signal.ITIMER_PROF, signal.SIGPROF),
)

# A plugin that catches whatever interrupts it is interrupted again, so often; then the process ends.
INTERRUPTIONS = 5


class Interrupted(BaseException):
    """A plugin held the event loop although the server is to stop."""


class StopSignals:
    """`stopped` is set by the first signal that ends the server; `stopping` is to be called when the stop begins, which
    may take longer. `owners` know the plugins, from when there are some. A context manager."""

    def __init__(self, owners: Owners | None = None) -> None:
        self.stopped = Event()
        self.owners = owners
        self._asked = False
        self._hung_up = False
        self._on_hangup: Callable[[], None] | None = None
        self._patience = HELD_SECONDS
        self._interruptions = 0
        self._turned = time.monotonic()  # when the loop has last been seen to turn, and how many alarms came since
        self._alarms = 0
        loop = gevent.get_hub().loop
        # Python writes a byte here when a signal has come, which wakes the loop.
        self._woken, self._waking = socket.socketpair()
        for end in (self._woken, self._waking):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        self._watcher: Any = loop.io(self._woken.fileno(), 1)
        self._watcher.start(self._wake)
        self._pulse: Any = loop.timer(0, LOOK_SECONDS)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)  # at its very end, Python gives signals their old meaning back
        signal.set_wakeup_fd(-1)
        for watcher in (self._watcher, self._pulse):
            watcher.stop()
            watcher.close()
        for end in (self._woken, self._waking):
            end.close()

    def hang_up(self) -> None:
        """Take SIGHUP from now on; what `on_hangup` is to be told waits for it."""
        signal.signal(signal.SIGHUP, self._on_hangup_signal)

    def on_hangup(self, call: Callable[[], None]) -> None:
        """Have it called, in the loop, whenever SIGHUP has come."""
        self._on_hangup = call
        self._tell_hangup()

    def hold(self) -> None:
        """From now on, what comes waits: for the next program, or for `release`. To be called once more when nothing
        else is left to do: what another thread was given meanwhile, or was not seen to, waits as well then."""
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
        for timer, number in TIMERS:
            signal.setitimer(timer, 0)
            signal.signal(number, signal.SIG_IGN)  # one may be on its way, and would end the next program
        main = threading.main_thread().ident or 0
        if self._asked:
            signal.pthread_kill(main, signal.SIGTERM)
        if self._hung_up:
            signal.pthread_kill(main, signal.SIGHUP)
        self._asked = self._hung_up = False

    def stopping(self) -> None:
        """From now on plugins are shut down, and each has its time."""
        self._patience = SHUTDOWN_SECONDS

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            _end_at_once("Stopped at once.")
        self._asked = True
        self._wake_again()
        self._turn()
        signal.signal(signal.SIGALRM, self._on_alarm)
        signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)

    def _on_hangup_signal(self, number: int, frame: FrameType | None) -> None:
        self._hung_up = True
        self._wake_again()

    def _wake_again(self) -> None:
        """Python's own byte may have woken the loop already: a signal that comes while a thread takes the interpreter's
        lock is noticed only when that is taken the next time (CPython 3.11, COMPUTE_EVAL_BREAKER)."""
        with contextlib.suppress(OSError):  # there are enough of them, or it is over
            self._waking.send(b"\0")

    def _wake(self) -> None:
        """In the loop: so it turns."""
        self._woken.recv(4096)
        if self._asked and not self.stopped.is_set():
            self.stopped.set()
            self._pulse.start(self._turn)
        self._tell_hangup()

    def _tell_hangup(self) -> None:
        if self._hung_up and self._on_hangup is not None:
            self._hung_up = False
            self._on_hangup()

    def _turn(self) -> None:
        self._turned, self._alarms = time.monotonic(), 0

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        """Somewhere in the code that runs at this moment: has it been running for too long? On a busy machine it may
        not have run at all: so much of these alarms is lost then, which come one by one to who runs."""
        self._alarms += 1
        held = min(time.monotonic() - self._turned, self._alarms * LOOK_SECONDS)
        if held < self._patience:
            return
        plugin, _ = self.owners.of_frame(frame) if self.owners is not None else ("", None)
        if not plugin:
            return  # our own code ends
        self._interruptions += 1
        if self._interruptions > INTERRUPTIONS:
            _end_at_once(f"Stopped at once: the plugin {plugin} does not let go of the event loop.")
        self._turn()
        raise Interrupted(f"it held the event loop for {held:.0f} seconds while the server is to stop")


def release() -> None:
    """What waits comes now. To be called once there are handlers."""
    for _, number in TIMERS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)


def _end_at_once(why: str) -> None:
    logs.flush()
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(1)
