"""Where something is said: a room, or a conversation of two. What both have: numbers, and a log of what was said."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from greenchat.chat.ignoring import Ignored
from greenchat.chat.log import RECENT, Alteration, Log, Past
from greenchat.chat.outlet import Outlet
from greenchat.errors import Reject
from greenchat.protocol.events import Deleted, Message
from greenchat.protocol.runs import Key, Messages

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Quoting(NamedTuple):
    """What those are told of an answer or a change who know no numbers of messages: with a quotation of the message
    that it is about, and without, for who ignores its sender; and whether somebody does."""

    words: str
    unquoted: str
    is_ignored: Callable[[Ignored], bool]


def new_epoch() -> str:
    """A name for a time in which no number of a message is given twice."""
    return secrets.token_hex(8)


class Place(ABC):
    """`seq` is the number of the latest message, and `rev` counts all that becomes of messages: that they are said, and
    each change. No `rev` is given twice within one `epoch`. `log` has the last messages, and `time` is that of the
    latest: none that comes after it is earlier, whatever the clock says.

    `name` is that of a room, and empty for a conversation, which has an id in `conversation`.
    """

    conversation: str = ""

    __slots__ = ("epoch", "log", "name", "rev", "seq", "time")

    def __init__(self, name: str = "", recent: int = RECENT) -> None:
        self.name = name
        self.seq = self.rev = 0
        self.epoch = new_epoch()
        self.log = Log(recent)
        self.time = LONG_AGO

    @abstractmethod
    def has(self, member: Any) -> bool:
        """Whether `member` may say something here."""

    @abstractmethod
    def has_gone(self) -> Reject:
        """What who has been here, and is not any more, is told."""

    @abstractmethod
    def role_of(self, member: Any) -> str:
        """ "operator" or "owner" for who keeps order here, or empty."""

    @abstractmethod
    def answer(
        self,
        member: Any,
        text: str,
        number: int,
        origin: Outlet | None,
        reply_to: int,
        words: Quoting,
        action: bool = False,
        key: Key | None = None,
    ) -> Messages:
        """Say a message that answers another one."""

    @abstractmethod
    def tell_change(self, alteration: Alteration, member: Any, words: Quoting) -> None:
        """Tell everybody, `member` as well, who has made it, what has become of a message."""

    def look_up(self, seq: int) -> Past | None:
        """A message that the log does not have, where this place itself keeps more. May wait. Raises `Reject`."""
        return None

    def require_heard(self, member: Any) -> None:  # noqa: B027  # in a room there is always somebody
        """Raises `Reject` where nobody here would read what `member` says. May wait."""

    def with_for(self, member: Any) -> str:
        """What `member` calls the other one here; empty in a room."""
        return ""

    def as_read_by(self, member: Any, past: Past, told: Message | Deleted) -> Message | Deleted:
        """A message from the log, `told` otherwise as in a room, as `member` reads it."""
        return told

    def _run(self, member: Any, texts: Sequence[str], number: int, action: bool = False, reply_to: int = 0) -> Messages:
        """What is said now, by `member`: the next messages of this place."""
        now = datetime.now(UTC)
        if now < self.time:
            now = self.time  # the clock was set back
        self.time = now
        run = Messages(
            self.name,
            self.seq + 1,
            number,
            member.name,
            texts,
            now,
            action,
            self.rev + 1,
            reply_to,
            member.login.account_id,
            member.login.account,
            self.conversation,
        )
        self.log.add(run, member)
        return run
