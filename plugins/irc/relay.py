"""What only clients of IRC tell each other: requests of client to client, and tags without words, such as who types."""

from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from greenchat import Member, Session

from .beside import client_tags
from .desk import Desk, Told
from .frames import IrcLine, IrcLines, IrcTagged, Numeric
from .ignoring import ignores
from .names import is_channel, source, to_channel, to_irc
from .own import IrcCodec
from .shared import from_somebody, lines_of

# Tags that come with each key that somebody types, and what they may say: no words. In a larger room, nobody looks at
# them, and each would go to everybody.
TYPING = ("+typing", "+draft/typing")
STATES = ("active", "paused", "done")
TYPING_MEMBERS = 100


def ctcp(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    verb, target, text = asked.params
    others = _others(desk, session, target, asks=verb == "PRIVMSG")  # a NOTICE answers a question of their own
    if others is None:
        if verb == "PRIVMSG":
            yield Numeric("404" if is_channel(target) else "401", (target,), "Nobody there is asked that")
        return
    if not others and verb == "PRIVMSG" and not is_channel(target):
        yield Numeric("531", (target,), "Their client is asked nothing: they want that, or are not on IRC")
        return
    text = "".join(sign for sign in text if sign >= " " or sign == "\x01")
    room = desk.room(session, target) if is_channel(target) else None
    # A mute holds for these as well: clients show what is in them.
    session.chat.require_sayable(session.require_member(), text.strip("\x01"), room.name if room is not None else "")
    head = f":{source(session.name)} {verb}"
    for other, shown in others:
        told = from_somebody(other, session.name, f"{head} {shown} :{text}")
        if other is session:
            codec.behind += told.lines
        else:
            other.tell(told)
    if codec.client.has("echo-message"):
        yield from from_somebody(session, session.name, f"{head} {target} :{text}").lines


def tags_alone(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    target = asked.params[0]
    tags = {name: value for name, value in client_tags(asked.tags).items() if name not in TYPING or value in STATES}
    others = _others(desk, session, target)
    if others is None:
        yield Numeric("404" if is_channel(target) else "401", (target,), "Nobody there is told that")
        return
    words = " ".join(value for name, value in tags.items() if name not in TYPING)
    room = desk.room(session, target) if is_channel(target) else None
    if not words and room is not None and len(room.members) > TYPING_MEMBERS:
        return
    if words.strip():
        session.chat.require_sayable(session.require_member(), words, room.name if room is not None else "")
    if not tags:
        return
    tags["msgid"], time, account = token_hex(8), datetime.now(UTC), session.account
    written: dict[tuple[Any, str], list[str]] = {}  # once for all that read the same
    for other, shown in others:
        lines = written.get((other.shared_codec, shown))
        if lines is None:
            told = IrcTagged(lines=[f":{source(session.name)} TAGMSG {shown}"], tags=tags, time=time, account=account)
            lines = written[other.shared_codec, shown] = lines_of(other.shared_codec.encode(told))
        if other is session:
            codec.behind += lines
        elif lines:
            other.tell(IrcLines(lines=lines))
    if codec.client.has("echo-message"):
        shown = to_channel(room.name) if room is not None else target
        line = f":{source(session.name)} TAGMSG {shown}"
        session.tell(IrcTagged(lines=[line], tags=tags, time=time, account=account, ref=asked.ref))


def _others(desk: Desk, session: Session, target: str, asks: bool = False) -> list[tuple[Session, str]] | None:
    """The sessions on IRC that it goes to, and what it is called for them; None where one may not speak there."""
    member = session.require_member()
    if is_channel(target):
        room = desk.room(session, target)
        if room is None or room.name not in member.rooms:
            return None
        listeners = [one for one in room.fanout.listeners if isinstance(one, Session) and one is not session]
        return [(one, to_channel(room.name)) for one in listeners if _hears(one, member, asks)]
    other = desk.member(target)
    if other is None:
        return None
    found = [one for one in other.sessions if isinstance(one, Session)]
    return [(one, to_irc(other.name)) for one in found if _hears(one, member, asks)]


def _hears(session: Session, member: Member, asks: bool) -> bool:
    if ignores(session, member) or not isinstance(session.codec, IrcCodec):
        return False
    client = session.codec.client
    return client.is_registered and not (asks and client.no_ctcp)
