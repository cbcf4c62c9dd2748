"""The session of somebody behind whom no connection is: a plugin's bot, or who speaks by a bridge.

It is there for what asks by which session something is said, such as the plugins' checks. Nothing is delivered to it.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from greenchat import values
from greenchat.chat.cascade import one_step
from greenchat.chat.chat import Chat
from greenchat.chat.outlet import Login
from greenchat.chat.room import Member
from greenchat.codecs.advice import advise
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.errors import Advice, PluginError, Reject
from greenchat.hooks.interfaces import Call, Commands, Session
from greenchat.hooks.pace import Pace
from greenchat.protocol.events import Event, Message
from greenchat.protocol.replies import Ack
from greenchat.protocol.requests import Frame, Ref
from greenchat.protocol.runs import Messages
from greenchat.protocol.text import require_text

# The ids of connections are below that, however long a server runs.
_ids = itertools.count(1 << 40)


class Silent(JsonCodec):
    """It writes nothing."""

    name = "silent"
    pings = numbers = tokens = False

    def encode(self, reply: Event | Frame) -> bytes:
        return b""

    def encode_run(self, messages: Messages) -> bytes:
        return b""

    def encode_acks(self, acks: Sequence[Ack]) -> bytes:
        return b""


SILENT = Silent()


class Puppet(Session):
    """That of `member`, which a plugin moves."""

    __slots__ = ("_chat", "_commands", "_entered", "_pace", "_plugin")

    def __init__(self, chat: Chat, commands: Commands, plugin: str, pace: Pace) -> None:
        self._chat = chat
        self._pace = pace
        self._commands = commands
        self._plugin = plugin
        self._entered: set[str] = set()
        self.id = next(_ids)
        self.since = datetime.now(UTC)
        self.address = "unix"  # as what comes by a Unix socket: no network is behind it
        self.closing = None
        self.codec = self.shared_codec = SILENT
        self.outbox: Any = None
        self.member: Member | None = None
        self.login = Login()
        self.only, self.is_welcome, self.replay = "", False, False
        self.device, self.device_id, self.device_token = "", 0, ""

    @property
    def entered(self) -> list[str]:
        """The rooms that it has come into by this session."""
        return sorted(self._entered)

    def go_on(self, member: Member, entered: Iterable[str]) -> None:
        """Be the session of `member`, who is in the chat, and has come into these rooms by another one like this."""
        self._entered = set(entered)
        self.only = next(iter(self._entered)) if len(self._entered) == 1 else ""
        self.member, self.login = member, member.login
        member.sessions.append(self)

    @property
    def idle_seconds(self) -> float:
        return 0.0

    @property
    def chat(self) -> Chat:
        return self._chat

    @property
    def commands(self) -> Commands:
        return self._commands

    @property
    def name(self) -> str:
        return self.member.name if self.member is not None else ""

    @property
    def room(self) -> str:
        return self.only if self.member is None or self.only in self.member.rooms else ""

    @property
    def fields(self) -> dict[str, object]:
        return {"plugin": self._plugin, "user": self.name}

    @property
    def call(self) -> Call | None:
        return None

    def tell(self, reply: Event | Frame) -> None:
        pass

    def info(self, text: str) -> None:
        values.text(text)

    @one_step
    def say(self, text: str, *, action: bool = False, room: str = "", reply_to: int = 0) -> Message:
        member = self.require_member()
        text = require_text(text)
        self._chat.require_short(text)
        where = self._chat.room_of(member, room) if room else member.room_meant(self)
        self._pace.spend(where.name)
        where.fanout.talk = None  # what a plugin causes is told apart from what is said by itself
        said = self._chat.say(member, text, bool(action), where, self, reply_to)
        where.fanout.mark_cause()
        self._chat.delivery_stats.deliveries += 1  # it is taken that a sender is one of those who show the room
        return said

    @one_step
    def enter(self, room: str, key: str = "", ref: Ref = None, *, move: bool | None = None) -> None:
        home = self._chat.enter(self, self.require_member(), room, key, move=bool(move))
        self._entered.add(home.name)
        self.only = home.name if len(self._entered) == 1 else ""  # as of a client: see Outlet

    def command(self, line: str, room: str = "", *, conversation: str = "", to: str = "", reply_to: int = 0) -> None:
        raise Reject("A bot gives no commands.", code="not_allowed")

    def log_in(self, account: str, account_id: int = 0) -> None:
        raise PluginError("a bot has no account")

    def require_no_other_device(self) -> None:
        pass

    @property
    def needs_password(self) -> bool:
        return False

    def authenticate(self, password: str) -> None:
        pass

    def require_member(self) -> Member:
        if self.member is None:
            raise Reject("This bot is not in the chat.", code="not_joined")
        return self.member

    def name_on_record(self) -> str:
        return self.require_member().name

    def advise(self, advice: Advice, *, name: str = "", line: str = "") -> str:
        return advise(self.codec.advice, advice, name=name or self.name, line=line)

    def refuse(self, verdict: Reject, ref: Ref = None) -> None:
        pass

    def close(self, reason: str) -> None:
        self.closing = values.shown(reason)
        if self.member is not None:
            self._chat.leave(self.member, self.closing)

    def end(self, verdict: Reject, reason: str = "") -> None:
        self.close(reason or verdict.code.replace("_", " "))

    def knows_pings(self) -> None:
        pass
