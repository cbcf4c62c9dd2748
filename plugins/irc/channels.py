"""What there is to know of rooms: TOPIC and LIST; and what was said and read there: TARGETS and MARKREAD."""

from datetime import datetime
from typing import Any

from greenchat import Message, Read, Reject, Room, Session

from .asking import CHANNELS
from .caps import HISTORY_MESSAGES
from .desk import Desk, Told
from .frames import IrcLine, Numeric
from .grammar import line
from .history import read_time, time_tag
from .modes import END_OF_LIST, LISTED
from .names import HOST, ascii_lower, is_channel, to_channel, to_irc
from .own import IrcCodec


def topic(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    channel = asked.params[0]
    room = desk.room(session, channel)
    if room is None:
        yield Numeric("403", (channel,), "No such channel")
    elif not room.topic:
        yield Numeric("331", (to_channel(room.name),), "No topic is set")
    else:
        yield Numeric("332", (to_channel(room.name),), room.topic)
        if (set_by := desk.topic_set_by(room)) is not None:
            yield set_by


def list_named(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    """Of all there are, the chat's own command tells: see `listed`."""
    yield LISTED
    for channel in asked.params[0].split(",")[:CHANNELS]:
        room = desk.room(session, channel)
        if room is not None:
            yield Numeric("322", (to_channel(room.name), str(len(room.members))), room.topic)
    yield END_OF_LIST


# --- what was said and read ---


def place_of(desk: Desk, session: Session, codec: IrcCodec, target: str) -> Any:
    """The room or conversation that a target means to this client, if it is in there."""
    member = session.require_member()
    if is_channel(target):
        room = desk.room(session, target)
        return room if room is not None and room.name in member.rooms else None
    conversation = codec.client.talks.get(ascii_lower(target), "")
    try:
        return session.chat.conversation(member, conversation) if conversation else None
    except Reject:
        return None


def targets(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    """In which conversations something was said between two times."""
    given = asked.params
    bounds = sorted(time for one in given[:2] if (time := read_time(one.removeprefix("timestamp="))) is not None)
    if len(bounds) != 2 or not (given[2:] and given[2].isdecimal()):
        yield f":{HOST} FAIL CHATHISTORY INVALID_PARAMS TARGETS :Invalid parameters"
        return
    member = session.require_member()
    found: list[tuple[datetime, str]] = [
        (room.time, to_channel(room.name)) for room in member.rooms.values() if bounds[0] < room.time < bounds[1]
    ]
    for state in session.chat.conversations_of(member)[0]:
        place = session.chat.open_conversation(state.conversation)
        if place is not None and bounds[0] < place.time < bounds[1]:
            found.append((place.time, to_irc(state.with_)))
    most = min(int(given[2]), HISTORY_MESSAGES)
    lines = [line(HOST, "CHATHISTORY", "TARGETS", target, time_tag(time)) for time, target in sorted(found)[:most]]
    if codec.client.has("batch"):
        yield f":{HOST} BATCH +t draft/chathistory-targets"
        yield from (f"@batch=t {one}" for one in lines)
        yield f":{HOST} BATCH -t"
    else:
        yield from lines


def mark_read(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    target, given = asked.params[0], asked.params[1] if asked.params[1:] else ""
    place = place_of(desk, session, codec, target)
    if place is None:
        if is_channel(target):
            yield f":{HOST} FAIL MARKREAD INVALID_PARAMS {target} :You are not in there"
        else:
            yield line(HOST, "MARKREAD", target, "*")
        return
    member = session.require_member()
    if given:
        seq = _seq_at(place, read_time(given.removeprefix("timestamp=")))
        if isinstance(place, Room):
            if seq and session.chat.read(member, place, seq):
                _tell_others(session, Read(place.name, member.reads[place.name]))
        elif seq and (seq := session.chat.read_direct(member, place.conversation, seq)):
            _tell_others(session, Read("", seq, place.conversation))
    yield line(HOST, "MARKREAD", target, mark_of(place, _read(session, place)))


def _read(session: Session, place: Any) -> int:
    member = session.require_member()
    if isinstance(place, Room):
        return member.reads.get(place.name, 0)
    found = session.chat.conversations_of(member)[0]
    return next((state.read for state in found if state.conversation == place.conversation), 0)


def mark_of(place: Any, seq: int) -> str:
    """A read marker for the message `seq`: its time, where that is remembered."""
    past = place.log.find(seq) if seq else None
    if past is None or not isinstance(past.message, Message):
        return "*"
    return f"timestamp={time_tag(past.message.time)}"


def _seq_at(place: Any, time: datetime | None) -> int:
    """The latest message that was said by then, of those that are remembered."""
    if time is None:
        return 0
    seq = place.seq
    while seq > 0 and (past := place.log.find(seq)) is not None:
        said = past.message
        if time_tag(said.time) <= time_tag(time):
            return int(seq)
        seq -= 1
    return 0


def _tell_others(session: Session, read: Read) -> None:
    for other in list(session.require_member().sessions):
        if other is not session and other.is_welcome and getattr(other.codec, "numbers", False):
            other.tell(read)
