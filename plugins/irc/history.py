"""CHATHISTORY (IRCv3, draft): what was said before, in the core's words."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from greenchat import History

from .caps import HISTORY_MESSAGES
from .client import Client
from .frames import Context, IrcLine, Requests
from .grammar import Parsed
from .msgids import seq_in
from .names import ascii_lower, is_channel, room_of

# Beyond all numbers of messages: with it as an upper bound, one is told the latest instead of the earliest.
NO_BOUND = 2**53

# Times on IRC have milliseconds, and bounds are not part of what is asked for.
STEP = timedelta(milliseconds=1)

# What stands in a context for one half of two: the other follows.
FIRST_HALF, SECOND_HALF = "first", "second"


class Selected(NamedTuple):
    """Where in a log: behind or before the message `seq`, or a time; `*` is neither."""

    seq: int = 0
    time: datetime | None = None


def time_tag(time: datetime) -> str:
    """As server-time has it."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def read_time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text.endswith("Z") else None
    except ValueError:
        return None


def ask_history(client: Client, line: Parsed, label: str) -> Requests:
    what, target = line.params[0].upper(), line.params[1]
    context = Context("CHATHISTORY", target, label, what)
    if what == "TARGETS":
        yield IrcLine("TARGETS", line.params[1:], ref=context.ref)
        return
    selectors = 2 if what == "BETWEEN" else 1
    if what not in ("LATEST", "BEFORE", "AFTER", "AROUND", "BETWEEN"):
        yield _failed(context, "INVALID_PARAMS", what, "Unknown subcommand")
        return
    if len(line.params) < 3 + selectors:
        yield _failed(context, "NEED_MORE_PARAMS", what, "Missing parameters")
        return
    where: dict[str, Any] = {"room": room_of(target)} if is_channel(target) else {"conversation": _talk(client, target)}
    if not all(where.values()):
        yield _failed(context, "INVALID_TARGET", f"{what} {target}", "Messages could not be retrieved")
        return
    talk = where.get("conversation", "")
    bounds = [_selected(one, target, talk) for one in line.params[2 : 2 + selectors]]
    limit = line.params[2 + selectors]
    if None in bounds or not (limit.isdecimal() and int(limit)) or (what != "LATEST" and Selected() in bounds):
        yield _failed(context, "INVALID_PARAMS", what, "Invalid parameters")
        return
    most = min(int(limit), HISTORY_MESSAGES)
    for extra, history in _asked(what, [bound for bound in bounds if bound is not None], most):
        yield History(ref=context._replace(extra=f"{what} {extra}".rstrip()).ref, **where, **history)


def _asked(what: str, bounds: list[Selected], most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    bound = bounds[0]
    match what:
        case "LATEST":
            yield "", _behind(bound, most) | ({"before": NO_BOUND} if bound.seq or bound.time else {})
        case "BEFORE":
            yield "", _before(bound, most)
        case "AFTER":
            yield "", _behind(bound, most)
        case "AROUND" if bound.seq:
            yield "", {"before": bound.seq + (most + 1) // 2, "limit": most}
        case "AROUND":
            yield FIRST_HALF, _before(bound, most // 2 or 1)
            assert bound.time is not None
            yield SECOND_HALF, {"since": bound.time, "limit": most - most // 2}
        case "BETWEEN":
            yield from _between(bound, bounds[1], most)


def _between(first: Selected, second: Selected, most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """From the first on; or, where that is the later one, the latest."""
    if first.seq and second.seq:
        low, high = sorted((first.seq, second.seq))
        if first.seq < second.seq:
            high = min(high, low + most + 1)  # there are no gaps in the numbers
        yield "", {"after": low, "before": high, "limit": most}
    elif first.time and second.time and first.time > second.time:
        yield "", {"since": second.time + STEP, "until": first.time, "limit": most}
    elif first.time and second.time:
        yield f"until={time_tag(second.time)}", {"since": first.time + STEP, "limit": most}
    else:
        message, moment = (first, second) if first.seq else (second, first)
        assert moment.time is not None
        # Which of them is the earlier one is not known here: one of these two is empty.
        yield FIRST_HALF, {"after": message.seq, "until": moment.time, "limit": most}
        yield SECOND_HALF, {"since": moment.time + STEP, "before": message.seq, "limit": most}


def _before(bound: Selected, most: int) -> dict[str, Any]:
    return dict[str, Any]({"before": bound.seq} if bound.seq else {"until": bound.time}) | {"limit": most}


def _behind(bound: Selected, most: int) -> dict[str, Any]:
    if bound.seq:
        return {"after": bound.seq, "limit": most}
    return {"since": bound.time + STEP if bound.time is not None else None, "limit": most}


def _selected(given: str, target: str, talk: str) -> Selected | None:
    """None for what is none."""
    kind, _, value = given.partition("=")
    if given == "*":
        return Selected()
    if kind == "msgid" and (seq := seq_in(value, target, talk)):
        return Selected(seq)
    if kind == "timestamp" and (time := read_time(value)) is not None:
        return Selected(time=time)
    return None


def _talk(client: Client, nick: str) -> str:
    return client.talks.get(ascii_lower(nick), "")


def _failed(context: Context, code: str, about: str, text: str) -> IrcLine:
    return IrcLine("FAIL", ["CHATHISTORY", code, *about.split(" "), text], ref=context.ref)


def mark_read(client: Client, line: Parsed, label: str) -> Requests:
    """How far one has read is a time on IRC, and a number here: the plugin knows both."""
    given = line.params[1] if line.params[1:] else ""
    context = Context("MARKREAD", line.params[0], label)
    time = read_time(given.removeprefix("timestamp="))
    if given and (not given.startswith("timestamp=") or time is None):
        yield IrcLine(
            "FAIL", ["MARKREAD", "INVALID_PARAMS", line.params[0], given, "Invalid timestamp"], ref=context.ref
        )
    else:
        yield IrcLine("MARKREAD", [line.params[0], *([given] if given else [])], ref=context.ref)
