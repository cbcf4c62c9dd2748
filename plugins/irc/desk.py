"""What this plugin answers by itself: lines that are about IRC, and not about the chat; and questions of who and what
there is."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from greenchat import ChatServer, Member, Message, Reject, Room, Session, __version__, require_name

from . import burst
from .caps import CAPS, EXTENDED, listed
from .client import Gone
from .frames import IrcLine, Numeric, context_of
from .grammar import LINE_BYTES, line, word
from .ignoring import ignores
from .marks import Marks
from .names import HOST, ascii_lower, from_irc, is_channel, real_name, room_of, source, to_channel, to_irc, user_name
from .own import IrcCodec
from .shared import from_somebody, signs_of

Told = Iterator["str | Numeric"]

# Who has left is remembered so long: the latest.
LEFT = 200

# Numerics that say what is wrong with a line, by themselves.
ERRORS: dict[str, str] = {
    "401": "No such nick",
    "403": "No such channel",
    "407": "Too many targets",
    "409": "No origin specified",
    "411": "No recipient given (PRIVMSG)",
    "412": "No text to send",
    "417": "Input line was too long",
    "431": "No nickname given",
    "432": "No nick has such signs",
    "451": "You have no name here yet: send USER, and NICK with one that is free",
    "461": "Not enough parameters",
    "462": "You may not reregister",
    "696": "This cannot be set: a key has at most 100 characters, without blanks and commas; a limit is a number",
    "472": "is unknown mode char to me",
    "476": "Bad channel name",
    "904": "SASL authentication failed",
    "905": "SASL message too long",
    "906": "SASL authentication aborted",
    "907": "You have already authenticated using SASL",
}


class Desk:
    """What handlers know: the server, and what this plugin remembers of it."""

    def __init__(self, server: ChatServer, marks: Marks) -> None:
        self.server = server
        self.marks = marks
        self.present: WeakSet[Member] = WeakSet()  # those of whom it was told that they are there
        self.started = datetime.now(UTC)
        self.topics: WeakKeyDictionary[Room, tuple[str, datetime]] = WeakKeyDictionary()  # who has set it, and when
        self.irc: set[Session] = set()  # those that speak it
        self.watchers: defaultdict[str, set[Session]] = defaultdict(set)  # who monitors whom, by nicks
        self.gone: deque[Gone] = deque(maxlen=LEFT)
        self.most = 0  # the most people that were here at one time

    def begin(self, session: Session, codec: IrcCodec) -> None:
        self.irc.add(session)
        for nick in codec.client.monitored:
            self.watchers[nick].add(session)

    def end(self, session: Session, codec: IrcCodec) -> None:
        self.irc.discard(session)
        self.unwatch(session, codec, list(codec.client.monitored))

    def watch(self, session: Session, codec: IrcCodec, nicks: Iterable[str]) -> None:
        """From now on it is told of their coming and going."""
        for nick in nicks:
            codec.client.monitored[ascii_lower(nick)] = nick
            self.watchers[ascii_lower(nick)].add(session)

    def unwatch(self, session: Session, codec: IrcCodec, nicks: Iterable[str]) -> None:
        for nick in map(ascii_lower, nicks):
            codec.client.monitored.pop(nick, None)
            self.watchers[nick].discard(session)
            if not self.watchers[nick]:
                del self.watchers[nick]

    def member(self, nick: str) -> Member | None:
        """Who is called so now."""
        try:
            _, key = require_name(from_irc(nick), 0)
        except Reject:
            return None
        return self.server.chat.members.get(key)

    def room(self, session: Session, channel: str) -> Room | None:
        """A room that there is, and that `session` may know of."""
        chat = self.server.chat
        try:
            name = chat.room_name(room_of(channel)) if is_channel(channel) and room_of(channel) else ""
        except Reject:
            return None
        found = chat.rooms.get(name)
        return found if found is not None and chat.may_enter(session, session.require_member(), name) else None

    def codec_of(self, member: Member) -> IrcCodec | None:
        """How one of its sessions speaks IRC; None where none does."""
        for session in member.sessions:
            if isinstance(session.codec, IrcCodec):
                return session.codec
        return None

    def is_bot(self, member: Member) -> bool:
        """Whether a program is behind it: a plugin, or a client that says so."""
        codec = self.codec_of(member)
        return bool(member.bot) or (codec is not None and codec.client.is_bot)

    def neighbours(self, member: Member, cap: str) -> list[tuple[Session, IrcCodec]]:
        """The sessions on IRC that have a capability and share a room with `member`, itself among them."""
        return list(dict(one for room in member.rooms.values() for one in self.listening(room, cap)).items())

    def listening(self, room: Room, cap: str) -> list[tuple[Session, IrcCodec]]:
        """The sessions on IRC that have a capability and are in `room`."""
        return [
            (one, one.codec)
            for one in (room.fanout.listeners if self.irc else ())
            if isinstance(one, Session) and isinstance(one.codec, IrcCodec) and one.codec.client.has(cap)
        ]

    def watching(self, name: str, cap: str) -> list[Session]:
        """Those that monitor somebody with whom they share no room, and want to know more than their coming."""
        watchers = self.watchers.get(ascii_lower(to_irc(name)))
        if not watchers:
            return []
        member = self.member(to_irc(name))
        near = {one for one, _ in self.neighbours(member, cap)} if member is not None else set()
        return [one for one in watchers - near if _wants(one, cap) and not (member and ignores(one, member))]

    def realname(self, member: Member) -> str:
        codec = self.codec_of(member)
        return codec.client.realname if codec is not None else member.name

    def username(self, member: Member) -> str:
        """What is shown as such, where somebody asks. In front of what they say is the name alone, see `source`."""
        codec = self.codec_of(member)
        return (user_name(codec.client.user) if codec is not None else "") or to_irc(member.name)

    def account(self, member: Member) -> str:
        """The name of somebody's account, as it was registered; empty for a guest."""
        return to_irc(self.server.accounts.name_of(member.account_id) or member.account) if member.account else ""

    def count(self) -> int:
        """How many people are here."""
        people = len(self.server.chat.members)
        self.most = max(self.most, people)
        return people

    def signs(self, room: Room, member: Member) -> str:
        """All that stand before a name in this room, the highest first."""
        return signs_of(room.role_of(member), member.account, room.has_voice(member))

    def signs_of(self, room: Room, members: Iterable[Member]) -> dict[str, str]:
        """Those of who has any among them, by their names."""
        return {one.name: signs for one in members if (signs := self.signs(room, one))}

    def topic_set_by(self, room: Room) -> Numeric | None:
        """Who has set its topic, and when, if that was seen."""
        if room not in self.topics:
            return None
        by, when = self.topics[room]
        return Numeric("333", (to_channel(room.name), to_irc(by), str(int(when.timestamp()))))

    def message(self, place: Any, seq: int) -> Message | None:
        """A message that is remembered."""
        past = place.log.find(seq) if place is not None else None
        return past.message if past is not None and isinstance(past.message, Message) else None


def _wants(session: Session, cap: str) -> bool:
    caps = session.codec.client.caps if isinstance(session.codec, IrcCodec) else frozenset()
    return cap in caps and not EXTENDED.isdisjoint(caps)


Handler = Callable[[Desk, Session, IrcCodec, IrcLine], Told]


def cap(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    client, what = codec.client, asked.params[0]
    nick = client.shown if client.is_registered else "*"
    match what:
        case "LS" | "LIST":
            version, names = (client.version, CAPS) if what == "LS" else (0, sorted(client.caps))
            found = listed(version, names, LINE_BYTES - len(f":{HOST} CAP {nick} {what} * :\r\n".encode()))
            for place, words in enumerate(found):
                more = ["*"] if place < len(found) - 1 and client.version >= 302 else []
                yield f":{HOST} CAP {' '.join([nick, what, *more])} :{words}"
        case "ACK" | "NAK":
            session.shared_codec = codec.shared
            yield f":{HOST} CAP {nick} {what} :{asked.params[1]}"
        case _:
            yield Numeric("410", (what or "*",), "Invalid CAP command")


def motd(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield from burst.motd(desk.server)


def version(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield Numeric("351", (f"greenchat-{__version__}", HOST), "https://pypi.org/project/greenchat")
    yield from burst.supported(desk.server)


def clock(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield Numeric("391", (HOST,), f"{datetime.now(UTC):%A, %d %B %Y %H:%M:%S} UTC")


def admin(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield Numeric("256", (HOST,), "Administrative info")
    yield Numeric("257", (), "A greenchat server")
    yield Numeric("258", (), "Ask an operator: /who #room shows them by a *")
    yield Numeric("259", (), "There is no address")


def info(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield Numeric("371", (), f"greenchat {__version__}: a chat server for Python people")
    yield Numeric("374", (), "End of /INFO list")


def links(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield Numeric("365", ("*",), "End of /LINKS list")  # it is one server, whatever is behind it


def stats(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    letter = asked.params[0][:1] if asked.params else "*"
    if letter == "u":
        up = datetime.now(UTC) - desk.started
        hours, rest = divmod(up.seconds, 3600)
        yield Numeric("242", (), f"Server Up {up.days} days {hours}:{rest // 60:02d}:{rest % 60:02d}")
    yield Numeric("219", (letter or "*",), "End of /STATS report")


def help_(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    subject = asked.params[0] if asked.params else "index"
    yield Numeric("704", (subject,), "The commands of this chat are given with their room: /quote roll #room 2d6")
    yield Numeric("705", (subject,), "Those that are about no room go without: /quote messages bob")
    yield Numeric("706", (subject,), "End of /HELP")


def setname(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    name = session.chat.require_sayable(session.require_member(), real_name(asked.params[0]))
    codec.client.realname = name
    told = f":{source(codec.me)} SETNAME :{name}"
    me = session.require_member()
    near = (other for other, _ in desk.neighbours(me, "setname") if not ignores(other, me))
    for other in (*near, *desk.watching(session.name, "setname")):
        if other is not session:
            other.tell(from_somebody(other, session.name, told))
    if codec.client.has("setname"):
        yield told


def user_mode(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    nick, letters = asked.params[0], asked.params[1] if asked.params[1:] else ""
    if ascii_lower(nick) != ascii_lower(codec.me):
        if desk.member(nick) is None:
            yield Numeric("401", (nick,), "No such nick")
        else:
            yield Numeric("502", (), "Cannot change mode for other users")
        return
    if not letters:
        client = codec.client
        modes = {"o": session.role == "operator", "B": client.is_bot, "T": client.no_ctcp}
        yield Numeric("221", (f"+i{''.join(letter for letter, on in modes.items() if on)}",))
        return
    on, changed = True, ""
    for letter in letters:
        if letter in "+-":
            on = letter == "+"
        elif letter == "B":
            codec.client.is_bot = on
            (codec.facts.besides.bots.add if on else codec.facts.besides.bots.discard)(codec)
            changed += f"{'+' if on else '-'}B"
        elif letter == "T":
            codec.client.no_ctcp = on
            changed += f"{'+' if on else '-'}T"
        elif letter not in "iwoxsZR":
            yield Numeric("501", (), "Unknown MODE flag")
    if changed:
        yield f":{source(codec.me)} MODE {codec.me} {changed}"


def ended(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    nick = asked.params[0]
    if context_of(asked.ref).verb != "PRIVMSG":
        return
    if desk.member(nick) is None:
        yield Numeric("401", (nick,), "No such nick")
    else:
        text = "This is somebody else than you have talked to. Send it again if you mean who is called so now"
        yield Numeric("401", (nick,), text)


def service(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield Numeric("401", (asked.params[0],), "There are no services here, and nothing was said")
    yield f":{HOST} NOTICE {codec.me} :Log in by SASL, or: /quote login NAME PASSWORD"
    yield f":{HOST} NOTICE {codec.me} :An account is made by: /quote register * * PASSWORD"


def error(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    text = ERRORS[asked.verb]
    params = asked.params
    yield Numeric(asked.verb, [one or "*" for one in params], text)


def mechanisms(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield Numeric("908", ("PLAIN",), "are available SASL mechanisms")
    yield Numeric("904", (), ERRORS["904"])


def authenticate(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield "AUTHENTICATE +"


def fail(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield line(HOST, "FAIL", *asked.params)


def standard(code: str, text: str) -> Handler:
    """A standard reply (IRCv3) of this code."""

    def answer(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
        verb = context_of(asked.ref).verb or (asked.params[0] if asked.params else "*")
        about = [word(one) for one in asked.params if one != verb]
        yield f":{HOST} FAIL {' '.join([verb, code, *about])} :{text}"

    return answer


def invalid_utf8(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    text = "The line is not valid UTF-8. Set your client to UTF-8"
    yield f":{HOST} FAIL {asked.params[0] or '*'} INVALID_UTF8 :{text}"


def nothing(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    """Where there is a label: that it was dealt with is told anyway."""
    yield from ()


HANDLERS: dict[str, Handler] = {
    "NOTHING": nothing,
    "CAP": cap,
    "AUTHENTICATE": authenticate,
    "908": mechanisms,
    "MOTD": motd,
    "VERSION": version,
    "TIME": clock,
    "ADMIN": admin,
    "INFO": info,
    "LINKS": links,
    "STATS": stats,
    "HELP": help_,
    "HELPOP": help_,
    "SETNAME": setname,
    "UMODE": user_mode,
    "ENDED": ended,
    "SERVICE": service,
    "FAIL": fail,
    "INVALID_UTF8": invalid_utf8,
    "UNKNOWN_MSGID": standard("UNKNOWN_MSGID", "This message does not exist"),
    "COMPLETE_CONNECTION_REQUIRED": standard("COMPLETE_CONNECTION_REQUIRED", "Come in first, then register"),
    "ACCOUNT_NAME_MUST_BE_NICK": standard("ACCOUNT_NAME_MUST_BE_NICK", "Only the nick that you have can be registered"),
    **dict.fromkeys(ERRORS, error),
}
