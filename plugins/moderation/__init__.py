"""Keeps order: operators, bans, mutes and slow rooms; words that are not said, repeats and floods where configured.

settings.py is what the configuration says, words.py looks at what is said. rules.py is what operators and owners of
rooms have ordered, records.py keeps it, enforcement.py sees to it. orders.py is what their commands do,
plugin_orders.py what other plugins order, steps.py what both have in common.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import gevent

from greenchat import (
    ChatServer,
    Command,
    Context,
    Member,
    Message,
    Messages,
    ModerationAction,
    Order,
    Reject,
    Room,
    Session,
    hookimpl,
)

from . import cli
from .commands import commands
from .enforcement import Enforcement
from .orders import Orders
from .plugin_orders import PluginOrders
from .records import FILE, LOOK_SECONDS, MIGRATIONS, Records
from .settings import Settings as Settings
from .settings import words_of
from .words import Repeats, RoomFlood, WordList

log = logging.getLogger("greenchat.moderation")


# The files of the data directory that it keeps: their migrations are tried before a reload.
DATABASES = {FILE: MIGRATIONS}


class Moderation:
    """The hooks. Each rests as long as it has nothing to do."""

    def __init__(self, words: WordList, settings: Settings, ctx: Context) -> None:
        self._state = ctx.carry_state()
        self._words = words
        self._action = settings.action
        self._repeats = Repeats(settings.repeat, settings.repeat_seconds) if settings.repeat else None
        self._flood = RoomFlood(settings.room_rate, settings.room_seconds) if settings.room_rate else None
        self._orders = Orders()
        self._plugin_orders = PluginOrders()
        self._looking: Any = None  # a greenlet, once started
        self._server: ChatServer
        self._records: Records
        self._enforcement: Enforcement

    # --- begin and end ---

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._server = server
        self._records = Records(server.data_dir / FILE, server.accounts, server.chat.rooms, self._changed)
        self._enforcement = Enforcement(server)
        self._go_on()
        self._orders.begin(server, self._records, self._enforcement)
        self._plugin_orders.begin(server, self._records, self._enforcement)
        self._rest()
        self._records.look()
        self._looking = gevent.spawn(self._look)

    @hookimpl
    def greenchat_shutdown(self, server: ChatServer) -> None:
        if self._looking is not None:
            self._looking.kill()
            self._records.close()
            self._state.update(self._enforcement.state)
            self._state["repeats"] = self._repeats.state if self._repeats is not None else []
            self._state["flood"] = self._flood.state if self._flood is not None else {}

    def _go_on(self) -> None:
        """No mute ends, nor does anybody get to say more, by a reload."""
        self._enforcement.go_on(self._state)
        if self._repeats is not None:
            self._repeats.go_on(self._state.get("repeats", ()))
        if self._flood is not None:
            self._flood.go_on(self._state.get("flood", {}))
        self._state.clear()

    @hookimpl
    def greenchat_busy(self) -> str | None:
        waits = self._looking is not None and self._records.waits
        return "the audit trail is not written, as the log says" if waits else None

    @hookimpl
    def greenchat_carried(self, session: Session) -> None:
        # All of them are here, once the first is told of. What was ordered meanwhile, in the shell say, holds now.
        self._enforcement.all_are_here()

    def _look(self) -> None:
        while True:
            gevent.sleep(LOOK_SECONDS)
            try:
                self._enforcement.all_are_here()  # also where nobody was connected
                self._records.look()
            except Exception:  # what fails once must not keep bans from ending and the shell from being heard
                log.exception("a look at what is in force has failed")

    def _changed(self) -> None:
        """The rules are others."""
        self._rest()
        self._enforcement.apply(self._records.rules)

    def _rest(self) -> None:
        """Have those hooks called that there is something to do for."""
        rules, server = self._records.rules, self._server
        talk = bool(rules.mutes or rules.slow)
        configured = bool(self._words or self._repeats or self._flood)
        server.set_hook_enabled(self, "greenchat_check_messages", bool(talk or configured))
        server.set_hook_enabled(self, "greenchat_check_reaction", bool(rules.mutes))
        server.set_hook_enabled(self, "greenchat_check_join", bool(talk or rules.bans or self._words))
        server.set_hook_enabled(self, "greenchat_check_enter", bool(rules.has_bans_in_rooms or self._words))
        server.set_hook_enabled(self, "greenchat_room_opened", bool(rules.rooms_of_guests))
        server.set_hook_enabled(self, "greenchat_connected", bool(rules.bans))
        server.set_hook_enabled(self, "greenchat_entered", bool(rules.bans or rules.mutes))

    # --- who comes ---

    @hookimpl
    def greenchat_connected(self, session: Session) -> None:
        self._enforcement.look_at(session)

    @hookimpl
    def greenchat_account(self, session: Session) -> None:
        self._enforcement.give_role(session)
        following = self._enforcement.following(session)
        if following:
            gevent.spawn(self._orders.follow, following)  # nobody waits for the disk here
        self._enforcement.look_at(session)

    @hookimpl(trylast=True)  # the name is what the other plugins have made of it
    def greenchat_check_join(self, session: Session, name: str, room: str) -> str | None:
        if name in self._words:
            raise Reject("This username has a word that is not used here. Choose another.", code="name_invalid")
        self._enforcement.check_name(session, name)
        there = session.chat.people.of_account(session.account_id)
        # Who is in shows it to all; but not who becomes one more session of somebody who is in, too.
        if session.member is not None and there in (None, session.member):
            self._enforcement.check_rename(session, name, room)
        return None

    @hookimpl
    def greenchat_check_enter(self, session: Session, name: str, room: str) -> None:
        # Who makes a room has its name read by all; what is there already may be called as it is.
        if room in self._words and room not in session.chat.rooms and session.role != "operator":
            raise Reject("This room's name has a word that is not used here. Choose another.", code="room_invalid")
        self._enforcement.check_room(session, name, room)

    @hookimpl
    def greenchat_forget_room(self, room: str) -> None:
        self._records.forget_room(room)

    @hookimpl
    def greenchat_room_opened(self, room: Room) -> None:
        # It only has the name of the one that a guest gave orders in: they are not to hold here.
        if room.name in self._records.rules.rooms_of_guests:
            self._records.look()

    @hookimpl(tryfirst=True)  # before somebody is told what was said in there
    def greenchat_entered(self, session: Session) -> None:
        # A ban may have come while another plugin took its time to let them in.
        self._enforcement.look_at(session)

    @hookimpl
    def greenchat_disconnected(self, session: Session) -> None:
        self._enforcement.forget(session)
        if self._flood is not None:
            self._flood.forget_all_but(session.chat.rooms)

    @hookimpl
    def greenchat_gone(self, member: Member) -> None:
        self._enforcement.gone(member)
        if self._repeats is not None:
            self._repeats.forget(member)

    # --- what they say ---

    @hookimpl
    def greenchat_check_messages(self, session: Session, messages: Messages) -> list[str | Reject] | None:
        if self._words or self._repeats or self._flood or messages.room in self._records.rules.slow:
            return [self._verdict(session, message) for message in messages]
        self._enforcement.check_talk(session, messages.room)  # a mute holds for all of them
        return None

    @hookimpl
    def greenchat_check_reaction(self, session: Session, room: str) -> None:
        self._enforcement.check_mute(session, room)

    def _verdict(self, session: Session, message: Message) -> str | Reject:
        """What is to be said for `message`, or why nothing is."""
        try:
            self._enforcement.check_talk(session, message.room)
            text = self._checked_words(session, message) if self._words else message.text
            if self._repeats is not None:
                self._repeats.check(session.require_member(), message.text)
            if self._flood is not None and message.room:
                self._flood.check(message.room)
        except Reject as verdict:
            return verdict
        self._enforcement.has_talked(session, message.room)
        return text

    def _checked_words(self, session: Session, message: Message) -> str:
        if message.text not in self._words:
            return message.text
        if self._action == "block":
            raise Reject("This has a word that is not used here. Say it in other words.", code="word")
        if self._action == "mask":
            return self._words.mask(message.text)
        session.info("This has a word that is not welcome here. Please say it in other words.")
        log.info(
            "#%d %s was warned in %s",
            session.id,
            session.name,
            message.room or "a private message",
            extra=session.fields,
        )
        return message.text

    # --- what is done ---

    @hookimpl
    def greenchat_acted(self, act: ModerationAction) -> None:
        if not self._orders.is_telling and not self._plugin_orders.is_telling:
            self._records.keep(act)

    @hookimpl
    def greenchat_order(self, order: Order) -> bool:
        return self._plugin_orders.take(order)

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return commands(self._orders)

    @hookimpl
    def greenchat_shell_acted(self, data_dir: Path, act: ModerationAction) -> None:
        cli.keep(data_dir, act)

    @hookimpl
    def greenchat_cli(self, group: click.Group) -> None:
        for command in (cli.moderation, cli.operators, cli.audit):
            group.add_command(command)


def greenchat_plugin(settings: Settings, ctx: Context) -> Moderation:
    return Moderation(words_of(settings), settings, ctx)
