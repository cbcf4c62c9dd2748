"""What goes between the codec of IRC and this plugin: lines that the plugin answers itself, and its answers. And how a
request remembers what it was: its ref says so, and comes back with each answer."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import field

from greenchat import Answer, Frame, Request

_BETWEEN = "\x1f"


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
        return _BETWEEN.join(self[:last])


NO_CONTEXT = Context("")


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


class IrcLines(Answer, frozen=True, kw_only=True, tag="irc_lines"):
    """`lines` to be sent as they are, but for their tags. With `is_last`, nothing more is told for that request."""

    is_last: bool = False


class IrcTagged(Answer, frozen=True, kw_only=True, tag="irc_tagged"):
    """A line with these `tags`, for who knows tags."""

    tags: dict[str, str]


class Numeric(NamedTuple):
    """`code` has three digits; `text` is for people, and the last parameter, if there is one."""

    code: str
    params: Sequence[str] = ()
    text: str | None = None
