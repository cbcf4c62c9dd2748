"""Widgets that are lines of text, drawn by themselves."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from greenchat.connect.screen.theme import Look


class Lines(Widget):
    """`lines` makes as many strips as are to be seen; they are filled up to the width. `redraw` has it asked anew."""

    DEFAULT_CSS = "Lines { height: 1fr; }"

    def __init__(self, look: Look, *, id: str) -> None:  # noqa: A002  # as Textual calls it
        super().__init__(id=id)
        self.look = look
        self._drawn: list[Strip] | None = None

    def lines(self, width: int, height: int) -> list[Strip]:
        """At most `height` of them, at most so many cells wide."""
        raise NotImplementedError

    def redraw(self) -> None:
        self._drawn = None
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
            self._drawn = self.lines(width, height)
        ground = self.ground
        if y >= len(self._drawn):
            return Strip([Segment(" " * width, ground)], width)
        return self._drawn[y].adjust_cell_length(width).apply_style(ground)
