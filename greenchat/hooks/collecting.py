"""What a plugin's functions are marked for (decorators.py), as implementations of hooks: they go the way of all others.

Each mark makes one object with one hook, in the order in which the functions are written. It is registered beside what
bears the plugin's own hooks, under the plugin's name.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import partial, reduce
from operator import or_
from types import ModuleType
from typing import Any

from greenchat.chat.outlet import Outlet
from greenchat.errors import PluginError
from greenchat.hooks.context import Context
from greenchat.hooks.decorators import (
    AtMark,
    CheckMark,
    CommandMark,
    EveryMark,
    ExampleMark,
    HttpMark,
    JobMark,
    Mark,
    OnMark,
    marks_of,
)
from greenchat.hooks.in_turn import InTurn
from greenchat.hooks.names import by_names, name_of, parameters_of
from greenchat.hooks.routes import HttpRequest, Route, names_in
from greenchat.hooks.run_checks import of_messages, of_texts
from greenchat.hooks.specs import hookimpl
from greenchat.hooks.typed import typed_command
from greenchat.protocol.events import Event, Message, ModerationAction

Function = Callable[..., Any]


class Made:
    """One hook, made of a mark: `function` is called for `hook`. `place` is which it is of those of its plugin."""

    def __init__(self, hook: str, function: Function) -> None:
        self.made = hookimpl(specname=hook)(function)
        self.place = 0


def collect(bearer: object, ctx: Context) -> list[Made]:
    """The hooks that the marks in `bearer`, a module or an object, make; `ctx` is the plugin's context. Raises
    `PluginError`."""
    found: list[Made] = []
    for function, marks in marked(bearer):
        _require_fit(function, marks)
        for mark in marks:
            found += _made(function, mark, marks, ctx)
    for place, made in enumerate(found):
        made.place = place
    return found


def marked(bearer: object) -> Iterator[tuple[Function, list[Mark]]]:
    """The marked functions of a module, or the marked methods of an object, in their order; each once, by however many
    names it goes."""
    seen: set[int] = set()
    for name, value in _attributes(bearer):
        function = getattr(value, "__func__", value)
        if id(function) not in seen and not inspect.isclass(value) and marks_of(function):
            seen.add(id(function))
            yield getattr(bearer, name), marks_of(function)


def _attributes(bearer: object) -> Iterator[tuple[str, Any]]:
    if isinstance(bearer, ModuleType):
        yield from list(vars(bearer).items())
        return
    kinds = type(bearer).__mro__[:-1]
    names = {name: None for kind in reversed(kinds) for name in vars(kind)}  # those of a base class come first
    for name in names:
        yield name, inspect.getattr_static(bearer, name)


def _require_fit(function: Function, marks: list[Mark]) -> None:
    commands = [mark for mark in marks if isinstance(mark, CommandMark)]
    if len(commands) > 1:
        raise PluginError(f"{name_of(function)} has @command twice; write one function for each")
    if not commands and any(isinstance(mark, ExampleMark) for mark in marks):
        raise PluginError(f"{name_of(function)} has an @example, and no @command of which it could be one")


def _made(function: Function, mark: Mark, marks: list[Mark], ctx: Context) -> list[Made]:
    match mark:
        case CommandMark():
            return [_command(function, mark, marks)]
        case CheckMark():
            return [_check(function, str(mark), ctx)]
        case OnMark():
            return _observers(function, mark, ctx)
        case HttpMark():
            return [_route(function, mark, ctx)]
        case EveryMark():
            return [_timer(function, mark, ctx, lambda call: ctx.every(mark.interval, call))]
        case AtMark():
            return [_timer(function, mark, ctx, lambda call: ctx.at(mark.time, call))]
        case JobMark():
            return [_job(function, mark, ctx)]
    return []


# --- commands ---


def _command(function: Function, mark: CommandMark, marks: list[Mark]) -> Made:
    if "ctx" in inspect.signature(function).parameters:
        raise PluginError(f"@command {name_of(function)}: what it takes is what people type; the context is call.ctx")
    examples = tuple((one.line, one.told) for one in marks if isinstance(one, ExampleMark))
    made = typed_command(function, mark.name or "", examples=examples, **mark.options)
    for line, _ in examples:
        if line.split()[0] != f"/{made.name}":
            raise PluginError(f"the @example of /{made.name} is one of another command: {line}")
    return Made("greenchat_commands", lambda: [made])


# --- checks ---


def _check(function: Function, what: str, ctx: Context) -> Made:
    taken = parameters_of(function, what, ("session", "message", "text", "ctx"))
    if not {"session", "message", "text"} & set(taken):
        raise PluginError(f"{what} {name_of(function)} takes nothing; let it take message, or text")
    always = {"ctx": ctx}
    if set(taken) <= {"text", "ctx"}:
        return Made("greenchat_check_messages", of_texts(by_names(function, taken, ("text",), always)))
    if set(taken) <= {"message", "ctx"}:
        return Made("greenchat_check_messages", of_messages(by_names(function, taken, ("message",), always)))
    given = ("session", "message", "text") if "text" in taken else ("session", "message")
    call = by_names(function, taken, given, always)
    if "text" not in taken:

        def check(session: Outlet, message: Message) -> Any:
            return call(session, message)
    else:

        def check(session: Outlet, message: Message) -> Any:
            return call(session, message, message.text)

    return Made("greenchat_check_message", check)


# --- observers ---


def _observers(function: Function, mark: OnMark, ctx: Context) -> list[Made]:
    call = by_names(function, parameters_of(function, str(mark), ("event", "ctx")), ("event",), {"ctx": ctx})
    if mark.waits:
        call = InTurn(ctx, call, name_of(function)).put
    found = []
    if kinds := [kind for kind in mark.kinds if not issubclass(kind, ModerationAction)]:

        def observe(event: Event) -> None:
            call(event)

        observe.__annotations__["event"] = reduce(or_, kinds)  # by which it is called for no others
        found.append(Made("greenchat_event", observe))
    if ModerationAction in mark.kinds or Event in mark.kinds:

        def acted(act: ModerationAction) -> None:
            call(act)

        found.append(Made("greenchat_acted", acted))
    return found


# --- timers ---


def _timer(function: Function, mark: Mark, ctx: Context, start: Callable[[Function], object]) -> Made:
    taken = parameters_of(function, str(mark), ("ctx",))
    call = partial(function, ctx=ctx) if taken else function

    def begin() -> None:
        start(call)

    return Made("greenchat_startup", begin)


# --- jobs ---


def _job(function: Function, mark: JobMark, ctx: Context) -> Made:
    """What it takes is what the job was given; and `ctx`, by its name."""
    call = partial(function, ctx=ctx) if "ctx" in inspect.signature(function).parameters else function

    def begin() -> None:
        ctx.job(mark.name or function.__name__, call)

    return Made("greenchat_startup", begin)


# --- routes ---


def _route(function: Function, mark: HttpMark, ctx: Context) -> Made:
    names = names_in(mark.path)
    for name in names:
        if name in ("request", "ctx"):
            raise PluginError(f"@http {name_of(function)}: a part of a path cannot be called {name}; take another name")
    taken = parameters_of(function, str(mark), ("request", "ctx", *names))
    call = by_names(function, taken, ("request", *names), {"ctx": ctx})

    def answer(request: HttpRequest) -> Any:
        return call(request, *(request.names[name] for name in names))

    return Made("greenchat_routes", lambda: [Route(mark.method, mark.path, answer, mark.streams)])
