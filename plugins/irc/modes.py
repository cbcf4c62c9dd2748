"""MODE: the commands of rooms and of moderation, as letters."""

from typing import Any

from greenchat import RunCommand

from .client import Client
from .frames import Context, IrcLine, Numeric, Requests
from .grammar import Parsed
from .names import from_irc, is_channel, room_of, to_channel, to_irc

# The most changes of one line.
MOST = 4

# Those with a name behind them, those with a key, and those that are on or off.
_PEOPLE = "boqv"
_ON_AND_OFF = {"i": ("invite-only", "on", "off"), "t": ("topic-by", "owner", "everybody")}

LISTED, END_OF_LIST = Numeric("321", ("Channel",), "Users  Name"), Numeric("323", (), "End of /LIST")

# What a context says of what is only asked for: how a room is, and who is banned there.
QUERY, BANS = "324", "367"


def mode(client: Client, line: Parsed, label: str) -> Requests:
    target = line.params[0]
    if not is_channel(target):
        yield IrcLine("UMODE", line.params, ref=Context("MODE", target, label).ref)
        return
    room = room_of(target)
    if not room:
        yield IrcLine("403", [target], ref=Context("MODE", target, label).ref)
    elif not line.params[1:]:
        yield RunCommand("room", {}, room, Context("MODE", target, label, QUERY).ref)
    else:
        yield from _changes(target, room, line.params[1], line.params[2:], label)


def _changes(target: str, room: str, letters: str, params: list[str], label: str) -> Requests:
    on, left = True, iter(params)
    count = 0
    for letter in letters:
        if letter in "+-":
            on = letter == "+"
            continue
        count += 1
        if count > MOST:
            return
        context = Context("MODE", target, label)
        given = next(left, "") if letter in _PEOPLE or (letter == "k" and on) else ""
        if letter == "b" and not given:
            yield RunCommand("bans", {}, room, context._replace(extra=BANS).ref)
            continue
        if letter in "boqk" and not given and (letter != "k" or on):
            yield IrcLine("461", ["MODE"], ref=context.ref)
            continue
        asked = _command(letter, on, given)
        if asked is not None:
            name, args = asked
            yield RunCommand(name, args, room, context._replace(extra=given).ref)
        elif letter != "n":  # nobody speaks from outside anyway
            yield IrcLine("472", [letter], ref=context.ref)


def _command(letter: str, on: bool, given: str) -> tuple[str, dict[str, Any]] | None:
    """The command for one change, and what it is given; None for what has no counterpart."""
    if letter == "b":
        return ("ban" if on else "unban"), {"user": who_in(given)}
    if letter == "o":
        return ("op" if on else "deop"), {"user": from_irc(given)}
    if letter == "q" and on:
        return "room", {"setting": "owner", "value": from_irc(given)}
    if letter == "k":
        return "room", {"setting": "key", "value": given if on else "off"}
    if letter in _ON_AND_OFF:
        setting, yes, no = _ON_AND_OFF[letter]
        return "room", {"setting": setting, "value": yes if on else no}
    return None


def listed(answer: Any, context: Context) -> list[Numeric] | None:
    """What a command has answered to who asks by MODE or LIST; None for all else. Whose plugins those commands are does
    not matter: it is as PROTOCOL.md has it."""
    if context.verb == "LIST" and hasattr(answer, "rooms"):
        rooms = (Numeric("322", (to_channel(one.name), str(one.members)), one.topic) for one in answer.rooms)
        return [LISTED, *rooms]
    if context.verb != "MODE":
        return None
    channel = context.target
    if context.extra == QUERY and hasattr(answer, "invite_only"):
        letters = "n" + "i" * answer.invite_only + "k" * answer.needs_key + "t" * (answer.topic_by == "owner")
        return [Numeric(QUERY, (channel, f"+{letters}", *([answer.key or "*"] if answer.needs_key else [])))]
    if context.extra == BANS and hasattr(answer, "bans"):
        return [
            Numeric(BANS, (channel, f"{to_irc(ban.what)}!*@*", to_irc(ban.by), str(int(ban.since.timestamp()))))
            for ban in answer.bans
        ]
    return []


def who_in(mask: str) -> str:
    """Whom a mask means here: the one part of it that says something, a name or an address."""
    nick, _, rest = mask.partition("!")
    user, _, host = rest.partition("@")
    if "!" not in mask:
        nick, _, host = mask.partition("@")
    parts = [part for part in (nick, user, host) if part.strip("*?")]
    return from_irc(parts[0].strip("*")) if parts else mask
