"""What only clients of IRC tell each other: requests of client to client, and tags without words, such as who types."""

from datetime import UTC, datetime
from secrets import token_hex

from greenchat import Member, Session

from .beside import client_tags
from .desk import Desk, Told
from .frames import IrcLine, IrcLines, IrcTagged, Numeric
from .names import is_channel, source, to_channel, to_irc
from .own import IrcCodec

# Tags that are nobody's words, and come with each key that somebody types.
TYPING = ("+typing", "+draft/typing")


def ctcp(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    verb, target, text = asked.params
    others = _others(desk, session, target)
    if others is None:
        if verb == "PRIVMSG":
            yield Numeric("404" if is_channel(target) else "401", (target,), "Nobody there is asked that")
        return
    text = "".join(sign for sign in text if sign >= " " or sign == "\x01")
    for other, shown in others:
        other.tell(IrcLines(lines=[f":{source(session.name)} {verb} {shown} :{text}"]))


def tags_alone(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    target = asked.params[0]
    tags = client_tags(asked.tags)
    others = _others(desk, session, target)
    if others is None:
        yield Numeric("404" if is_channel(target) else "401", (target,), "Nobody there is told that")
        return
    words = " ".join(value for name, value in tags.items() if name not in TYPING)
    room = desk.room(session, target) if is_channel(target) else None
    if words.strip():
        session.chat.require_sayable(session.require_member(), words, room.name if room is not None else "")
    if not tags:
        return
    tags["msgid"], time = token_hex(8), datetime.now(UTC)
    for other, shown in others:
        other.tell(IrcTagged(lines=[f":{source(session.name)} TAGMSG {shown}"], tags=tags, time=time))
    if codec.client.has("echo-message"):
        shown = to_channel(room.name) if room is not None else target
        line = f":{source(session.name)} TAGMSG {shown}"
        session.tell(IrcTagged(lines=[line], tags=tags, time=time, ref=asked.ref))


def _others(desk: Desk, session: Session, target: str) -> list[tuple[Session, str]] | None:
    """The sessions on IRC that it goes to, and what it is called for them; None where one may not speak there."""
    member = session.require_member()
    if is_channel(target):
        room = desk.room(session, target)
        if room is None or room.name not in member.rooms:
            return None
        listeners = [one for one in room.fanout.listeners if isinstance(one, Session) and one is not session]
        return [(one, to_channel(room.name)) for one in listeners if _hears(one, member)]
    other = desk.member(target)
    if other is None:
        return None
    found = [one for one in other.sessions if isinstance(one, Session)]
    return [(one, to_irc(other.name)) for one in found if _hears(one, member)]


def _hears(session: Session, member: Member) -> bool:
    reader = session.member
    ignores = reader is not None and reader.ignored is not None and reader.ignored.covers(member)
    return isinstance(session.codec, IrcCodec) and session.codec.client.is_registered and not ignores
