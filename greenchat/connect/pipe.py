"""`greenchat connect` as a part of a pipe: lines of standard input are said, what others say is standard output.

    echo "The backup is done." | greenchat connect chat.example.org 9999 --name backup
    tail -f app.log | greenchat connect chat.example.org 9999 --name app > /dev/null

Each line that is not blank is a message, in order, said as it stands: whoever writes a log must not run commands with
it. One that seems to hold a password is refused. With `--commands`, and where a person types at a terminal that cannot
move its cursor, a line that begins with a slash is a command, and one `/quit` ends the input; what stands behind it was
not said, and is told of. All is said in the one room that was joined, or that a /join has led to, and nowhere else: who
is put out of it ends there. Who is logged in may be in others on another device: of what is said there, nothing is
shown, and what they say themselves on another device goes to standard error, so that no bot answers itself.

A connection that is lost is not made again: nobody but who has the input can tell what to do about lines that may have
been said, and what comes behind them. The exit code LOST says so, and how many lines were not acknowledged.

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

from greenchat.client import Client, ClientError, DisconnectedError, NoAnswerError
from greenchat.codecs.lines import LineBuffer
from greenchat.codecs.plain import too_long
from greenchat.connect.common import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    NOT_STORED,
    error_line,
    exit_code,
    info_line,
    is_quit,
    login_name,
    undelivered,
)
from greenchat.connect.conversation import Conversation
from greenchat.connect.draft import as_text
from greenchat.connect.options import Exit, Visit
from greenchat.connect.outgoing import Entry
from greenchat.connect.streams import Outlet, Stopped, Stops
from greenchat.connect.ticket import Ticket
from greenchat.protocol.events import Event
from greenchat.protocol.replies import Ack, Error
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
        ticket = Ticket(
            visit.host or DEFAULT_HOST,
            visit.port or DEFAULT_PORT,
            visit.name or login_name(),
            visit.room,
            visit.encryption,
            visit.password,
            visit.login,
            plain=visit.plain,
            keys={visit.room: visit.key},
        )
        client, welcome = ticket.enter()
        with client:
            client.repeats = False  # a lost connection is not made again
            stops = Stops()
            talk = Conversation(client, quotes=False)
            outlet.show(talk.lines(welcome))
            # Who types where there is no line client is a person, and their commands are meant.
            commands = visit.commands or (sys.stdin is not None and sys.stdin.isatty())
            try:
                if not commands:
                    talk.commands.fetch(client)
                return Pipe(client, talk, outlet, sys.stdin, stops, commands=commands).run()
            except Stopped:
                _go(client)
                raise
    except ClientError as error:
        outlet.show([error_line(str(error))])
        return exit_code(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Stopped as stopped:
        return stopped.end()


def _go(client: Client) -> None:
    """Say that one goes, so that the name is free at once."""
    with suppress(ClientError, Stopped):
        client.leave()
        while client.receive(LEAVE_SECONDS):  # what comes now nobody reads
            pass


class Pipe:
    """Says the lines of `source` (None: the shell has closed it), and shows what others say, until both end."""

    def __init__(
        self,
        client: Client,
        talk: Conversation,
        outlet: Outlet,
        source: TextIO | None,
        stops: Stops,
        *,
        commands: bool,
    ) -> None:
        self._client = client
        self._stops = stops
        self._talk = talk
        self._outlet = outlet
        self._commands = commands
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

    def run(self) -> Exit:
        client = self._client
        try:
            self._receive()
            while True:
                with self._stops:
                    self._outgoing.send(LINES_AHEAD)
                    if self._source is None and not self._outgoing:
                        client.leave()  # twice is once
                self._wait()
        except (DisconnectedError, NoAnswerError) as error:
            if not client.left or (isinstance(error, NoAnswerError) and not client.plain):
                self._outlet.show([error_line(str(error))])
        lost = len(client.pending) + len(self._outgoing) + self._dropped
        if client.plain and not client.left:
            self._outlet.show([NO_RECEIPTS])
        if lost:
            self._outlet.show([undelivered(lost)])
        if self._put_out:
            return Exit.TURNED_AWAY
        if lost or not client.left:
            return Exit.LOST
        return Exit.REFUSED if self._refused else Exit.DELIVERED

    def _wait(self) -> None:
        """For input, for the server, or for a server that takes no more at the moment."""
        client = self._client
        server = client.fileno()
        source = None if self._outgoing else self._source
        # Who waits for input has time. Who waits for the server does not wait for ever.
        patience = client.patience if client.left or self._outgoing else None
        readable, writable, _ = select.select(
            [server] if source is None else [server, source], [server] if client.backlog else [], [], patience
        )
        if not readable and not writable:
            raise NoAnswerError(f"{client.where} has been silent for {patience:.0f} seconds.")
        if server in readable or server in writable:
            self._receive()
        if source in readable and self._source is not None:
            self._read(self._source)

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
            room = self._talk.room
            lines = self._talk.lines(item)
            if isinstance(item, Ack | Error):
                number = self._numbers.pop(item.ref, None)
                if isinstance(item, Error):
                    self._refused = self._refused or item.code != NOT_STORED
                    lines = [error_line(_numbered(line.body, number)) for line in lines]
            elif (
                not self._put_out and room != self._talk.room and not self._talk.busy
            ):  # and not by a /part or a /join of this input
                lines = [error_line(PUT_OUT.format(room))]
                self._put_out = True
                self._stop_reading()
            self._outlet.show(lines)
        if self._outlet.closed:
            self._stop_reading()

    def _refuse(self, reason: str, number: int) -> None:
        self._refused = True
        self._outlet.show([error_line(_numbered(reason, number))])

    def _stop_reading(self) -> None:
        self._source = None
        self._dropped += len(self._outgoing.drop())


def _numbered(reason: str, number: int | None) -> str:
    return f"Line {number}: {reason}" if number else reason
