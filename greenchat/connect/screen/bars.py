"""The line above a conversation, and that below it."""

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import cut, isolated, width_of

# A part of a bar: its text and its style. Those behind give way first where there is no room.
Part = tuple[str, Style]


class Bar(Lines):
    """`parts` from the left."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def __init__(self, look: Look, name: str, parts: Callable[[], Sequence[Part]]) -> None:
        super().__init__(look, self._make_lines, id=name)
        self._parts = parts

    @property
    def ground(self) -> Style:
        return self.look.base + self.look.bar

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        segments: list[Segment] = [Segment(" ")]
        left = width - 2
        for text, style in self._parts():
            if not text:
                continue
            if left < 4:
                break
            shown = cut(text, left)
            segments += [*isolated([Segment(shown, style)]), Segment("  ")]
            left -= width_of(shown) + 2
        return [Strip(segments)]
