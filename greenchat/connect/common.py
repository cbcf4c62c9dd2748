"""What the line client and the pipe share: where to connect, what a line is, which exit code an error has."""

import getpass
from enum import Enum
from typing import NamedTuple

from greenchat.client import (
    ClientError,
    DisconnectedError,
    NoAnswerError,
    RefusedError,
    TurnedAwayError,
    UnreachableError,
)
from greenchat.client.connection import NO_HOST
from greenchat.codecs.wording import beginning
from greenchat.config.schema import Server
from greenchat.connect.draft import is_command, said_as
from greenchat.connect.options import Exit
from greenchat.protocol.text import FORBIDDEN, printable

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = Server().port

QUIT = "/quit"

# What else there is to know where one word is no host.
PROFILES = "If a profile was meant: `greenchat profiles` lists them."

# What is to be done about a name by who is asked nothing, and types no command: instead of what the server says.
LOG_IN = "If that is you, use --login-file FILE; else choose another name by --name."
CHOOSE_ANOTHER = "Choose another by --name."

# The code of an error that is no refusal: the message was said, and everybody has read it, but it could not be kept.
NOT_STORED = "not_stored"

# The code of one that does not say whether it was said, where it is said once more.
TRY_AGAIN = "try_again"

# How much is quoted of what was not said, in characters: most of what fits into a line of a terminal.
QUOTED = 60


class Kind(Enum):
    """What a line on the screen is. OWN one has said oneself, on another device; ELSEWHERE is said in a room that one
    has never looked at here. PAST was said before, and asked for; REPLAYED was said before one came."""

    MESSAGE = "message"
    OWN = "own"
    ELSEWHERE = "elsewhere"
    INFO = "info"
    ERROR = "error"
    PAST = "past"
    REPLAYED = "replayed"


class Line(NamedTuple):
    """One line as people read it, `head body`: `[Alice]:` and what she says, `[INFO]` and what the server says. A body
    may have further lines: for programs, each has the head before it; on a screen they are indented. `who` is whose
    name the head has, and `calls`: it is for the one who reads it more than for others."""

    kind: Kind
    head: str
    body: str
    who: str = ""
    calls: bool = False

    def __str__(self) -> str:
        return "\n".join(f"{self.head} {line}" for line in self.body.split("\n"))


def info_line(text: str, kind: Kind = Kind.INFO) -> Line:
    return Line(kind, "[INFO]", clean_lines(text))


def error_line(text: str) -> Line:
    return Line(Kind.ERROR, "[ERROR]", clean_lines(text))


def no_way_in(error: ClientError, address: str | None) -> Line:
    """Why one has not come in who wanted to go to that host, which may be the name of a profile misspelt."""
    text = str(error)
    if address is not None and "." not in address and text == NO_HOST.format(printable(address)):
        text = f"{text} {PROFILES}"
    return error_line(text)


def turned_away(error: ClientError, address: str | None) -> Line:
    """The same for who is asked nothing."""
    if isinstance(error, RefusedError) and error.code == "name_reserved":
        return error_line(f"{str(error).partition(' If that is you')[0]} {LOG_IN}")
    if isinstance(error, RefusedError) and error.code == "name_taken":
        return error_line(f"{str(error).removesuffix(' Choose another.')} {CHOOSE_ANOTHER}")
    return no_way_in(error, address)


def clean(text: str) -> str:
    """`text` in one line without what would drive a terminal, whatever the server let pass."""
    return FORBIDDEN.sub("?", text)


def clean_lines(text: str) -> str:
    """The same in as many lines as it has."""
    return "\n".join(map(clean, text.split("\n")))


def _begins(line: str) -> str:
    return printable(beginning(said_as(line).strip()), QUOTED)


def login_name() -> str:
    """What this person is called on this machine; "guest" where the system does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "guest"


def exit_code(error: ClientError) -> Exit:
    """The exit code of an error that ended the chat, or kept it from beginning."""
    match error:
        case UnreachableError() | NoAnswerError():
            return Exit.UNREACHABLE
        case TurnedAwayError() | RefusedError():
            return Exit.TURNED_AWAY
        case DisconnectedError():
            return Exit.LOST
    return Exit.FAILED


def undelivered(count: int) -> Line:
    """What is said when the connection ended too early for `count` messages."""
    return error_line("1 message was not delivered." if count == 1 else f"{count} messages were not delivered.")


def not_said(line: str, room: str) -> Line:
    """What is said of a line that others have not read; of a command only its name, since it may hold a password."""
    where = f" in {room}" if room else ""
    if is_command(line):
        return error_line(f"Not sent{where}: {line.split()[0]}")
    return error_line(f"Not said{where}: {_begins(line)}")


def maybe_not_said(line: str, room: str) -> Line:
    """What is said of a line that was under way when the connection was lost."""
    if is_command(line):
        return error_line(f"May not have been run: {line.split()[0]}")
    return error_line(f"May not have been said in {room}: {said_as(line).strip()}")


def was_said(line: str, room: str) -> Line:
    """The same, once it was found in the history."""
    return info_line(f"Was said in {room}: {said_as(line).strip()}")


def was_said_to(name: str, text: str) -> Line:
    """The same of what was for one person alone."""
    return info_line(f"Was said to {name}: {text}")


def waiting(line: str, room: str) -> Line:
    """What is said of a line that waits for the connection."""
    if is_command(line):
        return info_line(f"Waiting to be run: {line.split()[0]}")
    return info_line(f"Waiting to be said{f' in {room}' if room else ''}: {_begins(line)}")


def is_quit(text: str) -> bool:
    """Whether `text` asks to leave: the client does so itself, so that it also works where no plugin knows /quit."""
    return text.lower().split(maxsplit=1)[:1] == [QUIT]


def is_logout(line: str) -> bool:
    """Whether `line` asks to be logged out: what is kept on this machine is forgotten then."""
    return is_command(line) and line.split()[0].lower() == "/logout"
