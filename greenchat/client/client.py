"""One connection to a server, as bots and user interfaces use it: see the package's docstring."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self

from greenchat.client.asking import KNOWS_CONVERSATIONS, deadline_in
from greenchat.client.connection import open_socket
from greenchat.client.cursor import Asks, Cursor, missed
from greenchat.client.errors import DisconnectedError
from greenchat.client.files import Sending
from greenchat.client.places import place_at
from greenchat.client.returning import Door
from greenchat.client.saying import ANSWER_SECONDS
from greenchat.client.talks import Talks
from greenchat.net.encryption import Encryption
from greenchat.protocol.events import Deleted, Event, Message
from greenchat.protocol.plugin_reports import Touch, Touches, Why
from greenchat.protocol.reload_reports import Reload, Reloaded, ReloadReport
from greenchat.protocol.replies import (
    Ack,
    Conversations,
    CursorPlace,
    CursorPlaces,
    HistoryPage,
    SearchResults,
    Stats,
    Welcome,
)
from greenchat.protocol.requests import Frame, History, Join, KeepCursor, Leave, ListMentions, Search, Status

# How long a reload may take, in seconds: the server tries all that it is to load first, for a minute at most, and one
# that somebody else has asked for comes before it.
RELOAD_SECONDS = 150.0

# A lost first packet is sent again after 1, 3 and 7 seconds: this outlasts two of them, and somebody's patience hardly.
CONNECT_SECONDS = 10.0


class Client(Sending):
    """One connection to a server, made by `connect`.

    `where` is "HOST:PORT". `name` is what one is called, empty before `join`. `rooms` are those that one is in, also by
    other devices of one's own, by their names, each with the server's welcome there; the last is the one that one came
    into last, and there may be none. `conversations` is what the server has told of all that one takes part in, and how
    much of it one has not read; None before that. `account` is whose account one is logged in to, empty for guests.
    `token` is for `resume`, and `device_token` as well, if one has asked for one: both are secrets, and renewed by each
    welcome.
    `protocol` is the version of JSON Lines that the server speaks, 0 before `join`: from 2 on it only grows.
    `pending` holds what one has said or changed and the server has not answered yet, its text by its ref, in order; of
    a command that was run by its arguments only its name.
    `comes_back` is whether it comes back by itself, and at once, where the server is reloaded and cannot carry this
    connection over, as by TLS: nothing is to be seen of it then, but that `fileno` is another one. It is true, but for
    what knows better.
    `left` says whether one has gone. `repeats` is whether what one says may be said again after a loss, see `repeat`.
    """

    @classmethod
    def connect(
        cls, host: str, port: int, timeout: float = CONNECT_SECONDS, encryption: Encryption | None = None
    ) -> Self:
        """Connect, waiting at most `timeout` seconds for each address of `host`. Raises `UnreachableError`."""
        client = cls(*open_socket(host, port, timeout, encryption))
        client._door = Door(host, port, timeout, encryption)
        return client

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
            for item in items:
                if not self._is_past(item):
                    yield item

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
        replay: bool = True,
    ) -> Welcome:
        """Come in as `name`; an empty `room` is the server's default room, None is no room. `password` is the server's,
        if it has one, `key` the room's, `login` the password of the account called `name`. Who logs in comes into the
        rooms that they had not left, too: `welcome.rooms` has all, and `receive` brings a `Welcome` for each.

        `device` is a name for this machine, and with it `login` asks for a `device_token`: with that one comes in later
        without the password. `token` is a `device_token`, or a `token` from before a loss: see `resume`.
        Without `replay`, one is not told what was said in rooms before one came.

        Raises `RefusedError` (the name is taken or not valid: one may try another), `TurnedAwayError`,
        `UnreachableError` where something else than a greenchat server answers, `NoAnswerError`, `DisconnectedError`.
        """
        self._came_by, self._replays = token, replay
        request = Join(name, room, next(self._refs), password, key, login, token, device, replay)
        return self._ask(request, Welcome, timeout)

    def resume(
        self, token: str, room: str | None = None, timeout: float = CONNECT_SECONDS, *, replay: bool = True
    ) -> Welcome:
        """Come back as who one was, into the rooms one was in and no other, unless `room` names one. `token` is what
        the client before had as `token`, for some two minutes after a loss; or a `device_token`.

        Raises as `join` does. The codes of `RefusedError` that end a token are `token_invalid`, and `name_taken`: join
        by name then. `try_later` passes.
        """
        return self.join("", room, timeout, token=token, replay=replay)

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
        ref = next(self._refs)
        self._send(Leave(room, ref))
        self._parting[ref] = room
        return ref

    def leave(self) -> None:
        """Go. The server delivers what was said, and closes: `receive` until `DisconnectedError`. What is `pending`
        then was not delivered."""
        if not self.left:
            self._send(Leave())
            self.left = True

    # --- listen ---

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

    def overview(self, timeout: float = ANSWER_SECONDS) -> Conversations:
        """All that one takes part in, as `conversations` has it, once the server has told: behind the welcomes. Where
        it is too old to tell, nothing. Raises `NoAnswerError` and `DisconnectedError`."""
        if self.protocol >= KNOWS_CONVERSATIONS:
            self._wait(lambda: self.conversations is not None, timeout)
        return self.conversations or Conversations([])

    def history(
        self,
        room: str = "",
        before: int = 0,
        after: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        timeout: float = ANSWER_SECONDS,
        *,
        conversation: str = "",
        rev: int = 0,
        epoch: str = "",
    ) -> HistoryPage:
        """What was said in `room`, or in the only one that one has been in, or in a `conversation` of two:
        `frames.History` says what the conditions mean. Times without a zone are local. For the page before a `page`,
        ask for `before=page.events[0].seq`.

        With an `epoch`, as a `Welcome` or a page has it, it is what was said or changed after this `rev` of it: see
        `catch_up`.

        Raises `RefusedError` (code `no_history` where the server keeps none), `NoAnswerError`, `DisconnectedError`.
        """
        since, until = (time and time.astimezone(UTC) for time in (since, until))
        ref = next(self._refs)
        request = History(room, before, after, since, until, limit, ref, rev, epoch, conversation)
        return self._ask(request, HistoryPage, timeout)

    def catch_up(
        self, room: str, cursor: Cursor, timeout: float = ANSWER_SECONDS, *, conversation: str = ""
    ) -> Iterator[Message | Deleted]:
        """What was said, changed and deleted in `room`, or in a `conversation`, since the `cursor` was there: each
        message once, as it is now. Where the cursor has not been there yet, nothing. The cursor moves on with each,
        once the next one is asked for.

        At its end one is in the present: what `receive` brings then begins right behind it. Until then, do not
        `receive`. Raises as `history` does.
        """
        ask: Asks = partial(self.history, room, conversation=conversation, timeout=timeout)
        place = place_at(room, conversation)
        cursor.open(self)
        if place not in cursor:
            cursor.begin(ask)
            cursor.save()
            return
        place = yield from missed(ask, place, cursor)
        cursor.save()
        self._reached[place] = cursor[place].rev
        self._inbox[:] = [item for item in self._inbox if not self._is_past(item)]

    def follow(self, cursor: Cursor) -> Iterator[Event | Frame]:
        """All that comes, as when one iterates over the client; but what was missed comes first, of each room that one
        is in or comes into and of each conversation, and nothing twice. The `cursor` moves on with each item, once the
        next one is asked for: a program that is killed has missed nothing when it is started again. What it was about
        to do with the last item it may have done already; and where the server was killed, too, with all that it was
        catching up with then.

        A conversation that began while the program was away is missed from its beginning. What one says oneself is
        among it only where it was missed, as by who was started again.
        """
        cursor.open(self)
        talks = Talks(cursor, lambda conversation: self.catch_up("", cursor, conversation=conversation))
        first = self.overview()
        self._forget_ended(first, talks)
        for room in [*self.rooms]:
            yield from self.catch_up(room, cursor)
        yield from talks.missed(first)
        try:
            for item in self._saving(cursor):
                if isinstance(item, HistoryPage) and item.ref is None:
                    continue  # what was said before one came, of which one knows
                yield from talks.told(item, self.conversations.epoch if self.conversations is not None else "")
                if isinstance(item, Welcome) and item.room:
                    yield from self.catch_up(item.room, cursor)
                elif isinstance(item, Conversations) and item is not first:
                    self._forget_ended(item, talks)
                    yield from talks.missed(item)
        finally:
            if not self._connection.end and not self.left:
                cursor.save()

    def _forget_ended(self, told: Conversations, talks: Talks) -> None:
        """By the latest list alone, and not by a guest's: who logs in later has other conversations."""
        if told is self.conversations and self._told_account:
            talks.forget_ended(told)

    def _saving(self, cursor: Cursor) -> Iterator[Event | Frame]:
        """As when one iterates over the client; the `cursor` is saved when that is due, also while nothing comes."""
        while True:
            try:
                items = self.receive(cursor.due)
            except DisconnectedError:
                if self.left:
                    return
                raise
            for item in items:
                if not self._is_past(item):
                    yield item
            if cursor.due == 0:
                cursor.save()

    # --- cursors that the server keeps: see `Cursor.on_server` ---

    def cursor(self, name: str, timeout: float = ANSWER_SECONDS) -> list[CursorPlace]:
        """How far the program called `name` has got, by the rooms and conversations that it has been in. Raises as
        `history` does: code `not_allowed` for guests."""
        return self._ask(KeepCursor(name, ref=next(self._refs)), CursorPlaces, timeout).places

    def keep_cursor(
        self,
        name: str,
        room: str,
        epoch: str,
        rev: int,
        number: int = 0,
        time: datetime | None = None,
        timeout: float = ANSWER_SECONDS,
        *,
        conversation: str = "",
    ) -> None:
        """Have the server keep that it has got behind `rev` of this `epoch` in `room`, or in a `conversation`; with an
        empty `epoch`, that it has not been there. `number` and `time` are the id and the time of the latest message
        there. Raises as `cursor` does."""
        time = time and time.astimezone(UTC)
        self._ask(KeepCursor(name, room, conversation, epoch, rev, next(self._refs), number, time), Ack, timeout)

    def search(
        self,
        text: str,
        room: str = "",
        before: int = 0,
        limit: int = 20,
        timeout: float = ANSWER_SECONDS,
        *,
        conversation: str = "",
    ) -> SearchResults:
        """The latest messages with all the words of `text`, in `room`, in a `conversation` or in all that one may read,
        with an `id` below `before`, unless that is 0. Raises as `history` does."""
        request = Search(text, room, before, limit, next(self._refs), conversation)
        return self._ask(request, SearchResults, timeout)

    def mentions(self, before: int = 0, limit: int = 20, timeout: float = ANSWER_SECONDS) -> SearchResults:
        """The latest messages that have one's name or words, or answer one, in all that one may read, with an `id`
        below `before`, unless that is 0. Raises as `history` does."""
        return self._ask(ListMentions(before, limit, next(self._refs)), SearchResults, timeout)

    def stats(self, timeout: float = CONNECT_SECONDS) -> Stats:
        """How the server is: it tells who asks from its own machine, also before `join`. Raises as `join` does."""
        return self._ask(Status(next(self._refs)), Stats, timeout)

    def why(
        self, room: str = "", seq: int = 0, limit: int = 50, timeout: float = CONNECT_SECONDS, *, proof: str = ""
    ) -> list[Touch]:
        """What plugins have done to messages lately, in `room` or in all, to the message `seq` or to all, the latest
        last. It tells who asks from the server's own machine, also before `join`, and shows by `proof` that they may
        read its data directory: what is in the file `server.proof` there. Raises as `join` does."""
        return self._ask(Why(room, seq, limit, next(self._refs), proof), Touches, timeout).touches

    def reload(self, proof: str, timeout: float = RELOAD_SECONDS, *, again: str = "") -> ReloadReport:
        """Have the server load what is on the disk now, and wait for what comes of it. `proof` as in `why`. Who has
        lost the connection meanwhile asks once more with the same `again`, a text that nobody else has, and is told
        of the first time. Raises as `join` does."""
        return self._ask(Reload(again or next(self._refs), proof), Reloaded, timeout).report
