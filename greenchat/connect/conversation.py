"""One joined client in one stream of lines: what one says in it, and how people read what comes."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from greenchat.client import Client
from greenchat.client.places import place_at, place_of
from greenchat.connect.commands import Commands, Run
from greenchat.connect.common import Kind, Line, error_line, info_line, maybe_not_said, was_said, was_said_to
from greenchat.connect.draft import is_command
from greenchat.connect.meanwhile import Meanwhile
from greenchat.connect.missed import NO_HISTORY
from greenchat.connect.model.asking import Asked
from greenchat.connect.model.calling import HERE
from greenchat.connect.model.marks import Mark, Missed, Now, rooms_of
from greenchat.connect.model.place import Place
from greenchat.connect.outgoing import Outgoing
from greenchat.connect.reading import Gap
from greenchat.connect.said import JOIN, words_of
from greenchat.connect.shown import from_elsewhere, is_of_all_rooms
from greenchat.connect.telling import NOT_SHOWN, unread
from greenchat.connect.telling import unseen as unseen_in
from greenchat.connect.whereabouts import Whereabouts
from greenchat.protocol.events import Change, Deleted, Ended, Event, Left, Message, Notice, Read
from greenchat.protocol.reload_reports import Reconnect
from greenchat.protocol.replies import Ack, Branded, CommandEntry, Conversations, Error, HistoryPage, Welcome
from greenchat.protocol.requests import Frame, Ref
from greenchat.protocol.vocabulary import room_of

Shows = Callable[[Event | Frame, Asked | None, list[Line]], None]


class Conversation(Whereabouts):
    """What comes from another room than the one that is seen is shown with its name. `quotes`: an answer is shown with
    how that begins which it answers. `commands` are those that the server has. `outgoing` is what is to be said. `show`
    is told what is heard, what that answers, and how it is shown."""

    def __init__(self, client: Client, commands: Commands | None = None, *, quotes: bool = True) -> None:
        super().__init__(client, commands, quotes=quotes)
        self.outgoing = Outgoing(self)
        self.show: Shows = lambda item, asked, lines: None
        self.sender.fetches = False
        self.sender.entered = lambda room: None  # which is decided by what is told
        self.sender.use(client)
        self._stand: dict[str, int] = {}  # what stands on the screen by now, up to which message
        self._waiting: Mapping[str, Missed] | None = None  # what one is to be told of when one has come in

    # --- what one says ---

    @property
    def pending(self) -> int:
        """How many lines are yet to be answered."""
        return len(self._client.pending)

    @property
    def waiting(self) -> int:
        return super().waiting + len(self.outgoing)

    @property
    def unsent(self) -> int:
        return super().unsent + len(self.outgoing)

    @property
    def is_logging_out(self) -> bool:
        return super().is_logging_out or self.outgoing.is_logging_out

    @property
    def returns_to(self) -> str | None:
        return self.room or None

    def fits(self, text: str) -> bool:
        """Whether it may be one message, with all its lines."""
        return self._client.fits(text, self.room)

    def say(self, line: str, room: str, run: Run | None = None) -> int:
        """Say one message in `room`, or `run` what it stands for, and return its ref. Raises as `Client.say` does."""
        ref = self.sender.say_now(self._at(room), line, run)
        join = JOIN.match(line)
        if is_command(line):
            answers = not self._client.plain or join is not None
            self._command, self._target, self._entered = ref if answers else 0, join[1] if join else "", ""
        assert isinstance(ref, int)
        return ref

    def _at(self, room: str) -> Place:
        return self.chats.room(room) if room else self.chats.nowhere()

    def pump(self) -> float | None:
        self.commands.ask(self._client)
        self.calling.ask(self._client)
        self.outgoing.send()
        return self.reading.tell(self._client)

    def keeps_numbers(self, room: str) -> bool:
        return self.sender.keeps_numbers(room)

    # --- the connection ---

    def come(self, client: Client, welcome: Welcome, table: Iterable[CommandEntry] | None = None) -> None:
        self.hear([welcome])

    def begin(self) -> None:
        """What one wants to know from the beginning, one has asked for, and waited."""

    def seen(self) -> dict[str, Mark]:
        """The rooms that one is in, and one's conversations, with how far each has been shown."""
        return {place: self._telling.mark(place) for place in [*self._rooms, *self._telling.talks]}

    def waits(self, missed: Mapping[str, Missed]) -> None:
        """One has just come in, and this is to be told once the server has told of it."""
        self._waiting = missed

    def lost(self) -> None:
        super().lost()
        self._command = 0
        self._parting.clear()
        self.outgoing.lost()

    def back(
        self,
        client: Client,
        welcome: Welcome,
        missed: Mapping[str, Missed],
        table: Iterable[CommandEntry] | None,
    ) -> None:
        unsure = self.sender.under_way()
        again = self.use(client, table)
        self.show(welcome, None, [*self._returned(client, welcome, missed, unsure, again)])
        self.catch_up(client, welcome, missed)
        self._have_read()
        self.room = self._room
        self.sender.back(client, again)
        for ref, asked in unsure.items():
            if ref not in again:
                _forget(asked)
        self.outgoing.back()

    def _returned(
        self,
        client: Client,
        welcome: Welcome,
        missed: Mapping[str, Missed],
        unsure: Mapping[Ref, Asked],
        again: Container[Ref],
    ) -> Iterator[Line]:
        """How it is shown that one has come back: where one is, and what one has missed there. One's own words that
        were `unsure` are said again, where that can be done; of others it is told whether they are in the history. What
        is not there may have been read by others all the same."""
        marks = self.seen()
        rooms = rooms_of(welcome)
        self._logged_in, self._rooms, self._expected = bool(welcome.account), {}, {*rooms[1:]}
        if not self._logged_in and self.room not in rooms:
            self.room = welcome.room  # a guest sees where they are
        room = self.room
        for name in rooms:
            self._came_into(name, client.rooms.get(name))
        self._part_others({room})
        if room in rooms:
            yield from () if client.plain else self._greeting(client.rooms.get(room, welcome))
            yield from self._others()
        else:
            yield from self._out_of(room)
        if not all(each.kept for each in missed.values()):
            yield info_line(NO_HISTORY)
        meanwhile = Meanwhile(self.chats, self._telling, client, missed, marks)
        verdicts = []
        for ref, asked in unsure.items():
            mine = meanwhile.found(asked, client.name)
            where = asked.place.id if asked.place is not None else ""
            if ref in again:
                continue
            if mine is None:
                verdicts.append(maybe_not_said(asked.line, where))
            elif mine.conversation:
                verdicts.append(was_said_to(mine.with_, mine.text))
            else:
                verdicts.append(was_said(asked.line, where))
        yield from meanwhile.told(room)
        for place, gap in meanwhile.skipped():
            self.reading.skipped(place, gap)
        for place, seq in meanwhile.shown(room):
            self._see(place, seq)
        yield from verdicts

    # --- what comes ---

    def hear(self, items: Iterable[Event | Frame]) -> None:
        for item in items:
            asked = self.asked(item)
            self.show(item, asked, [*self.lines(item)])

    def asked(self, item: Event | Frame) -> Asked | None:
        """What `item` answers. To be asked before its `lines`."""
        return self.sender.asked_as(item.ref) if isinstance(item, Ack | Error) else None

    def lines(self, item: Event | Frame) -> Iterable[Line]:
        """How `item` is shown, if it is for people's eyes. To be called with each, in order."""
        if isinstance(item, Reconnect):
            return ()
        if self._client.plain:
            self._see_plain(item)
        if self.sender.upload_of(item) is not None:
            self.take(item)
            return ()
        asked = self.asked(item)
        kept = self.calling.in_place_of(item, asked)
        if kept is not item and asked is not None and asked.place is not None:
            lines = [info_line(HERE.format(asked.place.title, asked.place.level))]
            self._command = 0
        else:
            lines = [*self._told(item, asked)]  # by what was known before
        item = kept
        # A page that somebody has asked for is shown here, and is no part of what goes on.
        is_told = (isinstance(item, HistoryPage) and item.ref is not None) or self.take(item)
        self._have_read()
        self.chats.current = self._room  # of several rooms one sees the same as before
        if isinstance(item, Ack) and asked is not None:
            self._said(asked, item)
        elif asked is not None:
            _forget(asked)
        return lines if is_told else ()

    def _told(self, item: Event | Frame, asked: Asked | None) -> Iterable[Line]:
        if isinstance(item, Ack | Error) and item.ref == self._command:
            self._command = 0
            if isinstance(item, Error) and asked is not None and item.code == "already_joined":
                return self._look_at(item)
        match item:
            case Ack():
                self._parting.pop(item.ref, "")
                return ()
            case Error() if asked is not None and asked.kind == "ping":
                return ()  # a sign of life, too
            case Error():
                return () if self._parting.pop(item.ref, "") else (error_line(item.text),)
            case HistoryPage():
                if item.ref is not None or item.room == self.room:
                    self._shown(item.events)
                self._page_shown(item)
                return self._telling.page(self.room, item)
            case Conversations():
                return self._overview(item)
            case Read():
                self.reading.known(place_of(item), item.seq)
                return ()
            case Ended():
                self._telling.forget(place_at("", item.conversation))
                self.reading.forget(place_at("", item.conversation))
            case Branded() if not self.chats.show_brand(item):
                return ()
            case Welcome():
                return self._welcomed(item)
            case Left() if item.name == self._client.name:
                return self._put_out(item)
        lines = self._telling.told(item)
        if isinstance(item, Message) and self._calls(item):
            lines = [line._replace(calls=True) for line in lines]
        room = room_of(item)
        if room in ("", self.room) or is_of_all_rooms(item):
            self._shown([item])
            return lines
        return from_elsewhere(room, lines, isinstance(item, Change), room in self._seen_here)

    def _calls(self, message: Message) -> bool:
        """Whether it is for the one who reads it more than for others."""
        place = self.chats.places.get(place_of(message))
        if place is None:  # nobody has said anything there before
            return bool(message.conversation) and not message.own
        return place.level != "none" and self.chats.calls(place, message)

    def _said(self, asked: Asked, ack: Ack) -> None:
        """The server has taken what one has said."""
        words = words_of(asked.line)
        if words and ack.conversation and ack.seq:
            # Who says something has read what was said before.
            self.reading.known(place_at("", ack.conversation), ack.seq)
        if asked.kind == "command" and ack.seq:
            self._remember(asked, ack, words)
        self._learn(asked.line)

    def _remember(self, asked: Asked, ack: Ack, words: str) -> None:
        """What a command has said; of that nobody tells who has typed it."""
        chats = self.chats
        place = chats.direct(ack.conversation, ack.with_) if ack.conversation else asked.place
        if place is None:
            return
        place.move(number=ack.id, seq=ack.seq)
        if place.is_direct:
            self._telling.talks[place.id] = None
        if ack.id and words and place.timeline.item(ack.seq) is None:
            mine = Message(
                **place.there, seq=ack.seq, id=ack.id, sender=chats.me, text=words, time=chats.now(), rev=ack.rev
            )
            place.timeline.add(mine, state="stored")

    def _shown(self, items: Iterable[object]) -> None:
        """This stands on the screen now."""
        for item in items:
            if isinstance(item, Message):
                self._see(place_of(item), item.seq)

    def _see(self, there: str, seq: int) -> None:
        """What is there, up to this message, stands on the screen."""
        self.reading.shown(there, seq)
        self._stand[there] = seq

    def _have_read(self) -> None:
        """Once it is known what that was."""
        for there, seq in self._stand.items():
            if (place := self.chats.places.get(there)) is not None:
                self.chats.has_read(place, seq)
        self._stand.clear()

    def _page_shown(self, page: HistoryPage) -> None:
        """The latest of a conversation, where one has asked for it."""
        numbers = [event.seq for event in page.events if isinstance(event, Message | Deleted)]
        if page.conversation and numbers:
            self.reading.shown_from(place_of(page), min(numbers) if page.more else 1)

    def _overview(self, told: Conversations) -> Iterator[Line]:
        """All that one takes part in: what of it is unread is told once, where it was not shown before."""
        first, self._waiting = self._waiting, None
        known = [*self._telling.talks] if first is None else ()
        waiting, unseen = first or {}, unseen_in(told, known)
        self.chats.direct_epoch = told.epoch
        for state in told.direct:
            self._telling.come_into(self.chats.direct(state.conversation, state.with_), Now.of(state, told.epoch))
        if line := unread(told, known, rooms=first is not None):
            yield info_line(line, Kind.REPLAYED)
        for state in reversed(unseen):  # the latest is next to where one types
            place = place_at("", state.conversation)
            if place in waiting:
                yield from self._telling.waited(state, waiting[place])
                if waiting[place].gap:
                    self.reading.skipped(place, Gap(state.read + 1, waiting[place].first(state.seq) - 1))
                self._see(place, state.seq)
            else:
                self.reading.skipped(place, Gap(state.read + 1, state.seq))
        if any(place_at("", state.conversation) not in waiting for state in unseen):
            yield info_line(NOT_SHOWN, Kind.REPLAYED)

    def _see_plain(self, item: Event | Frame) -> None:
        """Nothing has a ref there: a /join is answered by the next error, or by the next welcome."""
        welcomed = isinstance(item, Notice) and item.text.startswith("Welcome to ")
        if self.busy and (welcomed or isinstance(item, Error)):
            self._command = 0
            self._entered = self.room if welcomed else ""


def _forget(asked: Asked) -> None:
    """It was not said, and is not to be seen here any more: one was told."""
    if asked.item is not None and asked.place is not None and asked.item.state == "failed":
        asked.place.timeline.withdraw(asked.item)
