"""When clients that ask for no history were here last: what others have said since then they have missed, and what was
said before they have shown already."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from .client import Client

# So many are remembered: who is not is told all that others are who come in.
KEPT = 2048

# What was on its way to a client that was lost may not have arrived, in seconds; nor what was said since it was heard
# of last. Who says that they go has read all.
ON_ITS_WAY = 10.0


class Absent:
    """`left` is what goes along over a reload: by devices, when each was here last.

    A device is an account, and what a client says of itself: two of one kind that are here at once cannot be told
    apart, and are told all.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state
        self._here: Counter[str] = Counter()

    @property
    def _left(self) -> dict[str, float]:
        left: dict[str, float] = self._state.setdefault("left", {})
        return left

    def came(self, client: Client, account: int, address: str) -> None:
        """It has come in: until it says something, it is to be told what was said since it was here last."""
        if not account:
            return
        host = address.rpartition(":")[0]
        device = "\n".join((str(account), host, client.user, client.realname, *sorted(client.caps)))
        client.since = self._left.get(device, 0.0) if not self._here[device] else 0.0
        client.device = device
        self._here[device] += 1

    def is_still_here(self, client: Client) -> None:
        """It was carried over a reload."""
        if client.device:
            self._here[client.device] += 1

    def went(self, client: Client) -> None:
        device, left = client.device, self._left
        if not device:
            return
        self._here[device] -= 1
        left.pop(device, None)
        if self._here[device] > 0:
            return  # it was lost, perhaps, and has come back
        del self._here[device]
        left[device] = client.heard - (0.0 if client.says_goodbye else ON_ITS_WAY)
        while len(left) > KEPT:
            del left[next(iter(left))]


def is_new(client: Client, time: datetime) -> bool:
    """Whether the client has not been told what was said at this time."""
    return time.astimezone(UTC).timestamp() > client.since
