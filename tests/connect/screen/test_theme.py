"""Everybody can read it, on light and on dark."""

import pytest
from rich.color import Color
from rich.style import Style

from greenchat.connect.screen.theme import DARK, LIGHT, look


def luminance(color):
    red, green, blue = (part / 255 for part in color.get_truecolor())
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_contrast(theme):
    ground = Color.parse(theme.background)
    texts = [Style(color=name) for name in theme.names]
    texts += [theme.base, theme.dim, theme.error, theme.new, theme.mention, theme.link, theme.bar, theme.current]
    texts += [theme.base + theme.selected, theme.base + theme.verbatim, theme.bar + theme.dim]
    for style in texts:
        assert contrast(style.color or theme.base.color, style.bgcolor or ground) >= 4.5, style


def test_a_name_keeps_its_colour():
    assert DARK.of_name("Ada") == DARK.of_name("ada")
    assert len({DARK.of_name(f"name{number}") for number in range(100)}) > 10


def test_which_one(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLORFGBG", "0;15")
    assert (look().name, look("dark").name) == ("light", "dark")
    monkeypatch.setenv("NO_COLOR", "1")
    assert look("dark").name == "none"
