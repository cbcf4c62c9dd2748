"""Requests and their answers on one connection. What one asks for, client.py says."""

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from greenchat.client.connection import JSON, Connection
from greenchat.client.errors import DisconnectedError, NoAnswerError, RefusedError, TurnedAwayError, UnreachableError
from greenchat.client.places import place_of
from greenchat.codecs.plain import NOT_UTF8, too_long
from greenchat.errors import Reject
from greenchat.protocol.events import Change, Event, Left, Message, Renamed
from greenchat.protocol.plugin_reports import Touches
from greenchat.protocol.reload_reports import Reloaded
from greenchat.protocol.replies import (
    Ack,
    CommandList,
    Conversations,
    CursorPlaces,
    Error,
    Exported,
    HistoryPage,
    SearchResults,
    Stats,
    Welcome,
)
from greenchat.protocol.requests import Export, Frame, Invalid, Ping, Pong, Ref, Say
from greenchat.protocol.text import require_text
from greenchat.protocol.vocabulary import Request

# The version of the protocol with which a message may have several lines.
HAS_LINES = 2

# And from which servers tell of all that one takes part in.
KNOWS_CONVERSATIONS = 2

# As long as a ref gets.
LONG_REF = 2**31

# How long a page of an export may take, in seconds: a server that slows a flood down reads two a second, or fewer.
EXPORT_SECONDS = 30.0

A = TypeVar(
    "A", Welcome, HistoryPage, SearchResults, Exported, CursorPlaces, CommandList, Stats, Touches, Reloaded, Ack
)

# What has its place among all that has happened in a room or conversation.
Logged = Message | Change


class Requests:
    """What `Client` is made of: what is asked and not answered yet, what has come and nobody has taken yet, and who and
    where one is by all of that."""

    plain = False  # whether it speaks plain frames, which acknowledge nothing
    has_commands = True

    def __init__(self, sock: socket.socket, where: str) -> None:
        self._connection = Connection(sock)
        self._inbox: list[Event | Frame] = []
        self._refs = itertools.count(1)
        self._parting: dict[Ref, str] = {}  # the rooms that one has asked to go out of, by the ref of the request
        self._limits: dict[str, int | float] = {}
        self._reached: dict[str, int] = {}  # up to which rev one has caught up, by places
        self.where = where
        self.protocol = 0
        self.name = self.account = ""
        self.token = self.device_token = ""
        self.rooms: dict[str, Welcome] = {}
        self.conversations: Conversations | None = None
        self._told_account = ""  # whose account's they are
        self.pending: dict[int, str] = {}
        self.repeats = True
        self._came_by = ""  # the token by which one has joined
        self._keyed: dict[int, tuple[str, Say]] = {}  # what of `pending` is to be said again so, by this account
        self.left = False

    def export(self, conversation: str = "", timeout: float = EXPORT_SECONDS) -> Iterator[Message]:
        """All that others and one have said to each other alone, as far as the server keeps it, or what was said in one
        `conversation`: one conversation after the other. Raises `RefusedError` (code `not_allowed` for guests),
        `NoAnswerError`, `DisconnectedError`."""
        cursor = ""
        while True:
            page = self._ask(Export(conversation, cursor, next(self._refs)), Exported, timeout)
            yield from page.messages
            cursor = page.cursor
            if not cursor:
                return

    def limit(self, name: str) -> float:
        """The server's limit of this name; 0 for none, and before `join`."""
        return self._limits.get(name, 0)

    def fits(self, text: str, room: str = "") -> bool:
        """Whether the server takes `text` as one message: as it is, as long, and with as many lines."""
        if "\n" in text and self.protocol < HAS_LINES:
            return False
        limit = int(self.limit("frame_bytes"))
        try:
            return not limit or len(JSON.encode_request(Say(require_text(text), room, LONG_REF))) - 1 <= limit
        except (Reject, UnicodeEncodeError):
            return False

    def _ask(self, request: Request, kind: type[A], timeout: float) -> A:
        """The answer to `request`. What else comes meanwhile is kept for `receive`."""
        ref = request.ref
        self._send(request)
        try:
            self._wait(lambda: self._find(ref, kind) or self._not_in_json(), timeout)
        except DisconnectedError:
            self._explain_door()
            raise
        if self._not_in_json():
            self._explain_door()
        return self._take(ref, kind)

    def _find(self, ref: Ref, kind: type[A]) -> A | Error | None:
        for item in self._inbox:
            if isinstance(item, (kind, Error)) and item.ref == ref:
                return item
        return None

    def _take(self, ref: Ref, kind: type[A]) -> A:
        """The answer that has come. Raises `RefusedError`."""
        answer = self._find(ref, kind)
        assert answer is not None
        self._inbox.remove(answer)
        if isinstance(answer, Error):
            raise RefusedError(answer.code, answer.text)
        return answer

    def _wait(self, done: Callable[[], object], timeout: float) -> None:
        deadline = deadline_in(timeout)
        while not done():
            if self._connection.end:
                raise DisconnectedError(self._connection.end)
            if not self._exchange(deadline):
                raise NoAnswerError(f"{self.where} has not answered for {timeout:g} seconds. Try again later.")

    @property
    def may_speak_plain(self) -> bool:
        """Whether nothing has come from the server so far but plain frames, if anything."""
        return not self._connection.speaks_json and not any(isinstance(item, Invalid) for item in self._inbox)

    def _not_in_json(self) -> bool:
        """Whether something has come that is no JSON: who answers so does not know our language."""
        return bool(self._inbox) and not self._connection.speaks_json

    def _explain_door(self) -> None:
        """Raise what the server said, or what seems to listen there, when nobody has let us in."""
        if self.name:
            return
        for item in self._inbox:
            if isinstance(item, Error):
                raise TurnedAwayError(item.text)
        if self._inbox and not self._connection.speaks_json:
            raise UnreachableError(f"What answers at {self.where} is no greenchat server. Check host and port.")

    def _send(self, request: Request) -> None:
        """Raises `RefusedError` for what the server could not answer: what it has skipped has no ref for it."""
        try:
            data = JSON.encode_request(request)
        except UnicodeEncodeError:
            raise RefusedError(NOT_UTF8.code, NOT_UTF8.text) from None
        limit = int(self.limit("frame_bytes"))
        if limit and len(data) - 1 > limit:
            invalid = too_long(limit)
            raise RefusedError(invalid.code, invalid.text)
        self._connection.send(data)

    def _exchange(self, deadline: float | None) -> bool:
        """Send what waits and take what has come; False if the socket is not ready until `deadline`."""
        items = self._connection.exchange(deadline)
        if items is None:
            return False
        for item in items:
            self._understand(item)
        return True

    def _understand(self, item: Event | Frame) -> None:
        match item:
            case Ping(ref):
                self._connection.send(JSON.encode_request(Pong(ref)))
                return
            case Invalid() if self.name:
                return  # a later server's word that this client does not know yet
            case Welcome():
                self.name, self.account, self._limits = item.name, item.account, item.limits
                self.protocol = item.protocol
                self.token = item.token or self.token
                self.device_token = item.device_token or self.device_token
                if item.room:
                    self._reached.pop(item.room, None)
                    self.rooms.pop(item.room, None)
                    self.rooms[item.room] = item
            case Conversations():
                self.conversations, self._told_account = item, self.account
            case Renamed(name=self.name):
                self.name = item.new_name
            case Left(name=self.name):
                self.rooms.pop(item.room, None)  # by a command or another device, or put out
            case Ack(ref) | Error(ref=ref):
                if isinstance(ref, int):
                    self.pending.pop(ref, None)
                    self._keyed.pop(ref, None)
                room = self._parting.pop(ref, "")
                if isinstance(item, Ack) or item.code == "not_in_room":
                    self.rooms.pop(room, None)
        if not self._is_past(item):
            self._inbox.append(item)

    def _is_past(self, item: Event | Frame) -> bool:
        """Whether one has caught up with this already."""
        return bool(self._reached) and isinstance(item, Logged) and item.rev <= self._reached.get(place_of(item), 0)


def deadline_in(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout
