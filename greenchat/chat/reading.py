"""How far somebody has read a room, and what there is behind that. It is found out when it is asked for: what is said
costs nothing more."""

from collections.abc import Sequence
from typing import NamedTuple
from weakref import ref

from greenchat.chat.batch import knows_numbers
from greenchat.chat.log import RECENT, Spoken
from greenchat.chat.mentions import Mentions
from greenchat.chat.room import Member, Room
from greenchat.protocol.events import Message
from greenchat.protocol.names import key_of


class Unread(NamedTuple):
    """One has read up to the message `read`; how many there are behind it, and how many of those name one."""

    read: int
    unread: int = 0
    mentions: int = 0


def begin(member: Member, room: Room) -> None:
    """`member` comes into `room`: for the first time, and then nothing there is unread; or again, and no further than
    there are messages by now. To a guest whose client knows no numbers it is never told: it is not kept, as an idle
    connection is to take little memory."""
    if member.account_id or any(knows_numbers(session.codec) for session in member.sessions):
        member.reads[room.name] = min(member.reads.get(room.name, room.seq), room.seq)


def position(member: Member, room: Room) -> int:
    """Up to which message `member` has read `room`: who says something has read what was said before."""
    read = min(member.reads.get(room.name, room.seq), room.seq)
    if read < room.seq:
        read = member.reads[room.name] = max(read, room.log.last_by(member, read))
    return read


def needs_recall(member: Member, room: Room) -> bool:
    """Whether more of what was said there has to be known, to tell what `member` has not read."""
    read = position(member, room)
    return room.log.reach(room.seq) > max(read, room.seq - RECENT)


def unread(member: Member, room: Room, names: Sequence[str]) -> Unread:
    """What `member`, who is called by these `names`, has not read: of the last messages those that are not their own,
    and not deleted; what is behind those is counted by numbers."""
    read = position(member, room)
    if read == room.seq:
        return Unread(read)
    # A welcome tells it, and then the list of all conversations: mostly nothing has happened in between.
    ignored = member.ignored.names if member.ignored else []
    how = (read, room.seq, room.rev, room.log.is_recalled, *names, ignored)
    counted = room.log.counted
    if counted is None or counted[0]() is not member or counted[1] != how:
        counted = room.log.counted = ref(member), how, _count(member, room, read, Mentions(names))
    found: Unread = counted[2]
    return found


def _count(member: Member, room: Room, read: int, names: Mentions) -> Unread:
    log = room.log
    start = max(read, room.seq - RECENT)  # from behind which on each message is looked at, as far as it is known
    count = max(max(start, log.reach(room.seq)) - max(read, log.nothing_upto), 0)
    mentions = 0
    changed = log.changed
    for spoken in log.behind(start):
        first, texts, _, account_id, author = spoken
        if account_id == member.account_id if account_id else author is not None and author() is member:
            continue
        for seq, text in enumerate(texts, first):
            if seq <= start:
                continue
            past = changed.get(seq) if changed else None
            if past is not None:
                if not isinstance(past.message, Message):
                    continue
                text = past.message.text
            count += 1
            if names(text) and not _is_ignored(member, spoken):
                mentions += 1
    return Unread(read, count, mentions)


def _is_ignored(member: Member, spoken: Spoken) -> bool:
    if member.ignored is None:
        return False
    author = spoken.author() if spoken.author is not None else None
    return member.ignored.covers_past(author, spoken.account_id, key_of(spoken.sender))
