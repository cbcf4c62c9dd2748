"""What plugins are given, and what they give: the promise to them, of which session/ and server/ are the making.

It stands below both, so that hooks can be described and called without knowing how a connection is served.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from greenlet import getcurrent
from msgspec import Struct
from msgspec.structs import replace

from greenchat import values
from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.chat import Chat
from greenchat.chat.fanout import Turns
from greenchat.chat.outlet import Asked, Login
from greenchat.chat.place import Place
from greenchat.chat.room import Member
from greenchat.codecs import Codec
from greenchat.config.schema import Config
from greenchat.errors import Advice, Reject
from greenchat.protocol.events import Event, Message, Notice
from greenchat.protocol.plugin_reports import Touch
from greenchat.protocol.replies import Answer, SearchResults, Stats, Welcome
from greenchat.protocol.requests import Frame, Ref, Search

Serve = Callable[[Any, str], None]  # serves a claimed connection: its socket, and its address

# What is told for a request, and bears its ref then. A page of history that nobody has asked for has none, and an error
# is either the answer, which has it, or no answer.
TOLD_FOR = Notice | Answer | Welcome | SearchResults


class Call:
    """A request that plugins deal with, mostly a command: who has made it, where, and what is told for it.

    `session` has made it, in the room or conversation that `asked` names, with `ref`; `asked.reply_to` is which message
    there it answers, 0 for none. `argument` is what stands behind
    the name of a command; empty for other requests. `said` is what was said for it last.

    It is there for the greenlet that deals with it (`Session.call`): what other greenlets tell the same session
    meanwhile is not for this request. One that is to do so is given the call, and uses `reply`.
    """

    __slots__ = ("argument", "asked", "greenlet", "ref", "said", "session")

    def __init__(self, session: "Session", asked: Asked, ref: Ref) -> None:
        self.session = session
        self.asked = asked
        self.ref = ref
        self.argument = ""
        self.said: Message | None = None
        self.greenlet = getcurrent()

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
        "since",
    )

    id: int
    since: datetime
    address: str
    closing: str | None
    codec: Codec
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


class ChatServer(ABC):
    """One server: its chat, its slash-commands, its sessions by their ids.

    `data_dir` is for files of plugins. One that keeps accounts tells in `accounts` who has registered. One that serves
    a page for browsers on the chat's own port tells its path in `page`, so that people hear of it. What may take long
    lets the others have their `turns`.
    """

    config: Config
    data_dir: Path
    chat: Chat
    commands: "Commands"
    sessions: Mapping[int, Session]
    turns: Turns
    accounts: AccountDirectory
    page: str

    @abstractmethod
    def stats(self, ref: Ref = None) -> Stats:
        """How the server is, at this moment."""

    @abstractmethod
    def forget_room(self, room: str) -> None:
        """Have all plugins forget what they keep of a room that nobody is in, nor comes into. Raises `Reject` where one
        cannot: its name must stay closed then. May wait."""

    @abstractmethod
    def end_devices(self, devices: Collection[int]) -> None:
        """Have nobody come back who has lost a connection on one of these devices, by their `Session.device_id`. Those
        that are connected are for the caller. May wait."""

    @abstractmethod
    def set_hook_enabled(self, plugin: object, hook: str, enabled: bool) -> None:
        """Call the check, take or observe hook `hook` of `plugin`, the object that bears it, from now on; or do not.

        A hook that has nothing to do at the moment costs nothing so.
        """

    @abstractmethod
    def switch_plugin_on(self, plugin: str) -> None:
        """Have a plugin called again that was switched off. Raises `Reject`."""

    @abstractmethod
    def last_refusal(self, member: Member) -> Touch | None:
        """What a plugin has refused of what `member` said last, if one has, as far as is remembered."""

    @abstractmethod
    def touches(self, member: Member, place: Place, seq: int, *, all_of_room: bool = False) -> Sequence[Touch]:
        """What plugins have done to the message `seq` of `place`, if it is `member`'s own; with `all_of_room`, to
        anybody's, in a room."""

    @abstractmethod
    def refused(self, session: int, name: str, verdict: Reject) -> None:
        """Count that a request was refused, and tell the observers."""

    @abstractmethod
    def search_direct(self, session: Session, ask: Search) -> SearchResults:
        """What `session` finds in what its account has said alone with others: in the conversation that is named, or in
        all of them, and nothing where a room is. For who answers searches elsewhere. May wait. Raises `Reject`."""

    # --- serving connections ---

    @abstractmethod
    def listen_also(self, address: str, serve: Serve) -> str:
        """Have `serve` serve what connects to one more `address`, as if it were claimed: the address with its real
        port. For greenchat_startup; connections are accepted once the server has started. Raises `GreenchatError`."""

    @abstractmethod
    def trust_proxies(self, is_proxy: Callable[[str], bool]) -> None:
        """Connections from hosts of which `is_proxy` is true (an address; empty: a Unix socket) are those of others,
        and do not count for an address. Who serves them tells whose they are: see `count_for`."""

    @abstractmethod
    def count_for(self, address: str) -> None:
        """Count this greenlet's connection for `address`, HOST:PORT, from now on. Raises `Reject` where there are too
        many from there; the connection must end then."""

    @abstractmethod
    def idle(self) -> AbstractContextManager[None]:
        """While this greenlet waits for its client to begin something: a stop need not wait for it."""

    @abstractmethod
    def serve_session(self, sock: Any, address: str, codec: Codec, taken: bytes = b"") -> None:
        """Run a session on a claimed connection, to its end: from now on it speaks `codec`, of which `taken` has been
        read already. `sock` is the one that it was claimed with."""


class Command(Struct, frozen=True):
    """One slash-command.

    `run(session, argument)` gets everything behind the name, stripped; what it refuses it raises as `Reject`. It may be
    asked for before JOIN: `session.require_member()` refuses that. `usage` is what follows the name, such as
    "USER TEXT", with optional parts in brackets: where nothing is in brackets, the command is refused without an
    argument. `help` is a line for the list, and more lines, if any, for who asks for this command's help.
    `may_run(session)` says who may; by default everybody. It may refuse with a `Reject` of its own; where it fails,
    nobody may. A command is one line, and refused with more, unless it takes `lines`: it says its argument.
    """

    name: str
    usage: str
    help: str
    run: Callable[[Session, str], None]
    may_run: Callable[[Session], bool] = lambda session: True
    lines: bool = False

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
