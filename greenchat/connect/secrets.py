"""Which of the lines that people type hold a password or a key. These are neither shown nor remembered."""

import re

from greenchat.protocol.text import slash_at

AGAIN = "The same again"

# A command up to where its secret begins.
_TO_SECRET = re.compile(
    r"/(?:(?:register|passwd|unregister|password)\s+|(?:login|join)\s+\S+\s+|room\s+key\s+)", re.IGNORECASE
)

# Commands that take a password: one may be typed where another word belongs.
_TAKES_PASSWORD = re.compile(r"/(?:login|register|passwd|unregister|password)\b", re.IGNORECASE)


def secret_start(line: str) -> int:
    """Where in `line` the password or key begins; its length where it has none."""
    at = slash_at(line)
    match = _TO_SECRET.match(line, at) if at >= 0 else None
    return match.end() if match else len(line)


def is_secret(line: str) -> bool:
    """Whether `line` is to be forgotten once it is sent."""
    return secret_start(line) < len(line) or _TAKES_PASSWORD.match(line, max(slash_at(line), 0)) is not None


def has_secret(line: str) -> bool:
    """The same, also where `line` is to be said: with however many slashes it begins."""
    at = slash_at(line)
    return at >= 0 and is_secret("/" + line[at:].lstrip("/"))


def missing(line: str) -> tuple[str, ...]:
    """What is to be asked for to complete `line`, a command that lacks its passwords; AGAIN is the one before."""
    match line.lower().split():
        case ["/register"]:
            return "New password", AGAIN
        case ["/login"] | ["/unregister"]:
            return ("Your password",)
        case ["/login", _]:
            return (f"Password of {line.split()[1]}",)
        case ["/passwd"]:
            return "Your password", "New password", AGAIN
    return ()
