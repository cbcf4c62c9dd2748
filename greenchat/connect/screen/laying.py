"""Where each character of what is typed is drawn, and which one is drawn where. No widget."""

from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from greenchat.connect.screen.editing import edges
from greenchat.connect.screen.wrapping import graphemes


class Sign(NamedTuple):
    """What stands from `start` to `end` in the text, in so many cells from `column` on. A line break has none."""

    start: int
    end: int
    column: int
    cells: int


class Laid(NamedTuple):
    """Rows of signs, from the left. `starts` has where each row begins in the text, `length` is that of the text."""

    rows: tuple[tuple[Sign, ...], ...]
    starts: tuple[int, ...]
    length: int

    def where(self, cursor: int) -> tuple[int, int]:
        """In which row and column the cursor is."""
        row = bisect_right(self.starts, cursor) - 1
        for sign in self.rows[row]:
            if cursor < sign.end:
                return row, sign.column
        return row, self._end(row)

    def under(self, cursor: int) -> int:
        """How many cells are under it."""
        row, column = self.where(cursor)
        return next((max(1, sign.cells) for sign in self.rows[row] if sign.column == column and cursor < sign.end), 1)

    def at(self, row: int, column: int) -> int:
        """Where the cursor is put by who points there."""
        row = max(0, min(row, len(self.rows) - 1))
        for sign in self.rows[row]:
            if column < sign.column + max(1, sign.cells):
                return sign.start
        if row + 1 == len(self.rows):
            return self.length
        return self.rows[row][-1].start  # before the line break; behind the last sign is the next row

    def _end(self, row: int) -> int:
        return sum(sign.cells for sign in self.rows[row])


@lru_cache(8)  # a key asks for its height, and draws it
def lay(text: str, width: int) -> Laid:
    """In rows of `width` cells, the last of which is for the cursor."""
    rows: list[list[Sign]] = [[]]
    starts = [0]
    used = 0
    for start, end in pairwise(edges(text)):
        if text[start] == "\n":
            rows[-1].append(Sign(start, end, used, 0))
            rows.append([])
            starts.append(end)
            used = 0
            continue
        cells = sum(one.cells for one in graphemes(text[start:end]))
        if used + cells > width - 1 and rows[-1]:
            rows.append([])
            starts.append(start)
            used = 0
        rows[-1].append(Sign(start, end, used, cells))
        used += cells
    return Laid(tuple(map(tuple, rows)), tuple(starts), len(text))
