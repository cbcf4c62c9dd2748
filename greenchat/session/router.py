"""The JOIN/MSG/LEAVE core: the way of every frame, through the plugins, and what becomes of those that none took."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from greenchat.chat.member import Asked, Member
from greenchat.errors import Advice, Reject
from greenchat.protocol.address import is_local
from greenchat.protocol.events import Message, Private
from greenchat.protocol.names import require_name
from greenchat.protocol.replies import Ack
from greenchat.protocol.requests import History, Invalid, Join, Leave, Ping, Pong, Ref, Say, Search, Status, Unknown
from greenchat.protocol.text import printable, slash_at
from greenchat.protocol.vocabulary import Request
from greenchat.session.session import Host, Session

if TYPE_CHECKING:
    from greenchat.session.connection import Connection


def route(connection: "Connection", frames: Sequence[Request]) -> None:
    """The way of every frame: through the plugins, then to the core. What has a `ref` is answered once."""
    server = connection.server
    say, take = server.chat.say, server.hooks.frame
    for frame in frames:
        try:
            if take is not None and connection.offer(frame, take):
                connection.breathe()
            elif type(frame) is Say and (member := connection.member) is not None:
                text = frame.text
                if not "0" <= text < "\x7f":  # most begin with a letter or a digit, and these need no look
                    text = unslashed(text)
                if frame.conversation or frame.to:
                    asked = Asked(frame.room, frame.conversation, frame.to)
                    said: Message | Private = server.chat.say_to_one(member, text, asked)
                elif frame.room:
                    said = say(member, text, False, server.chat.room_of(member, frame.room))
                else:  # no command is run here, so it is the only room; where there is none, `Member.room` refuses
                    said = say(member, text, False, member.rooms.get(member.only) or member.room)
                if frame.ref is not None:
                    connection.acknowledge(frame.ref, said)
                continue
            else:
                if type(frame) is Join:
                    connection.apart(handle, connection, server, frame)
                else:
                    handle(connection, server, frame)
                connection.breathe()
        except Reject as verdict:
            connection.refuse(verdict, frame.ref)
        if connection.closing is not None:
            break
    connection.send_acks()


def handle(session: "Connection", server: Host, frame: Request) -> None:
    """Do what `frame` asks for. Raises `Reject` where that may not be."""
    session.settle()
    if type(frame) is not Say and server.hooks.request is not None and session.offer(frame, server.hooks.request):
        return
    match frame:
        case Join():
            join(session, server, frame)
        case Leave(room, ref):
            leave(session, server, room, ref)
        case Ping():
            session.knows_pings()
            if frame.ref is None:
                session.tell_at_once(frame.pong())  # who wants to know whether we are there need not wait for the disk
            else:
                session.tell(frame.pong())
        case Pong():
            session.knows_pings()
        case History() | Search():
            session.require_member()
            raise Reject("This server keeps no history.", code="no_history")
        case Status(ref):
            if not is_local(session.address):
                raise Reject("Only the server's own machine is told that. Ask there.", code="not_allowed")
            session.tell(server.stats(ref))
        case Say():
            session.require_member()
        case Unknown(kind):
            raise Reject(f"{printable(kind)!r} is no frame type.", "unknown_type", Advice.FRAME_TYPES)
        case Invalid(code, text, _, fatal):
            if fatal:
                session.close("cannot be understood")
            raise Reject(text, code)


def unslashed(text: str) -> str:
    """`text` as it is to be said, which no plugin took: one that begins with a slash is a command, and never said, in
    case there is a secret in it. `//x` says `/x`. Raises `Reject`."""
    at = slash_at(text)
    if at < 0:
        return text
    if text.startswith("/", at + 1):
        return text[:at] + text[at + 1 :]  # indented, say, as it was
    name = printable(text[at:].split(maxsplit=1)[0])
    raise Reject(f"There is no command {name}, so nothing was said. To say it, begin with //.", code="unknown_command")


def join(session: "Connection", server: Host, frame: Join) -> None:
    """Let a session into the chat, or into one more room, and welcome it."""
    member = session.member
    if member is not None:
        if not (frame.room or not member.rooms) or not _is_called(member, frame.name):
            raise Reject(f"You are in the chat already, as {session.name}.", code="already_joined")
        session.enter(frame.room, frame.key, frame.ref)
        return
    if session.needs_password:
        session.authenticate(frame.password)
    member = server.chat.join(session, frame.name, frame.room, frame.key)
    session.joined(member)
    session.welcome(member.rooms[member.only], frame.ref)


def leave(session: Session, server: Host, room: str, ref: Ref) -> None:
    """Let a session out of one of its rooms, or out of the chat."""
    member = session.member
    if member is None or not room:
        session.close("left")
        return
    server.chat.part(member, server.chat.room_of(member, room), "left")
    if ref is not None:
        session.tell(Ack(ref))


def _is_called(member: Member, name: str) -> bool:
    """Whether `name`, in whatever spelling, is `member`'s; or is left out."""
    if name in ("", member.name):
        return True
    with suppress(Reject):
        return require_name(name, 0)[1] == member.key
    return False
