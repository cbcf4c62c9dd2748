"""One connection to a server, as bots and user interfaces use it: see the package's docstring."""

import itertools
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar

from greenchat.client.connection import JSON, Connection, deadline_in, open_socket
from greenchat.client.cursors import Cursor, move
from greenchat.client.errors import (
    DisconnectedError,
    NoAnswerError,
    RefusedError,
    TurnedAwayError,
    UnreachableError,
)
from greenchat.codecs.plain import NOT_UTF8, too_long
from greenchat.net.encryption import Encryption
from greenchat.protocol.events import Event, Left, Renamed
from greenchat.protocol.replies import Ack, Error, HistoryPage, SearchResults, Stats, Welcome
from greenchat.protocol.requests import (
    Delete,
    Edit,
    Frame,
    History,
    Invalid,
    Join,
    Leave,
    Ping,
    Pong,
    React,
    Ref,
    Say,
    Search,
    Status,
)
from greenchat.protocol.vocabulary import Request

# A lost first packet is sent again after 1, 3 and 7 seconds: this outlasts two of them, and somebody's patience hardly.
CONNECT_SECONDS = 10.0

# Silence of a server that owes an answer. It answers within milliseconds, unless it is overloaded or stopped.
ANSWER_SECONDS = 30.0

A = TypeVar("A", Welcome, HistoryPage, SearchResults, Stats, Ack)


class Client:
    """One connection to a server, made by `connect`.

    `where` is "HOST:PORT". `name` is what one is called, empty before `join`. `rooms` are those that one is in, also by
    other devices of one's own, by their names, each with the server's welcome there; the last is the one that one came
    into last, and there may be none. `account` is whose account one is logged in to, empty for guests. `token` is for
    `resume`, and `device_token` as well, if one has asked for one: both are secrets, and renewed by each welcome.
    `pending` holds the messages that the server has not answered yet, by their ref, in order. `cursors` are how far one
    is in each room, for `catch_up`. `left` says whether one has gone.
    """

    plain = False  # whether it speaks plain frames, which acknowledge nothing
    has_commands = True

    def __init__(self, sock: socket.socket, where: str) -> None:
        self._connection = Connection(sock)
        self._inbox: list[Event | Frame] = []
        self._refs = itertools.count(1)
        self._changing: set[Ref] = set()  # what is to become of messages, and is not answered yet
        self._parting: dict[Ref, str] = {}  # the rooms that one has asked to go out of, by the ref of the request
        self._limits: dict[str, int | float] = {}
        self.where = where
        self.name = self.account = ""
        self.token = self.device_token = ""
        self.rooms: dict[str, Welcome] = {}
        self.pending: dict[int, str] = {}
        self.cursors: dict[str, Cursor] = {}
        self.left = False

    @classmethod
    def connect(
        cls, host: str, port: int, timeout: float = CONNECT_SECONDS, encryption: Encryption | None = None
    ) -> Self:
        """Connect, waiting at most `timeout` seconds for each address of `host`. Raises `UnreachableError`."""
        return cls(*open_socket(host, port, timeout, encryption))

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event | Frame]:
        """What comes, one by one. Ends with the connection if one has left; else raises `DisconnectedError` then."""
        while True:
            try:
                items = self.receive()
            except DisconnectedError:
                if self.left:
                    return
                raise
            yield from items

    def close(self) -> None:
        """Close the socket at once. For the others in the room the connection is lost, unless one has left before."""
        self._connection.close("This connection is closed.")

    def fileno(self) -> int:
        """The socket's descriptor, to be watched."""
        return self._connection.fileno()

    @property
    def backlog(self) -> int:
        """How many bytes wait here because the server reads slower than we send."""
        return len(self._connection.outgoing)

    @property
    def patience(self) -> float:
        """How many seconds of silence are too many, while something is pending: a server that slows a flood down
        announces how fast it reads."""
        rate = self.limit("flood_rate")
        return ANSWER_SECONDS + (len(self.pending) / rate if rate else 0)

    @property
    def welcome(self) -> Welcome | None:
        """The server's welcome to the room that one came into last; None where one is in none."""
        return next(reversed(self.rooms.values()), None)

    @property
    def room(self) -> str:
        """The room that one came into last; empty where one is in none."""
        return next(reversed(self.rooms), "")

    def limit(self, name: str) -> float:
        """The server's limit of this name; 0 for none, and before `join`."""
        return self._limits.get(name, 0)

    # --- come and go ---

    def join(
        self,
        name: str = "",
        room: str | None = "",
        timeout: float = CONNECT_SECONDS,
        *,
        password: str = "",
        key: str = "",
        login: str = "",
        token: str = "",
        device: str = "",
    ) -> Welcome:
        """Come in as `name`; an empty `room` is the server's default room, None is no room. `password` is the server's,
        if it has one, `key` the room's, `login` the password of the account called `name`. Who logs in comes into the
        rooms that they had not left, too: `welcome.rooms` has all, and `receive` brings a `Welcome` for each.

        `device` is a name for this machine, and with it `login` asks for a `device_token`: with that one comes in later
        without the password. `token` is a `device_token`, or a `token` from before a loss: see `resume`.

        Raises `RefusedError` (the name is taken or not valid: one may try another), `TurnedAwayError`,
        `UnreachableError` where something else than a greenchat server answers, `NoAnswerError`, `DisconnectedError`.
        """
        request = Join(name, room, next(self._refs), password, key, login, token, device)
        return self._ask(request, Welcome, timeout)

    def resume(self, token: str, room: str | None = None, timeout: float = CONNECT_SECONDS) -> Welcome:
        """Come back as who one was, into the rooms one was in and no other, unless `room` names one. `token` is what
        the client before had as `token`, for some two minutes after a loss; or a `device_token`.

        Raises as `join` does. The codes of `RefusedError` that end a token are `token_invalid`, and `name_taken`: join
        by name then. `try_later` passes.
        """
        return self.join("", room, timeout, token=token)

    def enter(self, room: str, key: str = "", timeout: float = ANSWER_SECONDS) -> Welcome:
        """Come into one more room, which `key` may open. Raises `RefusedError`, `NoAnswerError`, `DisconnectedError`.

        A server may let one in unasked, as commands such as /join do, and other devices of one's own: `receive` brings
        that `Welcome` like an event, and `rooms` has it.
        """
        return self._ask(Join("", room, next(self._refs), key=key), Welcome, timeout)

    def part(self, room: str) -> int:
        """Go out of a room, spelt as in its welcome. It may be the last one: one is in no room then, until `enter`.

        Does not wait: returns the ref of the answer, as `say` does.
        """
        self._send(Leave(room, ref := next(self._refs)))
        self._parting[ref] = room
        return ref

    def leave(self) -> None:
        """Go. The server delivers what was said, and closes: `receive` until `DisconnectedError`. What is `pending`
        then was not delivered."""
        if not self.left:
            self._send(Leave())
            self.left = True

    # --- talk ---

    def say(self, text: str, room: str = "", *, conversation: str = "", to: str = "", reply_to: int = 0) -> int:
        """Say one line, and return the ref of its answer: an `Ack`, or an `Error`, which `receive` brings.

        Where it goes is one of these: a `room`, which need not be named by who has only ever been in one; a
        `conversation` of two, by the id that a `Private` or an `Ack` has brought; the person who is called `to`. A line
        that begins with a slash is a command, run there; `//x` says `/x`. In a room it may answer a message, of which
        `reply_to` is the `seq`.

        Does not wait: what the server does not read at once is in `backlog`. Raises `RefusedError` for what cannot be
        sent, `DisconnectedError`, and `ValueError` for more than one place.
        """
        if bool(room) + bool(conversation) + bool(to) > 1:
            raise ValueError("one line goes into a room, into a conversation, or to one person")
        self._send(Say(text, room, ref := next(self._refs), conversation, to, reply_to))
        self.pending[ref] = text
        return ref

    def edit(self, room: str, seq: int, text: str) -> int:
        """Have a message of one's own say something else. Does not wait: returns the ref of the answer, as `say`."""
        return self._change(Edit(seq, text, room, next(self._refs)))

    def delete(self, room: str, seq: int) -> int:
        """Take away a message of one's own; or of others, where one keeps order. As `edit`."""
        return self._change(Delete(seq, room, next(self._refs)))

    def react(self, room: str, seq: int, emoji: str, on: bool = True) -> int:
        """Put an emoji to a message, or take it away again. As `edit`."""
        return self._change(React(seq, emoji, room, on, next(self._refs)))

    def confirm(self, ref: int, timeout: float = ANSWER_SECONDS) -> Ack:
        """Wait until the server has dealt with what `say`, `part`, `edit` or the like asked for as `ref`.

        Raises `RefusedError`, `NoAnswerError` and `DisconnectedError`. What else comes meanwhile is kept for `receive`.
        """
        self._wait(lambda: not (ref in self.pending or ref in self._parting or ref in self._changing), timeout)
        return self._take(ref, Ack)

    def receive(self, timeout: float | None = None) -> list[Event | Frame]:
        """What has come, in order; empty if nothing has within `timeout` seconds (None: wait for ever). What one has
        said oneself is there as well, marked `own`, if that was on another device.

        Raises `DisconnectedError` when the connection has ended, and all that came before it has been returned.
        """
        deadline = deadline_in(timeout)
        while not self._inbox and not self._connection.end and self._exchange(deadline):
            pass
        items, self._inbox = self._inbox, []
        if self._connection.end and not items:
            raise DisconnectedError(self._connection.end)
        return items

    # --- look back ---

    def history(
        self,
        room: str = "",
        before: int = 0,
        after: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        timeout: float = ANSWER_SECONDS,
    ) -> HistoryPage:
        """What was said in `room`, or in the only one that one has been in: `frames.History` says what the conditions
        mean. Times without a zone are local. For the page before a `page`, ask for `before=page.events[0].seq`.

        Raises `RefusedError` (code `no_history` where the server keeps none), `NoAnswerError`, `DisconnectedError`.
        """
        since, until = (time and time.astimezone(UTC) for time in (since, until))
        return self._ask(History(room, before, after, since, until, limit, next(self._refs)), HistoryPage, timeout)

    def catch_up(self, room: str, cursor: Cursor, limit: int = 200, timeout: float = ANSWER_SECONDS) -> HistoryPage:
        """What is newer in `room` than `cursor`, of an earlier client's `cursors`: messages as they are, and `Deleted`
        for those that are gone. While there is `more`, go on from its `epoch` and `rev`. If it is `anew`, it is the
        latest page, and what one has may be wrong. Raises as `history` does."""
        ask = History(room, limit=limit, ref=next(self._refs), rev=cursor.rev, epoch=cursor.epoch)
        return self._ask(ask, HistoryPage, timeout)

    def search(
        self, text: str, room: str = "", before: int = 0, limit: int = 20, timeout: float = ANSWER_SECONDS
    ) -> SearchResults:
        """The latest messages with all the words of `text`, in `room` or in all rooms that one may read, with an `id`
        below `before`, unless that is 0. Raises as `history` does."""
        return self._ask(Search(text, room, before, limit, next(self._refs)), SearchResults, timeout)

    def stats(self, timeout: float = CONNECT_SECONDS) -> Stats:
        """How the server is: it tells who asks from its own machine, also before `join`. Raises as `join` does."""
        return self._ask(Status(next(self._refs)), Stats, timeout)

    # --- requests and their answers ---

    def _change(self, request: Edit | Delete | React) -> int:
        self._send(request)
        assert isinstance(request.ref, int)
        self._changing.add(request.ref)
        return request.ref

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
        if self._inbox:
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
        move(self.cursors, item)
        match item:
            case Ping(ref):
                self._connection.send(JSON.encode_request(Pong(ref)))
                return
            case Invalid() if self.name:
                return  # a later server's word that this client does not know yet
            case Welcome():
                self.name, self.account, self._limits = item.name, item.account, item.limits
                self.token = item.token or self.token
                self.device_token = item.device_token or self.device_token
                if item.room:
                    self.rooms.pop(item.room, None)
                    self.rooms[item.room] = item
            case Renamed(name=self.name):
                self.name = item.new_name
            case Left(name=self.name):
                self.rooms.pop(item.room, None)  # by a command or another device, or put out
            case Ack(ref) | Error(ref=ref):
                if isinstance(ref, int):
                    self.pending.pop(ref, None)
                self._changing.discard(ref)
                room = self._parting.pop(ref, "")
                if isinstance(item, Ack) or item.code == "not_in_room":
                    self.rooms.pop(room, None)
        self._inbox.append(item)
