"""The title of the terminal's window: the name of the chat, as long as the screen is there."""

from collections.abc import Callable

from greenchat.protocol.text import printable

# The title goes onto the terminal's own stack, and comes back from there (XTWINOPS); and a new one (OSC 2).
KEEP, TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"
TITLE = "\x1b]2;{}\x1b\\"

# In characters: a window has no room for more.
LONGEST = 60


class WindowTitle:
    """`write` has the terminal take something of which nothing is seen on the screen."""

    def __init__(self, write: Callable[[str], None], *, may: bool) -> None:
        """It `may` be set where the terminal does not take that for text."""
        self._write = write
        self._may = may
        self._shown = ""
        self.is_set = False

    def show(self, name: str) -> None:
        if name == self._shown or not self._may:
            return
        self._shown = name
        if not name:
            self._write(TITLE_BACK)
        else:
            self._write(f"{'' if self.is_set else KEEP}{TITLE.format(printable(name, LONGEST))}")
        self.is_set = bool(name)
