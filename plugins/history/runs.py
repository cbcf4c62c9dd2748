"""What was said, on its way to the disk: messages in a row are one `Run`, which SQLite unpacks."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

import msgspec

from greenchat import File, Key, Message, Messages

from .changes import Change, kept_files

_TEXTS = msgspec.json.Encoder()
_UNPACKED = msgspec.json.Decoder(list[str])


class Run(msgspec.Struct, frozen=True, gc=False):
    """Messages that one person said in a row in one room, at one time; `id`, `seq` and `rev` are those of the first,
    and rise by one. They take a third of the room of as many `Message`s, and SQLite unpacks them without Python."""

    room: str
    id: int
    seq: int
    time: datetime
    sender: str
    action: bool
    texts: bytes  # a JSON array
    count: int
    rev: int = 0
    reply_to: int = 0
    account: int = 0
    key: Key | None = None
    files: tuple[File, ...] = ()


def pack_run(messages: Messages) -> Run:
    """What one person said in a row, as an observer gets it."""
    texts = _TEXTS.encode(messages.texts)
    return Run(
        messages.room,
        messages.id,
        messages.seq,
        messages.time,
        messages.sender,
        messages.action,
        texts,
        len(messages.texts),
        messages.rev,
        messages.reply_to,
        messages.account_id,
        messages.key,
        tuple(kept_files(messages.files)),
    )


def pack(messages: Sequence[Message]) -> Sequence[Run]:
    """Messages said in a row by one person in one room."""
    first, count = messages[0], len(messages)
    if messages[-1].id - first.id == count - 1:
        texts = _TEXTS.encode([message.text for message in messages])
        place = first.room, first.id, first.seq, first.time
        files = tuple(kept_files(first.files))
        return (Run(*place, first.sender, first.action, texts, count, first.rev, first.reply_to, files=files),)
    return pack_any(messages)  # meanwhile somebody has said something in another room


def pack_any(messages: Iterable[Message]) -> Sequence[Run]:
    """Any messages."""
    alike = groupby(enumerate(messages), lambda item: _likeness(*item))
    return [run for _, group in alike for run in pack([message for _, message in group])]


def _likeness(place: int, message: Message) -> tuple[object, ...]:
    """Neighbours with the same one are of one run."""
    numbers = message.id - place, message.seq - place, message.rev and message.rev - place, message.reply_to
    return (*numbers, message.room, message.time, message.sender, message.action, message.files and message.id)


def unpack(run: Run) -> list[Message]:
    """What was packed."""
    room, seq, number, rev = run.room, run.seq, run.id, run.rev
    return [
        Message(
            room,
            seq + place,
            number + place,
            run.sender,
            text,
            run.time,
            run.action,
            False,
            rev + place,
            run.reply_to,
            files=[*run.files] or None,
        )
        for place, text in enumerate(_UNPACKED.decode(run.texts))
    ]


def part(run: Run, start: int, stop: int | None = None) -> Run:
    """Some of the messages of a run, from the one in this place on."""
    texts = _UNPACKED.decode(run.texts)[start:stop]
    numbers = {"id": run.id + start, "seq": run.seq + start, "rev": run.rev + start}
    return msgspec.structs.replace(run, **numbers, texts=_TEXTS.encode(texts), count=len(texts))


def moved(item: Run | Change, seqs: int, revs: int, since: datetime | None) -> Run | Change:
    """The same with higher numbers, and not before `since`."""
    if isinstance(item, Run):
        time = item.time if since is None else max(item.time, since)
        answered = item.reply_to and item.reply_to + seqs
        return msgspec.structs.replace(item, seq=item.seq + seqs, rev=item.rev + revs, time=time, reply_to=answered)
    more = item.more and msgspec.structs.replace(item.more, reply_to=item.more.reply_to and item.more.reply_to + seqs)
    return msgspec.structs.replace(
        item, rev=item.rev + revs, last=item.last + seqs, seq=item.seq and item.seq + seqs, more=more
    )
