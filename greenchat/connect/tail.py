"""`greenchat tail`: what is said in a room, or with one person alone, as lines of a log, or as JSON for programs.

    greenchat tail ops --since 1h | grep -i backup
    greenchat tail ops --json | jq -r .text

It goes on until it is stopped, or nobody reads it any more; with `--no-follow` it ends behind what was said before. A
connection that is lost is made again, and what was said meanwhile comes next: a cursor knows how far one is, and ids,
which rise over restarts, too, what was told already.

As text, standard output is what people say: time, sender, words, each line of a message by itself. What becomes of it
later goes to standard error, with what the server says. As JSON it is an object a line, as the protocol has them:
`message`, `edited`, `deleted`, `reacted`. What was edited while the connection was lost comes as `edited`; who has put
an emoji there meanwhile is not known.
"""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from greenchat.client import Client, ClientError, Cursor, DisconnectedError, RefusedError
from greenchat.client.cursor import PAGE_MESSAGES, Asks
from greenchat.client.places import place_at
from greenchat.codecs import wording
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.connect.common import (
    Kind,
    Line,
    clean,
    clean_lines,
    error_line,
    exit_code,
    info_line,
    login_name,
    turned_away,
)
from greenchat.connect.errand import COMING_BACK, OUT, Errand, has_forgotten
from greenchat.connect.missed import NO_HISTORY, as_told
from greenchat.connect.model.timeline import Timeline
from greenchat.connect.options import Exit, Visit
from greenchat.connect.said import is_called
from greenchat.connect.streams import Outlet, Stopped, Stops
from greenchat.connect.tries import SENT_AWAY
from greenchat.errors import ConfigError
from greenchat.protocol.events import EPOCH, Change, Deleted, Edited, Ended, Event, Left, Message, Notice, Reacted
from greenchat.protocol.replies import Error, HistoryPage, Welcome
from greenchat.protocol.requests import Frame
from greenchat.protocol.text import FORBIDDEN

# What who gives no name is called: another one than `say` takes, so that both may go on beside each other. Of the login
# name so much is taken, in characters, that a server takes the whole; and so many may run at once.
NAME = "{:.24}-tail"
NAMES = 9

NEEDS_LOGIN = "What is said to one person alone, only who is logged in can follow. Use --login-file FILE."
NO_PAST = "This server does not tell what was said before."
NO_MEANWHILE = "What was said meanwhile is not known."
NOTHING_ALONE = "You and {} have said nothing to each other alone."
BACK = "Back."

JSON = JsonCodec()


class Wanted(NamedTuple):
    """What is to be told: what was said before, since that moment or, where that is None, the last so many `lines`; and
    what is said from now on, if one is to `follow`."""

    since: datetime | None = None
    lines: int = 10
    follow: bool = True
    as_json: bool = False


def tail(visit: Visit, wanted: Wanted) -> Exit:
    """Tell what is said where `visit.room` says; returns the exit code. Raises `ConfigError`."""
    Stops()
    outlet = Outlet(sys.stdout, sys.stderr)
    errand = Errand(visit, NAME.format(login_name()))
    if errand.person and not errand.logs_in:
        raise ConfigError(NEEDS_LOGIN)
    try:
        try:
            _come(errand, has_name=visit.name is not None or errand.logs_in)
            Tail(errand, outlet, wanted).run()
            return Exit.DELIVERED
        finally:
            errand.go()
    except ClientError as error:
        outlet.show([turned_away(error, visit.host)])
        return exit_code(error)
    except Stopped as stopped:
        return stopped.end()


def _come(errand: Errand, *, has_name: bool) -> None:
    """Who gives no name does not mind which of some it is."""
    name = errand.name
    for number in range(1, NAMES + 1):
        try:
            errand.come(name if number == 1 else f"{name}-{number}")
            return
        except RefusedError as refusal:
            if has_name or refusal.code != "name_taken" or number == NAMES:
                raise


class Teller:
    """Writes what is to be told, as text or `as_json`."""

    def __init__(self, outlet: Outlet, *, as_json: bool) -> None:
        self.outlet = outlet
        self._as_json = as_json
        self._timeline = Timeline()  # what stood there before a change

    def told(self, item: Message | Change) -> None:
        if self._as_json:
            self.outlet.put(_as_json(item))
            return
        if isinstance(item, Message):
            words = wording.answering(item, self._timeline.message(item.reply_to))
            head = f"{_moment(item.time)} [{clean(wording.sender(item))}]:"
            self.outlet.show([Line(Kind.MESSAGE, head, clean_lines(words))])
            if item.seq:
                self._timeline.add(item)
        else:
            self.info(wording.changed(item, self._timeline.changed(item), whole=True))

    def info(self, text: str) -> None:
        self.outlet.show([info_line(text)])

    def error(self, text: str) -> None:
        self.outlet.show([error_line(text)])


class _UnreadError(Exception):
    """Nobody reads it any more."""


class Tail:
    """Tells of one place, by an errand that has come in."""

    def __init__(self, errand: Errand, outlet: Outlet, wanted: Wanted) -> None:
        self._errand = errand
        self._wanted = wanted
        self._outlet = outlet
        self._teller = Teller(outlet, as_json=wanted.as_json)
        self._cursor = Cursor()
        self._talk = ""  # the conversation with the person, once there is one
        self._latest = 0  # the id of the latest message that was told, or stood before all that is
        self._told = 0  # the same of what was said before
        self._sent_away = False
        self._lost: Client | None = None  # the connection before this one

    def run(self) -> None:
        """Until nobody reads it any more, or all is told that was said before. Raises `ClientError`."""
        go_on = self._begin
        while True:
            try:
                go_on()
                go_on = self._catch_up
                if self._wanted.follow:
                    self._listen()
                return
            except DisconnectedError as error:
                if self._sent_away or not self._wanted.follow:
                    raise
                self._teller.error(str(error))
                self._teller.info(COMING_BACK)
                try:
                    self._lost = self._errand.back(self._teller.error, rest=self._rest)
                except _UnreadError:
                    return
                self._teller.info(BACK)

    def _rest(self, seconds: float) -> None:
        self._outlet.rest(seconds)
        if self._outlet.closed:
            raise _UnreadError

    def _listen(self) -> None:
        client = self._errand.client
        while not self._outlet.closed:
            for item in (items := client.receive(0)):
                self._hear(item)
            if not items:  # what came while one asked for something else is not told of by the socket
                self._outlet.wait(client.fileno(), writing=client.backlog > 0)

    @property
    def _place(self) -> str:
        return place_at(self._errand.room, self._talk)

    @property
    def _ask(self) -> Asks:
        return partial(self._errand.client.history, self._errand.room, conversation=self._talk)

    # --- what was said before ---

    def _begin(self) -> None:
        person = self._errand.person
        if person and not self._find_talk():
            if not self._wanted.follow:
                self._teller.info(NOTHING_ALONE.format(person))
            return
        pages: list[HistoryPage] = []

        def ask(**conditions: Any) -> HistoryPage:
            pages.append(self._ask(**conditions))
            return pages[-1]

        try:
            self._cursor.begin(ask)
        except RefusedError as refusal:
            if refusal.code != "no_history":
                raise
            self._teller.info(NO_PAST)
            return
        latest = sorted(_messages(pages[0]), key=lambda message: message.seq)
        self._latest = max([self._latest, *(message.id for message in latest)])
        if not latest and (room := self._errand.client.rooms.get(self._place)) is not None and room.seq:
            self._teller.info(NO_PAST)
        for message in self._before(latest):
            if message.id > self._told:  # else it was, before the connection was lost over this
                self._told = message.id
                self._tell(message)

    def _before(self, latest: list[Message]) -> Iterator[Message]:
        """What is wanted of what was said before: these are the `latest`."""
        since, lines = self._wanted.since, self._wanted.lines
        if since is None and lines <= PAGE_MESSAGES:
            yield from latest[max(len(latest) - lines, 0) :]
            return
        try:
            yield from self._since(since) if since is not None else self._last(lines)
        except RefusedError as refusal:
            if refusal.code != "no_history":
                raise
            yield from [message for message in latest if since is None or message.time >= since]

    def _since(self, time: datetime) -> Iterator[Message]:
        page = self._ask(since=time, limit=PAGE_MESSAGES)
        yield from _messages(page)
        while page.more and (last := _last_number(page)):
            page = self._ask(after=last, limit=PAGE_MESSAGES)
            yield from _messages(page)

    def _last(self, count: int) -> list[Message]:
        client, room = self._errand.client, self._errand.room
        page = client.history(room, conversation=self._talk, limit=PAGE_MESSAGES)
        found = _messages(page)
        while page.more and len(found) < count and (first := _first_number(page)):
            page = client.history(room, before=first, conversation=self._talk, limit=PAGE_MESSAGES)
            found = [*_messages(page), *found]
        return found[-count:]

    # --- what is said now ---

    def _hear(self, item: Event | Frame) -> None:
        errand = self._errand
        match item:
            case Message() if self._is_here(item):
                if item.id > self._latest or not item.id:
                    self._tell(item)
                self._cursor.passed(item, self._epoch)
            case Edited() | Deleted() | Reacted() if self._is_here(item):
                if self._place not in self._cursor or item.rev > self._cursor[self._place].rev:
                    self._teller.told(item)
                self._cursor.passed(item, self._epoch)
            case Welcome(room=room) if room and room == errand.room:
                self._catch_up()  # it was reloaded, and has lost count
            case Left(name=name, room=room) if (name, room) == (errand.client.name, errand.room):
                raise RefusedError("not_in_room", OUT.format(room))
            case Ended(conversation=conversation) if conversation == self._talk:
                self._teller.info(item.reason)
                self._cursor.passed(item)
                self._talk = ""
            case Error(ref=None):
                self._teller.error(item.text)
                self._sent_away = item.code in SENT_AWAY
            case Notice():
                self._teller.info(item.text)

    @property
    def _epoch(self) -> str:
        told = self._errand.client.conversations
        return told.epoch if told is not None and self._talk else ""

    def _is_here(self, item: Message | Change) -> bool:
        errand = self._errand
        if not errand.person:
            return not item.conversation and (item.room == errand.room or errand.client.plain)
        if not self._talk and isinstance(item, Message) and is_called(item.with_, errand.person):
            self._talk = item.conversation  # which has begun
        return item.conversation == self._talk != ""

    def _tell(self, message: Message) -> None:
        self._latest = max(self._latest, message.id)
        self._teller.told(message)

    # --- what was missed ---

    def _catch_up(self) -> None:
        errand, cursor = self._errand, self._cursor
        if errand.person and not self._talk:
            if not self._find_talk():
                return
            cursor.begin_at(self._place, EPOCH)  # it has begun meanwhile
        if self._place not in cursor:
            self._teller.info(NO_MEANWHILE)
            return
        if self._lost is not None and has_forgotten(self._lost, errand.client, errand.room):
            self._teller.info(NO_HISTORY)
        self._lost = None
        events = errand.client.catch_up(errand.room, cursor, conversation=self._talk)
        try:
            for item in as_told(events, self._latest, cursor[self._place].time):
                if isinstance(item, Message):
                    self._tell(item)
                else:
                    self._teller.told(item)
        except RefusedError as refusal:
            self._teller.error(f"{refusal} {NO_MEANWHILE}")

    def _find_talk(self) -> str:
        """The conversation with the person; empty for none."""
        told = self._errand.client.overview()
        called = (state.conversation for state in told.direct if is_called(state.with_, self._errand.person))
        self._talk = next(called, "")
        return self._talk


def _messages(page: HistoryPage) -> list[Message]:
    return [event for event in page.events if isinstance(event, Message)]


def _first_number(page: HistoryPage) -> int:
    return min((event.seq for event in page.events if isinstance(event, Message | Deleted)), default=0)


def _last_number(page: HistoryPage) -> int:
    return max((event.seq for event in page.events if isinstance(event, Message | Deleted)), default=0)


def _moment(time: datetime) -> str:
    """On the clock of this machine, in full: the lines of many days may stand in one file."""
    try:
        return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError):  # no server's clock is there
        return "?"


def _as_json(item: Message | Change) -> str:
    """As the protocol has it, in one line. What would drive a terminal, whatever the server let pass, is escaped."""
    line = JSON.encode(item).decode().rstrip("\n")
    return FORBIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], line)
