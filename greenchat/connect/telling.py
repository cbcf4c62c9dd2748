"""How what is said and changed is told, to who has seen what was shown before."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from greenchat.codecs import wording
from greenchat.codecs.wording import after_page, before_page, counted, local, place_of
from greenchat.connect.common import Kind, Line, clean, info_line
from greenchat.connect.seen import Mark, Seen, is_after, is_changed
from greenchat.connect.shown import shown, shown_message
from greenchat.protocol.events import Change, Deleted, Event, Message, PastEvent
from greenchat.protocol.replies import HistoryPage, Welcome
from greenchat.protocol.requests import Frame

MEANWHILE = "While you were away:"


class Missed(NamedTuple):
    """What the server's history has from about when the connection was lost to when one came back. `gap`: there was
    more in between. `kept`: there is a history at all."""

    events: list[Event]
    gap: bool = False
    kept: bool = True


class Telling:
    """`seen` is what was shown. `quotes`: an answer is shown with how that begins which it answers."""

    def __init__(self, *, quotes: bool) -> None:
        self._quotes = quotes
        self.seen = Seen()

    def told(self, item: Event | Frame) -> list[Line]:
        """How it is shown, as what has been told by now."""
        if isinstance(item, Message | Change) and item.conversation:
            return [*shown(item)]
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
        return wording.answering(message, self.seen.message(message.room, message.reply_to))

    def page(self, here: str, page: HistoryPage) -> Iterator[Line]:
        """What was said before, between two lines that say so; `here` is the room that is seen. Nothing is replayed
        that has been shown already."""
        replayed = page.ref is None  # nobody has asked for it
        kind = Kind.REPLAYED if replayed else Kind.PAST
        if page.conversation:
            yield from self._direct_page(page)
            return
        if replayed and page.room != here:
            return  # of what is said there now one reads enough
        mark = self.seen.mark(page.room)
        past = [event for event in page.events if isinstance(event, PastEvent)]
        events = [event for event in past if not replayed or is_after(event, mark)]
        if not events:
            if not replayed:
                yield info_line(f"Nothing was said in {page.room} before.", kind)
            return
        yield info_line(before_page(place_of(page), events, local), kind)
        yield from self._past(page.room, events, kind, numbered=not replayed)
        yield info_line(after_page(events, local), kind)

    def _direct_page(self, page: HistoryPage) -> Iterator[Line]:
        """What two people have said to each other alone."""
        said = [event for event in page.events if isinstance(event, Message)]
        if not said:
            yield info_line("Nothing was said here before.", Kind.PAST)
            return
        yield info_line(before_page(place_of(page), said, local), Kind.PAST)
        for event in said:
            words = wording.answering(event) + wording.marks(event)
            for line in shown_message(event, words) if not event.own else shown(event):
                yield Line(Kind.PAST, f"[{event.seq}] {local(event.time)} {line.head}", line.body)
        yield info_line(after_page(said, local), Kind.PAST)

    def told_missed(self, room: str, events: Iterable[PastEvent], mark: Mark, gap: bool) -> Iterator[Line]:
        events = [event for event in events if is_after(event, mark)]
        if events:
            least = "at least " * gap
            yield info_line(f"You missed {least}{counted(events, 'a ')} in {room}, since {local(events[0].time)}:")
            yield from self._past(room, events, Kind.PAST)
            yield info_line(f"That was while you were away, until {local(events[-1].time)}.")

    def told_changes(
        self, here: str, room: str, events: Iterable[Event], mark: Mark, welcome: Welcome
    ) -> Iterator[Line]:
        for event in events:
            if isinstance(event, Message | Deleted) and is_changed(event, mark, welcome):
                for change, before in self.seen.changes(event):
                    where = "" if room == here else f"[{clean(room)}] "
                    yield info_line(f"{where}{MEANWHILE} {wording.changed(change, before, whole=True)}", Kind.PAST)

    def _past(self, room: str, events: Sequence[PastEvent], kind: Kind, *, numbered: bool = False) -> Iterator[Line]:
        """With the numbers of the messages, where one has asked for that: commands take them."""
        for event in events:
            self.seen.past(room, event)
        for event in events:
            number, lines = "", shown(event)
            if isinstance(event, Message):
                number = f"[{event.seq}] " * numbered
                lines = shown_message(event, self._words(event) + wording.marks(event))
            for line in lines:
                yield Line(kind, f"{number}{local(event.time)} {line.head}", line.body)
