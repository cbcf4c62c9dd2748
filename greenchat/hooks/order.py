"""Keeping order, as plugins may by a right that the operator has granted."""

from greenchat import values
from greenchat.chat.chat import Chat
from greenchat.chat.room import Member, Room
from greenchat.errors import Reject
from greenchat.protocol.events import Notice
from greenchat.protocol.text import require_line


def put_out(chat: Chat, plugin: str, member: Member, why: str, room: Room | None) -> None:
    """Out of `room`, or of the chat where that is None; it goes on record as the plugin's doing. Raises `Reject`."""
    why = require_line(values.text(why)) if why else ""
    because = f": {why}" if why else "."
    if not chat.people.has(member):
        raise Reject(f"{member.name} has left the chat.", code="unknown_user")
    by = f"the plugin {plugin}"
    if room is None:
        rooms, where = list(member.rooms.values()), "the chat"
    elif room.has(member):
        rooms, where = [room], room.name
    else:
        raise Reject(f"{member.name} is not in {room.name}.", code="unknown_user")
    chat.audit(by, "kick", member.name, "" if room is None else room.name, why)
    for one in rooms:
        one.post(Notice(f"{member.name} was put out of {where} by {by}{because}", one.name), origin=member)
    verdict = Reject(f"You were put out of {where} by {by}{because}", code="kicked")
    if room is not None:
        member.refuse(verdict)
        chat.part(member, room, "kicked")
    if room is None or not member.sessions:
        sessions = list(member.sessions)
        chat.leave(member, "kicked")
        for session in sessions:
            session.end(verdict, "kicked")
