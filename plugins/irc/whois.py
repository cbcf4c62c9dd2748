"""Who is there: WHO, WHOIS, WHOWAS, ISON, USERHOST, NAMES, and MONITOR."""

from fnmatch import fnmatchcase
from itertools import islice

from greenchat import Member, Room, Session

from .burst import MONITORED
from .desk import Desk, Told
from .frames import IrcLine, Numeric
from .names import HOST, ascii_lower, is_channel, source, to_channel, to_irc
from .own import IrcCodec
from .rooms import names as name_lines
from .shared import SIGNS

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
    roles = {one.name: role for one in there if (role := room.role_of(one))}
    yield from name_lines(to_channel(room.name), [one.name for one in there], roles, codec.client)


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
            yield Numeric("354", _whox(desk, session, one, room, fields, token))
        else:
            yield Numeric("352", _who_line(desk, one, room), f"0 {desk.realname(one)}")
    yield Numeric("315", (mask,), "End of WHO list")


def _masked(desk: Desk, session: Session, mask: str) -> list[Member]:
    if not any(sign in mask for sign in "*?"):
        one = desk.member(mask)
        return [one] if one is not None else []
    member = session.require_member()
    near = (one for room in member.rooms.values() for one in room.some_members(member))
    return [
        one
        for one in dict.fromkeys(islice(near, LOOKED_AT))
        if fnmatchcase(ascii_lower(to_irc(one.name)), ascii_lower(mask))
    ][:MOST]


def _flags(desk: Desk, member: Member, room: Room | None) -> str:
    codec = desk.codec_of(member)
    bot = "B" if member.bot or (codec is not None and codec.client.is_bot) else ""
    sign = SIGNS.get(room.role_of(member), "") if room is not None else ""
    return f"{'G' if member.away else 'H'}{'*' if member.role == 'operator' else ''}{sign}{bot}"


def _who_line(desk: Desk, member: Member, room: Room | None) -> list[str]:
    nick = to_irc(member.name)
    return [to_channel(room.name) if room is not None else "*", nick, HOST, HOST, nick, _flags(desk, member, room)]


def _whox(desk: Desk, session: Session, member: Member, room: Room | None, fields: str, token: str) -> list[str]:
    nick = to_irc(member.name)
    known = {
        "t": token,
        "c": to_channel(room.name) if room is not None else "*",
        "u": nick,
        "i": "255.255.255.255",
        "h": HOST,
        "s": HOST,
        "n": nick,
        "f": _flags(desk, member, room),
        "d": "0",
        "l": str(_idle(member)),
        "a": to_irc(member.account) or "0",
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
    yield Numeric("311", (nick, nick, HOST, "*"), desk.realname(member))
    rooms = [room for room in member.rooms.values() if desk.room(session, to_channel(room.name)) is not None]
    if rooms:
        words = [SIGNS.get(room.role_of(member), "") + to_channel(room.name) for room in rooms[:50]]
        yield Numeric("319", (nick,), " ".join(words))
    yield Numeric("312", (nick, HOST), "greenchat")
    if member.role == "operator":
        yield Numeric("313", (nick,), "is an operator")
    if member.away and not (reader.ignored is not None and reader.ignored.covers(member)):
        yield Numeric("301", (nick,), member.away)
    if member.account:
        yield Numeric("330", (nick, to_irc(member.account)), "is logged in as")
    if member.bot or ((known := desk.codec_of(member)) is not None and known.client.is_bot):
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
    found = [one for one in reversed(desk.gone) if ascii_lower(one[0]) == ascii_lower(nick)]
    if not found:
        yield Numeric("406", (nick,), "There was no such nickname")
    for name, realname, time in found[: most or None]:
        yield Numeric("314", (name, name, HOST, "*"), realname)
        yield Numeric("312", (name, HOST), f"{time:%a %b %d %Y %H:%M:%S}")
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
