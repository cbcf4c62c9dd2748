"""What people have missed on IRC: who has an account and a client that asks for no history is told, when they come back
into their rooms, what of the last there was said since they were here. What was said to them alone, the chat tells.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from greenchat import Session, Space

from .history import time_tag
from .own import IrcCodec

# What it is kept under, in the space of an account.
LEFT = "left"


class Missed:
    """Each account has its own `space_of` it."""

    def __init__(self, space_of: Callable[[int], Space]) -> None:
        self._space_of = space_of

    def has_left(self, session: Session, codec: IrcCodec) -> None:
        """It is remembered when that was."""
        if session.account_id and codec.client.is_registered and not codec.client.has("draft/chathistory"):
            self._space_of(session.account_id)[LEFT] = time_tag(datetime.now(UTC))

    def since(self, session: Session) -> str:
        """When one like it was here last; empty where that is not known."""
        return str(self._space_of(session.account_id).get(LEFT, ""))
