"""Whether the terminal is light or dark: it is asked, and nobody waits for the answer. Many have none."""

import re
from collections.abc import Callable, Mapping

# Which colour is its background (OSC 11)? And what terminals say to that: XParseColor's `rgb:1e1e/1e1e/2e2e`.
QUESTION = "\x1b]11;?\x1b\\"
_BEGIN = "\x1b]11;"
_ANSWER = re.compile(
    r"\x1b\]11;rgba?:([0-9a-f]{1,4})/([0-9a-f]{1,4})/([0-9a-f]{1,4})(?:/[0-9a-f]{1,4})?(?:\x07|\x9c|\x1b\\)", re.I
)
_UNENDED = re.compile(r"\x1b\]11;[0-9a-z:/]{0,32}\x1b?\Z", re.I)

# From so much of white on it is light, weighed as eyes do.
LIGHT_FROM = 0.5


def may_ask(environ: Mapping[str, str]) -> bool:
    """A console takes it for text, or has one background."""
    return environ.get("TERM", "") not in ("", "dumb", "linux") and not environ.get("NO_COLOR")


class Listener:
    """Takes the answer out of what is typed, in which it comes. `heard` is told whether it is light."""

    def __init__(self, heard: Callable[[bool], object]) -> None:
        self._heard = heard
        self._held = ""

    def read(self, text: str, *, final: bool = False) -> str:
        """What is left of it. What may be half an answer waits for the rest."""
        if not self._held and _BEGIN not in text:
            return text
        text = _ANSWER.sub(self._take, self._held + text)
        self._held = ""
        match = None if final else _UNENDED.search(text)
        if match is not None:
            text, self._held = text[: match.start()], match[0]
        return text

    def _take(self, match: re.Match[str]) -> str:
        red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in match.groups())
        self._heard(0.299 * red + 0.587 * green + 0.114 * blue >= LIGHT_FROM)
        return ""
