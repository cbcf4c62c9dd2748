"""Which characters may travel, and which names people may have. No I/O, no state."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from greenchat.errors import Reject

# Control characters (C0 but the tab, DEL, C1) drive terminals. The two Unicode separators end a line for many programs,
# so that what follows them could pass for a line of the server's. Bidirectional embeddings, overrides and isolates show
# what follows them in another order than it is written (Unicode TR 36, 2.5); the harmless marks are not among them.
FORBIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# Bytes of FORBIDDEN that can stand in ASCII text, but for the newline that ends a frame.
FORBIDDEN_ASCII = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])

# A line client shows `[INFO] ...` for the server and `[name]: ...` for a person: nobody is called like the server.
RESERVED_NAMES = frozenset({"error", "greenchat", "info", "server", "shell", "system"})

# A name may be sent in a form that is so many times as long as the one in which it is shown: a letter and its accents,
# or the three parts of a Hangul syllable, become one character each.
LONGEST_FORM = 4

NAME_HELP = "Use letters, digits and signs such as - _ and ., without spaces or |."


def printable(text: str, length: int = 40) -> str:
    """`text` as it may be shown to somebody else: one line, no control codes, at most `length` characters."""
    clean = FORBIDDEN.sub("?", text.replace("\t", " "))
    return clean if len(clean) <= length else clean[: length - 1] + "…"


def some_of(names: Sequence[str], most: int) -> str:
    """The first `most` of `names`, and how many there are besides: "ada, bob and 3 more"."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def require_text(text: str) -> str:
    """`text`, fit to be said; raises `Reject` where it is empty or bears control characters."""
    if not text or text.isspace():
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
    """The room `name` in the one form all its spellings share (UsernameCaseMapped). Raises `Reject`."""
    return _enforce("UsernameCaseMapped", name.strip(), "room name", length)


@lru_cache(maxsize=2)  # the two profiles above, made when the first name is checked: their tables cost 8 MB
def _profile(profile: str) -> Any:
    from precis_i18n import get_profile

    return get_profile(profile)


def _enforce(profile: str, name: str, what: str, length: int) -> str:
    code = "room_invalid" if what == "room name" else "name_invalid"
    if not name:
        raise Reject(f"A {what} is missing. Send JOIN|<username> or JOIN|<username>|<room>.", code)
    too_long = Reject(f"The {what} is longer than {length} characters. Choose a shorter one.", code)
    if length and len(name) > length * LONGEST_FORM:
        raise too_long  # before it is looked at letter by letter, which takes its time
    try:
        enforced: str = _profile(profile).enforce(name)
    except UnicodeEncodeError:
        enforced = "|"  # the library's way to say: not allowed
    if "|" in enforced:
        raise Reject(f"The {what} {printable(name)!r} is not valid. {NAME_HELP}", code)
    if length and len(enforced) > length:
        raise too_long
    return enforced
