"""Whom and what the names in a command mean to who has typed it."""

from collections.abc import Callable
from datetime import UTC, datetime

from greenchat.chat.accounts import Account
from greenchat.chat.room import Member, Room
from greenchat.errors import Reject
from greenchat.hooks.session import Session
from greenchat.protocol.names import require_name
from greenchat.protocol.text import printable


class Named:
    """Finds them for `session`, as `kinds.Resolve`, at the moment that `now` tells."""

    def __init__(self, session: Session, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._session = session
        self.now = now

    def member(self, name: str) -> Member:
        self._session.require_member()
        return self._session.chat.find(name)

    def account(self, name: str) -> Account:
        self._session.require_member()
        try:
            account = self._session.chat.accounts.find(require_name(name, 0)[1])
        except Reject:
            account = None
        if account is None:
            raise Reject(f"Nobody has registered {printable(name)}.", code="unknown_user")
        return account

    def room(self, name: str) -> Room:
        member, chat = self._session.require_member(), self._session.chat
        key = chat.room_name(name)
        room = chat.rooms.get(key)
        # Of one that one may not enter it is not told whether it is there.
        if room is None or not chat.may_enter(self._session, member, key):
            raise Reject(f"There is no room {printable(name)} that you may see.", code="unknown_room")
        return room
