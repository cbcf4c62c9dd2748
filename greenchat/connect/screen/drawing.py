"""A row of a conversation as lines of a terminal. No widget, and nothing of what others wrote is taken for markup."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from greenchat.codecs.wording import beginning, with_files
from greenchat.connect.model.markup import mentions, parse, plain
from greenchat.connect.model.rows import Row, on_clock, summary
from greenchat.connect.model.timeline import Gone, Item, Told
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.words import Block, blocks, lines_of
from greenchat.connect.screen.wrapping import Span, cut, isolated, width_of, wrap
from greenchat.protocol.events import Message
from greenchat.protocol.text import some_of

# From so many columns on, times and names have columns of their own; in narrower ones a name stands above its words.
WIDE = 56
TIME_CELLS = 6
NAME_CELLS, SHORT_NAME_CELLS = 14, 10
ROOMY = 80

# Before what was folded.
FOLDED, OPENED = "▸", "▾"

# Beside what calls for who reads it.
CALLING = "┃"
NO_UNDERLINE = Style(underline=False)

# So many of those are named who have put one emoji to a message.
REACTED = 5


@dataclass(frozen=True, slots=True)
class Drawn:
    """How it is to be drawn. `me` is whose mentions are marked, `today` the reader's day. `is_open`: all is told of
    what was folded, or of what has become of a message, and when."""

    width: int
    look: Look
    me: str = ""
    times: bool = True
    today: date | None = None
    is_open: bool = False
    words: tuple[str, ...] = ()

    @property
    def called(self) -> tuple[str, ...]:
        """What is marked: one's name, and words of one's own."""
        return (self.me, *self.words) if self.me else ()

    @property
    def name_cells(self) -> int:
        return NAME_CELLS if self.width >= ROOMY else SHORT_NAME_CELLS

    @property
    def head_cells(self) -> int:
        """How many the columns of times and names have."""
        return (TIME_CELLS if self.times else 0) + self.name_cells + 1

    @property
    def is_wide(self) -> bool:
        return self.width >= WIDE


def draw(row: Row, how: Drawn) -> list[Strip]:
    match row.kind:
        case "day":
            lines = [_rule(_day(row.day, how.today), how, how.look.line, how.look.dim)]
        case "new":
            lines = [_rule("New messages", how, how.look.new, how.look.new)]
        case "message":
            lines = [*_message(row, how)]
        case "folded":
            lines = [*_folded(row, how)]
        case "deleted":
            count = len(row.items)
            lines = [*_aside(row, "Message deleted" if count == 1 else f"{count} messages deleted", how, how.look.dim)]
        case _:
            assert row.item is not None
            told = row.item.what
            assert isinstance(told, Told)
            lines = [*_aside(row, told.text, how, how.look.error if told.error else how.look.dim)]
    return [Strip(segments) for segments in lines]


def _day(day: date | None, today: date | None) -> str:
    if day is None or day == today:
        return "Today" if day else ""
    if today is not None and day == today - timedelta(days=1):
        return "Yesterday"
    return f"{day:%A, %d %B %Y}"


def _rule(text: str, how: Drawn, line: Style, style: Style) -> list[Segment]:
    text = cut(text, how.width - 4)
    before = max(0, (how.width - width_of(text) - 2) // 2)
    after = max(0, how.width - width_of(text) - 2 - before)
    return [Segment("─" * before, line), Segment(f" {text} ", style), Segment("─" * after, line)]


def _folded(row: Row, how: Drawn) -> Iterator[list[Segment]]:
    several = len(row.items) > 1
    sign = "·" if not several else OPENED if how.is_open else FOLDED
    yield from _aside(row, summary(row.items), how, how.look.dim, sign)
    if several and how.is_open:
        for item, time in zip(row.items, row.times, strict=True):
            yield from _aside(replace(row, time=time), summary([item]), how, how.look.dim, " ")


def _aside(row: Row, text: str, how: Drawn, style: Style, sign: str = "·") -> Iterator[list[Segment]]:
    indent = 0
    if how.is_wide and how.times:
        indent = TIME_CELLS
    for number, line in enumerate(wrap([Span(text, style)], how.width - indent - 2)):
        time = _time(row, how) if not number and indent else " " * indent
        yield [Segment(time, how.look.dim), Segment(f"{sign} " if not number else "  ", how.look.dim), *isolated(line)]


def _time(row: Row, how: Drawn) -> str:
    return f"{row.time:%H:%M} " if row.time is not None else " " * TIME_CELLS


def _message(row: Row, how: Drawn) -> Iterator[list[Segment]]:
    assert row.item is not None
    message = row.item.what
    assert isinstance(message, Message)
    look = how.look
    name = look.of_name(message.sender)
    calls = _calls(row, message, how)
    bar = Segment("│" if how.is_wide else " ", look.line)
    if calls:
        bar = Segment(CALLING, look.calling + NO_UNDERLINE)
    gutter = [bar, Segment(" ")]
    if how.is_wide:
        blank = [Segment(" " * how.head_cells)]
        first = [Segment(_time(row, how).ljust(how.head_cells), look.dim)] if how.is_open and how.times else blank
        head = [*(_head(row, message, how) if row.head else first), *gutter]
        gutter = [*blank, *gutter]
    elif message.action:
        head = [Segment("* ", name)]
    elif row.head:
        above = isolated([Segment(cut(message.sender, how.width - 8), name)])
        yield [*above, Segment(f" {_time(row, how)}".rstrip(), look.dim)]
        head = gutter
    else:
        head = gutter
    width = how.width - sum(segment.cell_length for segment in gutter)
    for number, line in enumerate(_body(row, row.item, message, width, how)):
        yield [*(gutter if number else head), *isolated(line)]


def _head(row: Row, message: Message, how: Drawn) -> list[Segment]:
    """When and by whom it was said, in columns of their own."""
    shown = "*" if message.action else cut(message.sender, how.name_cells)
    return [
        *([Segment(_time(row, how), how.look.dim)] if how.times else []),
        Segment(" " * (how.name_cells - width_of(shown))),
        *isolated([Segment(shown, how.look.of_name(message.sender))]),
        Segment(" "),
    ]


def headed(row: Row, strip: Strip, how: Drawn) -> Strip:
    """A line of it that is the first in sight: it tells by whom that was said, wherever that is told else."""
    if not how.is_wide or row.item is None or not isinstance(row.item.what, Message):
        return strip
    head = Strip(_head(row, row.item.what, how))
    return Strip.join([head, strip.crop(how.head_cells)])


def _calls(row: Row, message: Message, how: Drawn) -> bool:
    """Whether it names who reads it, or answers them."""
    me = how.me
    if not me or message.own or message.sender == me:
        return False
    answers = isinstance(row.original, Message) and (row.original.own or row.original.sender == me)
    return answers or mentions(how.called, message.text)


def _body(row: Row, item: Item, message: Message, width: int, how: Drawn) -> Iterator[list[Segment]]:
    look = how.look
    if message.reply_to:
        yield wrap([Span(cut(f"↪ {_quoted(row)}", width), look.dim)], width)[0]
    mine = message.own or message.sender == how.me
    said = blocks(with_files(message), look, () if mine else how.called)
    if message.action:
        said[:0] = [Block([])] if said[0].apart else []
        said[0].spans.insert(0, Span(f"{message.sender} ", look.of_name(message.sender)))
    marks = [Span(f" ({_edited(row, message.edited, how)})", look.dim)] if message.edited is not None else []
    if item.state in ("queued", "sending"):
        marks.append(Span(" (waiting)" if item.state == "queued" else " …", look.dim))
    if marks and said[-1].verbatim:
        said.append(Block([]))
    said[-1].spans += marks
    yield from lines_of(said, width, look)
    if message.reactions:
        yield from wrap(_reactions(message.reactions, how), width)
    if item.why:
        begin = "Not said: " if item.state == "failed" else ""
        yield from wrap([Span(f"{begin}{item.why}", look.error)], width)


def _edited(row: Row, when: datetime, how: Drawn) -> str:
    if not how.is_open or row.time is None:
        return "edited"
    local = on_clock(when, row.time.tzinfo)
    if local is None:
        return "edited"
    return f"edited {local:%H:%M}" if local.date() == row.time.date() else f"edited {local:%d %B %Y, %H:%M}"


def _reactions(reactions: Mapping[str, Sequence[str]], how: Drawn) -> Iterator[Span]:
    for emoji, names in reactions.items():
        style = how.look.unread if how.me in names else how.look.dim
        told = some_of(names, REACTED) if how.is_open else f"{len(names)}"
        yield Span(f"{emoji} {told}", style)
        yield Span("  ")


def _quoted(row: Row) -> str:
    match row.original:
        case Message(sender=sender, text=text):
            return f"{sender}: {beginning(plain(parse(text)))}"
        case Gone():
            return "a message that was deleted"
    return "an earlier message" if row.is_lost else "…"
