"""What there is to know of rooms: TOPIC and LIST; and where something was said: TARGETS."""

from datetime import datetime
from typing import Any

from greenchat import Reject, Session

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


# --- what was said ---


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
    times = (read_time(one.removeprefix("timestamp=")) for one in given[:2])
    bounds = sorted(time_tag(time) for time in times if time is not None)  # as clients know them, to the millisecond
    if len(bounds) != 2 or not (given[2:] and given[2].isdecimal()):
        yield f":{HOST} FAIL CHATHISTORY INVALID_PARAMS TARGETS :Invalid parameters"
        return
    member = session.require_member()
    places: list[tuple[datetime, str]] = [(room.time, to_channel(room.name)) for room in member.rooms.values()]
    for state in session.chat.conversations_of(member)[0]:
        place = session.chat.open_conversation(state.conversation)
        if place is not None:
            places.append((place.time, to_irc(state.with_)))
    found = [one for one in places if bounds[0] < time_tag(one[0]) < bounds[1]]
    most = min(int(given[2]), HISTORY_MESSAGES)
    lines = [line(HOST, "CHATHISTORY", "TARGETS", target, time_tag(time)) for time, target in sorted(found)[:most]]
    if codec.client.has("batch"):
        yield f":{HOST} BATCH +t draft/chathistory-targets"
        yield from (f"@batch=t {one}" for one in lines)
        yield f":{HOST} BATCH -t"
    else:
        yield from lines
