"""Ctrl-R: a search in what one has sent. What is found is put into the box, and not sent."""

from greenchat.connect.screen.box import PROMPT as BOX_PROMPT
from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.menu import Entry
from greenchat.connect.screen.stage import Stage

PROMPT = "Search what you sent: "
NOTHING_SENT = "You have sent nothing yet."
NOTHING_FOUND = "Nothing that you sent has these words."

# Of what is found so much is shown: whoever wants another types more of it.
MOST_FOUND = 100


class Recalling:
    """While it `is_open`, the box has the words that are searched, and not what one was typing."""

    def __init__(self, app: Stage) -> None:
        self._app = app
        self._words = Editor()
        self._found: list[str] = []
        self._before = ""  # what one was typing
        self.is_open = False

    def first(self, action: str) -> bool:
        """Whether an action of the box was for the search."""
        if not self.is_open:
            if action == "recall":
                self._open()
            return action == "recall"
        menu = self._app.menu
        match action:
            case "recall" | "up":
                menu.choose(max(0, menu.chosen - 1))
            case "down" | "complete_back":
                menu.choose(min(len(self._found) - 1, menu.chosen + 1))
            case "enter" | "complete":
                self._take(menu.chosen)
            case "new_line":
                pass
            case _:
                return False
        return True

    def _open(self) -> None:
        app = self._app
        if not app.editor.past.texts:
            app.told(NOTHING_SENT)
            return
        self.is_open = True
        self._before = app.editor.text
        self._words = Editor()
        app.box.editor, app.box.prompt = self._words, PROMPT
        self.typed()

    def typed(self) -> None:
        """Other words are searched now. The latest stands next to them."""
        app = self._app
        self._found = app.editor.past.search(self._words.text)[:MOST_FOUND][::-1]
        app.menu.picked = self._take
        entries = [Entry(" ⏎ ".join(text.splitlines())) for text in self._found]
        app.menu.open(entries, len(entries) - 1, title="" if entries else NOTHING_FOUND)

    def follow(self) -> None:
        """Something else may stand in the box by now, such as a message that is to be changed."""
        if self.is_open and self._app.editor.text != self._before:
            self.close()

    def paste(self, text: str) -> None:
        self._words.insert(" ".join(text.split()))
        self.typed()
        self._app.box.renew()

    def _take(self, number: int) -> None:
        self.follow()
        editor = self._app.editor
        if self._found and self.is_open:
            editor.replace(0, len(editor.text), self._found[number], "recalled")
        self.close()

    def close(self) -> bool:
        """Back to what one was typing; whether anything was searched."""
        app, was_open = self._app, self.is_open
        if was_open:
            self.is_open = False
            app.box.editor, app.box.prompt = app.editor, BOX_PROMPT
            app.menu.shut()
            app.box.renew()
        return was_open
