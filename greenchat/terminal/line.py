"""`greenchat connect` on a terminal: a prompt, and above it what is said.

What one is typing stays whole when a message arrives. Everything runs in one thread: prompt_toolkit's event loop reads
the keys and watches the client's socket.
"""

import asyncio
import math
import signal
import time
from collections.abc import Iterable

from prompt_toolkit.application import create_app_session

from greenchat.address import UNIX, parse_port, parse_server
from greenchat.client import Client, ClientError, DisconnectedError, RefusedError
from greenchat.errors import GreenchatError
from greenchat.events import Event
from greenchat.frames import Error, Frame
from greenchat.terminal import Exit, Visit
from greenchat.terminal.common import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    Line,
    error_line,
    exit_code,
    info_line,
    is_quit,
    login_name,
    not_said,
    undelivered,
)
from greenchat.terminal.draft import is_command, lines_to_send
from greenchat.terminal.outgoing import Entry, Outgoing
from greenchat.terminal.screen import Screen, TerminalOutput, ask
from greenchat.terminal.secrets import AGAIN, missing
from greenchat.terminal.talk import Talk

# Refusals of a join after which another name may do; a plugin that refuses without a code of its own is one of them.
NAME_REFUSALS = frozenset({"name_taken", "name_invalid", "rejected"})

# The code with which a command is refused that nobody knows.
UNKNOWN_COMMAND = "unknown_command"

# How long leaving may take before one is told what it waits for: as long as a pause is not noticed.
QUIET_SECONDS = 1.0

ON_THEIR_WAY = info_line("Some messages are still on their way. Ctrl-C leaves at once.")
NOTHING_SENT = info_line("Nothing was sent.")
NOT_THE_SAME = error_line("These two are not the same. Nothing was sent: try again.")


def chat(visit: Visit) -> Exit:
    """Ask for what is missing, and chat; returns the exit code."""
    with TerminalOutput() as output, create_app_session(output=output):
        screen = Screen(output)
        try:
            return Entrance(screen, visit).chat()
        except ClientError as error:
            screen.show([error_line(str(error))])
            return exit_code(error)
        except (EOFError, KeyboardInterrupt):
            return Exit.DELIVERED  # before anything was said
        except OSError:
            return Exit.FAILED  # the terminal has gone, and nobody is left to be told


class Entrance:
    """The way in: asks for what `visit` does not say, and again for what the server does not take."""

    def __init__(self, screen: Screen, visit: Visit) -> None:
        self._screen = screen
        self._encryption = visit.encryption
        self._host, self._port = _ask_where() if visit.host is None else (visit.host, visit.port or DEFAULT_PORT)
        self._name = visit.name or ask("Name", login_name())
        self._room = visit.room
        self._password = visit.password
        self._key = visit.key
        self._login = ask(f"Password of {self._name}", secret=True) if visit.asks_login else visit.login

    def chat(self) -> Exit:
        while True:
            # A connection for each try: while one thinks of another name, the server may lose patience with the old.
            with Client.connect(self._host, self._port, encryption=self._encryption) as client:
                try:
                    welcome = client.join(
                        self._name, self._room, password=self._password, key=self._key, login=self._login
                    )
                except RefusedError as error:
                    refusal = error
                else:
                    talk = Talk(client)
                    self._screen.show(talk.lines(welcome))
                    return LineChat(client, talk, self._screen).run()
            self._ask_again(refusal)

    def _ask_again(self, refusal: RefusedError) -> None:
        """For what was refused. The reason is told, but where the question says it. Raises `refusal` if nothing that
        one could ask for would help."""
        match refusal.code:
            case "name_reserved":
                self._ask_login(f"{self._name} belongs to somebody. Its password")
            case "login_failed":
                self._screen.show([error_line(str(refusal))])
                self._ask_login(f"Password of {self._name}")
            case "room_key":
                if self._key:
                    self._screen.show([error_line(str(refusal))])
                self._key = ask(f"Key of {self._room or 'the room'}", secret=True)
            case "password_required" | "password_wrong":
                self._screen.show([error_line(str(refusal))])
                self._password = ask("Pass phrase", secret=True)
            case code if code in NAME_REFUSALS:
                self._screen.show([error_line(str(refusal))])
                self._ask_name()
            case _:
                raise refusal

    def _ask_login(self, question: str) -> None:
        self._login = ask(f"{question} (empty: another name)", secret=True, may_be_empty=True)
        if not self._login:
            self._ask_name()

    def _ask_name(self) -> None:
        self._name, self._login = ask("Name"), ""


def _ask_where() -> tuple[str, int]:
    """Host and port; who says both at once is not asked for the port, nor is who names a Unix socket."""
    while True:
        try:
            host, port = parse_server(ask("Server", DEFAULT_HOST))
            break
        except GreenchatError as error:
            print(error)
    while port is None and not host.startswith(UNIX):
        try:
            port = parse_port(ask("Port", str(DEFAULT_PORT)))
        except GreenchatError as error:
            print(error)
    return host, port or DEFAULT_PORT


class LineChat:
    """One joined client at the prompt."""

    def __init__(self, client: Client, talk: Talk, screen: Screen) -> None:
        self._client = client
        self._talk = talk
        self._screen = screen
        self._outgoing = Outgoing(talk, self._refused, lambda entry, ref: None)
        self._lost: DisconnectedError | None = None
        self._leaving = False

    def run(self) -> Exit:
        """Chat until the user leaves or the server goes."""
        try:
            asyncio.run(self._talk_on())
            if self._lost is None:
                self._leave()
        except DisconnectedError as error:  # in the very moment of leaving
            self._lost = error
        except KeyboardInterrupt:
            pass  # a second Ctrl-C: without waiting
        if self._lost is not None:
            self._screen.show([error_line(str(self._lost))])
        lost = len(self._client.pending) + len(self._outgoing)
        if lost:
            self._screen.show([undelivered(lost)])
        return Exit.LOST if self._lost or lost else Exit.DELIVERED

    def _leave(self) -> None:
        """Go, and wait until the server has taken what was said; it closes the connection then."""
        client = self._client
        patience = QUIET_SECONDS
        notice_at = time.monotonic() + QUIET_SECONDS
        try:
            while True:
                self._outgoing.send()
                if not self._outgoing:
                    client.leave()  # twice is once
                items = client.receive(patience)
                self._show(items)
                if client.pending and time.monotonic() >= notice_at:
                    self._screen.show([ON_THEIR_WAY])
                    notice_at = math.inf
                    patience = client.patience
                elif not items:
                    return
        except DisconnectedError as error:
            if not client.left:
                self._lost = error

    async def _talk_on(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._client, self._ready)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._hang_up)
        self._receive()  # what came together with the welcome
        # Between two prompts, too: else what is typed there is echoed, and drawn twice.
        with self._screen.input.raw_mode():
            while self._lost is None and not self._leaving:
                try:
                    text = await self._screen.read()
                except (EOFError, KeyboardInterrupt):
                    return
                await self._take(text)

    async def _take(self, text: str) -> None:
        """What was typed and pasted: each line is a message."""
        for line in lines_to_send(text):
            if is_quit(line):
                self._leaving = True
                return
            whole = await self._with_secrets(line)
            if whole:
                self._outgoing.add(whole)
            self._send()

    async def _with_secrets(self, line: str) -> str:
        """`line` with the passwords that it lacks; empty if one would rather not."""
        answers: list[str] = []
        for question in missing(line):
            try:
                answer = await self._screen.read_secret(question)
            except (EOFError, KeyboardInterrupt):
                answer = ""
            if not answer:
                self._screen.show([NOTHING_SENT])
                return ""
            if question is not AGAIN:
                answers.append(answer)
            elif answer != answers[-1]:
                self._screen.show([NOT_THE_SAME])
                return ""
        return " ".join([line, *answers])

    def _send(self) -> None:
        """Say what waits, but for what has to wait for the answer to a command."""
        try:
            self._outgoing.send()
        except DisconnectedError as error:
            self._lost = error
        else:
            self._watch_backlog()

    def _refused(self, entry: Entry, reason: str) -> None:
        self._screen.show([not_said(entry.line, entry.room), error_line(reason)])

    def _hang_up(self) -> None:
        self._leaving = True
        self._screen.interrupt()

    def _ready(self) -> None:
        """The server has said something. What was typed before comes first: it is for the room that was seen then.

        This is called again for as long as there is something to read."""
        if self._screen.is_waiting:
            self._receive()

    def _receive(self) -> None:
        try:
            self._show(self._client.receive(0))
            self._outgoing.send()
            self._watch_backlog()
        except DisconnectedError as error:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._client)
            loop.remove_writer(self._client)
            self._lost = error
            self._screen.interrupt()

    def _show(self, items: Iterable[Event | Frame]) -> None:
        lines: list[Line] = []
        for item in items:
            said = self._talk.asked(item)
            if said is not None and isinstance(item, Error):
                if not is_command(said.line):
                    lines.append(not_said(said.line, said.room))
                elif item.code == UNKNOWN_COMMAND and len(said.line.split()) > 1:
                    self._screen.forget(said.line)  # it may be a misspelt /login, with the password
            lines += self._talk.lines(item)
        self._screen.show(lines)

    def _watch_backlog(self) -> None:
        loop = asyncio.get_running_loop()
        if self._client.backlog:
            loop.add_writer(self._client, self._ready)
        else:
            loop.remove_writer(self._client)
