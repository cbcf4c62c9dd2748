"""What there is to know of hooks and of plugins, for whoever writes or runs one: told on the command line."""

import ast
import difflib
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from greenchat.config.load import SECRETS, description_of
from greenchat.config.schema import Settings
from greenchat.hooks import specs
from greenchat.hooks.collecting import marked
from greenchat.hooks.decorators import AtMark, EveryMark, JobMark
from greenchat.hooks.interfaces import Command
from greenchat.hooks.loader import Plugin, Plugins
from greenchat.hooks.routes import Route


@dataclass(frozen=True)
class Hook:
    """One hook: its `kind` says what becomes of what it raises; `signature` and `meaning` are as in the guide."""

    name: str
    kind: str
    signature: str
    meaning: str
    more: str = ""


@cache
def hooks() -> tuple[Hook, ...]:
    """All that there are, in the order of their kinds."""
    found = []
    for node in ast.parse(inspect.getsource(specs)).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("greenchat_"):
            told, _, more = (ast.get_docstring(node) or "").partition("\n\n")
            kind, _, meaning = " ".join(told.split()).partition(": ")
            signature = f"{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns) if node.returns else ''}"
            signature = signature.replace('"', "").replace("'", "")
            found.append(Hook(node.name, kind.lower(), signature, meaning, " ".join(more.split())))
    return tuple(found)


@dataclass(frozen=True)
class Setting:
    """One setting of a plugin: what is in force, and what is without the operator's doing."""

    name: str
    value: object
    default: object
    description: str


@dataclass
class Described:
    """What a plugin has. Each of these is in words, as it is written down."""

    plugin: Plugin
    hooks: list[Hook] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)
    timers: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    bots: list[str] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)


def describe(plugins: Plugins, plugin: Plugin) -> Described:
    """What `plugin` has, which was loaded with the others. It is asked for its commands and routes, and is off where it
    fails at that."""
    found = Described(plugin)

    def keep(of: Plugin, given: Iterable[Any], into: list[Any]) -> None:
        if of is plugin:
            into += given

    def keep_commands(of: Plugin, given: Iterable[Command]) -> None:
        keep(of, given, found.commands)

    def keep_routes(of: Plugin, given: Iterable[Route]) -> None:
        keep(of, [f"{route.method} {route.path}" for route in given], found.routes)

    plugins.provide("greenchat_commands", keep_commands)
    plugins.provide("greenchat_routes", keep_routes)
    found.settings = settings_of(plugin)
    if not plugin.off and plugin.bearer is not None:
        names = {
            caller.name
            for bearer in (plugin.bearer, *plugin.made)
            for caller in plugins.manager.get_hookcallers(bearer) or ()
        }
        found.hooks = [hook for hook in hooks() if hook.name in names]
        found.timers = list(_timers(plugin.bearer))
        found.jobs = list(dict.fromkeys(_jobs(plugin)))
        found.bots = [bot.name for bot in plugin.ctx.bots] if plugin.ctx is not None else []
    return found


def settings_of(plugin: Plugin) -> list[Setting]:
    settings = plugin.settings
    if settings is None:
        return []
    return [
        Setting(item.name, _shown(settings, item.name), _default(type(settings), item), description_of(item.type))
        for item in msgspec.structs.fields(type(settings))
    ]


def _shown(settings: Settings, name: str) -> object:
    value = getattr(settings, name)
    return "(set, and not shown)" if name in SECRETS and value else msgspec.to_builtins(value)


def _default(struct: type[Settings], item: msgspec.structs.FieldInfo) -> object:
    if item.default is not msgspec.NODEFAULT:
        return msgspec.to_builtins(item.default)
    return item.default_factory() if item.default_factory is not msgspec.NODEFAULT else None


def _timers(bearer: object) -> Iterable[str]:
    for function, marks in marked(bearer):
        for mark in marks:
            if isinstance(mark, EveryMark):
                yield f'@every("{mark.interval}") {function.__name__}'
            elif isinstance(mark, AtMark):
                yield f'@at("{mark.time}") {function.__name__}'


def _jobs(plugin: Plugin) -> Iterable[str]:
    if plugin.ctx is not None:
        yield from plugin.ctx.jobs.names
    for function, marks in marked(plugin.bearer):
        yield from (mark.name or function.__name__ for mark in marks if isinstance(mark, JobMark))


def nearest(name: str, known: Sequence[str], otherwise: str = "There are") -> str:
    """What whoever has written `name` may have meant; or all that there are."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"{otherwise}: {', '.join(known)}."
