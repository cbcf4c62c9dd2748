"""Words that are not said here, the same thing said again and again, and floods of a room.

Words are compared by what people read: case, width, accents and invisible characters make no difference. Letters of
other alphabets that only look alike, and digits in the place of letters, do. A line break is as good as a space: it
ends a word, but in scripts without spaces.
"""

import functools
import itertools
import re
import time
import unicodedata
from collections import deque
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from greenchat import INVISIBLE, ConfigError, Reject

# The longest entry of the word list, in characters: longer than any phrase, and shorter than what `re` can nest.
ENTRY_LENGTH = 100

# Folded characters that are remembered: every letter of some alphabets, in all its disguises.
FOLDED_CHARACTERS = 4096

# What is remembered of each person, to find repeats: who says so many other things between is no parrot.
REMEMBERED = 50


# --- words ---

UNSEEN = re.compile(f"[{INVISIBLE}]")

# What shows nothing, but takes as much room as a letter: braille without a dot, and the fillers of Hangul.
GAPS = "\u2800\u3164\uffa0"

# Scripts that put no spaces between words. What begins a character's name in Unicode.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def _adds_nothing(character: str) -> bool:
    """Whether a word is the same without it: accents and points of all scripts, and what nobody sees. Vowel signs and
    the marks that make other letters, in Indic, Thai or Japanese writing, do add something, and so does a space."""
    accent = unicodedata.combining(character)
    return (
        accent == 1
        or 10 <= accent <= 36
        or accent >= 200
        or unicodedata.category(character) in ("Cf", "Me")
        or (UNSEEN.match(character) is not None and not character.isspace())
    )


@functools.lru_cache(FOLDED_CHARACTERS)
def _fold_character(character: str) -> str:
    """What it is compared by: none, one or more characters."""
    if character in GAPS:
        return " "
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if not _adds_nothing(part))
    return "".join(part for part in unicodedata.normalize("NFKD", plain.casefold()) if not _adds_nothing(part))


def fold(text: str) -> str:
    return text.lower() if text.isascii() else "".join(map(_fold_character, text))


class WordList:
    """Finds words in what people write, whatever they disguise them as. All words are one regular expression, so that
    it hardly matters how many they are."""

    def __init__(self, words: Iterable[str]) -> None:
        """Raises `ConfigError` for what is no word."""
        entries = sorted(set(map(self._entry, words)))
        self._pattern = _pattern(entries, "".join(_marks()) if entries else "")
        # Most of what people write is ASCII once folded: no marks to look for, which takes a tenth of the time.
        self._ascii_pattern = _pattern([entry for entry in entries if entry.isascii()], "")

    def __bool__(self) -> bool:
        return self._pattern is not None

    def __contains__(self, text: str) -> bool:
        folded = fold(text)
        pattern = self._ascii_pattern if folded.isascii() else self._pattern
        return pattern is not None and pattern.search(folded) is not None

    def mask(self, text: str) -> str:
        """`text` with a star for each character of the words in it."""
        if self._pattern is None:
            return text
        folded = [_fold_character(character) for character in text]
        origins = [origin for origin, part in enumerate(folded) for _ in part] + [len(text)]
        masked = list(text)
        for match in self._pattern.finditer("".join(folded)):
            start = origins[match.start()]
            # Up to where the next character comes from: accents and the like go with the letter before them.
            end = max(origins[match.end()], origins[match.end() - 1] + 1)
            masked[start:end] = "*" * (end - start)
        return "".join(masked)

    @staticmethod
    def _entry(word: str) -> str:
        entry = " ".join(fold(word).split())
        if not entry:
            raise ConfigError(f"plugins.moderation.words: {word!r} has nothing that can be seen. Take it out.")
        if len(entry) > ENTRY_LENGTH:
            raise ConfigError(f"plugins.moderation.words: {word[:20]!r}... is longer than {ENTRY_LENGTH} characters.")
        return entry


def _pattern(entries: Sequence[str], marks: str) -> re.Pattern[str] | None:
    """A regular expression for any of the sorted `entries` as a whole word; `marks` are part of words, too."""
    spaced = [entry for entry in entries if not _is_unspaced(entry)]
    unspaced = [entry for entry in entries if _is_unspaced(entry)]
    branches = []
    if spaced:
        # An underscore ends a word here: _so_ people stress one.
        before, after = (
            (rf"(?<![^\W_])(?<![{marks}])", rf"(?![^\W_]|[{marks}])") if marks else (r"(?<![^\W_])", r"(?![^\W_])")
        )
        branches.append(f"{before}(?:{_any_of(spaced)}){after}")
    if unspaced:
        # Where there are no spaces, a word goes on in the next line: it may break between any two of its characters.
        branches.append(_any_of(["\n".join(entry) for entry in unspaced]))
    return re.compile("|".join(branches)) if branches else None


def _any_of(entries: Sequence[str]) -> str:
    """Shared beginnings once: `re` tries alternatives one by one, and thousands of them would take their time."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(entries[0], entries[-1], strict=False))
    start = "".join(letter for letter, _ in same)  # of all, since they are sorted
    rests = [entry[len(start) :] for entry in entries]
    branches = [_any_of(list(group)) for _, group in itertools.groupby(filter(None, rests), key=lambda rest: rest[0])]
    pattern = re.escape(start).replace(r"\ ", r"\s+").replace("\\\n", r"\n?")
    if branches:
        pattern += f"(?:{'|'.join(branches)})" + ("?" if "" in rests else "")
    return pattern


def _is_unspaced(entry: str) -> bool:
    return any(unicodedata.name(character, "").startswith(UNSPACED) for character in entry)


def _marks() -> Iterator[str]:
    """Marks that are part of a word, which `re` does not know."""
    for character in map(chr, range(0x300, 0x20000)):  # there are none above, but for invisible ones
        if unicodedata.category(character)[0] == "M" and not _adds_nothing(character):
            yield character


def read_words(file: str) -> list[str]:
    """The words in `file`. Raises `ConfigError`: a list that cannot be read must not pass for an empty one."""
    try:
        lines = Path(file).read_text("utf-8-sig").splitlines()
    except OSError as error:
        why = error.strerror or "it is no file"
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    else:
        words = (line.strip() for line in lines)
        return [word for word in words if word and not word.startswith("#")]
    raise ConfigError(f"plugins.moderation.words_file: {file} cannot be read: {why}. Check the path, or take it out.")


# --- repeats and floods ---


class Repeats:
    """What each person has said lately, as hashes."""

    def __init__(self, times: int, seconds: float) -> None:
        self._times = times
        self._seconds = seconds
        self._said: dict[Hashable, deque[tuple[int, float]]] = {}

    @property
    def state(self) -> list[Any]:
        """What still counts, for a reload: see `go_on`."""
        since = time.monotonic() - self._seconds
        counts = [[who, [list(one) for one in said if one[1] > since]] for who, said in self._said.items()]
        return [one for one in counts if one[1]]

    def go_on(self, state: Iterable[Any]) -> None:
        """Count on from there. Who is None is gone."""
        self._said = {who: deque(map(tuple, said), maxlen=REMEMBERED) for who, said in state if who is not None}

    def check(self, who: Hashable, text: str) -> None:
        """Count `text`. Raises `Reject` where it was said often enough."""
        now = time.monotonic()
        said = self._said.setdefault(who, deque(maxlen=REMEMBERED))
        key = _short(fold(text))
        if sum(1 for other, at in said if other == key and now - at < self._seconds) >= self._times:
            raise Reject("You have said this already. Say something else, or wait a while.", code="repeated")
        said.append((key, now))

    def forget(self, who: Hashable) -> None:
        self._said.pop(who, None)


def _short(text: str) -> int:
    """What stands for `text`, in this process and in the next."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


class RoomFlood:
    """How much each room may take at this moment: `rate` a second flow in, up to those of `seconds`."""

    def __init__(self, rate: float, seconds: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * seconds)
        self._left: dict[str, tuple[float, float]] = {}

    @property
    def state(self) -> dict[str, list[float]]:
        """All of it, for a reload: see `go_on`."""
        return {room: list(left) for room, left in self._left.items()}

    def go_on(self, state: Mapping[str, Sequence[float]]) -> None:
        """Count on from there."""
        self._left = {room: (left, at) for room, (left, at) in state.items()}

    def check(self, room: str) -> None:
        """Count a message. Raises `Reject` where it is one too many."""
        now = time.monotonic()
        left, at = self._left.get(room, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        if left < 1:
            raise Reject("Too much is said in this room at once. Wait a moment, and say it again.", code="room_busy")
        self._left[room] = (left - 1, now)

    def forget_all_but(self, rooms: Container[str]) -> None:
        self._left = {room: left for room, left in self._left.items() if room in rooms}
