"""When Python looks for what nobody uses any more: while nobody types. Looking through all there is takes 40 ms, and
kept one key in a hundred waiting in a burst of messages."""

import asyncio
import gc
import time
from collections.abc import Callable

# What is young is looked through as always, which takes a millisecond; all there is, never by itself.
THRESHOLDS = (1_000, 5, 1_000_000)

# After so long without a key nobody is typing. It is done no more often than this, and at the latest after so long:
# 100,000 messages leave 12 MB at most. In seconds.
IDLE_SECONDS, EVERY_SECONDS, LATEST_SECONDS = 2.0, 30.0, 300.0


class Collecting:
    """`typed_at` tells when a key was pressed last, by `time.monotonic`."""

    def __init__(self, typed_at: Callable[[], float]) -> None:
        self._typed_at = typed_at
        self._collected_at = time.monotonic()

    def begin(self) -> None:
        """To be called in the loop, once all is imported: what is there by now stays."""
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        self._again()

    def _again(self) -> None:
        asyncio.get_running_loop().call_later(IDLE_SECONDS, self._look)

    def _look(self) -> None:
        now = time.monotonic()
        is_idle = now - self._typed_at() > IDLE_SECONDS
        since = now - self._collected_at
        if since > LATEST_SECONDS or (is_idle and since > EVERY_SECONDS):
            gc.collect()
            self._collected_at = now
        self._again()
