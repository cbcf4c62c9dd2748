"""What goes with the plugins of a server when another process takes over from it: what they have in `ctx.state`, when
their timers are due, their bots, and which of them are switched off.

All of it is plain data. What a plugin keeps is copied and looked at here: whatever it is, it holds no hand-over up, and
what cannot be carried is named in the log.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from msgspec import Struct

from greenchat import values
from greenchat.errors import PluginError
from greenchat.protocol.text import printable

# What the `ctx.state` of one plugin may be, in bytes, about as JSON: a thousand for each of a thousand people. It is
# copied while everybody waits, which takes 50 ms at most; what is larger belongs into ctx.store or ctx.database.
STATE_BYTES = 1_000_000

# ... and how deep lists and dicts may lie in each other. No more is ever needed, and what is carried has to be read.
DEPTH = 50

# What a number, a list and the like count as, in bytes: each takes its time, and what is made of the same list again
# and again may not take for ever.
LEAST_BYTES = 8

# Numbers that every format can write.
SMALLEST, LARGEST = -(1 << 63), (1 << 63) - 1

# Characters of a key that the log shows.
KEY_LENGTH = 40


class CarriedBot(Struct, array_like=True, frozen=True):
    """One bot: `name` and `rooms` are what its plugin has asked for. `key` is that of the member that it is in the
    chat, empty where it is not there; it has `entered` these rooms."""

    name: str
    rooms: list[str] = []
    key: str = ""
    entered: list[str] = []


class CarriedPlugin(Struct, array_like=True, frozen=True):
    """That of one plugin. `state` is of this `version`, 0 for none. `timers` are names, with when they are due next: on
    the monotonic clock, which goes on over `exec`; `daily` ones by seconds since 1970."""

    version: int = 0
    state: dict[str, Any] = {}
    timers: list[tuple[str, float]] = []
    daily: list[tuple[str, float]] = []
    bots: list[CarriedBot] = []


class CarriedPlugins(Struct, array_like=True):
    """Those of one server, by their names. Those that are `off` were switched off, with why; `hooks_off` are plugins
    and hooks of theirs that they have left out themselves. What is said of one whose code has `changed` is not taken
    up: it is another plugin, that may be mended."""

    plugins: dict[str, CarriedPlugin] = {}
    off: dict[str, str] = {}
    hooks_off: list[tuple[str, str]] = []
    changed: list[str] = []

    @property
    def versions(self) -> dict[str, int]:
        """Of the state of each plugin that has some."""
        return {name: one.version for name, one in self.plugins.items() if one.version}


class State(dict[str, Any]):
    """What a plugin keeps in `ctx.state`; `version` is that of what it has taken up, 0 where it was empty."""

    __slots__ = ("version",)

    def __init__(self) -> None:
        super().__init__()
        self.version = 0


class Declared(Struct, frozen=True):
    """What a plugin has said of its state: which `version` it writes, and which older ones it reads as well."""

    version: int
    accepts: frozenset[int]

    def takes(self, version: int) -> bool:
        return version == self.version or version in self.accepts


def declared(version: object, accepts: Iterable[int]) -> Declared:
    """As a plugin has it. Raises `PluginError`."""
    found = frozenset(accepts)
    for one in (version, *found):
        if type(one) is not int or not 1 <= one <= LARGEST:
            raise PluginError(f"{one!r} is no version of a state: write 1, and one more with each change of its form")
    assert isinstance(version, int)
    return Declared(version, found)


def misfits(versions: Mapping[str, int], known: Mapping[str, Declared | None]) -> list[str]:
    """Why what is there in these `versions` cannot be taken up by the plugins of the same names, as they are `known`
    now, in sentences; of plugins that are gone nothing is said, and nothing of those that carry nothing any more."""
    told = []
    for name, version in sorted(versions.items()):
        now = known.get(name)
        if now is not None and not now.takes(version):
            told.append(
                f"The plugin {name} keeps its state in version {now.version}, and cannot read version {version}, which "
                f"it has at the moment: add {version} to the accepts of its ctx.carry_state, or restart the server."
            )
    return told


# --- copying what a plugin keeps --------------------------------------------------------------------------------------


class _UnfitError(Exception):
    """It cannot be carried, and why."""


def plain_state(state: State, complain: Callable[[str], None]) -> dict[str, Any]:
    """A copy of `state` of which each key can be carried, in as many bytes as there may be; of all others `complain` is
    told. No code of a plugin runs."""
    left = [STATE_BYTES]
    found: dict[str, Any] = {}
    for key, value in state.items():
        before = left[0]
        try:
            name, copied = _key(key, left), _plain(value, left, set(), 0)
        except Exception as why:  # `_UnfitError`, or something that nobody has thought of
            left[0] = before
            complain(f"ctx.state[{_shown(key)}] is not carried: {values.shown(why)}")
        else:
            found[name] = copied
    return found


def _plain(value: Any, left: list[int], inside: set[int], depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return _counted(value, LEAST_BYTES, left)
    if kind is int:
        if not SMALLEST <= value <= LARGEST:
            raise _UnfitError("a number has more than 64 bits")
        return _counted(value, LEAST_BYTES, left)
    if kind is float:
        if not value - value == 0.0:  # infinite, or none
            raise _UnfitError(f"{value} is no number that JSON knows")
        return _counted(value, LEAST_BYTES, left)
    if issubclass(kind, str):  # of the class that it is, whatever it says of itself
        return _text(value, left)
    if not issubclass(kind, dict | list | tuple):
        raise _UnfitError(f"{values.shown(kind.__name__)} is none of dict, list, str, int, float, bool and None")
    if id(value) in inside:
        raise _UnfitError("it contains itself")
    if depth >= DEPTH:
        raise _UnfitError(f"it is nested deeper than {DEPTH}")
    _counted(None, LEAST_BYTES, left)
    inside.add(id(value))
    if issubclass(kind, dict):
        copied: Any = {_key(key, left): _plain(one, left, inside, depth + 1) for key, one in dict.items(value)}
    else:
        items = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
        copied = [_plain(one, left, inside, depth + 1) for one in items]
    inside.discard(id(value))
    return copied


def _key(key: Any, left: list[int]) -> str:
    if not issubclass(type(key), str):
        raise _UnfitError(f"the keys of a dict must be str, not {values.shown(type(key).__name__)}")
    return _text(key, left)


def _text(value: str, left: list[int]) -> str:
    length = str.__len__(value)
    if length > left[0]:
        raise _UnfitError(_TOO_MUCH)
    try:
        text = values.text(value)
    except ValueError:
        raise _UnfitError("half of a surrogate pair cannot be written") from None
    return _counted(text, LEAST_BYTES + (length if text.isascii() else len(text.encode())), left)  # type: ignore[no-any-return]


def _counted(value: Any, size: int, left: list[int]) -> Any:
    left[0] -= size
    if left[0] < 0:
        raise _UnfitError(_TOO_MUCH)
    return value


_TOO_MUCH = f"ctx.state may be {STATE_BYTES} bytes in all; keep it in ctx.store or ctx.database"


def _shown(key: object) -> str:
    return f'"{printable(key, KEY_LENGTH)}"' if type(key) is str else values.shown(type(key).__name__)


# --- taking timers up ------------------------------------------------------------------------------------------------


class Dues:
    """When the timers of one plugin were due, for those that are made anew under the same names: the first one of a
    name is taken for the first one there was."""

    def __init__(self, carried: Iterable[tuple[str, float]] = ()) -> None:
        self._left: dict[str, list[float]] = {}
        for name, due in carried:
            self._left.setdefault(name, []).append(due)

    def take(self, name: str) -> float | None:
        """None where there was none."""
        found = self._left.get(name)
        return found.pop(0) if found else None


def names_of(plugins: Collection[Any]) -> dict[str, Declared | None]:
    """What each plugin that is on has declared: see `misfits`."""
    return {plugin.name: plugin.ctx.declared for plugin in plugins if not plugin.off and plugin.ctx is not None}
