"""The box in which one types."""

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, Key, Paste
from textual.geometry import Offset
from textual.message import Message as TextualMessage
from textual.strip import Strip

from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.keys import BOX_KEYS
from greenchat.connect.screen.laying import Laid, lay
from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import graphemes, width_of
from greenchat.protocol.text import FORBIDDEN

# So many lines it takes at most; what is longer is seen around the cursor.
MOST_LINES = 6

PROMPT = "> "

# What moves about in what is typed, and changes nothing.
MOVES = frozenset({"left", "right", "home", "end", "word_left", "word_right", "up", "down"})


class Box(Lines, can_focus=True):
    """An `editor`, drawn. What its keys do, `BOX_KEYS` says; all others that write something are written. `entered`,
    `pasted` and `typed` are called at once: what is typed behind Enter must not come into what was sent by it. `first`
    is asked what it makes of an action, before the box does it; whether it was done then. `at_end` is what Ctrl-K does
    where there is nothing to cut."""

    DEFAULT_CSS = "Box { height: auto; }"

    class Changed(TextualMessage):
        """Something was typed."""

    def __init__(self, look: Look, editor: Editor, *, name: str = "box", prompt: str = PROMPT) -> None:
        super().__init__(look, self._make_lines, id=name)
        self.editor = editor
        self.prompt = prompt
        self.hidden = False  # all of it is drawn as stars
        self.entered: Callable[[], None] = lambda: None
        self.pasted: Callable[[str], None] = lambda text: None
        self.typed: Callable[[str], None] = lambda text: None
        self.first: Callable[[str], bool] = lambda action: False
        self.at_end: Callable[[], None] = lambda: None
        self._first = 0  # the row at the top
        self.actions = {key: one.action for one in BOX_KEYS for key in one.keys.split(",")}

    # --- how it looks ---

    def _laid(self, width: int) -> Laid:
        return lay(self.editor.text, max(2, width - width_of(self.prompt)))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return min(MOST_LINES, len(self._laid(width).rows))

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        laid, prompt = self._laid(width), width_of(self.prompt)
        row, column = laid.where(self.editor.cursor)
        column += prompt
        self._first = min(max(self._first, row - height + 1), row, max(0, len(laid.rows) - height))
        shown = range(self._first, min(self._first + height, len(laid.rows)))
        strips = [self._row(laid, number, prompt).adjust_cell_length(width) for number in shown]
        if self.has_focus and row - self._first < len(strips):
            strip = strips[row - self._first]
            cells = laid.under(self.editor.cursor)
            under = strip.crop(column, column + cells).apply_style(Style(reverse=True))
            strips[row - self._first] = Strip.join([strip.crop(0, column), under, strip.crop(column + cells, width)])
            self.app.cursor_position = Offset(self.region.x + column, self.region.y + row - self._first)
        return strips

    def _row(self, laid: Laid, number: int, prompt: int) -> Strip:
        text, row = self.editor.text, laid.rows[number]
        secret = 0 if self.hidden else self.editor.secret_start(text)
        segments = [Segment(self.prompt, self.look.dim) if not number else Segment(" " * prompt)]
        for sign in row.signs:
            if sign.cells:
                drawn = "".join(one.text for one in graphemes(text[row.line + sign.start : row.line + sign.end]))
                segments.append(Segment("*" * sign.cells if row.line + sign.start >= secret else drawn))
        return Strip(segments)

    def column(self, at: int) -> int:
        """In which column of the screen it is drawn what stands there in the text."""
        return self.region.x + width_of(self.prompt) + self._laid(self.size.width).where(at)[1]

    def renew(self) -> None:
        self.redraw()
        self.refresh(layout=True)

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    # --- keys ---

    async def _on_key(self, event: Key) -> None:
        if self.screen is not self.app.screen:  # by a key before this one: it is for what is there now
            self.app.post_message(Key(event.key, event.character))
            event.stop()  # once: a screen that ends does the same
            event.prevent_default()
            return
        action = self.actions.get(event.key, "")
        if action:
            self._do(action)
        elif event.character and not FORBIDDEN.search(event.character) and event.key != "escape":
            self.editor.insert(event.character)
            self._told(event.character)
        else:
            return
        event.stop()
        event.prevent_default()
        self.renew()

    def _do(self, action: str) -> None:
        if self.first(action):
            return
        match action:
            case "enter":
                self.entered()
            case "new_line":
                self.editor.insert("\n")
                self._told("\n")
            case "up" | "down":
                self._up_or_down(-1 if action == "up" else 1)
            case "kill_to_end" if self.editor.cursor == len(self.editor.text):
                self.at_end()
            case "complete" | "complete_back" | "recall":
                pass  # which only some boxes have
            case _:
                getattr(self.editor, action)()
                if action not in MOVES:
                    self._told("")

    def _up_or_down(self, by: int) -> None:
        """A row, as it is drawn; from the first or the last, to what was sent before or after."""
        laid = self._laid(self.size.width)
        row, column = laid.where(self.editor.cursor)
        if 0 <= row + by < len(laid.rows):
            self.editor.move(laid.at(row + by, column))
        elif by < 0:
            self.editor.earlier()
        else:
            self.editor.later()

    def _told(self, typed: str) -> None:
        """Something was changed; by what was `typed`, if it was."""
        self.typed(typed)
        self.post_message(self.Changed())

    # --- mouse ---

    def on_click(self, event: Click) -> None:
        """The cursor goes where one points."""
        self.focus()
        laid = self._laid(self.size.width)
        self.editor.move(laid.at(self._first + event.y, event.x - width_of(self.prompt)))
        self.renew()

    def _on_paste(self, event: Paste) -> None:
        self.pasted(event.text)
        event.stop()
        event.prevent_default()
