"""How long each step of a hand-over takes, for the log at its level debug: by that one sees where a pause goes."""

import logging
import time

log = logging.getLogger("greenchat.server")

LINE = "reload: %s (%.1f ms)"


class Steps:
    """Those from a moment on, of a clock that goes on over the end of the process, in seconds. With `waits` they are
    told once there is a log: see `tell`."""

    def __init__(self, began: float | None = None, *, waits: bool = False) -> None:
        self._at = time.monotonic() if began is None else began
        self._waiting: list[tuple[str, float]] | None = [] if waits else None

    def done(self, what: str, at: float | None = None) -> None:
        """Up to now, or to that moment, it took until this was so."""
        now = time.monotonic() if at is None else at
        step = what, 1000 * (now - self._at)
        self._at = now
        if self._waiting is None:
            log.debug(LINE, *step)
        else:
            self._waiting.append(step)

    def tell(self) -> None:
        """Tell what has waited, and wait no more."""
        for step in self._waiting or ():
            log.debug(LINE, *step)
        self._waiting = None
