"""How far one is in a room or conversation, and what has come behind that."""

from datetime import datetime
from typing import NamedTuple

from greenchat.protocol.events import EPOCH, Deleted, Event, Message, PastEvent
from greenchat.protocol.replies import DirectState, Welcome


class Mark(NamedTuple):
    """The latest message of a place that has been shown, by id and number, and when the latest of all that was shown
    had happened; and up to which `rev` of an `epoch` one has been told what becomes of its messages."""

    id: int = 0
    time: datetime = EPOCH
    seq: int = 0
    rev: int = 0
    epoch: str = ""


class Now(NamedTuple):
    """How far a place is: what comes behind that is told by itself."""

    seq: int = 0
    rev: int = 0
    epoch: str = ""

    @staticmethod
    def of(told: Welcome | DirectState, epoch: str) -> "Now":
        return Now(told.seq, told.rev, epoch)


class Missed(NamedTuple):
    """What the server's history has from about when the connection was lost to when one came back. `gap`: there was
    more in between. `kept`: there is a history at all."""

    events: list[Event]
    gap: bool = False
    kept: bool = True

    def first(self, after: int) -> int:
        """The first message that it has; the one `after` this, where it has none."""
        return min((event.seq for event in self.events if isinstance(event, Message | Deleted)), default=after + 1)


def rooms_of(welcome: Welcome) -> list[str]:
    """The rooms that one is in, the one of the welcome first."""
    return [room for room in dict.fromkeys([welcome.room, *welcome.rooms]) if room]


def is_after(event: PastEvent, mark: Mark) -> bool:
    if not isinstance(event, Message):
        return event.time > mark.time
    # Ids rise over restarts, too; where none has been seen yet, one came when the room had that number.
    return event.id > mark.id if mark.id else event.seq > mark.seq


def is_changed(event: Message | Deleted, mark: Mark, now: Now) -> bool:
    """Whether something has become of a message that is no news itself, up to now."""
    if isinstance(event, Message) and is_after(event, mark):
        return False
    return event.seq <= mark.seq and mark.epoch == now.epoch and mark.rev < event.rev <= now.rev
