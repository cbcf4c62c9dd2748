"""What one types, as a shell has it: by graphemes and words, in several lines, with what was cut and what was sent. No
widget."""

from collections.abc import Callable

from rich.cells import split_graphemes

# So many of what was typed are brought back by Up.
REMEMBERED = 500


class Editor:
    """`text` with the `cursor` in it, which counts code points and stands between two graphemes. What `may_keep` says
    no to is not remembered."""

    def __init__(self, may_keep: Callable[[str], bool] = lambda text: True) -> None:
        self.text = ""
        self.cursor = 0
        self._may_keep = may_keep
        self._cut = ""
        self._past: list[str] = []
        self._at = 0  # in `_past`; its length where one types something new
        self._draft = ""

    def set(self, text: str, cursor: int | None = None) -> None:
        self.text = text
        self.cursor = len(text) if cursor is None else min(cursor, len(text))

    def take(self) -> str:
        """What was typed, which is sent now."""
        text = self.text
        if text.strip() and self._may_keep(text) and self._past[-1:] != [text]:
            self._past = [*self._past, text][-REMEMBERED:]
        self._at = len(self._past)
        self.set("")
        return text

    def take_back(self) -> None:
        """What was typed goes nowhere; Ctrl-Y brings it back."""
        if self._may_keep(self.text):
            self._cut = self.text
        self._at = len(self._past)
        self.set("")

    # --- change ---

    def insert(self, text: str) -> None:
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)
        self._settle()

    def _settle(self) -> None:
        """What was put beside something may be one character with it."""
        edges = self.edges()
        self.cursor = next(edge for edge in edges if edge >= self.cursor)

    def backspace(self) -> None:
        self._remove(self._before(), self.cursor)

    def delete(self) -> None:
        self._remove(self.cursor, self._after())

    def _remove(self, start: int, end: int) -> str:
        gone = self.text[start:end]
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start
        self._settle()
        return gone

    def _kill(self, start: int, end: int) -> None:
        if start < end:
            self._cut = self._remove(start, end)

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

    def kill_word_ahead(self) -> None:
        self._kill(self.cursor, self._word_ahead())

    def yank(self) -> None:
        self.insert(self._cut)

    # --- move ---

    def left(self) -> None:
        self.cursor = self._before()

    def right(self) -> None:
        self.cursor = self._after()

    def home(self) -> None:
        self.cursor = self._line_start()

    def end(self) -> None:
        self.cursor = self._line_end()

    def word_left(self) -> None:
        at = self.cursor
        while at and not self.text[at - 1].isalnum():
            at -= 1
        while at and self.text[at - 1].isalnum():
            at -= 1
        self.cursor = max(edge for edge in self.edges() if edge <= at)

    def word_right(self) -> None:
        self.cursor = self._word_ahead()

    def _word_ahead(self) -> int:
        at = self.cursor
        while at < len(self.text) and not self.text[at].isalnum():
            at += 1
        while at < len(self.text) and self.text[at].isalnum():
            at += 1
        return next(edge for edge in self.edges() if edge >= at)

    def up(self) -> bool:
        """A line up, or to what was sent before; whether there is any."""
        start = self._line_start()
        if start:
            above = self.text.rfind("\n", 0, start - 1) + 1
            self.cursor = min(above + self.cursor - start, start - 1)
            self._settle()
            return True
        if not self._at:
            return False
        if self._at == len(self._past):
            self._draft = self.text
        self._at -= 1
        self.set(self._past[self._at])
        return True

    def down(self) -> bool:
        end = self._line_end()
        if end < len(self.text):
            column = self.cursor - self._line_start()
            below_end = self.text.find("\n", end + 1)
            self.cursor = min(end + 1 + column, len(self.text) if below_end < 0 else below_end)
            self._settle()
            return True
        if self._at >= len(self._past):
            return False
        self._at += 1
        self.set(self._past[self._at] if self._at < len(self._past) else self._draft)
        return True

    # --- where ---

    def _line_start(self) -> int:
        return self.text.rfind("\n", 0, self.cursor) + 1

    def _line_end(self) -> int:
        end = self.text.find("\n", self.cursor)
        return len(self.text) if end < 0 else end

    def edges(self) -> list[int]:
        """Where the cursor may stand."""
        if self.text.isascii():
            return [*range(len(self.text) + 1)]
        spans, _ = split_graphemes(self.text)
        edges = [0]
        flag = False  # two of these letters are one flag
        for start, end, cells in spans:
            is_flag = end - start == 1 and "\U0001f1e6" <= self.text[start] <= "\U0001f1ff"
            if (not cells and self.text[start] != "\n" and len(edges) > 1) or (flag and is_flag):
                edges[-1] = end  # it is drawn nowhere, or with the one before
                flag = False
                continue
            flag = is_flag
            edges.append(end)
        return edges

    def _before(self) -> int:
        return max((edge for edge in self.edges() if edge < self.cursor), default=0)

    def _after(self) -> int:
        return min((edge for edge in self.edges() if edge > self.cursor), default=len(self.text))
