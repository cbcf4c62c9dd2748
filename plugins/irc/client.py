"""What is known of one connection of IRC, beside its session: plain data, which goes along over a reload."""

from datetime import datetime
from time import time
from typing import NamedTuple

from msgspec import Struct, field, msgpack

from . import caps


class Gone(NamedTuple):
    """Somebody who has left."""

    nick: str
    username: str
    realname: str
    time: datetime


class Lines(Struct):
    """A message of several lines, as far as it has come: so many bytes of text. It has `failed` where it is not to be
    said at all."""

    target: str
    tags: dict[str, str]
    label: str
    verb: str = ""
    lines: list[tuple[bool, str]] = field(default_factory=list)
    failed: bool = False
    size: int = 0


class Client(Struct):
    """`nick`, `user` and `realname` are what it has said so far. It `negotiates` capabilities until it says that it is
    done. It has `asked` to come in, is in as `name`, and `is_registered` once it was told so. `password` is what PASS
    said, until one is in; where the server has a pass phrase (`has_phrase`), it is that. `sasl` is the mechanism that
    it has begun, and `response` what it has sent by that so far.

    `talks` are the conversations of two, by the nicks of the others, and `ended` those nicks whose bearer is somebody
    else by now, the latest of them, see bearers.py. `monitored` are nicks whose coming and going it wants to know.
    `batches` are messages of several lines that it has begun, by their names. It `is_bot` by its own word, and wants
    `no_ctcp`: nothing that others' clients ask it. `besides` counts what it said that was more than its text, see
    beside.py.

    `heard` is when something has come of it last, and it `says_goodbye` where that was QUIT; what was said before
    `since` it has been told when it was here before, as the `device` that it is, see absent.py.
    """

    nick: str = ""
    user: str = ""
    realname: str = ""
    caps: frozenset[str] = frozenset()
    version: int = 0
    negotiates: bool = False
    asked: bool = False
    name: str = ""
    account: str = ""
    is_registered: bool = False
    password: str = ""
    has_phrase: bool = False
    sasl: str = ""
    response: str = ""
    talks: dict[str, str] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    monitored: dict[str, str] = field(default_factory=dict)
    batches: dict[str, Lines] = field(default_factory=dict)
    is_bot: bool = False
    no_ctcp: bool = False
    besides: int = 0
    heard: float = 0.0
    says_goodbye: bool = False
    since: float = 0.0
    device: str = ""

    def __repr__(self) -> str:
        return f"Client(nick={self.nick!r})"  # passwords do not get into a log

    @property
    def shown(self) -> str:
        """What it is called in what it is told."""
        return self.name or self.nick or "*"

    def is_sent_away(self) -> None:
        """It has been told all, and is to come back."""
        self.heard, self.says_goodbye = time(), True

    def has(self, cap: str) -> bool:
        return cap in self.caps

    def state(self) -> bytes:
        return msgpack.encode(self)

    def restore(self, state: bytes) -> None:
        """Raises `ValueError`."""
        was = msgpack.decode(state, type=Client)
        for name in self.__struct_fields__:
            setattr(self, name, getattr(was, name))
        self.caps = caps.shared(self.caps)
