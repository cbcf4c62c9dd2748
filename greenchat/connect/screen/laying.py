"""Where each character of what is typed is drawn, and which one is drawn where. No widget."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from greenchat.connect.graphemes import edges
from greenchat.connect.screen.wrapping import graphemes


class Sign(NamedTuple):
    """What is seen as one character, from `start` to `end` in its line, and in so many cells from `column` on."""

    start: int
    end: int
    column: int
    cells: int


class Row(NamedTuple):
    """`signs` from the left, of the line that begins at `line` in the text."""

    line: int
    signs: Sequence[Sign]

    @property
    def cells(self) -> int:
        return self.signs[-1].column + self.signs[-1].cells if self.signs else 0


class Laid(NamedTuple):
    """`starts` has where each row begins in the text."""

    rows: Sequence[Row]
    starts: Sequence[int]

    def where(self, cursor: int) -> tuple[int, int]:
        """In which row and column the cursor is."""
        number = bisect_right(self.starts, cursor) - 1
        row = self.rows[number]
        return number, next((sign.column for sign in row.signs if cursor < row.line + sign.end), row.cells)

    def under(self, cursor: int) -> int:
        """How many cells are under it."""
        row = self.rows[self.where(cursor)[0]]
        return next((max(1, sign.cells) for sign in row.signs if cursor < row.line + sign.end), 1)

    def at(self, number: int, column: int) -> int:
        """Where the cursor is put by who points there."""
        number = max(0, min(number, len(self.rows) - 1))
        row = self.rows[number]
        for sign in row.signs:
            if column < sign.column + max(1, sign.cells):
                return row.line + sign.start
        if not row.signs:
            return row.line
        is_end = number + 1 == len(self.rows) or self.rows[number + 1].line != row.line
        return row.line + (row.signs[-1].end if is_end else row.signs[-1].start)  # behind it is the next row


def lay(text: str, width: int) -> Laid:
    """In rows of `width` cells, the last of which is for the cursor."""
    rows: list[Row] = []
    at = 0
    for line in text.split("\n"):
        rows += [Row(at, signs) for signs in _wrapped(line, width)]
        at += len(line) + 1
    return Laid(rows, [row.line + (row.signs[0].start if row.signs else 0) for row in rows])


@lru_cache(500)  # lines of a paste: each key has all of them laid
def _wrapped(line: str, width: int) -> list[list[Sign]]:
    rows: list[list[Sign]] = [[]]
    used = 0
    for start, end in pairwise(edges(line)):
        cells = sum(one.cells for one in graphemes(line[start:end]))
        if used + cells > width - 1 and rows[-1]:
            rows.append([])
            used = 0
        rows[-1].append(Sign(start, end, used, cells))
        used += cells
    return rows
