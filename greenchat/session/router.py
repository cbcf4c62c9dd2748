"""The JOIN/MSG/LEAVE core: what becomes of a frame that no plugin took.

Messages of those who have joined are not here: they are so many that a session says them itself.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from greenchat.chat.chat import Chat
from greenchat.chat.room import Member, Room
from greenchat.config.schema import Config
from greenchat.errors import Reject
from greenchat.hooks.commands import CommandTable
from greenchat.hooks.dispatch import Dispatcher
from greenchat.net.backlog import Backlog
from greenchat.net.turns import Turns
from greenchat.protocol.address import is_local
from greenchat.protocol.names import require_name
from greenchat.protocol.replies import Ack, Stats, Welcome
from greenchat.protocol.requests import (
    History,
    Invalid,
    Join,
    Leave,
    Ping,
    Pong,
    Ref,
    Request,
    Say,
    Search,
    Status,
    Unknown,
)
from greenchat.protocol.text import printable, slash_at
from greenchat.version import __version__

if TYPE_CHECKING:
    from greenchat.session.session import Session


class Host(Protocol):
    """What a session needs of its server."""

    config: Config
    hooks: Dispatcher
    chat: Chat
    commands: CommandTable
    turns: Turns
    backlog: Backlog

    def refused(self, session: int, name: str, verdict: Reject) -> None: ...

    def unexpected(self, session: "Session", error: BaseException) -> None: ...

    def check_password(self, address: str, given: str) -> None: ...

    def stats(self, ref: Ref) -> Stats: ...


def handle(session: "Session", server: Host, frame: Request) -> None:
    """Do what `frame` asks for. Raises `Reject` where that may not be."""
    if type(frame) is not Say and server.hooks.request is not None and server.hooks.request(session, frame):
        return
    match frame:
        case Join():
            join(session, server, frame)
        case Leave(room, ref):
            leave(session, server, room, ref)
        case Ping(ref):
            session.knows_pings()
            session.tell(Pong(ref))
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
            raise Reject(
                f"{printable(kind)!r} is no frame type. Send JOIN|<username>, MSG|<text> or LEAVE.", "unknown_type"
            )
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


def join(session: "Session", server: Host, frame: Join) -> None:
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
    welcome(session, server, member.rooms[member.only], frame.ref)


def leave(session: "Session", server: Host, room: str, ref: Ref) -> None:
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


def welcome(session: "Session", server: Host, room: Room, ref: Ref = None) -> None:
    """Tell a session all about the room that it has come into."""
    member = session.require_member()
    members = room.some_members(member)
    session.tell(
        Welcome(
            name=session.name,
            room=room.name,
            members=[other.name for other in members],
            members_more=len(room.members) - len(members),
            seq=room.seq,
            limits=server.config.limits.announced(),
            server=f"greenchat/{__version__}",
            hint="Say /help for the commands." if server.commands else "",
            ref=ref,
            topic=room.topic,
            account=session.account,
            roles={other.name: role for other in members if (role := room.role_of(other))},
            away={other.name: other.away for other in members if other.away and not _unread(member, other)},
        )
    )
    if server.hooks.entered is not None:
        server.hooks.entered(session, room)


def _unread(reader: Member, author: Member) -> bool:
    return reader.ignored is not None and reader.ignored.covers(author)
