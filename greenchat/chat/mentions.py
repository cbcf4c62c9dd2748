"""Whether a text names somebody: as a word of its own, in whatever case and width, also behind an @. The page marks by
the same rules (plugins/web/static/mentions.js), but for code and links."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

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

# So many names, as everybody has, are looked for one by one: to compile a pattern takes a millisecond.
FEW = 2

# Of so many characters it is remembered what they are: of more than anybody writes by in a day.
SIGNS = 4096


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
        names = [name for name in self._names if name in text]
        if len(names) > FEW:
            places = (found.start() for found in _places(frozenset(self._names)).finditer(text))
        else:
            places = (at for name in names for at in _each(name, text))
        return any(
            text.startswith(name, at) and _is_free_behind(text, at + len(name), name[-1])
            for at in places
            if _is_free_before(text, at)
            for name in names
        )


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
    """Finds ASCII names in ASCII text, by the rules of those below: as most texts are, at a tenth of the cost."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for name in sorted(names):
        before = r"(?<![\w#$])(?<!\w[.'\-@])" if _is_letter(name[0]) else r"(?:(?<!\S)|(?<=@)(?<!\w@))"
        word, other = r"(?![\w+#])(?!(?!'s(?!\w))[.'\-@]\w)", r"(?=\s|\Z|[,:;.!?](?:\s|\Z))"
        behind = word if _is_letter(name[-1]) else other
        kinds.setdefault((before, behind), []).append(name)
    found = [f"{before}{_any(alike)}{behind}" for (before, behind), alike in kinds.items()]
    return re.compile("|".join(found) or "(?!)", re.ASCII)


@lru_cache(maxsize=128)
def _places(names: frozenset[str]) -> re.Pattern[str]:
    """Finds where one of these names may be, in any text: it is there, and no word goes on."""
    unspaced = [name for name in names if _is_unspaced(name[0])]
    others = [name for name in names if name not in unspaced]
    found = [f"(?={_any(sorted(unspaced))})"] if unspaced else []
    if others:
        found.append(rf"(?<!(?!{UNSPACED})\w)(?={_any(sorted(others))})")
    return re.compile("|".join(found) or "(?!)")


def _any(names: Sequence[str], at: int = 0) -> str:
    """A pattern of `names`, in their order, from `at` on, where they are alike up to there: the longest is tried first,
    and what they have in common is looked at once, so that many of them cost no more than a few."""
    ends = len(names[0]) == at
    branches = [
        re.escape(sign) + _any(list(group), at + 1) for sign, group in groupby(names[ends:], lambda name: name[at])
    ]
    if not branches:
        return ""
    found = f"(?:{'|'.join(branches)})" if ends or len(branches) > 1 else branches[0]
    return f"{found}?" if ends else found


def _is_free_before(text: str, at: int) -> bool:
    """Whether no word goes on at `at`, where a name begins."""
    before, beyond, first = _at(text, at - 1), _at(text, at - 2), text[at]
    if not before:
        return True
    if before == "@":
        return not _is_word(beyond)
    if not _is_letter(first):
        return before.isspace()
    if _is_unspaced(first):
        return True
    return not _is_word(beyond) if before in GLUE else not _is_word(before) and before not in "#$"


def _is_free_behind(text: str, end: int, last: str) -> bool:
    after, beyond = _at(text, end), _at(text, end + 1)
    if not after or _is_hangul(after):
        return True
    if not _is_letter(last):
        return after.isspace() or (after in PAUSES and (not beyond or beyond.isspace()))
    if _is_unspaced(last) or _is_hangul(last):
        return True
    if after in "'’" and beyond == "s":  # bob's
        return not _is_word(_at(text, end + 2))
    return not _is_word(beyond) if after in GLUE else not _is_word(after) and after not in "+#"


def _at(text: str, place: int) -> str:
    """The character there; empty where there is none."""
    return text[place] if 0 <= place < len(text) else ""


def _each(name: str, text: str) -> Iterator[int]:
    """Where it is in there."""
    at = text.find(name)
    while at >= 0:
        yield at
        at = text.find(name, at + 1)


@lru_cache(maxsize=SIGNS)
def _is_letter(character: str) -> bool:
    """Whether it is a letter, a digit, or a mark on one."""
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] in "LMN"


@lru_cache(maxsize=SIGNS)
def _is_unspaced(character: str) -> bool:
    return re.match(UNSPACED, character) is not None


@lru_cache(maxsize=SIGNS)
def _is_hangul(character: str) -> bool:
    return re.match(HANGUL, character) is not None


@lru_cache(maxsize=SIGNS)
def _is_word(character: str) -> bool:
    """Whether it is one word with a letter that stands beside it."""
    return bool(character) and _is_letter(character) and not _is_unspaced(character)
