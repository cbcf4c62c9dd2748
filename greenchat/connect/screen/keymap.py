"""Keys that somebody has chosen, in place of the usual ones: by the names of what they do, as `keys.py` has it."""

import difflib
import re
from collections.abc import Mapping
from typing import NamedTuple

from greenchat.connect.screen.keys import BOX_KEYS, KEYS, Key
from greenchat.errors import ConfigError
from greenchat.protocol.text import printable

# What a terminal can tell of, by itself or with Ctrl, Alt and Shift.
NAMED = frozenset(("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"))
FUNCTION = frozenset(f"f{number}" for number in range(1, 13))

SPELT = {"pageup": "PageUp", "pagedown": "PageDown"}

# By themselves they move the cursor of who types.
TYPING = NAMED - {"pageup", "pagedown", "insert"}

# What terminals send by these is another key, or what one types by it.
SAME = {"ctrl+i": "Tab", "ctrl+m": "Enter"}

_KEY = re.compile(r"((?:(?:ctrl|alt|shift)[+-])*)([^+-]+)")

EXAMPLE = "Write it like Alt-N, Ctrl-T, F5 or Ctrl-Up."


# What the file calls actions that take something with them.
NAMES = {
    "select(-1)": "message-up",
    "select(1)": "message-down",
    "step(-1)": "previous",
    "step(1)": "next",
    "scroll(-1)": "page-up",
    "scroll(1)": "page-down",
    "fold('conversations')": "conversations",
    "fold('members')": "members",
    "end": "end-of-input",
    **{f"go({number})": f"go-{number}" for number in range(1, 10)},
}

# And those of the box that are called as something else of the screen, or say little by themselves.
BOX_NAMES = {"delete": "delete-ahead", "home": "line-start", "end": "line-end"}

ALL = (*KEYS, *BOX_KEYS)

# What no key is called, for Textual and for people.
UNBOUND = "unbound"
NO_KEY = "none"


class Keymap(NamedTuple):
    """`keys` as Textual spells them, and what cannot be taken, both by the names of what they do."""

    keys: dict[str, str]
    problems: dict[str, str]


def called(key: Key) -> str:
    """What the settings file calls what it does."""
    names = BOX_NAMES if key in BOX_KEYS else NAMES
    return names.get(key.action, key.action.replace("_", "-"))


def usual() -> dict[str, str]:
    """The keys that there are while nobody has chosen others."""
    return {called(key): key.keys for key in ALL}


def keymap(chosen: Mapping[str, str]) -> Keymap:
    """What is chosen comes before what is usual: a key that is given to something does nothing else."""
    keys: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name, text in chosen.items():
        try:
            keys[name] = understood(name, text, keys)
        except ConfigError as error:
            problems[name] = str(error)
    return Keymap(keys, problems)


def understood(name: str, text: str, others: Mapping[str, str]) -> str:
    """The keys that somebody wants for `name`, with commas between several and empty for none, beside what is chosen
    for `others`. Raises `ConfigError`."""
    if name not in usual():
        near = difflib.get_close_matches(name, usual(), n=1)
        hint = f"Did you mean {near[0]}?" if near else "/set keys lists what there is."
        raise ConfigError(f"keys.{printable(name)}: no key does that. {hint}")
    if text.strip().lower() == NO_KEY:
        return ""
    keys = [_key(name, one) for one in text.split(",")]
    for other, taken in others.items():
        if other != name and (both := set(keys) & set(taken.split(","))):
            raise ConfigError(f"keys.{name}: {shown(both.pop())} is chosen for {other} already. Take another one.")
    return ",".join(keys)


def in_force(chosen: Mapping[str, str]) -> dict[str, str]:
    """All keys by the names of what they do; empty for what has none, or has lost its own to something else."""
    taken = {key for keys in chosen.values() for key in keys.split(",")}
    left = {name: ",".join(key for key in keys.split(",") if key not in taken) for name, keys in usual().items()}
    return left | dict(chosen)


def of_screen(chosen: Mapping[str, str]) -> dict[str, str]:
    """Those of the screen that are not as usual, for Textual."""
    keys = in_force(chosen)
    return {called(key): keys[called(key)] or UNBOUND for key in KEYS if keys[called(key)] != key.keys}


def of_box(chosen: Mapping[str, str]) -> dict[str, str]:
    """What the keys of the box do there."""
    keys = in_force(chosen)
    return {one: key.action for key in BOX_KEYS for one in keys[called(key)].split(",") if one}


def table(chosen: Mapping[str, str]) -> list[tuple[str, str]]:
    """What F1 shows: the keys as they are, and what they do."""
    keys = in_force(chosen)
    groups: list[list[Key]] = []  # what is told in one row
    for key in ALL:
        if key.shown:
            groups.append([key])
        elif groups:
            groups[-1].append(key)
    rows: list[tuple[str, str]] = []
    for group in groups:
        names = group[0].shown
        if any(keys[called(key)] != key.keys for key in group):
            names = ", ".join(shown(one) for key in group for one in keys[called(key)].split(",") if one) or "(no key)"
        rows.append((names, group[0].what))
    return [*rows, ("/set keys", "Lists all keys by names; /set keys.unread Alt-N changes one")]


def shown(key: str) -> str:
    """As people call it."""
    return "-".join(SPELT.get(part, part.capitalize()) for part in key.split("+"))


def _key(name: str, text: str) -> str:
    match = _KEY.fullmatch(text.strip().lower())
    if match is None:
        raise ConfigError(f"keys.{name}: {printable(text)!r} is no key. {EXAMPLE}")
    parts = re.split("[+-]", match[1])[:-1]
    modifiers, base = [one for one in ("ctrl", "alt", "shift") if one in parts], match[2]
    key = "+".join([*modifiers, base])
    if key in SAME:
        raise ConfigError(f"keys.{name}: for a terminal {shown(key)} is {SAME[key]}. Take another one.")
    if key in TYPING:
        raise ConfigError(f"keys.{name}: {shown(key)} is for typing. Take it with Ctrl, Alt or Shift, or another one.")
    letter = re.fullmatch("[a-z0-9]", base) is not None
    told = letter and modifiers in (["ctrl"], ["alt"]) and not (modifiers == ["ctrl"] and base.isdigit())
    if not (told or base in NAMED | FUNCTION):
        raise ConfigError(f"keys.{name}: {printable(text)!r} is no key that every terminal tells of. {EXAMPLE}")
    return key
