"""One joined client, of which people see one room at a time: what they say, and how they read what comes.

A server lets a JSON client into several rooms at once. One stream of lines holds one conversation: so a room that a
guest comes into, by /join say, takes the place of the one before, as it does for clients that speak plain frames. Who
is logged in may be in a room on another device, and stays there: what is said in it is shown with its name.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from greenchat.client import Client, DisconnectedError
from greenchat.client.asking import KNOWS_CONVERSATIONS
from greenchat.client.places import conversation_at, place_at, place_of
from greenchat.connect.commands import Commands, Run
from greenchat.connect.common import Kind, Line, error_line, info_line, maybe_not_said, was_said, was_said_to
from greenchat.connect.draft import is_command
from greenchat.connect.meanwhile import Meanwhile
from greenchat.connect.model.marks import Mark, Missed, Now
from greenchat.connect.names import Names
from greenchat.connect.reading import Gap, Reading
from greenchat.connect.said import Said, is_called, run_there, words_of
from greenchat.connect.shown import from_elsewhere, is_of_all_rooms, shown
from greenchat.connect.telling import NOT_SHOWN, Telling, unread
from greenchat.connect.telling import unseen as unseen_in
from greenchat.protocol.events import Change, Deleted, Ended, Event, Left, Message, Notice, Read
from greenchat.protocol.replies import Ack, Conversations, Error, HistoryPage, Welcome
from greenchat.protocol.requests import Frame, Ref
from greenchat.protocol.text import some_of
from greenchat.protocol.vocabulary import room_of

NO_HISTORY = "This server keeps no history: what was said meanwhile is not known."
PLAIN = "This server speaks plain frames only: it has one room, and does not tell whether a message has arrived."
NO_ROOM = "You are in no room. /join ROOM takes you to one, and /rooms lists them."
OTHERS = "You are in {}, too. /join {} to talk there."
TALKING = "What you say is for {} from now on."
ENTERED_ELSEWHERE = "You have come into {} by another device. /join {} to talk there."
LEFT_ELSEWHERE = "You have left {} by another device."
OUT = "You are not in {} any more."
IN_OTHERS = "What you say goes nowhere now. You are in {}: /join {} to talk there."

# How many of one's rooms are named: as many as one reads.
ROOMS_SHOWN = 10

# Where their account ends, so does what another device could be in.
LOGS_IN, LOGS_OUT = ("/login", "/register"), ("/logout", "/unregister")

JOIN = re.compile(r"\s*/join\b\s*#*(\S*)", re.IGNORECASE)


class Conversation:
    """`room` is the room that is seen, empty for none: what comes from another one is shown with its name. `quotes`:
    an answer is shown with how that begins which it answers. `commands` are those that the server has."""

    def __init__(self, client: Client, commands: Commands | None = None, *, quotes: bool = True) -> None:
        self._client = client
        self.commands = commands or Commands()
        self._command = 0  # the ref of the latest command
        self._target = ""  # the room that it is to lead to, if it is a /join
        self._entered = ""  # the room that it has led to
        self._said: dict[Ref, Said] = {}  # what is not answered yet
        self._parting: dict[Ref, str] = {}  # the rooms that it is going out of, because one is in another now
        self._telling = Telling(quotes=quotes)
        self._seen = self._telling.seen
        self._logged_in = False
        self._rooms: dict[str, None] = {}  # that one is in, as far as it was told
        self._expected: set[str] = set()  # those of them whose welcome is still to come
        self._seen_here: set[str] = set()  # the rooms that were seen
        self._waiting: Mapping[str, Missed] | None = None  # what one is to be told of when one has come in
        self._same_numbers: set[str] = set()  # the rooms whose messages have the numbers that they had before a loss
        self.reading = Reading()
        self.names = Names()
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

    def fits(self, text: str) -> bool:
        """Whether it may be one message, with all its lines."""
        return self._client.fits(text, self.room)

    def say(self, line: str, room: str, run: Run | None = None) -> int:
        """Say one message in `room`, or `run` what it stands for, and return its ref. Raises as `Client.say` does."""
        ref = self._send(line, room) if run is None else self._run(run, room)
        join = JOIN.match(line)
        if not self._client.plain or join is not None:
            self._said[ref] = Said(line, room, self._seen.mark(room).seq, ref, run=run)
        if is_command(line):
            self._command, self._target, self._entered = ref, join[1] if join else "", ""
        return ref

    def _send(self, line: str, room: str) -> int:
        command, name = run_there(line) if self._client.protocol >= KNOWS_CONVERSATIONS else ("", "")
        return self._client.say(command, to=name) if command else self._client.say(line, room)

    def _run(self, run: Run, room: str) -> int:
        if self.commands.told:
            return self._client.run(run.name, run.args, room=room)
        return self._client.say(run.line, room)  # to who knows no arguments

    @property
    def led_to(self) -> str:
        """The room that the latest command has led to; empty for none."""
        return self._entered

    def asked(self, item: Event | Frame) -> Said | None:
        """What `item` answers. To be asked before its `lines`."""
        return self._said.get(item.ref) if isinstance(item, Ack | Error) else None

    def meant(self, said: Said) -> tuple[str, dict[str, str | list[str]]]:
        """Which command it was, with which arguments."""
        return (said.run.name, said.run.args) if said.run is not None else self.commands.meant(said.line)

    def seen(self) -> dict[str, Mark]:
        """The rooms that one is in, and one's conversations, with how far each has been shown."""
        direct = {place: mark for place, mark in self._seen.marks.items() if conversation_at(place)}
        return {room: self._seen.mark(room) for room in self._rooms} | direct

    def waits(self, missed: Mapping[str, Missed]) -> None:
        """One has just come in, and this is to be told once the server has told of it."""
        self._waiting = missed

    def keeps_numbers(self, room: str) -> bool:
        """Whether the number of a message there means the same as before the connection was lost."""
        return room in self._same_numbers

    def lost(self) -> list[Said]:
        """What was said, and is not answered, now that the connection is lost."""
        said = [*self._said.values()]
        self._said.clear()
        self._parting.clear()
        self.reading.lost()
        return said

    def back(
        self, client: Client, welcome: Welcome, missed: Mapping[str, Missed], unsure: Iterable[Said]
    ) -> Iterator[Line]:
        """How it is shown that one has come back: where one is, and what one has missed there. One's own words that
        were `unsure` are said again, where that can be done; of others it is told whether they are in the history. What
        is not there may have been read by others all the same."""
        again = client.repeat(self._client)
        self._client = client
        marks = dict(self._seen.marks)
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
        meanwhile = Meanwhile(self._telling, client, missed, marks)
        verdicts = []
        for said in unsure:
            mine = meanwhile.found(said, client.name)
            if (ref := again.get(said.ref)) is not None:
                self._said[ref] = said._replace(ref=ref, again=True)
            elif mine is None:
                verdicts.append(maybe_not_said(said.line, said.room))
            elif mine.conversation:
                verdicts.append(was_said_to(mine.with_, mine.text))
            else:
                verdicts.append(was_said(said.line, said.room))
        yield from meanwhile.told(room)
        for place, gap in meanwhile.skipped():
            self.reading.skipped(place, gap)
        for place, seq in meanwhile.shown(room):
            self.reading.shown(place, seq)
        yield from verdicts
        self._same_numbers = {
            name for name in client.rooms if marks.get(name, Mark()).epoch == client.rooms[name].epoch != ""
        }

    def lines(self, item: Event | Frame) -> Iterable[Line]:
        """How `item` is shown, if it is for people's eyes. To be called with each, in order."""
        if self._client.plain:
            self._see_plain(item)
        if self.reading.is_answer(item) or self.commands.is_answer(item, self._client):
            return ()
        self.names.learn(item)
        match item:
            case Ack():
                self._parting.pop(item.ref, "")
                said = self._said.pop(item.ref, None)
                if said is not None:
                    words = words_of(said.line)
                    self._seen.said(said.room, item, self._client.name, words)
                    if words and item.conversation and item.seq:
                        self.reading.known(
                            place_at("", item.conversation), item.seq
                        )  # who says something has read what was said before
                    self._learn(said.line)
                return ()
            case Error():
                said = self._said.pop(item.ref, None)
                if said is not None and item.ref == self._command and item.code == "already_joined":
                    return self._look_at(said, item)
                return () if self._parting.pop(item.ref, "") else (error_line(item.text),)
            case HistoryPage():
                if item.ref is not None or item.room == self.room:
                    self._shown(item.events)
                self._page_shown(item)
                return [*self._telling.page(self.room, item)]
            case Conversations():
                return [*self._overview(item)]
            case Read():
                self.reading.known(place_of(item), item.seq)
                return ()
            case Ended():
                self._seen.forget(place_at("", item.conversation))
                self.reading.forget(place_at("", item.conversation))
            case Welcome():
                return [*self._welcomed(item)]
            case Left() if item.name == self._client.name:
                return [*self._put_out(item)]
        lines = self._telling.told(item)
        room = room_of(item)
        if room in ("", self.room) or is_of_all_rooms(item):
            self._shown([item])
            return lines
        return from_elsewhere(room, lines, isinstance(item, Change), room in self._seen_here)

    def _shown(self, items: Iterable[object]) -> None:
        """This stands on the screen now."""
        for item in items:
            if isinstance(item, Message):
                self.reading.shown(place_of(item), item.seq)

    def _page_shown(self, page: HistoryPage) -> None:
        """The latest of a conversation, where one has asked for it."""
        numbers = [event.seq for event in page.events if isinstance(event, Message | Deleted)]
        if page.conversation and numbers:
            self.reading.shown_from(place_of(page), min(numbers) if page.more else 1)

    def _overview(self, told: Conversations) -> Iterator[Line]:
        """All that one takes part in: what of it is unread is told once, where it was not shown before."""
        first, self._waiting = self._waiting, None
        known = [*self._seen.marks] if first is None else ()
        waiting, unseen = first or {}, unseen_in(told, known)
        self._seen.direct_epoch = told.epoch
        for state in told.direct:
            self._seen.come_into(place_at("", state.conversation), Now.of(state, told.epoch))
        if line := unread(told, known, rooms=first is not None):
            yield info_line(line, Kind.REPLAYED)
        for state in reversed(unseen):  # the latest is next to where one types
            place = place_at("", state.conversation)
            if place in waiting:
                yield from self._telling.waited(state, waiting[place])
                if waiting[place].gap:
                    self.reading.skipped(place, Gap(state.read + 1, waiting[place].first(state.seq) - 1))
                self.reading.shown(place, state.seq)
            else:
                self.reading.skipped(place, Gap(state.read + 1, state.seq))
        if any(place_at("", state.conversation) not in waiting for state in unseen):
            yield info_line(NOT_SHOWN, Kind.REPLAYED)

    def _welcomed(self, welcome: Welcome) -> Iterator[Line]:
        """One has come into a room, or into none; or is in one already, and is told of it."""
        if welcome.account and not self._logged_in:
            self._rooms.clear()  # one is somebody else now
        self._logged_in = bool(welcome.account)
        if not welcome.room:
            yield info_line(NO_ROOM)
        elif welcome.ref is None and welcome.room in self._expected:
            self._expected.discard(welcome.room)
            self._came_into(welcome.room, welcome)
        elif self._logged_in and (welcome.ref is None or welcome.room in self._rooms):
            known = welcome.room in self._rooms
            self._came_into(welcome.room, welcome)
            if not known:
                yield info_line(ENTERED_ELSEWHERE.format(welcome.room, welcome.room))
        else:
            self._enter(welcome)
            yield from self._greeting(welcome)
            if self._logged_in:
                self._rooms |= dict.fromkeys(welcome.rooms)
                yield from self._others()

    def _others(self) -> Iterator[Line]:
        others = [room for room in self._rooms if room != self.room]
        if others:
            yield info_line(_named(OTHERS, others))

    def _came_into(self, room: str, welcome: Welcome | None) -> None:
        """The welcome may be still to come."""
        self._rooms[room] = None
        if welcome is not None:
            self.names.learn(welcome)
            self._seen.come_into(room, Now.of(welcome, welcome.epoch))
            self.reading.known(room, welcome.read)

    def _enter(self, welcome: Welcome) -> None:
        self.room = self._entered = welcome.room
        self._seen_here.add(welcome.room)
        self._came_into(welcome.room, welcome)
        self._part_others({self._client.room})

    def _part_others(self, staying: Container[str]) -> None:
        """A guest is in one room."""
        if self._client.left or self._client.plain or self._logged_in:
            return
        others = [room for room in {**self._rooms, **self._client.rooms} if room not in staying]
        with suppress(DisconnectedError):
            for room in others:
                self._rooms.pop(room, None)
                if room not in self._parting.values():
                    self._parting[self._client.part(room)] = room

    def _greeting(self, welcome: Welcome) -> Iterable[Line]:
        if self._client.plain:  # which has been told in the server's own words, if at all
            return [info_line(PLAIN)]
        return shown(welcome)

    def _see_plain(self, item: Event | Frame) -> None:
        """Nothing has a ref there: a /join is answered by the next error, or by the next welcome."""
        welcomed = isinstance(item, Notice) and item.text.startswith("Welcome to ")
        if self.busy and (welcomed or isinstance(item, Error)):
            self._said.pop(self._command)
            self._entered = self.room if welcomed else ""

    def _look_at(self, said: Said, error: Error) -> Iterable[Line]:
        """A /join to a room that one is in: what one says is for that one then."""
        room = next((room for room in self._rooms if is_called(room, self._target)), "")
        self._entered = room
        if room in ("", self.room):
            return (error_line(error.text),)
        self.room = room
        self._seen_here.add(room)
        self.reading.shown(room, self._seen.mark(room).seq)
        return (info_line(TALKING.format(room)),)

    def _learn(self, line: str) -> None:
        """From what was run: whether one is logged in, and may be in a room on another device."""
        if is_command(line):
            command = line.split(maxsplit=1)[0].lower()
            self._logged_in = command in LOGS_IN or (self._logged_in and command not in LOGS_OUT)
            if command in LOGS_IN + LOGS_OUT:
                self.commands.outdated()

    def _put_out(self, left: Left) -> Iterator[Line]:
        """Why, one has been told, or has asked for it."""
        self._rooms.pop(left.room, None)
        elsewhere = left.reason == "left" and not self.busy
        if self._logged_in and (elsewhere or left.room != self.room):
            yield info_line((LEFT_ELSEWHERE if elsewhere else OUT).format(left.room))
        if left.room == self.room:
            yield from self._out_of("")

    def _out_of(self, room: str) -> Iterator[Line]:
        """No room is seen any more: not `room` either, where one was before."""
        self.room = ""
        if room:
            yield info_line(OUT.format(room))
        yield info_line(_named(IN_OTHERS, [*self._rooms]) if self._rooms else NO_ROOM)


def rooms_of(welcome: Welcome) -> list[str]:
    """The rooms that one is in, the one of the welcome first."""
    return [room for room in dict.fromkeys([welcome.room, *welcome.rooms]) if room]


def _named(sentence: str, rooms: Sequence[str]) -> str:
    return sentence.format(some_of(rooms, ROOMS_SHOWN), rooms[0] if len(rooms) == 1 else "ROOM")
