"""The box in which one types."""

from collections.abc import Callable
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, Key, Paste
from textual.geometry import Offset
from textual.message import Message as TextualMessage
from textual.strip import Strip

from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import graphemes
from greenchat.protocol.text import FORBIDDEN

# So many lines it takes at most; what is longer is seen around the cursor.
MOST_LINES = 6

PROMPT = "> "


class Box(Lines, can_focus=True):
    """An `editor`, drawn. What its keys do, `KEYS` says; all others that write something are written. `secret_start`
    tells where in what is typed a secret begins: it is drawn as stars. `entered`, `pasted` and `completing` are called
    at once: what is typed behind Enter must not come into what was sent by it."""

    DEFAULT_CSS = "Box { height: auto; }"

    class Changed(TextualMessage):
        """Something was typed."""

    def __init__(self, look: Look, editor: Editor, *, name: str = "box", prompt: str = PROMPT) -> None:
        super().__init__(look, self._make_lines, id=name)
        self.editor = editor
        self.prompt = prompt
        self.hidden = False  # all of it is drawn as stars
        self.secret_start: Callable[[str], int] = len
        self.entered: Callable[[], None] = lambda: None
        self.pasted: Callable[[str], None] = lambda text: None
        self.completing: Callable[[], None] = lambda: None
        self._first = 0  # the line at the top
        act: dict[str, Callable[[], object]] = {
            "left": editor.left,
            "ctrl+b": editor.left,
            "right": editor.right,
            "ctrl+f": editor.right,
            "home": editor.home,
            "ctrl+a": editor.home,
            "end": editor.end,
            "ctrl+e": editor.end,
            "ctrl+left": editor.word_left,
            "alt+b": editor.word_left,
            "ctrl+right": editor.word_right,
            "alt+f": editor.word_right,
            "backspace": editor.backspace,
            "ctrl+h": editor.backspace,
            "delete": editor.delete,
            "ctrl+w": editor.kill_word,
            "alt+backspace": editor.kill_word,
            "alt+d": editor.kill_word_ahead,
            "ctrl+u": editor.kill_to_start,
            "ctrl+k": editor.kill_to_end,
            "ctrl+y": editor.yank,
            "up": editor.up,
            "down": editor.down,
            "alt+enter": lambda: editor.insert("\n"),
            "ctrl+j": lambda: editor.insert("\n"),
            "shift+enter": lambda: editor.insert("\n"),
        }
        self._acts = act

    def _laid(self, width: int) -> tuple[list[list[Segment]], int, int]:
        """The lines of it, and where the cursor is."""
        prompt = sum(one.cells for one in graphemes(self.prompt))
        room = max(2, width - prompt)
        text, cursor = self.editor.text, self.editor.cursor
        secret = 0 if self.hidden else self.secret_start(text)
        lines: list[list[Segment]] = [[Segment(self.prompt, self.look.dim)]]
        used, row, column = 0, 0, prompt
        edges = self.editor.edges()
        for start, end in pairwise(edges):
            if cursor == start:
                row, column = len(lines) - 1, prompt + used
            if text[start] == "\n":
                lines.append([Segment(" " * prompt)])
                used = 0
                continue
            parts = graphemes(text[start:end])
            cells = sum(one.cells for one in parts)
            if used + cells > room - 1:
                lines.append([Segment(" " * prompt)])
                used = 0
                if cursor == start:
                    row, column = len(lines) - 1, prompt
            lines[-1].append(Segment("*" * cells if start >= secret else "".join(one.text for one in parts)))
            used += cells
        if cursor == len(text):
            row, column = len(lines) - 1, prompt + used
        return lines, row, column

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return min(MOST_LINES, len(self._laid(width)[0]))

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        lines, row, column = self._laid(width)
        self._first = min(max(self._first, row - height + 1), row, max(0, len(lines) - height))
        strips = [Strip(line).adjust_cell_length(width) for line in lines[self._first : self._first + height]]
        if self.has_focus and row - self._first < len(strips):
            strip = strips[row - self._first]
            wide = strip.crop(column, column + 2)
            cells = 2 if wide.text and len(wide.text) == 1 and wide.cell_length == 2 else 1
            under = strip.crop(column, column + cells).apply_style(Style(reverse=True))
            strips[row - self._first] = Strip.join([strip.crop(0, column), under, strip.crop(column + cells, width)])
            self.app.cursor_position = Offset(self.region.x + column, self.region.y + row - self._first)
        return strips

    def renew(self) -> None:
        self.redraw()
        self.refresh(layout=True)

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def on_click(self, _: Click) -> None:
        self.focus()

    async def _on_key(self, event: Key) -> None:
        if self.screen is not self.app.screen:  # by a key before this one: it is for what is there now
            self.app.post_message(Key(event.key, event.character))
        elif event.key == "enter":
            self.entered()
        elif event.key == "tab":
            self.completing()
        elif (act := self._acts.get(event.key)) is not None:
            act()
            self.post_message(self.Changed())
        elif event.character and not FORBIDDEN.search(event.character) and event.key != "escape":
            self.editor.insert(event.character)
            self.post_message(self.Changed())
        else:
            return
        event.stop()
        event.prevent_default()
        self.renew()

    def _on_paste(self, event: Paste) -> None:
        self.pasted(event.text)
        event.stop()
        event.prevent_default()
