"""What waits for all who read slower than others talk: how much it is in all, and whether a room is too fast for its
readers."""

import time
from collections.abc import Iterable
from typing import Protocol
from weakref import WeakKeyDictionary

from greenchat.chat.room import Room
from greenchat.config.schema import Limits
from greenchat.protocol.address import host_of, network_of

# Once so many bytes wait for somebody, they have fallen behind: a quarter of what may, by default.
LATE_BYTES = 256 * 1024

# Who has taken nothing for so long, in seconds, is not slow but gone, and nobody waits for them.
DEAD_SECONDS = 2.0

# A room is slowed down for its readers' sake when one of so many has fallen behind, and not for fewer than LEAST_LATE.
ONE_OF = 10
LEAST_LATE = 3

# How long it is taken that a room is ahead of its readers once it was found to be, in seconds; and that it is not: all
# members are looked at for that, and a flood fills an outbox within some hundredths of a second.
LOOK_SECONDS = 0.05
CALM_SECONDS = 0.01

# When too much waits in all, so much of it goes that there is room for a while: to find the slowest, all are looked at.
SHED_TO = 0.9


class Reader(Protocol):
    """An outbox for which something waits."""

    bytes_waiting: int
    took_at: float

    def fail(self, reason: str) -> None: ...


class Backlog:
    """`bytes` is what waits, in all. Those for whom something waits begin and end here, and count what they add and
    send."""

    def __init__(self, limits: Limits) -> None:
        self.bytes = 0
        self._limit = limits.outboxes_bytes
        self._waiting: set[Reader] = set()
        self._looks: WeakKeyDictionary[Room, tuple[float, bool]] = WeakKeyDictionary()

    def change_limits(self, limits: Limits) -> None:
        self._limit = limits.outboxes_bytes

    def begins(self, reader: Reader) -> None:
        self._waiting.add(reader)
        self.bytes += reader.bytes_waiting

    def ends(self, reader: Reader) -> None:
        self._waiting.discard(reader)
        self.bytes -= reader.bytes_waiting

    @property
    def most(self) -> int:
        """What waits for the slowest."""
        return max((reader.bytes_waiting for reader in self._waiting), default=0)

    @property
    def is_full(self) -> bool:
        return 0 < self._limit < self.bytes

    def shed(self) -> None:
        """Give up those who are furthest behind, until there is room again."""
        for reader in sorted(self._waiting, key=lambda reader: reader.bytes_waiting, reverse=True):
            if self.bytes <= SHED_TO * self._limit:
                break
            reader.fail("reads too slowly: too much waited for all who do")

    def is_ahead(self, room: Room) -> bool:
        """Whether what is said in `room` is too much for many of its readers, so that who says it should wait."""
        if len(self._waiting) < LEAST_LATE or sum(map(_is_late, self._waiting)) < LEAST_LATE:
            return False
        now = time.monotonic()
        until, ahead = self._looks.get(room, (0.0, False))
        if now >= until:
            ahead = self._look(room, now)
            self._looks[room] = now + (LOOK_SECONDS if ahead else CALM_SECONDS), ahead
        return ahead

    def _look(self, room: Room, now: float) -> bool:
        """Each address counts once, so that nobody can slow a room down alone."""
        sessions = room.fanout.listeners
        late = _networks(
            session.address
            for session in sessions
            if _is_late(session.outbox) and now - session.outbox.took_at < DEAD_SECONDS
        )
        if len(late) < LEAST_LATE:
            return False
        return len(late) * ONE_OF >= len(_networks(session.address for session in sessions))


def _is_late(reader: Reader) -> bool:
    return reader.bytes_waiting > LATE_BYTES


def _networks(addresses: Iterable[str]) -> set[str]:
    return {network_of(host_of(address)) for address in addresses}
