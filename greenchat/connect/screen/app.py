"""The screen: what is where, what keys do, and when it is drawn. Of frames and sockets it knows nothing."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import AppBlur, AppFocus, Resize

from greenchat.client import ClientError, DisconnectedError
from greenchat.connect.common import Kind, Line, exit_code
from greenchat.connect.link import Link
from greenchat.connect.model.model import Model
from greenchat.connect.model.place import Place
from greenchat.connect.options import Exit
from greenchat.connect.screen.bars import Bar, Part
from greenchat.connect.screen.box import Box
from greenchat.connect.screen.composing import Composer
from greenchat.connect.screen.dialogs import Help, Question
from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.keys import KEYS, table
from greenchat.connect.screen.log import Log
from greenchat.connect.screen.meta import teach
from greenchat.connect.screen.panes import Border, Conversations, MembersPane
from greenchat.connect.screen.theme import Look

# Often enough to seem at once, seldom enough that a burst of messages leaves the processor to who types. In seconds.
FRAME_SECONDS = 0.05

# After each, it rests so many times as long as that has taken, for keys to have their turn on a busy machine.
REST = 4

# From so many columns on the panes are there by themselves.
CONVERSATIONS_FROM, MEMBERS_FROM = 60, 100

# For how long a second press means it, and an answer may be late before one is told. In seconds.
TWICE_SECONDS = 2.0
LAG_SECONDS = 2.0

TWICE_LEAVES = "Once more leaves the chat."
THUMB = "👍"


class ChatApp(App[Exit]):
    """`connect` makes the link, in the loop that is there by then. `error` is why it ended, if one has not left."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; }
    #middle { height: 1fr; }
    #conversations { width: 20; }
    #members { width: 18; }
    Border { width: 1; }
    #about { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding(key.keys, key.action, show=False, priority=True) for key in KEYS]

    def __init__(self, model: Model, connect: Callable[["ChatApp"], Link], look: Look, *, times: bool = True) -> None:
        teach()
        super().__init__(ansi_color=not look.background)
        self.model = model
        self.look = look
        self.error: ClientError | None = None
        self.link: Link
        self._connect = connect
        self._times = times
        self._dirty = True
        self._seen: tuple[object, ...] = ()
        self._notice, self._is_error = "", False
        self._wanted: dict[str, bool] = {}  # the panes that somebody has asked for, or put away
        self._focused_window = True
        self._twice: tuple[str, float] = ("", 0.0)
        self._leaving = False
        self._not_before = 0.0
        self.editor = Editor(model.commands.may_keep)
        self.box = Box(look, self.editor)
        self.log_pane = Log(look, model.chats, times=times)
        self.composer = Composer(self)

    # --- what is where ---

    def compose(self) -> ComposeResult:
        look, chats = self.look, self.model.chats
        yield Bar(look, "topic", self._topic)
        with Horizontal(id="middle"):
            yield Conversations(look, chats)
            yield Border(look, "left")
            with Vertical():
                yield self.log_pane
            yield Border(look, "right")
            yield MembersPane(look, chats)
        yield Bar(look, "about", self._about)
        yield Bar(look, "status", self._status)
        yield self.box

    def on_mount(self) -> None:
        if self.look.background:
            self.screen.styles.background = self.look.background
        self.box.entered, self.box.pasted = self.composer.enter, self.composer.paste
        self.model.sender.entered = self.composer.entered
        self.box.completing = self.composer.complete
        self.box.secret_start = self.model.commands.secret_start
        self.log_pane.on_seen = self._on_seen
        self.log_pane.wants_older = lambda place: self.call_later(self._page, self.model.sender.older, place)
        self.log_pane.wants_newer = lambda place: self.call_later(self._page, self.model.sender.newer, place)
        self.box.focus()
        self.link = self._connect(self)
        self.link.start()
        self.set_interval(FRAME_SECONDS, self._frame)
        self.set_interval(1.0, self._second)
        self._frame()

    def on_resize(self, event: Resize) -> None:
        self._fold(event.size.width)

    def _fold(self, width: int) -> None:
        room = self.model.chats.place is not None and not self.model.chats.place.is_direct
        for name, border, least in (
            ("conversations", "left", CONVERSATIONS_FROM),
            ("members", "right", MEMBERS_FROM),
        ):
            shown = self._wanted.get(name, width >= least) and (name == "conversations" or room)
            for one in self.query(f"#{name}, #{border}"):
                one.display = shown

    def _topic(self) -> list[Part]:
        place = self.model.chats.place
        if place is None:
            return [("No conversation: /join ROOM takes you to one", self.look.strong)]
        unread = sum(one.unread for one in self.model.chats.places.values() if one is not place and one.level != "none")
        more = f"({unread} unread elsewhere)" if unread else ""
        return [
            (f"{place.sign}{place.title}", self.look.strong),
            (place.topic or place.gone, self.look.text),
            (more, self.look.unread),
        ]

    def _about(self) -> list[Part]:
        place = self.model.chats.place
        about = place.draft.about if place is not None else None
        if place is None or about is None:
            return []
        message = place.timeline.message(about.seq)
        quoted = f"{message.sender}: {message.text}" if message is not None else ""
        return [("Answer to" if about.kind == "reply" else "Change", self.look.strong), (quoted, self.look.dim)]

    def _status(self) -> list[Part]:
        look, link = self.look, self.link
        parts: list[Part] = []
        if not link.is_up:
            wait = max(0, round(link.retry_at - time.monotonic()))
            parts.append((f"not connected, next try in {wait} s" if wait else "connecting …", look.error))
        if not self.log_pane.follows:
            parts.append(("reading back: Ctrl-End", look.calling))
        if link.lag() >= LAG_SECONDS:
            parts.append((f"lag {link.lag():.0f} s", look.error))
        if self.model.sender.waiting:
            parts.append((f"{self.model.sender.waiting} waiting", look.unread))
        if self._notice:
            parts.append((self._notice, look.error if self._is_error else look.strong))
        elif not link.is_up:
            parts.append((link.error, look.dim))
        where = f"{link.where}{' TLS' if link.is_encrypted else ''}"
        parts += [(self.model.chats.me, look.of_name(self.model.chats.me)), (where, look.dim), ("F1 keys", look.dim)]
        return parts

    # --- when it is drawn ---

    def changed(self) -> None:
        """What is typed from now on is for what is looked at from now on."""
        self._dirty = True
        self.composer.follow()

    def told(self, text: str, *, error: bool = False) -> None:
        self._notice, self._is_error, self._dirty = " ".join(text.split()), error, True

    def _frame(self) -> None:
        """Draw what has changed, if anything has."""
        chats = self.model.chats
        chats.attentive = self._focused_window and self.log_pane.follows
        began = time.monotonic()
        if not self._dirty or began < self._not_before:
            return
        self._dirty = False
        if chats.alerts:
            chats.alerts.clear()
            self.bell()
        target, self.model.sender.target = self.model.sender.target, None
        place = chats.place
        seen = chats.current, chats.revision, place is not None and place.is_direct
        self.log_pane.renew()
        if target is not None:
            self.log_pane.to_message(target[1])
        if seen != self._seen:
            self._seen = seen
            self._fold(self.size.width)
            for pane in self.query(Conversations):
                pane.redraw()
            for members in self.query(MembersPane):
                members.redraw()
        for bar in self.query(Bar):
            if bar.id == "about":
                bar.display = place is not None and place.draft.about is not None
            bar.redraw()

        self._not_before = time.monotonic() + REST * (time.monotonic() - began)

    def _second(self) -> None:
        self.link.tick()
        if not self.link.is_up or self.link.lag() >= LAG_SECONDS:
            self._dirty = True

    def _on_seen(self, place: Place, seq: int) -> None:
        if self._focused_window and seq > place.read:
            self.model.chats.saw(place.id, seq)
            self._dirty = True

    def _page(self, ask: Callable[[Place], bool], place: Place) -> None:
        """A page that is there or on its way already makes nothing look otherwise."""
        with suppress(DisconnectedError):  # the link finds out by itself
            if ask(place):
                self.link.flush()
                self.changed()

    def on_app_focus(self, _: AppFocus) -> None:
        self._focused_window, self._dirty = True, True

    def on_app_blur(self, _: AppBlur) -> None:
        self._focused_window = False
        self.model.chats.attentive = False

    # --- the face of a link ---

    async def ask_password(self, question: str) -> str:
        return await self.ask(question, secret=True)

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

    def ended(self, error: ClientError | None) -> None:
        self.error = error
        self.exit(exit_code(error) if error is not None else Exit.DELIVERED)

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
            self._page(self.model.sender.latest, place)
        self.log_pane.to_end()
        self.changed()

    def action_fold(self, name: str) -> None:
        pane = self.query_one(f"#{name}")
        self._wanted[name] = not pane.display
        self._fold(self.size.width)

    def action_help(self) -> None:
        self.push_screen(Help(self.look, table))

    def action_redraw(self) -> None:
        self.refresh(layout=True)

    def action_select(self, by: int) -> None:
        self.log_pane.select(by)
        self.changed()

    def action_cancel(self) -> None:
        if isinstance(self.screen, Question | Help):
            self.screen.dismiss(None)
            return
        self.log_pane.selected = ""
        self.composer.drop_about()
        self.told("")
        self.changed()

    def action_reply(self) -> None:
        self.composer.about("reply")

    def action_edit(self) -> None:
        self.composer.about("edit")

    def action_delete(self) -> None:
        self.composer.delete()

    def action_react(self) -> None:
        self.composer.react(THUMB)

    def action_interrupt(self) -> None:
        if isinstance(self.screen, Question | Help):
            self.screen.dismiss(None)
        elif self.editor.text:
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
        if not self.editor.text:
            self.action_leave()
        else:
            self.editor.delete()
            self.box.renew()

    def action_leave(self, *, hung_up: bool = False) -> None:
        if not self._leaving:
            self._leaving = True
            self.run_worker(self._leave(hung_up), exit_on_error=False)

    async def _leave(self, hung_up: bool) -> None:
        undelivered = await self.link.leave(hung_up=hung_up)
        self.exit(Exit.LOST if undelivered else Exit.DELIVERED)

    # --- what panes and the box say ---

    def on_conversations_chosen(self, event: Conversations.Chosen) -> None:
        self.look_at(event.place)

    def on_members_pane_chosen(self, event: MembersPane.Chosen) -> None:
        if event.name != self.model.chats.me:
            self.look_at(self.model.chats.talk_to(event.name).id)

    def on_box_changed(self, _: Box.Changed) -> None:
        if self._notice and self.link.is_up:
            self.told("")

    def on_log_clicked(self, _: Log.Clicked) -> None:
        self.changed()
