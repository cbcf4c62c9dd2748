"""What a message is found by: the terms that the index has of it. No SQL here, and nothing of how people type a search.

An index is split into scopes, such as rooms. Each term begins with the number of its scope; then comes what it is:
`0.roses` is a word, `0.c++` and `0.:-)` are signs, `0<ada` is a sender, `0!7` room number 7, `0!` any message, and
`0>link` says that there is a link. They stand in a row with spaces between, words first and in their order.

Where a script has no spaces, there is a word of two letters at each place. So every word there is found, however long,
as a phrase of those, and no dictionary is needed.
"""

import re
import unicodedata
import zlib
from functools import lru_cache

from greenchat.errors import Reject
from greenchat.protocol.names import require_name

# The first of what follows the number of the scope.
WORD, SENDER, ROOM, FEATURE = ".", "<", "!", ">"
ANY = ROOM
LINK = f"{FEATURE}link"

# All signs that may be in a term, for FTS5, whose tokenizer is to part terms at spaces alone: quoted as in a string of
# SQL within another one.
SIGNS = "".join(chr(code) for code in range(33, 127) if not chr(code).isalnum()).replace("'", "''").replace('"', '""')

# It changes whenever a text may have other terms than before: then all is indexed anew. Python's letters are those of
# its version of Unicode.
VERSION = zlib.crc32(f"1 {unicodedata.unidata_version}".encode())

# Scripts that are written without spaces between words, or, as Korean, with endings on them. Digits are not of them.
_DENSE = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecf\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109d\u1100-\u11ff"
    "\u1780-\u17d3\u17d7\u17dc\u17dd\u1950-\u19cf\u1a20-\u1a7f\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u3035"
    "\u3038-\u303c\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f\uac00-\ud7ff\uf900-\ufaff"
    "\U0001aff0-\U0001b2ff\U00020000-\U0003ffff"
)
_DENSE_RUN = re.compile(f"([{_DENSE}]+)")
_ASCII_WORD = re.compile("[0-9a-z]+")

# Signs that mean something beside a word. The others are punctuation there: a dot, a bracket, a quotation mark.
_TELLING = re.compile(r"[#$%&+<=>@\\^|~]")
_SIGNS = re.compile(r"([!-/:-@\[-`{-~]+)")
_HAS_SIGNS = re.compile(rf"{_TELLING.pattern}|[!-/:-@\[-`{{-~]{{2}}")

_A_LINK = re.compile(r"\bhttps?://[^\s/]", re.IGNORECASE)

# Names that are said again and again: what is asked of RFC 8265 takes longer than all the rest of a message.
_NAMES = 4096

# Marks that are left out: those of Latin, Greek and Cyrillic that are letters of their own, Hebrew and Arabic points.
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0655\u0670]")
_WITHOUT_ACCENTS = ("LATIN", "GREEK")
_LIKE = {"ё": "е"}

# It parts a word in Persian, as a space does; and what says how the letter before it is to look.
_APART = "\u200c"
_LOOKS = frozenset("\u20e3" + "".join(map(chr, range(0xFE00, 0xFE10))))


class _Fold(dict[int, str]):
    """For `str.translate`: a character as it is compared. Case and accents do not count."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if (unicodedata.category(letter) in ("Cf", "Cs") and letter != _APART) or letter in _LOOKS:
            folded = ""  # it is not to be seen by itself: what joins emoji, chooses a variant, or turns the direction
        else:
            folded = unicodedata.normalize("NFKC", letter.casefold())
            if unicodedata.name(letter, "").startswith(_WITHOUT_ACCENTS):
                folded = unicodedata.normalize("NFKD", folded)
            folded = _LIKE.get(folded, _MARKS.sub("", folded))
        self[code] = folded
        return folded


class _Words(dict[int, str]):
    """For `str.translate`, after folding: letters, digits and their marks, and spaces for all others."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        self[code] = found = letter if unicodedata.category(letter)[0] in "LNM" else " "
        return found


class _Symbols(dict[int, str]):
    """For `str.translate`, after folding: emoji, arrows and the like, with spaces around, and nothing else. What Python
    does not know yet is an emoji, most likely."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        is_symbol = code >= 128 and unicodedata.category(letter) in ("So", "Sm", "Sc", "Sk", "Co", "Cn")
        self[code] = found = f" {letter} " if is_symbol else ""
        return found


_FOLD, _WORDS, _SYMBOLS = _Fold(), _Words(), _Symbols()


def fold(text: str) -> str:
    """`text` as it is compared: NFKC, without case and accents."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).translate(_FOLD)


def words(folded: str) -> list[str]:
    """The words of a folded text in their order. The last letter of each run without spaces stands there by itself as
    well, so that each of its letters begins a word."""
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    found = []
    for chunk in folded.translate(_WORDS).split():
        if chunk.isascii():
            found.append(chunk)
            continue
        for part in _DENSE_RUN.split(chunk):
            if is_dense(part):
                found += [part[place : place + 2] for place in range(len(part))]
            elif part:
                found.append(part)
    return found


def is_dense(word: str) -> bool:
    """Whether a word is of a script without spaces."""
    return _DENSE_RUN.match(word) is not None


def sought_words(folded: str) -> list[str]:
    """As `words`, for what is looked for: it need not end where the text does."""
    found = words(folded)
    if len(found) > 1 and is_dense(found[-1]) and len(found[-1]) == 1 and found[-2][1:] == found[-1]:
        del found[-1]
    return found


def signs(folded: str) -> list[str]:
    """The signs of a folded text: runs of them, those that mean something with the word beside them (`c++`, `@ada`),
    and each emoji."""
    found = []
    if _HAS_SIGNS.search(folded):
        for chunk in folded.split():
            pieces = _SIGNS.split(chunk)
            for place in range(1, len(pieces), 2):
                found += _run(*pieces[place - 1 : place + 2])
    if not folded.isascii():
        found += folded.translate(_SYMBOLS).split()
    return list(dict.fromkeys(found))


def _run(before: str, run: str, after: str) -> list[str]:
    """What a run of signs between two pieces of a word is found by: each begins with the run, but for one."""
    core, low, high = _core(run)
    if not core:
        return [run] if len(run) > 1 else []
    found = [before + core] if low == 0 and _is_word(before) else []
    found.append(run[low:] if high < len(run) or not _is_word(after) else core + after)
    if len(run) > 1 and not found[-1].startswith(run):
        found.append(run)
    return found


def sought_signs(folded: str) -> list[tuple[str, bool]]:
    """What is looked for with the signs of one word, as it was typed, and whether that is only its beginning. A full
    stop behind a word, or a bracket around it, is not looked for."""
    found = []
    pieces = _SIGNS.split(folded)
    has_words = bool(words(folded))
    for place in range(1, len(pieces), 2):
        before, run, after = pieces[place - 1 : place + 2]
        core, low, high = _core(run)
        if has_words and core:
            glued = [(before + core, False)] if low == 0 and _is_word(before) else []
            glued += [(core + after, False)] if high == len(run) and _is_word(after) else []
            found += glued or [(core, True)]
        elif not has_words and (core or len(run) > 1):
            found.append((run, True))
    found += [(symbol, False) for symbol in folded.translate(_SYMBOLS).split()]
    return list(dict.fromkeys(found))


def _core(run: str) -> tuple[str, int, int]:
    """What means something in a run of signs, from the first to the last of that, and where it is."""
    telling = [match.start() for match in _TELLING.finditer(run)]
    if not telling:
        return "", 0, 0
    return run[telling[0] : telling[-1] + 1], telling[0], telling[-1] + 1


def _is_word(piece: str) -> bool:
    return piece.isalnum()


@lru_cache(_NAMES)
def key_of(name: str) -> str:
    """What names are compared by; names that nobody can choose, such as a plugin's, by themselves."""
    try:
        return require_name(name, 0)[1]
    except Reject:
        return name


@lru_cache(_NAMES)
def sender(name: str) -> str:
    """The term of a sender, without its scope. A term has no space in it."""
    return SENDER + re.sub(r"[\x00-\x20\x7f]", "\u00a0", key_of(name))


def has_link(text: str) -> bool:
    return "://" in text and _A_LINK.search(text) is not None


def terms_of(scope: int, room: int, name: str, text: str) -> str:
    """All terms of a message that `name` has said in the room with this number."""
    folded = fold(text)
    found = [WORD + word for word in words(folded)]
    if not folded.isascii() or _HAS_SIGNS.search(folded):
        found += [WORD + sign for sign in signs(folded)]
    if has_link(text):
        found.append(LINK)
    found += (sender(name), f"{ROOM}{room}", ANY)
    prefix = str(scope)
    return prefix + f" {prefix}".join(found)
