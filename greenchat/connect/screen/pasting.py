"""What is pasted is text: a little comes into the box, and of much one is asked once what is to become of it."""

import re
from collections.abc import Callable

from greenchat.connect.draft import Paste, pasted, to_send, why_not
from greenchat.connect.model.place import Place
from greenchat.connect.screen.box import MOST_LINES
from greenchat.connect.screen.chooser import Chooser
from greenchat.connect.screen.menus import Act, menu
from greenchat.connect.screen.stage import Stage
from greenchat.protocol.text import FORBIDDEN

# What has more lines than the box shows at once, nobody sees whole before it is sent.
MANY_LINES = MOST_LINES

# More than this is a mistake, and would be slow to type in: some hundred lines of code. In characters.
MOST_CHARACTERS = 30_000

_LINE_BREAK = re.compile("\r\n?|[\u2028\u2029]")

TOO_MUCH = "What is pasted has {:,} characters, and {:,} are the most: nothing was taken. Send it in parts."
ELSEWHERE = "You are in another conversation by now: nothing was taken. Paste it again."
TITLE = "{} lines are pasted, for {}"
BOX, DROP = "Put them into the box", "Drop them"
SEND, SEND_ALL = "Send them as {}", "Send them with what stands in the box, as {}"


def without_codes(text: str) -> str:
    """Lines, and nothing that no server takes: what is copied from a terminal often has some of it."""
    lines = _LINE_BREAK.sub("\n", text).split("\n")
    return "\n".join(FORBIDDEN.sub("", line) for line in lines)


class Pasting:
    """`enter` sends what stands in the box."""

    def __init__(self, app: Stage, enter: Callable[[], None]) -> None:
        self._app = app
        self._enter = enter

    def paste(self, text: str) -> None:
        app, editor, model = self._app, self._app.editor, self._app.model
        text = without_codes(text)
        if len(text) > MOST_CHARACTERS:
            app.told(TOO_MUCH.format(len(text), MOST_CHARACTERS), error=True)
            return
        before, after = editor.text[: editor.cursor], editor.text[editor.cursor :]
        paste = pasted(before, text, after, model.commands.has_secret)
        if paste.text.count("\n") < MANY_LINES or model.chats.place is None:
            self._put(paste)
        else:
            app.open_above(self._question(paste, f"{before}{paste.text}{after}", model.chats.place))

    def _put(self, paste: Paste) -> None:
        self._app.editor.insert(paste.text)
        self._app.told(paste.told, error=paste.refused)
        self._app.box.renew()

    def _question(self, paste: Paste, all_of_it: str, place: Place) -> Chooser:
        acts: list[Act] = [("", BOX, lambda: self._put(paste)), ("", DROP, lambda: None)]
        is_edit = place.draft.about is not None and place.draft.about.kind == "edit"
        if not is_edit and not why_not(all_of_it, self._app.model.commands.has_secret):
            count = len(to_send(all_of_it, lambda one: self._app.link.client.fits(one, place.id)))
            messages = "one message" if count == 1 else f"{count} messages"
            is_all = all_of_it == paste.text
            acts.insert(1, ("", (SEND if is_all else SEND_ALL).format(messages), lambda: self._send(paste)))
        guarded = [(key, what, self._there(place, act)) for key, what, act in acts]
        title = TITLE.format(paste.text.count("\n") + 1, f"{place.sign}{place.title}")
        return menu(self._app.look, title, guarded)

    def _send(self, paste: Paste) -> None:
        self._put(paste)
        self._enter()

    def _there(self, place: Place, act: Callable[[], object]) -> Callable[[], None]:
        """It is for the conversation in which it was pasted, and for no other."""

        def do() -> None:
            if self._app.model.chats.place is place:
                act()
            else:
                self._app.told(ELSEWHERE, error=True)

        return do
