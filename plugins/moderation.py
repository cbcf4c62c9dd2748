"""Keeps words out, and the same thing said again and again, and floods of a room. All of it is off unless configured.

Words are compared by what people read: case, width, accents and invisible characters make no difference. Letters of
other alphabets that only look alike, and digits in the place of letters, do.
"""

import functools
import itertools
import logging
import re
import sys
import time
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import click

import greenchat
from greenchat import ConfigError, Message, Meta, Reject, Session, hookimpl, plugin_settings

log = logging.getLogger("greenchat.moderation")

# What is remembered of each connection, to find repeats: who says so many other things between is no parrot.
REMEMBERED = 50

# The longest entry of the word list, in characters: longer than any phrase, and shorter than what `re` can nest.
ENTRY_LENGTH = 100

# Folded characters that are remembered: every letter of some alphabets, in all its disguises.
FOLDED_CHARACTERS = 4096


class Settings(greenchat.Settings, frozen=True, kw_only=True):
    """What is not said here. Nothing of it is on by default."""

    words: Annotated[
        tuple[str, ...], Meta(description="Words and phrases that are not said here, nor part of names.")
    ] = ()
    words_file: Annotated[
        str, Meta(description="A file with more of them, one a line; lines that begin with # are left out.")
    ] = ""
    action: Annotated[
        Literal["block", "mask", "warn"],
        Meta(description="A message with such a word is refused, or has it starred out, or its sender is warned."),
    ] = "block"
    repeat: Annotated[
        int, Meta(ge=0, le=REMEMBERED, description="How often one may say the same within repeat_seconds; 0: always.")
    ] = 0
    repeat_seconds: Annotated[float, Meta(gt=0, description="After so long, saying it again is no repeat.")] = 30.0
    room_rate: Annotated[
        float, Meta(ge=0, description="Messages a second that a room can follow, from all its members; 0: any.")
    ] = 0.0
    room_seconds: Annotated[
        float, Meta(gt=0, description="For how long everybody may talk at once before room_rate counts, in seconds.")
    ] = 5.0


# --- words ---

# What fonts show nothing of, though Unicode calls it a letter or a mark (Default_Ignorable_Code_Point).
INVISIBLE = frozenset(
    map(
        chr,
        [
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ],
    )
)

# Scripts that put no spaces between words. What begins a character's name in Unicode.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def _adds_nothing(character: str) -> bool:
    """Whether a word is the same without it: accents and points of all scripts, and what nobody sees. Vowel signs and
    the marks that make other letters, in Indic, Thai or Japanese writing, do add something."""
    accent = unicodedata.combining(character)
    return (
        accent == 1
        or 10 <= accent <= 36
        or accent >= 200
        or unicodedata.category(character) in ("Cf", "Me")
        or character in INVISIBLE
    )


@functools.lru_cache(FOLDED_CHARACTERS)
def _fold_character(character: str) -> str:
    """What it is compared by: none, one or more characters."""
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
        branches.append(_any_of(unspaced))
    return re.compile("|".join(branches)) if branches else None


def _any_of(entries: Sequence[str]) -> str:
    """Shared beginnings once: `re` tries alternatives one by one, and thousands of them would take their time."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(entries[0], entries[-1], strict=False))
    start = "".join(letter for letter, _ in same)  # of all, since they are sorted
    rests = [entry[len(start) :] for entry in entries]
    branches = [_any_of(list(group)) for _, group in itertools.groupby(filter(None, rests), key=lambda rest: rest[0])]
    pattern = re.escape(start).replace(r"\ ", r"\s+")
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
    """What each session has said lately, as hashes."""

    def __init__(self, times: int, seconds: float) -> None:
        self._times = times
        self._seconds = seconds
        self._said: dict[int, deque[tuple[int, float]]] = {}

    def check(self, session: int, text: str) -> None:
        """Count `text`. Raises `Reject` where it was said often enough."""
        now = time.monotonic()
        said = self._said.setdefault(session, deque(maxlen=REMEMBERED))
        key = hash(fold(text))
        if sum(1 for other, at in said if other == key and now - at < self._seconds) >= self._times:
            raise Reject("You have said this already. Say something else, or wait a while.", code="repeated")
        said.append((key, now))

    def forget(self, session: int) -> None:
        self._said.pop(session, None)


class RoomFlood:
    """How much each room may take at this moment: `rate` a second flow in, up to those of `seconds`."""

    def __init__(self, rate: float, seconds: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * seconds)
        self._left: dict[str, tuple[float, float]] = {}

    def check(self, room: str) -> None:
        """Count a message. Raises `Reject` where it is one too many."""
        now = time.monotonic()
        left, at = self._left.get(room, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        if left < 1:
            raise Reject("Too much is said in this room at once. Wait a moment, and say it again.", code="room_busy")
        self._left[room] = (left - 1, now)

    def forget(self, room: str) -> None:
        self._left.pop(room, None)


# --- the plugin ---


class Idle:
    """With nothing to do on the way of a message: just the command line."""

    @hookimpl
    def greenchat_cli(self, group: click.Group) -> None:
        group.add_command(commands)


class Moderation(Idle):
    """Checks messages, private ones too, and names."""

    def __init__(self, words: WordList, settings: Settings) -> None:
        self._words = words
        self._action = settings.action
        self._repeats = Repeats(settings.repeat, settings.repeat_seconds) if settings.repeat else None
        self._flood = RoomFlood(settings.room_rate, settings.room_seconds) if settings.room_rate else None

    @hookimpl
    def greenchat_check_message(self, session: Session, message: Message) -> str | None:
        text = self._checked_words(session, message)
        if self._repeats is not None:
            self._repeats.check(session.id, message.text)
        if self._flood is not None and message.room:
            self._flood.check(message.room)
        return text

    @hookimpl
    def greenchat_check_join(self, name: str) -> str | None:
        if name in self._words:
            raise Reject("This username has a word that is not used here. Choose another.", code="name_invalid")
        return None

    @hookimpl
    def greenchat_disconnected(self, session: Session) -> None:
        if self._repeats is not None:
            self._repeats.forget(session.id)
        if self._flood is not None and session.room not in session.chat.rooms:
            self._flood.forget(session.room)

    def _checked_words(self, session: Session, message: Message) -> str | None:
        if message.text not in self._words:
            return None
        if self._action == "block":
            raise Reject("This has a word that is not used here. Say it in other words.", code="word")
        if self._action == "mask":
            return self._words.mask(message.text)
        session.info("This has a word that is not welcome here. Please say it in other words.")
        log.info("#%d %s was warned in %s", session.id, session.name, message.room or "a private message")
        return None


def words_of(settings: Settings) -> WordList:
    """All words. Raises `ConfigError`."""
    return WordList([*settings.words, *(read_words(settings.words_file) if settings.words_file else ())])


def greenchat_plugin(settings: Settings) -> Idle:
    words = words_of(settings)
    return Moderation(words, settings) if words or settings.repeat or settings.room_rate else Idle()


# --- the command line ---


@click.group("moderation")
def commands() -> None:
    """Look at what is moderated."""


@commands.command(
    "try",
    epilog="""\b
Examples:
  greenchat moderation try --config chat.toml "Is this said here?"
Exit codes: 0 it passes; 1 it is refused.
""",
)
@click.argument("text")
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.toml",
    help="Read settings from this file.",
)
def try_words(text: str, file: Path | None) -> None:
    """Tell what the word list makes of TEXT."""
    settings = plugin_settings("moderation", Settings, file)
    words = words_of(settings)
    if text not in words:
        click.echo("It passes." if words else "It passes: the word list is empty.")
    elif settings.action == "mask":
        click.echo(f"It passes as: {words.mask(text)}")
    elif settings.action == "warn":
        click.echo("It passes, and its sender is warned.")
    else:
        click.echo("It is refused.")
        sys.exit(1)
