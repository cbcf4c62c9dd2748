"""How what is said and changed is told, to who has seen what was shown before."""

from collections.abc import Container, Iterable, Iterator, Sequence

from greenchat.client.places import place_at, place_of
from greenchat.codecs import wording
from greenchat.codecs.wording import after_page, before_page, between, counted, local
from greenchat.connect.common import Kind, Line, info_line
from greenchat.connect.model.marks import Mark, Missed, Now, is_after, is_changed
from greenchat.connect.seen import Seen
from greenchat.connect.shown import shown, shown_message
from greenchat.protocol.events import Change, Deleted, Event, Message, PastEvent
from greenchat.protocol.replies import Conversations, DirectState, HistoryPage
from greenchat.protocol.requests import Frame
from greenchat.protocol.text import some_of

MEANWHILE = "While you were away:"
MORE = "There is more. Type: /messages {} {}"
UNREAD = "Unread: {}."
NOT_SHOWN = "/messages NAME tells what you have not seen."

# So many messages of a conversation are told at once, as many as the server gives.
MOST_TOLD = 200

# Of so many places it is told how much is unread: more than a line holds helps nobody.
UNREAD_SHOWN = 10


class Telling:
    """`seen` is what was shown. `quotes`: an answer is shown with how that begins which it answers."""

    def __init__(self, *, quotes: bool) -> None:
        self._quotes = quotes
        self.seen = Seen()

    def told(self, item: Event | Frame) -> list[Line]:
        """How it is shown, as what has been told by now."""
        if isinstance(item, Change):
            return [info_line(wording.changed(item, self.seen.changed(item), whole=True))]
        if isinstance(item, PastEvent):
            self.seen.happened(item)
        if isinstance(item, Message):
            return [*shown_message(item, self._words(item))]
        return [*shown(item)]

    def _words(self, message: Message) -> str:
        if not self._quotes:
            return wording.said(message)
        return wording.answering(message, self.seen.message(place_of(message), message.reply_to))

    def page(self, here: str, page: HistoryPage) -> Iterator[Line]:
        """What was said before, between two lines that say so; `here` is the room that is seen. Nothing is replayed
        that has been shown already."""
        replayed = page.ref is None  # nobody has asked for it
        kind = Kind.REPLAYED if replayed else Kind.PAST
        if replayed and page.room != here:
            return  # of what is said there now one reads enough
        place = place_of(page)
        mark = self.seen.mark(place)
        past = [event for event in page.events if isinstance(event, PastEvent)]
        events = [event for event in past if not replayed or is_after(event, mark)]
        if events:
            # Commands with a number are about a room: what is alone here must not be answered aloud.
            numbered = not replayed and not page.conversation
            yield from self._between(place, wording.place_of(page), events, kind, numbered=numbered)
        elif not replayed:
            yield info_line(f"Nothing was said {wording.place_of(page)} before.", kind)

    def waited(self, state: DirectState, missed: Missed) -> Iterator[Line]:
        """What somebody has written while one was not there."""
        events = [event for event in missed.events if isinstance(event, Message)]
        if events:
            place, where = place_at("", state.conversation), between(state.with_)
            yield from self._between(place, where, events, Kind.PAST)
        if missed.gap:
            yield info_line(MORE.format(state.with_, min(state.unread, MOST_TOLD)))

    def _between(
        self, place: str, where: str, events: Sequence[PastEvent], kind: Kind, *, numbered: bool = False
    ) -> Iterator[Line]:
        yield info_line(before_page(where, events, local), kind)
        yield from self._past(place, events, kind, numbered=numbered)
        yield info_line(after_page(events, local), kind)

    def told_missed(self, place: str, where: str, events: Iterable[PastEvent], mark: Mark, gap: bool) -> Iterator[Line]:
        events = [event for event in events if is_after(event, mark)]
        if events:
            least = "at least " * gap
            yield info_line(f"You missed {least}{counted(events, 'a ')} {where}, since {local(events[0].time)}:")
            yield from self._past(place, events, Kind.PAST)
            yield info_line(f"That was while you were away, until {local(events[-1].time)}.")

    def told_changes(self, where: str, events: Iterable[Event], mark: Mark, now: Now) -> Iterator[Line]:
        """`where` stands before it."""
        for event in events:
            if isinstance(event, Message | Deleted) and is_changed(event, mark, now):
                for change, before in self.seen.changes(event):
                    yield info_line(f"{where}{MEANWHILE} {wording.changed(change, before, whole=True)}", Kind.PAST)

    def _past(self, place: str, events: Sequence[PastEvent], kind: Kind, *, numbered: bool = False) -> Iterator[Line]:
        """With the numbers of the messages, where one has asked for that: commands take them."""
        for event in events:
            self.seen.past(place, event)
        for event in events:
            number, lines = "", shown(event)
            if isinstance(event, Message):
                number = f"[{event.seq}] " * numbered
                lines = shown_message(event, self._words(event) + wording.marks(event), past=True)
            for line in lines:
                yield Line(kind, f"{number}{local(event.time)} {line.head}", line.body)


def unread(conversations: Conversations, seen: Container[str], *, rooms: bool) -> str:
    """How much is unread of what was not `seen`; empty where nothing is."""
    told = [f"{one.with_} {one.unread}" for one in unseen(conversations, seen)]
    for room in conversations.rooms if rooms else ():
        if room.unread:
            verb = "mentions" if room.mentions == 1 else "mention"
            told.append(f"{room.room} {room.unread}" + f" ({room.mentions} {verb} you)" * bool(room.mentions))
    return UNREAD.format(some_of(told, UNREAD_SHOWN)) if told else ""


def unseen(conversations: Conversations, seen: Container[str]) -> list[DirectState]:
    return [one for one in conversations.direct if one.unread and place_at("", one.conversation) not in seen]
