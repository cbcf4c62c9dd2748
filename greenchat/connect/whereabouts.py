"""Of several rooms, people see one at a time where all comes in one stream of lines: which one that is, and what they
are told where it is another one.

A server lets a JSON client into several rooms at once. One stream of lines holds one conversation: so a room that a
guest comes into, by /join say, takes the place of the one before, as it does for clients that speak plain frames. Who
is logged in may be in a room on another device, and stays there: what is said in it is shown with its name.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from greenchat.client import Client, DisconnectedError
from greenchat.connect.commands import Commands
from greenchat.connect.common import Line, error_line, info_line
from greenchat.connect.draft import is_command
from greenchat.connect.model.marks import Now
from greenchat.connect.model.model import Model
from greenchat.connect.outgoing import NO_ROOM
from greenchat.connect.said import is_called
from greenchat.connect.shown import shown
from greenchat.connect.telling import Telling
from greenchat.protocol.events import Left
from greenchat.protocol.replies import Error, Welcome
from greenchat.protocol.requests import Ref
from greenchat.protocol.text import some_of

PLAIN = "This server speaks plain frames only: it has one room, and does not tell whether a message has arrived."
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


class Whereabouts(Model):
    """`room` is the room that is seen, empty for none. `quotes` as in `Telling`."""

    def __init__(self, client: Client, commands: Commands | None, *, quotes: bool) -> None:
        super().__init__(commands)
        self._client: Client = client
        self._telling = Telling(self.chats, quotes=quotes)
        self._command: Ref = 0  # the ref of the latest command, until it is answered
        self._target = ""  # the room that it is to lead to, if it is a /join
        self._entered = ""  # the room that it has led to
        self._parting: dict[Ref, str] = {}  # the rooms that it is going out of, because one is in another now
        self._logged_in = False
        self._rooms: dict[str, None] = {}  # that one is in, as far as it was told
        self._expected: set[str] = set()  # those of them whose welcome is still to come
        self._seen_here: set[str] = set()  # the rooms that were seen
        self._room = ""

    @property
    def room(self) -> str:
        return self._room

    @room.setter
    def room(self, room: str) -> None:
        self._room = room
        if room:
            self.chats.show(self.chats.room(room).id)
        else:
            self.chats.current = ""

    def enter(self, rooms: Iterable[str], keys: Mapping[str, str]) -> None:
        """A guest is in one room, see `_part_others`."""
        if self._logged_in:
            super().enter(rooms, keys)

    @property
    def busy(self) -> bool:
        """Whether a command is yet to be answered. It may lead into another room, where that belongs which one says
        next: what is to be said has to wait."""
        return self._command != 0

    @property
    def led_to(self) -> str:
        """The room that the latest command has led to; empty for none."""
        return self._entered

    def _welcomed(self, welcome: Welcome) -> Iterator[Line]:
        """One has come into a room, or into none; or is in one already, and is told of it."""
        if welcome.account and not self._logged_in:
            self._rooms.clear()  # one is somebody else now
        self._logged_in = bool(welcome.account)
        asked = self.sender.asked_as(welcome.ref)
        aside = asked is not None and asked.aside
        if not welcome.room:
            yield info_line(NO_ROOM)
        elif welcome.ref is None and welcome.room in self._expected:
            self._expected.discard(welcome.room)
            self._came_into(welcome.room, welcome)
        elif self._logged_in and (aside or welcome.ref is None or welcome.room in self._rooms):
            known = welcome.room in self._rooms
            self._came_into(welcome.room, welcome)
            if aside:
                yield info_line(OTHERS.format(welcome.room, welcome.room))
            elif not known:
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
            self._telling.come_into(self.chats.room(room), Now.of(welcome, welcome.epoch))
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

    def _look_at(self, error: Error) -> Iterable[Line]:
        """A /join to a room that one is in: what one says is for that one then."""
        room = next((room for room in self._rooms if is_called(room, self._target)), "")
        self._entered = room
        if room in ("", self.room):
            return (error_line(error.text),)
        self.room = room
        self._seen_here.add(room)
        self.chats.saw(room, self._telling.mark(room).seq)
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
        elsewhere = left.reason.partition(": ")[0] == "left" and not self.busy
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


def _named(sentence: str, rooms: Sequence[str]) -> str:
    return sentence.format(some_of(rooms, ROOMS_SHOWN), rooms[0] if len(rooms) == 1 else "ROOM")
