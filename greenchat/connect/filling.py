"""Which argument of a command each typed word is for, as far as a client can tell. No I/O, no state."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from greenchat.protocol.durations import is_like_a_duration
from greenchat.protocol.replies import ArgumentEntry

SWITCH = ("on", "off", "yes", "no", "true", "false", "1", "0")

_WORD = re.compile(r"\S+")
_INTEGER = re.compile(r"#*-?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?", re.ASCII | re.IGNORECASE)


class Filled(NamedTuple):
    """`values` are what was typed, by the names of the arguments; `secret_at` is where in the text the first secret
    begins (-1: nowhere). `missing` are those arguments that must be there and are not, `following` those that the next
    word may be for. `fits`: no word is left over."""

    values: dict[str, str | list[str]]
    secret_at: int
    missing: tuple[ArgumentEntry, ...]
    following: tuple[ArgumentEntry, ...]
    fits: bool


def fill(arguments: Sequence[ArgumentEntry], text: str) -> Filled:
    """Words are for the arguments in their order; an optional one is left out only where a word cannot be meant by it.
    The server leaves it out also where others need the words: who has typed no password yet has typed the name."""
    words = [*_WORD.finditer(text)]
    values: dict[str, str | list[str]] = {}
    missing: list[ArgumentEntry] = []
    following: list[ArgumentEntry] = []
    secret_at, at, is_open = -1, 0, True
    for place, argument in enumerate(arguments):
        is_secret = argument.kind == "secret"
        takes_all = argument.repeated or argument.kind == "rest" or (is_secret and place == len(arguments) - 1)
        if at == len(words):
            if is_open:
                following.append(argument)
            is_open &= argument.optional
            missing += [argument] if not argument.optional else []
            continue
        if argument.optional and not _may_be(argument, words[at][0]):
            continue
        if is_secret and secret_at < 0:
            secret_at = words[at].start()
        if argument.repeated:
            values[argument.name] = [word[0] for word in words[at:]]
        else:
            values[argument.name] = text[words[at].start() :].rstrip() if takes_all else words[at][0]
        at = len(words) if takes_all else at + 1
        if takes_all:
            following.append(argument)
    return Filled(values, secret_at, tuple(missing), tuple(following), at == len(words))


def _may_be(argument: ArgumentEntry, word: str) -> bool:
    match argument.kind:
        case "integer":
            return _INTEGER.fullmatch(word) is not None
        case "number":
            return _NUMBER.fullmatch(word) is not None
        case "switch":
            return word.lower() in SWITCH
        case "choice":
            return word.lower() in map(str.lower, argument.choices)
        case "duration":
            return is_like_a_duration(word)
    return True
