"""What one has read, as the server is told: what was shown here, now and then."""

from time import monotonic

from greenchat.client import Client
from greenchat.client.asking import KNOWS_CONVERSATIONS
from greenchat.client.places import conversation_at
from greenchat.protocol.events import Event
from greenchat.protocol.replies import Ack, Error
from greenchat.protocol.requests import Frame, Ref

# How often it is told, in seconds: other devices need not know sooner, and it counts as what one says.
READ_SECONDS = 2.0


class Reading:
    """Places are spelt as in `client/places.py`."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}  # what the server has been told, or has told
        self._shown: dict[str, int] = {}  # what it has not
        self._refs: set[Ref] = set()
        self._told_at = -READ_SECONDS
        self._due = 0.0  # when one has said that one asks again

    def shown(self, place: str, seq: int) -> None:
        """What is there, up to this message, stands on the screen."""
        if seq > max(self._known.get(place, 0), self._shown.get(place, 0)):
            self._shown[place] = seq

    def known(self, place: str, seq: int) -> None:
        """One has read it up to there, as the server has it."""
        self._known[place] = seq
        if self._shown.get(place, 0) <= seq:
            self._shown.pop(place, None)

    def forget(self, place: str) -> None:
        self._known.pop(place, None)
        self._shown.pop(place, None)

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
