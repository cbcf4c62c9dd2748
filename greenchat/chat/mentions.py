"""Whether a text names somebody: as a word of its own, in whatever case and width, also behind an @. The page marks by
the same rules (plugins/web/static/mentions.js), but for code and links."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# Letters of scripts that put no spaces between words, where a name is one wherever it stands: of Thai and Lao, of
# Tibetan, Burmese and Khmer, of Japanese and Chinese. In NFKC, which has no half-width ones. Python compiles it when it
# is needed first: that takes longer than to import all of this.
UNSPACED = (
    "[\u0e01-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u312f\u31a0-\u9fff\ua000-\ua4cf\uf900-\ufaff]"
    "|[\U00020000-\U0003ffff]"
)

# Korean puts spaces, but hangs on to a name what others say with a word of its own.
HANGUL = "[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]"

# What holds words together, between two of them: e.g., i'm, bob-2, bob@example.org.
GLUE = ".'’-@"

PAUSES = ",:;.!?"


class Mentions:
    """Called with a text: whether one of `names` is in it."""

    __slots__ = ("_names", "_pattern")

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {folded(name) for name in names} - {""}
        self._pattern = _pattern(frozenset(name for name in self._names if name.isascii()))

    def __call__(self, text: str) -> bool:
        text = folded(text)
        for name in self._names:
            if name in text:
                return self._pattern.search(text) is not None if text.isascii() else self._is_in(text)
        return False

    def _is_in(self, text: str) -> bool:
        return any(_is_named(text, name) for name in self._names if name in text)


def folded(text: str) -> str:
    """Two spellings of one name are equal so."""
    if text.isascii():
        return text.lower()
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    text = text.casefold()
    return text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)


@lru_cache(maxsize=128)  # of those who come in at about the same time
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    """Finds ASCII names in ASCII text, by the same rules as `_is_named`: as most texts are, at a tenth of the cost."""
    found = []
    for name in sorted(names):
        before = r"(?<![\w#$])(?<!\w[.'\-@])" if _is_letter(name[0]) else r"(?:(?<!\S)|(?<=@)(?<!\w@))"
        behind = r"(?![\w+#])(?!(?!'s(?!\w))[.'\-@]\w)" if _is_letter(name[-1]) else r"(?=\s|\Z|[,:;.!?](?:\s|\Z))"
        found.append(f"{before}{re.escape(name)}{behind}")
    return re.compile("|".join(found) or "(?!)", re.ASCII)


def _is_named(text: str, name: str) -> bool:
    at = text.find(name)
    while at >= 0:
        if _is_free_before(text, at, name[0]) and _is_free_behind(text, at + len(name), name[-1]):
            return True
        at = text.find(name, at + 1)
    return False


def _is_free_before(text: str, at: int, first: str) -> bool:
    """Whether no word goes on at `at`, where a name begins with `first`."""
    before, beyond = _at(text, at - 1), _at(text, at - 2)
    if not before:
        return True
    if before == "@":
        return not _is_word(beyond)
    if not _is_letter(first):
        return before.isspace()
    if re.match(UNSPACED, first):
        return True
    return not _is_word(beyond) if before in GLUE else not _is_word(before) and before not in "#$"


def _is_free_behind(text: str, end: int, last: str) -> bool:
    after, beyond = _at(text, end), _at(text, end + 1)
    if not after or re.match(HANGUL, after):
        return True
    if not _is_letter(last):
        return after.isspace() or (after in PAUSES and (not beyond or beyond.isspace()))
    if re.match(UNSPACED, last) or re.match(HANGUL, last):
        return True
    if after in "'’" and beyond == "s":  # bob's
        return not _is_word(_at(text, end + 2))
    return not _is_word(beyond) if after in GLUE else not _is_word(after) and after not in "+#"


def _at(text: str, place: int) -> str:
    """The character there; empty where there is none."""
    return text[place] if 0 <= place < len(text) else ""


def _is_letter(character: str) -> bool:
    """Whether it is a letter, a digit, or a mark on one."""
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] in "LMN"


def _is_word(character: str) -> bool:
    """Whether it is one word with a letter that stands beside it."""
    return bool(character) and _is_letter(character) and not re.match(UNSPACED, character)
