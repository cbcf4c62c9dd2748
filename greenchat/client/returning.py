"""Coming back from a server that is reloaded, and cannot carry this connection over: at once, and unnoticed.

The server says so (`Reconnect`) behind the last answer. So what has none was not done, and is asked again, commands
included; and nothing has gone that the rooms do not still have, by `rev`.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from greenchat.client.asking import KNOWS_CONVERSATIONS, A, Logged
from greenchat.client.commands import Commanding
from greenchat.client.connection import Connection, open_socket
from greenchat.client.cursor import NO_EPOCH, Cursor, Place, missed
from greenchat.client.errors import ClientError, DisconnectedError, RefusedError
from greenchat.client.places import conversation_at, place_at, place_of
from greenchat.net.encryption import Encryption
from greenchat.protocol.events import Change, Deleted, Edited, Event, Message
from greenchat.protocol.reload_reports import Reconnect
from greenchat.protocol.replies import Ack, Conversations, Error, HistoryPage, Welcome
from greenchat.protocol.requests import Frame, History, Join, Leave, Pong, Ref
from greenchat.protocol.vocabulary import Request

# How long each step of it may take, in seconds, as long as any other answer: the server is busy with all who come back.
RETURN_SECONDS = 30.0

# A server may be reloaded once more while one comes back: so often one bears with it.
RETURNS = 5

# So many of the latest messages that one has said are known again, where they are read as missed ones.
OWN_MESSAGES = 1000

# What ends all that is told for a request.
ANSWERS = (*A.__constraints__, Error, Pong)


class Door(NamedTuple):
    """Where one has come in: as `open_socket` takes it."""

    host: str
    port: int
    timeout: float
    encryption: Encryption | None


class Returning(Commanding):
    """`comes_back`: it does so by itself; else `receive` brings the `Reconnect`, and `come_back` is to be called."""

    comes_back = True

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]  # as `Requests` has them
        self._door: Door | None = None
        self._replays = True  # as one has joined
        self._unanswered: dict[Ref, Request] = {}
        self._marks: dict[str, Place] = {}  # how far all is told, by places
        self._numbers: dict[str, int] = {}  # the latest message that one has been told of, by places
        self._own: deque[int] = deque(maxlen=OWN_MESSAGES)  # the ids of what one has said
        self._latest = 0  # the id of the latest message of all
        self._called_back = False
        self._before: dict[str, Welcome] | None = None  # the rooms that one was in, while one comes back
        self._returned: dict[str, int] = {}  # up to which rev what was missed is told, by places

    def _send(self, request: Request) -> None:
        super()._send(request)
        if request.ref is not None:
            self._unanswered[request.ref] = request

    def _exchange(self, deadline: float | None) -> bool:
        is_ready = super()._exchange(deadline)
        if self._called_back:
            if self._before is not None:
                raise DisconnectedError("The server is reloaded once more.")
            self._come_back()
        return is_ready

    def _understand(self, item: Event | Frame) -> None:
        if isinstance(item, Reconnect) and self.comes_back and self._door is not None:
            self._called_back = True
            return
        if isinstance(item, ANSWERS):
            self._unanswered.pop(item.ref, None)
        if self._is_told(item):
            return
        if self._before is None:
            self._mark(item)
        super()._understand(item)
        if self._before is not None and self._is_known(item) and self._inbox[-1:] == [item]:
            self._inbox.pop()

    def _mark(self, item: Event | Frame) -> None:
        """How far one has been told now."""
        if isinstance(item, Logged) and item.rev:
            number = item.id if isinstance(item, Message) else 0
            self._latest = max(self._latest, number)
            self._numbers[place_of(item)] = max(self._numbers.get(place_of(item), 0), item.seq)
            told = self.conversations if item.conversation else None
            mark = self._marks.get(place_of(item)) or Place(told.epoch if told is not None else NO_EPOCH, 0)
            self._marks[place_of(item)] = replace(
                mark, rev=max(mark.rev, item.rev), id=max(mark.id, number), time=max(mark.time, item.time)
            )
            return
        match item:
            case Welcome(room=room) if room:
                self._marks[room] = Place(item.epoch, item.rev, self._latest, datetime.now(UTC))
                self._numbers[room] = item.seq
            case Conversations():
                for state in item.direct:
                    place = place_at("", state.conversation)
                    if place not in self._marks:
                        self._marks[place] = Place(item.epoch, state.rev, self._latest, datetime.now(UTC))
                        self._numbers[place] = state.seq
            case HistoryPage():
                self._latest = max([self._latest, *(event.id for event in item.events if isinstance(event, Message))])
            case Ack(id=number) if number:
                self._own.append(number)

    def _is_known(self, item: Event | Frame) -> bool:
        """Whether a server that one comes back to tells what one knows."""
        match item:
            case Welcome(room=room, ref=None):
                return not room or (self._before is not None and room in self._before)
            case Conversations() | HistoryPage(ref=None):
                return True
        return False

    # --- come back ---

    def come_back(self) -> None:
        """To be called where `comes_back` is false, once `receive` has brought a `Reconnect`: then all goes on as if
        nothing had been. It may take some seconds. Raises `DisconnectedError` where one is not let in."""
        self._come_back()
        if self._connection.end:
            raise DisconnectedError(self._connection.end)

    def _come_back(self) -> None:
        """Where it fails, the connection is lost as any other."""
        asked, inbox = [*self._unanswered.values()], self._inbox
        name, self._before = self.name, dict(self.rooms)
        try:
            for _ in range(RETURNS):
                self._called_back = False
                self._unanswered.clear()
                self._inbox = []  # which is told anew where this fails
                try:
                    self._return(name)
                except ClientError as error:
                    self._inbox = []
                    if not self._called_back:
                        self._connection.close(str(error))
                        return
                else:
                    break
            else:
                self._connection.close("The server is reloaded again and again.")
                return
        finally:
            self._before, self.name = None, self.name or name
            came, self._inbox = self._inbox, [*inbox, *self._inbox]
        for item in came:
            self._mark(item)
        with suppress(DisconnectedError):  # in this very moment
            for request in asked:
                self._send(request)
            if self.left:
                self._send(Leave())

    def _return(self, name: str) -> None:
        """As who one was, called `name`; empty before `join`. Raises `ClientError`."""
        assert self._door is not None
        sock, _ = open_socket(*self._door)
        self._connection.close("This connection is closed.")
        self._connection = Connection(sock)
        self.name = ""  # until one is let in
        if name:
            self._resume()

    def _resume(self) -> None:
        before = self._before or {}
        told, reached, self._returned = self.conversations, dict(self._reached), {}
        join = Join("", None, next(self._refs), token=self.token, replay=self._replays)
        welcome = self._ask(join, Welcome, RETURN_SECONDS)
        if welcome.room not in before and welcome.room:
            self._inbox.append(welcome)
        if self.protocol >= KNOWS_CONVERSATIONS:
            self._wait(lambda: self.conversations is not told, RETURN_SECONDS)
        there = {welcome.room, *welcome.rooms}
        new = {room: one for room, one in self.rooms.items() if room not in before}
        self.rooms = {room: self.rooms[room] for room in before if room in there} | new
        self._reached = reached
        found: list[Event | Frame] = []
        for place, mark, now in self._behind(told):
            with suppress(RefusedError):  # of a room or a conversation that has gone in this very moment
                found += self._missed(place, mark)
            if mark.epoch != now:  # it was not handed over: who knows numbers has to look at them anew
                self._reached.pop(place, None)
                found += [self.rooms[place]] if place in self.rooms else []
        if told is not None and self.conversations is not None and told.epoch != self.conversations.epoch:
            found.append(self.conversations)
        self._inbox = [*found, *(item for item in self._inbox if not self._is_told(item))]

    def _behind(self, told: Conversations | None) -> Iterator[tuple[str, Place, str]]:
        """The places in which something has happened meanwhile, how far one is there, and their epoch now."""
        for room, welcome in self.rooms.items():
            mark = self._marks.get(room)
            if mark is not None and (mark.epoch, mark.rev) != (welcome.epoch, welcome.rev):
                yield room, mark, welcome.epoch
        if self.conversations is None or told is None:
            return
        latest = max((mark.time for mark in self._marks.values()), default=datetime.now(UTC))
        for state in self.conversations.direct:
            place, epoch = place_at("", state.conversation), self.conversations.epoch
            mark = self._marks.setdefault(place, Place(NO_EPOCH, 0, self._latest, latest))
            if (mark.epoch, mark.rev) != (epoch, state.rev):
                yield place, mark, epoch

    def _missed(self, place: str, mark: Place) -> list[Message | Change]:
        """As it would have been told; but who has put which emoji where, one can look up. Raises `RefusedError`."""
        cursor = Cursor()
        cursor[place] = mark
        events = [*missed(partial(self._page, place), place, cursor)]
        known = self._numbers.get(place, 0) if cursor[place].epoch == mark.epoch else 0
        self._marks[place] = cursor[place]
        self._returned[place] = cursor[place].rev
        found: list[Message | Change] = []
        for event in events:
            if isinstance(event, Deleted) or not (event.seq <= known or event.id in self._own):
                found.append(event)
            elif event.edited is not None and event.edited > mark.time:
                found.append(
                    Edited(event.room, event.seq, event.rev, event.text, event.sender, event.edited, event.conversation)
                )
        return found

    def _is_told(self, item: Event | Frame) -> bool:
        return isinstance(item, Logged) and 0 < item.rev <= self._returned.get(place_of(item), 0)

    def _page(
        self,
        place: str,
        *,
        after: int = 0,
        since: datetime | None = None,
        limit: int = 50,
        rev: int = 0,
        epoch: str = "",
    ) -> HistoryPage:
        """See `cursor.Asks`."""
        conversation = conversation_at(place)
        room = "" if conversation else place
        ref = next(self._refs)
        asked = History(room, 0, after, since, None, limit, ref, rev, epoch, conversation)
        return self._ask(asked, HistoryPage, RETURN_SECONDS)
