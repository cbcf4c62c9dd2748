"""Whether a text names somebody: by the rules of the page, so that what is marked there is marked here."""

import re
import unicodedata
from collections.abc import Iterable

from greenchat.protocol.text import IGNORABLE

# What holds words together, between two of them: e.g., i'm, bob-2, bob@example.org.
_GLUE = ".'\u2019-@"  # people write both apostrophes

# Scripts that put no spaces between words; and Korean, which hangs on to a name what others say with a word of its own.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u3005-\u312f\u31a0-\u31bf\u3400-\u4dbf\u4e00-\ua4cf\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff]"
)
_IGNORABLE = re.compile(f"[{IGNORABLE}]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff]")


def find(name: str, text: str) -> list[tuple[int, int]]:
    """Where `name` stands in `text` as a word of its own, also behind an @: from and to."""
    wanted = _fold(name)
    if not wanted or wanted not in _fold(text):
        return []
    folded, places = _folded(text)
    found = []
    at = folded.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        start = at - 1 if folded[at - 1 : at] == "@" else at
        if _is_free(folded, start, at, end):
            while end < len(folded) and places[end] == places[end - 1]:
                end += 1  # of one character
            found.append((places[start], places[end]))
            at = folded.find(wanted, end)
        else:
            at = folded.find(wanted, at + 1)
    return found


def find_any(names: Iterable[str], text: str) -> list[tuple[int, int]]:
    """As `find`, of several; where two of them stand in one another, of the one that begins first."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(one for name in names for one in find(name, text)):
        if not found or start >= found[-1][1]:
            found.append((start, end))
    return found


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower().replace("ς", "σ")


def _folded(text: str) -> tuple[str, list[int]]:
    """With where each character was in `text`; that stands once more behind the last."""
    if text.isascii():
        return text.lower(), [*range(len(text) + 1)]
    out: list[str] = []
    places: list[int] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and end - start < 30 and unicodedata.combining(text[end]):
            end += 1
        part = _fold(text[start:end])
        out.append(part)
        places += [start] * len(part)
        start = end
    return "".join(out), [*places, len(text)]


def is_word(character: str) -> bool:
    """Whether it is one word with a letter that stands beside it."""
    return is_letter(character) and not _UNSPACED.match(character) and not _IGNORABLE.match(character)


def is_letter(character: str) -> bool:
    """Whether it is a letter, a digit, or stands upon one."""
    if not character:
        return False
    return character == "_" or character.isalnum() or unicodedata.category(character).startswith("M")


def _is_free(text: str, start: int, at: int, end: int) -> bool:
    """Whether what stands from `at` to `end`, or with its @ from `start`, is a word of its own."""
    if start < at:
        if is_word(text[start - 1 : start] if start else ""):
            return False
    elif not _is_free_before(text, at):
        return False
    return _is_free_behind(text, end)


def _is_free_before(text: str, at: int) -> bool:
    before, first = text[at - 1 : at] if at else "", text[at]
    if not before:
        return True
    if not is_letter(first):
        return before.isspace()
    if _UNSPACED.match(first):
        return True
    if before in _GLUE:
        return not is_word(text[at - 2 : at - 1] if at > 1 else "")
    return not is_word(before) and before not in "#$"


def _is_free_behind(text: str, end: int) -> bool:
    after, beyond, last = text[end : end + 1], text[end + 1 : end + 2], text[end - 1]
    if not after or _HANGUL.match(after):
        return True
    if not is_letter(last):
        return after.isspace() or (after in ",:;.!?" and (not beyond or beyond.isspace()))
    if _UNSPACED.match(last) or _HANGUL.match(last):
        return True
    if after in "'\u2019" and beyond == "s":
        return not is_word(text[end + 2 : end + 3])
    if after in _GLUE:
        return not is_word(beyond)
    return not is_word(after) and after not in "+#"
