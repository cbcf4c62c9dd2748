"""The screen: what is where, what keys do, and when it is drawn. Of frames and sockets it knows nothing."""

import os
import time
from collections.abc import Callable
from typing import ClassVar

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import AppBlur, AppFocus, Event, Key, MouseDown, Resize
from textual.message import Message
from textual.worker import WorkerFailed

from greenchat.client import ClientError
from greenchat.connect.client_file import ClientFile
from greenchat.connect.common import exit_code
from greenchat.connect.link import LAG_SECONDS, Link
from greenchat.connect.model.model import Model
from greenchat.connect.model.place import Place
from greenchat.connect.options import Exit
from greenchat.connect.screen.alerting import Alerting
from greenchat.connect.screen.bars import Bar, Sentence
from greenchat.connect.screen.box import Box
from greenchat.connect.screen.ground import QUESTION, Listener, may_ask
from greenchat.connect.screen.keymap import called
from greenchat.connect.screen.keys import KEYS
from greenchat.connect.screen.log import Log
from greenchat.connect.screen.meta import teach
from greenchat.connect.screen.panes import Border, Conversations, MembersPane
from greenchat.connect.screen.searching import Search
from greenchat.connect.screen.status import about, is_short, status, topic
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.verbs import NOT_THERE, PANE_FROM, Verbs
from greenchat.connect.screen.window_title import WindowTitle
from greenchat.connect.settings import Settings

# Often enough to seem at once, seldom enough that a burst of messages leaves the processor to who types. In seconds.
FRAME_SECONDS = 0.05

# After each, it rests so many times as long as that has taken, for keys to have their turn on a busy machine.
REST = 4

# From so many columns on the panes are there by themselves: a conversation beside them has columns for times and names.
CONVERSATIONS_FROM, MEMBERS_FROM = 77, 100

# Whoever has chosen nothing.
USUAL = Settings()


class ChatApp(Verbs):
    """`connect` makes the link, in the loop that is there by then. `error` is why it ended, if one has not left;
    `crash`, a mistake of ours by which it did."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; layers: default above; }
    #middle { height: 1fr; }
    #conversations { width: 20; }
    #members { width: 18; }
    Border { width: 1; }
    #about, #notice { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, show=False, priority=True, id=called(key)) for key in KEYS
    ]

    def __init__(
        self,
        model: Model,
        connect: Callable[["ChatApp"], Link],
        look: Look,
        settings: Settings = USUAL,
        file: ClientFile | None = None,
    ) -> None:
        teach(Listener(lambda is_light: self.post_message(self.Lit(is_light))).read)
        super().__init__(model, look, settings, file)
        self.error: ClientError | None = None
        self.crash: BaseException | None = None
        self._connect = connect
        self._seen: tuple[object, ...] = ()
        self._focused_window = True
        self.typed_at = 0.0
        self._not_before = 0.0
        self.alerting = Alerting(model.chats, lambda: self.settings, self.write)
        self.window_title = WindowTitle(self.write, may=may_ask(os.environ))

    class Lit(Message):
        """The terminal is light, or dark."""

        def __init__(self, is_light: bool) -> None:
            super().__init__()
            self.is_light = is_light

    # --- what is where ---

    def compose(self) -> ComposeResult:
        look, chats = self.look, self.model.chats
        yield Bar(look, "topic", lambda: topic(self))
        with Horizontal(id="middle"):
            yield Conversations(look, chats)
            yield Border(look, "left", lambda x: self.widen("conversations", x))
            with Vertical():
                yield self.log_pane
            yield Border(look, "right", lambda x: self.widen("members", self.size.width - 1 - x))
            yield MembersPane(look, chats)
        yield Bar(look, "about", lambda: about(self))
        yield Sentence(look, "notice")
        yield Bar(look, "status", lambda: status(self))
        yield self.box
        yield self.menu

    def on_mount(self) -> None:
        if self.look.background:
            self.screen.styles.background = self.look.background
        self.box.entered, self.box.pasted = self.composer.enter, self.composer.paste
        self.model.sender.entered, self.model.sender.parted = self.composer.entered, self.composer.parted
        self.box.first, self.box.typed = self.composer.first, self.composer.typed
        self.box.at_end = self.action_jump
        self.menu.below = lambda: 1 + self.box.get_content_height(None, None, self.size.width)
        self.log_pane.on_seen, self.log_pane.on_turned = self._on_seen, self._on_turned
        self.log_pane.wants_older = lambda place: self.call_later(self.ask_page, self.model.sender.older, place)
        self.log_pane.wants_newer = lambda place: self.call_later(self.ask_page, self.model.sender.newer, place)
        self.log_pane.wants_original = self._on_wants_original
        self.box.focus()
        self.choosing.begin()
        self.link = self._connect(self)
        self.link.start()
        if may_ask(os.environ):
            self.write(QUESTION)
        self.choosing.tell_problems()
        self.set_interval(FRAME_SECONDS, self._frame)
        self.set_interval(1.0, self._second)
        self._frame()

    def on_resize(self, event: Resize) -> None:
        self.fold(event.size.width)
        self.menu.place()

    def fold(self, width: int) -> None:
        room = self.model.chats.place is not None and not self.model.chats.place.is_direct
        for name, border, least in (
            ("conversations", "left", CONVERSATIONS_FROM),
            ("members", "right", MEMBERS_FROM),
        ):
            wanted = self._wanted.get(name, width >= least) and width >= PANE_FROM[name]
            shown = wanted and (name == "conversations" or room)
            for one in self.main.query(f"#{name}, #{border}"):
                one.display = shown

    # --- when it is drawn ---

    def _frame(self) -> None:
        """Draw what has changed, if anything has."""
        chats = self.model.chats
        chats.attentive = self._focused_window and self.log_pane.follows
        began = time.monotonic()
        if not self._dirty or began < self._not_before:
            return
        self._dirty = False
        self.alerting.tell(chats.alerts, began, looked_at=self._focused_window)
        chats.alerts.clear()
        target, self.model.sender.target = self.model.sender.target, None
        place = chats.place
        seen = chats.current, chats.revision, place is not None and place.is_direct
        self.log_pane.renew()
        if target is not None and target[0] == chats.current and not self.log_pane.to_message(target[1]):
            self.told(NOT_THERE)
        if seen != self._seen:
            self._seen = seen
            self.window_title.show(chats.brand.name)
            self.fold(self.size.width)
            for pane in self.main.query(Conversations):
                pane.redraw_if_changed()
            for members in self.main.query(MembersPane):
                members.redraw_if_changed()
            if isinstance(self.screen, Search):
                self.screen.renew()
        long = "" if is_short(self.notice, self.size.width) else self.notice
        for sentence in self.main.query(Sentence):  # there is none any more at the very end
            sentence.tell(long, self.look.error if self.is_error else self.look.strong)
        for bar in self.main.query(Bar):
            if bar.id == "about":
                bar.display = place is not None and place.draft.about is not None
            bar.redraw_if_changed()

        self._not_before = time.monotonic() + REST * (time.monotonic() - began)

    def _second(self) -> None:
        self.link.tick()
        self.alerting.tick(time.monotonic())
        if self.log_pane.is_another_day() or not self.link.is_up or self.link.lag() >= LAG_SECONDS:
            self._dirty = True

    def _on_seen(self, place: Place, seq: int) -> None:
        if self._focused_window and seq > place.read:
            self.model.chats.saw(place.id, seq)
            self._dirty = True

    def _on_wants_original(self, place: Place, seq: int) -> None:
        self.call_later(self.ask_page, lambda where: self.model.sender.look_up(where, seq), place)

    def on_chat_app_lit(self, event: Lit) -> None:
        self.choosing.lit(event.is_light)

    def _on_turned(self) -> None:
        self._dirty = True

    def on_app_focus(self, _: AppFocus) -> None:
        self._focused_window, self._dirty = True, True

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key | MouseDown):
            self.typed_at = time.monotonic()
            if not self._focused_window:
                self._focused_window = self._dirty = True  # who does something looks, whatever the terminal has told
        await super().on_event(event)

    def write(self, text: str) -> None:
        """To the terminal, where nothing is seen of it."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(text)

    def on_app_blur(self, _: AppBlur) -> None:
        self._focused_window = False
        self.model.chats.attentive = False

    # --- the face of a link ---

    async def ask_password(self, refusal: ClientError, account: str) -> str:
        return await self.ask(f"{refusal} Password of {account}", secret=True)

    def ended(self, error: ClientError | None) -> None:
        self.error = error
        self.exit(exit_code(error) if error is not None else Exit.DELIVERED)

    # --- a mistake of ours ---

    def _handle_exception(self, error: Exception) -> None:
        """Textual shows what variables hold then: what was typed, and tokens."""
        self.crashed(error.error if isinstance(error, WorkerFailed) else error)

    def panic(self, *_: RenderableType) -> None:
        """The thread that reads keys has ended with an error."""
        self.crashed(RuntimeError("no keys are read any more"))

    def crashed(self, error: BaseException) -> None:
        if self.crash is None:
            self.crash = error
        # Tests are told of it by these.
        self._return_code = Exit.FAILED
        if self._exception is None and isinstance(error, Exception):
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    # --- what panes and the box say ---

    def on_conversations_chosen(self, event: Conversations.Chosen) -> None:
        self.look_at(event.place)

    def on_members_pane_chosen(self, event: MembersPane.Chosen) -> None:
        self.about_person(event.name)

    def on_box_changed(self, _: Box.Changed) -> None:
        if self.notice and self.link.is_up:
            self.told("")

    def on_log_clicked(self, event: Log.Clicked) -> None:
        self.changed()
        if event.again:
            self.action_menu()
