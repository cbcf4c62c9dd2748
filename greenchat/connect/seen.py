"""What has been shown of the rooms that one is in, and of conversations: how far, and the latest messages, by which one
knows what an answer answers and what a change has changed. Each is named by its place, see `client/places.py`."""

from collections.abc import Iterator
from datetime import UTC, datetime

from greenchat.client.places import conversation_at, place_of
from greenchat.connect.model.marks import Mark, Now
from greenchat.connect.model.timeline import Timeline
from greenchat.protocol.events import EPOCH, Change, Deleted, Edited, Message, PastEvent, Reacted, Renamed
from greenchat.protocol.replies import Ack


class Seen:
    """`marks` are by places. `direct_epoch` is that of conversations."""

    def __init__(self) -> None:
        self.marks: dict[str, Mark] = {}
        self.direct_epoch = ""
        self._messages: dict[str, Timeline] = {}

    def mark(self, place: str) -> Mark:
        return self.marks.get(place) or Mark(epoch=self.direct_epoch if conversation_at(place) else "")

    def message(self, place: str, seq: int) -> Message | None:
        """The message `seq` there, as it is now, if it is remembered."""
        timeline = self._messages.get(place)
        return timeline.message(seq) if timeline is not None else None

    def come_into(self, place: str, now: Now) -> None:
        """One is there by now, and told what comes."""
        mark = self.mark(place)
        if mark.epoch != now.epoch:
            self._messages.pop(place, None)  # their numbers may be those of others by now
        self.marks[place] = mark._replace(seq=now.seq, rev=now.rev, epoch=now.epoch)

    def forget(self, place: str) -> None:
        self.marks.pop(place, None)
        self._messages.pop(place, None)

    def said(self, room: str, ack: Ack, sender: str, text: str) -> None:
        """What one has said oneself, in `room` or in the conversation that the `ack` names; empty for a command. The
        `rev` of an `ack` does not tell how far one is: it may overtake what others have said."""
        message = Message(
            "" if ack.conversation else room,
            ack.seq,
            ack.id,
            sender,
            text,
            datetime.now(UTC),
            rev=ack.rev,
            conversation=ack.conversation,
            with_=ack.with_,
        )
        self._move(place_of(message), ack.id, ack.seq, EPOCH, 0)
        if ack.id and text:
            self._remember(message)

    def past(self, place: str, event: PastEvent) -> None:
        """This has been shown, and has happened before."""
        self._see(place, event, 0)

    def happened(self, event: PastEvent) -> None:
        """This has been told as it happened."""
        if isinstance(event, Renamed):
            for timeline in self._messages.values():
                timeline.renamed(event)
        if isinstance(event, Message):
            self._see(place_of(event), event, event.rev)
        else:
            self._see(event.room, event, 0)

    def changed(self, change: Change) -> Message | None:
        """This has become of a message; what it was before, if that is remembered."""
        place = place_of(change)
        self._move(place, 0, 0, EPOCH, change.rev)
        timeline = self._messages.get(place)
        return timeline.changed(change) if timeline is not None else None

    def changes(self, now: Message | Deleted) -> Iterator[tuple[Change, Message | None]]:
        """What has become of a message, as far as it can be known from how it is `now`; each with what it was before
        that."""
        before, where = self.message(place_of(now), now.seq), now.conversation
        if isinstance(now, Deleted):
            yield now, self.changed(now)
            return
        if now.edited is not None and (before is None or before.text != now.text):
            yield Edited(now.room, now.seq, now.rev, now.text, now.sender, now.edited, where), before
        if before is not None:
            for emoji, name, on in _reacted(before, now):
                yield Reacted(now.room, now.seq, now.rev, name, emoji, on, now.time, where), now
        self._remember(now)

    def _see(self, place: str, event: PastEvent, rev: int) -> None:
        number, seq = (event.id, event.seq) if isinstance(event, Message) else (0, 0)
        self._move(place, number, seq, event.time, rev)
        if isinstance(event, Message):
            self._remember(event)

    def _move(self, place: str, number: int, seq: int, time: datetime, rev: int) -> None:
        mark = self.mark(place)
        self.marks[place] = Mark(
            max(mark.id, number), max(mark.time, time), max(mark.seq, seq), max(mark.rev, rev), mark.epoch
        )

    def _remember(self, message: Message) -> None:
        self._messages.setdefault(place_of(message), Timeline()).renew(message)


def _reacted(before: Message, now: Message) -> Iterator[tuple[str, str, bool]]:
    """Which emoji were taken away and put there, and by whom. As many as have gone and come with one emoji are called
    otherwise by now."""
    old, new = before.reactions or {}, now.reactions or {}
    for emoji in {**old, **new}:
        were, are = old.get(emoji, []), new.get(emoji, [])
        gone, come = [name for name in were if name not in are], [name for name in are if name not in were]
        yield from ((emoji, name, False) for name in gone[len(come) :])
        yield from ((emoji, name, True) for name in come[len(gone) :])
