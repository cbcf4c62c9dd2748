"""Capabilities: what a client may ask for (IRCv3, capability negotiation)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

# So many sets of capabilities are kept as one object each: clients of one kind ask for the same.
KNOWN_SETS = 256

# The most bytes of a message of several lines, and lines: as many as one message holds here at most.
MULTILINE_BYTES = 4096
MULTILINE_LINES = 100

# The most messages of one request for history.
HISTORY_MESSAGES = 100

CAPS: dict[str, str] = {
    "account-notify": "",
    "account-tag": "",
    "away-notify": "",
    "batch": "",
    "cap-notify": "",
    "draft/account-registration": "",
    "draft/chathistory": "",
    "draft/event-playback": "",
    "draft/extended-monitor": "",
    "draft/message-redaction": "",
    "draft/multiline": f"max-bytes={MULTILINE_BYTES},max-lines={MULTILINE_LINES}",
    "draft/no-implicit-names": "",
    "draft/read-marker": "",
    "echo-message": "",
    "extended-join": "",
    "extended-monitor": "",
    "invite-notify": "",
    "labeled-response": "",
    "message-tags": "",
    "multi-prefix": "",
    "no-implicit-names": "",
    "sasl": "PLAIN",
    "server-time": "",
    "setname": "",
    "standard-replies": "",
    "userhost-in-names": "",
}

# Those by which what rooms tell looks otherwise. All clients that have the same of these get the same bytes.
OF_ROOMS = frozenset(
    {
        "account-tag",
        "away-notify",
        "batch",
        "draft/chathistory",
        "draft/message-redaction",
        "draft/multiline",
        "extended-join",
        "message-tags",
        "server-time",
    }
)

# One capability, by its name and by the one that it had before.
EXTENDED = frozenset({"extended-monitor", "draft/extended-monitor"})

# Clients of an older version of the negotiation are not told what a capability is worth.
VALUES_FROM = 302


def listed(version: int, caps: Iterable[str], most: int) -> list[str]:
    """The capabilities in lines of at most so many bytes: in one, as long as they fit. Who is not told in more than
    one gets what fits."""
    words = [f"{cap}={CAPS[cap]}" if CAPS.get(cap) and version >= VALUES_FROM else cap for cap in caps]
    lines, line = [], ""
    for word in words:
        if line and len(line) + 1 + len(word) > most:
            lines.append(line)
            line = ""
        line = f"{line} {word}".lstrip()
    return [*lines, line]


def changed(have: frozenset[str], words: Sequence[str]) -> frozenset[str] | None:
    """What a client has that has asked for `words`; None where one of them is unknown, and nothing changes."""
    wanted = set(have)
    for word in words:
        name = word.removeprefix("-")
        if name not in CAPS:
            return None
        if word.startswith("-"):
            wanted.discard(name)
        else:
            wanted.add(name)
    return shared(frozenset(wanted))


@lru_cache(maxsize=KNOWN_SETS)
def shared(caps: frozenset[str]) -> frozenset[str]:
    """The same set for all who have these: as an object of one connection it takes 2 KB, more than all else of it."""
    return caps
