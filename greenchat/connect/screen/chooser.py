"""A list above the box of which one takes something, by a few letters, by arrows, or by the mouse."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.segment import Segment
from textual.app import ComposeResult
from textual.events import Click, Key, MouseScrollDown, MouseScrollUp, Paste, Resize
from textual.strip import Strip

from greenchat.connect.screen.above import Above
from greenchat.connect.screen.bars import Bar
from greenchat.connect.screen.box import Box
from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import Span, cut, isolated, width_of, wrap

# So many lines of what it is about are still to be seen above a list.
LEFT_IN_SIGHT = 3

WHEEL = 3  # lines

# So many are drawn: whoever looks for one among more types another letter.
MOST_CHOICES = 200

NONE_FITS = "Nothing fits."


class Choice(NamedTuple):
    """What may be taken: `name` tells it apart from others. `parts` are wrapped into its lines; `right` stands at the
    end of the first one."""

    name: str
    parts: tuple[Span, ...]
    right: Span = Span("")


class Chooser(Above[None]):
    """`choices` are asked for with what was typed, each time that is something else. `chosen` is called at once with
    what was taken, and what was typed. `full`: it takes all of the screen, in place of a pane."""

    DEFAULT_CSS = """
    Chooser { background: transparent; align: left bottom; }
    Chooser List { height: 1; }
    """

    def __init__(
        self,
        look: Look,
        title: str,
        choices: Callable[[str], Sequence[Choice]],
        chosen: Callable[[str, str], object],
        *,
        full: bool = False,
        prompt: str = "> ",
        empty: str = NONE_FITS,
        text: str = "",
    ) -> None:
        super().__init__()
        self._look = look
        self.title_text = title
        self._choices = choices
        self._chosen = chosen
        self._full = full
        self.list = List(look, empty, self.choose)
        self.box = Letters(look, self, prompt)
        self.box.editor.set(text)
        self.box.entered = self.take
        self._of = ""
        self._is_done = False

    def compose(self) -> ComposeResult:
        yield Bar(
            self._look, "title", lambda: [(self.title_text, self._look.strong), ("Esc goes back", self._look.dim)]
        )
        yield self.list
        yield self.box

    def on_mount(self) -> None:
        self.box.focus()
        self.renew()

    @property
    def typed(self) -> str:
        return self.box.editor.text

    def renew(self) -> None:
        """What there is to choose from may be something else now."""
        if self.typed != self._of:
            self.list.at, self._of = 0, self.typed
        self.list.fill(self._choices(self.typed))
        self._fit()

    def _fit(self) -> None:
        width, height = self.app.size
        own = 1 + self.box.get_content_height(None, None, width)
        most = max(1, height - own - (0 if self._full else LEFT_IN_SIGHT))
        self.list.styles.height = most if self._full else min(most, max(self.list.lines_of(width), 1))

    def on_resize(self, _: Resize) -> None:
        self._fit()

    def take(self) -> None:
        """What Enter does."""
        self.choose()

    def choose(self) -> None:
        """Take what is marked."""
        if self.list.choices and not self._is_done:
            self._is_done = True  # a double click takes it once
            name, typed = self.list.choices[self.list.at].name, self.typed
            self.dismiss()
            self._chosen(name, typed)

    async def on_key(self, event: Key) -> None:
        if event.key in ("escape", "ctrl+c"):
            event.stop()
            self.dismiss()


class List(Lines):
    """`at` is the number of the one that is marked."""

    def __init__(self, look: Look, empty: str, taken: Callable[[], None]) -> None:
        super().__init__(look, self._make_lines, id="choices")
        self.choices: Sequence[Choice] = ()
        self.at = 0
        self.empty = empty
        self._taken = taken
        self._top = 0  # the first line in sight
        self._moved = True  # what is marked is to be in sight
        self._of_line: list[int] = []

    def fill(self, choices: Sequence[Choice]) -> None:
        """Whatever was marked is so still, if it is there."""
        marked = self.choices[self.at].name if self.at < len(self.choices) and self.at else ""
        self.choices = choices = choices[:MOST_CHOICES]
        same = next((at for at, choice in enumerate(choices) if choice.name == marked), None) if marked else None
        self.at = same if same is not None else max(0, min(self.at, len(choices) - 1))
        self._moved = True
        self.redraw()

    def move(self, by: int, *, around: bool = False) -> None:
        if self.choices:
            at = self.at + by
            self.at = at % len(self.choices) if around else max(0, min(at, len(self.choices) - 1))
            self._moved = True
            self.redraw()

    def lines_of(self, width: int) -> int:
        return sum(len(self._draw(choice, width, marked=False)) for choice in self.choices)

    def _draw(self, choice: Choice, width: int, *, marked: bool) -> list[Strip]:
        right = cut(choice.right.text, width // 2)
        gap = width_of(right)
        lines = wrap(choice.parts, width - 3 - (gap + 1 if gap else 0))
        out = []
        for number, line in enumerate(lines):
            strip = Strip([Segment("› " if marked and not number else "  ", self.look.strong), *isolated(line)])
            if gap and not number:
                strip = strip.adjust_cell_length(width - gap - 1)
                strip = Strip.join([strip, Strip(isolated([Segment(right, choice.right.style)]))])
            out.append(strip.adjust_cell_length(width).apply_style(self.look.selected) if marked else strip)
        return out

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        if not self.choices:
            return [Strip(line) for line in wrap([Span(f"  {self.empty}", self.look.dim)], width - 1)][:height]
        lines: list[Strip] = []
        self._of_line = []
        first = last = 0
        for number, choice in enumerate(self.choices):
            drawn = self._draw(choice, width, marked=number == self.at)
            if number == self.at:
                first, last = len(lines), len(lines) + len(drawn) - 1
            lines += drawn
            self._of_line += [number] * len(drawn)
        if self._moved:
            self._moved = False
            self._top = min(max(self._top, last - height + 1), first)
        self._top = max(0, min(self._top, len(lines) - height))
        self._of_line = self._of_line[self._top :]
        return lines[self._top : self._top + height]

    def on_click(self, event: Click) -> None:
        if event.y < len(self._of_line):
            self.at = self._of_line[event.y]
            self._taken()

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self._scroll(-WHEEL)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self._scroll(WHEEL)

    def _scroll(self, by: int) -> None:
        self._top = max(0, self._top + by)
        self.redraw()


class Letters(Box):
    """What is typed into it is looked for in a chooser's list."""

    def __init__(self, look: Look, chooser: Chooser, prompt: str) -> None:
        super().__init__(look, Editor(lambda text: False), name="letters", prompt=prompt)
        self._chooser = chooser
        self.pasted = self._paste

    def _paste(self, text: str) -> None:
        self.editor.insert(" ".join(text.split()))
        self.renew()
        self._chooser.renew()

    async def _on_key(self, event: Key) -> None:
        if self.screen is not self.app.screen:
            return
        choices, page = self._chooser.list, max(1, self._chooser.list.size.height - 1)
        moves = {"down": 1, "up": -1, "tab": 1, "shift+tab": -1, "ctrl+n": 1, "ctrl+p": -1}
        if event.key in moves:
            choices.move(moves[event.key], around=True)
        elif event.key in ("pagedown", "pageup"):
            choices.move(page if event.key == "pagedown" else -page)
        else:
            return
        event.stop()
        event.prevent_default()

    def on_box_changed(self, event: Box.Changed) -> None:
        event.stop()
        self._chooser.renew()

    def _on_paste(self, event: Paste) -> None:
        super()._on_paste(event)
