"""What one asks of a connection, and what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from greenchat.client import Client, RefusedError
from greenchat.connect.commands import Commands, Run
from greenchat.connect.model.chats import Chats
from greenchat.connect.model.place import About, Place
from greenchat.connect.model.timeline import Item
from greenchat.protocol.events import Deleted, Message
from greenchat.protocol.replies import HistoryPage, SearchResults
from greenchat.protocol.requests import Ref

# Messages of a page, as many as the page in the browser asks for; and so many behind one that is jumped to.
PAGE = 100
AROUND = 25

# Results of a search that come at once, as many as the page in the browser asks for.
FOUND = 50

NO_CONNECTION = "There is no connection at the moment: nothing was done."

Kind = Literal["say", "command", "change", "older", "newer", "around", "one", "quote", "join", "part", "search", "ping"]

# Who is told what came of it: why it was refused, or nothing.
Done = Callable[[str], None]


@dataclass(slots=True, eq=False)
class Asked:
    """`place` is where it is asked, `item` how it is shown while nothing has come of it. `line` is as it was typed, and
    may have a secret. `aside`: one goes on looking at what one looks at. `since` is when it was sent, on the clock that
    the sender was given."""

    kind: Kind
    place: Place | None
    line: str = field(default="", repr=False)
    item: Item | None = None
    about: About | None = None
    run: Run | None = None
    seq: int = 0
    again: bool = False
    aside: bool = False
    since: float = 0.0
    done: Done | None = None
    found: Callable[[SearchResults], None] | None = None


class Asking:
    """What is asked for at once, or not at all. `target` is a message to be shown, and its place, once it is here."""

    def __init__(self, chats: Chats, commands: Commands, clock: Callable[[], float]) -> None:
        self._chats = chats
        self._commands = commands
        self._clock = clock
        self._client: Client | None = None
        self._asked: dict[Ref, Asked] = {}
        self.target: tuple[str, int] | None = None
        self.entered: Callable[[str], None] = chats.show  # one has come into a room that one has asked for
        self.parted: Callable[[Place], None] = lambda place: chats.drop(place.id)  # and out of one

    @property
    def since(self) -> float | None:
        """When the oldest was sent that has no answer; None where all have one."""
        return min((asked.since for asked in self._asked.values()), default=None)

    def asked_as(self, ref: Ref) -> Asked | None:
        return self._asked.get(ref)

    # --- change; never queued: what one means is on the screen now ---

    def edit(self, place: Place, seq: int, text: str, done: Done | None = None) -> None:
        self._ask("change", place, lambda client: client.edit(place.there["room"], seq, text, **_talk(place)), done)

    def delete(self, place: Place, seq: int, done: Done | None = None) -> None:
        self._ask("change", place, lambda client: client.delete(place.there["room"], seq, **_talk(place)), done)

    def react(self, place: Place, seq: int, emoji: str, on: bool = True, done: Done | None = None) -> None:
        room = place.there["room"]
        self._ask("change", place, lambda client: client.react(room, seq, emoji, on, **_talk(place)), done)

    # --- come and go ---

    def join(self, room: str, key: str = "", done: Done | None = None, *, aside: bool = False) -> None:
        """Come into a room, and look at it then, unless it is `aside`."""
        known = self._chats.places.get(room.lstrip("#").lower())
        if known is not None and not known.gone:
            if not aside:
                self._chats.show(known.id)
            return
        asked = self._ask("join", None, lambda client: client.ask_enter(room, key), done)
        if asked is not None:
            asked.aside = aside

    def part(self, place: Place, done: Done | None = None) -> None:
        """Go out of a room, or put a conversation away."""
        if place.is_direct or place.gone:
            self._chats.drop(place.id)
            return
        self._ask("part", place, lambda client: client.part(place.id), done)

    # --- look back ---

    def older(self, place: Place) -> bool:
        """Have what was said before; whether that is asked for."""
        timeline = place.timeline
        if not timeline.older or place.is_new or self._is_asked(place):
            return False
        before = timeline.first
        return self._page("older", place, before=before)

    def newer(self, place: Place) -> bool:
        if not place.timeline.newer or self._is_asked(place):
            return False
        return self._page("newer", place, after=place.timeline.last)

    def latest(self, place: Place) -> bool:
        """Back to the present."""
        if not place.timeline.newer:
            return False
        place.timeline.clear()
        return self._page("older", place)

    def around(self, place: Place, seq: int) -> bool:
        """Show the message `seq`: it is the `target` from when it is here."""
        if place.timeline.item(seq) is not None:
            self.target = (place.id, seq)
            return True
        return self._page("around", place, before=seq + AROUND, seq=seq)

    def look_up(self, place: Place, seq: int) -> bool:
        """Have what is answered there, to be quoted; whether that is asked for."""
        if place.timeline.answered(seq) is not None or seq in place.timeline.quotes:
            return False
        if any(asked.kind == "quote" for asked in self._asked.values()):
            return False  # one after the other
        if place.timeline.older is None or place.is_new:
            place.timeline.quote(seq, None)
            return True
        return self._page("quote", place, before=seq + 1, after=seq - 1, seq=seq)

    def search(
        self,
        text: str,
        found: Callable[[SearchResults], None],
        place: Place | None = None,
        *,
        before: int = 0,
        done: Done | None = None,
    ) -> None:
        """In `place`, or in all that one may read; what has an id below `before`, unless that is 0. Without a `text` it
        is what concerns one."""
        there = place.there if place is not None else {"room": "", "conversation": ""}
        asked = self._ask(
            "search",
            place,
            lambda client: (
                client.ask_search(text, there["room"], conversation=there["conversation"], before=before, limit=FOUND)
                if text
                else client.ask_mentions(before=before, limit=FOUND)
            ),
            done,
        )
        if asked is not None:
            asked.found = found

    def ping(self) -> None:
        self._ask("ping", None, lambda client: client.ping())

    def _page(self, kind: Kind, place: Place, *, before: int = 0, after: int = 0, seq: int = 0) -> bool:
        room, talk = place.there["room"], _talk(place)
        asked = self._ask(
            kind,
            place,
            lambda client: client.ask_history(room, before=before, after=after, limit=PAGE, **talk),
            lambda why: None,
        )
        if asked is None:
            return False
        asked.seq = seq
        return True

    def _is_asked(self, place: Place) -> bool:
        pages = ("older", "newer", "around")
        return any(asked.place is place and asked.kind in pages for asked in self._asked.values())

    def _ask(
        self, kind: Kind, place: Place | None, send: Callable[[Client], Ref], done: Done | None = None
    ) -> Asked | None:
        """Raises `DisconnectedError`."""
        asked = Asked(kind, place, done=done)
        if self._client is None:
            self._refused(asked, NO_CONNECTION)
            return None
        try:
            ref = send(self._client)
        except RefusedError as refusal:
            if refusal.code == "no_history" and place is not None:
                place.timeline.older = None
            self._refused(asked, str(refusal))
            return None
        asked.since = self._clock()
        self._asked[ref] = asked
        return asked

    def _refused(self, asked: Asked, why: str) -> None:
        place = asked.place
        if asked.item is not None and place is not None:
            asked.item.become("failed", why)
            place.timeline.revision += 1
        elif asked.done is None:
            self._chats.tell(place, why, error=True)
        if asked.done is not None:
            asked.done(why)

    def _paged(self, asked: Asked, page: HistoryPage) -> None:
        place = asked.place
        if place is None:
            return
        timeline = place.timeline
        match asked.kind:
            case "older":
                timeline.older = page.more
                self._chats.add_page(place, page.events, older=timeline.first > 0)
                timeline.older = page.more
            case "newer":
                timeline.newer = page.more
                self._chats.add_page(place, page.events, older=False)
            case "around":
                timeline.clear()
                timeline.newer = True
                self._chats.add_page(place, page.events, older=True)
                timeline.older, timeline.newer = page.more, timeline.last < place.reach.seq
                self.target = (place.id, asked.seq)
            case "one":
                self._chats.add_page(place, page.events, older=False)
            case "quote":
                found = (event for event in page.events if isinstance(event, Message | Deleted))
                timeline.quote(asked.seq, next((event for event in found if event.seq == asked.seq), None))
        timeline.revision += 1


def _talk(place: Place) -> dict[str, str]:
    return {"conversation": place.there["conversation"]}
