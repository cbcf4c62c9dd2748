"""Speaking for people elsewhere, as bridges to other chats do: `ada (irc)` says something in a room.

No name here has a space in it, so nobody can be called like that: no person is taken for a foreign one, nor the
other way round, now or in what is kept. Nobody is in the room by that, and nothing is delivered to them.
"""

import re
from collections import OrderedDict

from greenchat import values
from greenchat.chat.cascade import one_step
from greenchat.chat.chat import Chat
from greenchat.chat.outlet import Login
from greenchat.chat.room import Member, Room
from greenchat.errors import Reject
from greenchat.hooks.interfaces import ChatServer
from greenchat.hooks.pace import Pace
from greenchat.hooks.puppet import Puppet
from greenchat.protocol.events import Message
from greenchat.protocol.names import RESERVED_NAMES, foreign_name, foreign_parts, require_name

# People elsewhere of whom it is known who they are, for each plugin: whose repeats are counted, say. Others are known
# by their names.
KNOWN = 1000

# Characters that other chats allow in names, and that would look like something else here.
_ODD = re.compile(r"[\s|()@#:,<>\"]+")


class Voices:
    """Those for whom one plugin speaks."""

    def __init__(self, plugin: str, pace: Pace) -> None:
        self._where = _fit(plugin, 0)
        self._plugin = plugin
        self._pace = pace
        self._known: OrderedDict[str, Puppet] = OrderedDict()

    def has_said(self, message: Message) -> bool:
        """Whether it is one of them who has."""
        parts = foreign_parts(message.sender)
        return parts is not None and parts[1] == self._where

    @one_step
    def speak(self, server: ChatServer, room: Room, name: str, text: str, *, action: bool = False) -> Message:
        """Say `text` as who is called `name` elsewhere. Raises `Reject`, as it would be raised for people."""
        puppet = self._voice(server, _fit(name, server.config.limits.name_length))
        self._pace.spend(room.name)
        room.fanout.talk = None  # what a plugin causes is told apart from what is said by itself
        said = server.chat.say_as(puppet.require_member(), text, room, puppet, action=action)
        room.fanout.mark_cause()
        return said

    def _voice(self, server: ChatServer, name: str) -> Puppet:
        shown = foreign_name(name, self._where)
        puppet = self._known.pop(shown, None)
        if puppet is None:
            puppet = Puppet(server.chat, server.commands, self._plugin, self._pace)
            puppet.member = _member(server.chat, shown)
            puppet.login = puppet.member.login
        self._known[shown] = puppet
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return puppet


def _member(chat: Chat, shown: str) -> Member:
    assert shown not in chat.members
    return Member(shown, shown.lower(), Login())


def _fit(name: str, length: int) -> str:
    """`name` as far as it can be shown here. Raises `Reject` where nothing of it can."""
    name = _ODD.sub("-", values.text(name).strip()).strip("-")
    if length:
        name = name[:length]
    try:
        return require_name(name, length)[0]
    except Reject:
        pass
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name).strip("-")
    if name.lower() in RESERVED_NAMES:  # nobody is taken for the server
        name = f"{name}-"
    return require_name(name, 0)[0]
