"""A function as a slash-command: its arguments are those of the function."""

import inspect
from collections.abc import Callable
from typing import Any

from greenchat.errors import PluginError
from greenchat.hooks.arguments import Signature, parameters
from greenchat.hooks.session import Call, Command, Session


def typed_command(
    function: Callable[..., object],
    name: str = "",
    help: str = "",  # noqa: A002  (as the field of Command that it is)
    *,
    usage: str | None = None,
    may_run: Callable[[Session], bool] = lambda session: True,
    lines: bool = False,
    private: bool = False,
    operator: bool = False,
    rate: str = "",
    examples: tuple[tuple[str, str], ...] = (),
) -> Command:
    """A command that calls `function` with a `Call` and what was typed, as its annotations say. It has the name of the
    function, and its docstring as help, where none are given. Raises `PluginError` for what nobody could type."""
    name = name or getattr(function, "__name__", "").rstrip("_").replace("_", "-")
    taken = list(parameters(function, name))
    signature = Signature.of_these(taken, name, usage)
    found = [parameter for parameter, _ in taken]
    in_order = [one.name for one in found if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    by_name = [one.name for one in found if one.kind is one.KEYWORD_ONLY]
    rest = [one.name for one in found if one.kind is one.VAR_POSITIONAL]

    def typed(call: Call, args: dict[str, Any]) -> object:
        further = [value for one in rest for value in args[one]]
        return function(call, *[args[one] for one in in_order], *further, **{one: args[one] for one in by_name})

    text = help or inspect.getdoc(function) or ""
    if not text:
        raise PluginError(f"/{name} has no help: write a docstring that says what it does")
    return Command(
        name,
        signature.usage,
        text,
        may_run=may_run,
        lines=lines,
        arguments=signature.arguments,
        private=private,
        operator=operator,
        rate=rate,
        examples=examples,
        typed=typed,
    )
