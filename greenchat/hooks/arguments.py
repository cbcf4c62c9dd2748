"""The typed arguments of a command: what they are, by a function's annotations, and what was typed for them.

No I/O, no state.
"""

import inspect
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from greenchat import values
from greenchat.chat.accounts import Account
from greenchat.chat.room import Member, Room
from greenchat.errors import PluginError, Reject
from greenchat.hooks.kinds import KINDS, TELLING, Argument, Resolve, Rest, Secret, Unfit, refused
from greenchat.hooks.patterns import require_pattern
from greenchat.hooks.when import When, is_day, is_like_a_time, is_time_of_day
from greenchat.protocol.durations import Duration, is_like_a_duration
from greenchat.protocol.text import printable

_WORD = re.compile(r"\S+")

_KIND_OF: dict[Any, str] = {
    inspect.Parameter.empty: "word",
    str: "word",
    int: "integer",
    float: "number",
    bool: "switch",
    Duration: "duration",
    timedelta: "duration",
    When: "time",
    Member: "member",
    Account: "account",
    Room: "room",
    Rest: "rest",
    Secret: "secret",
}

_TEXTS = ("word", "rest", "secret")
_NUMERALS = ("integer", "number")

# What a command by hand takes, and one that only has a text.
TEXT = Argument("text", "rest")


class Signature(Struct, frozen=True):
    """The arguments of the command called `command`, in their order. `shown` is its usage where somebody has written
    one."""

    arguments: tuple[Argument, ...]
    command: str = ""
    shown: str | None = None

    @classmethod
    def of(cls, function: Callable[..., object], command: str = "", shown: str | None = None) -> "Signature":
        """The arguments of `function` behind its first parameter, the call. Raises `PluginError` for what cannot be
        typed."""
        name = command or getattr(function, "__name__", "")
        return cls.of_these(parameters(function, name), name, shown)

    @classmethod
    def of_these(
        cls, found: Iterable[tuple[inspect.Parameter, Any]], command: str, shown: str | None = None
    ) -> "Signature":
        """As `of`, for the `parameters` of a function."""
        arguments = [_argument(f"/{command}", parameter, hint) for parameter, hint in found]
        return cls(tuple(arguments), command, shown).checked()

    def checked(self) -> "Signature":
        """Itself. Raises `PluginError` for arguments that nobody could type."""
        where, names = f"/{self.command}", [argument.name for argument in self.arguments]
        for at, argument in enumerate(self.arguments):
            what = f"{where}: the argument {argument.name!r}"
            if not argument.name.isidentifier() or names.count(argument.name) > 1:
                raise PluginError(f"{what} needs a name of its own, as in Python")
            if argument.kind not in KINDS:
                raise PluginError(f"{what} is of no kind that there is: {', '.join(KINDS)}")
            if at < len(names) - 1 and (argument.repeated or argument.kind == "rest"):
                raise PluginError(f"{what} takes all that is left; put it last")
            if argument.repeated and argument.kind in ("rest", "secret"):
                raise PluginError(f"{what} cannot be repeated")
            if (argument.kind == "choice") != bool(argument.choices):
                raise PluginError(f"{what} needs choices if it is a choice, and only then")
            if any(not choice or not choice.isprintable() or " " in choice for choice in argument.choices):
                raise PluginError(f"{what} has a choice that nobody could type: choices are words")
            try:
                require_pattern(argument.pattern)
            except ValueError as error:
                raise PluginError(f"{what}: {error}") from None
        return self

    @property
    def usage(self) -> str:
        """What follows the name of the command: NUMBER, WHO [WHY], on|off."""
        if self.shown is not None:
            return self.shown
        return " ".join(argument.usage for argument in self.arguments)

    @property
    def line(self) -> str:
        """As one types it."""
        return f"/{self.command} {self.usage}".rstrip()

    @property
    def secret(self) -> bool:
        """Whether there may be a secret in what is typed, in whatever place."""
        return any(argument.secret for argument in self.arguments)

    # --- what was typed ---

    def parse(self, text: str, resolve: Resolve) -> dict[str, Any]:
        """What `text` means, by the names of the arguments. An optional argument is left out where what stands behind
        it needs the words, or where a word cannot be meant by it. Raises `Reject`."""
        words = list(_WORD.finditer(text))
        values: dict[str, Any] = {}
        at = 0
        for place, argument in enumerate(self.arguments):
            is_last = place == len(self.arguments) - 1
            needed = sum(not other.optional for other in self.arguments[place + 1 :])
            left = len(words) - at
            if not left or (argument.optional and left <= needed):
                values[argument.name] = self._left_out(argument)
            elif argument.repeated:
                values[argument.name] = [self._take(argument, word[0], resolve) for word in words[at:]]
                at = len(words)
            elif argument.kind == "rest" or (argument.secret and is_last):
                values[argument.name] = self._take(argument, text[words[at].start() :].rstrip(), resolve)
                at = len(words)
            elif argument.optional and not is_last and not self._is_meant(argument, words[at][0], resolve):
                values[argument.name] = argument.default
            else:
                taken = _span(argument, [word[0] for word in words[at : at + 2]])
                values[argument.name] = self._take(argument, " ".join(taken), resolve)
                at += len(taken)
        if at < len(words):
            raise Reject(f"That is more than it takes. Type it so: {self.line}", code="usage")
        return values

    def _is_meant(self, argument: Argument, word: str, resolve: Resolve) -> bool:
        """Whether `word` can be this argument, which may as well be left out."""
        if argument.kind not in TELLING and not (argument.pattern and argument.kind == "word"):
            return True
        if argument.kind in ("duration", "time"):  # refused, if it is none: without one, it may be for good
            return is_like_a_duration(word) if argument.kind == "duration" else is_like_a_time(word)
        try:
            argument.take(word, resolve)
        except Unfit:
            return False
        return True

    # --- what a program has sent ---

    def from_values(self, given: Mapping[str, Any], resolve: Resolve) -> dict[str, Any]:
        """The same of what a program sends by the names of the arguments. Raises `Reject`."""
        names = [argument.name for argument in self.arguments]
        for name in given:
            if name not in names:
                there = f"There are {', '.join(names)}." if names else "It takes none."
                raise Reject(f"There is no argument {printable(name)!r}. {there}", code="usage")
        values: dict[str, Any] = {}
        for argument in self.arguments:
            value = given.get(argument.name)
            if value is None or (isinstance(value, str) and not value.strip()):
                values[argument.name] = self._left_out(argument)
            elif not argument.repeated:
                values[argument.name] = self._take_value(argument, value, resolve)
            elif not isinstance(value, list):
                raise refused(argument.label, "is a list", self.line, None)
            elif not value:
                values[argument.name] = self._left_out(argument)
            else:
                values[argument.name] = [self._take_value(argument, one, resolve) for one in value]
        return values

    def _take_value(self, argument: Argument, value: object, resolve: Resolve) -> Any:
        if isinstance(value, bool) and argument.kind == "switch":
            return value
        if isinstance(value, int | float) and not isinstance(value, bool) and argument.kind in _NUMERALS:
            try:
                return argument.bounded(value)
            except Unfit as unfit:
                raise refused(argument.label, unfit.what, self.line, None) from None
        if not isinstance(value, str):
            raise refused(argument.label, "is a number" if argument.kind in _NUMERALS else "is a text", self.line, None)
        value = value.strip()
        if argument.kind not in ("rest", "secret", "time") and len(value.split(maxsplit=1)) != 1:
            raise refused(argument.label, "is one word", self.line, None)
        return self._take(argument, value, resolve)

    # --- both ---

    def _left_out(self, argument: Argument) -> Any:
        if not argument.optional:
            raise refused(argument.label, "is missing", self.line, None)
        return [] if argument.repeated and argument.default is None else argument.default

    def _take(self, argument: Argument, text: str, resolve: Resolve) -> Any:
        try:
            return argument.take(text, resolve)
        except Unfit as unfit:
            raise refused(argument.label, unfit.what, self.line, None if self.secret else text) from None
        except Reject as verdict:
            if self.secret and verdict.code != "not_joined":  # a password may stand where a name belongs
                raise refused(argument.label, "is not known", self.line, None) from None
            raise verdict from None


# --- what annotations mean ---


def parameters(function: Callable[..., object], name: str) -> Iterator[tuple[inspect.Parameter, Any]]:
    """The parameters of `function` behind its first one, with what they are annotated with. Raises `PluginError`."""
    try:
        found = list(inspect.signature(function).parameters.values())
        hints = get_type_hints(
            function if hasattr(function, "__name__") else type(function).__call__, include_extras=True
        )
    except BaseException as error:  # whatever an annotation that is a text comes to
        why = f"{type(error).__name__}: {values.shown(error)}"
        raise PluginError(f"/{name}: its annotations cannot be read: {why}") from None
    if not found or found[0].kind not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
        raise PluginError(f"/{name}: its function takes nothing; the first parameter is the call")
    for parameter in found[1:]:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            raise PluginError(f"/{name}: nobody could type **{parameter.name}; name the arguments")
        yield parameter, hints.get(parameter.name, inspect.Parameter.empty)


def _argument(where: str, parameter: inspect.Parameter, hint: Any) -> Argument:
    empty, bounds = inspect.Parameter.empty, list[Meta]()
    hint, optional = _bare(hint, bounds)
    repeated = parameter.kind is inspect.Parameter.VAR_POSITIONAL
    if not repeated and get_origin(hint) is list and get_args(hint):
        repeated = True
        hint, _ = _bare(get_args(hint)[0], bounds)
    choices: tuple[str, ...] = ()
    if get_origin(hint) is Literal:
        choices, kind = get_args(hint), "choice"
    else:
        try:
            kind = _KIND_OF.get(hint, "")
        except TypeError:  # what cannot be hashed is no type
            kind = ""
    if not kind or not all(isinstance(choice, str) for choice in choices):
        known = "str, int, float, bool, Literal of texts, Duration, When, Member, Account, Room, Rest, Secret"
        raise PluginError(f"{where}: nobody could type the argument {parameter.name}: {hint!r}. There are {known}")
    default = None if parameter.default is empty else parameter.default
    argument = Argument(
        parameter.name,
        kind,
        optional=optional or parameter.default is not empty or parameter.kind is inspect.Parameter.VAR_POSITIONAL,
        repeated=repeated,
        choices=choices,
        default=default,
    )
    return _bounded(f"{where}: the argument {parameter.name}", argument, bounds)


def _span(argument: Argument, words: list[str]) -> list[str]:
    """Of the next two words those that are for `argument`: a time may be two, tomorrow 9:00."""
    two = argument.kind == "time" and len(words) > 1 and is_day(words[0]) and is_time_of_day(words[1])
    return words if two else words[:1]


def _bare(hint: Any, bounds: list[Meta]) -> tuple[Any, bool]:
    """`hint` without what says more of it: whether it may be left out, and its `bounds`."""
    optional = False
    while True:
        if get_origin(hint) is Annotated:
            bounds += [extra for extra in hint.__metadata__ if isinstance(extra, Meta)]
            hint = hint.__origin__
        elif get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint):
            others = [one for one in get_args(hint) if one is not type(None)]
            if len(others) != 1:
                return hint, True
            hint, optional = others[0], True
        else:
            return hint, optional


def _bounded(what: str, argument: Argument, bounds: list[Meta]) -> Argument:
    """`argument` within `bounds`. Raises `PluginError` for those that a command does not know."""
    told: dict[str, Any] = {}
    for meta in bounds:
        for name in ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "tz"):
            value = getattr(meta, name)
            if value is None:
                continue
            if name in ("ge", "gt", "le", "lt") and argument.kind in _NUMERALS:
                if name in ("gt", "lt") and argument.kind == "number":
                    raise PluginError(f"{what}: a number is bounded by ge and le")
                told["minimum" if name[0] == "g" else "maximum"] = value + {"gt": 1, "lt": -1}.get(name, 0)
            elif name == "pattern" and argument.kind in _TEXTS:
                told["pattern"] = value
            elif name == "max_length" and argument.kind in _TEXTS:
                told["longest"] = value
            else:
                raise PluginError(
                    f"{what}: {name} does not bound what can be typed; there are ge, le, pattern, max_length"
                )
        if meta.description:
            told["description"] = meta.description
    return msgspec.structs.replace(argument, **told)
