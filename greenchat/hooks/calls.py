"""The implementations of a hook, in pluggy's order, as functions that are called directly.

pluggy passes arguments by name, which costs more than most hooks do.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import pluggy

from greenchat.errors import PluginError
from greenchat.hooks.meters import Meter

Function = Callable[..., Any]
Failed = Callable[[str, str, BaseException | None], None]  # is told of a plugin, where it has failed, and how
FailedFor = Callable[[Any], Failed]  # ... for whom: the session


class Call(NamedTuple):
    """One implementation: whose it is, of which hook, the function to be called, the one that it is in the end. Its
    calls are counted by `meter`: who calls it does that, or else the function."""

    plugin: str
    hook: str
    function: Function
    original: Function
    meter: Meter


Calls = list[Call]  # in the order of calling


def implementations(manager: pluggy.PluginManager, *hooks: str) -> list[tuple[str, Sequence[str], pluggy.HookImpl]]:
    """Hook, arguments and implementation: those of one hook, or of several as if they were one."""
    found = []
    for hook in hooks:
        caller = getattr(manager.hook, hook)
        found += [(hook, caller.spec.argnames, item) for item in reversed(caller.get_hookimpls())]
    if len(hooks) > 1:
        place = {name: place for place, (name, _) in enumerate(manager.list_name_plugin())}
        found.sort(
            key=lambda one: (one[2].trylast - one[2].tryfirst, -place[one[2].plugin_name], place_of(one[2].plugin))
        )
    return found


def place_of(bearer: object) -> int:
    """What is made of a plugin's marks (collecting.py) comes in their order, behind its own hooks."""
    return getattr(bearer, "place", -1)


def direct(item: pluggy.HookImpl, arguments: Sequence[str]) -> Function:
    """An implementation as a function of all the hook's `arguments`, in order, though it declares only some."""
    function: Function = item.function
    positions = [arguments.index(name) for name in item.argnames]
    if positions == list(range(len(arguments))):
        return function
    if not positions:
        return lambda *given: function()
    if len(positions) == 1:
        only = positions[0]
        return lambda *given: function(given[only])
    pick = itemgetter(*positions)
    return lambda *given: function(*pick(given))


def refuse_wrappers(manager: pluggy.PluginManager, plugin: object) -> None:
    """Raise `PluginError` where `plugin` wraps a hook: direct calls know no wrappers, and silence would be worse."""
    for caller in manager.get_hookcallers(plugin) or ():
        for item in caller.get_hookimpls():
            if item.plugin is plugin and (item.wrapper or item.hookwrapper):
                raise PluginError(f"it wraps {caller.name}; hooks of greenchat cannot be wrapped")
