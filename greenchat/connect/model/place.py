"""One conversation as one has it on the screen: a room, or what one says to one person alone."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypedDict

from greenchat.client.places import conversation_at
from greenchat.connect.model.marks import Mark
from greenchat.connect.model.timeline import Timeline
from greenchat.protocol.events import EPOCH

# Before the name of somebody to whom nothing was said yet. No room begins so, and no id of a conversation has a space.
TO = "@to "

# What calls for one: as usual, what names one and what is said to one alone; everything; as usual, and what is unread
# else is not marked; nothing.
LEVELS = ("usual", "all", "mentions", "none")

_RANKS = {"operator": 0, "owner": 1}


def key_of(name: str) -> str:
    """By which names are compared, as the server does it: `Alice`, `alice` and `Ａｌｉｃｅ` are one person."""
    return unicodedata.normalize("NFKC", name).lower()


class Address(TypedDict, total=False):
    """Where something is said, as `Client.say` takes it."""

    room: str
    conversation: str
    to: str


class There(TypedDict):
    """The same as a message has it."""

    room: str
    conversation: str


@dataclass(slots=True)
class Member:
    name: str
    role: str = ""
    away: str = ""
    bot: bool = False


class Members:
    """Those in a room who were told, by how their names are compared; `more` is how many there are besides."""

    def __init__(self) -> None:
        self._by_key: dict[str, Member] = {}
        self.more = 0

    def __len__(self) -> int:
        return len(self._by_key) + self.more

    def __contains__(self, name: str) -> bool:
        return key_of(name) in self._by_key

    def find(self, name: str) -> Member | None:
        return self._by_key.get(key_of(name))

    def fill(self, members: Iterable[Member], more: int) -> None:
        self._by_key = {key_of(member.name): member for member in members}
        self.more = more

    def add(self, member: Member) -> None:
        self._by_key[key_of(member.name)] = member

    def drop(self, name: str) -> None:
        if self._by_key.pop(key_of(name), None) is None and self.more:
            self.more -= 1

    def rename(self, name: str, new_name: str) -> None:
        member = self._by_key.pop(key_of(name), None) or Member(name)
        member.name = new_name
        self.add(member)

    def ordered(self) -> list[Member]:
        """Who keeps order first, then by name."""
        return sorted(self._by_key.values(), key=lambda member: (_RANKS.get(member.role, 2), key_of(member.name)))


@dataclass(slots=True)
class About:
    """What a draft is about: the message `seq` that it answers or changes, and its `id`, since a server that was killed
    gives a number again. `before` is what stood there when a change began, `epoch` that of the numbers then."""

    kind: Literal["reply", "edit"]
    seq: int
    id: int
    before: str = ""
    epoch: str = ""


@dataclass(slots=True)
class Draft:
    """What was typed and not sent; `cursor` counts code points. `steps` are what stood there before, to be undone."""

    text: str = ""
    cursor: int = 0
    about: About | None = None
    steps: list[tuple[str, int]] = field(default_factory=list, repr=False)


@dataclass(eq=False, slots=True)
class Place:
    """`id` is the room's name, or spelt as `client/places.py` has it; empty for none, where the server tells what comes
    of a command of who is in no conversation. `title` is what people call it.

    One has read it up to `read`; `unread` are those behind it that are not one's own, and `mentions` those that call
    for one. `mark`: above it is what was new when one came here, None where nothing was. `gone`: why nothing can be
    said here any more; empty where it can. `reach` is how far it is known, to come back to. `heard` counts what has
    come, to have the latest first, and `looked` the same for when one looked at it. `became` is the one that it turned
    out to be the same as. `level` is one of LEVELS. `pins` are the numbers of messages that are pinned.
    """

    id: str
    title: str
    timeline: Timeline = field(default_factory=Timeline)
    members: Members = field(default_factory=Members)
    topic: str = ""
    read: int = 0
    unread: int = 0
    mentions: int = 0
    mark: int | None = None
    level: str = "usual"
    gone: str = ""
    draft: Draft = field(default_factory=Draft)
    reach: Mark = field(default_factory=Mark)
    heard: int = 0
    looked: int = 0
    became: "Place | None" = None
    pins: set[int] = field(default_factory=set)

    @property
    def is_direct(self) -> bool:
        return self.id.startswith("@")

    @property
    def is_new(self) -> bool:
        """Whether nothing was said here yet, so that it has only a name."""
        return self.id.startswith(TO)

    @property
    def address(self) -> Address:
        if self.is_new:
            return {"to": self.id.removeprefix(TO)}
        if self.is_direct:
            return {"conversation": conversation_at(self.id)}
        return {"room": self.id} if self.id else {}

    @property
    def sign(self) -> str:
        """What stands before its title."""
        return "#" if self.id and not self.is_direct else ""

    @property
    def there(self) -> There:
        """The same as a message has it."""
        if self.is_direct:
            return {"room": "", "conversation": "" if self.is_new else conversation_at(self.id)}
        return {"room": self.id, "conversation": ""}

    def move(self, *, number: int = 0, seq: int = 0, rev: int = 0, time: datetime = EPOCH) -> None:
        mark = self.reach
        self.reach = Mark(
            max(mark.id, number), max(mark.time, time), max(mark.seq, seq), max(mark.rev, rev), mark.epoch
        )
