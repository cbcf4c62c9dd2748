"""The names that one may want to type, and what Tab makes of their beginnings."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from greenchat.connect.emoji import EMOJI
from greenchat.protocol.events import Event, Invited, Joined, Left, Message, Renamed
from greenchat.protocol.replies import Conversations, Welcome
from greenchat.protocol.requests import Frame
from greenchat.protocol.text import FORBIDDEN, some_of

# So many are known, those who were heard of last.
MOST_NAMES = 2000

# So many are listed where several begin alike.
NAMES_SHOWN = 20

_WORD = re.compile(r"@?(\S+)\Z")

# A colon and one letter are as often a face that somebody draws.
_EMOJI = re.compile(r"(?<!\S):[+-]?\w+:?\Z")
EMOJI_FROM = 3


class Completed(NamedTuple):
    """What is to be put in the place of the last `typed` characters; or, where nothing is, which names there `are`."""

    typed: int = 0
    text: str = ""
    are: str = ""


class Names:
    """Of who is in one's rooms, and of those with whom one has conversations; and of the rooms that were heard of."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # by how they are compared
        self._rooms: dict[str, None] = {}
        self._talks: set[str] = set()  # of conversations: these stay, also when they leave

    @property
    def people(self) -> list[str]:
        return [*self._names.values()]

    @property
    def rooms(self) -> list[str]:
        return [*self._rooms]

    def learn(self, item: Event | Frame) -> None:
        match item:
            case Welcome(members=members):
                self._add_rooms(item.room, *item.rooms)
                for name in members:
                    self._add(name)
            case Joined(name=name):
                self._add(name)
            case Message(conversation="", sender=sender):
                self._add(sender)
            case Message(with_=name):
                self._add(name, talks=True)
            case Invited(room=room):
                self._add_rooms(room)
            case Conversations(direct=direct):
                self._add_rooms(*(state.room for state in item.rooms))
                for state in reversed(direct):
                    self._add(state.with_, talks=True)
            case Renamed(name=name, new_name=new_name):
                self._add(new_name, talks=name.casefold() in self._talks)
                self._drop(name)
            case Left(name=name) if name.casefold() not in self._talks:
                self._drop(name)

    def complete(self, before: str) -> Completed:
        """What Tab does behind this text."""
        emoji = _EMOJI.search(before)
        if emoji is not None and len(emoji[0]) >= EMOJI_FROM and "`" not in before:
            return _emoji(emoji[0])
        word = _WORD.search(before)
        if word is None:
            return Completed()
        return completed(word[1], self._names.values())

    def _add_rooms(self, *rooms: str) -> None:
        for room in filter(_is_name, rooms):
            self._rooms.pop(room, None)
            self._rooms[room] = None
        while len(self._rooms) > MOST_NAMES:
            del self._rooms[next(iter(self._rooms))]

    def _add(self, name: str, *, talks: bool = False) -> None:
        if not _is_name(name):
            return
        key = name.casefold()
        self._names.pop(key, None)
        self._names[key] = name
        if talks:
            self._talks.add(key)
        if len(self._names) > MOST_NAMES:
            self._drop(next(iter(self._names)))

    def _drop(self, name: str) -> None:
        self._names.pop(name.casefold(), None)
        self._talks.discard(name.casefold())


def _is_name(name: str) -> bool:
    """Whether a server gives such names."""
    return bool(name) and not FORBIDDEN.search(name) and len(name.split()) == 1


def completed(typed: str, options: Iterable[str]) -> Completed:
    """What becomes of a word of which this much is `typed`, where it is one of the `options`."""
    by_key = {option.casefold(): option for option in options}
    keys = sorted(key for key in by_key if key.startswith(typed.casefold()))
    names = [by_key[key] for key in keys]
    if len(names) == 1:
        return Completed(len(typed), f"{names[0]} ")
    more = _common(keys)[len(typed.casefold()) :]
    return Completed(text=more) if more else Completed(are=some_of(names, NAMES_SHOWN))


def _emoji(typed: str) -> Completed:
    """The sign, where only one is called so."""
    found = completed(typed, [f":{name}:" for name in EMOJI])
    return found._replace(text=f"{EMOJI[found.text.strip(': ')]} ") if found.typed else found


def _common(keys: Sequence[str]) -> str:
    """What all of them begin with; they are sorted."""
    if not keys:
        return ""
    first, last = keys[0], keys[-1]
    return first[: next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
