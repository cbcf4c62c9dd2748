"""Lines of IRC: tags, a source, a verb and its parameters (Modern IRC; IRCv3, message-tags). No state, no chat."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# A line holds so many bytes with its end, the tags before it as many again and more (RFC 1459, 2.3; IRCv3).
LINE_BYTES = 512
TAG_BYTES = 8191

# What tags of a client may take of that, with the @ and the space; the rest is for the server's.
CLIENT_TAG_BYTES = 4096

# The most that parameters can be: the last has the rest, though it has no colon (RFC 1459, 2.3.1).
MOST_PARAMS = 15

_ESCAPES = {";": "\\:", " ": "\\s", "\\": "\\\\", "\r": "\\r", "\n": "\\n"}
_UNESCAPES = {escape[1]: sign for sign, escape in _ESCAPES.items()}
_TO_ESCAPE = re.compile(r"[; \\\r\n]")
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)

# Bold, colours (with their numbers), reset, monospace, reverse, italics, strikethrough and underline.
_FORMATTING = re.compile(
    r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?|[\x02\x0f\x11\x16\x1d-\x1f]"
)


class Parsed(NamedTuple):
    """`tags` are the client's, in their order; the source, which a client does not send, is left out. `verb` is in
    capitals."""

    tags: dict[str, str]
    verb: str
    params: list[str]


def parse(line: str) -> Parsed:
    """A line without its end. The verb may be empty, where there is none."""
    tags: dict[str, str] = {}
    if line.startswith("@"):
        words, _, line = line[1:].partition(" ")
        for word in words.split(";"):
            name, _, value = word.partition("=")
            if name:
                tags[name] = unescape(value)
        line = line.lstrip(" ")
    if line.startswith(":"):
        line = line.partition(" ")[2].lstrip(" ")
    words, colon, last = line.partition(" :") if not line.startswith(":") else ("", "", "")
    params = [word for word in words.split(" ") if word]  # other blanks are signs like others: 今日は　世界 is one
    if not params:
        return Parsed(tags, "", [])
    if len(params) > MOST_PARAMS + 1:
        params[MOST_PARAMS:] = [" ".join(params[MOST_PARAMS:])]
    if colon:
        params.append(last)
    return Parsed(tags, params[0].removeprefix("/").upper(), params[1:])  # as people type it behind /quote


def escape(value: str) -> str:
    """The value of a tag, as it is sent."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPES[found[0]], value)


def unescape(value: str) -> str:
    return _ESCAPED.sub(lambda found: _UNESCAPES.get(found[1], found[1]), value)


def tagged(tags: Mapping[str, str]) -> str:
    """What stands before a line with these tags: nothing without any."""
    if not tags:
        return ""
    return f"@{';'.join(f'{name}={escape(value)}' if value else name for name, value in tags.items())} "


def with_tag(one: str, tag: str) -> str:
    """The same line, which may have tags, with one more."""
    return f"@{tag};{one[1:]}" if one.startswith("@") else f"@{tag} {one}"


def line(source: str, verb: str, *params: str) -> str:
    """A line without tags and its end. All but the last parameter are without spaces, and not empty."""
    words = [f":{source}", verb, *params[:-1]]
    if params:
        last = params[-1]
        words.append(f":{last}" if not last or last[0] == ":" or " " in last else last)
    return " ".join(words)


def word(param: str) -> str:
    """A parameter that others follow, of what a client has sent: without spaces, and not empty."""
    return param.lstrip(": ").partition(" ")[0] or "*"


def without_formatting(text: str) -> str:
    return _FORMATTING.sub("", text) if any(sign in text for sign in "\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f") else text


def cut(text: str, size: int) -> list[str]:
    """`text` in parts of at most `size` bytes of UTF-8, cut between words where that loses no more than a third, and
    never within a character."""
    if len(text) * 4 <= size or len(text.encode()) <= size:
        return [text]
    parts, left = [], text.encode()
    while len(left) > size:
        end = size
        while left[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        space = left.rfind(b" ", size * 2 // 3, end)
        if space > 0:
            parts.append(left[:space].decode())
            left = left[space + 1 :]
        else:
            parts.append(left[:end].decode())
            left = left[end:]
    return [*parts, left.decode()] if left else parts


def fitting(one: str) -> str:
    """The line, or as much of it as may be: what a client has sent may come back in it."""
    room = LINE_BYTES - len("\r\n")
    if len(one) * 4 <= room:
        return one
    tags, _, rest = one.partition(" ") if one.startswith("@") else ("", "", one)
    return f"{tags} {cut(rest, room)[0]}".lstrip(" ")


def fits(lines: Sequence[bytes]) -> bool:
    """Whether none of them is too long, its tags left out."""
    return all(len(one.partition(b" ")[2] if one.startswith(b"@") else one) <= LINE_BYTES for one in lines)
