"""What plugins are given of a connection and its requests, and the commands that they give: see interfaces.py."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol

from greenlet import getcurrent
from msgspec import Struct
from msgspec.structs import replace

from greenchat import values
from greenchat.chat.chat import Chat
from greenchat.chat.outlet import Asked, Login
from greenchat.chat.place import Place
from greenchat.chat.room import Member
from greenchat.codecs import Codec
from greenchat.errors import Advice, Reject
from greenchat.hooks.kinds import Argument
from greenchat.protocol.events import Event, Message, Notice
from greenchat.protocol.replies import Answer, CommandEntry, SearchResults, Welcome
from greenchat.protocol.requests import Frame, Ref

# What is told for a request, and bears its ref then. A page of history that nobody has asked for has none, and an error
# is either the answer, which has it, or no answer.
TOLD_FOR = Notice | Answer | Welcome | SearchResults


# The codec of those clients that show all of their user's words, whoever has made them.
LOOKS_UP = "web"


class Call:
    """A request that plugins deal with, mostly a command: who has made it, where, and what is told for it.

    `session` has made it, in the room or conversation that `asked` names, with `ref`; `asked.reply_to` is which message
    there it answers, 0 for none. `argument` is what stands behind the name of a command, as it was typed, and `args`
    are its arguments, by their names, where it has typed ones; empty for other requests. `ctx` is the context of the
    plugin whose command it is. `said` is what was said for it last.

    It is there for the greenlet that deals with it (`Session.call`): what other greenlets tell the same session
    meanwhile is not for this request. One that is to do so is given the call, and uses `reply` and `say`.
    """

    __slots__ = ("_only", "args", "argument", "asked", "ctx", "greenlet", "ref", "said", "session")

    def __init__(self, session: "Session", asked: Asked, ref: Ref) -> None:
        self.session = session
        self.asked = asked
        self.ref = ref
        self.argument = ""
        self.args: dict[str, Any] = {}
        self.ctx: Any = None
        self.said: Message | None = None
        self.greenlet = getcurrent()
        self._only = session.only  # it may mean another room by the time that another greenlet answers

    @property
    def member(self) -> Member:
        """Who has made it. Raises `Reject` before JOIN."""
        return self.session.require_member()

    def require_account(self) -> int:
        """The id of the account of who has made it: for what is kept for them. Raises `Reject` for a guest."""
        account_id = self.member.account_id
        if not account_id:
            raise Reject(
                "This is for who is logged in: /login, or /register to make this name yours.", code="not_logged_in"
            )
        return account_id

    @property
    def place(self) -> Place:
        """The room or conversation in which it was made, from whatever greenlet. May wait. Raises `Reject` where they
        are not there any more, or nothing is meant."""
        member, chat, asked = self.member, self.session.chat, self.asked
        if self.said is not None and self.said.conversation:
            return chat.conversation(member, self.said.conversation)
        if self.greenlet is getcurrent() and self.session.only == self._only:
            return chat.place_meant(member, asked)
        if asked.conversation:
            return chat.conversation(member, asked.conversation)
        if asked.to or not (asked.room or self._only):  # that name may be somebody else's by now
            raise Reject("Nothing can be said there any more.", code="room_required")
        return chat.room_of(member, asked.room or self._only)

    def say(self, text: str, *, action: bool = False, echo: str = "") -> Message:
        """Say `text` as who has made it, where it was made: there, or nowhere. From whatever greenlet. Raises
        `Reject`. Nobody is sent what they say: `echo` is what who has made it reads then, unless their client looks it
        up, as the page does."""
        session, asked = self.session, self.asked
        if (asked.conversation or asked.to) and self.greenlet is getcurrent():
            said = session.say(text, action=action)  # which begins the conversation, if there was none
        else:
            place = self.place
            if place.conversation:
                said = session.chat.converse(
                    self.member, place.conversation, text, action=action, origin=session, reply_to=asked.reply_to
                )
            else:
                said = session.say(text, action=action, room=place.name, reply_to=asked.reply_to)
        self.said = said
        if echo and session.codec.name != LOOKS_UP:
            self.reply(echo)
        return said

    def reply(self, answer: str | Event | Frame) -> None:
        """Tell the session a line of information, or an answer, for this request; from whatever greenlet."""
        self.session.tell(self.marked(Notice(values.text(answer)) if isinstance(answer, str) else answer))

    def marked(self, reply: Event | Frame) -> Event | Frame:
        """`reply`, with the ref of this request, where it is told for one and has none."""
        if self.ref is None or not isinstance(reply, TOLD_FOR) or reply.ref is not None:
            return reply
        return replace(reply, ref=self.ref)


class Session(ABC):
    """One connection.

    `id` counts connections from the server's start, `since` when it was made. `address` is "HOST:PORT". `member` is who
    it is in the chat, None before JOIN; who is logged in may have several sessions. `login` is whose account it is
    logged in to: all sessions of a member share one. `outbox` is where what it is told waits, and `only` the room that
    is meant where a request names none. It shows rooms once it `is_welcome`.

    `closing` says why it is about to be closed; None as long as it is not.

    `replay` is whether it is to be told what was said in rooms before it came.

    What it alone is told is written by its `codec`; what rooms tell, by its `shared_codec`: once for all that have the
    same. It is the `codec` itself, or what that has as its `shared`.

    `device` is what its user calls where they are, `device_id` the number of that, and `device_token` what is to be
    told with its next welcome: for who keeps people logged in.
    """

    __slots__ = (
        "address",
        "closing",
        "codec",
        "device",
        "device_id",
        "device_token",
        "id",
        "is_welcome",
        "login",
        "member",
        "only",
        "outbox",
        "replay",
        "shared_codec",
        "since",
    )

    id: int
    since: datetime
    address: str
    closing: str | None
    codec: Codec
    shared_codec: Codec
    outbox: Any
    member: Member | None
    login: Login
    only: str
    is_welcome: bool
    replay: bool
    device: str
    device_id: int
    device_token: str

    @property
    def account(self) -> str:
        """The key of the name whose account it is logged in to; empty for none."""
        return self.login.account

    @property
    def account_id(self) -> int:
        """What the rights of that account hang on; 0 for none."""
        return self.login.account_id

    @property
    def role(self) -> str:
        """ "operator" for one, or empty."""
        return self.login.role

    @role.setter
    def role(self, role: str) -> None:
        self.login.role = role

    @property
    @abstractmethod
    def idle_seconds(self) -> float:
        """How long its user has said nothing."""

    @property
    @abstractmethod
    def chat(self) -> Chat:
        """The server's."""

    @property
    @abstractmethod
    def commands(self) -> "Commands":
        """The server's."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The user name; empty before JOIN."""

    @property
    @abstractmethod
    def room(self) -> str:
        """The name of the room that is meant at the moment, see `Member.room`; empty where none is."""

    @property
    @abstractmethod
    def fields(self) -> dict[str, object]:
        """Whose doing a line of the log is: `log.info("...", extra=session.fields)`."""

    @property
    @abstractmethod
    def call(self) -> Call | None:
        """The request of this session with which this greenlet deals, while plugins do; None where it deals with
        none."""

    @property
    def asked(self) -> Asked | None:
        """What that request names, as the chat asks for it."""
        call = self.call
        return call.asked if call is not None else None

    @abstractmethod
    def tell(self, reply: Event | Frame) -> None:
        """Send one event or answer to this session alone, behind all that it was told before, in rooms as well. While
        this greenlet deals with a request of it, the ref of that goes with it. `TypeError` or `ValueError`: it cannot
        be sent."""

    @abstractmethod
    def info(self, text: str) -> None:
        """Send one line of information to this session alone, as `tell` does."""

    @abstractmethod
    def say(self, text: str, *, action: bool = False, room: str = "", reply_to: int = 0) -> Message:
        """Say `text` as this session's user in one of its rooms; or else where the request at hand was made, which may
        be a conversation of two. It may answer a message there, by its number. Raises `Reject`."""

    @abstractmethod
    def enter(self, room: str, key: str = "", ref: Ref = None, *, move: bool | None = None) -> None:
        """Come into `room`, and be welcomed; with `move`, go out of all others, as clients have to that can be in one
        room only. Raises `Reject`."""

    @abstractmethod
    def command(self, line: str, room: str = "", *, conversation: str = "", to: str = "", reply_to: int = 0) -> None:
        """Run `line`, what was typed behind the slash, as typed in `room`, or in the conversation with one person, as
        an answer to a message there perhaps; in neither, as typed where the request at hand was made. Raises
        `Reject`."""

    @abstractmethod
    def log_in(self, account: str, account_id: int = 0) -> None:
        """From now on it is the account with this key and id; empty and 0: nobody. All who see it are told. A guest
        becomes one more session of who is in the chat by this account, and brings the rooms along."""

    @abstractmethod
    def require_no_other_device(self) -> None:
        """Raises `Reject` where its user is logged in on other devices as well, which would be somebody else's then: to
        be asked before it logs in to another account, or registers one. `log_in` asks that, too."""

    @property
    @abstractmethod
    def needs_password(self) -> bool:
        """Whether this session has yet to tell the server's pass phrase before it may join."""

    @abstractmethod
    def authenticate(self, password: str) -> None:
        """Tell the server's pass phrase. Raises `Reject` where it is wrong."""

    @abstractmethod
    def require_member(self) -> Member:
        """Who this session is in the chat. Raises `Reject` before JOIN."""

    @abstractmethod
    def name_on_record(self) -> str:
        """As whom it goes on record: by the account, whatever it calls itself. Raises `Reject` before JOIN."""

    @abstractmethod
    def advise(self, advice: Advice, *, name: str = "", line: str = "") -> str:
        """What its user is to do, in words that fit their client: people on netcat write frames by hand. `name` is as
        whom, if that is not who they are now; `line` the command, with its slash, that it is about."""

    @abstractmethod
    def refuse(self, verdict: Reject, ref: Ref = None) -> None:
        """Answer a request with an ERROR, and tell the observers."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """Close this connection, once what waits for it is delivered; `reason` is for the log and the observers. Nobody
        comes back to it."""

    @abstractmethod
    def end(self, verdict: Reject, reason: str = "") -> None:
        """Tell why, and close it. It is out of the chat when this returns, and nobody comes back to it. Others read
        `reason`, or the verdict's code, where they read that its user has left."""

    @abstractmethod
    def knows_pings(self) -> None:
        """It has sent a ping or a pong: from now on it is expected to answer."""


def _no_run(session: Session, argument: str) -> None:
    raise TypeError("a command needs run, or typed with its arguments")


class Command(Struct, frozen=True):
    """One slash-command: `run` by hand, or with `typed` arguments. `typed_command` makes one of a function.

    `run(session, argument)` gets everything behind the name, stripped; what it refuses it raises as `Reject`. It may be
    asked for before JOIN: `session.require_member()` refuses that. `usage` is what follows the name, such as
    "USER TEXT", with optional parts in brackets: where nothing is in brackets, the command is refused without an
    argument. `help` is a line for the list, and more lines, if any, for who asks for this command's help.
    `may_run(session)` says who may; by default everybody. It may refuse with a `Reject` of its own; where it fails,
    nobody may. A command is one line, and refused with more, unless it takes `lines`: it says its argument.

    With `arguments`, `typed(call, args)` gets them by their names, as values of their kinds. A text that it returns is
    told to who has typed it, line by line; so is a list of texts, an event, or an answer. What is typed for a `private`
    command is kept nowhere: one with a secret argument is private in any case. `operator`: for operators alone.
    `rate`, such as "3/10s", is how often one person may run it. `examples` are lines that people may type, each with
    what is answered, or empty: help shows them.
    """

    name: str
    usage: str
    help: str
    run: Callable[[Session, str], None] = _no_run
    may_run: Callable[[Session], bool] = lambda session: True
    lines: bool = False
    arguments: tuple[Argument, ...] | None = None
    private: bool = False
    operator: bool = False
    rate: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    typed: Callable[[Call, dict[str, Any]], object] | None = None

    @property
    def line(self) -> str:
        """As one types it: `/msg USER TEXT`."""
        return f"/{self.name} {self.usage}".rstrip()


class Commands(Protocol):
    """The slash-commands that there are, by their names' order."""

    def __iter__(self) -> Iterator[Command]: ...

    def __bool__(self) -> bool: ...

    def find(self, name: str, *, quotes: bool = True) -> Command:
        """The command called `name`, in any case, with or without its slash. Raises `Reject` with the nearest match,
        which `quotes` the name, or does not."""

    def run(self, session: Session, line: str) -> None:
        """Run `line`, what was typed behind the slash. Raises `Reject` for what is not to be run."""

    def told_to(self, session: Session) -> list[CommandEntry]:
        """Those that `session` may run, as clients are told of them."""
