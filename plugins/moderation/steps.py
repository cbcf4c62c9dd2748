"""The steps of an order, whoever gives it: whom it is about, what is kept of it, and that it goes on record."""

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from greenchat import (
    ChatServer,
    Member,
    ModerationAction,
    Reject,
    Session,
    host_of,
    network_of,
    printable,
    require_name,
)

from .enforcement import Enforcement
from .records import Records
from .rules import Sanction, whom_of
from .terms import network_in


class By(NamedTuple):
    """Who orders something: as whom it goes on record, and the `account`, as in `Sanction`."""

    name: str
    account: int


class Steps:
    """Each raises `Reject` where something may not be ordered."""

    def __init__(self) -> None:
        self.is_telling = False  # the observers of an act that is on the disk already
        self._server: ChatServer
        self._records: Records
        self._enforcement: Enforcement

    def begin(self, server: ChatServer, records: Records, enforcement: Enforcement) -> None:
        self._server, self._records, self._enforcement = server, records, enforcement

    def named(self, name: str) -> tuple[str, Member | None]:
        """The key of `name`, and who is called so at the moment."""
        try:
            _, key = require_name(name, self._server.config.limits.name_length)
        except Reject:
            raise Reject(f"Nobody can be called {printable(name)}.", code="unknown_user") from None
        return key, self._server.chat.members.get(key)

    def require_no_operator(self, key: str, found: Member | None) -> None:
        """Who only has the name of an operator, and is not logged in, is none."""
        account = self._server.accounts.find(key)
        absent = account is not None and account.id in self._records.rules.operators
        if found.role == "operator" if found is not None else absent:
            name = found.name if found is not None else key
            raise Reject(f"{name} is an operator. /deop {name} first.", code="operator")

    def networks_of(self, target: Member, session: Session | None = None) -> tuple[list[str], list[str]]:
        """What is to be banned of the addresses along with `target`; and for who orders it by `session`, why others
        are not."""
        banned, left_out = list[str](), list[str]()
        for network in dict.fromkeys(network_of(host_of(one.address)) for one in target.sessions):
            there = [
                other
                for other in self._server.sessions.values()
                if other.member is not target and network_of(host_of(other.address)) == network
            ]
            if not network or network_in(network) is None:
                continue
            if session is not None and session in there:
                left_out.append(f"The address, {network}, is not banned: you have it, too.")
            elif there:
                left_out.append(f"The address is not banned: others have it, too. /ban {network} bans them all.")
            else:
                banned.append(network)
        return banned, left_out

    def do(
        self,
        by: By,
        act: str,
        target: str,
        room: str,
        details: str,
        work: Callable[[sqlite3.Connection], int],
    ) -> int:
        """Do `work` on the file, put the act down, and tell the observers; what comes of it is done by then, too. How
        much it has changed: if nothing, nothing was done."""
        acted = ModerationAction(by.name, act, target, room, details, datetime.now(UTC))
        count = self._records.change(work, acted)
        if count:
            self.is_telling = True
            try:
                self._server.chat.audit(by.name, act, target, room, details)
            finally:
                self.is_telling = False
        return count

    def sanctions(
        self, by: By, key: str, found: Member | None, room: str, seconds: int | None, why: str
    ) -> list[Sanction]:
        """For the account, where there is one, and for the name, where that is not the account's."""
        if found is not None:
            account_key, account_id = found.account, found.account_id
        else:
            account = self._server.accounts.find(key)
            account_key, account_id = (account.key, account.id) if account is not None else ("", 0)
        whom = whom_of(account_id) if account_id else key
        sanctions = []
        if account_id:
            sanctions.append(sanction_of(by, "account", str(account_id), account_key, room, whom, seconds, why))
        if key != account_key:
            sanctions.append(sanction_of(by, "name", key, "", room, whom, seconds, why))
        return sanctions


def sanction_of(
    by: By, kind: str, what: str, key: str, room: str, whom: str, seconds: int | None, why: str
) -> Sanction:
    now = time.time()
    return Sanction(
        kind=kind,
        what=what,
        key=key,
        room=room,
        whom=whom,
        by=by.name,
        account=by.account,
        why=why,
        since=now,
        until=None if seconds is None else now + seconds,
    )
