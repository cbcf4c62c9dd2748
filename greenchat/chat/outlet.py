"""What the chat knows of a connection, and of a request that came by it. No socket is known here."""

from typing import Any, NamedTuple, Protocol

from greenchat.codecs import Codec


class Asked(NamedTuple):
    """Where a request wants to be: the room that it names, if any; or the conversation of two, by its id or by who the
    other one is."""

    room: str = ""
    conversation: str = ""
    to: str = ""


class Outlet(Protocol):
    """Where a member's events go: a session, or a list in a test. `outbox` is whatever `Deliver` delivers to.

    `account` is the key of the name that it is logged in to, and `account_id` what that account's rights hang on; empty
    and 0 for none. `role` is "operator" for one, or empty. `address` is where it is, as a session has it.

    `asked` is what the request names with which plugins deal in this greenlet; None where they deal with none: what
    another greenlet says for the same member meanwhile must not end up there.
    """

    codec: Codec
    outbox: Any
    address: str
    account: str
    account_id: int
    role: str

    @property
    def asked(self) -> Asked | None: ...
