"""Links in what people type: where one ends, and whether it is one. By the rules of the page."""

import re
import unicodedata
from collections import Counter
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote

from greenchat.protocol.text import IGNORABLE, is_blank

SCHEME = re.compile(r"https?://|mailto:", re.IGNORECASE)

# What is in no link, whatever stands before it. Of what is not ASCII, that are quotes and brackets, which Unicode has
# as categories, what ends a sentence in some script (its Terminal_Punctuation), and what nobody sees.
_WITHIN = re.compile(r"[^\s<>\"`\x80-\U0010ffff]*")
_QUOTES_AND_BRACKETS = frozenset({"Pi", "Pf", "Ps", "Pe"})
_TERMINAL = (
    "\u037e\u0387\u0589\u05c3\u060c\u061b\u061d-\u061f\u06d4\u0700-\u070a\u070c\u07f8\u07f9\u0830-\u0835\u0837-\u083e"
    "\u085e\u0964\u0965\u0e5a\u0e5b\u0f08\u0f0d-\u0f12\u104a\u104b\u1361-\u1368\u166e\u16eb-\u16ed\u1735\u1736"
    "\u17d4-\u17d6\u17da\u1802-\u1805\u1808\u1809\u1944\u1945\u1aa8-\u1aab\u1b4e\u1b4f\u1b5a\u1b5b\u1b5d-\u1b5f\u1b7d"
    "-\u1b7f\u1c3b-\u1c3f\u1c7e\u1c7f\u2024\u203c\u203d\u2047-\u2049\u2cf9-\u2cfb\u2e2e\u2e3c\u2e41\u2e4c\u2e4e\u2e4f"
    "\u2e53\u2e54\u3001\u3002\ua4fe\ua4ff\ua60d-\ua60f\ua6f3-\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c7-\ua9c9\uaa5d-"
    "\uaa5f\uaadf\uaaf0\uaaf1\uabeb\ufe12\ufe15\ufe16\ufe50-\ufe52\ufe54-\ufe57\uff01\uff0c\uff0e\uff1a\uff1b\uff1f"
    "\uff61\uff64"
)
_ENDS = re.compile(rf"[\s{IGNORABLE}{_TERMINAL}]")

_END_OF_SENTENCE = frozenset(".,;:!?'*_~|")
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_ENDLESS_HOST = re.compile(r"https?://[^/?#]{300}", re.IGNORECASE)  # DNS has none longer than 253
_ASCII_WORD = re.compile(r"[a-zA-Z0-9]")

_NO_HOST = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)
LAST_PORT = 0xFFFF


def link_at(text: str, at: int) -> tuple[int, str]:
    """Where what begins there ends, and its address; empty where it is no link."""
    stop = _stop(text, at)
    count = Counter(text[at:stop])
    to = stop
    # What ends the sentence is no part of it, nor is a bracket that was opened before.
    while to > at:
        last = text[to - 1]
        opened = _BRACKETS.get(last)
        if opened:
            if count[last] <= count[opened]:
                break
        elif last not in "([{" and not _ends_sentence(last):
            break
        count[last] -= 1
        to -= 1
    href = text[at:to]
    before = text[at - 1] if at else ""
    if _ASCII_WORD.match(before) or _ENDLESS_HOST.match(href) or not is_address(href):
        return stop, ""
    return to, href


# [words](https://...)
_NAMED = re.compile(r"\[([^\[\]\n]{1,200})\]\((?=https?://)", re.IGNORECASE)


def named_link_at(text: str, at: int) -> tuple[int, int, str, str]:
    """Where a link with a name begins and ends, its address, and its name. Without a name it is a link as all others;
    without an address it is none."""
    match = _NAMED.match(text, at)
    if not match or is_blank(match[1]):
        return at, at + 1, "", ""
    start = match.end()
    to, href = link_at(text, start)
    if href and text[to : to + 1] == ")":
        return at, to + 1, href, match[1]
    return start, to, href, ""


def host_of(href: str) -> str:
    """What a browser goes to for an address with a host: whoever may be called in front of an @ is left out."""
    return re.split(r"[/\\?#]", href.partition(":")[2].lstrip("/\\"), maxsplit=1)[0].rpartition("@")[2]


def _stop(text: str, at: int) -> int:
    while at < len(text):
        match = _WITHIN.match(text, at)
        at = match.end() if match else at
        if at >= len(text) or text[at] <= "\x7f":
            break
        if _ENDS.match(text[at]) or unicodedata.category(text[at]) in _QUOTES_AND_BRACKETS:
            break
        at += 1
    return at


def _ends_sentence(character: str) -> bool:
    if character <= "\x7f":
        return character in _END_OF_SENTENCE
    return unicodedata.category(character)[0] == "P"


def is_address(href: str) -> bool:
    """Whether a browser would take it for one."""
    scheme, _, rest = href.partition(":")
    if scheme.lower() == "mailto":
        return True
    host = re.split(r"[/\\?#]", rest.lstrip("/\\"), maxsplit=1)[0].rpartition("@")[2]
    if host.startswith("["):
        inner, closed, port = host[1:].partition("]")
        return bool(closed) and _is_ipv6(inner) and (not port or (port[0] == ":" and _is_port(port[1:])))
    host, _, port = host.partition(":")
    host = unquote(host)
    if "…" in host:
        return False  # somebody has left out the rest
    return bool(host) and not _NO_HOST.search(host) and _is_port(port) and _is_ipv4_or_name(host)


def _is_port(port: str) -> bool:
    digits = port.lstrip("0")
    return not port or (port.isascii() and port.isdecimal() and len(digits) <= 5 and int(digits or 0) <= LAST_PORT)


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return "%" not in host  # a zone is of one machine


def _is_ipv4_or_name(host: str) -> bool:
    """A host whose last part is a number is an address of four bytes, or none."""
    parts = host.removesuffix(".").split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return True
    if len(parts) > 4 or not all(map(_NUMBER.fullmatch, parts)):
        return False
    numbers = [_number(part) for part in parts]
    return max(numbers[:-1], default=0) <= 0xFF and min(numbers) >= 0 and numbers[-1] < 256 ** (5 - len(numbers))


def _number(part: str) -> int:
    """-1 for none, and for one that is longer than any address."""
    if len(part) > 16:
        return -1
    try:
        if part[:2].lower() == "0x":
            return int(part[2:] or "0", 16)
        return int(part, 8 if part[0] == "0" else 10)
    except ValueError:
        return -1
