"""MODE about people, which depends on who is there: operators, and who is banned."""

from fnmatch import fnmatchcase
from typing import NamedTuple

from greenchat import Room, Session

from .desk import Desk, Handler, Told
from .frames import IrcLine, Numeric
from .grammar import line
from .modes import mask_of
from .names import HOST, ascii_lower, from_irc, source, to_channel, to_irc
from .own import IrcCodec

_WILD = "*?"

# Parts of an IPv4 address.
_PARTS = 4


def no_channel(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    """Who comes from elsewhere writes the names of rooms as they are called there."""
    name = asked.params[0]
    like = f", such as #{to_irc(name)}" if name.isalnum() else ""
    yield Numeric("403", (name,), f"No such channel: the names of channels begin with #{like}")


def _kept_by(desk: Desk, session: Session, channel: str) -> Room | Numeric:
    """The room, for who keeps order in it; or what is told to others."""
    room, member = desk.room(session, channel), session.require_member()
    if room is None:
        return Numeric("403", (channel,), "No such channel")
    if not room.has(member):
        return Numeric("442", (channel,), "You are not in that channel")
    if not room.role_of(member):
        return Numeric("482", (channel,), "You are neither the owner of this channel nor an operator")
    return room


def operator(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    """MODE +o and -o. Operators are one in the whole chat, and only they make others."""
    channel, on, nick = asked.params
    room = _kept_by(desk, session, channel)
    if isinstance(room, Numeric):
        yield room
    elif (other := desk.member(nick)) is None:
        yield Numeric("401", (nick,), "No such nick")
    elif not room.has(other):
        yield Numeric("441", (nick, channel), "They are not in that channel")
    elif session.role != "operator":
        own = f"MODE {to_channel(room.name)} +q {to_irc(other.name)}"
        text = f"Operators are one in the whole chat here, and made by operators. To give your channel away: {own}"
        yield Numeric("482", (channel,), text)
    else:
        session.command(f"{'op' if on == '+' else 'deop'} {other.name}", room.name)


def ban(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    """MODE +b and -b: whom the mask means here, and that it is so."""
    channel, on, given = asked.params
    room = _kept_by(desk, session, channel)
    if isinstance(room, Numeric):
        yield room
    else:
        has_blanks = " " in given or not given.isprintable()  # what is behind one would be no part of the name
        whom = meant(room, desk, Mask.of(given)) if not has_blanks else ""
        if not whom:
            text = "This is no mask for one person or address. Ban a nick: MODE CHANNEL +b NICK"
            yield Numeric("696", (channel, "b", given), text)
            return
        session.command(f"{'ban' if on == '+' else 'unban'} {whom}", room.name)
        yield line(source(codec.me), "MODE", to_channel(room.name), f"{on}b", mask_of(whom))


class Mask(NamedTuple):
    """Of nick!user@host, as far as it is given."""

    nick: str
    user: str = ""
    host: str = ""

    @classmethod
    def of(cls, given: str) -> "Mask":
        before, _, host = given.partition("@")
        nick, mark, user = before.partition("!")
        return cls(nick, user if mark else "", host)


def meant(room: Room, desk: Desk, mask: Mask) -> str:
    """Whom a mask means here: a name, or addresses; empty where that is nobody, or might be more than one. All hosts
    are the same here, and there may be two with one user name."""
    nick, user, host = (part if part.strip(_WILD) else "" for part in mask)
    if nick:
        return from_irc(nick) if not any(sign in nick for sign in _WILD) else _alone(room, desk, nick, of_nicks=True)
    if user:
        return _alone(room, desk, user.lstrip("~"), of_nicks=False)
    return _network(host) if ascii_lower(host.lstrip(_WILD + ".")) != HOST else ""


def _alone(room: Room, desk: Desk, pattern: str, *, of_nicks: bool) -> str:
    """The only one in the room whose nick matches, or the user name: the one that is shown, or the one in front of what
    they say, which is the nick. Who is not there any more is known by the nick alone."""
    pattern, found = ascii_lower(pattern), []
    for member in room.members.values():
        names = {to_irc(member.name)} | (set() if of_nicks else {desk.username(member).lstrip("~")})
        if any(fnmatchcase(ascii_lower(name), pattern) for name in names):
            found.append(member.name)
    if not found and not any(sign in pattern.lstrip("*") for sign in _WILD):
        return from_irc(pattern.lstrip("*"))
    return found[0] if len(found) == 1 else ""


def _network(host: str) -> str:
    """An address, or a network, also as 127.0.0.*; empty for a name."""
    parts = host.split(".")
    known = [part for part in parts if part.isdecimal()]
    if known and len(known) < len(parts) <= _PARTS and set(parts[len(known) :]) == {"*"}:
        return f"{'.'.join(known + ['0'] * (_PARTS - len(known)))}/{8 * len(known)}"
    return host if ":" in host or len(known) == len(parts) or "/" in host else ""


HANDLERS: dict[str, Handler] = {"NO_CHANNEL": no_channel, "CHANOP": operator, "BAN": ban}
