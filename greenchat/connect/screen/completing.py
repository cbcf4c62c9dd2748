"""Completion: what can be typed next stands in a menu above the box."""

from greenchat.connect.emoji import named
from greenchat.connect.offers import Offers, Option, offers
from greenchat.connect.screen.editing import State
from greenchat.connect.screen.menu import Entry
from greenchat.connect.screen.stage import Stage


class Completing:
    """Some words open the menu by themselves, with nothing chosen: Enter sends what is typed then. Tab opens it
    anywhere; Tab and the arrows choose, Enter takes what is chosen, and Escape goes back to what was typed."""

    def __init__(self, app: Stage) -> None:
        self._app = app
        self._offers = Offers(0)
        self._stands: State = ("", 0)  # what it is for
        self._before: State | None = None  # what was typed, while something is chosen
        self._put_away = -1  # where the word begins for which nobody wants the menu

    # --- keys ---

    def first(self, action: str) -> bool:
        """Whether an action of the box was for the menu."""
        self.follow()
        match action:
            case "complete" | "complete_back":
                self._tab(1 if action == "complete" else -1)
            case "up" | "down" if self._offers.options:
                self._choose(-1 if action == "up" else 1)
            case "enter" if self._before is not None:
                self._take(self._app.menu.chosen)
            case (
                "kill_to_end" | "enter" | "up" | "down" | "left" | "right" | "home" | "end" | "word_left" | "word_right"
            ):
                self.close()
                return False
            case _:
                return False
        return True

    def typed(self, text: str) -> None:
        """The box has something else in it; by this character, if it was typed."""
        editor = self._app.editor
        self._before = None
        if text == ":":
            start, emoji = named(editor.text[: editor.cursor])
            if emoji:
                editor.replace(start, editor.cursor, emoji, "emoji")
        found = self._find(asked=False)
        if self._put_away != found.start or not editor.text[found.start : editor.cursor]:
            self._put_away = -1
        self._show(found if self._put_away < 0 else Offers(0))

    def follow(self) -> None:
        """Something else than keys may have put something else into the box: the menu is not for that."""
        if self._app.menu.display and self._stands != (self._app.editor.text, self._app.editor.cursor):
            self.close()

    def cancel(self) -> bool:
        """Back to what was typed; whether there was a menu."""
        if not self._app.menu.display:
            return False
        start = self._offers.start
        if self._before is not None:
            text, cursor = self._before
            self._app.editor.replace(0, len(self._app.editor.text), text, "complete")
            self._app.editor.move(cursor)
            self._app.box.renew()
        self.close()
        self._put_away = start
        return True

    def close(self) -> None:
        self._offers, self._before, self._put_away = Offers(0), None, -1
        self._app.menu.shut()

    # --- what is offered ---

    def _find(self, *, asked: bool) -> Offers:
        editor = self._app.editor
        before = editor.text[: editor.cursor]
        return offers(before, self._app.model.commands, self._people, self._rooms, asked=asked)

    def _people(self) -> list[str]:
        """Those who are here first, and oneself last."""
        model, place = self._app.model, self._app.model.chats.place
        known = [*reversed(model.names.people)]  # who was heard of last comes first
        here = {name.casefold() for name in known if place is not None and name in place.members}
        if place is not None and place.is_direct:
            here, known = {place.title.casefold()}, [place.title, *known]
        me = model.chats.me.casefold()
        return sorted(known, key=lambda name: (name.casefold() == me, name.casefold() not in here))

    def _rooms(self) -> list[str]:
        """One's own first."""
        model = self._app.model
        rooms = [place.id for place in model.chats.ordered() if place.id and not place.is_direct]
        return [*rooms, *sorted({*model.names.rooms} - {*rooms})]

    def _show(self, found: Offers) -> None:
        editor = self._app.editor
        typed = editor.text[found.start : editor.cursor].casefold()
        if [option.text.casefold() for option in found.options] == [typed]:
            found = found._replace(options=())  # it stands there already
        self._offers = found
        entries = [Entry(option.shown or option.text, option.help) for option in found.options]
        app = self._app
        self._stands = editor.text, editor.cursor
        app.menu.picked = self._picked
        app.menu.open(entries, title=found.usage, column=app.box.column(found.start))

    def _tab(self, by: int) -> None:
        editor = self._app.editor
        if self._before is not None:
            self._choose(by)
            return
        found = self._find(asked=True)
        if len(found.options) == 1:
            self._put(found.start, found.options[0])
            return
        typed = editor.text[found.start : editor.cursor]
        common = found.common
        self._put_away = -1
        self._show(found)
        if len(common) > len(typed) and common.casefold().startswith(typed.casefold()):
            editor.replace(found.start, editor.cursor, common, "complete")
            self._stands = editor.text, editor.cursor
        elif found.options:
            self._choose(by)

    def _choose(self, by: int) -> None:
        """The next or the one before is chosen, and stands in the box."""
        editor, menu, options = self._app.editor, self._app.menu, self._offers.options
        if self._before is None:
            self._before = editor.text, editor.cursor
            chosen = 0 if by > 0 else len(options) - 1
        else:
            chosen = (menu.chosen + by) % len(options)
        editor.replace(self._offers.start, editor.cursor, options[chosen].text, "complete")
        self._stands = editor.text, editor.cursor
        menu.choose(chosen)
        self._app.box.renew()

    def _picked(self, number: int) -> None:
        self.follow()
        if self._offers.options:
            self._take(number)

    def _take(self, number: int) -> None:
        self._put(self._offers.start, self._offers.options[number])

    def _put(self, start: int, option: Option) -> None:
        editor = self._app.editor
        behind = editor.text[editor.cursor : editor.cursor + 1]
        end = option.end.rstrip() if behind.isspace() else option.end
        editor.replace(start, editor.cursor, option.text + end, "complete")
        editor.move(editor.cursor)  # what is completed next is a step of its own
        self._app.box.renew()
        self.typed("")
