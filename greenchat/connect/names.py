"""The names that one may want to type, and what Tab makes of their beginnings."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from greenchat.protocol.events import Event, Joined, Left, Message, Renamed
from greenchat.protocol.replies import Conversations, Welcome
from greenchat.protocol.requests import Frame
from greenchat.protocol.text import FORBIDDEN, some_of

# So many are known, those who were heard of last.
MOST_NAMES = 2000

# So many are listed where several begin alike.
NAMES_SHOWN = 20

_WORD = re.compile(r"@?(\S+)\Z")


class Completed(NamedTuple):
    """What is to be put in the place of the last `typed` characters; or, where nothing is, which names there `are`."""

    typed: int = 0
    text: str = ""
    are: str = ""


class Names:
    """Of who is in one's rooms, and of those with whom one has conversations."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # by how they are compared
        self._talks: set[str] = set()  # of conversations: these stay, also when they leave

    def learn(self, item: Event | Frame) -> None:
        match item:
            case Welcome(members=members):
                for name in members:
                    self._add(name)
            case Joined(name=name):
                self._add(name)
            case Message(conversation="", sender=sender):
                self._add(sender)
            case Message(with_=name):
                self._add(name, talks=True)
            case Conversations(direct=direct):
                for state in reversed(direct):
                    self._add(state.with_, talks=True)
            case Renamed(name=name, new_name=new_name):
                self._add(new_name, talks=name.casefold() in self._talks)
                self._drop(name)
            case Left(name=name) if name.casefold() not in self._talks:
                self._drop(name)

    def complete(self, before: str) -> Completed:
        """What Tab does behind this text."""
        word = _WORD.search(before)
        if word is None:
            return Completed()
        typed = word[1]
        keys = sorted(key for key in self._names if key.startswith(typed.casefold()))
        names = [self._names[key] for key in keys]
        if len(names) == 1:
            return Completed(len(typed), f"{names[0]} ")
        more = _common(keys)[len(typed.casefold()) :]
        return Completed(text=more) if more else Completed(are=some_of(names, NAMES_SHOWN))

    def _add(self, name: str, *, talks: bool = False) -> None:
        if not name or FORBIDDEN.search(name) or len(name.split()) != 1:
            return  # none that a server gives
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


def _common(keys: Sequence[str]) -> str:
    """What all of them begin with; they are sorted."""
    if not keys:
        return ""
    first, last = keys[0], keys[-1]
    return first[: next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
