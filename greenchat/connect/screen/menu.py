"""A list above the box, from which one takes something."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.strip import Strip

from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import cut, isolated, width_of

# So many lines it has at most, and so many stay for what was said where there is little room.
MOST_ROWS = 8
LEFT_FOR_OTHERS = 6

# Between the two halves of a line.
GAP = "  "

BORDER = "│ "


class Entry(NamedTuple):
    """What can be taken, and what is told of it."""

    text: str
    help: str = ""


class Menu(Lines):
    """`chosen` is the number of an entry, -1 for none. `picked` is told which was clicked. `below` is how many lines
    of the screen are under it."""

    DEFAULT_CSS = "Menu { layer: above; dock: bottom; display: none; }"

    def __init__(self, look: Look) -> None:
        super().__init__(look, self._make_lines, id="menu")
        self.chosen = -1
        self.picked: Callable[[int], None] = lambda number: None
        self.below: Callable[[], int] = lambda: 0
        self._entries: Sequence[Entry] = ()
        self._title = ""
        self._column = 0
        self._top = 0
        self._rows = 0  # so many entries are in sight

    @property
    def _has_more(self) -> bool:
        return self._rows < len(self._entries)

    @property
    def ground(self) -> Style:
        return self.look.base + (self.look.bar if self.look.background else Style())

    def open(self, entries: Sequence[Entry], chosen: int = -1, *, title: str = "", column: int = 0) -> None:
        """Show these, from this column of the screen on, or over its whole width; nothing at all shuts it."""
        self._entries, self.chosen, self._title, self._column = entries, chosen, title, column
        self.display = bool(entries or title)
        self._top = 0
        self.place()

    def shut(self) -> None:
        self.open(())

    def choose(self, chosen: int) -> None:
        self.chosen = chosen
        self.place()

    def place(self) -> None:
        """Where it belongs, on a screen that may have another size by now."""
        if not self.display:
            return
        width, height = self.screen.size
        head = bool(self._title)
        below = self.below()
        rows = min(len(self._entries), MOST_ROWS, max(1, height - below - LEFT_FOR_OTHERS))
        self._rows = rows
        if self.chosen >= 0:
            self._top = min(max(self._top, self.chosen - rows + 1), self.chosen)
        widths = [width_of(entry.text + GAP * bool(entry.help) + entry.help) for entry in self._entries]
        wide = min(width, max([*widths, width_of(self._title)]) + len(BORDER) + 1) if self._column else width
        self.styles.width, self.styles.height = wide, head + rows + self._has_more
        self.styles.offset = max(0, min(self._column - len(BORDER), width - wide)), -below
        self.redraw()

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        look, head = self.look, bool(self._title)
        border = Segment(BORDER, look.line)
        lines = [Strip([border, Segment(cut(self._title, width - 3), look.dim)])] * head
        shown = self._entries[self._top : self._top + self._rows]
        texts = [cut(entry.text, width - 3) for entry in shown]
        left = max(map(width_of, texts), default=0)
        for number, (entry, text) in enumerate(zip(shown, texts, strict=True), self._top):
            style = look.current if number == self.chosen else look.text
            room = width - len(BORDER) - left - len(GAP) - 1
            help_text = cut(entry.help, room) if entry.help and room > 3 else ""
            gap = " " * (left - width_of(text)) + GAP
            told = Segment(help_text, style if number == self.chosen else look.dim)
            line = Strip([*isolated([Segment(text, style)]), Segment(gap, style), told])
            if number == self.chosen:
                line = line.adjust_cell_length(width - len(BORDER), style)
            lines.append(Strip.join([Strip([border]), line]))
        if self._has_more:
            where = f"{self._top + 1} to {self._top + len(shown)} of {len(self._entries)}"
            lines.append(Strip([border, Segment(cut(where, width - 3), look.dim)]))
        return lines

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self._scroll(-1)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self._scroll(1)

    def _scroll(self, by: int) -> None:
        self._top = max(0, min(self._top + by, len(self._entries) - self._rows))
        self.redraw()

    def on_click(self, event: Click) -> None:
        number = self._top + event.y - bool(self._title)
        if 0 <= number < min(len(self._entries), self._top + self._rows):
            self.picked(number)
