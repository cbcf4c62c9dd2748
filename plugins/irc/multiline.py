"""Messages of several lines, which come line by line in a batch (IRCv3, draft/multiline)."""

from collections.abc import Callable

from .beside import Beside, client_tags
from .caps import MULTILINE_BYTES, MULTILINE_LINES
from .client import Client, Lines
from .frames import Context, IrcLine, Requests
from .grammar import Parsed, without_formatting

KIND = "draft/multiline"
CONCAT = "draft/multiline-concat"

Said = Callable[[Client, str, str, Beside, str], Requests]


def batch(client: Client, line: Parsed, label: str, said: Said) -> Requests:
    """One begins, or ends: then its text is `said`."""
    name = line.params[0]
    if name.startswith("+") and line.params[1:2] == [KIND] and line.params[2:]:
        client.batches = {name[1:]: Lines(line.params[2], client_tags(line.tags), label)}  # one at a time
        return
    found = client.batches.pop(name[1:], None) if name.startswith("-") else None
    if found is None:
        yield _failed("MULTILINE_INVALID", "This is no batch of yours", label=label)
    elif found.failed:
        return
    else:
        beside = Beside(found.verb, found.tags, found.lines)
        if beside.text.strip():
            yield from said(client, found.target, beside.text, beside, found.label)
        else:
            yield _failed("MULTILINE_INVALID", "There is nothing in it", label=found.label)


def part(client: Client, line: Parsed) -> Requests:
    """A line that is in a batch. Nothing is said by itself that was to be part of something."""
    found = client.batches.get(line.tags["batch"])
    if found is None:
        for other in client.batches.values():
            other.failed = True
        yield _failed("MULTILINE_INVALID", "This is no batch of yours")
        return
    if found.failed:
        return
    target, text = line.params[0], line.params[1]
    is_one = CONCAT in line.tags
    failure = None
    if target != found.target:
        failure = _failed("MULTILINE_INVALID_TARGET", "All of it goes to one", found.target, target, label=found.label)
    elif (found.lines and line.verb != found.verb) or (is_one and not (without_formatting(text) and found.lines)):
        failure = _failed("MULTILINE_INVALID", "These lines are no message", label=found.label)
    elif len(found.lines) >= MULTILINE_LINES:
        text = f"At most {MULTILINE_LINES} lines are one message"
        failure = _failed("MULTILINE_MAX_LINES", text, str(MULTILINE_LINES), label=found.label)
    else:
        found.verb = line.verb
        found.size += len(without_formatting(text).encode()) + (bool(found.lines) and not is_one)
        found.lines.append((is_one, text))
        if found.size > MULTILINE_BYTES:
            text = f"At most {MULTILINE_BYTES} bytes are one message"
            failure = _failed("MULTILINE_MAX_BYTES", text, str(MULTILINE_BYTES), label=found.label)
    if failure is not None:
        found.failed, found.lines = True, []
        yield failure


def _failed(code: str, text: str, *about: str, label: str = "") -> IrcLine:
    return IrcLine("FAIL", ["BATCH", code, *(one or "*" for one in about), text], ref=Context("BATCH", "", label).ref)
