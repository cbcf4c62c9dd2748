"""Which characters may travel, and which names people may have. No I/O, no state."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from greenchat import values
from greenchat.errors import Reject

# Control characters (C0 but the tab, DEL, C1) drive terminals. The two Unicode separators end a line for many programs,
# so that what follows them could pass for a line of the server's. Bidirectional embeddings, overrides and isolates show
# what follows them in another order than it is written (Unicode TR 36, 2.5); the harmless marks are not among them.
FORBIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# What shows nothing though it takes part in a text: Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt
# (14.0 and 17.0 have the same), in which whole ranges are kept for characters to come.
IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

# What shows nothing though no property says so: the empty braille cell, what annotates or stands for something that is
# not there (so does Chromium), the note without a head, and what arranges hieroglyphs.
BLANK = "\u2800\ufff9-\ufffc\U0001d159\U00013430-\U0001343f"

# A set for regular expressions, without its brackets: all that nobody sees, white space included. Accents, which are
# seen on what stands before them, are not in it.
INVISIBLE = rf"\s{IGNORABLE}{BLANK}"
INVISIBLE_LETTERS = "\u115f\u1160\u3164\uffa0"  # those of them that Unicode calls letters
_VISIBLE = re.compile(f"[^{INVISIBLE}]")

# Bytes of FORBIDDEN that can stand in ASCII text, but for the newline that ends a frame.
FORBIDDEN_ASCII = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])

# A line client shows `[INFO] ...` for the server and `[name]: ...` for a person: nobody is called like the server.
RESERVED_NAMES = frozenset({"error", "greenchat", "info", "server", "shell", "system"})

# A name may be sent in a form that is so many times as long as the one in which it is shown: a letter and its accents,
# or the three parts of a Hangul syllable, become one character each.
LONGEST_FORM = 4

_GUEST = re.compile("guest-[1-9][0-9]*")

NAME_HELP = "Use letters, digits and signs such as - _ and ., without spaces or |."


def guest_name(number: int) -> str:
    """What the server calls somebody whose name is somebody else's."""
    return f"guest-{number}"


def is_guest_name(name: str) -> bool:
    return _GUEST.fullmatch(name) is not None


def printable(text: str, length: int = 40) -> str:
    """`text` as it may be shown to somebody else: one line, no control codes, at most `length` characters."""
    clean = FORBIDDEN.sub("?", text.replace("\t", " "))
    return clean if len(clean) <= length else clean[: length - 1] + "…"


def some_of(names: Sequence[str], most: int, besides: int = 0) -> str:
    """The first `most` of `names`, and how many there are more, with `besides`: "ada, bob and 3 more"."""
    shown = ", ".join(names[:most])
    more = max(len(names) - most, 0) + besides
    return f"{shown} and {more} more" if more else shown


def is_blank(text: str) -> bool:
    """Whether nothing in `text` can be seen."""
    # Nearly all that is said begins with ASCII. Two comparisons take half the time of `"!" <= text < "\x7f"`.
    if text < "\x7f" and text >= "!":
        return False
    return _first_visible(text) < 0


def slash_at(text: str) -> int:
    """Where the first character of `text` that can be seen is, if that is a slash; else -1."""
    if text < "\x7f" and text >= "0":  # the next after the slash
        return -1
    at = _first_visible(text)
    return at if at >= 0 and text[at] == "/" else -1


def _first_visible(text: str) -> int:
    """Where it is, or -1. An accent that has nothing to stand on does not count."""
    first = text[:1]
    if "!" <= first <= "~" or (first.isalpha() and first not in INVISIBLE_LETTERS):
        return 0  # as nearly always
    for match in _VISIBLE.finditer(text):
        if unicodedata.category(match[0]) not in ("Mn", "Me"):
            return match.start()
    return -1


def require_text(text: str) -> str:
    """`text`, fit to be said; raises `Reject` where it shows nothing or bears control characters, and as
    `values.text`."""
    text = values.text(text)
    if is_blank(text):
        raise Reject("The message is empty. Write something.", code="empty")
    if FORBIDDEN.search(text):
        raise Reject(
            "The text has control characters or line breaks. Send plain text, a frame for each line.", "control"
        )
    return text


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
        raise Reject(f"A {what} is missing. Send JOIN|<username> or JOIN|<username>|<room>.", code)
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
