"""What one types is a message or a command. What one pastes, or pipes in, is text: said as it stands, and never run.
Several lines are one message, where the server takes that.

A line whose first visible character is a slash is a command, and `//x` says `/x`. So a pasted line that begins with a
slash gets one more, for all to see: whoever wants to run it takes one away. A draft of several lines is no command, and
not said either if its first line is one: the others might tell a whole room what was for one person.
"""

from collections.abc import Callable
from typing import NamedTuple

from greenchat.protocol.text import is_blank, slash_at

SEVERAL = (
    "A command is one line: nothing was sent. Take the other lines out, or put one more / before it to say them all."
)
SECRET = "Line {} seems to have a password or a key in it: nothing was sent. Take it out."
SECRET_PASTED = (
    "What is pasted is said, not run, and this seems to have a password or a key in it: it was not taken. "
    "Type the command yourself."
)
SLASH_PASTED = "What is pasted is said as it stands. To run it as a command, take one / away."


def is_command(line: str) -> bool:
    """Whether the server would run `line`, or refuse it as a command that nobody knows."""
    at = slash_at(line)
    return at >= 0 and not line.startswith("/", at + 1)


def as_text(line: str) -> str:
    """What has to be sent so that `line` is said as it stands."""
    at = slash_at(line)
    return line if at < 0 else f"{line[:at]}/{line[at:]}"


def said_as(line: str) -> str:
    """What is said where `line` is sent: the way back from `as_text`."""
    at = slash_at(line)
    return line if at < 0 else line[:at] + line[at + 1 :]


def to_send(draft: str, fits: Callable[[str], bool]) -> list[str]:
    """What was typed and pasted, as it is to be sent: as few messages as there may be, if `fits` says whether a text of
    several lines may be one. What is blank cannot be said by itself."""
    messages: list[str] = []
    gap = "\n"
    for line in draft.split("\n"):
        if not line.strip():
            gap += "\n"
            continue
        if messages and not is_command(messages[-1]) and fits(longer := f"{messages[-1]}{gap}{line}"):
            messages[-1] = longer
        else:
            messages.append(as_text(line) if messages else line)
        gap = "\n"
    return messages


def why_not(draft: str, has_secret: Callable[[str], bool]) -> str:
    """Why this cannot be sent as it stands; empty where it can. `has_secret`: whether there may be one in a line."""
    lines = [(number, line) for number, line in enumerate(draft.split("\n"), 1) if line.strip()]
    if len(lines) < 2:
        return ""
    if is_command(lines[0][1]):
        return SEVERAL
    return next((SECRET.format(number) for number, line in lines if has_secret(line)), "")


class Paste(NamedTuple):
    """What comes into the draft, and what its writer is told. `refused`: nothing does, and they are told why."""

    text: str
    told: str = ""
    refused: bool = False


def pasted(before: str, text: str, after: str, has_secret: Callable[[str], bool]) -> Paste:
    """What becomes of a pasted `text`, between what stands before and after the cursor. `has_secret` as in
    `why_not`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip("\n"):
        text = ""
    elif not after and is_blank(before):
        text = text.strip("\n")  # what one copies mostly ends so
    elif not after:
        text = text.rstrip("\n")
    if slash_at(before) >= 0 and is_command(before + text[:1]):
        return Paste(text)  # whoever has typed the slash wants to run it
    # Only what the paste makes: what one has typed before, one has seen.
    start, end = before.rfind("\n") + 1, after.find("\n")
    touched = before[start:] + text + (after if end < 0 else after[:end])
    if any(map(has_secret, touched.split("\n"))):
        return Paste("", SECRET_PASTED, refused=True)
    if is_blank(before) and slash_at(text) >= 0:
        return Paste(as_text(text), SLASH_PASTED)
    return Paste(text)
