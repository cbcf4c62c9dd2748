"""What an argument of a command can be, and what is made of what was typed for it. No I/O, no state."""

import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from greenchat.chat.accounts import Account
from greenchat.chat.room import Member, Room
from greenchat.errors import Reject
from greenchat.hooks.patterns import matches
from greenchat.hooks.when import EXAMPLES as TIMES
from greenchat.hooks.when import When
from greenchat.protocol.durations import EXAMPLES, Duration
from greenchat.protocol.replies import ArgumentEntry
from greenchat.protocol.text import printable

KINDS = (
    "word",
    "integer",
    "number",
    "switch",
    "choice",
    "duration",
    "time",
    "member",
    "account",
    "room",
    "rest",
    "secret",
)

# An optional argument of these kinds is left out where what stands in its place is none, but fits behind it.
TELLING = frozenset({"integer", "number", "switch", "choice", "duration", "time"})

SWITCH = {"on": True, "yes": True, "true": True, "1": True, "off": False, "no": False, "false": False, "0": False}

# As people write the number of a message, with or without the sign; no longer than SQLite and JavaScript can hold.
MOST_INTEGER = 10**15 - 1
_INTEGER = re.compile(r"#*(-?(?:0|[1-9][0-9]{0,14}))", re.ASCII)
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:e[-+]?[0-9]{1,2})?", re.ASCII | re.IGNORECASE
)


if TYPE_CHECKING:  # so that a text may be the default of an argument that is annotated so
    Rest = str
    Secret = str
else:

    class Rest(str):
        """To annotate an argument: all that is left, as it was typed. What comes for it is a text like others."""

        __slots__ = ()

    class Secret(str):
        """To annotate an argument, and what comes for it: a password, or a key. It does not show what it is."""

        __slots__ = ()

        def __repr__(self) -> str:
            return "Secret(...)"


class Resolve(Protocol):
    """Finds what names mean. Each raises `Reject` where there is nothing of that name."""

    def member(self, name: str) -> Member: ...

    def account(self, name: str) -> Account: ...

    def room(self, name: str) -> Room: ...

    def now(self) -> datetime: ...


class Unfit(Exception):  # noqa: N818  (it is no fault; it becomes a refusal)
    """What was typed is no such argument: `what` it has to be, behind the argument's label."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Argument(Struct, frozen=True):
    """One argument of a command. `choices` are those of a "choice"; `minimum` and `maximum` those of an "integer" or a
    "number"; `pattern` is what a "word", "rest" or "secret" matches as a whole, at most `longest` characters long
    (0: as a message), which `description` tells people. One that is `repeated` is the last, and comes as a list.
    `default` is what comes for an `optional` one that is left out. Clients offer what a "word" `offers`, though others
    can be typed as well."""

    name: str
    kind: str = "word"
    optional: bool = False
    repeated: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | float | None = None
    maximum: int | float | None = None
    pattern: str = ""
    longest: int = 0
    description: str = ""
    default: Any = None
    offers: tuple[str, ...] = ()

    @property
    def secret(self) -> bool:
        return self.kind == "secret"

    @property
    def label(self) -> str:
        """As it is called in what people read."""
        return self.name.upper().replace("_", "-")

    @property
    def usage(self) -> str:
        match self.kind:
            case "switch":
                word = "on|off"
            case "choice":
                word = "|".join(self.choices)
            case _:
                word = self.label
        word = f"{word}..." if self.repeated else word
        return f"[{word}]" if self.optional else word

    @property
    def entry(self) -> ArgumentEntry:
        """As clients are told of it."""
        return ArgumentEntry(
            name=self.name,
            kind=self.kind,
            optional=self.optional,
            repeated=self.repeated,
            choices=list(self.choices or self.offers),
            minimum=self.minimum,
            maximum=self.maximum,
            pattern=self.pattern,
            longest=self.longest,
        )

    def take(self, text: str, resolve: Resolve) -> Any:
        """What `text` means. Raises `Unfit`, or `Reject`."""
        match self.kind:
            case "integer" | "number":
                return self._numeral(text)
            case "switch":
                if text.lower() not in SWITCH:
                    raise Unfit("is on or off")
                return SWITCH[text.lower()]
            case "choice":
                found = next((one for one in self.choices if one.lower() == text.lower()), None)
                if found is None:
                    raise Unfit(f"is one of {', '.join(self.choices)}")
                return found
            case "duration":
                duration = Duration.parse(text)
                if duration is None:
                    raise Unfit(f"is a duration without blanks, such as {EXAMPLES}")
                return duration
            case "time":
                when = When.parse(text, resolve.now())
                if when is None:
                    raise Unfit(f"is a time, such as {TIMES}")
                return when
            case "member":
                return resolve.member(text)
            case "account":
                return resolve.account(text)
            case "room":
                return resolve.room(text)
        return self._text(text)

    def _text(self, text: str) -> str:
        if self.longest and len(text) > self.longest:
            raise Unfit(f"is at most {self.longest} characters long")
        if self.pattern and not matches(self.pattern, text):
            raise Unfit(f"is {self.description}" if self.description else "is something else")
        return Secret(text) if self.secret else text

    def _numeral(self, text: str) -> int | float:
        match = (_INTEGER if self.kind == "integer" else _NUMBER).fullmatch(text)
        if match is None:
            raise self._no_number()
        return self.bounded(int(match[1]) if self.kind == "integer" else float(text))

    def bounded(self, number: float) -> int | float:
        """`number`, of an "integer" or a "number", where it may be. Raises `Unfit`."""
        low, high = self.minimum, self.maximum
        most = MOST_INTEGER if self.kind == "integer" else sys.float_info.max  # and no number is not among these
        if not -most <= number <= most or (self.kind == "integer" and number != int(number)):
            raise self._no_number()
        if (low is not None and number < low) or (high is not None and number > high):
            raise Unfit(_between(low, high))
        return int(number) if self.kind == "integer" else float(number)

    def _no_number(self) -> Unfit:
        return Unfit("is a whole number, such as 12" if self.kind == "integer" else "is a number, such as 1.5")


def _between(low: float | None, high: float | None) -> str:
    if low is None:
        return f"is at most {high:g}"
    return f"is at least {low:g}" if high is None else f"is between {low:g} and {high:g}"


def quoted(text: str) -> str:
    return repr(printable(text))


def refused(label: str, what: str, line: str, given: str | None) -> Reject:
    """`given` is quoted, unless it is None: there may be a secret in it."""
    but = f", not {quoted(given)}" if given is not None else ""
    return Reject(f"{label} {what}{but}. Type it so: {line}", code="usage")
