"""What goes between the codec of IRC and this plugin: lines that the plugin answers itself, and its answers. And how a
request remembers what it was: its ref says so, and comes back with each answer."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from msgspec import field
from msgspec.structs import replace

from greenchat import Frame, Request

_BETWEEN = "\x1f"

# Around the place and the number of the requests that one line was, before its label: they are answered together.
_OF_LINE = "\x1e"


RequestOfLine = TypeVar("RequestOfLine", bound=Any)


class Context(NamedTuple):
    """Of a request: its verb, whom or what it was about, the label for its answers, and what else these need."""

    verb: str
    target: str = ""
    label: str = ""
    extra: str = ""

    @property
    def ref(self) -> str:
        """To be put on a request."""
        last = 4 if self.extra else 3 if self.label else 2 if self.target else 1
        return _BETWEEN.join(part.replace(_BETWEEN, "") for part in self[:last])


NO_CONTEXT = Context("")


def one_of(request: RequestOfLine, place: int, count: int) -> RequestOfLine:
    """The request, which is one of those of a line with a label."""
    context = context_of(request.ref)
    return replace(request, ref=context._replace(label=f"{_OF_LINE}{place}/{count}{_OF_LINE}{context.label}").ref)


def label_in(context: Context) -> tuple[str, int, int]:
    """The label for an answer, and which of how many it is."""
    if not context.label.startswith(_OF_LINE):
        return context.label, 0, 1
    which, _, label = context.label[1:].partition(_OF_LINE)
    place, _, count = which.partition("/")
    if not (place.isdecimal() and count.isdecimal()):
        return label, 0, 1  # it is the client's own
    return label, int(place), int(count)


def context_of(ref: int | str | None) -> Context:
    """That of an answer."""
    return Context(*ref.split(_BETWEEN, 3)) if isinstance(ref, str) else NO_CONTEXT


class IrcLine(Frame, frozen=True, tag="irc_line"):
    """A line of a client which the core has no request for. `ref` has its context."""

    verb: str
    params: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    ref: int | str | None = None

    def __repr__(self) -> str:
        return f"IrcLine({self.verb!r})"  # what is said, or a password, does not get into a log


# What a line asks for, in requests.
Requests = Iterator[Request | IrcLine]


class IrcLines(Frame, frozen=True, kw_only=True, tag="irc_lines"):
    """`lines` to be sent as they are, but for their tags. With `is_last`, nothing more is told for that request."""

    lines: list[str] = field(default_factory=list)
    is_last: bool = False
    ref: int | str | None = None


class IrcTagged(Frame, frozen=True, kw_only=True, tag="irc_tagged"):
    """Lines with these `tags`, for who knows tags, from somebody with this `account`."""

    lines: list[str]
    tags: dict[str, str]
    time: datetime | None = None
    account: str = ""
    ref: int | str | None = None


class Numeric(NamedTuple):
    """`code` has three digits; `text` is for people, and the last parameter, if there is one."""

    code: str
    params: Sequence[str] = ()
    text: str | None = None
