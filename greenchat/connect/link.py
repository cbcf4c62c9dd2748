"""The connection of a `Model`, in an event loop: it is watched, lost, and found again."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from greenchat.client import Client, ClientError, DisconnectedError, RefusedError, TurnedAwayError
from greenchat.connect.comeback import Arrival, back, knock
from greenchat.connect.common import is_logout
from greenchat.connect.logins import Logins
from greenchat.connect.model.asking import Asked
from greenchat.connect.model.model import Model
from greenchat.connect.sentences import NOT_KEPT
from greenchat.connect.staying import Staying
from greenchat.connect.ticket import Ticket
from greenchat.connect.tries import NEEDS_PASSWORD, is_passing, pauses
from greenchat.connect.watching import Watch
from greenchat.protocol.events import Event
from greenchat.protocol.reload_reports import Reconnect
from greenchat.protocol.replies import Ack, Error, Welcome
from greenchat.protocol.requests import Frame

# How long leaving may take while the server is silent, in seconds: one who leaves does not wait for a dead host.
LEAVE_SECONDS = 2.0

# After so much silence the server is asked for a sign of life, as the page does it; where none comes for so long, the
# connection is lost. In seconds.
QUIET_SECONDS = 30.0
DEAD_SECONDS = 20.0

# How often one who leaves looks whether it is done, in seconds.
LOOK_SECONDS = 0.01

# From so many seconds on one is told how late an answer is.
LAG_SECONDS = 2.0

# So much of what has come is looked at in one go: who types meanwhile is not to notice it.
AT_ONCE = 10


class Face(Protocol):
    """Who shows it."""

    def changed(self) -> None:
        """Something may look otherwise now."""

    def told(self, text: str, *, error: bool = False) -> None:
        """A sentence that belongs to no conversation."""

    async def ask_password(self, refusal: ClientError, account: str) -> str:
        """The password of this account, since without it one was refused; empty if one would rather not."""

    def ended(self, error: ClientError | None) -> None:
        """It is over: as one wanted it, or because of this."""


class Link:
    """`is_up`: there is a connection. `error` is why there is none, and `retry_at` when the next try begins, by
    `time.monotonic`. `failure` is why one could not leave in good order."""

    def __init__(
        self, client: Client, welcome: Welcome, ticket: Ticket, logins: Logins, model: Model, face: Face
    ) -> None:
        self.client = client
        self.ticket = ticket
        self.model = model
        self.error = ""
        self.failure: ClientError | None = None
        self.retry_at = 0.0
        self._welcome = welcome
        self._face = face
        self._stay = Staying(ticket, logins, lambda: face.told(NOT_KEPT.body, error=True))
        self._returning: asyncio.Task[None] | None = None
        self._now = asyncio.Event()  # whoever waits for the next try does so no longer
        self._watch = Watch(self._ready)
        self._over = False
        self._reloads = False  # the server does, and nobody is to notice
        self.may_hear: Callable[[], bool] = lambda: True  # for the moment: one is asked again at once
        self._has_come = False
        self._due: asyncio.TimerHandle | None = None
        self._heard_at = time.monotonic()
        self._come: deque[Event | Frame] = deque()  # and was not looked at yet
        ticket.been_in = True
        client.comes_back = False  # which would keep the screen waiting: see `_reload`
        model.sender.on_done = self._done

    @property
    def is_up(self) -> bool:
        return (self._returning is None or self._reloads) and not self._over

    @property
    def sent_away(self) -> str:
        """Why the server has sent one away, in its words; empty where it has not."""
        return self._stay.why if self._stay.sent_away else ""

    @property
    def where(self) -> str:
        return self.client.where

    @property
    def is_encrypted(self) -> bool:
        return self.ticket.encryption is not None

    def lag(self) -> float:
        """For how many seconds the server owes an answer; 0 where it owes none."""
        since = self.model.sender.since
        return time.monotonic() - since if since is not None and self.is_up else 0.0

    @property
    def is_logging_out(self) -> bool:
        """Whether one has asked for that, or was answered."""
        return self._stay.logging_out or self.model.is_logging_out

    def come(self) -> None:
        """One is in: see it, before the loop runs, if one likes."""
        self._has_come = True
        self.model.come(self.client, self._welcome)
        self._stay.welcomed(self.client)

    def start(self) -> None:
        """To be called in the loop."""
        if not self._has_come:
            self.come()
        with suppress(DisconnectedError):  # which is told where one receives
            self.model.begin()
            self.model.enter(self.ticket.rooms, self.ticket.keys)
        self._watch.on(self.client)
        self._receive()

    def flush(self) -> None:
        """Send what waits."""
        if not self.is_up or self._reloads:
            return
        try:
            again = self.model.pump()
        except DisconnectedError as error:
            self._lost(error)
            return
        if again is not None and self._due is None:
            self._due = asyncio.get_running_loop().call_later(again, self._flush_later)
        self._watch.on(self.client)

    def _flush_later(self) -> None:
        self._due = None
        self.flush()

    def tick(self) -> None:
        """To be called about once a second: is the server still there?"""
        if not self.is_up or self._reloads or self.client.plain:
            return
        quiet = time.monotonic() - self._heard_at
        since = self.model.sender.since
        if since is None and quiet > QUIET_SECONDS:
            with suppress(DisconnectedError):
                self.model.sender.ping()
            self.flush()
        elif since is not None and quiet > DEAD_SECONDS and self.lag() > max(DEAD_SECONDS, self.client.patience):
            self._lost(DisconnectedError("The server does not answer any more."))

    def retry_now(self) -> None:
        self._now.set()

    async def leave(self, *, hung_up: bool = False, patience: float = LEAVE_SECONDS) -> int:
        """Go, once what was said has arrived; how much has not. Whose window was closed does not go, but loses the
        connection then: they may be back at once. So long one waits for a server that is silent, in seconds."""
        stays = hung_up and self.ticket.may_be_kept(self.client.token)
        self.may_hear = lambda: True
        try:
            if self._reloads and self._returning is not None:
                await asyncio.wait([self._returning])
            if self._returning is not None:
                self._returning.cancel()
            if self.is_up:
                await self._go(patience, stays)
        except DisconnectedError as error:
            self.failure = None if self.client.left else error
        finally:
            self.finish(hung_up=hung_up)
        return self.model.waiting

    def finish(self, *, hung_up: bool = False) -> None:
        """It is over, whatever became of it; twice is once."""
        if self._over:
            return
        self._over = True
        self.close()
        if self.model.is_logging_out:
            self._stay.log_out(self.client)
        self._stay.end(returns=hung_up)

    async def _go(self, patience: float, stays: bool) -> None:
        """Until the server has closed, or is silent. Raises `DisconnectedError`."""
        client, model = self.client, self.model
        self._watch.off()
        heard_at = time.monotonic()
        while time.monotonic() - heard_at < (patience if model.waiting else LEAVE_SECONDS):
            model.pump()
            model.reading.tell(client, at_once=True)
            if stays and not (model.waiting or client.backlog):
                return
            if not stays and not model.unsent:
                client.leave()  # twice is once
            if items := [*self._come, *client.receive(0)]:
                self._come.clear()
                heard_at = time.monotonic()
                model.hear(items)
                self._learn(items)
                self._face.changed()
            await asyncio.sleep(LOOK_SECONDS)

    def close(self) -> None:
        self._watch.off()
        if self._due is not None:
            self._due.cancel()
        self.client.close()

    # --- what comes ---

    def _ready(self) -> None:
        """The socket has something to read, or takes more."""
        if self.may_hear() and not self._come:  # which comes first
            self._receive()

    def _receive(self) -> None:
        if self._come:
            return
        try:
            self._come.extend(self.client.receive(0))
        except DisconnectedError as error:
            self._lost(error)
            self._face.changed()
            return
        self._heard_at = time.monotonic()
        self._work()

    def _work(self) -> None:
        """Some of what has come; the rest as soon as all else has had its turn."""
        if not self.is_up or self._reloads:
            return
        items = [self._come.popleft() for _ in range(min(AT_ONCE, len(self._come)))]
        try:
            self.model.hear(items)
        except DisconnectedError as error:
            self._lost(error)
        else:
            self._learn(items)
            if self.is_up:
                self.flush()
        if self._come:
            asyncio.get_running_loop().call_soon(self._go_on)
        self._face.changed()

    def _go_on(self) -> None:
        if self.may_hear():
            self._work()
        else:
            asyncio.get_running_loop().call_soon(self._go_on)

    def _learn(self, items: Iterable[Event | Frame]) -> None:
        for item in items:
            if isinstance(item, Reconnect):
                self._return()
            else:
                self._stay.learn(self.client, item)

    def _done(self, asked: Asked, answer: Ack | Error) -> None:
        """A command has been run, or was refused."""
        if asked.kind != "command":
            return
        self._stay.logging_out = isinstance(answer, Ack) and is_logout(asked.line)
        if isinstance(answer, Ack):
            commands = self.model.commands
            name, args = (asked.run.name, asked.run.args) if asked.run is not None else commands.meant(asked.line)
            place = self.model.chats.place if name == "join" else asked.place
            self.ticket.learn(name, args, place.id if place is not None else "", self.client.name)
            if name in ("login", "logout", "register", "unregister"):
                commands.outdated()
            if self._stay.logging_out:
                self._stay.log_out(self.client)
            self._stay.keep(self.client)

    # --- a reload ---

    def _return(self) -> None:
        """The same client goes on by another connection; until then nobody may use it."""
        self._watch.off()
        self._reloads = True
        self.model.pause()
        self._returning = asyncio.get_running_loop().create_task(self._reload())
        self._returning.add_done_callback(self._returned)

    async def _reload(self) -> None:
        error: ClientError | None = None
        try:
            await back(self.client)
        except ClientError as problem:
            error = problem
        self._returning, self._reloads = None, False
        self.model.resume()
        if error is not None:
            self._lost(error)
            return
        self._heard_at = time.monotonic()
        self._stay.keep(self.client)
        self._work()
        self._receive()

    # --- a loss ---

    def _lost(self, error: ClientError) -> None:
        if not self.is_up:
            return
        self._watch.off()
        rest = [item for item in self._come if not isinstance(item, Reconnect)]
        self._come.clear()
        with suppress(DisconnectedError):
            self.model.hear(rest)
        self._learn(rest)
        under_way = self.model.sender.under_way().values()
        if self._stay.logging_out or any(is_logout(asked.line) for asked in under_way):
            # Whose answer was lost: one wants to be out.
            self._stay.log_out(self.client)
        self.model.lost()
        if self._stay.sent_away:
            self._end(None if self._stay.logging_out else error)
            return
        self.error = str(error)
        self.ticket.name = self.client.name
        if not self.client.plain:
            self.ticket.room = self.model.returns_to
        self.client.close()
        self._returning = asyncio.get_running_loop().create_task(self._come_back())
        self._returning.add_done_callback(self._returned)
        self._face.changed()

    def _end(self, error: ClientError | None) -> None:
        self.finish()
        self._face.ended(error)

    async def _come_back(self) -> None:
        ticket, told = self.ticket, ""
        self._now.clear()
        for pause in pauses():
            self.retry_at = time.monotonic() + pause
            with suppress(TimeoutError):
                await asyncio.wait_for(self._now.wait(), pause)
            self._now.clear()
            self._stay.look_again()
            try:
                arrival = await knock(ticket, self.model.seen())
                break
            except (RefusedError, TurnedAwayError) as error:
                if ticket.account and isinstance(error, RefusedError) and error.code in NEEDS_PASSWORD:
                    ticket.login = await self._face.ask_password(error, ticket.account)
                    if ticket.login:
                        continue
                if not is_passing(error):
                    self._end(error)
                    return
                if str(error) != told:
                    told = str(error)
                    self._face.told(told, error=True)
            except ClientError as error:
                self.error = str(error)
                self._face.changed()
        self._arrived(arrival)

    def _returned(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end(ClientError(f"Coming back has failed: {error!r}. Please report this."))

    def _arrived(self, arrival: Arrival) -> None:
        self.client, self._returning, self.error = arrival.client, None, ""
        self.client.comes_back = False
        self._heard_at = time.monotonic()
        self.model.back(arrival.client, arrival.welcome, arrival.missed, arrival.commands)
        self._stay.welcomed(self.client)
        self._face.told("")
        self._receive()
