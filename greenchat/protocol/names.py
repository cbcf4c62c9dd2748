"""Which names people and rooms may have, and when two of them are the same. No I/O, no state."""

import re
from functools import lru_cache
from typing import Any

from greenchat import values
from greenchat.errors import Advice, Reject
from greenchat.protocol.text import printable

# A line client shows `[INFO] ...` for the server and `[name]: ...` for a person: nobody is called like the server.
# Clients of IRC send passwords to programs of other networks by themselves: nobody is called like those either.
SERVICE_NAMES = frozenset(f"{one}serv" for one in ("nick", "chan", "oper", "memo", "host", "bot", "sasl", "auth"))
RESERVED_NAMES = frozenset({"error", "greenchat", "info", "server", "shell", "system", *SERVICE_NAMES})

# A name may be sent in a form that is so many times as long as the one in which it is shown: a letter and its accents,
# or the three parts of a Hangul syllable, become one character each.
LONGEST_FORM = 4

_GUEST = re.compile("guest-[1-9][0-9]*")

NAME_HELP = "Use letters, digits and signs such as - _ and ., without spaces or |."

# Behind the name of a guest who has gone, where it is somebody else's by now: no name has a space in it.
GONE = " (gone)"

# What stands for somebody who was forgotten, where something is kept: nobody can be called so either.
FORGOTTEN = "(forgotten user)"


_FOREIGN = re.compile(r"(\S+) \((\S+)\)")


def foreign_name(name: str, where: str) -> str:
    """As whom somebody elsewhere is shown, by a plugin that speaks for them: no name here has a space in it."""
    return f"{name} ({where})"


def foreign_parts(name: str) -> tuple[str, str] | None:
    """The name of somebody elsewhere, and where that is; None for everybody else."""
    found = _FOREIGN.fullmatch(name)
    return None if found is None or name.endswith(GONE) else (found[1], found[2])


def key_of(sender: str) -> str:
    """What the name of who has said something is compared by, whoever that was."""
    try:
        return require_name(sender, 0)[1]
    except Reject:  # nobody can be called so
        return sender.lower()


def require_known(name: str, length: int) -> tuple[str, str]:
    """As `require_name`, of somebody who may be elsewhere: `ada (irc)`. Raises `Reject`."""
    name = name.strip()
    return require_name(name, length) if foreign_parts(name) is None else (name, name.lower())


def guest_name(number: int) -> str:
    """What the server calls somebody whose name is somebody else's."""
    return f"guest-{number}"


def is_guest_name(name: str) -> bool:
    return _GUEST.fullmatch(name) is not None


def require_name(name: str, length: int) -> tuple[str, str]:
    """`(name, key)`: a user name as it is shown, and the key under which it is unique.

    RFC 8265: shown by the profile UsernameCasePreserved, compared by UsernameCaseMapped, so that `Alice`, `alice` and
    `Ａｌｉｃｅ` are one person. `length` is in characters, 0 for no limit. Raises `Reject`.
    """
    shown = _enforce("UsernameCasePreserved", name.strip(), "username", length)
    key = _enforce("UsernameCaseMapped", shown, "username", 0)
    if key in RESERVED_NAMES:
        raise Reject(f"The username {shown} is kept for the server. Choose another.", code="name_invalid")
    return shown, key


def require_room(name: str, length: int) -> str:
    """The room `name` in the one form all its spellings share: UsernameCaseMapped, without the `#` that other chats put
    before a room's name. None begins with `@`, so that no room can be taken for a person. Raises `Reject`."""
    room = name.strip()
    while True:
        room = _enforce("UsernameCaseMapped", room, "room name", length)
        if room[0] == "@":
            raise Reject(f"{printable(room)} is not valid: room names do not begin with @.", code="room_invalid")
        if room[0] != "#":
            return room
        room = room.lstrip("#")


@lru_cache(maxsize=2)  # the two profiles above, made when the first name is checked: their tables cost 8 MB
def _profile(profile: str) -> Any:
    from precis_i18n import get_profile

    return get_profile(profile)


@lru_cache(maxsize=256)  # a name is looked at several times when somebody comes, a tenth of a millisecond each
def _form(profile: str, name: str) -> str:
    return str(_profile(profile).enforce(name))


def _enforce(profile: str, name: str, what: str, length: int) -> str:
    code = "room_invalid" if what == "room name" else "name_invalid"
    try:
        name = values.text(name)
    except ValueError:
        raise _not_valid(what, name, code) from None
    if not name:
        raise Reject(f"A {what} is missing.", code, Advice.NAME_ONE)
    too_long = Reject(f"The {what} is longer than {length} characters. Choose a shorter one.", code)
    if length and len(name) > length * LONGEST_FORM:
        raise too_long  # before it is looked at letter by letter, which takes its time
    try:
        enforced = _form(profile, name)
    except UnicodeEncodeError:
        enforced = "|"  # the library's way to say: not allowed
    if "|" in enforced:
        raise _not_valid(what, name, code)
    if length and len(enforced) > length:
        raise too_long
    return enforced


def _not_valid(what: str, name: str, code: str) -> Reject:
    return Reject(f"The {what} {printable(name)!r} is not valid. {NAME_HELP}", code)
