"""One connection to a server, as bots and user interfaces use it: see the package's docstring."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from greenchat.client.asking import Requests, deadline_in
from greenchat.client.connection import open_socket
from greenchat.client.cursor import Cursor, missed
from greenchat.client.errors import DisconnectedError
from greenchat.client.keys import may_repeat, with_key
from greenchat.net.encryption import Encryption
from greenchat.protocol.events import Deleted, Event, Message
from greenchat.protocol.replies import Ack, CursorPlace, CursorPlaces, HistoryPage, SearchResults, Stats, Welcome
from greenchat.protocol.requests import (
    Delete,
    Edit,
    Frame,
    History,
    Join,
    KeepCursor,
    Leave,
    MarkRead,
    React,
    Say,
    Search,
    Status,
)

# A lost first packet is sent again after 1, 3 and 7 seconds: this outlasts two of them, and somebody's patience hardly.
CONNECT_SECONDS = 10.0

# Silence of a server that owes an answer. It answers within milliseconds, unless it is overloaded or stopped.
ANSWER_SECONDS = 30.0


class Client(Requests):
    """One connection to a server, made by `connect`.

    `where` is "HOST:PORT". `name` is what one is called, empty before `join`. `rooms` are those that one is in, also by
    other devices of one's own, by their names, each with the server's welcome there; the last is the one that one came
    into last, and there may be none. `conversations` is what the server has told of all that one takes part in, and how
    much of it one has not read; None before that. `account` is whose account one is logged in to, empty for guests.
    `token` is for `resume`, and `device_token` as well, if one has asked for one: both are secrets, and renewed by each
    welcome.
    `protocol` is the version of JSON Lines that the server speaks, 0 before `join`: from 2 on it only grows.
    `pending` holds what one has said or changed and the server has not answered yet, its text by its ref, in order.
    `left` says whether one has gone. `repeats` is whether what one says may be said again after a loss, see `repeat`.
    """

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
        self._came_by = token
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

    # --- talk ---

    def say(
        self,
        text: str,
        room: str = "",
        *,
        conversation: str = "",
        to: str = "",
        reply_to: int = 0,
        key: str | None = None,
    ) -> int:
        """Say `text`, and return the ref of its answer: an `Ack`, or an `Error`, which `receive` brings. It may have
        several lines, at most 100, with "\\n" between them: `fits` tells whether this server takes that.

        Where it goes is one of these: a `room`, which need not be named by who has only ever been in one; a
        `conversation` of two, by the id that a `Message` or an `Ack` has brought; the person who is called `to`. A text
        that begins with a slash is a command, run there; `//x` says `/x`. `reply_to` is the `seq` of the message
        there that it answers. With a `key` it is said once, however often one says it; None is one of its own for what
        `repeat` may say again.

        Does not wait: what the server does not read at once is in `backlog`. Raises `RefusedError` for what cannot be
        sent, `DisconnectedError`, and `ValueError` for more than one place.
        """
        if bool(room) + bool(conversation) + bool(to) > 1:
            raise ValueError("one message goes into a room, into a conversation, or to one person")
        ref = next(self._refs)
        say = Say(text, room, ref, conversation, to, reply_to, key or "")
        if key is None and (again := with_key(self, say)) is not None:
            self._put(replace(say, key=again.key), ref, text)
            self._keyed[ref] = self.account, again
            return ref
        return self._put(say, ref, text)

    def repeat(self, before: "Client") -> dict[int, int]:
        """Say again what `before` had said, and got no answer for, when its connection was lost: what was said by then,
        the server knows by its key, and just answers it. Returns the refs, by those of `before`.

        It is said only by who was it then: after `resume`, or logged in to the same account. What stays in
        `before.pending` nobody can decide, and it is not to be repeated: commands, changes, what was said to a name,
        and answers where the numbers of messages may be others by now.
        """
        refs: dict[int, int] = {}
        is_same = self._came_by == before.token != ""
        for ref, (account, say) in list(before._keyed.items()):
            if (
                self._connection.end
                or account != self.account
                or not (account or is_same)
                or not may_repeat(say, before, self)
            ):
                continue
            refs[ref] = new = next(self._refs)
            self._put(replace(say, ref=new), new, before.pending.pop(ref))
            self._keyed[new] = before._keyed.pop(ref)
        return refs

    def edit(self, room: str, seq: int, text: str) -> int:
        """The message `seq` of `room`, which one has said, is to say `text` from now on. Returns and raises as `say`
        does; `receive` brings the `Edited`, as to all in the room, before the answer."""
        ref = next(self._refs)
        return self._put(Edit(seq, text, room, ref), ref, text)

    def delete(self, room: str, seq: int) -> int:
        """Take the message `seq` of `room` away, one's own or, where one keeps order, of others. As `edit`."""
        ref = next(self._refs)
        return self._put(Delete(seq, room, ref), ref, "")

    def react(self, room: str, seq: int, emoji: str, on: bool = True) -> int:
        """Put an `emoji` to the message `seq` of `room`; or, with `on` false, take one's own away. As `edit`."""
        ref = next(self._refs)
        return self._put(React(seq, emoji, room, on, ref), ref, emoji)

    def read(self, room: str, seq: int, *, conversation: str = "") -> int:
        """One has read `room`, or a `conversation`, up to the message `seq`: all devices of one's own know that then,
        by a `Read`. Returns and raises as `say` does."""
        ref = next(self._refs)
        return self._put(MarkRead(seq, room, conversation, ref), ref, "")

    def _put(self, request: Say | Edit | Delete | React | MarkRead, ref: int, text: str) -> int:
        self._send(request)
        self.pending[ref] = text
        return ref

    def confirm(self, ref: int, timeout: float = ANSWER_SECONDS) -> Ack:
        """Wait until the server has dealt with what `say`, `edit`, `delete`, `react` or `part` asked for as `ref`.

        Raises `RefusedError`, `NoAnswerError` and `DisconnectedError`. What else comes meanwhile is kept for `receive`.
        """
        self._wait(lambda: ref not in self.pending and ref not in self._parting, timeout)
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
        *,
        rev: int = 0,
        epoch: str = "",
    ) -> HistoryPage:
        """What was said in `room`, or in the only one that one has been in: `frames.History` says what the conditions
        mean. Times without a zone are local. For the page before a `page`, ask for `before=page.events[0].seq`.

        With an `epoch`, as a `Welcome` or a page has it, it is what was said or changed after this `rev` of it: see
        `catch_up`.

        Raises `RefusedError` (code `no_history` where the server keeps none), `NoAnswerError`, `DisconnectedError`.
        """
        since, until = (time and time.astimezone(UTC) for time in (since, until))
        request = History(room, before, after, since, until, limit, next(self._refs), rev, epoch)
        return self._ask(request, HistoryPage, timeout)

    def catch_up(self, room: str, cursor: Cursor, timeout: float = ANSWER_SECONDS) -> Iterator[Message | Deleted]:
        """What was said, changed and deleted in `room` since the `cursor` was there: each message once, as it is now.
        Where the cursor has not been there yet, nothing. The cursor moves on with each, once the next one is asked for.

        At its end one is in the present: what `receive` brings then begins right behind it. Until then, do not
        `receive`. Raises as `history` does.
        """
        ask = partial(self.history, timeout=timeout)
        cursor.open(self)
        if room not in cursor:
            cursor.begin(ask, room)
            cursor.save()
            return
        name = yield from missed(ask, room, cursor)
        cursor.save()
        self._reached[name] = cursor[room].rev
        self._inbox[:] = [item for item in self._inbox if not self._is_past(item)]

    def follow(self, cursor: Cursor) -> Iterator[Event | Frame]:
        """All that comes, as when one iterates over the client; but what was missed comes first, of each room that one
        is in or comes into, and nothing twice. The `cursor` moves on with each item, once the next one is asked for: a
        program that is killed has missed nothing when it is started again. What it was about to do with the last item
        it may have done already; and where the server was killed, too, with all that it was catching up with then.

        What one says oneself is among it only where it was missed, as by who was started again.
        """
        for room in [*self.rooms]:
            yield from self.catch_up(room, cursor)
        try:
            for item in self._saving(cursor):
                if isinstance(item, HistoryPage) and item.ref is None:
                    continue  # what was said before one came, of which one knows
                yield item
                cursor.passed(item)
                if isinstance(item, Welcome) and item.room:
                    yield from self.catch_up(item.room, cursor)
        finally:
            if not self._connection.end and not self.left:
                cursor.save()

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
        """How far the program called `name` has got, by the rooms that it has been in. Raises as `history` does: code
        `not_allowed` for guests."""
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
    ) -> None:
        """Have the server keep that it has got behind `rev` of this `epoch` in `room`; with an empty `epoch`, that it
        has not been there. `number` and `time` are the id and the time of the latest message there. Raises as `cursor`
        does."""
        time = time and time.astimezone(UTC)
        self._ask(KeepCursor(name, room, "", epoch, rev, next(self._refs), number, time), Ack, timeout)

    def search(
        self, text: str, room: str = "", before: int = 0, limit: int = 20, timeout: float = ANSWER_SECONDS
    ) -> SearchResults:
        """The latest messages with all the words of `text`, in `room` or in all rooms that one may read, with an `id`
        below `before`, unless that is 0. Raises as `history` does."""
        return self._ask(Search(text, room, before, limit, next(self._refs)), SearchResults, timeout)

    def stats(self, timeout: float = CONNECT_SECONDS) -> Stats:
        """How the server is: it tells who asks from its own machine, also before `join`. Raises as `join` does."""
        return self._ask(Status(next(self._refs)), Stats, timeout)
