"""`greenchat connect` on a terminal: a prompt, and above it what is said.

What one is typing stays whole when a message arrives, and when the connection is lost: it comes back by itself, and
says what was typed meanwhile. Everything runs in one thread, but for coming back: prompt_toolkit's event loop reads the
keys and watches the client's socket.
"""

import asyncio
import signal
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from prompt_toolkit.application import create_app_session

from greenchat.client import Client, ClientError, DisconnectedError
from greenchat.connect import choices, uploads
from greenchat.connect.asking import with_secrets
from greenchat.connect.bar import status
from greenchat.connect.client_file import ClientFile
from greenchat.connect.comeback import waiting_for
from greenchat.connect.common import (
    NOT_STORED,
    TRY_AGAIN,
    Line,
    error_line,
    exit_code,
    info_line,
    is_logout,
    is_quit,
    maybe_not_said,
    no_way_in,
    not_said,
    undelivered,
    waiting,
)
from greenchat.connect.conversation import Conversation
from greenchat.connect.draft import is_command, to_send
from greenchat.connect.emoji import with_sign
from greenchat.connect.link import LAG_SECONDS, Link
from greenchat.connect.login_flow import LoginFlow
from greenchat.connect.logins import Logins, server_key
from greenchat.connect.model.asking import Asked
from greenchat.connect.options import Exit, Visit
from greenchat.connect.outgoing import Entry
from greenchat.connect.past import Past, past_of
from greenchat.connect.prompt import Screen, TerminalOutput
from greenchat.connect.quiet import Quiet
from greenchat.connect.sentences import COMING_BACK, LOGGED_OUT_HERE, NO_RECEIPTS, ON_THEIR_WAY, SAYING_NOW
from greenchat.connect.settings import Settings, read
from greenchat.connect.ticket import Ticket
from greenchat.connect.uploads import Uploads
from greenchat.errors import ConfigError
from greenchat.protocol.events import Event, Message
from greenchat.protocol.replies import Error, Welcome
from greenchat.protocol.requests import Frame

# How long leaving may take before one is told what it waits for: as long as a pause is not noticed.
QUIET_SECONDS = 1.0

# How often one looks whether an answer is late, in seconds.
TICK_SECONDS = 1.0


def chat(visit: Visit) -> Exit:
    """Ask for what is missing, and chat; returns the exit code."""
    with TerminalOutput() as output, create_app_session(output=output):
        chosen = read(ClientFile())
        screen = Screen(output, chosen.settings)
        try:
            screen.show(map(error_line, chosen.problems))
            entrance = LoginFlow(screen, visit)
            client, welcome = entrance.enter()
            ticket = entrance.ticket
            if chosen.settings.history:
                screen.memory.past = past_of(server_key(ticket.host, ticket.port, ticket.encryption))
            return LineChat(client, welcome, ticket, entrance.logins, screen, chosen.settings).run()
        except ClientError as error:
            screen.show([no_way_in(error, visit.host)])
            return exit_code(error)
        except (EOFError, KeyboardInterrupt):
            return Exit.DELIVERED  # before anything was said
        except OSError:
            return Exit.FAILED  # the terminal has gone, and nobody is left to be told


class LineChat:
    """The face of a link at the prompt."""

    def __init__(
        self,
        client: Client,
        welcome: Welcome,
        ticket: Ticket,
        logins: Logins,
        screen: Screen,
        settings: Settings,
    ) -> None:
        self._screen = screen
        self._settings = settings
        self._quiet = Quiet(_now())
        self._talk = talk = Conversation(client, screen.commands)
        self._ticket = ticket
        self._link = link = Link(client, welcome, ticket, logins, talk, self)
        self._lines: list[Line] = []  # that are still to be drawn
        self._was_up = True
        self._late = False  # an answer, as it was told last
        self._end: ClientError | None = None  # why it is over, though one has not left
        self._leaving = False
        self._hung_up = False  # the window was closed: one may be back at once
        self._gone = False  # in good order, by itself
        self._going: asyncio.Task[int] | None = None
        screen.complete = lambda before: screen.commands.complete(before, talk.names)
        link.may_hear = lambda: screen.is_waiting  # what was typed before comes first: it is for what was seen then
        screen.status = lambda: status(link, talk.chats)
        talk.show, talk.outgoing.refuse = self._show, self._refused
        link.come()
        self.changed()
        talk.waits(waiting_for(client))
        screen.commands.fetch(client)
        screen.commands.also(choices.COMMAND)
        self._uploads = Uploads(lambda text, failed: self._tell([error_line(text) if failed else info_line(text)]))
        talk.sender.uploads = self._uploads.begin
        screen.commands.also(uploads.COMMAND)

    def run(self) -> Exit:
        """Chat until the user leaves, or is sent away."""
        try:
            asyncio.run(self._chat())
        except KeyboardInterrupt:
            pass  # a second Ctrl-C: without waiting
        finally:
            self._link.finish(hung_up=self._hung_up)
        unsure = self._talk.sender.under_way().values()
        unsaid = self._talk.outgoing.drop()
        if self._end is not None:
            self._tell([error_line(str(self._end))])
        self._tell(maybe_not_said(asked.line, _room_of(asked)) for asked in unsure)
        self._tell(not_said(entry.line, entry.room) for entry in unsaid)
        if self._ticket.account and any(is_logout(entry.line) for entry in unsaid):
            self._tell([LOGGED_OUT_HERE])
        if unsure or unsaid:
            self._tell([undelivered(len(unsure) + len(unsaid))])
        if self._end is not None:
            return exit_code(self._end)
        return Exit.LOST if unsure or unsaid else Exit.DELIVERED

    async def _chat(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end_it)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        self._link.start()
        self._tick()
        # Between two prompts, too: else what is typed there is echoed, and drawn twice.
        with self._screen.input.raw_mode(), suppress(EOFError, KeyboardInterrupt):
            while self._end is None and not self._leaving:
                await self._take(await self._screen.read())
        self._hung_up = self._hung_up or self._screen.is_gone
        if self._end is None and not self._gone:
            await self._leave()

    async def _leave(self) -> None:
        """Go, and wait until the server has taken what was said. Again the same signal does not wait."""
        link = self._link
        if not link.is_up:
            self._end = DisconnectedError("You have left while the connection was lost.")
        notice = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._tell_why)
        self._going = asyncio.create_task(link.leave(hung_up=self._hung_up, patience=link.client.patience))
        try:
            with suppress(asyncio.CancelledError):
                await self._going
        finally:
            notice.cancel()
        self._end = self._end or link.failure

    def _tell_why(self) -> None:
        if self._talk.waiting:
            self._tell([ON_THEIR_WAY])

    async def _take(self, text: str) -> None:
        """What was typed and pasted. Nothing asks for the next try at once, where the connection is lost."""
        if not text.strip() and not self._link.is_up:
            self._link.retry_now()
        for line in map(with_sign, to_send(text, self._talk.fits)):
            if is_quit(line):
                self._leaving = True
                return
            if is_command(line) and line.split()[0].lower() == "/set":
                settings, told = choices.run(line, self._settings, ClientFile())
                self._hold(settings)
                self._tell(told)
                continue
            if is_command(line) and uploads.is_upload(line) and not self._link.client.plain:
                self._upload(line)
                continue
            lacking = self._screen.commands.lacking(line)
            run = (
                await with_secrets(self._screen, lacking)
                if lacking is not None
                else self._screen.commands.in_full(line)
            )
            if run is not None or lacking is None:
                entry = self._talk.outgoing.add(line, run=run)
                if not self._link.is_up:
                    self._tell([waiting(entry.line, entry.room)])
            self._link.flush()

    def _upload(self, line: str) -> None:
        try:
            run = self._uploads.take(line)
        except ConfigError as error:
            self._tell([error_line(str(error))])
            return
        if run is not None:
            self._talk.outgoing.add(line, run=run)
        self._link.flush()

    def _hold(self, settings: Settings) -> None:
        """These hold from now on."""
        memory, ticket = self._screen.memory, self._ticket
        if settings.history != self._settings.history:
            past = past_of(server_key(ticket.host, ticket.port, ticket.encryption)) if settings.history else Past()
            memory.past = past.after(memory.past)
        self._settings = settings
        self._screen.hold(settings)

    def _tick(self) -> None:
        """Once a second: is the server still there, and how is the connection?"""
        asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)
        self._link.tick()
        if not self._link.is_up or self._link.lag() >= LAG_SECONDS or self._late:
            self._late = self._link.lag() >= LAG_SECONDS
            self._screen.redraw()

    def _hang_up(self) -> None:
        self._hung_up = True
        self._end_it()

    def _end_it(self) -> None:
        self._leaving = True
        self._screen.interrupt()
        if self._going is not None:
            self._going.cancel()

    # --- the face of a link ---

    def changed(self) -> None:
        self._tell([])
        self._screen.redraw()
        if self._was_up and not self._link.is_up and self._end is None and not self._gone:
            self._was_up = False
            self._tell([error_line(self._link.error), COMING_BACK])
            if self._link.client.plain:
                self._tell([NO_RECEIPTS])

    def told(self, text: str, *, error: bool = False) -> None:
        """Nothing is told once one is back."""
        if text:
            self._tell([error_line(text) if error else info_line(text)])
        elif not self._was_up:
            self._was_up = True
            self._tell([])
            if self._talk.outgoing:
                self._tell([SAYING_NOW])

    async def ask_password(self, refusal: ClientError, account: str) -> str:
        self._tell([error_line(str(refusal))])
        return await self._screen.ask_aside(f"Password of {account}")

    def ended(self, error: ClientError | None) -> None:
        self._end, self._gone = self._end or error, error is None
        self._end_it()

    # --- what is shown ---

    def _show(self, item: Event | Frame, asked: Asked | None, lines: list[Line]) -> None:
        match item:
            case Error(code=code) if asked is not None and asked.kind == "say" and code != NOT_STORED:
                unknown = asked.again and code == TRY_AGAIN
                lines.insert(-1, (maybe_not_said if unknown else not_said)(asked.line, _room_of(asked)))
            case Error("logged_out", text, None) if self._link.is_logging_out:
                lines[-1:] = [info_line(text)]  # as one wanted it
            case Message() if lines and self._settings.times and (told := self._quiet.line(_now())) is not None:
                lines.insert(0, told)
        self._lines += lines  # what comes together is drawn together, see `changed`

    def _tell(self, lines: Iterable[Line]) -> None:
        self._lines += lines
        lines, self._lines = self._lines, []
        self._screen.show(lines)

    def _refused(self, entry: Entry, reason: str) -> None:
        self._tell([not_said(entry.line, entry.room), error_line(reason)])


def _now() -> datetime:
    """On the clock of the reader."""
    return datetime.now().astimezone()


def _room_of(asked: Asked) -> str:
    return asked.place.id if asked.place is not None else ""
