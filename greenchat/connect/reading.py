"""What one has read, as the server is told: what was shown here, now and then."""

from time import monotonic
from typing import NamedTuple

from greenchat.client import Client
from greenchat.client.asking import KNOWS_CONVERSATIONS
from greenchat.client.places import conversation_at
from greenchat.protocol.events import Event
from greenchat.protocol.replies import Ack, Error
from greenchat.protocol.requests import Frame, Ref

# How often it is told, in seconds: other devices need not know sooner, and it counts as what one says.
READ_SECONDS = 2.0


class Gap(NamedTuple):
    """The messages of a place from `first` to `last`."""

    first: int
    last: int


class Reading:
    """Places are spelt as in `client/places.py`."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}  # what the server has been told, or has told
        self._shown: dict[str, int] = {}  # what it has not
        self._gaps: dict[str, Gap] = {}
        self._behind: dict[str, int] = {}  # what was shown behind them
        self._refs: set[Ref] = set()
        self._told_at = -READ_SECONDS
        self._due = 0.0  # when one has said that one asks again

    def shown(self, place: str, seq: int) -> None:
        """What is there, up to this message, stands on the screen; but for what was `skipped`."""
        if place in self._gaps:
            self._behind[place] = max(seq, self._behind.get(place, 0))
        elif seq > max(self._known.get(place, 0), self._shown.get(place, 0)):
            self._shown[place] = seq

    def skipped(self, place: str, gap: Gap) -> None:
        """That does not stand on the screen. Until it does, or was read elsewhere, nothing behind it counts as read:
        else it would vanish from one's other devices unseen."""
        if gap.first <= gap.last:
            self._gaps[place] = gap

    def shown_from(self, place: str, first: int) -> None:
        """All that is there from this message on stands on the screen."""
        if place in self._gaps and first <= self._gaps[place].first:
            self._close(place)

    def _close(self, place: str) -> None:
        del self._gaps[place]
        self.shown(place, self._behind.pop(place, 0))

    def known(self, place: str, seq: int) -> None:
        """One has read it up to there, as the server has it."""
        self._known[place] = seq
        if self._shown.get(place, 0) <= seq:
            self._shown.pop(place, None)
        gap = self._gaps.get(place)
        if gap is not None:
            self._gaps[place] = gap._replace(first=max(gap.first, seq + 1))
            if seq >= gap.last:
                self._close(place)

    def forget(self, place: str) -> None:
        for about in (self._known, self._shown, self._gaps, self._behind):
            about.pop(place, None)

    def lost(self) -> None:
        """What was under way may not have arrived."""
        self._refs.clear()

    def tell(self, client: Client, *, at_once: bool = False) -> float | None:
        """Tell the server, if that is due; in how many seconds to do so again, None where that need not be. Raises
        `DisconnectedError`."""
        if client.protocol < KNOWS_CONVERSATIONS:
            self._shown.clear()
        if not self._shown:
            return None
        now = monotonic()
        wait = self._told_at + READ_SECONDS - now
        if wait > 0 and not at_once:
            if self._due > now:
                return None
            self._due = now + wait
            return wait
        self._told_at = now
        for place, seq in [*self._shown.items()]:
            conversation = conversation_at(place)
            self._refs.add(client.read("" if conversation else place, seq, conversation=conversation))
            self.known(place, seq)
        return None

    def is_answer(self, item: Event | Frame) -> bool:
        """Whether `item` answers this; nobody needs to be shown it."""
        if not isinstance(item, Ack | Error) or item.ref not in self._refs:
            return False
        self._refs.discard(item.ref)
        return True
