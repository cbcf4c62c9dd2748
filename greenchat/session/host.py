"""What a session needs of its server."""

from typing import Any, Protocol

from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.chat import Chat
from greenchat.chat.presence import Kept
from greenchat.config.schema import Config
from greenchat.errors import Reject
from greenchat.hooks.commands import CommandTable
from greenchat.hooks.dispatch import Dispatcher
from greenchat.net.backlog import Backlog
from greenchat.net.turns import Turns
from greenchat.protocol.plugin_reports import Touches, Why
from greenchat.protocol.reload_reports import Reload
from greenchat.protocol.replies import SearchResults, Stats
from greenchat.protocol.requests import Ref, Search
from greenchat.search.query import Query
from greenchat.session.stays import Stays
from greenchat.storage.session_store import SessionStore


class Host(Protocol):
    """What a session needs of its server."""

    config: Config
    hooks: Dispatcher
    chat: Chat
    commands: CommandTable
    turns: Turns
    backlog: Backlog
    accounts: AccountDirectory
    stays: Stays
    session_store: SessionStore

    def refused(self, session: int, name: str, verdict: Reject) -> None: ...

    def unexpected(self, session: Any, error: BaseException) -> None: ...

    def check_password(self, address: str, given: str) -> None: ...

    def stats(self, ref: Ref) -> Stats: ...

    def why(self, ask: Why) -> Touches: ...

    def reload_for(self, session: Any, ask: Reload) -> None: ...

    def search_direct(self, session: Any, ask: Search, query: Query | None = None) -> SearchResults: ...

    def welcomed(self, session: Any) -> None: ...

    def came_in(self, session: Any) -> None:
        """It was welcomed, and shows no room."""

    def remembered(self, account_id: int) -> Kept: ...
