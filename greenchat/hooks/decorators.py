"""Decorators: what a function of a plugin is for, said in one line above it.

They only mark functions, in a list called `greenchat_marks`, and give them back as they were: one can go on to call
them. Hooks are made of the marks when the plugin is loaded: see collecting.py. What is wrong with a mark is told there
and then, with the nearest right thing.
"""

import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from greenchat.errors import PluginError
from greenchat.hooks.moments import seconds_of, time_of_day
from greenchat.protocol.events import Event

F = TypeVar("F", bound=Callable[..., Any])

MARKS = "greenchat_marks"

# What a route may be asked by. CONNECT and TRACE are nothing that a page has: RFC 9110, 9.3.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class CommandMark:
    """A slash-command; without a `name` it is called as the function is."""

    name: str | None
    options: dict[str, Any]

    def __str__(self) -> str:
        return "@command"


@dataclass(frozen=True)
class OnMark:
    """Events of these kinds."""

    kinds: tuple[type[Event], ...]
    waits: bool = False

    def __str__(self) -> str:
        return "@on"


@dataclass(frozen=True)
class CheckMark:
    """A check of messages."""

    def __str__(self) -> str:
        return "@check"


@dataclass(frozen=True)
class EveryMark:
    """Again and again, after `interval`: as it was written."""

    interval: str | float

    def __str__(self) -> str:
        return "@every"


@dataclass(frozen=True)
class AtMark:
    """Each day, at a time as it was written."""

    time: str

    def __str__(self) -> str:
        return "@at"


@dataclass(frozen=True)
class JobMark:
    """What a stored job calls; without a `name` it is called as the function is."""

    name: str | None

    def __str__(self) -> str:
        return "@job"


@dataclass(frozen=True)
class HttpMark:
    """A route: requests by this method for what is under this path."""

    method: str
    path: str
    streams: bool = False

    def __str__(self) -> str:
        return "@http"


@dataclass(frozen=True)
class ExampleMark:
    """What one types, and the lines that one is told for it."""

    line: str
    told: str

    def __str__(self) -> str:
        return "@example"


Mark = CommandMark | OnMark | CheckMark | EveryMark | AtMark | JobMark | HttpMark | ExampleMark


@overload
def command(function: F, /) -> F: ...
@overload
def command(
    name: str | None = None,
    /,
    *,
    operator: bool = False,
    private: bool = False,
    lines: bool = False,
    rate: str = "",
    usage: str | None = None,
) -> Callable[[F], F]: ...
def command(name: Any = None, /, **options: Any) -> Any:
    """Mark a function as a slash-command. Its first parameter is the `Call`, the others are what is typed, by their
    annotations; what it returns is told to who has typed it. The docstring is its help."""
    if name is not None and not isinstance(name, str):
        return _marked("@command", name, CommandMark(None, {}))
    for option in options:
        if option not in OPTIONS:
            raise PluginError(f"@command has no {option}=...; {_nearest(option, OPTIONS)}")
    return lambda function: _marked("@command", function, CommandMark(name, options))


OPTIONS = ("operator", "private", "lines", "rate", "usage")


def example(line: str, told: str = "") -> Callable[[F], F]:
    """Show in the help of a command what one types, such as "/roll 1d1", and what one is told then."""
    if not isinstance(line, str) or not isinstance(told, str):
        raise PluginError('@example takes two texts: @example("/double 21", "42")')
    if not line.startswith("/"):
        raise PluginError(f'@example begins with the command and its slash: @example("/{line}", ...)')
    return lambda function: _marked("@example", function, ExampleMark(line, told))


def on(*kinds: type[Event], waits: bool = False) -> Callable[[F], F]:
    """Mark a function that is called for events of these kinds, once everybody has been told. One that `waits` is
    called in a greenlet of its own, for one after the other."""
    if not kinds or not all(isinstance(kind, type) and issubclass(kind, Event) for kind in kinds):
        raise PluginError("@on takes the kinds of events that it is for: @on(Message, Joined)")
    return lambda function: _marked("@on", function, OnMark(kinds, bool(waits)))


@overload
def check(function: F, /) -> F: ...
@overload
def check() -> Callable[[F], F]: ...
def check(function: Any = None, /) -> Any:
    """Mark a function that is asked about each message before it is said. It returns another text, or None, or raises
    `Reject`."""
    if function is None:
        return lambda function: _marked("@check", function, CheckMark())
    return _marked("@check", function, CheckMark())


def every(interval: str | float) -> Callable[[F], F]:
    """Mark a function that is called again and again: every("5m"), or a number of seconds."""
    seconds_of(interval)
    return lambda function: _marked("@every", function, EveryMark(interval))


def at(time: str) -> Callable[[F], F]:
    """Mark a function that is called each day at a time: at("07:30")."""
    if not isinstance(time, str):
        raise PluginError(f'@at takes a time of day, such as "07:30", not {time!r}')
    time_of_day(time)
    return lambda function: _marked("@at", function, AtMark(time))


@overload
def job(function: F, /) -> F: ...
@overload
def job(name: str | None = None, /) -> Callable[[F], F]: ...
def job(name: Any = None, /) -> Any:
    """Mark a function that `ctx.later("10m", "NAME", ...)` and `ctx.at(when, "NAME", ...)` have called, with what else
    they were given; also after a restart, so it must keep its name."""
    if name is not None and not isinstance(name, str):
        return _marked("@job", name, JobMark(None))
    return lambda function: _marked("@job", function, JobMark(name))


def http(method: str, path: str, *, streams: bool = False) -> Callable[[F], F]:
    """Mark a function that answers requests of HTTP on the chat's own port: http("POST", "/hooks/{name}"). One that
    `streams` gets the body part by part, as `request.stream`."""
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise PluginError(f"@http takes a method and a path; there is no {method!r}: {_nearest(method, METHODS)}")
    if not isinstance(path, str) or not path.startswith("/"):
        raise PluginError(f'@http takes a path that begins with a slash, such as "/hooks/{{name}}", not {path!r}')
    return lambda function: _marked("@http", function, HttpMark(method.upper(), path, bool(streams)))


def marks_of(thing: object) -> list[Mark]:
    """The marks of a function, or of a method, in the order in which they stand above it."""
    found = getattr(thing, MARKS, None)
    return list(reversed(found)) if isinstance(found, list) else []


def _marked(what: str, function: Any, mark: Mark) -> Any:
    target = function.__func__ if isinstance(function, staticmethod | classmethod) else function
    if not inspect.isfunction(target):
        shown = getattr(target, "__name__", type(target).__name__)
        raise PluginError(f"{what} stands above a function, and {shown} is none")
    if inspect.iscoroutinefunction(target) or inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        raise PluginError(
            f"{what}: {target.__name__} is no plain function; take away async and yield, gevent waits without"
        )
    vars(target).setdefault(MARKS, []).append(mark)
    return function


def _nearest(given: object, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(given), known, n=1) or difflib.get_close_matches(
        str(given).upper(), known, n=1
    )
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
