"""MODE: the commands of rooms and of moderation, as letters."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from greenchat import RunCommand

from .client import Client
from .frames import Context, IrcLine, Numeric, Requests
from .grammar import Parsed
from .names import ascii_lower, from_irc, is_channel, room_of, to_channel, to_irc

# The most changes of one line, as is told by 005.
MODES = 4

# Those with a name behind them, those with a value that looks so (a key with blanks or commas cannot be sent to come
# in), and those that are on or off.
_PEOPLE = "boqv"

# What a context says of a ban, which is told as the mode that it is. An operator's holds in the whole chat, which they
# are told besides.
ORDERED = "BAN"

_WHERE_THEY_ARE = {"b": ORDERED, "o": "CHANOP"}  # it takes a look at who is there
_WITH_VALUE = {"k": re.compile(r"[^ ,]{1,100}"), "l": re.compile("[1-9][0-9]{0,5}")}
_SETTINGS = {"k": "key", "l": "limit"}
_ON_AND_OFF = {
    "i": ("invite-only", "on", "off"),
    "t": ("topic-by", "owner", "everybody"),
    "m": ("moderated", "on", "off"),
}

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
        if count > MODES:
            return
        context = Context("MODE", target, label)
        given = next(left, None) if letter in _PEOPLE or (letter in _WITH_VALUE and on) else ""
        if letter == "k" and not on:
            next(left, "")  # the key that there was, which nobody asks for
        if letter == "b" and not given:
            yield RunCommand("bans", {}, room, context._replace(extra=BANS).ref)
            continue
        if given is None or (letter in _PEOPLE and not given):
            yield IrcLine("461", ["MODE"], ref=context.ref)
            continue
        if letter in _WITH_VALUE and on and not _WITH_VALUE[letter].fullmatch(given):
            yield IrcLine("696", [target, letter, "*"], ref=context.ref)
            continue
        if letter in _WHERE_THEY_ARE:
            verb = _WHERE_THEY_ARE[letter]
            yield IrcLine(verb, [target, "+" if on else "-", given], ref=context._replace(extra=verb).ref)
            continue
        asked = _command(letter, on, given)
        if asked is not None:
            name, args = asked
            yield RunCommand(name, args, room, context._replace(extra=given).ref)
        elif letter != "n":  # nobody speaks from outside anyway
            yield IrcLine("472", [letter], ref=context.ref)


def _command(letter: str, on: bool, given: str) -> tuple[str, dict[str, Any]] | None:
    """The command for one change, and what it is given; None for what has no counterpart."""
    if letter == "q" and on:
        return "room", {"setting": "owner", "value": from_irc(given)}
    if letter == "v":
        return "voice" if on else "devoice", {"user": from_irc(given)}
    if letter in _SETTINGS:
        return "room", {"setting": _SETTINGS[letter], "value": given if on else "off"}
    if letter in _ON_AND_OFF:
        setting, yes, no = _ON_AND_OFF[letter]
        return "room", {"setting": setting, "value": yes if on else no}
    return None


def listed(answer: Any, context: Context) -> list[Numeric] | None:
    """What a command has answered to who asks by MODE or LIST; None for all else. Whose plugins those commands are does
    not matter: it is as PROTOCOL.md has it."""
    if context.verb == "LIST" and hasattr(answer, "rooms"):
        wanted = [one for one in answer.rooms if _is_wanted(one, context.extra.split(","))]
        rooms = (Numeric("322", (to_channel(one.name), str(one.members)), one.topic) for one in wanted)
        return [LISTED, *rooms]
    if context.verb != "MODE":
        return None
    channel = context.target
    if context.extra == QUERY and hasattr(answer, "invite_only"):
        letters = "n" + "i" * answer.invite_only + "m" * answer.moderated + "t" * (answer.topic_by == "owner")
        values = []
        if answer.needs_key:
            letters, values = f"{letters}k", [answer.key or "*"]
        if answer.limit:
            letters, values = f"{letters}l", [*values, str(answer.limit)]
        return [Numeric(QUERY, (channel, f"+{letters}", *values))]
    if context.extra == BANS and hasattr(answer, "bans"):
        return [
            Numeric(BANS, (channel, mask_of(ban.what), to_irc(ban.by), str(int(ban.since.timestamp()))))
            for ban in answer.bans
        ]
    return []


def mask_of(what: str) -> str:
    """Of a name, or of addresses, as a mask."""
    is_address = "/" in what or ":" in what or (what.count(".") == 3 and what.replace(".", "").isdecimal())
    return f"*!*@{what}" if is_address else f"{to_irc(what)}!*@*"


def _is_wanted(room: Any, words: Sequence[str]) -> bool:
    """Whether LIST is to tell of a room: by how many are in, and by masks of its name, one of which is to fit (see
    ELIST)."""
    name, fits = ascii_lower(to_channel(room.name)), []
    for word in map(ascii_lower, filter(None, words)):
        if word[0] in "<>" and word[1:].isdecimal():
            most = int(word[1:10])
            if not (room.members < most if word[0] == "<" else room.members > most):
                return False
        elif word[0] == "!":
            if fnmatchcase(name, word[1:]):
                return False
        else:
            fits.append(fnmatchcase(name, word))
    return any(fits) or not fits
