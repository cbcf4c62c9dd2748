"""The line above a conversation, and that below it."""

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import Span, cut, isolated, width_of, wrap

# A part of a bar: its text and its style. Those behind give way first where there is no room.
Part = tuple[str, Style]


# A sentence that has more lines is cut.
MOST_LINES = 4


class Sentence(Lines):
    """In as many lines as it takes; it is not there while it is empty."""

    DEFAULT_CSS = "Sentence { height: auto; }"

    def __init__(self, look: Look, name: str) -> None:
        super().__init__(look, self._make_lines, id=name)
        self._part: Part = "", Style.null()

    def tell(self, text: str, style: Style) -> None:
        if (text, style) != self._part:
            self._part, self.display = (text, style), bool(text)
            self.redraw()
            self.refresh(layout=True)

    @property
    def ground(self) -> Style:
        return self.look.base + self.look.bar

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return min(MOST_LINES, len(self._make_lines(width, MOST_LINES)))

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        text, style = self._part
        lines = wrap([Span(text, self.look.on_bar(style))], width - 2)
        return [Strip([Segment(" "), *isolated(line)]) for line in lines[:height]]


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
            segments += [*isolated([Segment(shown, self.look.on_bar(style))]), Segment("  ")]
            left -= width_of(shown) + 2
        return [Strip(segments)]
