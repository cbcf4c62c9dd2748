"""What plugins tell somebody who may be away: at once, or when they come in."""

from typing import Any

import pluggy

from greenchat import values
from greenchat.chat.chat import Chat
from greenchat.chat.room import Member
from greenchat.errors import PluginError, Reject
from greenchat.hooks.specs import hookimpl
from greenchat.protocol.text import amount
from greenchat.storage.plugin_store import Space

# What waits for one person from one plugin. Who has been away for long does not read more.
MOST = 100

# Characters of one of these.
LENGTH = 4000


class Waiting:
    """What one plugin has told accounts that are away."""

    def __init__(self, kept: Space) -> None:
        self._kept = kept

    def __bool__(self) -> bool:
        return bool(self._kept)

    def tell(self, chat: Chat, who: object, text: str) -> bool:
        """Tell `who`, a member or an account's id; whether they know at once. Else it waits. Raises `Reject` where
        it cannot, and `PluginError` for what is wrong."""
        text = values.text(text).strip()
        if not text or len(text) > LENGTH:
            raise PluginError(f"what is told has 1 to {LENGTH} characters")
        member = who if isinstance(who, Member) else None
        account_id = member.account_id if member is not None else getattr(who, "id", who)
        if type(account_id) is not int or (not account_id and member is None):
            raise PluginError(f"{who!r} is nobody: tell a Member, an Account, or an account's id")
        here = chat.people.of_account(account_id) or member
        if here is not None and here.sessions and chat.people.has(here):
            _tell(here, text)
            return True
        if not account_id:
            raise Reject("This guest has gone, and is not to be known again: only who has registered can be told.")
        if chat.accounts.by_id(account_id) is None:
            raise Reject("There is no such account any more.")
        found = self._kept.get(str(account_id), [])
        if len(found) >= MOST:
            raise Reject(f"{amount(MOST, 'text')} wait for this account, as many as may.")
        self._kept[str(account_id)] = [*found, text]
        return False

    def came(self, member: Member) -> None:
        """Somebody has come in, or logged in."""
        key = str(member.account_id)
        if member.account_id and member.sessions and key in self._kept:
            found = self._kept[key]
            del self._kept[key]
            for text in found:
                _tell(member, text)

    def forget(self, account_id: int) -> None:
        """This account is gone."""
        self._kept.pop(str(account_id), None)


class Doorman:
    """Has all that waits told to who comes in. It is registered once something waits: until then it costs nothing."""

    name = "greenchat"

    def __init__(self) -> None:
        self._all: list[Waiting] = []
        self._bind: Any = None
        self._manager: pluggy.PluginManager | None = None

    def works_for(self, manager: pluggy.PluginManager, bind: Any) -> None:
        self._manager, self._bind = manager, bind
        if self._all:
            self._begin()

    def minds(self, waiting: Waiting) -> None:
        """From now on, also of this plugin."""
        if waiting not in self._all:
            self._all.append(waiting)
            if len(self._all) == 1:
                self._begin()

    def _begin(self) -> None:
        if self._manager is not None and not self._manager.is_registered(self):
            self._manager.register(self, self.name)
            self._bind()

    @hookimpl
    def greenchat_entered(self, session: Any) -> None:
        self.came(session)

    @hookimpl
    def greenchat_account(self, session: Any) -> None:
        self.came(session)

    def came(self, session: Any) -> None:
        """It is welcome: it is told what waits for its account."""
        if session.member is not None and session.account_id:
            for waiting in self._all:
                waiting.came(session.member)


def _tell(member: Member, text: str) -> None:
    for line in text.splitlines():
        if line.strip():
            member.info(line)
