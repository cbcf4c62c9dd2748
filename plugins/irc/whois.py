"""Who is there: WHO, WHOIS, WHOWAS, ISON, USERHOST, NAMES, LUSERS, and MONITOR."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice

from greenchat import Member, Room, Session

from .burst import MONITORED
from .desk import Desk, Told
from .frames import IrcLine, Numeric
from .ignoring import ignores
from .names import HOST, ascii_lower, is_channel, source, to_channel, to_irc
from .own import IrcCodec
from .rooms import names as name_lines
from .rooms import signs_shown

# The most people of one answer: who wants to know all of a hall asks for its names.
MOST = 1000

# So many of those around are compared with a mask: some milliseconds.
LOOKED_AT = 4000

# Nicks of one line of answers to MONITOR.
PER_LINE = 10

# The fields of WHOX, in the order in which they are told.
FIELDS = "tcuihsnfdlaor"


def names(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    channel = asked.params[0].split(",")[0] if asked.params else "*"
    room = desk.room(session, channel) if is_channel(channel) else None
    if room is None:
        yield Numeric("366", (channel or "*",), "End of /NAMES list")
        return
    there = room.some_members(session.require_member())
    names = [one.name for one in there]
    yield from name_lines(to_channel(room.name), names, desk.signs_of(room, there), codec.client)


def who(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    mask = asked.params[0] or "*"
    options = asked.params[1] if asked.params[1:] else ""
    member = session.require_member()
    found: list[tuple[Member, Room | None]] = []
    if is_channel(mask):
        room = desk.room(session, mask)
        if room is not None:
            found = [(one, room) for one in room.some_members(member)]
    else:
        found = [(one, None) for one in _masked(desk, session, mask)]
    if options.lower().startswith("o"):
        found = [one for one in found if one[0].role == "operator"]
    fields, _, token = options.partition("%")[2].partition(",")
    for one, room in found[:MOST]:
        room = room or next((there for there in one.rooms.values() if desk.room(session, to_channel(there.name))), None)
        if "%" in options:
            yield Numeric("354", _whox(desk, codec, one, room, fields, token))
        else:
            yield Numeric("352", _who_line(desk, codec, one, room), f"0 {desk.realname(one)}")
    yield Numeric("315", (mask,), "End of WHO list")


def _masked(desk: Desk, session: Session, mask: str) -> list[Member]:
    if not any(sign in mask for sign in "*?"):
        one = desk.member(mask)
        return [one] if one is not None else []
    member = session.require_member()
    near = (one for room in member.rooms.values() for one in room.some_members(member))
    mask, some = ascii_lower(mask), dict.fromkeys(islice(near, LOOKED_AT))
    return [one for one in some if fnmatchcase(ascii_lower(to_irc(one.name)), mask)][:MOST]


def _flags(desk: Desk, reader: IrcCodec, member: Member, room: Room | None) -> str:
    bot = "B" if desk.is_bot(member) else ""
    signs = desk.signs(room, member)[: signs_shown(reader.client)] if room is not None else ""
    return f"{'G' if member.away else 'H'}{'*' if member.role == 'operator' else ''}{signs}{bot}"


def _who_line(desk: Desk, reader: IrcCodec, member: Member, room: Room | None) -> list[str]:
    nick, channel = to_irc(member.name), to_channel(room.name) if room is not None else "*"
    return [channel, desk.username(member), HOST, HOST, nick, _flags(desk, reader, member, room)]


def _whox(desk: Desk, reader: IrcCodec, member: Member, room: Room | None, fields: str, token: str) -> list[str]:
    nick = to_irc(member.name)
    known = {
        "t": token,
        "c": to_channel(room.name) if room is not None else "*",
        "u": desk.username(member),
        "i": "255.255.255.255",
        "h": HOST,
        "s": HOST,
        "n": nick,
        "f": _flags(desk, reader, member, room),
        "d": "0",
        "l": str(_idle(member)),
        "a": desk.account(member) or "0",
        "o": "n/a",
        "r": desk.realname(member),
    }
    return [known[field] for field in FIELDS if field in fields]


def _idle(member: Member) -> int:
    return int(min((one.idle_seconds for one in member.sessions if isinstance(one, Session)), default=0))


def whois(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    if not asked.params or not asked.params[-1]:
        yield Numeric("431", (), "No nickname given")
        return
    nick = asked.params[-1].split(",")[0]
    member, reader = desk.member(nick), session.require_member()
    if member is None:
        yield Numeric("401", (nick,), "No such nick")
        yield Numeric("318", (nick,), "End of /WHOIS list")
        return
    nick = to_irc(member.name)
    yield Numeric("311", (nick, desk.username(member), HOST, "*"), desk.realname(member))
    rooms = [room for room in member.rooms.values() if desk.room(session, to_channel(room.name)) is not None]
    if rooms:
        shown = signs_shown(codec.client)
        words = [desk.signs(room, member)[:shown] + to_channel(room.name) for room in rooms[:50]]
        yield Numeric("319", (nick,), " ".join(words))
    yield Numeric("312", (nick, HOST), "greenchat")
    if member.role == "operator":
        yield Numeric("313", (nick,), "is an operator")
    if member.away and not ignores(session, member):
        yield Numeric("301", (nick,), member.away)
    if member.account:
        yield Numeric("330", (nick, desk.account(member)), "is logged in as")
    if desk.is_bot(member):
        yield Numeric("335", (nick,), "is a bot")
    sessions = [one for one in member.sessions if isinstance(one, Session)]
    if sessions and (session.role == "operator" or member is reader):
        yield Numeric("378", (nick,), f"is connecting from {', '.join(one.address for one in sessions)}")
    if sessions:
        since = int(min(one.since for one in sessions).timestamp())
        yield Numeric("317", (nick, str(_idle(member)), str(since)), "seconds idle, signon time")
    yield Numeric("318", (nick,), "End of /WHOIS list")


def whowas(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    if not asked.params or not asked.params[0]:
        yield Numeric("431", (), "No nickname given")
        return
    nick = asked.params[0]
    most = int(asked.params[1]) if asked.params[1:] and asked.params[1].isdecimal() else 0
    found = [one for one in reversed(desk.gone) if ascii_lower(one.nick) == ascii_lower(nick)]
    if not found:
        yield Numeric("406", (nick,), "There was no such nickname")
    for one in found[: most or None]:
        yield Numeric("314", (one.nick, one.username, HOST, "*"), one.realname)
        yield Numeric("312", (one.nick, HOST), f"{one.time:%a %b %d %Y %H:%M:%S}")
    yield Numeric("369", (nick,), "End of WHOWAS")


def ison(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    nicks = [nick for param in asked.params for nick in param.split()]
    yield Numeric("303", (), " ".join(to_irc(one.name) for nick in nicks[:MOST] if (one := desk.member(nick))))


def userhost(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    found = [one for nick in asked.params[:5] if (one := desk.member(nick)) is not None]
    words = []
    for one in found:
        nick = to_irc(one.name)
        words.append(f"{nick}{'*' if one.role == 'operator' else ''}={'-' if one.away else '+'}{nick}@{HOST}")
    yield Numeric("302", (), " ".join(words))


def lusers(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    yield from counts(desk)


def counts(desk: Desk) -> Iterator[Numeric]:
    """How many are here, as everybody is told who comes in."""
    chat = desk.server.chat
    people, operators = desk.count(), sum(one.role == "operator" for one in chat.members.values())
    yield Numeric("251", (), f"There are {people} users and 0 invisible on 1 servers")
    yield Numeric("252", (str(operators),), "operator(s) online")
    unknown = sum(1 for one in desk.irc if isinstance(one.codec, IrcCodec) and not one.codec.client.is_registered)
    yield Numeric("253", (str(unknown),), "unknown connection(s)")
    yield Numeric("254", (str(len(chat.rooms)),), "channels formed")
    yield Numeric("255", (), f"I have {people} clients and 1 servers")
    for code, where in (("265", "local"), ("266", "global")):
        yield Numeric(code, (str(people), str(desk.most)), f"Current {where} users {people}, max {desk.most}")


# --- whose coming and going one wants to know ---


def monitor(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    what, client = asked.params[0].upper(), codec.client
    nicks = [nick for nick in (asked.params[1] if asked.params[1:] else "").split(",") if nick]
    match what:
        case "+":
            fresh = [nick for nick in nicks if ascii_lower(nick) not in client.monitored]
            room = MONITORED - len(client.monitored)
            if len(fresh) > room:
                yield Numeric("734", (str(MONITORED), ",".join(fresh[room:])), "Monitor list is full.")
            added = [nick for nick in nicks if ascii_lower(nick) in client.monitored or nick in fresh[:room]]
            desk.watch(session, codec, added)
            yield from _there(desk, added)
        case "-":
            desk.unwatch(session, codec, nicks)
        case "C":
            desk.unwatch(session, codec, list(client.monitored))
        case "L":
            known = list(client.monitored.values())
            for start in range(0, len(known), PER_LINE):
                yield Numeric("732", (), ",".join(known[start : start + PER_LINE]))
            yield Numeric("733", (), "End of MONITOR list")
        case "S":
            yield from _there(desk, list(client.monitored.values()))
        case _:
            yield Numeric("461", ("MONITOR",), "Not enough parameters")


def _there(desk: Desk, nicks: list[str]) -> Told:
    here = [source(one.name) for nick in nicks if (one := desk.member(nick)) is not None]
    away = [nick for nick in nicks if desk.member(nick) is None]
    for code, words in (("730", here), ("731", away)):
        for start in range(0, len(words), PER_LINE):
            yield Numeric(code, (), ",".join(words[start : start + PER_LINE]))
