"""Which of the lines that people type hold a password or a key. Nobody looks over their shoulder, nor into the history."""

import re

# A command up to where its secret begins.
_TO_SECRET = re.compile(
    r"\s*/(?:(?:register|passwd|unregister|password)\s+|(?:login|join)\s+\S+\s+|room\s+key\s+)", re.IGNORECASE
)

# Where something else may stand before the secret, people forget it, and the secret stands there.
_ACCOUNT = re.compile(r"\s*/(?:login|register|passwd|unregister|password)\b", re.IGNORECASE)

# A command as a message: what is typed before the slash would let everybody read it.
_QUESTIONS = {
    "/register": ("New password", "The same again"),
    "/login": ("Password",),
    "/passwd": ("Your password", "New password", "The same again"),
    "/unregister": ("Your password",),
}


def secret_start(line: str) -> int:
    """Where in `line` the password or key begins; its length where it has none."""
    match = _TO_SECRET.match(line)
    return match.end() if match else len(line)


def is_secret(line: str) -> bool:
    """Whether `line` is to be forgotten once it is sent."""
    return secret_start(line) < len(line) or _ACCOUNT.match(line) is not None
