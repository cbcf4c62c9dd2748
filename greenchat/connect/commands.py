"""The server's commands, as its table tells of them: which words are secrets, and what Tab makes of a beginning.

A secret is drawn as stars while it is typed, and asked for where it is left out. No line with one is kept or shown
again; nor is one with words that nobody has told what they are, as behind a misspelt /login.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from greenchat.client import Client, ClientError
from greenchat.client.asking import KNOWS_CONVERSATIONS
from greenchat.connect.draft import is_command
from greenchat.connect.filling import Filled, fill
from greenchat.connect.names import Completed, Names, completed
from greenchat.protocol.events import Event, Role
from greenchat.protocol.replies import ArgumentEntry, CommandEntry, CommandList, Error, Welcome
from greenchat.protocol.requests import Frame, Ref
from greenchat.protocol.text import slash_at

# Behind some words, those that may be next.
NextWords = Callable[[Sequence[str]], Iterable[str]]

# How long one who has just come in waits for the table, in seconds: it comes right behind the welcomes.
TABLE_SECONDS = 5.0

_COMMAND = re.compile(r"/+(\S*)(\s*)")

# Of these kinds of arguments Tab knows more than the names of people. A word that is called a room or a user is one, as
# servers have it that take also those who are not there.
_TO_COMPLETE = ("choice", "switch", "member", "account", "room")
_CALLED_SO = ("room", "user")


def _before(name: str, /, **kinds: str) -> CommandEntry:
    arguments = [ArgumentEntry(one, kind.rstrip("?"), optional=kind.endswith("?")) for one, kind in kinds.items()]
    return CommandEntry(name, "", "", arguments)


# What servers have that are too old to tell, and which will have no others. It is looked at while there is no table.
BEFORE_TABLES = (
    _before("login", name="word?", password="secret"),
    _before("register", password="secret"),
    _before("passwd", old="secret", new="secret"),
    _before("unregister", password="secret"),
    _before("join", room="word", key="secret?"),
    _before("room", setting="word?", value="secret?"),
    _before("logout"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A command with its arguments; `line` is the same for servers that know no arguments. Either may have a secret."""

    name: str
    args: dict[str, Any] = field(repr=False)
    line: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UploadRun(Run):
    """The server's /upload, with the file that is to be sent to where it says."""

    path: Path


@dataclass(frozen=True, slots=True)
class Lacking:
    """A command without its `secrets`, which are to be asked for."""

    line: str
    name: str
    filled: Filled

    @property
    def secrets(self) -> tuple[ArgumentEntry, ...]:
        return self.filled.missing

    def with_secrets(self, answers: Mapping[str, str]) -> Run:
        return Run(self.name, {**self.filled.values, **answers}, " ".join([self.line, *answers.values()]))

    def is_new(self, secret: ArgumentEntry) -> bool:
        """Whether one makes it up now: what nobody can check is asked for twice."""
        return secret.name.startswith("new") or self.name == "register"


class Behind(NamedTuple):
    """What the last word of a command is, of which this much is `typed`: its name, where there is no `entry`, or one of
    the arguments that are `following`."""

    typed: str
    entry: CommandEntry | None = None
    following: tuple[ArgumentEntry, ...] = ()


class Commands:
    """`told`: the server has told which there are. `own` are those that the client carries out itself."""

    def __init__(self) -> None:
        self._entries: dict[str, CommandEntry] = {entry.name: entry for entry in BEFORE_TABLES}
        self._own: dict[str, CommandEntry] = {}
        self._next: dict[str, NextWords] = {}
        self._account = ""
        self._refs: set[Ref] = set()
        self._is_due = False
        self.told = False

    # --- the table ---

    def knows(self, name: str) -> bool:
        """Whether the server has told of this one."""
        return self.told and name in self._entries

    @property
    def known(self) -> list[CommandEntry]:
        """Those that one may run, by their names."""
        known = {**(self._entries if self.told else {}), **self._own}
        return [known[name] for name in sorted(known)]

    def also(self, own: CommandEntry, following: NextWords | None = None) -> None:
        """This one is carried out by the client: it comes before those of the server. `following` tells which words
        there may be behind those that are its arguments so far."""
        self._own[own.name] = own
        if following is not None:
            self._next[own.name] = following

    def fetch(self, client: Client) -> None:
        """Ask a server that one has just come to, and wait for its answer."""
        self.learn(table_of(client), client.account)

    def begin(self, client: Client) -> None:
        """Ask a server that one has just come to; the answer comes like an event. Raises `DisconnectedError`."""
        if not client.plain and client.protocol >= KNOWS_CONVERSATIONS:
            self._account = client.account
            self._refs.add(client.ask_commands())

    def learn(self, table: Iterable[CommandEntry] | None, account: str) -> None:
        """What a server has told that one has just come to: None for nothing."""
        self._account, self._is_due = account, False
        self._refs.clear()
        self._put(BEFORE_TABLES if table is None else table, told=table is not None)

    def outdated(self) -> None:
        """One has become somebody else, who may run others."""
        self._is_due = True

    def ask(self, client: Client) -> None:
        """Ask anew, if that is due; the answer comes like an event. Raises `DisconnectedError`."""
        if self._is_due and self.told:
            self._refs.add(client.ask_commands())
        self._is_due = False

    def is_answer(self, item: Event | Frame, client: Client) -> bool:
        """Whether `item` answers this; nobody needs to be shown it. To be called with each."""
        match item:
            case Role(name=client.name):
                self._is_due = True
            case Welcome(roles=roles) if client.account != self._account or client.name in roles:
                self._account, self._is_due = client.account, True
            case CommandList(lines=[], commands=table):  # not of /help, which tells people
                self._refs.discard(item.ref)
                self._put(table, told=True)
                return True
            case Error(ref=ref) if ref in self._refs:
                self._refs.discard(ref)
                return True
        return False

    def has(self, name: str) -> bool:
        """Whether the server has told that one may run it."""
        return self.told and name in self._entries

    def _put(self, table: Iterable[CommandEntry], *, told: bool) -> None:
        self._entries = {entry.name: entry for entry in table}
        self.told = told

    # --- secrets ---

    def secret_start(self, line: str) -> int:
        """Where in `line` the first secret begins; its length where it has none."""
        if not is_command(line):
            return len(line)
        entry, start = self._find(line)
        secret_at = fill(entry.arguments, line[start:]).secret_at if entry is not None else -1
        return start + secret_at if secret_at >= 0 else len(line)

    def has_secret(self, line: str) -> bool:
        """Whether there may be a secret in `line`, also where that is to be said: with however many slashes it begins.
        A word behind a command that must have one may be it: one may be typed where another word belongs."""
        entry, start = self._find(line)
        if entry is None or not line[start:].strip():
            return False
        secrets = [argument for argument in entry.arguments if argument.kind == "secret"]
        if not secrets or not all(argument.optional for argument in secrets):
            return entry.private or bool(secrets)
        return fill(entry.arguments, line[start:]).secret_at >= 0

    def may_keep(self, draft: str) -> bool:
        """Whether `draft` may be remembered once it is sent."""
        lines = draft.splitlines()
        if any(map(self.has_secret, lines)):
            return False
        first = next((line for line in lines if line.strip()), "")
        if slash_at(first) < 0:
            return True
        entry, start = self._find(first)
        is_known = entry is not None or not is_command(first) or not first[start:].strip()
        return self.told and is_known

    def lacking(self, line: str) -> Lacking | None:
        """What is to be asked for to complete `line`; None where that is nothing, or would not do."""
        entry, start = self._find(line) if is_command(line) else (None, 0)
        if entry is None:
            return None
        filled = fill(entry.arguments, line[start:])
        if not filled.missing or not filled.fits or any(argument.kind != "secret" for argument in filled.missing):
            return None
        return Lacking(line, entry.name, filled)

    # --- what a line means ---

    def meant(self, line: str) -> tuple[str, dict[str, str | list[str]]]:
        """The command that `line` is, and its arguments by their names; nothing where it is none."""
        entry, start = self._find(line) if is_command(line) else (None, 0)
        return (entry.name, fill(entry.arguments, line[start:]).values) if entry is not None else ("", {})

    def names_somebody(self, line: str) -> bool:
        """Whether it is done to somebody who is in the chat, by their name."""
        entry, start = self._find(line) if is_command(line) else (None, 0)
        people = [one.name for one in entry.arguments if one.kind == "member"] if entry is not None else []
        return entry is not None and any(name in fill(entry.arguments, line[start:]).values for name in people)

    def in_full(self, line: str) -> Run | None:
        """What `line` is short for: who types `/msg bob` and nothing more wants to see what was said there."""
        match line.split():
            case [command, name] if is_command(line) and command.lower() == "/msg":
                messages = self._entries.get("messages")
                argument = messages.arguments[0].name if messages is not None and messages.arguments else "user"
                return Run("messages", {argument: name}, f"/messages {name}")
        return None

    def complete(self, before: str, names: Names) -> Completed:
        """What Tab does behind this text."""
        if self.secret_start(before) < len(before):
            return Completed()
        behind = self.behind(before)
        if behind is None:
            return names.complete(before)
        if behind.entry is None:
            return completed(behind.typed, [entry.name for entry in self.known])
        options = options_of(behind.following, names.people, names.rooms, has_begun=bool(behind.typed))
        return names.complete(before) if options is None else completed(behind.typed, options)

    def behind(self, before: str) -> Behind | None:
        """What this text ends with; None where that is no part of a command that is known."""
        if not is_command(before) or "\n" in before or not (self.told or self._own):
            return None
        typed = re.search(r"\S*\Z", before)
        assert typed is not None
        if typed.start() <= slash_at(before):
            return Behind(typed[0][1:])
        entry, start = self._find(before)
        if entry is None:
            return None
        words = before[start : typed.start()]
        if entry.name in self._next:
            choices = [*self._next[entry.name](words.split())]
            return Behind(typed[0], entry, (ArgumentEntry("", "choice", choices=choices),) if choices else ())
        return Behind(typed[0], entry, fill(entry.arguments, words).following)

    def _find(self, line: str) -> tuple[CommandEntry | None, int]:
        """The command that `line` begins with, and where its arguments begin."""
        match = _COMMAND.match(line, max(slash_at(line), 0))
        if not match:
            return None, len(line)
        name = match[1].lower()
        return self._own.get(name) or self._entries.get(name), match.end()


def table_of(client: Client) -> list[CommandEntry] | None:
    """The server's table; None where it does not tell."""
    if not client.plain and client.protocol >= KNOWS_CONVERSATIONS:
        with suppress(ClientError):
            return client.commands(TABLE_SECONDS)
    return None


def options_of(
    arguments: Iterable[ArgumentEntry], people: Iterable[str], rooms: Iterable[str], *, has_begun: bool
) -> list[str] | None:
    """What a word may be that is for one of these arguments; None where nobody can know. `has_begun`: some of it is
    typed."""
    arguments = [*arguments]
    if not any(map(is_known, arguments)):
        return None
    return [word for argument in arguments for word in _options(argument, people, rooms, has_begun=has_begun)]


def is_known(argument: ArgumentEntry) -> bool:
    """Whether one can tell what is meant by it: names, rooms, or words that are listed."""
    is_called_so = argument.kind in ("word", "rest") and argument.name in _CALLED_SO
    return argument.kind in _TO_COMPLETE or bool(argument.choices) or is_called_so


def _options(argument: ArgumentEntry, people: Iterable[str], rooms: Iterable[str], *, has_begun: bool) -> Iterable[str]:
    match argument.kind:
        case _ if argument.choices:
            return argument.choices
        case "switch":
            return ("on", "off")
        case "member" | "account":
            return people
        case "room":
            return rooms
        case "word" | "rest" if argument.name in _CALLED_SO:
            return rooms if argument.name == "room" else people
        case "word" | "rest":
            return people if has_begun else ()
    return ()
