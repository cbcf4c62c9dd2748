"""Acknowledgements that plugins hold back, and how long they may."""

import logging
import time
from collections.abc import Callable

from greenchat.errors import Reject, sendable
from greenchat.hooks.ledger import Ledger

log = logging.getLogger("greenchat.plugins")

Release = Callable[[Reject | None], None]

# How long a plugin may hold an acknowledgement, in seconds. Who keeps messages releases with a verdict when that cannot
# be done; a disk or another data centre that has not answered after a minute will not do so while anybody waits.
HOLD_SECONDS = 60.0

# ... and for how long, once it has forgotten one, until it releases another: its senders are not to wait for a minute
# with each message. Nothing is lost by that: they are told that it is not known to be kept.
DISTRUSTED_SECONDS = 1.0

# How often overdue ones are looked for, while any are held.
LOOK_SECONDS = 1.0


class Held:
    """One acknowledgement that is held: what a plugin calls once, with None or with why it cannot be. Calling it again,
    or too late, does nothing."""

    __slots__ = ("_holds", "began", "plugin", "release", "room", "seq", "until")

    def __init__(self, holds: "Holds", plugin: str, release: Release, room: str, seq: int) -> None:
        self._holds = holds
        self.room = room
        self.seq = seq
        self.began = 0.0
        self.plugin = plugin
        self.release: Release | None = release
        self.until = 0.0

    def __call__(self, problem: Reject | None) -> None:
        if problem is not None and not isinstance(problem, Reject):
            raise TypeError(f"release takes None or a Reject, not {type(problem).__name__}")
        release, self.release = self.release, None
        if self.until:
            self._holds.released(self, problem)
        if release is not None:
            release(problem and sendable(problem))


class Holds:
    """All that are held. `later(seconds, function)` calls a function once the seconds are over. What was held for long
    is noted in `ledger`."""

    def __init__(self, later: Callable[[float, Callable[[], None]], object], ledger: Ledger) -> None:
        self._later = later
        self._ledger = ledger
        self._held: dict[Held, None] = {}
        self._distrusted: set[str] = set()
        self._looks = False  # whether overdue ones are going to be looked for

    def keep(self, held: Held) -> None:
        """The plugin has taken it, and not released it yet: from now on it has so long."""
        held.began = time.monotonic()
        held.until = held.began + (DISTRUSTED_SECONDS if held.plugin in self._distrusted else HOLD_SECONDS)
        self._held[held] = None
        self._look_later()

    def released(self, held: Held, problem: Reject | None) -> None:
        """The plugin has released what was kept, though it may be too late."""
        if self._held.pop(held, held) is None:
            self._note(held, problem)
        self._distrusted.discard(held.plugin)

    def _look_later(self) -> None:
        if not self._looks:
            self._looks = True
            self._later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._looks = False
        now = time.monotonic()
        overdue = [held for held in self._held if held.until <= now]
        for plugin in {held.plugin for held in overdue}:
            count = sum(held.plugin == plugin for held in overdue)
            log.error(
                "plugin %s has not released acknowledgements that it holds: %d", plugin, count, extra={"plugin": plugin}
            )
            self._distrusted.add(plugin)
        for held in overdue:
            del self._held[held]
            release, held.release = held.release, None
            if release is not None:
                text = "This was said, but a plugin that keeps it has not done so in time. Do not send it again."
                problem = Reject(text, code="not_stored")
                self._note(held, problem)
                release(problem)
        if self._held:
            self._look_later()

    def _note(self, held: Held, problem: Reject | None) -> None:
        seconds = time.monotonic() - held.began
        self._ledger.held(held.plugin, "greenchat_delay_ack", held.room, held.seq, seconds, problem)
