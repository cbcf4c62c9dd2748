"""Widgets that are lines of text, drawn by themselves."""

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from greenchat.connect.screen.theme import Look


class Lines(Widget):
    """`lines` makes the strips for so many cells of width, at most so many as the height is; they are filled up to the
    width. `redraw` has it asked anew."""

    DEFAULT_CSS = "Lines { height: 1fr; }"

    def __init__(self, look: Look, lines: Callable[[int, int], list[Strip]], *, id: str) -> None:  # noqa: A002  # as Textual calls it
        super().__init__(id=id)
        self.look = look
        self._lines = lines
        self._drawn: list[Strip] | None = None

    def redraw(self) -> None:
        self._drawn = None
        self.refresh()

    def redraw_if_changed(self) -> None:
        """As `redraw`, where it looks otherwise now: what need not be painted keeps nobody waiting who types."""
        if self._drawn is None:
            self.redraw()
            return
        lines = self._lines(*self.size)
        if lines != self._drawn:
            self._drawn = lines
            self.refresh()

    def notify_style_update(self) -> None:
        self._drawn = None
        super().notify_style_update()

    def on_resize(self) -> None:
        self.redraw()

    @property
    def ground(self) -> Style:
        return self.look.base

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if self._drawn is None:
            self._drawn = self._lines(width, height)
        ground = self.ground
        if y >= len(self._drawn):
            return Strip([Segment(" " * width, ground)], width)
        return self._drawn[y].adjust_cell_length(width).apply_style(ground)
