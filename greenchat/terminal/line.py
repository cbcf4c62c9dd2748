"""`greenchat connect` on a terminal: a prompt, and above it what is said.

What one is typing stays whole when a message arrives. Everything runs in one thread: prompt_toolkit's event loop reads
the keys and watches the client's socket.
"""

import asyncio
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator

from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import DummyStyle, Style

from greenchat.client import Client, ClientError, DisconnectedError, RefusedError
from greenchat.encryption import Encryption
from greenchat.terminal import Exit
from greenchat.terminal.common import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    Kind,
    Line,
    error_line,
    exit_code,
    is_quit,
    line_of,
    login_name,
    undelivered,
)

PROMPT = "> "

# Refusals of a join after which another name may do; a plugin that refuses without a code of its own is one of them.
NAME_REFUSALS = frozenset({"name_taken", "name_invalid", "rejected"})

# Refusals after which the server's pass phrase is asked for.
PASSWORD_REFUSALS = frozenset({"password_required", "password_wrong"})

# How long leaving may take before one is told what it waits for: as long as a pause is not noticed.
QUIET_SECONDS = 1.0

ON_THEIR_WAY = Line(Kind.INFO, "[INFO]", "Some messages are still on their way. Ctrl-C leaves at once.")

# Names of styles: what is the server's is dim, so that what people say stands out.
STYLE = {
    "info-head": "dim",
    "info-body": "dim",
    "error-head": "ansired",
    "error-body": "ansired",
    "message-head": "bold",
}


def chat(
    host: str | None,
    port: int | None,
    name: str | None,
    room: str | None,
    encryption: Encryption | None,
    password: str,
) -> Exit:
    """Ask for what is missing, and chat; returns the exit code."""
    output = Vt100_Output(
        sys.stdout,
        _terminal_size,
        term=os.environ.get("TERM"),
        default_color_depth=ColorDepth.from_env(),
        # Nothing here needs the cursor's position, and a slow terminal would hold each message up until it answers.
        enable_cpr=False,
    )
    with create_app_session(output=output):
        screen = Screen(output)
        try:
            return _chat(screen, host, port, name, room, encryption, password)
        except ClientError as error:
            screen.show([error_line(str(error))])
            return exit_code(error)
        except (EOFError, KeyboardInterrupt):
            return Exit.DELIVERED  # before anything was said
        except OSError:
            return Exit.FAILED  # the terminal has gone, and nobody is left to be told


def _terminal_size() -> Size:
    columns, rows = shutil.get_terminal_size()
    return Size(rows=rows, columns=columns)


def _chat(
    screen: "Screen",
    host: str | None,
    port: int | None,
    name: str | None,
    room: str | None,
    encryption: Encryption | None,
    password: str,
) -> Exit:
    host = host or _ask("Server", DEFAULT_HOST)
    port = port or _ask_port()
    name = name or _ask("Name", login_name())
    while True:
        # A connection for each try: while one thinks of another name, the server may lose patience with the old one.
        with Client.connect(host, port, encryption=encryption) as client:
            try:
                screen.show([line_of(client.join(name, room or "", password=password))])
            except RefusedError as refusal:
                if refusal.code not in NAME_REFUSALS | PASSWORD_REFUSALS:
                    raise
                screen.show([error_line(str(refusal))])
                code = refusal.code
            else:
                return LineChat(client, screen).run()
        if code in PASSWORD_REFUSALS:
            password = _ask("Pass phrase", secret=True)
        else:
            name = _ask("Name")


def _ask(what: str, default: str = "", *, secret: bool = False) -> str:
    """One answer that is not empty. Raises `EOFError` or `KeyboardInterrupt` if one would rather not."""
    question = f"{what} [{default}]: " if default else f"{what}: "
    session: PromptSession[str] = PromptSession(enable_suspend=True)
    while True:
        answer = session.prompt(question, is_password=secret).strip() or default
        if answer:
            return answer


def _ask_port() -> int:
    while True:
        answer = _ask("Port", str(DEFAULT_PORT))
        if answer.isascii() and answer.isdigit() and 0 < int(answer) < 65536:
            return int(answer)
        print("A port is a number from 1 to 65535.")


class Screen:
    """The terminal: lines go above the prompt, where there is one."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._style = DummyStyle() if os.environ.get("NO_COLOR") else Style.from_dict(STYLE)
        self.session: PromptSession[str] = PromptSession(PROMPT, enable_suspend=True)

    def show(self, lines: Iterable[Line | None]) -> None:
        """Print `lines` and draw the prompt again, with what is typed in it."""
        text: StyleAndTextTuples = [part for line in lines if line is not None for part in _fragments(line)]
        if not text:
            return
        app = self.session.app
        # Not `run_in_terminal`: it turns the terminal's echo on for a moment, and what is typed then is drawn twice.
        if app.is_running:
            app.renderer.erase()
        print_formatted_text(self._output, text, self._style)
        app.invalidate()

    def interrupt(self) -> None:
        """End the prompt, if there is one; what is typed stays to be seen."""
        app = self.session.app
        if app.future is not None and not app.future.done():
            app.exit(exception=EOFError())


def _fragments(line: Line) -> Iterator[tuple[str, str]]:
    yield f"class:{line.kind.value}-head", line.head
    yield f"class:{line.kind.value}-body", f" {line.body}"
    yield "", "\n"


class LineChat:
    """One joined client at the prompt."""

    def __init__(self, client: Client, screen: Screen) -> None:
        self._client = client
        self._screen = screen
        self._lost: DisconnectedError | None = None
        self._leaving = False

    def run(self) -> Exit:
        """Chat until the user leaves or the server goes."""
        try:
            asyncio.run(self._talk())
            if self._lost is None:
                self._leave()
        except DisconnectedError as error:  # in the very moment of leaving
            self._lost = error
        except KeyboardInterrupt:
            pass  # a second Ctrl-C: without waiting
        if self._lost is not None:
            self._screen.show([error_line(str(self._lost))])
        if self._client.pending:
            self._screen.show([undelivered(len(self._client.pending))])
        return Exit.LOST if self._lost or self._client.pending else Exit.DELIVERED

    def _leave(self) -> None:
        """Go, and wait until the server has taken what was said; it closes the connection then."""
        client = self._client
        client.leave()
        patience = QUIET_SECONDS
        notice_at = time.monotonic() + QUIET_SECONDS
        try:
            while True:
                items = client.receive(patience)
                self._screen.show(map(line_of, items))
                if client.pending and time.monotonic() >= notice_at:
                    self._screen.show([ON_THEIR_WAY])
                    notice_at = math.inf
                    patience = client.patience
                elif not items:
                    return
        except DisconnectedError:
            pass  # as it should be

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._client, self._receive)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._hang_up)
        self._receive()  # what came together with the welcome
        session = self._screen.session
        with session.input.raw_mode():  # between two prompts, too: else what is typed there is echoed, and drawn twice
            while self._lost is None and not self._leaving:
                try:
                    text = await session.prompt_async()
                except (EOFError, KeyboardInterrupt):
                    return
                self._say(text)

    def _say(self, text: str) -> None:
        """What was typed, or pasted: each line is a message."""
        for line in text.splitlines():
            if is_quit(line):
                self._leaving = True
                return
            if line.strip():
                try:
                    self._client.say(line)
                except RefusedError as refusal:
                    self._screen.show([error_line(str(refusal))])
                except DisconnectedError as error:
                    self._lost = error
                    return
        self._watch_backlog()

    def _hang_up(self) -> None:
        self._leaving = True
        self._screen.interrupt()

    def _receive(self) -> None:
        try:
            self._screen.show(map(line_of, self._client.receive(0)))
            self._watch_backlog()
        except DisconnectedError as error:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._client)
            loop.remove_writer(self._client)
            self._lost = error
            self._screen.interrupt()

    def _watch_backlog(self) -> None:
        loop = asyncio.get_running_loop()
        if self._client.backlog:
            loop.add_writer(self._client, self._receive)
        else:
            loop.remove_writer(self._client)
