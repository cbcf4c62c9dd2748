"""MARKREAD (IRCv3, draft/read-marker): how far one has read, which is a time on IRC, and a number to the chat.

The time that a client has said is kept as it is, beside the number: it may be of something that has none. What is said
later of the two holds, so that it is in step with the page and the terminal.
"""

from datetime import datetime
from typing import Any

from greenchat import Member, Read, Room, Session

from .channels import place_of
from .desk import Desk, Told
from .frames import IrcLine, IrcLines
from .grammar import line
from .history import read_time, time_tag
from .names import HOST, ascii_lower, is_channel
from .own import IrcCodec

NONE = "*"


def told(desk: Desk, member: Member, place: Any, where: str, seq: int) -> str:
    """The read marker of one who has read `place`, if there is such a place, up to the message `seq`."""
    said = desk.message(place, seq) if seq else None
    time = max(desk.marks.of(member, where), time_tag(said.time) if said is not None else "")
    return f"timestamp={time}" if time else NONE


def where_of(place: Any, target: str = "") -> str:
    """What a mark is kept under."""
    if place is None:
        return ascii_lower(target)
    return f"#{place.name}" if isinstance(place, Room) else place.conversation


def mark_read(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    target, given = asked.params[0], asked.params[1] if asked.params[1:] else ""
    member, place = session.require_member(), place_of(desk, session, codec, target)
    if place is None and is_channel(target):
        if given:
            yield f":{HOST} FAIL MARKREAD INVALID_PARAMS {target} :You are not in there"
        else:
            yield line(HOST, "MARKREAD", target, NONE)
        return
    where, time = where_of(place, target), read_time(given.removeprefix("timestamp="))
    if time is not None:
        is_news = desk.marks.put(member, where, time_tag(time))
        read = _have_read(session, place, time)
        for other in list(member.sessions):
            if other is session or not other.is_welcome:
                continue
            if not isinstance(other.codec, IrcCodec):
                if read is not None and getattr(other.codec, "numbers", False):
                    other.tell(read)
            elif is_news and isinstance(other, Session) and other.codec.client.has("draft/read-marker"):
                other.tell(IrcLines(lines=[_line(desk, member, place, target, where)]))
    yield _line(desk, member, place, target, where)


def _line(desk: Desk, member: Member, place: Any, target: str, where: str) -> str:
    return line(HOST, "MARKREAD", target, told(desk, member, place, where, _read(member, place)))


def _have_read(session: Session, place: Any, time: datetime) -> Read | None:
    """What others are told of it, if it is news."""
    seq, member = _seq_at(place, time) if place is not None else 0, session.require_member()
    if not seq:
        return None
    if isinstance(place, Room):
        return Read(place.name, member.reads[place.name]) if session.chat.read(member, place, seq) else None
    seq = session.chat.read_direct(member, place.conversation, seq)
    return Read("", seq, place.conversation) if seq else None


def _read(member: Member, place: Any) -> int:
    if place is None:
        return 0
    if isinstance(place, Room):
        return member.reads.get(place.name, 0)
    return int(place.facts[member.identity].read)


def _seq_at(place: Any, time: datetime) -> int:
    """The latest message that was said by then, of those that are remembered. Clients know times to the millisecond."""
    return int(place.log.seq_at(time.replace(microsecond=time.microsecond // 1000 * 1000 + 999)))
