"""Text in lines of so many cells: by words, and never within what is seen as one character."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import split_graphemes
from rich.segment import Segment
from rich.style import Style

from greenchat.connect.common import clean

TAB = "    "

# They take the direction of the first word between them. What others write has none: `clean` takes it out.
ISOLATE, ISOLATED = "\u2068", "\u2069"
_FROM_RIGHT = frozenset({"R", "AL", "AN"})

# Whoever heaps more marks on one letter draws over the lines of others.
MOST_MARKS = 16

# Scripts in which a line may end between any two signs, since they put no spaces between words; but for brackets and
# what ends a sentence, which stand with what they belong to.
_IDEOGRAPH = re.compile(
    "[\u2e80-\u312f\u3190-\u4dbf\u4e00-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\U00020000-\U0003ffff]"
)
NO_START = frozenset("、。，．！？：；）］｝」』】〉》〕ー々…‥・ぁぃぅぇぉっゃゅょァィゥェォッャュョ,.!?:;)]}%")
NO_END = frozenset("（［｛「『【〈《〔([{#@")


class Grapheme(NamedTuple):
    """What is seen as one character, and how many cells it takes."""

    text: str
    cells: int


_ASCII = {character: Grapheme(character, 1) for character in map(chr, range(128))}


class Span(NamedTuple):
    text: str
    style: Style = Style.null()


@lru_cache(512)
def graphemes(text: str) -> tuple[Grapheme, ...]:
    """What is in a line of text, without what would drive a terminal, or is drawn nowhere."""
    text = clean(text.replace("\t", TAB))
    if text.isascii():
        return tuple(map(_ASCII.__getitem__, text))
    spans, _ = split_graphemes(text)
    found: list[Grapheme] = []
    for start, end, cells in spans:
        part = text[start : min(end, start + MOST_MARKS)]
        if cells:
            found.append(Grapheme(part, cells))
    return tuple(found)


def isolated(line: list[Segment]) -> list[Segment]:
    """What one person wrote, so that a terminal that writes from right to left where it has to leaves all that stands
    beside it where that is."""
    if any(_is_from_right(segment.text) for segment in line):
        # Not as segments of their own: what has no width is lost where something else stands before a part of a line.
        line = [Segment(ISOLATE + line[0].text, line[0].style), *line[1:]]
        return [*line[:-1], Segment(line[-1].text + ISOLATED, line[-1].style)]
    return line


def _is_from_right(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(one) in _FROM_RIGHT for one in text)


def width_of(text: str) -> int:
    return sum(one.cells for one in graphemes(text))


def cut(text: str, width: int) -> str:
    """What of one line fits, with an ellipsis where not all does."""
    parts = graphemes(" ".join(text.split("\n")))
    if sum(one.cells for one in parts) <= width:
        return "".join(one.text for one in parts)
    out, used = "", 0
    for one in parts:
        if used + one.cells > width - 1:
            break
        out, used = out + one.text, used + one.cells
    return out + "…" * (width > 0)


def wrap(spans: Iterable[Span], width: int) -> list[list[Segment]]:
    """Lines of at most so many cells; one at least. A word that is longer is cut."""
    width = max(width, 2)  # the widest character
    lines: list[list[Segment]] = []
    for line in _lines(spans):
        lines += _wrap_line(line, width)
    return lines


def chop(spans: Iterable[Span], width: int) -> list[list[Segment]]:
    """The same of what is not wrapped by words: each line is cut where it is full."""
    width = max(width, 2)
    lines: list[list[Segment]] = []
    for line in _lines(spans):
        start = used = 0
        for at, (one, _) in enumerate(line):
            if used + one.cells > width:
                lines.append(_segments(line[start:at]))
                start, used = at, 0
            used += one.cells
        lines.append(_segments(line[start:]))
    return lines


def _lines(spans: Iterable[Span]) -> list[list[tuple[Grapheme, Style]]]:
    lines: list[list[tuple[Grapheme, Style]]] = [[]]
    for text, style in spans:
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            lines[-1] += [(one, style) for one in graphemes(part)]
    return lines


def _wrap_line(line: Sequence[tuple[Grapheme, Style]], width: int) -> list[list[Segment]]:
    if sum([one.cells for one, _ in line]) <= width:
        return [_segments(line)]
    lines: list[list[Segment]] = []
    start = 0
    while start < len(line):
        used, at, last = 0, start, -1  # `last`: where the next line may begin
        before = line[start][0]
        while at < len(line) and used + (one := line[at][0]).cells <= width:
            if (before.text == " " or one.cells > 1 or before.cells > 1) and at > start and _may_part(before, one):
                last = at
            used += one.cells
            at += 1
            before = one
        if at == len(line):
            end = after = at
        elif line[at][0].text == " ":
            end, after = at, at + 1
        elif _may_part(line[at - 1][0], line[at][0]) or last < 0:
            end = after = at
        else:
            end = after = last
        if end < len(line) and end > start and line[end - 1][0].text == " " and after == end:
            end -= 1
        lines.append(_segments(line[start:end]))
        start = after
    return lines


def _may_part(one: Grapheme, other: Grapheme) -> bool:
    """Whether a line may end between the two."""
    if one.text == " ":
        return other.text != " "
    if one.cells < 2 and other.cells < 2:
        return False
    if one.text in NO_END or other.text in NO_START:
        return False
    return bool(_IDEOGRAPH.match(one.text) or _IDEOGRAPH.match(other.text))


def _segments(line: Sequence[tuple[Grapheme, Style]]) -> list[Segment]:
    segments: list[Segment] = []
    text, style = "", Style.null()
    for one, its in line:
        if its is not style and text:
            segments.append(Segment(text, style))
            text = ""
        style = its
        text += one.text
    if text:
        segments.append(Segment(text, style))
    return segments
