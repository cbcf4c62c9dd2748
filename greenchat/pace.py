"""Flood control: what a client has sent is handled in parts, and no faster than it may send."""

from collections.abc import Iterator, Sequence

import gevent

from greenchat.allowance import Allowance
from greenchat.config import Limits
from greenchat.frames import Request

# What is read at once. Larger reads make larger batches, and let one fast sender hold the loop for longer: this much
# is two hundred short messages. Four times as much made no room faster, and turns of the loop half as long again.
READ_BYTES = 16 * 1024

# How many frames are handled before it is asked whether what they brought should go out already. Receivers then work
# while we do: with two in a room that sends in one go, 128 made it a third faster than all of a read at once.
PART_FRAMES = 128


class Pace:
    """One client's, by the `limits` that hold when it comes. `read_bytes` is how much to read of it at once."""

    __slots__ = ("_allowance", "_burst", "_rate", "read_bytes")

    def __init__(self, limits: Limits) -> None:
        self._rate = limits.flood_rate
        self._burst = max(limits.flood_burst, 1)
        self._allowance = Allowance(self._burst)
        # Who is slowed down is read in small sips: what is read waits here, decoded, until its turn comes.
        slow = self._rate and limits.frame_bytes
        self.read_bytes = min(READ_BYTES, limits.frame_bytes + 2) if slow else READ_BYTES

    def parts(self, frames: Sequence[Request], size: int) -> Iterator[Sequence[Request]]:
        """`frames`, which came as `size` bytes, in parts, each when its time has come. Meanwhile nothing is read, so
        that TCP pushes back and nothing is lost. Bytes that make no frame, such as empty lines, are not free either:
        as many as are read at once count as one."""
        if not self._rate:
            for start in range(0, len(frames), PART_FRAMES):
                yield frames[start : start + PART_FRAMES]
            return
        if not frames:
            self._spend(size / self.read_bytes)
        done = 0
        while done < len(frames):
            self._spend(1)
            more = min(int(self._allowance.left), PART_FRAMES - 1, len(frames) - done - 1)
            self._spend(more)
            yield frames[done : done + 1 + more]
            done += 1 + more

    def _spend(self, cost: float) -> None:
        """Wait until this client may send `cost` frames more."""
        while seconds := self._allowance.spend(cost, self._burst, self._rate):
            gevent.sleep(seconds)
