"""What plugins are given, and what they give: the promise to them, of which session/ and server/ are the making.

It stands below both, so that hooks can be described and called without knowing how a connection is served.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.chat import Chat
from greenchat.chat.fanout import Turns
from greenchat.chat.place import Place
from greenchat.chat.room import Member
from greenchat.codecs import Codec
from greenchat.config.schema import Config
from greenchat.errors import Reject
from greenchat.hooks.routes import Routes
from greenchat.hooks.session import Call as Call
from greenchat.hooks.session import Command as Command
from greenchat.hooks.session import Commands as Commands
from greenchat.hooks.session import Session as Session
from greenchat.protocol.plugin_reports import Touch
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.protocol.replies import SearchResults, Stats
from greenchat.protocol.requests import Ref, Search
from greenchat.search.query import Query
from greenchat.storage.plugin_choice import Choice

Serve = Callable[[Any, str], None]  # serves a claimed connection: its socket, and its address


class Reloads(Protocol):
    """What reloads a server."""

    def ask(
        self,
        by: str,
        answer: Callable[[ReloadReport], None] | None,
        session_id: int = 0,
        ref: Ref = None,
        choice: Choice | None = None,
    ) -> None:
        """Reload what is on the disk now, or what else an operator has chosen: with a `choice` all is loaded anew, even
        if nothing differs. It returns at once; `answer` is called once it is done. Where another process has taken over
        by then, that one tells the session of this id, by `ref`. What is asked meanwhile follows as one more. `by` is
        who has asked, for the log and the audit trail."""


class Tries(Protocol):
    """What tries the code of plugins that is on the disk now, before it is taken up."""

    def try_plugin(self, plugin: str) -> Sequence[str]:
        """What it would have done otherwise than the code that is on, to what was said last in the rooms, in lines for
        operators. It takes some seconds, in which this greenlet waits. Raises `GreenchatError`."""

    def require_tried(self, plugin: str) -> None:
        """Raises `Reject` unless just what is on the disk now was tried."""


class ChatServer(ABC):
    """One server: its chat, its slash-commands, its sessions by their ids.

    `data_dir` is for files of plugins. One that keeps accounts tells in `accounts` who has registered. One that serves
    a page for browsers on the chat's own port tells its path in `page`, so that people hear of it. Who speaks HTTP asks
    `routes` what plugins answer there. What may take long lets the others have their `turns`. `choice` is which plugins
    operators have chosen to be on and off.
    """

    config: Config
    data_dir: Path
    chat: Chat
    commands: Commands
    sessions: Mapping[int, Session]
    turns: Turns
    accounts: AccountDirectory
    page: str
    routes: Routes
    choice: Choice

    @property
    def url(self) -> str:
        """Where the page is, as well as that is known here: a whole address that ends with a slash; empty where no page
        is served on the chat's own port."""
        return ""

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
    def plugins_in(self, room: str) -> dict[str, bool]:
        """The plugins that can be switched on and off in a room, and whether they are on there."""

    @abstractmethod
    def switch_plugin(self, plugin: str, room: str, on: bool) -> bool:
        """Switch one of them on or off in a room, until somebody switches it again; whether it was otherwise before.
        May wait. Raises `Reject`."""

    @abstractmethod
    def switch_plugin_on(self, plugin: str) -> None:
        """Have a plugin called again that was switched off. Raises `Reject`."""

    @abstractmethod
    def found_plugins(self) -> dict[str, str]:
        """All plugins, by their names, and whether each is on, or why it is not; those as well that are on the disk by
        now, and would be loaded with the next reload."""

    @abstractmethod
    def reload(self, by: str, session: Session | None = None, ref: Ref = None, choice: Choice | None = None) -> None:
        """Reload what is on the disk now, or what an operator has chosen, without anybody noticing. It returns at once:
        `session` is told by a `Reloaded` with `ref`, once that is done or it is clear why it cannot be. `by` is who has
        asked, as on record. Raises `Reject` where this server cannot do that at all."""

    @abstractmethod
    def try_plugin(self, plugin: str) -> Sequence[str]:
        """What the code of a plugin that is on the disk now would have done otherwise than the one that is on, to what
        was said last in the rooms, and what it costs: in lines for operators. It is tried in another process. May wait,
        for some seconds. Raises `Reject`."""

    @abstractmethod
    def require_tried(self, plugin: str) -> None:
        """Raises `Reject` unless the code that is on the disk now is what `try_plugin` has tried last. May wait."""

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
    def search_direct(self, session: Session, ask: Search, query: Query | None = None) -> SearchResults:
        """What `session` finds in what its account has said alone with others: in the conversation that is named, or in
        all of them, and nothing where a room is. A `query` stands for the text. For who answers searches
        elsewhere. May wait. Raises `Reject`."""

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
    def carries(self, codec: Codec) -> None:
        """Have sessions that speak `codec` go on over a reload: its decoders have a `state`, and `restore` one (see
        `CarriedDecoder`), and its `own_requests` are the kinds of requests that they make besides those of the core.
        For greenchat_startup."""

    @abstractmethod
    def serve_session(self, sock: Any, address: str, codec: Codec, taken: bytes = b"") -> None:
        """Run a session on a claimed connection, to its end: from now on it speaks `codec`, of which `taken` has been
        read already. `sock` is the one that it was claimed with."""
