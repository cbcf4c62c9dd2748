"""A client for servers that know the six plain frames and nothing else."""

import time
from collections.abc import Mapping

from greenchat.client.client import Client
from greenchat.client.commands import Argument
from greenchat.client.connection import PLAIN
from greenchat.client.errors import DisconnectedError, RefusedError, TurnedAwayError, UnreachableError
from greenchat.client.saying import ANSWER_SECONDS
from greenchat.codecs.advice import BY_CLIENT, in_full
from greenchat.codecs.plain import NOT_UTF8
from greenchat.errors import Reject
from greenchat.protocol.events import Notice
from greenchat.protocol.replies import CommandEntry, Error, HistoryPage, Welcome
from greenchat.protocol.requests import Invalid, Join, Leave, Ref, Say
from greenchat.protocol.text import control_characters, is_blank, require_text, slash_at
from greenchat.protocol.vocabulary import Request

# What the one room is called, of which plain frames do not know the name.
THE_CHAT = "the chat"

# Some servers answer a JOIN with a welcome, some with an error, and some not at all: who has heard nothing for so long
# is in. In seconds.
JOIN_SECONDS = 1.0

# How long an error may come behind a greeting, or the end of the connection behind an error.
SETTLE_SECONDS = 0.3

# Some servers do not close after a LEAVE: then the client does, once the server had the time to read it.
LEAVE_SECONDS = 2.0

NO_COMMANDS = "This server has no commands: nothing was sent. To say it all the same, begin with //."
ONE_LINE = "A command is one line, and nothing was sent. To say all of it, begin with //."
NO_TABLE = "Plain frames do not tell which commands there are. Where the server has some, say /help."
NO_CHANGES = "Plain frames do not change what was said. Where the server has commands, say {}."


class PlainClient(Client):
    """Like `Client`, but for what plain frames cannot say: there is one room, no passwords, keys, pages of history, nor
    acknowledgements, so that nothing is ever `pending`. `has_commands`: the server has told of some."""

    plain = True

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.has_commands = False

    @property
    def patience(self) -> float:
        return LEAVE_SECONDS if self.left else ANSWER_SECONDS

    def join(
        self,
        name: str = "",
        room: str | None = "",
        timeout: float = JOIN_SECONDS,
        *,
        password: str = "",
        key: str = "",
        login: str = "",
        token: str = "",
        device: str = "",
        replay: bool = True,
    ) -> Welcome:
        """Come in as `name`: with a welcome, or because nothing has been said against it for `timeout` seconds.

        Raises `RefusedError` (another name may do), `TurnedAwayError`, `UnreachableError`, `DisconnectedError`.
        """
        if password or key or login or token or device:
            raise RefusedError("rejected", "Plain frames carry no passwords, keys and tokens. Leave them out.")
        self._send(Join(name, room))
        self._settle(timeout)
        if any(isinstance(item, Invalid) for item in self._inbox):
            raise UnreachableError(f"What answers at {self.where} is no chat server. Check host and port.")
        errors = [item.text for item in self._inbox if isinstance(item, Error)]
        if errors and self._connection.end:
            raise TurnedAwayError(errors[-1])
        if errors:
            raise RefusedError("name_taken", errors[-1])
        if self._connection.end:
            raise DisconnectedError(self._connection.end)
        self.has_commands = any(isinstance(item, Notice) and "/help" in item.text for item in self._inbox)
        self.name = name
        welcome = self.rooms[THE_CHAT] = Welcome(name, THE_CHAT, [name], 0, {}, "")
        return welcome

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
        """Say `text`, each of its lines by itself; `//x` says `/x`. Whether it has arrived, nobody will tell. Raises
        `RefusedError`, also for a command where the server has none, since it would be said to all, and for one of
        several lines, and `DisconnectedError`."""
        if conversation or to:
            raise RefusedError("rejected", "Plain frames do not talk to one person alone.")
        if reply_to:
            raise RefusedError("rejected", "Plain frames have no answers. Where the server has commands, say /re.")
        try:
            first, *others = (line for line in require_text(text).split("\n") if not is_blank(line))
        except Reject as verdict:
            raise RefusedError(verdict.code, in_full(verdict, BY_CLIENT).text) from None
        except UnicodeEncodeError:
            raise RefusedError(NOT_UTF8.code, NOT_UTF8.text) from None
        at = slash_at(first)
        if at >= 0 and not first.startswith("/", at + 1):
            if not self.has_commands:
                raise RefusedError("unknown_command", NO_COMMANDS)
            if others:
                raise RefusedError("usage", ONE_LINE)
        elif at >= 0 and not self.has_commands:
            first = first[:at] + first[at + 1 :]
        self._send(Say(first))
        for line in others:  # of a text, and no command
            at = slash_at(line)
            self._send(Say(f"{line[:at]}/{line[at:]}" if at >= 0 and self.has_commands else line))
        return next(self._refs)

    def enter(self, room: str, key: str = "", timeout: float = ANSWER_SECONDS) -> Welcome:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", "Plain frames know one room. Leave, and join another one.")

    def part(self, room: str) -> int:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", "Plain frames know one room. To go out of it, leave.")

    def edit(self, room: str, seq: int, text: str, *, conversation: str = "") -> int:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", NO_CHANGES.format("/edit"))

    def delete(self, room: str, seq: int, *, conversation: str = "") -> int:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", NO_CHANGES.format("/delete"))

    def react(self, room: str, seq: int, emoji: str, on: bool = True, *, conversation: str = "") -> int:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", NO_CHANGES.format("/react"))

    def read(self, room: str, seq: int, *, conversation: str = "") -> int:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", "Plain frames do not tell what one has read.")

    def ask_enter(self, room: str, key: str = "") -> Ref:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", "Plain frames know one room. Leave, and join another one.")

    def ask_history(self, *arguments: object, **conditions: object) -> Ref:
        """Raises `RefusedError`, always."""
        raise RefusedError("no_history", "Plain frames do not ask for the history.")

    def ask_search(self, *arguments: object, **conditions: object) -> Ref:
        """Raises `RefusedError`, always."""
        raise RefusedError("no_history", "Plain frames do not search.")

    def ping(self) -> Ref:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", "Plain frames ask for no signs of life.")

    def commands(self, timeout: float = ANSWER_SECONDS) -> list[CommandEntry]:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", NO_TABLE)

    def ask_commands(self) -> Ref:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", NO_TABLE)

    def run(self, name: str, args: Mapping[str, Argument] | None = None, **place: str | int) -> int:
        """Raises `RefusedError`, always."""
        raise RefusedError("rejected", f"Plain frames carry no arguments. Where the server has it, say /{name}.")

    def history(self, *arguments: object, **conditions: object) -> HistoryPage:
        """Raises `RefusedError`, always."""
        raise RefusedError("no_history", "Plain frames do not ask for the history.")

    def leave(self) -> None:
        """Go, and say that nothing more comes, for servers that wait for that."""
        if not self.left:
            self._send(Leave())
            self.left = True
            self._connection.finish()

    def _settle(self, patience: float) -> None:
        """Wait for the first words, and for what comes right behind them."""
        deadline = time.monotonic() + patience
        while not self._connection.end and self._exchange(deadline):
            if self._inbox:
                deadline = time.monotonic() + SETTLE_SECONDS

    def _send(self, request: Request) -> None:
        try:
            data = PLAIN.encode_request(request)
        except UnicodeEncodeError:
            raise RefusedError(NOT_UTF8.code, NOT_UTF8.text) from None
        except ValueError:
            if isinstance(request, Join):
                raise RefusedError("name_invalid", "Names have no | and no control characters.") from None
            told = in_full(control_characters(), BY_CLIENT)
            raise RefusedError(told.code, told.text) from None
        self._connection.send(data)
