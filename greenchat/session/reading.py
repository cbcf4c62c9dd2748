"""What a session is told of what its member has read; and what it asks for about that."""

import gevent

from greenchat.chat.log import RECENT
from greenchat.chat.reading import needs_recall, unread
from greenchat.chat.room import Member, Room
from greenchat.errors import Reject
from greenchat.hooks.dispatch import Dispatcher
from greenchat.hooks.interfaces import Session
from greenchat.protocol.events import Read
from greenchat.protocol.replies import Conversations, RoomState

# How long to wait, again and again, while somebody else has a room's messages handed in, in seconds.
MOMENT_SECONDS = 0.01


def conversations(session: Session) -> Conversations:
    """All that the member of `session` takes part in."""
    member = session.require_member()
    direct, more = session.chat.conversations_of(member)
    names = session.chat.names_of(member)
    rooms = [RoomState(room.name, room.seq, room.rev, *unread(member, room, names)) for room in member.rooms.values()]
    return Conversations(rooms, direct, session.chat.direct_epoch, more)


def tell_others(session: Session, read: Read) -> None:
    """Have the other sessions of its member know how far it has read."""
    member = session.require_member()
    for other in [other for other in member.sessions if other is not session and other.is_welcome]:
        if getattr(other.codec, "numbers", False):  # a codec of a plugin may know of none
            other.tell(read)


def recall(hooks: Dispatcher, member: Member) -> None:
    """Have it known what was said in the rooms of `member`, as far as that matters to what they have not read. May
    wait."""
    for room in list(member.rooms.values()) if hooks.recall is not None else ():
        while room.log.is_recalled is False:
            gevent.sleep(MOMENT_SECONDS)
        if room.log.is_recalled is None and needs_recall(member, room):
            _recall(hooks, room)


def _recall(hooks: Dispatcher, room: Room) -> None:
    log = room.log
    log.is_recalled = False
    try:
        pasts = hooks.recall(room, RECENT) if hooks.recall is not None else None
        log.recall(pasts or (), room.seq, is_all=pasts is not None and len(pasts) < RECENT)
    except Reject:
        pass  # it cannot be read at the moment: who comes next has it asked again
    finally:
        log.is_recalled = log.is_recalled or None
