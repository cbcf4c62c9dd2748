"""How a chat shows itself, as its operator wants it: what there is to check, beyond what the schema can say."""

from greenchat.config import colours
from greenchat.protocol.text import FORBIDDEN, is_blank

# Lines of a welcome: each who comes in is told them, on a telephone as well.
WELCOME_LINES = 5

# Lines of the rules: two screens, which is more than anybody reads.
RULES_LINES = 50


def require_line(what: str, text: str) -> None:
    """Raises `ValueError` for what cannot be shown in one line."""
    if text and (is_blank(text) or FORBIDDEN.search(text)):
        raise ValueError(f"the {what} is one line that can be seen, without control characters")


def require_lines(what: str, text: str, most: int) -> None:
    """Raises `ValueError` for what cannot be shown in at most so many lines."""
    found = text.strip().split("\n")
    if len(found) > most:
        raise ValueError(f"the {what} has {len(found)} lines, and {most} are shown. Leave some out")
    if any(FORBIDDEN.search(one.removesuffix("\r")) for one in found):
        raise ValueError(f"the {what} is text without control characters")


def lines_of(text: str) -> list[str]:
    """A text of the configuration, without the blank lines around it."""
    return [one.rstrip() for one in text.strip().split("\n")] if text.strip() else []


def require_accent(text: str) -> None:
    """Raises `ValueError` for what is no colour that can be read."""
    if text:
        colours.accent(text)
