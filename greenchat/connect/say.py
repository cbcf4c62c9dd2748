"""`greenchat say`: one message, from a script, said once.

    greenchat say ops "The backup is done." chat.example.org:9999 --name backup
    df -h | greenchat say ops -

It is said as it stands, never run. Where the connection is lost before the server has answered, one comes back and says
it again with the same key, by which the server knows it: so it is said once. Where the server cannot know, as for words
to a person's name, that of somebody else by then perhaps, nothing is said again, and the exit code is LOST.
"""

import secrets
import sys
import time

from greenchat.client import Client, ClientError, DisconnectedError, NoAnswerError, RefusedError
from greenchat.client.keys import KEY_BYTES
from greenchat.connect.commands import Commands
from greenchat.connect.common import NOT_STORED, PROFILES, TRY_AGAIN, error_line, exit_code, info_line, turned_away
from greenchat.connect.draft import as_text
from greenchat.connect.errand import COMING_BACK, Errand
from greenchat.connect.options import Exit, Visit
from greenchat.connect.said import is_called
from greenchat.connect.streams import Outlet, Stopped, Stops
from greenchat.connect.tries import is_passing, pauses
from greenchat.protocol.events import Message
from greenchat.protocol.replies import Error
from greenchat.protocol.text import slash_at

# How long to go on trying, in seconds: a server that is started again takes less.
WAIT_SECONDS = 60.0

# What stands for standard input.
INPUT = "-"

# What is read of it, in bytes: more than any server takes as one message.
INPUT_BYTES = 1024 * 1024

# Of so many of the latest messages to a person it is looked whether this is one of them.
LOOKED_AT = 50

# For who has typed what no shell takes for one text.
QUOTES = "A text of several words is put in quotes."

EMPTY = "There is nothing to say: the text is empty."
TOO_LONG = "The text is longer than a message may be. Pipe it into `greenchat connect` to say it line by line."
SECRET = "It seems to have a password or a key in it, and was not said."
SLASH = "It begins with /, and is said as it stands: `greenchat connect --commands` runs such lines."
NOT_SAID = "It was not said."
MAYBE = "It is not known whether it was said."

# The codes of refusals that are about where one is, not about what one says.
NOT_THERE = frozenset({"not_in_room"})


def say(visit: Visit, text: str, wait: float | None = None) -> Exit:
    """Say `text`, or all of standard input where it is `-`, where `visit.room` says; returns the exit code. It goes on
    trying for so many seconds, from the first knock on; None: for WAIT_SECONDS once one has come in."""
    outlet = Outlet(None, sys.stderr)
    stops = Stops()
    try:
        words = _read() if text == INPUT else text
        if words is None or not words.strip():
            outlet.show([error_line(TOO_LONG if words is None else EMPTY)])
            return Exit.REFUSED
        errand = Errand(visit)
        try:
            until = time.monotonic() + (WAIT_SECONDS if wait is None else wait)
            _come(errand, until if wait is not None else 0.0)
            return Saying(errand, words, outlet, stops, until).run()
        finally:
            errand.go()
    except ClientError as error:
        refusal = turned_away(error, visit.host)
        outlet.show([refusal])
        if refusal.body.endswith(PROFILES):
            outlet.show([info_line(QUOTES)])
        return exit_code(error)
    except Stopped as stopped:
        return stopped.end()


def _come(errand: Errand, until: float) -> None:
    """Come in, trying until then where that may help. Raises `ClientError`."""
    for pause in pauses():
        try:
            errand.come()
            return
        except ClientError as error:
            if not is_passing(error) or time.monotonic() + pause > until:
                raise
        errand.go()
        time.sleep(pause)


def _read() -> str | None:
    """What standard input has, as one message; None where it is too long for any. What is no text in this encoding is
    refused where it is said."""
    if sys.stdin is None:
        return ""
    data = sys.stdin.buffer.read(INPUT_BYTES + 1)
    return data.decode(sys.stdin.encoding, "surrogateescape") if len(data) <= INPUT_BYTES else None


class Saying:
    """One text, until the server has answered, or `until` that moment of `time.monotonic`."""

    def __init__(self, errand: Errand, text: str, outlet: Outlet, stops: Stops, until: float) -> None:
        self._errand = errand
        self._text = text.replace("\r\n", "\n").strip("\n")
        self._outlet = outlet
        self._stops = stops
        self._until = until
        self._key = secrets.token_urlsafe(KEY_BYTES)
        self._said_by: Client | None = None  # the server may have read it
        self._before = 0  # the latest message to the person, when it was said

    def run(self) -> Exit:
        client = self._errand.client
        if why := self._why_not(client):
            self._outlet.show([error_line(why)])
            return Exit.REFUSED
        if slash_at(self._text) >= 0:
            self._outlet.show([info_line(SLASH)])
        if client.plain:
            return self._say_plain(client)
        tries = pauses()
        while True:
            try:
                self._say()
                return Exit.DELIVERED
            except RefusedError as refusal:
                if refusal.code == NOT_STORED:
                    self._outlet.show([error_line(str(refusal))])
                    return Exit.DELIVERED  # else a script would say it once more
                pause = next(tries)
                if refusal.code != TRY_AGAIN:
                    return self._end(refusal, Exit.TURNED_AWAY if refusal.code in NOT_THERE else Exit.REFUSED)
                if time.monotonic() + pause > self._until:
                    return self._end(refusal, Exit.LOST)
                time.sleep(pause)
            except NoAnswerError as error:
                return self._end(error, Exit.LOST)
            except DisconnectedError as error:
                self._outlet.show([error_line(str(error)), info_line(COMING_BACK)])
                if (code := self._after_loss()) is not None:
                    return code

    def _why_not(self, client: Client) -> str:
        lines = self._text.split("\n")
        if any(slash_at(line) >= 0 for line in lines):
            commands = Commands()
            commands.fetch(client)
            if any(map(commands.has_secret, lines)):
                return SECRET
        return ""

    def _say(self) -> None:
        """Raises as `Client.confirm` does."""
        client, errand = self._errand.client, self._errand
        if errand.person:
            self._before = self._latest(client)
        text = as_text(self._text)
        with self._stops:
            ref = client.say(text, errand.room, to=errand.person, key=self._key)
            self._said_by = client
        client.confirm(ref, max(self._until - time.monotonic(), 0))

    def _after_loss(self) -> Exit | None:
        """How it ends by that; None: it is to be said once more, with its key."""
        while True:
            try:
                is_known = self._come_back()
                break
            except DisconnectedError:
                pass  # once more, in this very moment
            except ClientError as problem:
                return self._end(problem, Exit.LOST)
        if is_known is None:
            return None
        return Exit.DELIVERED if is_known else self._end(None, Exit.LOST)

    def _come_back(self) -> bool | None:
        """Whether it was said, as far as that can be found out; None: it is to be said once more, with its key. Raises
        `ClientError`."""
        errand = self._errand
        errand.back(lambda why: self._outlet.show([error_line(why)]), self._until)
        if self._said_by is None:
            return None
        client = errand.client
        if errand.person:
            return self._is_said_alone(client)
        return None if errand.may_repeat(self._said_by) else False

    def _latest(self, client: Client) -> int:
        """The number of the latest message to the person; 0 for none."""
        states = client.overview().direct
        return next((state.seq for state in states if is_called(state.with_, self._errand.person)), 0)

    def _is_said_alone(self, client: Client) -> bool:
        """Whether it is among what was said to the person."""
        for state in client.overview().direct:
            if is_called(state.with_, self._errand.person):
                page = client.history(conversation=state.conversation, after=self._before, limit=LOOKED_AT)
                mine = [event for event in page.events if isinstance(event, Message) and event.own]
                return any(message.text == self._text for message in mine)
        return False

    def _say_plain(self, client: Client) -> Exit:
        """Say it, and go: what is refused is told before the server closes."""
        with self._stops:
            client.say(as_text(self._text))
            client.leave()
        result = Exit.DELIVERED
        try:
            while items := client.receive(client.patience):
                for item in items:
                    if isinstance(item, Error):
                        self._outlet.show([error_line(item.text)])
                        result = Exit.REFUSED
        except DisconnectedError:
            pass
        return result

    def _end(self, error: ClientError | None, code: Exit) -> Exit:
        """It was refused, or is not known to have been said."""
        told = [str(error)] if error is not None else []
        told.append(MAYBE if code is Exit.LOST and self._said_by is not None else NOT_SAID)
        self._outlet.show([error_line(" ".join(told))])
        return code
