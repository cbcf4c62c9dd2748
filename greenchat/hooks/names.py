"""Calling a function with what its parameters are named after."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from greenchat.errors import PluginError

Function = Callable[..., Any]


def parameters_of(function: Function, what: str, known: Sequence[str]) -> list[str]:
    """The names of all that `function` takes, each of which is `known`; what has a default, and is not, is left to
    that. Raises `PluginError` with the nearest that is known; `what` is the decorator, say."""
    taken = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in known and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            taken.append(parameter.name)
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise PluginError(f"{what} {name_of(function)} takes {parameter}; name what you need: {', '.join(known)}")
        elif parameter.default is parameter.empty:
            near = difflib.get_close_matches(parameter.name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it may take: {', '.join(known)}"
            raise PluginError(f"{what} {name_of(function)} is not given any {parameter.name}; {hint}")
    return taken


def by_names(function: Function, taken: Sequence[str], given: Sequence[str], always: Mapping[str, object]) -> Function:
    """`function`, which takes the names in `taken`, as one of all that is `given`, in order; what is `always` the same
    is known already."""
    constants = {name: always[name] for name in taken if name in always}
    others = [name for name in taken if name not in always]
    if others == list(given) and list(taken) == [*others, *constants]:
        return partial(function, **constants) if constants else function  # what costs least, on the way of a message
    places = [(name, given.index(name)) for name in others]
    return lambda *values: function(**{name: values[place] for name, place in places}, **constants)


def name_of(function: Any) -> str:
    """What a function is called, in a line of the log."""
    return getattr(function, "__qualname__", type(function).__name__)
