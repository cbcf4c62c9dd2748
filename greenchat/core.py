"""The JOIN/MSG/LEAVE core: what becomes of a frame that no plugin took.

Messages of those who have joined are not here: they are so many that a session says them itself.
"""

from typing import TYPE_CHECKING, Protocol

from greenchat import __version__
from greenchat.chat import Chat
from greenchat.commands import CommandTable
from greenchat.config import Config
from greenchat.dispatch import Dispatcher
from greenchat.errors import Reject
from greenchat.frames import (
    History,
    Invalid,
    Join,
    Leave,
    Ping,
    Pong,
    Ref,
    Request,
    Say,
    Stats,
    Status,
    Unknown,
    Welcome,
)
from greenchat.stats import is_local
from greenchat.text import printable

if TYPE_CHECKING:
    from greenchat.session import Session


class Host(Protocol):
    """What a session needs of its server."""

    config: Config
    hooks: Dispatcher
    chat: Chat
    commands: CommandTable

    def refused(self, session: int, name: str, verdict: Reject) -> None: ...

    def check_password(self, address: str, given: str) -> None: ...

    def stats(self, ref: Ref) -> Stats: ...


def act(session: "Session", server: Host, frame: Request) -> None:
    """Do what `frame` asks for. Raises `Reject` where that may not be."""
    match frame:
        case Join():
            join(session, server, frame)
        case Leave():
            if session.member is not None:
                session.require_room(frame.room)
            session.close("left")
        case Ping(ref):
            session.knows_pings()
            session.tell(Pong(ref))
        case Pong():
            session.knows_pings()
        case History():
            session.require_room(frame.room)
            raise Reject("This server keeps no history.", code="no_history")
        case Status(ref):
            if not is_local(session.address):
                raise Reject("Only the server's own machine is told that. Ask there.", code="not_allowed")
            session.tell(server.stats(ref))
        case Say():
            session.require_member()
        case Unknown(kind):
            raise Reject(
                f"{printable(kind)!r} is no frame type. Send JOIN|<username>, MSG|<text> or LEAVE.", "unknown_type"
            )
        case Invalid(code, text, _, fatal):
            if fatal:
                session.close("cannot be understood")
            raise Reject(text, code)


def join(session: "Session", server: Host, frame: Join) -> None:
    """Let a session into the chat, and welcome it."""
    if session.member is not None:
        raise Reject(f"You are in the chat already, as {session.name}.", code="already_joined")
    if session.needs_password:
        session.authenticate(frame.password)
    member = server.chat.join(session, frame.name, frame.room)
    session.joined(member)
    room = member.room
    session.tell(
        Welcome(
            name=member.name,
            room=room.name,
            members=[other.name for other in room.members.values()],
            seq=room.seq,
            limits=server.config.limits.announced(),
            server=f"greenchat/{__version__}",
            hint="Say /help for the commands." if server.commands else "",
            ref=frame.ref,
        )
    )
