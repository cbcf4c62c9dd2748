"""What people and rooms are called on IRC. Signs that mean something there are sent in their full-width form, which
looks the same and folds back: to greenchat, both are one name (RFC 8265 maps widths)."""

import re
from collections.abc import Container
from functools import lru_cache

from greenchat import printable

from .grammar import without_formatting

# So many of the names that were shown last are known in both forms.
KNOWN = 4096

_ANYWHERE = "!@,*?"
_FIRST = ":$#&~%+"
_WIDE = {sign: chr(ord(sign) + 0xFEE0) for sign in _ANYWHERE + _FIRST}
_SIGN = re.compile(f"[{re.escape(_ANYWHERE)}]")
_NARROW = {wide: sign for sign, wide in _WIDE.items()}

HOST = "greenchat"

# What becomes of a message that was said to one person alone is told like this, to who knows no numbers.
_BY_ONE_ALONE = re.compile(r"(\S+) \(private\) (?:has changed|has deleted|reacts with|takes back) ")

# The longest real name, in characters.
REALNAME = 128


def real_name(text: str) -> str:
    """As others may be shown it."""
    return printable(without_formatting(text), REALNAME)


# The longest user name, as clients give one with USER; and what may be in it.
USERNAME = 16
_NOT_IN_USERNAMES = re.compile(r"[^A-Za-z0-9._-]")


def user_name(text: str) -> str:
    """What somebody has given as their user name, as others are shown it: with the sign of one that nobody has looked
    into, which no nick begins with. Empty where nothing is left of it."""
    name = _NOT_IN_USERNAMES.sub("", text)[:USERNAME]
    return f"~{name}" if name else ""


@lru_cache(maxsize=KNOWN)
def to_irc(name: str) -> str:
    """A person's name, or a room's without its #, as it goes over the wire."""
    name = _SIGN.sub(lambda found: _WIDE[found[0]], name.replace(" ", ""))  # "ada (gone)" and the like
    return _WIDE[name[0]] + name[1:] if name and name[0] in _FIRST else name


def to_channel(room: str) -> str:
    return f"#{to_irc(room)}"


def is_channel(target: str) -> bool:
    return target.startswith("#")


def room_of(channel: str) -> str:
    """What a channel is called here; which may be no valid name."""
    return from_irc(channel.removeprefix("#"))


def from_irc(name: str) -> str:
    """The other way round: of rooms, which are known by one form; people's names fold by themselves."""
    return "".join(_NARROW.get(sign, sign) for sign in name) if not name.isascii() else name


def may_be_nick(nick: str) -> bool:
    """Whether nothing in it means something else on IRC."""
    return bool(nick) and not _SIGN.search(nick) and nick[0] not in _FIRST and " " not in nick


@lru_cache(maxsize=KNOWN)
def source(name: str) -> str:
    """Who it comes from. A function of the name alone: what a room is told is written once for many."""
    nick = to_irc(name)
    return f"{nick}!{nick}@{HOST}"


def notice_source(text: str, talks: Container[str]) -> str:
    """Who tells a sentence: the server, or, where it is about what was said to one alone, the other one of these
    `talks`. Clients show it with all else that these two have said, and not among what servers tell."""
    found = _BY_ONE_ALONE.match(text)
    return source(found[1]) if found is not None and ascii_lower(to_irc(found[1])) in talks else HOST


def ascii_lower(name: str) -> str:
    """What nicks are compared by (CASEMAPPING=ascii)."""
    return name.lower() if name.isascii() else "".join(sign.lower() if sign.isascii() else sign for sign in name)
