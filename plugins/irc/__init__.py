"""IRC on the chat's own port: every client of IRC is one of greenchat. Who begins with CAP, NICK, USER or PASS is in
the same rooms, with the same people, accounts and history as all others.

decoder.py makes requests of lines: registration.py how one comes in, asking.py the verbs that the core has a request
for, saying.py those of words, modes.py and history.py those of MODE and CHATHISTORY. shared.py writes what rooms tell,
once for all who have the same capabilities; own.py what one client alone is told, and echoes.py finds what they have
said themselves. desk.py, whois.py, channels.py, leaving.py and relay.py answer what is about IRC alone. client.py is
what is kept for a connection, which goes along over a reload.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from greenchat import (
    Away,
    ChatServer,
    Context,
    Invited,
    Join,
    Joined,
    Member,
    Message,
    Messages,
    Reject,
    Renamed,
    Request,
    Room,
    Session,
    Topic,
    __version__,
    hookimpl,
)

from . import burst, channels, desk, leaving, operators, orders, reading, redact, relay, whois
from .absent import Absent
from .beside import Besides
from .caps import OF_ROOMS
from .client import Gone
from .desk import Desk, Handler
from .frames import IrcLine, IrcLines, Numeric, context_of
from .grammar import line
from .ignoring import ignores
from .marks import Marks
from .names import HOST, ascii_lower, is_channel, room_of, source, to_channel, to_irc
from .notices import Notices
from .own import IrcCodec
from .registration import SASL
from .settings import Settings as Settings
from .shared import SharedCodec, from_somebody

log = logging.getLogger("greenchat.irc")

# How a client of IRC begins, in whatever case.
BEGINNINGS = (b"CAP ", b"NICK ", b"USER ", b"PASS ")

# So many lines are told at once, before others have their turn, where this one is long.
STEP = 64

# So many changes of people are known to be told to who watches these, while more rooms tell of them: more than come in
# one turn.
SEEN = 256

HANDLERS: dict[str, Handler] = {
    **desk.HANDLERS,
    **leaving.HANDLERS,
    **orders.HANDLERS,
    "TOPIC": channels.topic,
    "LIST": channels.list_named,
    "TARGETS": channels.targets,
    "MARKREAD": reading.mark_read,
    "NAMES": whois.names,
    "LUSERS": whois.lusers,
    "WHO": whois.who,
    "WHOIS": whois.whois,
    "WHOWAS": whois.whowas,
    "ISON": whois.ison,
    "USERHOST": whois.userhost,
    "MONITOR": whois.monitor,
    "CTCP": relay.ctcp,
    "TAGMSG": relay.tags_alone,
    "KILL": operators.kill,
    "REDACT": redact.redact,
}


class Irc:
    """The hooks, and what codecs know of the server."""

    _server: ChatServer
    _desk: Desk
    besides: Besides

    def __init__(self, settings: Settings, ctx: Context) -> None:
        self._settings = settings
        self._ctx = ctx
        self._absent = Absent(ctx.carry_state())
        self._shared: dict[frozenset[str], SharedCodec] = {}
        self._seen: deque[tuple[str, datetime]] = deque(maxlen=SEEN)

    # --- begin and end ---

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._server = server
        self._desk = Desk(server, Marks(self._ctx.store.account))
        self.besides = Besides(self._is_bot, self._is_here, Notices(self._ctx.store))
        server.carries(IrcCodec(self))
        for address in self._settings.listen:
            where = server.listen_also(address, self._serve)
            log.info("IRC is spoken on %s, too", where)

    @hookimpl
    def greenchat_claim(self, first_bytes: bytes) -> Callable[[Any, str], None] | None:
        return self._serve if first_bytes[:5].upper().startswith(BEGINNINGS) else None

    def _serve(self, sock: Any, address: str) -> None:
        self._server.serve_session(sock, address, IrcCodec(self))

    @hookimpl
    def greenchat_connected(self, session: Session) -> None:
        if isinstance(session.codec, IrcCodec):
            session.codec.session = session
            session.codec.client.has_phrase |= session.needs_password  # no more, once it was right
            self._desk.begin(session, session.codec)
            if session.codec.client.is_bot:
                self.besides.bots.add(session.codec)

    @hookimpl
    def greenchat_carried(self, session: Session) -> None:
        self.greenchat_connected(session)
        if session.member is not None:
            self._desk.present.add(session.member)
        if isinstance(session.codec, IrcCodec):
            self._absent.is_still_here(session.codec.client)

    @hookimpl
    def greenchat_disconnected(self, session: Session) -> None:
        if isinstance(session.codec, IrcCodec):
            self._desk.end(session, session.codec)
            session.codec.session = None
            self._absent.went(session.codec.client)

    # --- what clients ask ---

    @hookimpl(trylast=True)  # who logs in to join is looked at by others before
    def greenchat_request(self, session: Session, frame: Request) -> bool:
        if not isinstance(session.codec, IrcCodec):
            return False
        codec = session.codec
        if isinstance(frame, Join):
            return self._logged_in(session, codec, frame)
        if not isinstance(frame, IrcLine):
            return False
        handler = HANDLERS.get(frame.verb)
        if handler is None:
            self._other(session, codec, frame)
            return True
        lines: list[str] = []
        for told in handler(self._desk, session, codec, frame):
            lines.append(codec.numeric(told) if isinstance(told, Numeric) else told)
            if len(lines) == STEP:  # it may be about a hall
                session.tell(IrcLines(lines=lines, ref=frame.ref))
                lines = []
                self._server.turns.breathe()
        session.tell(IrcLines(lines=lines, is_last=True, ref=frame.ref))
        return True

    def _logged_in(self, session: Session, codec: IrcCodec, join: Join) -> bool:
        """By SASL one logs in, and does not come in before one is done with all else: clients that know no better send
        all of it in one go, and are in a room only once they were told so."""
        if context_of(join.ref).verb != SASL or session.member is not None:
            return False
        account = self._server.accounts.by_id(session.account_id) if session.account_id else None
        if account is None:
            raise Reject("There are no accounts here. Come in without a login.", code="login_failed")
        codec.client.account = to_irc(account.name)
        session.tell(IrcLines(lines=codec.logged_in(account.name), is_last=True, ref=join.ref))
        return True

    def _other(self, session: Session, codec: IrcCodec, frame: IrcLine) -> None:
        """A verb that IRC does not know may be a command of the chat: in the room that stands first, if one does."""
        params = frame.params
        try:
            command = session.commands.find(frame.verb.lower())
        except Reject:
            command = None
        if command is None or not command.may_run(session):
            told = codec.numeric(Numeric("421", (frame.verb[:50].upper(),), "Unknown command"))
            session.tell(IrcLines(lines=[told], is_last=True, ref=frame.ref))
            return
        room = room_of(params[0]) if params and is_channel(params[0]) else ""
        words = params[1:] if room else params
        session.command(" ".join([command.name, *words]), room)
        session.tell(IrcLines(is_last=True, ref=frame.ref))

    # --- what happens ---

    @hookimpl
    def greenchat_event(self, event: Topic | Away | Renamed | Joined | Invited) -> None:
        match event:
            case Topic(name, _, by, time):
                room = self._server.chat.rooms.get(name)
                if room is not None:
                    self._desk.topics[room] = by, time
            case Away() | Renamed():
                self._tell_watchers(event)
            case Joined(name, by):
                self._came_away(name, by)
            case Invited():
                self._invited(event)

    def _came_away(self, name: str, by: str) -> None:
        """Who comes into a room and is away is told to be (IRCv3, away-notify)."""
        room, member = self._server.chat.rooms.get(name), self._desk.member(by) if self._desk.irc else None
        if room is None or member is None or not member.away:
            return
        told = line(source(member.name), "AWAY", member.away)
        for other, _ in self._desk.listening(room, "away-notify"):
            if other.member is not member and not ignores(other, member):
                other.tell(from_somebody(other, member.name, told))

    def _tell_watchers(self, event: Away | Renamed) -> None:
        """Once, though it comes from all rooms."""
        name, seen = event.name, (event.name, event.time)
        if not self._desk.watchers or seen in self._seen:
            return
        self._seen.append(seen)
        if isinstance(event, Away):
            told = line(source(name), "AWAY", *([event.why] if event.why else []))
            for session in self._desk.watching(name, "away-notify"):
                session.tell(from_somebody(session, name, told))
        elif ascii_lower(to_irc(name)) != ascii_lower(to_irc(event.new_name)):
            self._monitored("731", name)
            self._monitored("730", event.new_name)

    def _invited(self, event: Invited) -> None:
        """Who keeps order in a room may want to know who is asked to come into it (IRCv3, invite-notify)."""
        room = self._server.chat.rooms.get(event.room)
        if room is None:
            return
        told = line(source(event.by), "INVITE", to_irc(event.name), to_channel(event.room))
        for one, _ in self._desk.listening(room, "invite-notify"):
            if one.name != event.by and one.member is not None and room.role_of(one.member):
                one.tell(from_somebody(one, event.by, told))

    @hookimpl
    def greenchat_entered(self, session: Session, room: Room) -> None:
        if len(room.members) <= 1:  # it was empty, or is there anew; what was said there is restored by now
            self.besides.opened(room.name, room.seq)
        self._desk.count()
        self.came(session)

    def came(self, session: Session) -> None:
        """Somebody is in the chat, be it in no room."""
        member = session.member
        if member is not None and member not in self._desk.present:
            self._desk.present.add(member)
            self._monitored("730", member.name)

    def registered(self, session: Session) -> None:
        """A client of IRC has come in, and is told what it has missed."""
        self._absent.came(self._codec(session).client, session.account_id, session.address)
        self.came(session)

    def changed(self, session: Session, event: Away | Renamed) -> None:
        """Of one who is in no room, nobody is told but their own sessions, of which this is one."""
        if session.member is not None and next(iter(session.member.sessions), None) is session:
            self._tell_watchers(event)

    @hookimpl
    def greenchat_account(self, session: Session) -> None:
        member = session.member
        if member is None:
            return
        told = f":{source(member.name)} ACCOUNT {to_irc(member.account) or '*'}"
        for other, _ in self._desk.neighbours(member, "account-notify"):
            if other is not session:
                other.tell(from_somebody(other, member.name, told))
        for other in self._desk.watching(member.name, "account-notify"):
            other.tell(from_somebody(other, member.name, told))
        self._tell_owner(member)

    def _tell_owner(self, member: Member) -> None:
        """What somebody has made as a guest is theirs for good once they are logged in."""
        nick = to_irc(member.name)
        for room in member.rooms.values() if member.account and member.role != "operator" else ():
            if room.owned_by(member):
                told = IrcLines(lines=[f":{HOST} MODE {to_channel(room.name)} -o+q {nick} {nick}"])
                for one in list(room.fanout.listeners):
                    if isinstance(one, Session) and isinstance(one.codec, IrcCodec):
                        one.tell(told)

    @staticmethod
    def _codec(session: Session) -> IrcCodec:
        assert isinstance(session.codec, IrcCodec)
        return session.codec

    @hookimpl
    def greenchat_gone(self, member: Member) -> None:
        nick = to_irc(member.name)
        self._desk.gone.append(Gone(nick, self._desk.username(member), self._desk.realname(member), datetime.now(UTC)))
        if self._desk.member(nick) is None:
            self._monitored("731", member.name)

    def _monitored(self, code: str, name: str) -> None:
        """Tell those who want to know that somebody is there, or is not."""
        nick = to_irc(name)
        shown = source(name) if code == "730" else nick
        for session in list(self._desk.watchers.get(ascii_lower(nick), ())):
            if session.member is not None:
                session.tell(IrcLines(lines=[self._codec(session).numeric(Numeric(code, (), shown))]))

    # --- what codecs know ---

    def shared(self, caps: frozenset[str]) -> SharedCodec:
        of_rooms = caps & OF_ROOMS
        if of_rooms not in self._shared:
            self._shared[of_rooms] = SharedCodec(of_rooms, self._account_of, self.besides)
        return self._shared[of_rooms]

    def _account_of(self, name: str) -> tuple[str, str]:
        member = self._desk.member(name)
        return (member.account, self._desk.realname(member)) if member is not None else ("", name)

    def _is_here(self, name: str) -> bool:
        return self._desk.member(to_irc(name)) is not None

    def _is_bot(self, name: str) -> bool:
        member = self._desk.member(name)
        codec = self._desk.codec_of(member) if member is not None else None
        return codec is not None and codec.client.is_bot

    def greeting(self, nick: str) -> Sequence[Numeric]:
        created = f"{self._desk.started:%Y-%m-%d %H:%M:%S} UTC"
        return [
            *burst.greeting(nick, __version__, created, self._server),
            *whois.counts(self._desk),
            *burst.motd(self._server),
        ]

    def find(self, session: Session, target: str, conversation: str, seq: int) -> Message | None:
        if conversation:
            return self._desk.message(session.chat.open_conversation(conversation), seq)
        return self._desk.message(self._desk.room(session, target), seq)

    def topic_set_by(self, room: str) -> Numeric | None:
        found = self._server.chat.rooms.get(room)
        return self._desk.topic_set_by(found) if found is not None else None

    def find_run(self, session: Session, channel: str, seq: int, count: int) -> Messages | None:
        room = self._desk.room(session, channel)
        return room.log.in_a_row(seq, count) if room is not None else None

    def is_known(self, session: Session, channel: str) -> bool:
        return self._desk.room(session, channel) is not None

    def is_there(self, session: Session, channel: str) -> bool:
        room = self._desk.room(session, channel)
        return room is not None and session.member is not None and room.name in session.member.rooms

    def signs(self, room: str, roles: Mapping[str, str]) -> dict[str, str]:
        there = self._server.chat.rooms.get(room)
        if there is None:
            return {}
        if there.voices:
            return self._desk.signs_of(there, there.members.values())
        found = [one for name in roles if (one := self._desk.member(name)) is not None]
        return self._desk.signs_of(there, found)

    def is_still(self, session: Session, conversation: str, nick: str) -> bool:
        member = session.member
        if member is None:
            return True
        try:
            other = session.chat.conversation(member, conversation).partner(member)
        except Reject:
            return False
        there = self._desk.member(nick)
        return there is None or there is other

    def away(self, session: Session, name: str) -> str:
        member = self._desk.member(to_irc(name))
        return member.away if member is not None and not ignores(session, member) else ""

    def read_mark(self, session: Session, room: str, conversation: str, seq: int) -> str:
        place = session.chat.open_conversation(conversation) if conversation else session.chat.rooms.get(room)
        if place is None:
            return reading.NONE
        return reading.told(self._desk, session.require_member(), place, reading.where_of(place), seq)


def greenchat_plugin(settings: Settings, ctx: Context) -> Irc:
    return Irc(settings, ctx)
