"""What somebody has chosen for their own screen, as `connect.toml` has it.

A wrong value keeps nobody from chatting: the usual one holds in its place, and a sentence says what to do.
"""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct, field

from greenchat.connect.client_file import ClientFile
from greenchat.errors import ConfigError
from greenchat.protocol.text import printable

Pane = Literal["auto", "show", "hide"]

# What stands in the file besides, and is read elsewhere: see profiles.py.
PROFILES = "profiles"
KEYS = "keys"

ON, OFF = ("on", "yes", "true"), ("off", "no", "false")


class Settings(Struct, frozen=True):
    """`keys` are keys by the actions that they do, in place of the usual ones."""

    theme: Annotated[Literal["auto", "dark", "light", "none"], Meta(description="Colours")] = "auto"
    times: Annotated[bool, Meta(description="When each message was said")] = True
    bell: Annotated[bool, Meta(description="A sound for what calls you")] = True
    notify: Annotated[bool, Meta(description="A notification of the desktop for it")] = True
    history: Annotated[bool, Meta(description="What you have sent is kept for the next time")] = True
    conversations: Annotated[Pane, Meta(description="The screen's left pane; auto: where there is room")] = "auto"
    members: Annotated[Pane, Meta(description="The screen's right pane")] = "auto"
    keys: dict[str, str] = field(default_factory=dict)


class Chosen(NamedTuple):
    """What is chosen, and a sentence for each value that cannot be taken as it is."""

    settings: Settings
    problems: list[str]


class SettingInfo(NamedTuple):
    """`choices` are all that it can be, as one types it."""

    name: str
    choices: tuple[str, ...]
    what: str


def known() -> list[SettingInfo]:
    """All that can be set by one word."""
    return [
        SettingInfo(one.name, _choices(one.type), next(meta.description or "" for meta in one.type.__metadata__))
        for one in msgspec.structs.fields(Settings)
        if one.name != KEYS
    ]


def read(file: ClientFile) -> Chosen:
    """What the file has."""
    try:
        tables = file.tables()
    except ConfigError as error:
        return Chosen(Settings(), [f"{error} Until then all settings are the usual ones."])
    problems: list[str] = []
    values: dict[str, Any] = {}
    types = {one.name: one.type for one in msgspec.structs.fields(Settings)}
    for name, value in tables.items():
        if name in types and name != KEYS:
            try:
                values[name] = msgspec.convert(value, types[name])
            except msgspec.ValidationError:
                may_be = " or ".join(_as_toml(choice) for choice in _choices(types[name]))
                problems.append(f"{file.where(name)}: {name} is {may_be}.")
        elif name not in (KEYS, PROFILES):
            problems.append(f"{file.where(name)}: there is no setting {printable(name)}. {_hint(name)}")
    values[KEYS] = _keys(file, tables.get(KEYS, {}), problems)
    return Chosen(Settings(**values), problems)


def understood(name: str, text: str) -> tuple[str, object]:
    """The setting that is meant, and the value. Raises `ConfigError`."""
    infos = {info.name: info for info in known()}
    info = infos.get(name.lower())
    if info is None:
        raise ConfigError(f"There is no setting {printable(name)}. {_hint(name)}")
    word = text.strip().lower()
    if info.choices == ("on", "off"):
        if word in ON + OFF:
            return info.name, word in ON
    elif word in info.choices:
        return info.name, word
    raise ConfigError(f"{info.name} is {' or '.join(info.choices)}, not {printable(text)}.")


def shown(value: object) -> str:
    """A value as one types it."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _keys(file: ClientFile, table: object, problems: list[str]) -> dict[str, str]:
    if not isinstance(table, Mapping):
        problems.append(f'{file.where(KEYS)}: keys are a table: [keys], and below it such as unread = "alt+n".')
        return {}
    keys: dict[str, str] = {}
    for action, value in table.items():
        one = ", ".join(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else value
        if isinstance(one, str):
            keys[action] = one
        else:
            problems.append(f'{file.where(KEYS, action)}: write the key as a text, such as {action} = "alt+n".')
    return keys


def _choices(annotation: Any) -> tuple[str, ...]:
    bare = get_args(annotation)[0]
    return ("on", "off") if bare is bool else get_args(bare)


def _as_toml(choice: str) -> str:
    return {"on": "true", "off": "false"}.get(choice, f'"{choice}"')


def _hint(name: str) -> str:
    names = [info.name for info in known()]
    near = difflib.get_close_matches(name.lower(), names, n=1)
    return f"Did you mean {near[0]}?" if near else f"There are {', '.join(names)}."
