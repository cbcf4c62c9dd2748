"""Bots: members of the chat that plugins move. They say with number, id and history like everybody."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress

import pluggy

from greenchat import values
from greenchat.chat.chat import Chat
from greenchat.chat.mentions import Mentions
from greenchat.chat.room import Member, Room
from greenchat.errors import PluginError, Reject
from greenchat.hooks.carried import CarriedBot
from greenchat.hooks.interfaces import ChatServer
from greenchat.hooks.pace import Pace
from greenchat.hooks.puppet import Puppet
from greenchat.hooks.specs import hookimpl
from greenchat.hooks.tasks import Tasks
from greenchat.hooks.where import Where
from greenchat.protocol.events import Message
from greenchat.protocol.names import require_name
from greenchat.protocol.runs import Messages

# Bots of one plugin.
MOST = 100

Mentioned = Callable[[Message], object]


class Bot:
    """One bot. `member` is who it is in the chat, None before the server has started.

    It hears where its name is said in a room that it is in: what is said by itself, or by another bot, it does not
    hear, so that no two of them talk for ever. What it does may raise `Reject`, as what people do is refused."""

    def __init__(
        self,
        plugin: str,
        name: str,
        rooms: Collection[str],
        mentioned: Mentioned | None,
        where: Where,
        pace: Pace,
    ) -> None:
        self.mentioned = mentioned
        self._where = where
        self._plugin = plugin
        self._name = name
        self._rooms = tuple(rooms)
        self._puppet: Puppet | None = None
        self._before: CarriedBot | None = None  # as it was before a reload, until it may `move`
        self._pace = pace  # that of all its plugin's

    def __repr__(self) -> str:
        return f"<Bot {self.name}>"

    @property
    def name(self) -> str:
        return self.member.name if self.member is not None else self._name

    @property
    def asked_name(self) -> str:
        """As its plugin has asked for it."""
        return self._name

    @property
    def member(self) -> Member | None:
        return self._puppet.member if self._puppet is not None else None

    @property
    def is_here(self) -> bool:
        """Whether it is in the chat: it is not before the start, nor once it was put out."""
        member = self.member
        return self._puppet is not None and member is not None and self._puppet.chat.people.has(member)

    @property
    def rooms(self) -> Collection[str]:
        """The names of the rooms that it is in."""
        return list(self.member.rooms) if self.member is not None else []

    def say(self, text: str, room: str = "", *, action: bool = False, reply_to: int = 0) -> Message:
        """Say something in `room`; it may be left out where it is in one alone. What was said."""
        puppet = self._here()
        member = puppet.require_member()
        where = puppet.chat.room_of(member, room) if room else member.room_meant(puppet)
        self._where.require_on(where.name)
        return puppet.say(text, action=action, room=where.name, reply_to=reply_to)

    def hear(self, message: Message) -> None:
        """It is named in `message`: what `mentioned` returns is said there, as an answer. May wait. Raises `Reject`."""
        answer = self.mentioned(message) if self.mentioned is not None else None
        if answer is not None:
            self.say(values.text(answer), message.room, reply_to=message.seq)

    def edit(self, room: str, seq: int, text: str) -> int:
        """Have a message of its own say something else; its `rev` then."""
        puppet, member, where = self._at_work_in(room)
        return puppet.chat.edit(member, where, seq, text, puppet)

    def delete(self, room: str, seq: int) -> int:
        """Take a message of its own away; its `rev` then."""
        puppet, member, where = self._in(room)
        return puppet.chat.delete(member, where, seq)

    def react(self, room: str, seq: int, emoji: str, on: bool = True) -> int:
        """Put an emoji to a message, or take it away again; the message's `rev` then."""
        puppet, member, where = self._at_work_in(room)
        return puppet.chat.react(member, where, seq, emoji, on, puppet)

    def enter(self, room: str, key: str = "") -> None:
        """Come into one more room."""
        self._enter(self._here(), room, key)

    def part(self, room: str, reason: str = "left") -> None:
        """Go out of a room."""
        puppet, member, where = self._in(room)
        puppet.chat.part(member, where, reason)

    def leave(self, reason: str = "left") -> None:
        """Leave the chat."""
        puppet, self._puppet = self._puppet, None
        if puppet is not None:
            puppet.close(reason)

    def _here(self) -> Puppet:
        if self._puppet is None or not self.is_here:
            raise Reject(f"The bot {self.name} is not in the chat.", code="not_joined")
        return self._puppet

    def _in(self, room: str) -> tuple[Puppet, Member, Room]:
        puppet = self._here()
        member = puppet.require_member()
        return puppet, member, puppet.chat.room_of(member, room)

    def _at_work_in(self, room: str) -> tuple[Puppet, Member, Room]:
        found = self._in(room)
        self._where.require_on(found[2].name)
        return found

    def _enter(self, puppet: Puppet, room: str, key: str = "") -> None:
        self._where.require_meant(puppet.chat.room_name(room))
        puppet.enter(room, key)

    # --- for who owns it ---

    def carry(self) -> CarriedBot:
        """Let go of its member, which stays as it is, and of which nobody sees anything."""
        puppet, self._puppet = self._puppet, None
        if puppet is None or puppet.member is None or not puppet.chat.people.has(puppet.member):
            return CarriedBot(self._name, list(self._rooms))
        return CarriedBot(self._name, list(self._rooms), puppet.member.key, puppet.entered)

    def go_on(self, server: ChatServer, carried: CarriedBot) -> None:
        """Be the member again that it was, if it is still there."""
        member = server.chat.members.get(carried.key) if carried.key else None
        self._before = carried
        if member is not None and member.bot == self._plugin and not member.sessions:
            self._puppet = Puppet(server.chat, server.commands, self._plugin, self._pace)
            self._puppet.go_on(member, carried.entered)

    def move(self, server: ChatServer) -> None:
        """Be where it is to be: join, or go into other rooms than it was asked for before a reload. One that was put
        out before stays out. Raises `Reject`."""
        carried, self._before = self._before, None
        puppet, member = self._puppet, self.member
        if carried is None:
            self.join(server)
        if carried is None or puppet is None or member is None or not self.is_here:
            return
        asked, before = (dict.fromkeys(map(server.chat.room_name, rooms)) for rooms in (self._rooms, carried.rooms))
        try:
            for room in asked:
                if room not in before and room not in member.rooms:
                    self._enter(puppet, room)
        except BaseException:
            self.leave()
            raise
        for room in before:
            if room not in asked and room in member.rooms:
                self.part(room)

    def join(self, server: ChatServer) -> None:
        """Come into the chat. Raises `Reject`."""
        puppet = Puppet(server.chat, server.commands, self._plugin, self._pace)
        member = server.chat.join(puppet, self._name, None)
        puppet.member, member.bot = member, self._plugin
        self._puppet = puppet
        try:
            for room in self._rooms:
                self._enter(puppet, room)
        except BaseException:
            self.leave()
            raise


def leave_behind(chat: Chat, plugin: str, bots: Iterable[CarriedBot]) -> None:
    """Have bots of `plugin` leave that nobody moves any more."""
    for bot in bots:
        member = chat.members.get(bot.key) if bot.key else None
        if member is not None and member.bot == plugin and not member.sessions:
            chat.leave(member, "left")


class Bots:
    """Those of one plugin, which come into the chat once all plugins have started: before, nobody knows what was said
    in rooms."""

    def __init__(self, plugin: str, tasks: Tasks, ears: "Ears", where: Where, pace: Pace) -> None:
        self._where = where
        self._plugin = plugin
        self._tasks = tasks
        self._ears = ears
        self._pace = pace
        self._all: list[Bot] = []
        self._server: ChatServer | None = None
        self._carried: dict[str, CarriedBot] = {}  # those that wait for being asked for again, by these names

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Bot]:
        return iter(self._all)

    def add(self, name: str, rooms: Iterable[str], mentioned: Mentioned | None) -> Bot:
        """Raises `Reject`."""
        if mentioned is not None and not callable(mentioned):
            raise PluginError(f"{mentioned!r} is no function")
        if len([one for one in self._all if self._server is None or one.is_here]) >= MOST:
            raise PluginError(f"it has {MOST} bots already, and gets no more")
        require_name(name, 0)
        bot = Bot(self._plugin, name, tuple(rooms), mentioned, self._where, self._pace)
        if self._tasks.halted:
            return bot
        if self._server is not None:
            self._go_on(bot, self._server)
            bot.move(self._server)
        for gone in [one for one in self._all if self._server is not None and not one.is_here]:
            self._ears.forget(gone)
            self._all.remove(gone)
        self._all.append(bot)
        if mentioned is not None:
            self._ears.listen_for(bot, self._tasks)
        return bot

    def start(self, server: ChatServer) -> None:
        """Let them come in. Raises `Reject`."""
        self._server = server
        for bot in self._all:
            bot.move(server)

    # --- over a reload ---

    def go_on(self, server: ChatServer) -> None:
        """Those that were there are there again, and nobody is told anything."""
        for bot in self._all:
            self._go_on(bot, server)

    def _go_on(self, bot: Bot, server: ChatServer) -> None:
        carried = self._carried.pop(bot.asked_name, None)
        if carried is not None:
            bot.go_on(server, carried)

    def carry(self) -> list[CarriedBot]:
        """Let go of all of them: they stay in the chat, and nobody moves them any more."""
        return [bot.carry() for bot in self._all]

    def take_up(self, bots: Iterable[CarriedBot]) -> None:
        """Those that are asked for under these names are these."""
        self._carried = {bot.name: bot for bot in bots}

    def taken_over(self, chat: Chat) -> None:
        """Those that nobody has asked for again leave."""
        carried, self._carried = self._carried, {}
        leave_behind(chat, self._plugin, carried.values())

    def has_said(self, message: Message) -> bool:
        return any(bot.is_here and bot.name == message.sender for bot in self._all)

    def halt(self) -> None:
        """Nobody moves them, until they `start` again: they leave meanwhile."""
        server, self._server = self._server, None
        for bot in list(self._all):
            if server is not None and not bot.is_here:  # it has left by itself
                self._ears.forget(bot)
                self._all.remove(bot)
            with suppress(Reject):
                bot.leave()

    def leave(self) -> None:
        """Nobody moves them any more."""
        self.halt()
        for bot in self._all:
            self._ears.forget(bot)
        self._all.clear()


class Ears:
    """Hears for the bots of all plugins. It is registered once there is one that hears: until then it costs nothing."""

    def __init__(self) -> None:
        self._bots: dict[Bot, Tasks] = {}
        self._manager: pluggy.PluginManager | None = None
        self._bind: Callable[[], None] = lambda: None
        self._chat: Chat | None = None

    def works_for(self, manager: pluggy.PluginManager, bind: Callable[[], None], chat: Chat) -> None:
        self._manager, self._bind, self._chat = manager, bind, chat
        self._mind()

    def listen_for(self, bot: Bot, tasks: Tasks) -> None:
        self._bots[bot] = tasks
        self._mind()

    def forget(self, bot: Bot) -> None:
        self._bots.pop(bot, None)
        self._mind()

    def _mind(self) -> None:
        manager = self._manager
        if manager is None or bool(self._bots) is manager.is_registered(self):
            return
        if self._bots:
            manager.register(self, "greenchat.bots")
        else:
            manager.unregister(self)
        self._bind()

    @hookimpl
    def greenchat_messages(self, messages: Messages) -> None:
        room = messages.room
        heard = [
            (bot, tasks)
            for bot, tasks in self._bots.items()
            if bot.member is not None and room in bot.member.rooms and bot.is_here and bot._where.is_on(room)
        ]
        if not heard or self._is_bot(messages.sender):
            return
        for bot, tasks in heard:
            named = Mentions([bot.name])
            for place, text in enumerate(messages.texts):
                if named(text):
                    tasks.spawn_for_one(bot.hear, messages[place])

    def _is_bot(self, name: str) -> bool:
        assert self._chat is not None
        with suppress(Reject):
            member = self._chat.members.get(require_name(name, 0)[1])
            return member is not None and bool(member.bot)
        return False
