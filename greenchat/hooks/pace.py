"""How fast one plugin may talk. Bots that answer each other after a while are no cascade (chat/cascade.py), and each
message may cause several more: without a bound, there would be thousands within a minute."""

from collections.abc import Callable

from greenchat.errors import Reject
from greenchat.hooks.token_bucket import TokenBucket
from greenchat.protocol.durations import in_units

# What all bots of one plugin, and all for whom it speaks, may say in one room at once, and then in a second: a bridge
# to a busy room elsewhere has half of that, and people read a tenth.
BURST, RATE = 100.0, 10.0


class Pace:
    """That of one plugin."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, TokenBucket] = {}

    def spend(self, room: str) -> None:
        """Count a message in `room`. Raises `Reject` where that is too much."""
        bucket = self._buckets.get(room)
        if bucket is None:
            self._forget()
            bucket = self._buckets[room] = TokenBucket(BURST, self._clock)
        seconds = bucket.spend(1.0, BURST, RATE)
        if seconds:
            raise Reject(
                f"That is too much at once: a plugin says {RATE:g} messages a second in one room. "
                f"Again in {in_units(seconds)}.",
                code="try_later",
            )

    def _forget(self) -> None:
        """Drop the full buckets, now and then: a new one is as good."""
        if len(self._buckets) % 100 == 99:
            for room, bucket in list(self._buckets.items()):
                bucket.spend(0.0, BURST, RATE)
                if bucket.left >= BURST:
                    del self._buckets[room]
