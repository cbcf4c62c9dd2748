"""How what is said and changed is told, to who has seen what was shown before."""

from collections.abc import Container, Iterable, Iterator, Sequence

from greenchat.client.places import conversation_at, place_at, place_of
from greenchat.codecs import wording
from greenchat.codecs.wording import after_page, before_page, between, counted, local
from greenchat.connect.common import Kind, Line, info_line
from greenchat.connect.model.chats import Chats
from greenchat.connect.model.marks import Mark, Missed, Now, is_after, is_changed
from greenchat.connect.model.place import Place
from greenchat.connect.shown import shown, shown_message
from greenchat.protocol.events import Change, Deleted, Edited, Event, Message, PastEvent, Reacted
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
    """`chats` have what was shown. `quotes`: an answer is shown with how that begins which it answers. `talks` are the
    conversations of two that one has been told of."""

    def __init__(self, chats: Chats, *, quotes: bool) -> None:
        self._chats = chats
        self._quotes = quotes
        self.talks: dict[str, None] = {}

    # --- what was shown ---

    def mark(self, there: str) -> Mark:
        """How far it was shown."""
        place = self._chats.places.get(there)
        known = place is not None and (there in self.talks or not place.is_direct)
        epoch = self._chats.direct_epoch if conversation_at(there) else ""
        return place.reach if place is not None and known else Mark(epoch=epoch)

    def message(self, there: str, seq: int) -> Message | None:
        """The message `seq` there, as it is now, if it is remembered."""
        place = self._chats.places.get(there)
        return place.timeline.message(seq) if place is not None else None

    def come_into(self, place: Place, now: Now) -> None:
        """One is there by now, and told what comes."""
        if place.reach.epoch != now.epoch:
            place.timeline.clear()  # their numbers may be those of others by now
        place.reach = self.mark(place.id)._replace(seq=now.seq, rev=now.rev, epoch=now.epoch)
        if place.is_direct:
            self.talks[place.id] = None

    def forget(self, talk: str) -> None:
        """When one is told of it again, it is new."""
        self.talks.pop(talk, None)
        if (place := self._chats.places.get(talk)) is not None:
            place.timeline.clear()

    def past(self, place: Place, event: PastEvent) -> None:
        """This has been shown, and has happened before."""
        number, seq = (event.id, event.seq) if isinstance(event, Message) else (0, 0)
        place.move(number=number, seq=seq, time=event.time)
        if isinstance(event, Message):
            place.timeline.renew(event)
            if place.is_direct:
                self.talks[place.id] = None

    # --- how it is told ---

    def told(self, item: Event | Frame) -> list[Line]:
        """How it is shown; to be called before the `chats` know of it."""
        if isinstance(item, Change):
            return [info_line(wording.changed(item, self.message(place_of(item), item.seq), whole=True))]
        if isinstance(item, Message):
            if item.conversation:
                self.talks[place_of(item)] = None
            return [*shown_message(item, self._words(item))]
        return [*shown(item)]

    def _words(self, message: Message) -> str:
        if not self._quotes:
            return wording.said(message)
        return wording.answering(message, self.message(place_of(message), message.reply_to))

    def page(self, here: str, page: HistoryPage) -> Iterator[Line]:
        """What was said before, between two lines that say so; `here` is the room that is seen. Nothing is replayed
        that has been shown already."""
        replayed = page.ref is None  # nobody has asked for it
        kind = Kind.REPLAYED if replayed else Kind.PAST
        if replayed and page.room != here:
            return  # of what is said there now one reads enough
        mark = self.mark(place_of(page))
        past = [event for event in page.events if isinstance(event, PastEvent)]
        events = [event for event in past if not replayed or is_after(event, mark)]
        if events:
            # Commands with a number are about a room: what is alone here must not be answered aloud.
            numbered = not replayed and not page.conversation
            yield from self._between(self._chats.where(page), wording.place_of(page), events, kind, numbered=numbered)
        elif not replayed:
            yield info_line(f"Nothing was said {wording.place_of(page)} before.", kind)

    def waited(self, state: DirectState, missed: Missed) -> Iterator[Line]:
        """What somebody has written while one was not there."""
        events = [event for event in missed.events if isinstance(event, Message)]
        if events:
            place = self._chats.direct(state.conversation, state.with_)
            yield from self._between(place, between(state.with_), events, Kind.PAST)
        if missed.gap:
            yield info_line(MORE.format(state.with_, min(state.unread, MOST_TOLD)))

    def _between(
        self, place: Place, where: str, events: Sequence[PastEvent], kind: Kind, *, numbered: bool = False
    ) -> Iterator[Line]:
        yield info_line(before_page(where, events, local), kind)
        yield from self._past(place, events, kind, numbered=numbered)
        yield info_line(after_page(events, local), kind)

    def told_missed(
        self, place: Place, where: str, events: Iterable[PastEvent], mark: Mark, gap: bool
    ) -> Iterator[Line]:
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
                for change, before in self._changes(event):
                    yield info_line(f"{where}{MEANWHILE} {wording.changed(change, before, whole=True)}", Kind.PAST)

    def _changes(self, now: Message | Deleted) -> Iterator[tuple[Change, Message | None]]:
        """What has become of a message, as far as it can be known from how it is `now`; each with what it was before
        that."""
        before, where = self.message(place_of(now), now.seq), now.conversation
        place = self._chats.places.get(place_of(now))
        if isinstance(now, Deleted):
            yield now, before
            if place is not None:
                place.timeline.changed(now)
            return
        if now.edited is not None and (before is None or before.text != now.text):
            yield Edited(now.room, now.seq, now.rev, now.text, now.sender, now.edited, where), before
        if before is not None:
            for emoji, name, on in _reacted(before, now):
                yield Reacted(now.room, now.seq, now.rev, name, emoji, on, now.time, where), now
        if place is not None:
            place.timeline.renew(now)

    def _past(self, place: Place, events: Sequence[PastEvent], kind: Kind, *, numbered: bool = False) -> Iterator[Line]:
        """With the numbers of the messages, where one has asked for that: commands take them."""
        for event in events:
            self.past(place, event)
        for event in events:
            number, lines = "", shown(event)
            if isinstance(event, Message):
                number = f"[{event.seq}] " * numbered
                lines = shown_message(event, self._words(event) + wording.marks(event), past=True)
            for line in lines:
                yield line._replace(kind=kind, head=f"{number}{local(event.time)} {line.head}")


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


def _reacted(before: Message, now: Message) -> Iterator[tuple[str, str, bool]]:
    """Which emoji were taken away and put there, and by whom. As many as have gone and come with one emoji are called
    otherwise by now."""
    old, new = before.reactions or {}, now.reactions or {}
    for emoji in {**old, **new}:
        were, are = old.get(emoji, []), new.get(emoji, [])
        gone, come = [name for name in were if name not in are], [name for name in are if name not in were]
        yield from ((emoji, name, False) for name in gone[len(come) :])
        yield from ((emoji, name, True) for name in come[len(gone) :])
