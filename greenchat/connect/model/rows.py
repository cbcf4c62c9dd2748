"""A timeline as the rows that somebody reads: days, the line "New messages", groups of one writer, folded joins."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from itertools import islice
from typing import Literal

from greenchat.connect.model.timeline import Gone, Item, Presence, Timeline, Told
from greenchat.protocol.events import Joined, Left, Message, Renamed

# Who goes to another room has not left the chat: only the reason tells.
_MOVED = re.compile(r"went to \S+")

Kind = Literal["day", "new", "message", "folded", "deleted", "told"]


@dataclass(frozen=True, slots=True)
class Row:
    """`key` stays while it is the same row; `sign` is another one when it looks otherwise. A `message` has its `item`,
    and `head` where the writer is to be named; `original` is what it answers: None where that is not here, and
    `is_lost` where nobody has it any more. `items` are what was folded into one row, and `times`
    when that was; `day` is that of a line of its
    own, `time` is on the reader's clock."""

    kind: Kind
    key: str
    sign: object = None
    item: Item | None = None
    items: tuple[Item, ...] = ()
    times: tuple[datetime | None, ...] = ()
    head: bool = False
    original: Message | Gone | None = None
    is_lost: bool = False
    day: date | None = None
    time: datetime | None = None


def rows(timeline: Timeline, mark: int | None = None, zone: tzinfo | None = None, last: int | None = None) -> list[Row]:
    """What has a number above `mark` was new when it came. `zone` is the reader's; None is this machine's. Of so many
    of the `last` items alone, all rows but the first few are the same as of all."""
    return _Rows(timeline, mark, zone, last).made()


class _Rows:
    def __init__(self, timeline: Timeline, mark: int | None, zone: tzinfo | None, last: int | None) -> None:
        self._timeline = timeline
        self._from = 0 if last is None else max(0, len(timeline.items) - last)
        self._mark = mark
        self._zone = zone
        self._out: list[Row] = []
        self._day: date | None = None
        self._group: tuple[str, date, int, int] | None = None  # whose, and in which minute
        self._folded: list[Item] = []
        self._deleted: list[Item] = []

    def made(self) -> list[Row]:
        before = (item.seq for item in islice(self._timeline.items, self._from) if not item.order and not item.state)
        if self._mark is not None and any(seq > self._mark for seq in before):
            self._mark = None  # that line stands before these
        for item in islice(self._timeline.items, self._from, None):
            self._add(item)
        for item in self._timeline.waiting:
            self._add(item)
        self._unfold()
        return self._out

    def _add(self, item: Item) -> None:
        what = item.what
        local = self._local(what.time)
        if local is not None and local.date() != self._day and not isinstance(what, Told):
            self._day = local.date()
            self._apart(Row("day", f"day {self._day}", day=self._day))
        if self._mark is not None and item.seq > self._mark and not item.order and not item.state:
            self._mark = None
            self._apart(Row("new", "new"))
        if isinstance(what, Joined | Left | Renamed):
            self._unfold(but="folded")
            self._folded.append(item)
        elif isinstance(what, Gone):
            self._unfold(but="deleted")
            self._deleted.append(item)
        elif isinstance(what, Told):
            self._apart(Row("told", f"told {item.key}", item.looks, item, time=local))
        else:
            self._message(item, what, local)

    def _message(self, item: Item, message: Message, local: datetime | None) -> None:
        self._unfold()
        original = self._timeline.answered(message.reply_to)
        is_lost = original is None and message.reply_to in self._timeline.quotes
        group = None
        if local is not None and not message.action and not message.reply_to:
            group = message.sender, local.date(), local.hour, local.minute
        head = group is None or group != self._group
        self._group = group
        sign = head, item.state, item.why, item.looks, original, is_lost
        row = Row("message", f"m{item.key}", sign, item, head=head, original=original, is_lost=is_lost, time=local)
        self._out.append(row)

    def _apart(self, row: Row) -> None:
        self._unfold()
        self._out.append(row)
        self._group = None

    def _unfold(self, but: str = "") -> None:
        """What has been gathered becomes a row."""
        if self._folded and but != "folded":
            items = tuple(self._folded)
            self._folded.clear()
            times = tuple(self._local(item.what.time) for item in items)
            self._out.append(
                Row("folded", f"f{items[0].key}", len(items), items=items, times=times, time=self._time(items))
            )
            self._group = None
        if self._deleted and but != "deleted":
            items = tuple(self._deleted)
            self._deleted.clear()
            self._out.append(Row("deleted", f"d{items[0].key}", len(items), items=items, time=self._time(items)))
            self._group = None

    def _time(self, items: Sequence[Item]) -> datetime | None:
        return self._local(items[-1].what.time)

    def _local(self, time: datetime) -> datetime | None:
        return on_clock(time, self._zone)


def on_clock(time: datetime, zone: tzinfo | None) -> datetime | None:
    """As the reader's clock has it; None where it has no such time."""
    if time.year <= 1970:  # plain frames tell no times
        return None
    try:
        return time.astimezone(zone)
    except (OverflowError, ValueError):  # no server's clock is there
        return None


# --- comings and goings, as sentences ---


def summary(items: Sequence[Item]) -> str:
    """Of what was folded."""
    events = [item.what for item in items if isinstance(item.what, Joined | Left | Renamed)]
    if len(events) == 1:
        return sentence(events[0])
    kinds = Counter(type(event) for event in events)
    words: dict[type[Presence], str] = {Joined: "joined", Left: "left", Renamed: "changed names"}
    return ", ".join(f"{kinds[kind]} {word}" for kind, word in words.items() if kinds[kind])


def sentence(event: Presence) -> str:
    match event:
        case Renamed(name=name, new_name=new_name):
            return f"{name} is now known as {new_name}"
        case Joined(name=name, bot=bot):
            return f"{name}{' (a bot)' if bot else ''} has joined"
        case Left(name=name, reason=reason):
            if _MOVED.fullmatch(reason):
                return f"{name} {reason}"
            return f"{name} has left" + (f" ({reason})" if reason not in ("", "left") else "")
