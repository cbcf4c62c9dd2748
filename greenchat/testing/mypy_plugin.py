"""What mypy cannot know of hooks by itself: `plugins = ["greenchat.testing.mypy_plugin"]` in its configuration has it
find hooks that do not exist, arguments that they do not have, and wrong types of both.

A function marked with `@hookimpl` is held against the hook of its name; mypy does not tell of those that are marked
with more, such as `@hookimpl(tryfirst=True)`. `greenchat plugins check` sees all.
"""

import difflib
import re
from collections.abc import Callable

from mypy.nodes import FuncDef
from mypy.plugin import MethodContext, Plugin
from mypy.subtypes import is_subtype
from mypy.types import AnyType, CallableType, Type, get_proper_type

MARKER = re.compile(r"pluggy\..*\bHookimplMarker\.__call__")  # in which of its modules that is, pluggy has changed
SPECS = "greenchat.hooks.specs"
PREFIX = "greenchat_"


class HooksPlugin(Plugin):
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        return _check if MARKER.fullmatch(fullname) else None


def _check(context: MethodContext) -> Type:
    """Hold what is marked against its hook; what comes out of the marker is as it was."""
    marked = context.arg_types[0][0] if context.arg_types and context.arg_types[0] else None
    function = get_proper_type(marked) if marked is not None else None
    if isinstance(function, CallableType) and isinstance(function.definition, FuncDef):
        name = function.definition.name
        hooks = _hooks(context)
        if name.startswith(PREFIX) and hooks and name not in hooks:
            near = difflib.get_close_matches(name, hooks, n=1)
            context.api.fail(
                f"There is no hook {name}" + (f"; did you mean {near[0]}?" if near else ""), context.context
            )
        elif name in hooks:
            _compare(context, name, function, hooks[name])
    return context.default_return_type


def _hooks(context: MethodContext) -> dict[str, CallableType]:
    modules = getattr(context.api, "modules", {})
    found: dict[str, CallableType] = {}
    for name, symbol in modules[SPECS].names.items() if SPECS in modules else ():
        node = getattr(symbol.node, "func", symbol.node)  # within its decorator, where mypy knows it as decorated
        kind = get_proper_type(getattr(node, "type", None))
        if name.startswith(PREFIX) and isinstance(kind, CallableType):
            found[name] = kind
    return found


def _compare(context: MethodContext, name: str, given: CallableType, hook: CallableType) -> None:
    wanted = dict(zip(hook.arg_names, hook.arg_types, strict=True))
    for argument, kind in zip(given.arg_names, given.arg_types, strict=True):
        if argument in (None, "self", "cls"):
            continue
        if argument not in wanted:
            known = [one for one in wanted if one]
            near = difflib.get_close_matches(str(argument), known, n=1)
            told = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}"
            context.api.fail(f"{name} has no argument {argument}; {told}", context.context)
        elif not is_subtype(wanted[argument], kind) and not _narrows(name, argument):
            context.api.fail(f"{name} is given {argument} as {wanted[argument]}, not as {kind}", context.context)
    returned = get_proper_type(given.ret_type)
    if not isinstance(returned, AnyType) and not is_subtype(returned, hook.ret_type):
        context.api.fail(f"{name} returns {hook.ret_type}, not {returned}", context.context)


def _narrows(name: str, argument: str | None) -> bool:
    """Whether an implementation may say by its annotation which kinds it is for."""
    return name == "greenchat_event" and argument == "event"


def plugin(version: str) -> type[Plugin]:
    return HooksPlugin
