"""`/set`, as far as it is the same for lines and for the screen: what is shown, and what becomes of what was typed."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from greenchat.connect.client_file import ClientFile
from greenchat.connect.common import Line, error_line, info_line
from greenchat.connect.settings import KEYS, Settings, known, read, shown, understood
from greenchat.errors import ConfigError
from greenchat.protocol.replies import ArgumentEntry, CommandEntry

# What takes a choice back.
USUAL = "usual"

NAMES = [info.name for info in known()]
COMMAND = CommandEntry(
    "set",
    "[NAME] [VALUE]",
    "What you have chosen for yourself in this client.",
    [
        ArgumentEntry("name", "word", optional=True, choices=[*NAMES, KEYS]),
        ArgumentEntry("value", "rest", optional=True),
    ],
)

ONLY_NOW = "It holds until you leave, and is not kept: {}"
OF_SCREEN = "Keys are those of the screen: choose them there, or in {}."


class Choice(NamedTuple):
    """`settings` with one that was chosen, how that stands in the file, None for not at all, and what is told."""

    settings: Settings
    name: str
    value: object
    told: str


def words_of(line: str) -> tuple[str, str]:
    """The name and the value behind `/set`; empty where they are left out."""
    _, name, text = [*line.split(maxsplit=2), "", ""][:3]
    return name.lower(), text.strip()


def listed(settings: Settings, file: ClientFile, name: str = "") -> Iterator[str]:
    """All settings, or that one, as they are. Raises `ConfigError`."""
    if name and name not in NAMES:
        understood(name, "")  # which says what there is
    for info in known():
        if name in ("", info.name):
            yield f"{info.name} {shown(getattr(settings, info.name))} ({', '.join(info.choices)}): {info.what}"
    if not name:
        yield f"/set NAME VALUE changes one. They are kept in {file.path}."


def choose(settings: Settings, name: str, text: str) -> Choice:
    """Raises `ConfigError`."""
    if text.lower() == USUAL and name in NAMES:
        value = getattr(Settings(), name)
        return Choice(replace(settings, **{name: value}), name, None, f"{name} is {shown(value)} now, as usual.")
    name, value = understood(name, text)
    return Choice(replace(settings, **{name: value}), name, value, f"{name} is {shown(value)} now.")


def run(line: str, settings: Settings, file: ClientFile) -> tuple[Settings, list[Line]]:
    """`/set` at the prompt: the settings from then on, and what is told."""
    name, text = words_of(line)
    try:
        if name.partition(".")[0] == KEYS:
            return settings, [info_line(OF_SCREEN.format(file.path))]
        if not text:
            chosen = read(file) if not name else None
            told = [error_line(problem) for problem in chosen.problems] if chosen is not None else []
            return settings, [info_line("\n".join(listed(settings, file, name))), *told]
        choice = choose(settings, name, text)
    except ConfigError as error:
        return settings, [error_line(str(error))]
    try:
        file.change([choice.name], choice.value)
    except ConfigError as error:
        return choice.settings, [error_line(ONLY_NOW.format(error))]
    return choice.settings, [info_line(choice.told)]
