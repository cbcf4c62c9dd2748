"""What a word may become of which some is typed: commands, their arguments, names, rooms, emoji. No I/O."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from greenchat.connect.commands import Behind, Commands, is_known, options_of
from greenchat.connect.emoji import EMOJI, USUAL
from greenchat.connect.model.mentions import is_word
from greenchat.protocol.text import FORBIDDEN, slash_at

# So many are offered at once: whoever wants another types on.
MOST_OPTIONS = 50

# Names and commands are shorter; a longer word is none of them.
LONGEST_WORD = 200

# From so many letters on emoji are offered: a colon and one letter are as often a face that somebody draws.
EMOJI_FROM = 2

_WORD = re.compile(r"\S*\Z")

# Names in the order in which they are offered; they are asked for only where they are wanted, which is not each key.
Names = Callable[[], Sequence[str]]


class Option(NamedTuple):
    """`text` comes into the place of what is typed, and `end` behind it. In the list stand `shown`, or the text, and
    `help`."""

    text: str
    end: str = " "
    shown: str = ""
    help: str = ""


class Offers(NamedTuple):
    """`options` for what is typed from `start` on; `usage` tells of the command that it is a part of."""

    start: int
    options: Sequence[Option] = ()
    usage: str = ""

    @property
    def common(self) -> str:
        """What all of them begin with."""
        texts = [option.text for option in self.options]
        length = min(map(len, texts), default=0)
        while length and len({text[:length].casefold() for text in texts}) > 1:
            length -= 1
        return texts[0][:length] if length else ""


def offers(before: str, commands: Commands, people: Names, rooms: Names, *, asked: bool) -> Offers:
    """For the word that this text ends with: where that calls for it by its first character, or as a word of a command,
    and if somebody has `asked`, anywhere."""
    found = _WORD.search(before[-LONGEST_WORD:])
    word = found[0] if found is not None else ""
    start = len(before) - len(word)
    if len(word) >= LONGEST_WORD or commands.secret_start(before) < len(before):
        return Offers(start)
    behind = commands.behind(before)
    if behind is not None:
        return _of_command(before, start, behind, commands, people, rooms, asked=asked)
    return _of_text(before, start, people, rooms, asked=asked)


def _of_command(
    before: str,
    start: int,
    behind: Behind,
    commands: Commands,
    people: Names,
    rooms: Names,
    *,
    asked: bool,
) -> Offers:
    entry = behind.entry
    if entry is None:
        known = [Option(f"/{one.name}", shown=_usage(one.name, one.usage), help=one.help) for one in commands.known]
        return Offers(slash_at(before), _begin(known, f"/{behind.typed}"))
    is_told = (entry.usage or entry.help) and not _is_under_way(before, behind)
    usage = f"{_usage(entry.name, entry.usage)}  {entry.help}" if is_told else ""
    words = options_of(behind.following, people(), rooms(), has_begun=bool(behind.typed))
    called = {one.name for one in behind.following}
    if words is None and "command" in called:
        words = [one.name for one in commands.known]
    elif words is None and "emoji" in called and not behind.typed.startswith(":"):
        words = [*USUAL]
    if words is None:
        return _of_text(before, start, people, rooms, asked=asked)._replace(usage=usage)
    if not (asked or called & {"command", "emoji"} or any(map(is_known, behind.following))):
        return Offers(start, (), usage)
    return Offers(start, _begin([Option(one) for one in words], behind.typed), usage)


def _of_text(before: str, start: int, people: Names, rooms: Names, *, asked: bool) -> Offers:
    word = before[start:]
    at = word.rfind("@")
    if at >= 0 and not is_word(word[at - 1 : at] if at else ""):
        return Offers(start + at, _begin([Option(f"@{name}") for name in people()], word[at:]))
    if word.startswith("#"):
        return Offers(start, _begin([Option(f"#{room}") for room in rooms()], word))
    if word.startswith(":") and len(word) > EMOJI_FROM and "`" not in before:
        named = [Option(emoji, shown=emoji, help=f":{name}:") for name, emoji in EMOJI.items() if word[1:] in name]
        named.sort(key=lambda option: not option.help.startswith(word))
        return Offers(start, named[:MOST_OPTIONS])
    if not asked:
        return Offers(start)
    end = " " if start else ": "
    return Offers(start, _begin([Option(name, end) for name in people()], word))


def _begin(options: Iterable[Option], word: str) -> list[Option]:
    """Those that begin so, each once; what nobody could send is left out, whoever has told it."""
    wanted = word.casefold()
    fitting = (option for option in options if option.text.casefold().startswith(wanted))
    found = {option.text: option for option in fitting if not FORBIDDEN.search(option.text)}
    return [*found.values()][:MOST_OPTIONS]


def _is_under_way(before: str, behind: Behind) -> bool:
    """Whether somebody writes the text of a command already, and knows how it goes."""
    entry, following = behind.entry, behind.following
    if entry is None or not following or following[0].kind != "rest" or following[0] not in entry.arguments:
        return False
    return len(before.split()) - 1 > entry.arguments.index(following[0])


def _usage(name: str, usage: str) -> str:
    """Some tell it with the name, some without."""
    return usage if usage.startswith("/") else f"/{name} {usage}".strip()
