"""One joined client, of which people see one room at a time: what they say, and how they read what comes.

A server lets a JSON client into several rooms at once. One stream of lines holds one conversation: so a room that one
comes into, by /join say, takes the place of the one before, as it does for clients that speak plain frames.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from greenchat.client import Client, DisconnectedError
from greenchat.codecs import wording
from greenchat.codecs.wording import after_page, before_page, counted, local
from greenchat.connect.common import Kind, Line, clean, error_line, info_line, maybe_not_said, was_said
from greenchat.connect.draft import is_command, said_as
from greenchat.protocol.events import EPOCH, Event, Left, Message, Notice, PastEvent
from greenchat.protocol.replies import Ack, Error, HistoryPage, Welcome
from greenchat.protocol.requests import Frame, Ref
from greenchat.protocol.vocabulary import room_of

NO_HISTORY = "This server keeps no history: what was said meanwhile is not known."
PLAIN = "This server speaks plain frames only: it has one room, and does not tell whether a message has arrived."
NO_ROOM = "You are in no room. /join ROOM takes you to one, and /rooms lists them."

JOIN = re.compile(r"\s*/join\b\s*#*(\S*)", re.IGNORECASE)


class Mark(NamedTuple):
    """The latest message of a room that has been shown, by id and number, and when the latest of all that was shown had
    happened."""

    id: int = 0
    time: datetime = EPOCH
    seq: int = 0


class Said(NamedTuple):
    """What one has said, as it was sent, and into which room, when its latest message had the number `seq`."""

    line: str
    room: str
    seq: int


class Missed(NamedTuple):
    """What the server's history has from about when the connection was lost to when one came back. `gap`: there was
    more in between. `kept`: there is a history at all."""

    events: list[Event]
    gap: bool = False
    kept: bool = True


class Conversation:
    """`room` is the room that is seen, empty for none: what comes from another one is shown with its name."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._command = 0  # the ref of the latest command
        self._command_error = ""  # the code with which it was refused
        self._entered = ""  # the room that it has led to
        self._said: dict[Ref, Said] = {}  # what is not answered yet
        self._parting: dict[Ref, str] = {}  # the rooms that it is going out of, because one is in another now
        self._marks: dict[str, Mark] = {}
        self.room = ""

    @property
    def busy(self) -> bool:
        """Whether a command is yet to be answered. It may lead into another room, where that belongs which one says
        next: what is to be said has to wait."""
        return self._command in self._said

    @property
    def pending(self) -> int:
        """How many lines are yet to be answered."""
        return len(self._client.pending)

    def say(self, line: str, room: str) -> int:
        """Say one line in `room`, and return its ref. Raises as `Client.say` does."""
        ref = self._client.say(line, room)
        is_join = JOIN.match(line) is not None
        if not self._client.plain or is_join:
            self._said[ref] = Said(line, room, self.seen(room))
        if is_command(line):
            self._command, self._command_error, self._entered = ref, "", ""
        return ref

    def led_to(self, target: str) -> str:
        """The room that the latest command, a /join to `target`, has led to; empty for none."""
        if self._command_error == "already_joined" and target.lower() == self.room.lower():
            return self.room
        return self._entered

    def asked(self, item: Event | Frame) -> Said | None:
        """What `item` answers. To be asked before its `lines`."""
        return self._said.get(item.ref) if isinstance(item, Ack | Error) else None

    def seen(self, room: str) -> int:
        """The number of the latest message in `room` that has been shown."""
        return self._marks.get(room, Mark()).seq

    def lost(self) -> list[Said]:
        """What was said, and is not answered, now that the connection is lost."""
        said = [*self._said.values()]
        self._said.clear()
        self._parting.clear()
        return said

    def back(self, client: Client, welcome: Welcome, missed: Missed, unsure: Iterable[Said]) -> Iterator[Line]:
        """How it is shown that one has come back: where one is, what one has missed there, and whether one's own words
        that were `unsure` are in the history. What is not there may have been read by others all the same."""
        self._client = client
        mark = self._marks.get(welcome.room, Mark())
        if self.room:
            self._enter(welcome)
            yield from () if client.plain else self._greeting(welcome)
        else:
            yield info_line(NO_ROOM)
        if not missed.kept:
            yield info_line(NO_HISTORY)
        events = [event for event in missed.events if isinstance(event, PastEvent)]
        verdicts = []
        for said in unsure:
            mine = next((event for event in events if self._is_mine(event, said)), None)
            verdicts.append(maybe_not_said(said.line, said.room) if mine is None else was_said(said.line, said.room))
            if mine is not None:
                events.remove(mine)
                self._mark_event(welcome.room, mine)
        events = [event for event in events if _is_after(event, mark)]
        if events:
            least = "at least " * missed.gap
            yield info_line(
                f"You missed {least}{counted(events, 'a ')} in {welcome.room}, since {local(events[0].time)}:"
            )
            yield from self._past(welcome.room, events, Kind.PAST)
            yield info_line(f"That was while you were away, until {local(events[-1].time)}.")
        yield from verdicts

    def _is_mine(self, event: PastEvent, said: Said) -> bool:
        if not isinstance(event, Message) or is_command(said.line) or event.action:
            return False
        text = said_as(said.line)
        return (event.room, event.sender, event.text) == (said.room, self._client.name, text) and event.seq > said.seq

    def lines(self, item: Event | Frame) -> Iterable[Line]:
        """How `item` is shown, if it is for people's eyes. To be called with each, in order."""
        if self._client.plain:
            self._see_plain(item)
        match item:
            case Ack():
                self._parting.pop(item.ref, "")
                said = self._said.pop(item.ref, None)
                if said is not None:
                    self._mark(said.room, item.id, item.seq)
                return ()
            case Error():
                if item.ref == self._command:
                    self._command_error = item.code
                self._said.pop(item.ref, None)
                return () if self._parting.pop(item.ref, "") else (error_line(item.text),)
            case HistoryPage():
                return [*self._page(item)]
            case Welcome():
                self._enter(item)
                return self._greeting(item)
            case Left() if item.name == self._client.name:
                return self._put_out(item.room)
        if isinstance(item, PastEvent):
            self._mark_event(item.room, item)
        room = room_of(item)
        if room not in ("", self.room):
            return _from_elsewhere(room, _shown(item))
        return _shown(item)

    def _enter(self, welcome: Welcome) -> None:
        self.room = self._entered = welcome.room
        self._marks[welcome.room] = self._marks.get(welcome.room, Mark())._replace(seq=welcome.seq)
        if self._client.left:
            return
        staying = {self._client.room, *self._parting.values()}
        with suppress(DisconnectedError):
            for room in [room for room in self._client.rooms if room not in staying]:
                self._parting[self._client.part(room)] = room

    def _greeting(self, welcome: Welcome) -> Iterable[Line]:
        if self._client.plain:  # which has been told in the server's own words, if at all
            return [info_line(PLAIN)]
        return _shown(welcome)

    def _see_plain(self, item: Event | Frame) -> None:
        """Nothing has a ref there: a /join is answered by the next error, or by the next welcome."""
        welcomed = isinstance(item, Notice) and item.text.startswith("Welcome to ")
        if self.busy and (welcomed or isinstance(item, Error)):
            self._said.pop(self._command)
            self._entered = self.room if welcomed else ""

    def _put_out(self, room: str) -> Iterable[Line]:
        """Why, one has been told."""
        if room != self.room:
            return ()
        self.room = ""
        return [info_line(NO_ROOM)]

    def _mark(self, room: str, number: int, seq: int, time: datetime = EPOCH) -> None:
        before = self._marks.get(room, Mark())
        self._marks[room] = Mark(max(before.id, number), max(before.time, time), max(before.seq, seq))

    def _mark_event(self, room: str, event: PastEvent) -> None:
        number, seq = (event.id, event.seq) if isinstance(event, Message) else (0, 0)
        self._mark(room, number, seq, event.time)

    def _page(self, page: HistoryPage) -> Iterator[Line]:
        """What was said before, between two lines that say so. Nothing is replayed that has been shown already."""
        replayed = page.ref is None  # nobody has asked for it
        kind = Kind.REPLAYED if replayed else Kind.PAST
        mark = self._marks.get(page.room, Mark())
        events = [event for event in page.events if not replayed or _is_after(event, mark)]
        if not events:
            if not replayed:
                yield info_line(f"Nothing was said in {page.room} before.", kind)
            return
        yield info_line(before_page(page.room, events, local), kind)
        yield from self._past(page.room, events, kind)
        yield info_line(after_page(events, local), kind)

    def _past(self, room: str, events: Sequence[PastEvent], kind: Kind) -> Iterator[Line]:
        for event in events:
            self._mark_event(room, event)
            for line in _shown(event):
                yield Line(kind, f"{local(event.time)} {line.head}", line.body)


def _is_after(event: PastEvent, mark: Mark) -> bool:
    if not isinstance(event, Message):
        return event.time > mark.time
    # Ids rise over restarts, too; where none has been seen yet, one came when the room had that number.
    return event.id > mark.id if mark.id else event.seq > mark.seq


def _from_elsewhere(room: str, lines: Iterable[Line]) -> Iterator[Line]:
    for line in lines:
        if line.kind is Kind.MESSAGE:
            yield line._replace(head=f"[{clean(room)}] {line.head}")
        else:
            yield line._replace(body=f"[{clean(room)}] {line.body}")


def _shown(item: Event | Frame) -> Iterator[Line]:
    for text, sender, error in wording.rich(item):
        if sender is not None:
            yield Line(Kind.MESSAGE, f"[{clean(sender)}]:", clean(text))
        else:
            yield error_line(text) if error else info_line(text)
