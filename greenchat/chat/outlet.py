"""What the chat knows of a connection, and of a request that came by it. No socket is known here."""

from typing import Any, NamedTuple, Protocol

from greenchat.codecs import Codec
from greenchat.errors import Reject
from greenchat.protocol.events import Event
from greenchat.protocol.requests import Frame


class Asked(NamedTuple):
    """Where a request wants to be: the room that it names, if any; or the conversation of two, by its id or by who the
    other one is. And which message there it answers, 0 for none."""

    room: str = ""
    conversation: str = ""
    to: str = ""
    reply_to: int = 0


class Login:
    """Whose account somebody is logged in to: `account` is the key of its name, and `account_id` what its rights hang
    on; empty and 0 for none. `role` is "operator" for one, or empty. All sessions of a member share theirs."""

    __slots__ = ("account", "account_id", "role")

    def __init__(self, account: str = "", account_id: int = 0, role: str = "") -> None:
        self.account = account
        self.account_id = account_id
        self.role = role


class Outlet(Protocol):
    """Where a member's events go: a session. What it alone is told is written by its `codec`, and what rooms tell by
    its `shared_codec`, once for all that have the same: mostly they are one. `outbox` is whatever `Deliver` delivers
    to. `address` is where it is, "HOST:PORT".

    `only` is the name of the room that is meant where a request names none: the one that its own join has named, as
    long as its member has never been in another one meanwhile; or the one that it looks at, for clients that can only
    show one. Else it is empty.

    `asked` is what the request names with which plugins deal in this greenlet; None where they deal with none: what
    another greenlet says for the same member meanwhile must not end up there.
    """

    codec: Codec
    shared_codec: Codec
    outbox: Any
    address: str
    login: Login
    only: str
    is_welcome: bool  # until then it shows nothing: what it is told first is the welcome

    @property
    def asked(self) -> Asked | None: ...

    def tell(self, reply: Event | Frame) -> None: ...

    def info(self, text: str) -> None: ...

    def refuse(self, verdict: Reject) -> None: ...

    def end(self, verdict: Reject, reason: str = "") -> None: ...
