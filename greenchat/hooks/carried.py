"""What goes with the plugins of a server when another process takes over from it: what they have in `ctx.state`, when
their timers are due, their bots, and which of them are switched off.

All of it is plain data. What a plugin keeps is copied and looked at here: whatever it is, it holds no hand-over up, and
what cannot be carried is named in the log.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from msgspec import Struct, msgpack

from greenchat import values
from greenchat.chat.room import Member
from greenchat.errors import PluginError
from greenchat.protocol.text import printable

# What the `ctx.state` of one plugin may be, in bytes, about as JSON: a thousand for each of a thousand people. It is
# copied while everybody waits, for some ten milliseconds; what is larger belongs into ctx.store or ctx.database.
STATE_BYTES = 1_000_000

# ... and how deep lists and dicts may lie in each other. No more is ever needed, and what is carried has to be read.
DEPTH = 50

# What a number, a list and the like count as, in bytes: each takes its time, and what is made of the same list again
# and again may not take for ever.
LEAST_BYTES = 16

# Numbers that every format can write.
SMALLEST, LARGEST = -(1 << 63), (1 << 63) - 1

# Of MessagePack's own types, that of a member: its place in `CarriedPlugins.people`.
MEMBER = 1

NOBODY = -1  # in the place of a number: they are gone for good

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
    """That of one plugin. `state` is MessagePack of this `version`, 0 for none; members in it are of the type MEMBER.
    `timers` are names, with when they are due next: on the monotonic clock, which goes on over `exec`; `daily` ones by
    seconds since 1970."""

    version: int = 0
    state: bytes = b""
    timers: list[tuple[str, float]] = []
    daily: list[tuple[str, float]] = []
    bots: list[CarriedBot] = []


class CarriedPlugins(Struct, array_like=True, dict=True):
    """Those of one server, by their names. Those that are `off` were switched off, with why; `hooks_off` are plugins
    and hooks of theirs that they have left out themselves. Neither is taken up of one whose code has `changed`: it is
    another plugin, that may be mended. `people` are the members in all states, by their numbers in the carried chat:
    see `number`."""

    plugins: dict[str, CarriedPlugin] = {}
    off: dict[str, str] = {}
    hooks_off: list[tuple[str, str]] = []
    changed: list[str] = []
    people: list[int] = []

    def __post_init__(self) -> None:
        self.referred: dict[Member, int] = {}  # it is not written: the members in all states, by their places

    def number(self, index: Mapping[Member, int]) -> None:
        """To be called once it is known which number each member has. Who has none is gone."""
        self.people = [index.get(member, NOBODY) for member in self.referred]

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


def encode_state(state: State, referred: dict[Member, int], complain: Callable[[str], None]) -> bytes:
    """As much of `state` as can be carried, key by key, within STATE_BYTES; of all else `complain` is told. Members in
    it are added to `referred`, with their places. No code of a plugin runs."""
    copier = _Copier(referred)
    found: dict[str, Any] = {}
    for key, value in state.items():
        before = copier.left
        try:
            name, copied = copier.key(key), copier.value(value)
        except Exception as why:  # `_UnfitError`, or something that nobody has thought of
            copier.left = before
            copier.inside.clear()
            complain(f"ctx.state[{_shown(key)}] is not carried: {values.shown(why)}")
        else:
            found[name] = copied
    return msgpack.encode(found)


def decode_state(data: bytes, people: Sequence[Member | None]) -> dict[str, Any]:
    """What `encode_state` has made, with these `people` in their places. Raises `msgspec.MsgspecError`."""

    def member(kind: int, data: memoryview) -> Member | None:
        place = int.from_bytes(data, "big")
        return people[place] if kind == MEMBER and place < len(people) else None

    return msgpack.decode(data, type=dict[str, Any], ext_hook=member)


class _Copier:
    """Makes plain values of whatever a plugin has; `left` is how many bytes there may still be."""

    def __init__(self, referred: dict[Member, int]) -> None:
        self.left = STATE_BYTES
        self.inside: set[int] = set()  # the lists and dicts that the one at hand is in
        self._referred = referred

    def key(self, key: Any) -> str:
        if not issubclass(type(key), str):
            raise _UnfitError(f"the keys of a dict must be str, not {_kind(key)}")
        return self._text(key)

    def value(self, value: Any) -> Any:
        kind = type(value)  # the class that it is of, whatever it says of itself
        if kind is str or issubclass(kind, str):
            return self._text(value)
        self.left -= LEAST_BYTES  # as `_count`, which would take half of the time that this does
        if self.left < 0:
            raise _UnfitError(_TOO_MUCH)
        if kind is int and SMALLEST <= value <= LARGEST:
            return value
        if value is None or kind is bool or (kind is float and isfinite(value)):
            return value
        if kind is Member:
            return msgpack.Ext(MEMBER, self._referred.setdefault(value, len(self._referred)).to_bytes(4, "big"))
        if not issubclass(kind, dict | list | tuple):
            what = f"the number {value}" if kind is float else f"a {_kind(value)}"
            what = "a number of more than 64 bits" if kind is int else what
            raise _UnfitError(f"{what} is none of dict, list, str, int, float, bool, None and Member")
        return self._nested(value, kind)

    def _nested(self, value: Any, kind: type) -> Any:
        if id(value) in self.inside:
            raise _UnfitError("it contains itself")
        if len(self.inside) >= DEPTH:
            raise _UnfitError(f"it is nested deeper than {DEPTH}")
        self.inside.add(id(value))
        if issubclass(kind, dict):
            copied: Any = {self.key(key): self.value(one) for key, one in dict.items(value)}
        else:
            items = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
            copied = [self.value(one) for one in items]
        self.inside.discard(id(value))
        return copied

    def _text(self, value: str) -> str:
        length = str.__len__(value)
        self._count(LEAST_BYTES + length)
        try:
            text = values.text(value)
        except ValueError:
            raise _UnfitError("half of a surrogate pair cannot be written") from None
        if not text.isascii():
            self._count(len(text.encode()) - length)
        return text

    def _count(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _UnfitError(_TOO_MUCH)


def _kind(value: object) -> str:
    return values.shown(type.__dict__["__name__"].__get__(type(value)))


_TOO_MUCH = f"ctx.state may be {STATE_BYTES} bytes in all; keep it in ctx.store or ctx.database"


def _shown(key: object) -> str:
    return f'"{printable(key, KEY_LENGTH)}"' if type(key) is str else _kind(key)


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
