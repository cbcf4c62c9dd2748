"""The JOIN/MSG/LEAVE core: the way of every frame, through the plugins, and what becomes of those that none took."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from greenchat.chat.keys import Use
from greenchat.chat.outlet import Asked
from greenchat.chat.place import Place
from greenchat.chat.room import Member, Room
from greenchat.errors import Advice, Reject
from greenchat.hooks.ending import Cut
from greenchat.hooks.interfaces import Call
from greenchat.protocol.address import is_local
from greenchat.protocol.events import Read
from greenchat.protocol.names import require_name
from greenchat.protocol.plugin_reports import Why
from greenchat.protocol.reload_reports import Reload
from greenchat.protocol.replies import Ack, CommandList
from greenchat.protocol.requests import (
    Delete,
    Edit,
    Export,
    Hangup,
    History,
    Invalid,
    Join,
    KeepCursor,
    Leave,
    ListCommands,
    ListMentions,
    MarkRead,
    Ping,
    Pong,
    React,
    Ref,
    RunCommand,
    Say,
    Search,
    Status,
    Unknown,
)
from greenchat.protocol.runs import Says
from greenchat.protocol.text import first_apart, printable, slash_at
from greenchat.protocol.vocabulary import Request
from greenchat.search.query import parse_query
from greenchat.session import coming, cursors, once, reading
from greenchat.session.host import Host
from greenchat.session.session import Session

# What a page of an export costs: two a second of them are enough for who takes all of it away.
EXPORT_FRAMES = 5


def route(connection: Session, frames: Sequence[Request]) -> None:
    """The way of all frames: through the plugins, then to the core. What has a `ref` is answered once."""
    if type(frames) is Says:
        _route_run(connection, frames)
    else:
        _route_each(connection, frames)
    connection.send_acks()


def _route_run(connection: Session, says: Says) -> None:
    """Messages in a row are said as one, but for those that are commands or show nothing, and where a plugin looks at
    each frame."""
    hooks, chat, texts = connection.server.hooks, connection.server.chat, says.texts
    asked = hooks.says is not None
    if asked and _is_taken(connection, says):
        return
    if connection.member is None or (hooks.frame is not None and not asked):
        _route_each(connection, says, asked=asked)
        return
    at = 0
    while at < len(texts) and connection.closing is None:
        member, stop = connection.require_member(), first_apart(texts, at)
        room = None if stop == at else _room_of(connection, member, says.room)
        if room is None:
            stop = max(stop, at + 1)
            try:
                _route_each(connection, says[at:stop], asked=asked)
            except Cut as cut:
                cut.left += says[stop:]
                raise
        else:
            part = says if stop - at == len(texts) else says[at:stop]
            answers = RunAnswers(connection, part, room)
            try:
                chat.say_run(member, part.texts, room, answers, connection)
            except Cut as cut:
                cut.refs.append(part[answers.stopped_at].ref)
                cut.left += [*part[answers.stopped_at + 1 :], *says[stop:]]
                raise
        at = stop


def _route_each(connection: Session, frames: Iterable[Request], *, asked: bool = False) -> None:
    rest = iter(frames)
    frame: Request | None = None
    try:
        for frame in rest:
            _route_one(connection, frame, asked)
            if connection.closing is not None:
                return
            if connection.stops:
                raise Cut(is_answered=True)
    except Cut as cut:
        if frame is not None and not cut.is_answered:
            cut.refs.append(frame.ref)
        cut.left += rest
        raise


def _is_taken(connection: Session, says: Says) -> bool:
    """Whether a plugin has taken a run, or refused it."""
    take = connection.server.hooks.says
    try:
        if take is None or not connection.offer(says, take):
            return False
    except Reject as verdict:
        for say in says:
            connection.refuse(verdict, say.ref)
    except Cut as cut:  # what the plugin has done with the others is not known: none is said twice
        cut.refs += [say.ref for say in says[cut.said :]]
        raise
    connection.breathe()
    return True


def _room_of(connection: Session, member: Member, name: str) -> Room | None:
    """Where a message that names a room, or none, is to be said; None where that is refused."""
    room = member.rooms.get(name or connection.only)
    if room is None:
        with suppress(Reject):
            return _required_room(connection, member, name)
    return room


def _required_room(connection: Session, member: Member, name: str) -> Room:
    """As `_room_of`. Raises `Reject`."""
    return connection.server.chat.room_of(member, name) if name else member.room_meant(connection)


class RunAnswers:
    """Acknowledges what was said of a run, and tells what was refused. `stopped_at` is the place of the one at which it
    was ended, where it was."""

    __slots__ = ("_connection", "_refs", "_room", "asks", "stopped_at")

    def __init__(self, connection: Session, says: Says, room: Room) -> None:
        self._connection = connection
        self._refs = says.refs
        self._room = room
        self.asks = bool(says.refs) and getattr(connection.codec, "wants_acks", True)
        self.stopped_at = 0

    def said(self, place: int, count: int, seq: int, number: int) -> None:
        self._connection.acknowledge_run(self._refs[place : place + count], self._room, seq, number)

    def refused(self, place: int, verdict: Reject) -> bool:
        self._connection.refuse(verdict, self._refs[place] if self._refs else None)
        return self._connection.closing is None

    def stopped(self, place: int) -> None:
        self.stopped_at = place


def _route_one(connection: Session, frame: Request, asked: bool) -> None:
    """The way of a frame by itself. With `asked`, those who take runs have been asked already."""
    server = connection.server
    hooks = server.hooks
    try:
        if type(frame) is Say and frame.key and connection.member is not None and not is_command(frame.text):
            _say_once(connection, frame)
            return
        if hooks.frame is not None and not (asked and hooks.says is not None) and connection.offer(frame, hooks.frame):
            pass
        elif type(frame) is Say:
            _say(connection, frame)
            return
        elif type(frame) is Join:
            _join(connection, server, frame)
        else:
            handle(connection, server, frame)
        connection.breathe()
    except Reject as verdict:
        connection.refuse(verdict, frame.ref)


def _join(connection: Session, server: Host, frame: Join) -> None:
    """Deal with it, on a stack of its own. Raises `Reject`."""
    was_in = connection.member is not None
    try:
        connection.apart(handle, connection, server, frame)
    except Cut as cut:
        cut.is_answered = connection.is_welcome and not was_in  # it was told all it waits for, but for what is kept
        raise


def _say_once(connection: Session, say: Say) -> None:
    """Say it, unless it was said before with this key. Raises `Reject`."""
    use = once.begin(connection, say)
    if use is None:
        return
    try:
        frame = connection.server.hooks.frame
        if frame is not None and connection.offer(say, frame):
            connection.breathe()
        else:
            _say(connection, say, use)
    finally:
        use.free()


def _say(connection: Session, say: Say, use: Use | None = None) -> None:
    """Say it, or have it run as a command. Raises `Reject`."""
    chat, member, text = connection.server.chat, connection.member, say.text
    at = slash_at(text)
    if at >= 0:
        slash = connection.server.hooks.slash
        if slash is not None and not text.startswith("/", at + 1) and connection.offer(say, slash):
            connection.breathe()
            return
        text = unslashed(text)
    if member is None:
        member = connection.require_member()
    if say.conversation or say.to:
        asked = Asked(say.room, say.conversation, say.to, say.reply_to)
        said = chat.say_to_one(member, text, asked, origin=connection, key=None if use is None else use.stored)
        if say.ref is not None:
            connection.acknowledge(say.ref, said)
        if use is not None:
            once.said_to_one(connection, use, said)
        return
    # No command is run here, so what names no room means the only one; where there is none, `room_of` refuses.
    room = member.rooms.get(say.room or connection.only) or _required_room(connection, member, say.room)
    seq, number = chat.say_one(member, text, room, connection, say.reply_to, None if use is None else use.stored)
    if say.ref is not None:
        connection.acknowledge_run((say.ref,), room, seq, number)
    if use is not None:
        once.said(connection, use, room, seq, number)


def handle(session: Session, server: Host, frame: Request) -> None:
    """Do what `frame` asks for. Raises `Reject` where that may not be."""
    session.settle()
    if server.hooks.request is not None and session.offer(frame, server.hooks.request):
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
        case RunCommand():
            run_command(session, server, frame)
        case ListCommands(ref):
            session.tell(CommandList(commands=server.commands.told_to(session), ref=ref))
        case Edit() | Delete() | React():
            change(session, server, frame)
        case MarkRead():
            mark_read(session, server, frame)
        case KeepCursor():
            cursors.deal(session, server.session_store, frame)
        case Export():
            session.charge(EXPORT_FRAMES)
            session.tell(server.chat.export(session.require_member(), frame))
        case History(conversation=conversation) if conversation:
            session.tell(server.chat.read_conversation(session.require_member(), frame))
        case History(epoch=epoch) if epoch:
            member = session.require_member()
            session.tell(server.chat.catch_up(member, _required_room(session, member, frame.room), frame))
        case Search() if frame.conversation or session.require_member().account_id:
            if frame.room or (parse_query(frame.text).rooms and not frame.conversation):
                raise Reject("This server keeps no history.", code="no_history")
            session.tell(server.search_direct(session, frame))
        case History() | Search() | ListMentions():
            session.require_member()
            raise Reject("This server keeps no history.", code="no_history")
        case Status() | Why() | Reload():
            if not is_local(session.address):
                raise Reject("Only the server's own machine is told that. Ask there.", code="not_allowed")
            if isinstance(frame, Reload):
                server.reload_for(session, frame)
            else:
                session.tell(server.stats(frame.ref) if isinstance(frame, Status) else server.why(frame))
        case Hangup():
            session.lose("connection closed")
        case Unknown(kind):
            raise Reject(f"{printable(kind)!r} is no frame type.", "unknown_type", Advice.FRAME_TYPES)
        case Invalid(code, text, _, fatal):
            if fatal:
                session.close("cannot be understood")
            raise Reject(text, code)


def run_command(session: Session, server: Host, ask: RunCommand) -> None:
    """What a program asks for, with the arguments of the command by their names."""
    if ask.key:
        raise Reject("A command has no key: it is run each time.", code="malformed")
    call = Call(session, session.asked_in(ask.room, ask.conversation, ask.to, ask.reply_to), ask.ref)
    session.during(call, lambda: server.commands.run_with(session, ask.name, ask.args))
    session.settle()
    if ask.ref is not None:
        session.acknowledge(ask.ref, call.said)


def change(session: Session, server: Host, frame: Edit | Delete | React) -> None:
    """Change a message in one of the rooms that the session is in, or of its conversations."""
    chat, member = server.chat, session.require_member()
    if frame.room and frame.conversation:
        raise Reject("Say where: in a room or in a conversation, not in both.", "malformed")
    place: Place
    if frame.conversation:
        place = chat.conversation(member, frame.conversation)
    else:
        place = _required_room(session, member, frame.room)
    match frame:
        case Edit(seq, text):
            rev = chat.edit(member, place, seq, unslashed(text), session)
        case Delete(seq):
            rev = chat.delete(member, place, seq)
        case React(seq, emoji, on=on):
            rev = chat.react(member, place, seq, emoji, on, session)
    session.acknowledge_change(frame.ref, place, frame.seq, rev)


def mark_read(session: Session, server: Host, frame: MarkRead) -> None:
    """The member of the session has read one of its rooms as far as it says."""
    member = session.require_member()
    if frame.conversation:
        if seq := server.chat.read_direct(member, frame.conversation, frame.seq):
            reading.tell_others(session, Read("", seq, frame.conversation))
    else:
        room = _required_room(session, member, frame.room)
        if server.chat.read(member, room, frame.seq):
            reading.tell_others(session, Read(room.name, member.reads[room.name]))
    if frame.ref is not None:
        session.acknowledge(frame.ref, None)


def is_command(text: str) -> bool:
    """Whether it is never said: plugins run it, or nobody does."""
    return (at := slash_at(text)) >= 0 and not text.startswith("/", at + 1)


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


def join(session: Session, server: Host, frame: Join) -> None:
    """Let a session into the chat, or into one more room, and welcome it."""
    member = session.member
    if member is not None:
        if not _is_called(member, frame.name) or not (frame.room or frame.login or not member.rooms):
            raise Reject(f"You are in the chat already, as {session.name}.", code="already_joined")
        if frame.room is None or (frame.login and not frame.room):  # a plugin has dealt with the login
            session.welcome(member.rooms.get(session.only), frame.ref)
        else:
            session.enter(frame.room, frame.key, frame.ref)
        return
    if session.needs_password and not frame.token:  # who has a token has known it before
        session.authenticate(frame.password)
    session.replay = frame.replay
    coming.join(session, frame)


def leave(session: Session, server: Host, room: str, ref: Ref) -> None:
    """Let a session out of one of its rooms, or out of the chat."""
    member = session.member
    if member is None or not room:
        session.close("left")
        return
    there = server.chat.room_of(member, room)
    server.chat.part(member, there, "left", by=session)
    if ref is not None:
        session.tell(Ack(ref))


def _is_called(member: Member, name: str) -> bool:
    """Whether `name`, in whatever spelling, is `member`'s; or is left out."""
    if name in ("", member.name):
        return True
    with suppress(Reject):
        return require_name(name, 0)[1] == member.key
    return False
