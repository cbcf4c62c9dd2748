"""Which characters may travel, and which of them can be seen. No I/O, no state."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from greenchat import values
from greenchat.errors import Advice, Reject

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

# The most lines of one message: a page of code or of a log, which is more than a screen holds at once. Who is on plain
# frames has to read all of it before others have a turn.
MOST_LINES = 100

# Bytes of FORBIDDEN that can stand in ASCII text, but for the newline that ends a frame; and what of it is not ASCII,
# in UTF-8.
FORBIDDEN_ASCII = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])
FORBIDDEN_UTF8 = re.compile(rb"\xc2[\x80-\x9f]|\xe2(?:\x80[\xa8-\xae]|\x81[\xa6-\xa9])")


# The longest emoji that people use, a family of four with their skin colours, has 41 bytes; nearly all have at most 28.
EMOJI_BYTES = 48
KEYCAP, EMOJI_FORM, KEYS = "\u20e3", "\ufe0f", "0123456789#*"
EMOJI_PARTS = f"\u200d\ufe0e{EMOJI_FORM}{KEYCAP}"  # a joiner, and how what stands before it is shown
NEWER_EMOJI = "\U0001f000"

# The longest key of a message: a UUID has 36 signs, and some programs put a name before that.
KEY_LENGTH = 64


def printable(text: str, length: int = 40) -> str:
    """`text` as it may be shown to somebody else: one line, no control codes, at most `length` characters."""
    clean = FORBIDDEN.sub("?", text.replace("\t", " "))
    return clean if len(clean) <= length else clean[: length - 1] + "…"


def amount(number: int, what: str) -> str:
    """So many of `what`, a word whose plural ends in an s: 1 message, 2,000 messages."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


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


def first_apart(texts: Sequence[str], start: int = 0) -> int:
    """Where the first of `texts`, from `start` on, is that cannot be said as it is: it shows nothing, or begins with a
    slash. The number of them where there is none."""
    # Where all begin with a letter or a digit, as they mostly do, two steps for all of them tell that: what is blank
    # and the slash come before the digits.
    if not start and min(texts) >= "0" and max(texts) < "\x7f":
        return len(texts)
    for at in range(start, len(texts)):
        text = texts[at]
        if (text >= "0" and text < "\x7f") or _shows(text[:1]):
            continue
        visible = _first_visible(text)
        if visible < 0 or text[visible] == "/":
            return at
    return len(texts)


@lru_cache(maxsize=1024)  # some alphabets, and the emoji that people use
def _shows(character: str) -> bool:
    """Whether a text that begins so can be seen, and is no command."""
    return character != "/" and _first_visible(character) == 0


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
    """`text`, fit to be said, as `in_lines`. Raises `Reject` where it shows nothing, and as that and `values.text`."""
    text = values.text(text)
    if is_blank(text):
        raise Reject("The message is empty. Write something.", code="empty")
    return in_lines(text) if FORBIDDEN.search(text) else text


def require_line(text: str) -> str:
    """As `require_text`, for what is one line wherever it is shown, such as a topic."""
    text = require_text(text)
    if "\n" in text:
        raise Reject("This has line breaks. Write it in one line.", code="control")
    return text


def in_lines(text: str) -> str:
    """The lines of `text`, with "\n" between them, however they were ended, and without those before the first and
    behind the last in which something can be seen. Raises `Reject` where they are too many, and for other control
    characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start, stop = 0, len(lines)
    while stop > start + 1 and is_blank(lines[stop - 1]):
        stop -= 1
    while start < stop - 1 and is_blank(lines[start]):
        start += 1
    lines = lines[start:stop]
    if any(map(FORBIDDEN.search, lines)):
        raise control_characters()
    if len(lines) > MOST_LINES:
        told = f"The message has {len(lines):,} lines, and one has at most {MOST_LINES}. Send it in shorter parts."
        raise Reject(told, code="too_long")
    return "\n".join(lines)


def control_characters() -> Reject:
    """The refusal of a text that has some."""
    return Reject("The text has control characters.", "control", Advice.ONE_LINE)


def is_key(key: str) -> bool:
    """Whether it may be the key of a message: what can be seen, without spaces."""
    return 0 < len(key) <= KEY_LENGTH and key.isprintable() and " " not in key


def require_emoji(emoji: str) -> str:
    """`emoji`, fit to be put to a message: a sign or two that can be seen, and no words. Raises `Reject`."""
    emoji = values.text(emoji)
    at_keycap = emoji.endswith(KEYCAP) and emoji[0] in KEYS
    fits = 0 < len(emoji.encode()) <= EMOJI_BYTES and not FORBIDDEN.search(emoji)
    signs = emoji[1:] if at_keycap else emoji
    if not fits or not all(map(_is_of_emoji, signs)) or not (at_keycap or any(map(_is_sign, signs))):
        raise Reject(f"{printable(emoji)!r} is no emoji. Send one such as 👍, without words.", code="emoji_invalid")
    return emoji


def _is_sign(character: str) -> bool:
    """Whether it is seen as a picture: no letter, digit or punctuation. What Unicode has only in later versions than
    this Python may be one."""
    category = unicodedata.category(character)
    return not character.isascii() and (category[0] == "S" or (category == "Cn" and character >= NEWER_EMOJI))


def _is_of_emoji(character: str) -> bool:
    """Whether it is a sign, or is put between or behind signs to make them one."""
    return _is_sign(character) or character in EMOJI_PARTS or "\U000e0020" <= character <= "\U000e007f"
