"""What one types, as a shell has it: by graphemes and words, in several lines, with what was cut, what was sent, and a
way back. No widget."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from greenchat.connect.graphemes import edges
from greenchat.connect.past import Past

# So many texts that were cut are there for Alt-Y, and so many steps can be undone.
CUTS = 30
STEPS = 200

State = tuple[str, int]  # a text, and where the cursor is in it


class Editor:
    """`text` with the `cursor` in it, which counts code points and stands between two graphemes. What `may_keep` says
    no to is not remembered, and nothing of what stands from `secret_start` on. `steps` are what can be undone."""

    def __init__(
        self,
        may_keep: Callable[[str], bool] = lambda text: True,
        secret_start: Callable[[str], int] = len,
    ) -> None:
        self.text = ""
        self.cursor = 0
        self.past = Past()
        self.secret_start = secret_start
        self.steps: list[State] = []
        self._may_keep = may_keep
        self._cuts: list[str] = []
        self._yanked: tuple[int, int] | None = None  # where what was put back stands, and how many cuts ago it was
        self._last = ""  # what was done last: what is done in a row is one step
        self._at = 0  # how far one has gone back in `past`; 0 where one types something new
        self._draft = ""

    def set(self, text: str, cursor: int | None = None, steps: list[State] | None = None) -> None:
        """Something else is typed from now on."""
        self.text = text
        self.cursor = len(text) if cursor is None else min(cursor, len(text))
        self.steps = [] if steps is None else steps
        self._last, self._at = "", 0

    def take(self) -> str:
        """What was typed, which is sent now."""
        text = self.text
        if text.strip() and self._may_keep(text):
            self.past.add(text)
        self.set("")
        return text

    def take_back(self) -> None:
        """What was typed goes nowhere; Ctrl-Y brings it back."""
        self._step("clear")
        if self._may_keep(self.text):
            self._keep_cut(self.text)
        self.text, self.cursor, self._at = "", 0, 0

    # --- the way back ---

    def undo(self) -> bool:
        """Whether there was anything to undo."""
        self._last = ""
        while self.steps:
            text, cursor = self.steps.pop()
            if text != self.text:
                self.text, self.cursor = text, cursor
                return True
        return False

    def _step(self, what: str, *, joins: tuple[str, ...] = ()) -> None:
        """Something changes now; behind one of `joins` it is a part of that step."""
        if self._last not in joins:
            self.steps = [*self.steps, (self.text, self.cursor)][-STEPS:]
        self._last = what

    # --- change ---

    def insert(self, text: str) -> None:
        """A word and the blanks behind it are one step, if they are typed."""
        if len(text) != 1 or text == "\n":
            self._step("insert")
        elif text.isspace():
            self._step("blank", joins=("word", "blank"))
        else:
            self._step("word", joins=("word",))
        self._put(text)

    def replace(self, start: int, end: int, text: str, what: str = "replace") -> None:
        """What stands there becomes `text`, and the cursor is behind it. Of the same kind, in a row, it is one step."""
        self._step(what, joins=(what,))
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start
        self._put(text)

    def _put(self, text: str) -> None:
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)
        self._settle()

    def _settle(self) -> None:
        """What was put beside something may be one character with it."""
        self.cursor = self._edge(self.cursor)

    def backspace(self) -> None:
        self._erase(self._before(), self.cursor)

    def delete(self) -> None:
        self._erase(self.cursor, self._after())

    def _erase(self, start: int, end: int) -> None:
        if start < end:
            self._step("erase", joins=("erase",))
            self._remove(start, end)

    def _remove(self, start: int, end: int) -> str:
        gone = self.text[start:end]
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start
        self._settle()
        return gone

    # --- cut and put back ---

    def _kill(self, start: int, end: int) -> None:
        """What is cut in a row comes back as one."""
        if start >= end:
            return
        back = end == self.cursor
        grows = self._last == "kill"
        self._step("kill")
        is_secret = end > self.secret_start(self.text)
        gone = self._remove(start, end)
        if is_secret:
            self._last = ""
        elif grows and self._cuts:
            self._cuts[-1] = gone + self._cuts[-1] if back else self._cuts[-1] + gone
        else:
            self._keep_cut(gone)

    def _keep_cut(self, text: str) -> None:
        if text:
            self._cuts = [*self._cuts, text][-CUTS:]

    def kill_to_end(self) -> None:
        """Of the line; at its end, the line break."""
        end = self._line_end()
        self._kill(self.cursor, end if end > self.cursor else min(end + 1, len(self.text)))

    def kill_to_start(self) -> None:
        self._kill(self._line_start(), self.cursor)

    def kill_word(self) -> None:
        """Up to a blank, as Ctrl-W does."""
        at = self.cursor
        while at and self.text[at - 1].isspace():
            at -= 1
        while at and not self.text[at - 1].isspace():
            at -= 1
        self._kill(at, self.cursor)

    def kill_word_back(self) -> None:
        """Up to where a word begins, as Alt-Backspace does."""
        self._kill(self._word_behind(), self.cursor)

    def kill_word_ahead(self) -> None:
        self._kill(self.cursor, self._word_ahead())

    def yank(self) -> None:
        """Put back what was cut last."""
        if self._cuts:
            self._yank(1)

    def yank_earlier(self) -> None:
        """Right behind that: what was cut before it, in its place."""
        if self._last != "yank" or self._yanked is None:
            return
        start, ago = self._yanked
        self._remove(start, self.cursor)
        self._yank(ago % len(self._cuts) + 1)

    def _yank(self, ago: int) -> None:
        self._step("yank", joins=("yank",) if ago > 1 else ())
        self._yanked = self.cursor, ago
        self._put(self._cuts[-ago])

    # --- move ---

    def move(self, cursor: int) -> None:
        """To the next place behind it where the cursor may stand."""
        self._last = ""
        self.cursor = max(0, min(cursor, len(self.text)))
        self._settle()

    def left(self) -> None:
        self.move(self._before())

    def right(self) -> None:
        self.move(self._after())

    def home(self) -> None:
        self.move(self._line_start())

    def end(self) -> None:
        self.move(self._line_end())

    def word_left(self) -> None:
        self.move(self._word_behind())

    def word_right(self) -> None:
        self.move(self._word_ahead())

    # --- what was sent ---

    def earlier(self) -> bool:
        """What was sent before; whether there is any."""
        texts = self.past.texts
        if self._at >= len(texts):
            return False
        if not self._at:
            self._draft = self.text
        self._recall(self._at + 1)
        return True

    def later(self) -> bool:
        if not self._at:
            return False
        self._recall(self._at - 1)
        return True

    def _recall(self, at: int) -> None:
        text = self.past.texts[-at] if at else self._draft
        self.replace(0, len(self.text), text, "recall")
        self._at = at

    # --- where ---

    def _line_start(self) -> int:
        return self.text.rfind("\n", 0, self.cursor) + 1

    def _line_end(self) -> int:
        end = self.text.find("\n", self.cursor)
        return len(self.text) if end < 0 else end

    def _word_behind(self) -> int:
        at = self.cursor
        while at and not _is_of_word(self.text[at - 1]):
            at -= 1
        while at and _is_of_word(self.text[at - 1]):
            at -= 1
        return self._edge(at, back=True)

    def _word_ahead(self) -> int:
        at = self.cursor
        while at < len(self.text) and not _is_of_word(self.text[at]):
            at += 1
        while at < len(self.text) and _is_of_word(self.text[at]):
            at += 1
        return self._edge(at)

    def _before(self) -> int:
        return self._edge(max(0, self.cursor - 1), back=True)

    def _after(self) -> int:
        return self._edge(min(len(self.text), self.cursor + 1))

    def _edge(self, at: int, *, back: bool = False) -> int:
        """The first place from `at` on where the cursor may stand; or the last one up to it. Only its line is looked
        at: what is pasted may have many."""
        start, end = self.text.rfind("\n", 0, at) + 1, self.text.find("\n", at)
        there = edges(self.text[start : end if end >= 0 else None])
        return start + (there[bisect_right(there, at - start) - 1] if back else there[bisect_left(there, at - start)])


def _is_of_word(character: str) -> bool:
    """Accents are, as well."""
    return character == "_" or character.isalnum() or unicodedata.category(character).startswith("M")
