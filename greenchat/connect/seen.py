"""What has been shown of the rooms that one is in: how far, and the latest messages, by which one knows what an answer
answers and what a change has changed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec.structs import replace

from greenchat.client import renamed
from greenchat.protocol.events import EPOCH, Change, Deleted, Edited, Message, PastEvent, Reacted, Renamed
from greenchat.protocol.replies import Ack, Welcome

# So many messages of a room are remembered, the latest: what is answered and changed is mostly among them.
REMEMBERED = 1000


class Mark(NamedTuple):
    """The latest message of a room that has been shown, by id and number, and when the latest of all that was shown had
    happened; and up to which `rev` of an `epoch` one has been told what becomes of its messages."""

    id: int = 0
    time: datetime = EPOCH
    seq: int = 0
    rev: int = 0
    epoch: str = ""


class Seen:
    """`marks` are by rooms."""

    def __init__(self) -> None:
        self.marks: dict[str, Mark] = {}
        self._messages: dict[str, dict[int, Message]] = {}

    def mark(self, room: str) -> Mark:
        return self.marks.get(room, Mark())

    def message(self, room: str, seq: int) -> Message | None:
        """The message `seq` of `room`, as it is now, if it is remembered."""
        return self._messages.get(room, {}).get(seq)

    def come_into(self, room: str, welcome: Welcome) -> None:
        """What comes behind this welcome is told by itself."""
        mark = self.mark(room)
        if mark.epoch != welcome.epoch:
            self._messages.pop(room, None)  # their numbers may be those of others by now
        self.marks[room] = mark._replace(seq=welcome.seq, rev=welcome.rev, epoch=welcome.epoch)

    def said(self, room: str, ack: Ack, sender: str, text: str) -> None:
        """What one has said oneself, empty for a command. The `rev` of an `ack` does not tell how far one is: it may
        overtake what others have said."""
        self._move(room, ack.id, ack.seq, EPOCH, 0)
        if ack.id and text:
            self._remember(Message(room, ack.seq, ack.id, sender, text, datetime.now(UTC), rev=ack.rev))

    def past(self, room: str, event: PastEvent) -> None:
        """This has been shown, and has happened before."""
        self._see(room, event, 0)

    def happened(self, event: PastEvent) -> None:
        """This has been told as it happened."""
        if isinstance(event, Renamed):
            for messages in self._messages.values():
                messages.update((seq, renamed(message, event)) for seq, message in [*messages.items()])
        self._see(event.room, event, event.rev if isinstance(event, Message) else 0)

    def changed(self, change: Change) -> Message | None:
        """This has become of a message; what it was before, if that is remembered."""
        before = self.message(change.room, change.seq)
        self._move(change.room, 0, 0, EPOCH, change.rev)
        match change:
            case Deleted():
                self._messages.get(change.room, {}).pop(change.seq, None)
            case Edited(text=text, time=time) if before is not None:
                self._remember(replace(before, text=text, edited=time))
            case Reacted(by=by, emoji=emoji, on=on) if before is not None:
                reactions = {each: [*names] for each, names in (before.reactions or {}).items()}
                names = [name for name in reactions.pop(emoji, []) if name != by] + [by] * on
                self._remember(replace(before, reactions=(reactions | ({emoji: names} if names else {})) or None))
        return before

    def changes(self, now: Message | Deleted) -> Iterator[tuple[Change, Message | None]]:
        """What has become of a message, as far as it can be known from how it is `now`; each with what it was before
        that."""
        before = self.message(now.room, now.seq)
        if isinstance(now, Deleted):
            yield now, self.changed(now)
            return
        if now.edited is not None and (before is None or before.text != now.text):
            yield Edited(now.room, now.seq, now.rev, now.text, now.sender, now.edited), before
        if before is not None:
            for emoji, name, on in _reacted(before, now):
                yield Reacted(now.room, now.seq, now.rev, name, emoji, on, now.time), now
        self._remember(now)

    def _see(self, room: str, event: PastEvent, rev: int) -> None:
        number, seq = (event.id, event.seq) if isinstance(event, Message) else (0, 0)
        self._move(room, number, seq, event.time, rev)
        if isinstance(event, Message):
            self._remember(event)

    def _move(self, room: str, number: int, seq: int, time: datetime, rev: int) -> None:
        mark = self.mark(room)
        self.marks[room] = Mark(
            max(mark.id, number), max(mark.time, time), max(mark.seq, seq), max(mark.rev, rev), mark.epoch
        )

    def _remember(self, message: Message) -> None:
        messages = self._messages.setdefault(message.room, {})
        if message.seq not in messages and len(messages) >= REMEMBERED:
            del messages[next(iter(messages))]
        messages[message.seq] = message


def _reacted(before: Message, now: Message) -> Iterator[tuple[str, str, bool]]:
    """Which emoji were taken away and put there, and by whom. As many as have gone and come with one emoji are called
    otherwise by now."""
    old, new = before.reactions or {}, now.reactions or {}
    for emoji in {**old, **new}:
        were, are = old.get(emoji, []), new.get(emoji, [])
        gone, come = [name for name in were if name not in are], [name for name in are if name not in were]
        yield from ((emoji, name, False) for name in gone[len(come) :])
        yield from ((emoji, name, True) for name in come[len(gone) :])


def is_after(event: PastEvent, mark: Mark) -> bool:
    if not isinstance(event, Message):
        return event.time > mark.time
    # Ids rise over restarts, too; where none has been seen yet, one came when the room had that number.
    return event.id > mark.id if mark.id else event.seq > mark.seq


def is_changed(event: Message | Deleted, mark: Mark, now: Welcome) -> bool:
    """Whether something has become of a message that is no news itself, up to the welcome."""
    if isinstance(event, Message) and is_after(event, mark):
        return False
    return event.seq <= mark.seq and mark.epoch == now.epoch and mark.rev < event.rev <= now.rev
