"""Going, and why, which others read: PART and QUIT."""

from collections.abc import Iterable

from greenchat import Reject, Session

from .burst import QUIT_BYTES
from .desk import Desk, Handler, Told
from .frames import IrcLine, Numeric
from .grammar import cut, without_formatting
from .ignoring import is_read_by_all
from .own import IrcCodec
from .shared import PARTED


def sayable(session: Session, reason: str, most: int, rooms: Iterable[str]) -> str:
    """What others are told of a reason: as much as goes into `most` bytes, as it may be read in all of these rooms.
    Empty where nothing is left of it. May wait. Raises `Reject`."""
    reason = cut(without_formatting(reason), most)[0].strip()
    for room in rooms if reason else ():
        reason = session.chat.require_sayable(session.require_member(), reason, room)
    return reason


def part(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    channel, why = asked.params
    member = session.require_member()
    room = desk.room(session, channel)
    if room is None or not room.has(member):
        yield Numeric("403" if room is None else "442", (channel,), "You are not in that channel")
        return
    try:
        why = sayable(session, why, QUIT_BYTES, [room.name])
    except Reject:
        why = ""
    why = why if is_read_by_all(member, [room]) else ""
    session.chat.part(member, room, f"{PARTED}{why}" if why else "left", session)  # which tells it


def part_all(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    member = session.require_member()
    for room in list(member.rooms.values()):
        session.chat.part(member, room, "left", session)  # which tells it
    yield from ()


def quit_(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    """Why one goes is words, which others read: as far as all rooms may be told that."""
    given, rooms = asked.params[0] if asked.params else "", list(session.member.rooms) if session.member else []
    try:
        reason = sayable(session, given, QUIT_BYTES, rooms)
    except Reject:
        reason = ""
    if session.member is not None and not is_read_by_all(session.member, session.member.rooms.values()):
        reason = ""
    session.close(f"Quit: {reason}" if reason else "left")
    yield from ()


HANDLERS: dict[str, Handler] = {"PART": part, "PART0": part_all, "QUIT": quit_}
