"""What was said before, as a client is told it: in a batch, or as it comes in."""

from collections.abc import Sequence

from msgspec.structs import replace

from greenchat import HistoryPage, Joined, Left, Message, Renamed, printable

from .absent import is_new
from .client import Client
from .frames import Context
from .grammar import with_tag
from .history import FIRST_HALF, SECOND_HALF, read_time
from .names import HOST, ascii_lower, to_channel, to_irc
from .shared import SharedCodec, lines_of

# The most characters of a message that are quoted before its answer: as many as all others read.
QUOTED = 30


class Pages:
    """Of one connection: the first half of what is asked for in two."""

    def __init__(self) -> None:
        self._half: HistoryPage | None = None

    def take(self, page: HistoryPage, context: Context) -> HistoryPage | None:
        """What is to be told now that `page` has come; None where the rest is still to come."""
        which = context.extra.partition(" ")[2]  # behind the subcommand
        if which == FIRST_HALF:
            self._half = page
            return None
        if which == SECOND_HALF and self._half is not None:
            half, self._half = self._half, None
            return replace(page, events=[*half.events, *page.events])
        if which.startswith("until="):
            until = read_time(which.removeprefix("until="))
            assert until is not None
            events = [event for event in page.events if not hasattr(event, "time") or event.time < until]
            return replace(page, events=events)
        return page

    def lines(self, page: HistoryPage, context: Context, shared: SharedCodec, client: Client, me: str) -> list[str]:
        """Messages, and comings and goings where the client knows what to do with them."""
        asked = context.verb == "CHATHISTORY"
        if not asked and (client.has("draft/chathistory") or page.ref is not None):
            return []  # it asks for that itself
        target = context.target if asked else to_channel(page.room)
        batched = client.has("batch")
        events = [event for event in page.events if isinstance(event, Message) or self._plays(event, client, asked)]
        if not asked and client.since:
            events = [event for event in events if isinstance(event, Message) and is_new(client, event.time)]
        lines: list[str] = []
        known = {event.seq: event for event in events if isinstance(event, Message)}
        for event in events:
            if isinstance(event, Message):
                if not shared.numbers:
                    event = _in_words(event, known.get(event.reply_to))
                if event.conversation:
                    own = ascii_lower(to_irc(event.sender)) == ascii_lower(me)
                    event = replace(event, own=own, with_=page.with_)
                if not client.has("server-time"):
                    event = replace(event, text=f"[{event.time:%H:%M}] {event.text}")
                lines += lines_of(shared.message(event, {"batch": "h"} if batched else None, me))
            else:
                found = lines_of(shared.encode(event))
                lines += [with_tag(one, "batch=h") for one in found] if batched else found
        if not batched:
            return lines if asked else _marked(target, [event for event in events if isinstance(event, Message)], lines)
        if not lines and not asked:
            return []
        return [f":{HOST} BATCH +h chathistory {target}", *lines, f":{HOST} BATCH -h"]

    def _plays(self, event: object, client: Client, asked: bool) -> bool:
        return isinstance(event, Joined | Left | Renamed) and asked and client.has("draft/event-playback")


def _marked(target: str, messages: Sequence[Message], lines: list[str]) -> list[str]:
    """Between two lines that say so: a client that knows no batches may show all of it as if it was said just now."""
    if not messages:
        return lines
    since = f"What was said before, since {messages[0].time:%Y-%m-%d %H:%M} UTC:"
    return [_notice(target, since), *lines, _notice(target, "That was before.")]


def _notice(target: str, text: str) -> str:
    return f":{HOST} NOTICE {target} :{text}"


def _in_words(message: Message, answered: Message | None) -> Message:
    """As it was told when it was said, to who knows no numbers: with what it answers, and what became of it."""
    before = behind = ""
    if message.reply_to:
        what = f"message {message.reply_to}"
        if answered is not None:
            first, others, _ = answered.text.partition("\n")
            what = f'{answered.sender}: "{printable(f"{first} …" if others else first, QUOTED)}"'
        before = f"(to {what}) "
    marks = [f"{emoji} {len(names)}" for emoji, names in (message.reactions or {}).items()]
    if message.edited is not None:
        marks.insert(0, "changed")
    if marks:
        behind = f" ({', '.join(marks)})"
    return replace(message, text=f"{before}{message.text}{behind}") if before or behind else message
