"""Runs: what one client sent in one read, and what one person said in a row. They are handled as one from the decoder
to the disk: a busy room has so many messages that making an object of each costs more than sending it.

Both are sequences, whose items are made when somebody asks for them.
"""

import operator
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, overload

from greenchat.protocol.events import File, Message
from greenchat.protocol.requests import Ref, Say


class Says(Sequence[Say]):
    """Messages of one line that came in a row from one client, all for one `room` (see `Say`), none of which answers
    another or has a key. `refs` are theirs, in the same order; empty where none has one."""

    __slots__ = ("refs", "room", "texts")

    def __init__(self, texts: Sequence[str], room: str = "", refs: Sequence[Ref] = ()) -> None:
        self.texts = texts
        self.room = room
        self.refs = refs

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Say]:
        if self.refs:
            return (Say(text, self.room, ref) for text, ref in zip(self.texts, self.refs, strict=True))
        return (Say(text, self.room) for text in self.texts)

    @overload
    def __getitem__(self, place: int) -> Say: ...
    @overload
    def __getitem__(self, place: slice) -> "Says": ...
    def __getitem__(self, place: int | slice) -> "Say | Says":
        if isinstance(place, slice):
            return Says(self.texts[place], self.room, self.refs[place])
        return Say(self.texts[place], self.room, self.refs[place] if self.refs else None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # as other sequences that are compared by their items

    def __repr__(self) -> str:
        return f"Says({len(self.texts)} messages for {self.room!r})"  # what is said does not get into a log


class Key(NamedTuple):
    """What makes a message once: whose `key` it is, an account's id or by what a guest's stay is known, and a digest of
    all that is `said` by it."""

    owner: int | bytes
    key: str
    said: bytes


class Messages(Sequence[Message]):
    """What one person said in a row in one room, at one time.

    `seq` and `id` are those of the first; both rise by one, or are 0 until all checks have passed. `texts` is all that
    most who look at messages want to know: do not change it. An action stands alone, and so does an answer, or what has
    a `key` or `files`. `own` as in `Message`. `rev` is that of the first, and rises by one as well. `account_id` is
    whose account has said it, 0 for a guest; nobody is shown that or the `key`, but the key of the account's name,
    `account`. In a `conversation` of two, each message stands alone.
    """

    __slots__ = (
        "_made",
        "account",
        "account_id",
        "action",
        "conversation",
        "files",
        "id",
        "key",
        "own",
        "reply_to",
        "rev",
        "room",
        "sender",
        "seq",
        "texts",
        "time",
    )

    def __init__(
        self,
        room: str,
        seq: int,
        number: int,
        sender: str,
        texts: Sequence[str],
        time: datetime,
        action: bool = False,
        rev: int = 0,
        reply_to: int = 0,
        account_id: int = 0,
        account: str = "",
        conversation: str = "",
    ) -> None:
        self.room = room
        self.seq = seq
        self.id = number
        self.sender = sender
        self.texts = texts
        self.time = time
        self.action = action
        self.own = False
        self.rev = rev
        self.reply_to = reply_to
        self.account_id = account_id
        self.account = account
        self.key: Key | None = None
        self.conversation = conversation
        self.files: list[File] | None = None
        self._made: list[Message] | None = None

    def made(self) -> list[Message]:
        """All of them, made once however many ask for it: do not change it."""
        if self._made is None:
            self._made = list(self)
        return self._made

    def as_own(self) -> "Messages":
        """The same, as their sender is told of them on another device."""
        own = self[:]
        own.own = True
        return own

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Message]:
        room, seq, number, sender, time, action = self.room, self.seq, self.id, self.sender, self.time, self.action
        own, rev = self.own, self.rev
        if self.reply_to or self.conversation or self.files:  # it stands alone
            yield self[0]
            return
        if account := self.account:
            for place, text in enumerate(self.texts):
                step, rev_step = (place if seq else 0), (place if rev else 0)
                yield Message(
                    room,
                    seq + step,
                    number + step,
                    sender,
                    text,
                    time,
                    action,
                    own,
                    rev + rev_step,
                    0,
                    None,
                    None,
                    account,
                )
            return
        step, rev_step = (1 if seq else 0), (1 if rev else 0)
        for text in self.texts:
            yield Message(room, seq, number, sender, text, time, action, own, rev)
            seq += step
            number += step
            rev += rev_step

    @overload
    def __getitem__(self, place: int) -> Message: ...
    @overload
    def __getitem__(self, place: slice) -> "Messages": ...
    def __getitem__(self, place: int | slice) -> "Message | Messages":
        if isinstance(place, slice):
            start, _, step = place.indices(len(self.texts))
            if step != 1:
                raise ValueError("a part of a run has no gaps")
            start = start if self.seq else 0
            part = Messages(
                self.room,
                self.seq + start,
                self.id + start,
                self.sender,
                self.texts[place],
                self.time,
                self.action,
                self.rev and self.rev + start,
                self.reply_to,
                self.account_id,
                self.account,
                self.conversation,
            )
            part.own, part.files = self.own, self.files
            return part
        text = self.texts[place]
        place = place % len(self.texts) if self.seq else 0
        return Message(
            self.room,
            self.seq + place,
            self.id + place,
            self.sender,
            text,
            self.time,
            self.action,
            self.own,
            self.rev and self.rev + place,
            self.reply_to,
            account=self.account,
            conversation=self.conversation,
            files=self.files,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Messages({len(self.texts)} by {self.sender!r} in {self.room!r} from {self.seq} on)"
