"""`greenchat connect` on a terminal: a prompt, and above it what is said.

What one is typing stays whole when a message arrives, and when the connection is lost: it comes back by itself, and
says what was typed meanwhile. Everything runs in one thread, but for coming back: prompt_toolkit's event loop reads the
keys and watches the client's socket.
"""

import asyncio
import math
import signal
import time
from collections.abc import Iterable
from contextlib import suppress

from prompt_toolkit.application import create_app_session

from greenchat.client import Client, ClientError, DisconnectedError, RefusedError, TurnedAwayError
from greenchat.connect.asking import with_secrets
from greenchat.connect.comeback import Arrival, back, knock, waiting_for
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
    not_said,
    undelivered,
    waiting,
)
from greenchat.connect.conversation import Conversation
from greenchat.connect.draft import is_command, to_send
from greenchat.connect.login_flow import LoginFlow
from greenchat.connect.logins import Logins
from greenchat.connect.options import Exit, Visit
from greenchat.connect.outgoing import Entry, Outgoing
from greenchat.connect.prompt import Screen, TerminalOutput
from greenchat.connect.said import Said
from greenchat.connect.sentences import COMING_BACK, LOGGED_OUT_HERE, NO_RECEIPTS, NOT_KEPT, ON_THEIR_WAY, SAYING_NOW
from greenchat.connect.staying import Staying
from greenchat.connect.ticket import Ticket
from greenchat.connect.tries import NEEDS_PASSWORD, is_passing, pauses
from greenchat.protocol.events import Event
from greenchat.protocol.reload_reports import Reconnect
from greenchat.protocol.replies import Ack, Error, Welcome
from greenchat.protocol.requests import Frame

# How long leaving may take before one is told what it waits for: as long as a pause is not noticed.
QUIET_SECONDS = 1.0


def chat(visit: Visit) -> Exit:
    """Ask for what is missing, and chat; returns the exit code."""
    with TerminalOutput() as output, create_app_session(output=output):
        screen = Screen(output)
        try:
            entrance = LoginFlow(screen, visit)
            return LineChat(*entrance.enter(), entrance.ticket, entrance.logins, screen).run()
        except ClientError as error:
            screen.show([error_line(str(error))])
            return exit_code(error)
        except (EOFError, KeyboardInterrupt):
            return Exit.DELIVERED  # before anything was said
        except OSError:
            return Exit.FAILED  # the terminal has gone, and nobody is left to be told


class LineChat:
    """One joined client at the prompt, and the next one after a loss."""

    def __init__(self, client: Client, welcome: Welcome, ticket: Ticket, logins: Logins, screen: Screen) -> None:
        self._client = client
        self._ticket = ticket
        self._screen = screen
        self._stay = Staying(ticket, logins, lambda: screen.show([NOT_KEPT]))
        self._talk = Conversation(client, screen.commands)
        screen.complete = lambda before: screen.commands.complete(before, self._talk.names)
        self._outgoing = Outgoing(self._talk, self._refused, self._sent)
        self._unsure: list[Said] = []  # what was under way when the connection was lost
        self._returning: asyncio.Task[None] | None = None  # while the connection is lost
        self._reloads = False  # the server does: that is why, and nobody is to notice
        self._end: ClientError | None = None  # why it is over, though one has not left
        self._leaving = False
        self._hung_up = False  # the window was closed: one may be back at once
        self._gone = False  # in good order, by itself
        ticket.been_in = True
        client.comes_back = False  # which would keep the screen waiting: see `_reload`
        screen.show(self._talk.lines(welcome))
        self._talk.waits(waiting_for(client))
        screen.commands.fetch(client)
        self._stay.welcomed(client)

    def run(self) -> Exit:
        """Chat until the user leaves, or is sent away."""
        try:
            asyncio.run(self._talk_on())
            if self._end is None and not self._gone:
                self._leave()
        except DisconnectedError as error:  # in the very moment of leaving
            self._end = error
        except KeyboardInterrupt:
            pass  # a second Ctrl-C: without waiting
        finally:
            self._client.close()
            unsure = [*self._unsure, *self._talk.lost()]
            unsaid = self._outgoing.drop()
            untold = any(is_logout(entry.line) for entry in unsaid)
            logging_out = untold or any(is_logout(said.line) for said in unsure)
            if logging_out:
                self._stay.log_out(self._client)
            self._stay.end(returns=self._hung_up)
        if self._end is not None:
            self._screen.show([error_line(str(self._end))])
        self._screen.show(maybe_not_said(said.line, said.room) for said in unsure)
        self._screen.show(not_said(entry.line, entry.room) for entry in unsaid)
        if untold and self._ticket.account:
            self._screen.show([LOGGED_OUT_HERE])
        if unsure or unsaid:
            self._screen.show([undelivered(len(unsure) + len(unsaid))])
        if self._end is not None:
            return exit_code(self._end)
        return Exit.LOST if unsure or unsaid else Exit.DELIVERED

    def _leave(self) -> None:
        """Go, and wait until the server has taken what was said; it closes the connection then. Whose window was closed
        does not go, but loses the connection once that is said."""
        client = self._client
        client.comes_back = True
        stays = self._hung_up and self._ticket.may_be_kept(self._client.token)
        patience = QUIET_SECONDS
        notice_at = time.monotonic() + QUIET_SECONDS
        try:
            while True:
                self._outgoing.send()
                self._talk.reading.tell(client, at_once=True)
                if stays and not (self._outgoing or client.pending or client.backlog):
                    return
                if not self._outgoing and not stays:
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
                self._end = error

    async def _talk_on(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._client, self._ready)
        loop.add_signal_handler(signal.SIGTERM, self._end_it)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        self._receive()  # what came together with the welcome
        # Between two prompts, too: else what is typed there is echoed, and drawn twice.
        with self._screen.input.raw_mode(), suppress(EOFError, KeyboardInterrupt):
            while self._end is None and not self._leaving:
                await self._take(await self._screen.read())
        self._hung_up = self._hung_up or self._screen.is_gone
        if self._reloads and self._returning is not None:
            await asyncio.wait([self._returning])
        if self._returning is not None:
            self._returning.cancel()
            self._end = self._end or DisconnectedError("You have left while the connection was lost.")

    async def _take(self, text: str) -> None:
        """What was typed and pasted."""
        for line in to_send(text, self._talk.fits):
            if is_quit(line):
                self._leaving = True
                return
            lacking = self._screen.commands.lacking(line)
            run = (
                await with_secrets(self._screen, lacking)
                if lacking is not None
                else self._screen.commands.in_full(line)
            )
            if run is not None or lacking is None:
                entry = self._outgoing.add(line, run=run)
                if self._returning is not None and not self._reloads:
                    self._screen.show([waiting(entry.line, entry.room)])
            self._send()

    def _send(self) -> None:
        """Say what waits, but for what has to wait for the answer to a command, or for the connection."""
        if self._returning is not None:
            return
        try:
            self._screen.commands.ask(self._client)
            self._outgoing.send()
            if (wait := self._talk.reading.tell(self._client)) is not None:
                asyncio.get_running_loop().call_later(wait, self._send)
        except DisconnectedError as error:
            self._lost(error)
        else:
            self._watch_backlog()

    def _sent(self, entry: Entry, ref: int) -> None:
        self._stay.logging_out = is_logout(entry.line)

    def _refused(self, entry: Entry, reason: str) -> None:
        self._screen.show([not_said(entry.line, entry.room), error_line(reason)])

    def _hang_up(self) -> None:
        self._hung_up = True
        self._end_it()

    def _end_it(self) -> None:
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
        except DisconnectedError as error:
            self._lost(error)
        else:
            self._send()

    def _lost(self, error: ClientError) -> None:
        """The connection has ended by itself."""
        if not self._reloads:
            self._unwatch()
        unsure = self._talk.lost()
        self._outgoing.lost()
        if self._stay.logging_out and self._stay.sent_away:
            self._gone = True
            self._end_it()
            return
        self._unsure += unsure
        if self._stay.logging_out:  # also where the answer was lost: one does not want to be back
            self._stay.log_out(self._client)
        if self._stay.sent_away:
            self._over(error)
            return
        self._screen.show([error_line(str(error)), COMING_BACK])
        self._ticket.name = self._client.name
        if self._client.plain:
            self._screen.show([NO_RECEIPTS])
        else:
            self._ticket.room = self._talk.room or None
        self._client.close()
        self._returning = asyncio.create_task(self._come_back())
        self._returning.add_done_callback(self._returned)

    def _unwatch(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._client)
        loop.remove_writer(self._client)

    def _return(self) -> None:
        """The server is reloaded: the same client goes on by another connection."""
        self._unwatch()
        self._reloads = True
        self._returning = asyncio.create_task(self._reload())
        self._returning.add_done_callback(self._returned)

    async def _reload(self) -> None:
        try:
            await back(self._client)
        except ClientError as error:
            self._returning = None
            self._lost(error)
            self._reloads = False
        else:
            self._returning, self._reloads = None, False
            self._stay.keep(self._client)
            asyncio.get_running_loop().add_reader(self._client, self._ready)
            self._receive()

    def _over(self, error: ClientError) -> None:
        self._end = error
        self._screen.interrupt()

    async def _come_back(self) -> None:
        told = ""
        ticket = self._ticket
        for pause in pauses():
            await asyncio.sleep(pause)
            self._stay.look_again()
            try:
                arrival = await knock(ticket, self._talk.seen())
                break
            except (RefusedError, TurnedAwayError) as error:
                needs_password = ticket.account and isinstance(error, RefusedError) and error.code in NEEDS_PASSWORD
                if needs_password and await self._ask_password(error):
                    continue
                if not is_passing(error):
                    self._over(error)
                    return
                if str(error) != told:
                    told = str(error)
                    self._screen.show([error_line(told)])
            except ClientError:
                pass  # nobody is there yet
        self._arrived(arrival)

    async def _ask_password(self, refusal: ClientError) -> bool:
        """For the login that is needed to come back; whether there is one to try."""
        ticket = self._ticket
        self._screen.show([error_line(str(refusal))])
        ticket.login = await self._screen.ask_aside(f"Password of {ticket.account}")
        return bool(ticket.login)

    def _returned(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._over(ClientError(f"Coming back has failed: {error!r}. Please report this."))

    def _arrived(self, arrival: Arrival) -> None:
        self._client, self._returning = arrival.client, None
        self._client.comes_back = False
        self._screen.commands.learn(arrival.commands, arrival.client.account)
        unsure, self._unsure = self._unsure, []
        self._screen.show(self._talk.back(arrival.client, arrival.welcome, arrival.missed, unsure))
        self._stay.welcomed(self._client)
        self._outgoing.back()
        if self._outgoing:
            self._screen.show([SAYING_NOW])
        asyncio.get_running_loop().add_reader(self._client, self._ready)
        self._receive()

    def _show(self, items: Iterable[Event | Frame]) -> None:
        lines: list[Line] = []
        for item in items:
            if isinstance(item, Reconnect):
                self._return()
                continue
            said = self._talk.asked(item)
            lines += self._talk.lines(item)
            if said is not None and is_command(said.line):
                if isinstance(item, Ack):
                    if self._stay.logging_out:
                        self._stay.log_out(self._client)
                    self._ticket.learn(*self._talk.meant(said), self._talk.room, self._client.name)
                    self._stay.keep(self._client)
                self._stay.logging_out &= isinstance(item, Ack)
            elif said is not None and isinstance(item, Error) and item.code != NOT_STORED:
                unknown = said.again and item.code == TRY_AGAIN
                lines.insert(-1, (maybe_not_said if unknown else not_said)(said.line, said.room))
            match item:
                case Error("logged_out", text, None) if self._stay.logging_out:
                    lines[-1:] = [info_line(text)]  # as one wanted it
            self._stay.learn(self._client, item)
        self._screen.show(lines)

    def _watch_backlog(self) -> None:
        loop = asyncio.get_running_loop()
        if self._client.backlog:
            loop.add_writer(self._client, self._ready)
        else:
            loop.remove_writer(self._client)
