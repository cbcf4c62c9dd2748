"""Everybody can read it, on light and on dark."""

import pytest
from rich.color import Color, ColorSystem
from rich.style import Style

from greenchat.connect.screen.theme import DARK, DARK_16, LIGHT, LIGHT_16, look


def luminance(color):
    red, green, blue = (part / 255 for part in color.get_truecolor())
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_contrast(theme):
    names = [Style(color=name) for name in theme.names]
    grounds = [theme.base, theme.base + theme.selected, theme.base + theme.verbatim, theme.bar]
    for ground in grounds:
        for text in (*names, theme.base, theme.dim, theme.error, theme.new, theme.mention, theme.link):
            for colours in (ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT):
                front, back = text.color.downgrade(colours), ground.bgcolor.downgrade(colours)
                assert contrast(front, back) >= 4.5, (text, ground, colours)
    assert contrast(theme.current.color, theme.current.bgcolor) >= 4.5
    assert len({name.color.downgrade(ColorSystem.EIGHT_BIT) for name in names}) == len(names)


# What xterm has for the 16 colours, on black and on white.
XTERM = "#000000 #cd0000 #00cd00 #cdcd00 #0000ee #cd00cd #00cdcd #e5e5e5 "
XTERM += "#7f7f7f #ff0000 #00ff00 #ffff00 #5c5cff #ff00ff #00ffff #ffffff"


@pytest.mark.parametrize(("theme", "ground"), [(DARK_16, "#000000"), (LIGHT_16, "#ffffff")])
def test_contrast_with_16_colours(theme, ground):
    texts = [Style(color=name) for name in theme.names]
    for style in [*texts, theme.error, theme.new, theme.mention, theme.link, theme.calling]:
        shown = Color.parse(XTERM.split()[style.color.number])
        assert contrast(shown, Color.parse(ground)) >= 4, style
    for style in vars(theme).values():
        assert not isinstance(style, Style) or style.bgcolor is None, "it may be any"


def test_a_name_keeps_its_colour():
    assert DARK.of_name("Ada") == DARK.of_name("ada")
    assert len({DARK.of_name(f"name{number}") for number in range(100)}) > 10


def test_which_one(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLORFGBG", "0;15")
    assert (look().name, look("dark").name) == ("light", "dark")
    assert (look(is_light=False).name, look("light", is_light=False).name) == ("dark", "light")
    assert (look("dark", colours="standard"), look("light", colours="standard")) == (DARK_16, LIGHT_16)
    assert look("dark", colours="256") is DARK
    monkeypatch.setenv("NO_COLOR", "1")
    assert look("dark").name == "none"
