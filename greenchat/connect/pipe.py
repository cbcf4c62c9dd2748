"""`greenchat connect` as a part of a pipe: lines of standard input are said, what others say is standard output.

    echo "The backup is done." | greenchat connect chat.example.org 9999 --name backup
    tail -f app.log | greenchat connect chat.example.org 9999 --name app > /dev/null

Each line that is not blank is a message, in order, said as it stands: whoever writes a log must not run commands with
it. One that seems to hold a password is refused. With `--commands`, and where a person types at a terminal that cannot
move its cursor, a line that begins with a slash is a command, and one `/quit` ends the input; what stands behind it was
not said, and is told of. All is said in the one room that was joined, or that a /join has led to, and nowhere else: who
is put out of it ends there. Who is logged in may be in others on another device: of what is said there, nothing is
shown, and what they say themselves on another device goes to standard error, so that no bot answers itself.

A connection that is lost is made again, and the input waits meanwhile. What had no answer is said again with its key,
by which the server knows it, so that it is said once; what others have said meanwhile is output as it would have been.
Where the server cannot know whether something was said or done, as with commands, plain frames, or for a guest who was
away for too long, nobody but who has the input can tell what to do about that, and what comes behind it: the exit code
LOST says so, and how many lines were not acknowledged. With `--once` that is so with every loss.

The server slows down who says too much, and then the input waits too. At the end of the input it waits until everything
has been acknowledged, leaves, and waits until the server has closed. Messages (`[alice]: hi`) go to standard output, a
line each, flushed at once, and one of several lines as so many, each with its sender; [INFO] and [ERROR] go to standard
error, so that what the next program in the pipe reads is what people say now: a bot must not answer what was said
before it came, so what the server replays then is not shown at all, and what a line `/history` asks for goes to
standard error, and so does what is changed, deleted and reacted to. An answer is shown without what it answers. A
refused line is named there with its number and the reason; the others are said all the same, and the exit code is
REFUSED at the end. A line that was said but could not be kept is named as well, and is no refused one: who said it
again would say it twice. Nobody is asked for anything: a missing name is the login name.
"""

import os
import select
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from greenchat.client import Client, ClientError, DisconnectedError, NoAnswerError, RefusedError
from greenchat.client.asking import KNOWS_CONVERSATIONS
from greenchat.codecs.lines import LineBuffer
from greenchat.codecs.plain import too_long
from greenchat.connect.commands import TABLE_SECONDS
from greenchat.connect.common import (
    NOT_STORED,
    TRY_AGAIN,
    Line,
    error_line,
    exit_code,
    info_line,
    is_quit,
    turned_away,
    undelivered,
)
from greenchat.connect.conversation import Conversation
from greenchat.connect.draft import as_text
from greenchat.connect.errand import COMING_BACK, come_back, has_forgotten, knows_keys, lose_again, ticket_of
from greenchat.connect.missed import NO_HISTORY, Reached
from greenchat.connect.options import Exit, Visit
from greenchat.connect.outgoing import Entry
from greenchat.connect.streams import Outlet, Stopped, Stops
from greenchat.connect.ticket import Ticket
from greenchat.connect.tries import SENT_AWAY
from greenchat.protocol.events import Event
from greenchat.protocol.replies import Ack, CommandEntry, Error, Welcome
from greenchat.protocol.requests import Frame, Ref

# How many lines may be under way without an answer: 2,500 a second over a link of 100 ms, and no more than this many
# are uncertain when the connection is lost.
LINES_AHEAD = 256

SECRET = (
    "It seems to have a password or a key in it, and was not said. "
    "--commands runs such lines; --login-file and --key-file are for passwords and keys."
)
NO_RECEIPTS = info_line("Plain frames have no receipts: what was said last may not have arrived.")
SLASHES = "Line {}, and each that begins with /, is said as it stands. --commands runs such lines."
BEHIND_QUIT = "What stands behind /quit, from line {} on, was not said."
PUT_OUT = "The rest of the input was for {}, and you are not in there any more."

# How long who stops it waits for the server to see it. A second Ctrl-C does not wait.
LEAVE_SECONDS = 1.0

# What is read of the input at once: what a pipe holds on Linux.
READ_BYTES = 64 * 1024


def chat(visit: Visit) -> Exit:
    """Say standard input; returns the exit code."""
    outlet = Outlet(sys.stdout, sys.stderr)
    try:
        ticket = ticket_of(visit)
        client, welcome = ticket.enter()
        # Who types where there is no line client is a person, and their commands are meant.
        commands = visit.commands or (sys.stdin is not None and sys.stdin.isatty())
        pipe = Pipe(client, ticket, outlet, sys.stdin, Stops(), commands=commands, once=visit.once)
        try:
            return pipe.run(welcome)
        except Stopped:
            pipe.go()
            raise
        finally:
            pipe.close()
    except ClientError as error:
        outlet.show([turned_away(error, visit.host)])
        return exit_code(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Stopped as stopped:
        return stopped.end()


class Talk(Conversation):
    """`again` is what was said again by who has come back: the new refs, by the old ones."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, quotes=False)
        self.again: dict[int, int] = {}

    def use(self, client: Client, table: Iterable[CommandEntry] | None) -> dict[int, int]:
        self.again = super().use(client, table)
        return self.again


class Pipe:
    """Says the lines of `source` (None: the shell has closed it), and shows what others say, until both end."""

    def __init__(
        self,
        client: Client,
        ticket: Ticket,
        outlet: Outlet,
        source: TextIO | None,
        stops: Stops,
        *,
        commands: bool,
        once: bool,
    ) -> None:
        client.repeats = not once
        self._client = client
        self._ticket = ticket
        self._once = once
        self._stops = stops
        self._talk = talk = Talk(client)
        self._reached = Reached()
        self._sent_away = False
        self._outlet = outlet
        self._commands = commands
        talk.show = lambda item, asked, lines: outlet.show(lines)
        self._outgoing = talk.outgoing
        self._outgoing.refuse, self._outgoing.sent = self._not_sent, self._sent
        self._source = source.fileno() if source else None  # None once nothing more is to be read
        self._encoding = source.encoding if source else ""
        self._limit = int(client.limit("frame_bytes"))
        self._buffer = LineBuffer(self._limit)
        self._read_lines = 0
        self._numbers: dict[Ref, int] = {}  # which line a ref is
        self._slashes_told = commands
        self._quit = self._behind_quit = False
        self._refused = self._put_out = False
        self._dropped = 0  # lines that were read, and not said because one is out of their room
        self._unknown = 0  # lines that were said, and nobody knows whether they have arrived

    def run(self, welcome: Welcome) -> Exit:
        """From the welcome on, to the end. Raises `Stopped`."""
        self._show([welcome])
        if not self._commands:
            self._talk.commands.fetch(self._client)
        loss = self._last()
        while self._may_come_back():
            self._outlet.show([error_line(str(loss)), info_line(COMING_BACK)])
            try:
                self._come_back()
                if self._unknown:
                    self.go()
                    break
                loss = self._last()
            except (DisconnectedError, NoAnswerError) as problem:
                loss = problem  # in this very moment
            except ClientError as problem:
                loss = problem
                break
        client = self._client
        if not client.left or (isinstance(loss, NoAnswerError) and not client.plain):
            self._outlet.show([error_line(str(loss))])
        lost = len(client.pending) + self._unknown + len(self._outgoing) + self._dropped
        if client.plain and not client.left:
            self._outlet.show([NO_RECEIPTS])
        if lost:
            self._outlet.show([undelivered(lost)])
        if self._put_out:
            return Exit.TURNED_AWAY
        if lost or not client.left:
            return Exit.LOST
        return Exit.REFUSED if self._refused else Exit.DELIVERED

    def _last(self) -> ClientError:
        """Say and show what there is, as long as the connection lasts; why it has ended."""
        try:
            self._receive()
            while True:
                client = self._client
                with self._stops:
                    self._outgoing.send(LINES_AHEAD)
                    if self._source is None and not self._outgoing and not self._may_have_to_repeat():
                        client.leave()  # twice is once
                self._wait()
        except (DisconnectedError, NoAnswerError) as error:
            return error

    def _wait(self) -> None:
        """For input, for the server, or for a server that takes no more at the moment."""
        client = self._client
        server = client.fileno()
        source = None if self._outgoing else self._source
        # Who waits for input has time. Who waits for the server does not wait for ever.
        is_owed = client.left or self._outgoing or (self._source is None and client.pending)
        patience = client.patience if is_owed else None
        readable, writable, _ = select.select(
            [server] if source is None else [server, source], [server] if client.backlog else [], [], patience
        )
        if not readable and not writable:
            raise NoAnswerError(f"{client.where} has been silent for {patience:.0f} seconds.")
        if server in readable or server in writable:
            self._receive()
        if source in readable and self._source is not None:
            self._read(self._source)

    def _may_have_to_repeat(self) -> bool:
        """Whether something has no answer that could be said again: who has left does not come back."""
        return len(self._client.pending) > len(self._client.unsure)

    def go(self) -> None:
        """Say that one goes, so that the name is free at once."""
        with suppress(ClientError, Stopped):
            self._client.leave()
            while self._client.receive(LEAVE_SECONDS):  # what comes now nobody reads
                pass

    def close(self) -> None:
        self._client.close()

    # --- a connection that is lost ---

    def _may_come_back(self) -> bool:
        """Whether one does: not who has gone or was sent away, nor where nobody knows what was done."""
        client = self._client
        is_known = not (client.plain or client.unsure or self._unknown)
        return is_known and not (self._once or client.left or self._sent_away or self._put_out)

    def _come_back(self) -> None:
        """Be there again, and show what was missed. Raises `ClientError`."""
        lost, talk, ticket = self._client, self._talk, self._ticket
        talk.lost()
        room = talk.room
        ticket.room = room or None
        client, welcome = come_back(lost, ticket, room, lambda why: self._outlet.show([error_line(why)]))
        try:
            table = _table_of(client)
            may_repeat = not lost.pending or knows_keys(lost, client, ticket, room)
        except (DisconnectedError, NoAnswerError):
            lose_again(lost, client, ticket)
            raise
        self._client = client
        if not may_repeat:
            self._unknown = len(lost.pending)
            return
        with self._stops:
            talk.back(client, welcome, {}, table)
        for old, new in talk.again.items():
            if (number := self._numbers.pop(old, None)) is not None:
                self._numbers[new] = number
        self._unknown = len(lost.pending)  # that could not be said again
        if self._is_out_of(room):
            self._outlet.show(self._put_out_of(room))
        if not self._unknown:
            if has_forgotten(lost, client, room):
                self._outlet.show([info_line(NO_HISTORY)])
            self._show(self._reached.missed(client))

    def _receive(self) -> None:
        with self._stops:
            items = self._client.receive(0)
        self._show(items)

    def _read(self, source: int) -> None:
        data = os.read(source, READ_BYTES)
        if not data:
            self._source = None
            data = b"\n"  # ends a last line that has no end of its own
        block, overlong = self._buffer.feed(data)
        for line in [] if block is None else block.split(b"\n"):
            self._read_lines += 1
            # Bytes that are no text in this encoding become surrogates, which `say` refuses.
            self._take(line.removesuffix(b"\r").decode(self._encoding, "surrogateescape"))
        for endless in overlong:
            if endless:
                self._refuse("It does not end. This is no text, and is not read any further.", self._read_lines)
                self._source = None
            else:
                self._read_lines += 1
                self._refuse(too_long(self._limit).text, self._read_lines)
        if self._quit and self._source is not None:
            self._source = None
            if select.select([source], [], [], 0)[0]:
                self._read(source)  # is there more?

    def _take(self, line: str) -> None:
        """One line that was read."""
        number = self._read_lines
        if not line.strip():
            return
        if self._quit:
            if not self._behind_quit:
                self._behind_quit = self._refused = True
                self._outlet.show([error_line(BEHIND_QUIT.format(number))])
        elif self._commands and is_quit(line):
            self._quit = True
        elif self._commands:
            self._outgoing.add(line, number)
        elif self._talk.commands.has_secret(line):
            self._refuse(SECRET, number)
        else:
            text = as_text(line)
            if text != line and not self._slashes_told:
                self._slashes_told = True
                self._outlet.show([info_line(SLASHES.format(number))])
            self._outgoing.add(text, number)

    def _sent(self, entry: Entry, ref: int) -> None:
        self._numbers[ref] = entry.number

    def _not_sent(self, entry: Entry, reason: str) -> None:
        self._refuse(reason, entry.number)

    def _show(self, items: Iterable[Event | Frame]) -> None:
        for item in items:
            room, asked = self._talk.room, self._talk.asked(item)
            lines = self._talk.lines(item)
            self._reached.told(item)
            if isinstance(item, Welcome) and item.room == self._talk.room:
                self._reached.come_into(item)
            if isinstance(item, Ack | Error):
                number = self._numbers.pop(item.ref, None)
                if isinstance(item, Error) and item.code == TRY_AGAIN and asked is not None and asked.again:
                    self._unknown += 1
                elif isinstance(item, Error):
                    self._refused = self._refused or item.code != NOT_STORED
                    self._sent_away = self._sent_away or (item.ref is None and item.code in SENT_AWAY)
                    lines = [error_line(_numbered(line.body, number)) for line in lines]
            elif self._is_out_of(room) and not self._talk.busy:  # and not by a /part or a /join of this input
                lines = self._put_out_of(room)
            self._outlet.show(lines)
        if self._outlet.closed:
            self._stop_reading()

    def _is_out_of(self, room: str) -> bool:
        """Whether that is news."""
        return room not in ("", self._talk.room) and not self._put_out

    def _put_out_of(self, room: str) -> list[Line]:
        self._put_out = True
        self._stop_reading()
        return [error_line(PUT_OUT.format(room))]

    def _refuse(self, reason: str, number: int) -> None:
        self._refused = True
        self._outlet.show([error_line(_numbered(reason, number))])

    def _stop_reading(self) -> None:
        self._source = None
        self._dropped += len(self._outgoing.drop())


def _table_of(client: Client) -> list[CommandEntry] | None:
    """The server's commands; None where it does not tell. Raises `DisconnectedError` and `NoAnswerError`."""
    with suppress(RefusedError):
        return client.commands(TABLE_SECONDS) if client.protocol >= KNOWS_CONVERSATIONS else None
    return None


def _numbered(reason: str, number: int | None) -> str:
    return f"Line {number}: {reason}" if number else reason
