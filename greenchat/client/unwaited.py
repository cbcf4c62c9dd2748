"""What one asks without waiting for the answer, as who waits for other things as well: `receive` brings it."""

from greenchat.client.saying import Saying
from greenchat.protocol.requests import History, Join, ListMentions, Ping, Ref, Search


class Unwaited(Saying):
    """Each returns the ref under which the answer comes: what is named with it, or an `Error`. They raise
    `DisconnectedError`, and `RefusedError` for what cannot be sent."""

    def ask_enter(self, room: str, key: str = "") -> Ref:
        """As `enter`: a `Welcome`."""
        ref = next(self._refs)
        self._send(Join("", room, ref, key=key))
        return ref

    def ask_history(
        self,
        room: str = "",
        *,
        conversation: str = "",
        before: int = 0,
        after: int = 0,
        limit: int = 50,
    ) -> Ref:
        """As `history`: a `HistoryPage`."""
        ref = next(self._refs)
        self._send(History(room, before, after, None, None, limit, ref, conversation=conversation))
        return ref

    def ask_search(self, text: str, room: str = "", *, conversation: str = "", before: int = 0, limit: int = 20) -> Ref:
        """As `search`: `SearchResults`."""
        ref = next(self._refs)
        self._send(Search(text, room, before, limit, ref, conversation))
        return ref

    def ask_mentions(self, *, before: int = 0, limit: int = 20) -> Ref:
        """Ask what concerns one, with an `id` below `before`, unless that is 0: `SearchResults`."""
        ref = next(self._refs)
        self._send(ListMentions(before, limit, ref))
        return ref

    def ping(self) -> Ref:
        """Ask for a sign of life, in its turn behind all that was asked before: a `Pong`."""
        ref = next(self._refs)
        self._send(Ping(ref))
        return ref
