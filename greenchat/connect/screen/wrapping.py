"""Text in lines of so many cells: by words, and never within what is seen as one character."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import split_graphemes
from rich.segment import Segment
from rich.style import Style

from greenchat.connect.common import clean

TAB = "    "

# Whoever heaps more marks on one letter draws over the lines of others.
MOST_MARKS = 16


class Grapheme(NamedTuple):
    """What is seen as one character, and how many cells it takes."""

    text: str
    cells: int


class Span(NamedTuple):
    text: str
    style: Style = Style.null()


@lru_cache(512)
def graphemes(text: str) -> tuple[Grapheme, ...]:
    """What is in a line of text, without what would drive a terminal, or is drawn nowhere."""
    text = clean(text.replace("\t", TAB))
    if text.isascii():
        return tuple(Grapheme(character, 1) for character in text)
    spans, _ = split_graphemes(text)
    found: list[Grapheme] = []
    for start, end, cells in spans:
        part = text[start : min(end, start + MOST_MARKS)]
        if cells:
            found.append(Grapheme(part, cells))
    return tuple(found)


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
    lines: list[list[Segment]] = []
    start = 0
    while start < len(line):
        used, at, space = 0, start, -1
        while at < len(line) and used + line[at][0].cells <= width:
            used += line[at][0].cells
            at += 1
            if line[at - 1][0].text == " ":
                space = at
        if at == len(line):
            end = after = at
        elif line[at][0].text == " ":
            end, after = at, at + 1
        elif space > start:
            end, after = space - 1, space
        else:
            end = after = at
        lines.append(_segments(line[start:end]))
        start = after
    return lines or [[]]


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
