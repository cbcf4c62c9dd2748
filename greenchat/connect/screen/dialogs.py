"""What stands above the screen for a moment: a question, and the table of keys."""

from collections.abc import Callable, Sequence

from rich.segment import Segment
from textual.app import ComposeResult
from textual.events import Key, MouseScrollDown, MouseScrollUp
from textual.strip import Strip

from greenchat.connect.screen.above import Above
from greenchat.connect.screen.bars import Bar
from greenchat.connect.screen.box import Box
from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import Span, wrap

WHEEL = 3  # lines


class Question(Above[str]):
    """Answers with what was typed, empty for who would rather not."""

    DEFAULT_CSS = "Question { align: left bottom; background: transparent; } Question Bar { height: auto; }"

    def __init__(self, look: Look, question: str, *, secret: bool = False) -> None:
        super().__init__()
        self._look = look
        self._question = question
        self._box = Box(look, Editor(), name="answer", prompt="? ")
        self._box.hidden = secret
        self._box.entered = self._answer
        self._box.pasted = self._paste

    def compose(self) -> ComposeResult:
        yield Bar(self._look, "question", lambda: [(f"{self._question}  (Esc: none)", self._look.strong)])
        yield self._box

    def on_mount(self) -> None:
        self._box.focus()

    def _answer(self) -> None:
        self.dismiss(self._box.editor.text)

    def _paste(self, text: str) -> None:
        """An answer is one line: what is copied from elsewhere often ends with a line break."""
        self._box.editor.insert(" ".join(text.split()))
        self._box.renew()

    async def on_key(self, event: Key) -> None:
        if event.key in ("escape", "ctrl+c"):
            event.stop()
            self.dismiss("")


class Table(Lines):
    def __init__(self, look: Look, rows: Sequence[tuple[str, str]]) -> None:
        super().__init__(look, self._make_lines, id="table")
        self._rows = rows
        self.top = 0

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        left = min(24, width // 2)
        out: list[Strip] = []
        for keys, what in self._rows:
            heads = wrap([Span(keys, self.look.strong)], left - 2)
            lines = wrap([Span(what)], width - left - 1)
            for number in range(max(len(heads), len(lines))):
                head = Strip(heads[number] if number < len(heads) else []).adjust_cell_length(left - 1)
                body = Strip(lines[number] if number < len(lines) else [])
                out.append(Strip.join([Strip([Segment(" ")]), head, body]))
        self.top = max(0, min(self.top, len(out) - height))
        return out[self.top : self.top + height]

    def scroll(self, by: int) -> None:
        """So many lines."""
        self.top += by
        self.redraw()

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self.scroll(-WHEEL)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self.scroll(WHEEL)


class Help(Above[None]):
    """Any key that does not scroll ends it; what one types goes into the box then."""

    def __init__(self, look: Look, rows: Callable[[], Sequence[tuple[str, str]]]) -> None:
        super().__init__()
        self._look = look
        self._table = Table(look, rows())

    def compose(self) -> ComposeResult:
        yield Bar(
            self._look,
            "title",
            lambda: [("Keys", self._look.strong), ("Esc goes back, Up and Down scroll", self._look.dim)],
        )
        yield self._table

    async def on_key(self, event: Key) -> None:
        event.stop()
        page = max(1, self._table.size.height - 1)
        by = {"down": 1, "up": -1, "pagedown": page, "pageup": -page}.get(event.key, 0)
        if not by:
            self.dismiss()
            if event.is_printable:
                self.app.post_message(Key(event.key, event.character))
            return
        self._table.scroll(by)
