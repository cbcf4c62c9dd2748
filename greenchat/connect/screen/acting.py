"""What keys do."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress

from textual.app import App
from textual.screen import ModalScreen, Screen

from greenchat.client import DisconnectedError
from greenchat.connect.client_file import ClientFile
from greenchat.connect.common import Kind, Line
from greenchat.connect.link import Link
from greenchat.connect.model.model import Model
from greenchat.connect.model.place import Place
from greenchat.connect.options import Exit
from greenchat.connect.screen.box import Box
from greenchat.connect.screen.choosing import Choosing
from greenchat.connect.screen.composing import Composer
from greenchat.connect.screen.dialogs import Help, Question
from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.keymap import table
from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.log import Log
from greenchat.connect.screen.menu import Menu
from greenchat.connect.screen.theme import Look
from greenchat.connect.settings import Settings

# For how long a second press means it, in seconds.
TWICE_SECONDS = 2.0

TWICE_LEAVES = "Once more leaves the chat."


class Acting(App[Exit]):
    """The screen as far as keys use it. `notice` is told below all else, until something is typed."""

    link: Link

    def __init__(self, model: Model, look: Look, settings: Settings, file: ClientFile | None = None) -> None:
        super().__init__(ansi_color=not look.background)
        self.model = model
        self.look = look
        self.settings = settings
        self.notice, self.is_error = "", False
        self._dirty = True
        self._wanted: dict[str, bool] = {}  # the panes that somebody has asked for, or put away
        self._twice: tuple[str, float] = ("", 0.0)
        self._leaving = False
        self.editor = Editor(model.commands.may_keep, model.commands.secret_start)
        self.box = Box(look, self.editor)
        self.menu = Menu(look)
        self.log_pane = Log(look, model.chats, times=settings.times)
        self.composer = Composer(self)
        self.choosing = Choosing(self, file)

    @property
    def main(self) -> Screen[None]:
        """What is there also while a question or a list stands above it: `query` would look into that one."""
        return self.screen_stack[0]

    def fold(self, width: int) -> None:
        """Put away the panes for which there is no room in `width` columns, but those that somebody has asked for."""
        raise NotImplementedError

    def meant(self, line: str) -> str:
        """What is to be run for a command `line`, by what stands on the screen."""
        raise NotImplementedError

    def action_menu(self) -> None:
        """Show what can be done with what is selected."""
        raise NotImplementedError

    def action_search(self, words: str = "") -> None:
        """Search for them, and for what is typed then."""
        raise NotImplementedError

    def action_mentions(self) -> None:
        """List what concerns one."""
        raise NotImplementedError

    def changed(self) -> None:
        """What is typed from now on is for what is looked at from now on."""
        self._dirty = True
        self.composer.follow()

    def told(self, text: str, *, error: bool = False) -> None:
        self.notice, self.is_error, self._dirty = " ".join(text.split()), error, True

    def ask_page(self, ask: Callable[[Place], bool], place: Place) -> None:
        """A page that is there or on its way already makes nothing look otherwise."""
        with suppress(DisconnectedError):  # the link finds out by itself
            if ask(place):
                self.link.flush()
                self.changed()

    def open_above(self, screen: ModalScreen[None]) -> None:
        """It stands above all else until it is answered."""
        self.push_screen(screen)

    async def ask(self, question: str, *, secret: bool = False) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.push_screen(
            Question(self.look, question, secret=secret),
            lambda text: answer.set_result(text or "") if not answer.done() else None,
        )
        return await answer

    async def read_secret(self, what: str) -> str:
        return await self.ask(what, secret=True)

    def show(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.told(line.body, error=line.kind is Kind.ERROR)

    # --- keys ---

    def action_step(self, by: int) -> None:
        self.model.chats.step(by)
        self.changed()

    def action_go(self, number: int) -> None:
        places = self.model.chats.ordered()
        if number <= len(places):
            self.look_at(places[number - 1].id)

    def action_unread(self) -> None:
        if not self.model.chats.next_unread():
            self.told("Nothing is unread.")
        self.changed()

    def look_at(self, place: str) -> None:
        if place in self.model.chats.places:
            self.model.chats.show(place)
        self.changed()

    def action_scroll(self, screens: int) -> None:
        self.log_pane.scroll(screens * max(1, self.log_pane.size.height - 2))
        self.changed()

    def action_latest(self) -> None:
        place = self.model.chats.place
        if place is not None:
            self.ask_page(self.model.sender.latest, place)
        self.log_pane.to_end()
        self.changed()

    def action_fold(self, name: str) -> None:
        pane = self.main.query_one(f"#{name}")
        self._wanted[name] = not pane.display
        self.fold(self.size.width)

    def wish(self, pane: str, shown: bool | None) -> None:
        """Show or hide it from now on; None for as there is room."""
        self._wanted.pop(pane, None)
        if shown is not None:
            self._wanted[pane] = shown
        self.fold(self.size.width)

    def wear(self, look: Look) -> None:
        """Look otherwise from now on."""
        self.look = look
        self.ansi_color = not look.background
        for screen in self.screen_stack:
            for widget in screen.query(Lines):
                widget.look = look
                widget.redraw()
        self.screen_stack[0].styles.background = look.background or None

    def action_help(self) -> None:
        self.push_screen(Help(self.look, lambda: table(self.choosing.keys)))

    def action_redraw(self) -> None:
        self.refresh(layout=True)

    def action_open(self) -> None:
        if not self.log_pane.open():
            self.told("Nothing is folded here.")

    def action_select(self, by: int) -> None:
        self.log_pane.select(by)
        self.changed()

    def action_cancel(self) -> None:
        if isinstance(self.screen, ModalScreen):
            self.screen.dismiss(None)
            return
        if self.composer.close():
            return
        self.log_pane.deselect()
        self.composer.drop_about()
        self.told("")
        self.changed()

    def action_reply(self) -> None:
        self.composer.about("reply")

    def action_edit(self) -> None:
        self.composer.about("edit")

    def action_delete(self) -> None:
        self.composer.delete()

    def action_interrupt(self) -> None:
        if isinstance(self.screen, ModalScreen):
            self.screen.dismiss(None)
        elif self.composer.recalling.close():
            pass
        elif self.editor.text:
            self.composer.completing.close()
            self.editor.take_back()
            self.box.renew()
        elif self.is_twice("leave"):
            self.action_leave()
        else:
            self.told(TWICE_LEAVES)

    def begin(self, task: Coroutine[None, None, None]) -> None:
        """Do this while all else goes on."""
        self.run_worker(task)

    def is_twice(self, what: str) -> bool:
        """Whether somebody does this for the second time, and so means it."""
        before, at = self._twice
        self._twice = what, time.monotonic()
        return before == what and time.monotonic() - at < TWICE_SECONDS

    def action_end(self) -> None:
        if self.composer.recalling.close():
            return
        if not self.editor.text:
            self.action_leave()
        else:
            self.editor.delete()
            self.box.renew()

    def action_leave(self, *, hung_up: bool = False) -> None:
        if not self._leaving:
            self._leaving = True
            self.run_worker(self._leave(hung_up))

    async def _leave(self, hung_up: bool) -> None:
        undelivered = await self.link.leave(hung_up=hung_up)
        self.exit(Exit.LOST if undelivered else Exit.DELIVERED)
