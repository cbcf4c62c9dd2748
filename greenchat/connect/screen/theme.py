"""How everything looks: dark, light, and without colours."""

import os
import sys
from dataclasses import dataclass, field, replace
from zlib import crc32

from rich.console import Console
from rich.style import Style

# Colours of names: each has a contrast of 4.5 or more on all its backgrounds, also where a terminal of 256 colours has
# the nearest of them. Those for light are of these 256.
DARK_NAMES = (
    "#7fb2ff #ff9f7f #8fd17a #e3b341 #d8a0ff #5fd0c5 #ff8fb3 #b7c46a #79d0ff #ffb86b #a5b4ff #d0ad7c #6fe0a0 #f08ae0"
)
LIGHT_NAMES = "#005fd7 #af0000 #005f00 #875f00 #8700d7 #005f5f #af005f #5f5f00 #005f87 #0000d7 #af00af #870000 #5f0087"

CODE_INDENT = "    "


@dataclass(frozen=True)
class Look:
    """Styles by what they are for. `background` is that of the whole screen, empty for the terminal's own. Where no
    colour tells code, it stands between `code_sign`s, or behind a `code_indent`. `links`: the terminal has some."""

    name: str
    background: str
    foreground: str
    names: tuple[str, ...] = ()
    text: Style = field(default_factory=Style)
    dim: Style = field(default_factory=lambda: Style(dim=True))
    strong: Style = field(default_factory=lambda: Style(bold=True))
    struck: Style = field(default_factory=lambda: Style(strike=True))
    error: Style = field(default_factory=lambda: Style(bold=True))
    new: Style = field(default_factory=lambda: Style(bold=True))
    mention: Style = field(default_factory=lambda: Style(reverse=True))
    verbatim: Style = field(default_factory=Style)
    link: Style = field(default_factory=lambda: Style(underline=True))
    bar: Style = field(default_factory=lambda: Style(reverse=True))
    line: Style = field(default_factory=lambda: Style(dim=True))
    current: Style = field(default_factory=lambda: Style(reverse=True))
    unread: Style = field(default_factory=lambda: Style(bold=True))
    calling: Style = field(default_factory=lambda: Style(bold=True, underline=True))
    selected: Style = field(default_factory=lambda: Style(reverse=True))
    code_sign: str = ""
    code_indent: str = ""
    links: bool = True

    @property
    def base(self) -> Style:
        if not self.background:
            return Style()
        return Style(color=self.foreground, bgcolor=self.background)

    def on_bar(self, style: Style) -> Style:
        """The same on a bar. Where that is reversed, a colour would be one behind the text."""
        return style if self.background else Style(bold=style.bold, underline=style.underline)

    def of_name(self, name: str) -> Style:
        """The same for one name, always."""
        if not self.names:
            return Style(bold=True)
        return Style(color=self.names[crc32(name.casefold().encode()) % len(self.names)], bold=bool(self.background))


def _coloured(name: str, names: str, background: str, foreground: str, **colours: str) -> Look:
    bar, line = colours["bar"], colours["line"]
    return Look(
        name,
        background,
        foreground,
        tuple(names.split()),
        dim=Style(color=colours["dim"]),
        error=Style(color=colours["error"]),
        new=Style(color=colours["new"], bold=True),
        mention=Style(color=colours["mention"], bold=True),
        verbatim=Style(bgcolor=colours["verbatim"]),
        link=Style(color=colours["link"], underline=True),
        bar=Style(color=foreground, bgcolor=bar),
        line=Style(color=line),
        current=Style(color=foreground, bgcolor=colours["current"], bold=True),
        unread=Style(color=foreground, bold=True),
        calling=Style(color=colours["mention"], bold=True),
        selected=Style(bgcolor=colours["selected"]),
    )


# Backgrounds are nearly those that terminals of 256 colours have as well: the nearest one may be far from any other.
DARK = _coloured(
    "dark",
    DARK_NAMES,
    "#121212",
    "#e4e4e4",
    dim="#a8a8a8",
    error="#ff8080",
    new="#ff8a65",
    mention="#ffd75f",
    verbatim="#262626",
    link="#7fb2ff",
    bar="#303030",
    line="#4e4e4e",
    current="#005f87",
    selected="#303030",
)
LIGHT = _coloured(
    "light",
    LIGHT_NAMES,
    "#ffffff",
    "#1a1d21",
    dim="#585858",
    error="#af0000",
    new="#af0000",
    mention="#875f00",
    verbatim="#eeeeee",
    link="#005faf",
    bar="#e8e8e8",
    line="#c6c6c6",
    current="#afd7ff",
    selected="#e8e8e8",
)
PLAIN = Look("none", "", "", code_sign="`", code_indent=CODE_INDENT)


# Terminals of 16 colours, which people have made as they can read them: on the background that is theirs. Names are not
# bold, since some take bold for another colour; there is no second background, so that code has signs.
DARK_16 = Look(
    "dark",
    "",
    "",
    ("bright_red", "bright_green", "bright_yellow", "bright_magenta", "bright_cyan", "green", "yellow", "cyan"),
    error=Style(color="bright_red"),
    new=Style(color="bright_yellow"),
    mention=Style(color="bright_yellow", bold=True),
    link=Style(color="bright_cyan", underline=True),
    calling=Style(color="bright_yellow", bold=True),
    code_sign="`",
    code_indent=CODE_INDENT,
)
LIGHT_16 = Look(
    "light",
    "",
    "",
    ("red", "blue", "magenta"),
    error=Style(color="red"),
    new=Style(color="red"),
    mention=Style(color="magenta", reverse=True),
    link=Style(color="blue", underline=True),
    calling=Style(color="red", bold=True),
    code_sign="`",
    code_indent=CODE_INDENT,
)

LOOKS = {"dark": DARK, "light": LIGHT, "none": PLAIN}
FEW_COLOURS = {"dark": DARK_16, "light": LIGHT_16}


def look(theme: str = "auto", *, is_light: bool | None = None, colours: str | None = None) -> Look:
    """NO_COLOR comes before the setting, as its users want; "auto" is what the terminal says of itself, if it does, and
    `is_light` what it has answered. `colours` are those that rich finds, as "standard", where they are not asked for
    here."""
    found = _look(theme, is_light, colours)
    # A console may write what it is told of links.
    return replace(found, links=False) if os.environ.get("TERM") == "linux" else found


def _look(theme: str, is_light: bool | None, colours: str | None) -> Look:
    if os.environ.get("NO_COLOR"):
        return PLAIN
    if theme == "auto":
        if is_light is None:
            is_light = os.environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")
        theme = "light" if is_light else "dark"
    has_few = (colours or Console(file=sys.__stdout__).color_system) == "standard"
    return (FEW_COLOURS if has_few else LOOKS).get(theme, PLAIN)
