"""An accent colour, and whether people can read what has it: contrast as WCAG 2.2 reckons it."""

import re

# What an accent stands on where it is light, and where it is dark: the page's panes. White and black are easier.
LIGHT, DARK = "#f3f6f2", "#1b201c"

# The least contrast of text (WCAG 2.2, 1.4.3, level AA).
CONTRAST = 4.5

# In so many steps a colour goes to black or white: each is too small to be seen by itself.
STEPS = 64

_HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def accent(text: str) -> str:
    """As `#rrggbb`, in small letters. Raises `ValueError` for what is no colour, or cannot be read on light grounds."""
    if not _HEX.fullmatch(text):
        raise ValueError(f"the accent is a colour such as #14713f, and not {text[:32]!r}")
    digits = text[1:].lower()
    colour = f"#{digits if len(digits) == 6 else ''.join(2 * digit for digit in digits)}"
    if (found := contrast(colour, LIGHT)) < CONTRAST:
        raise ValueError(
            f"the accent {colour} is too light to be read: its contrast is {found:.1f} of the {CONTRAST} that text "
            f"needs. The same colour, dark enough, is {_towards(colour, 0, LIGHT)}"
        )
    return colour


def accents(text: str) -> tuple[str, str]:
    """The accent, and the same one light enough to be read on dark grounds. Raises `ValueError`, as `accent`."""
    colour = accent(text)
    return colour, _towards(colour, 255, DARK)


def contrast(one: str, other: str) -> float:
    """Of two colours, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _towards(colour: str, end: int, ground: str) -> str:
    """The first colour on the way from `colour` to black (0) or white (255) that can be read on `ground`."""
    for step in range(STEPS + 1):
        mixed = [round(part + (end - part) * step / STEPS) for part in _parts(colour)]
        found = "#{:02x}{:02x}{:02x}".format(*mixed)
        if contrast(found, ground) >= CONTRAST:
            break
    return found


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
