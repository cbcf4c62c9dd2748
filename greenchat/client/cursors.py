"""How far one is in what happens in the rooms."""

from typing import NamedTuple

from greenchat.protocol.events import Deleted, Edited, Event, Message, Reacted
from greenchat.protocol.replies import Welcome
from greenchat.protocol.requests import Frame


class Cursor(NamedTuple):
    """All that has become of a room's messages is known up to `rev`, which holds in this `epoch` of the server's."""

    epoch: str
    rev: int


def move(cursors: dict[str, Cursor], item: Event | Frame) -> None:
    """`item` was told: be so far. Not by an `Ack`, which may overtake what others have said."""
    match item:
        case Welcome(room=room, epoch=epoch, rev=rev) if epoch:
            cursors[room] = Cursor(epoch, rev)
        case Message() | Edited() | Deleted() | Reacted():
            known = cursors.get(item.room)
            if known is not None and item.rev > known.rev:
                cursors[item.room] = Cursor(known.epoch, item.rev)
