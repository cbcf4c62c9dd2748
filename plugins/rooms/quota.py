"""How much one person, or one address, may take of what all share: the protection of rooms."""

from typing import Annotated

import greenchat
from greenchat import Meta, Reject, Session, host_of, network_of

from .rules import RuleBook


class Settings(greenchat.Settings, frozen=True, kw_only=True):
    """What may be taken of rooms. 0 is no limit. Rooms that an operator keeps count for nobody."""

    protected_per_account: Annotated[
        int,
        Meta(ge=0, description="Rooms with a key, or by invitation, of one account: more than anybody looks after."),
    ] = 20
    protected_per_address: Annotated[
        int,
        Meta(
            ge=0,
            description="... and that were given a key, or closed, from one address (or /64). They last when nobody is "
            "in them, so that who does that again and again fills the disk.",
        ),
    ] = 50
    unused_days: Annotated[
        float,
        Meta(
            ge=0,
            description="A protected room that nobody has been in for so long is removed, with what was said there: "
            "after half a year nobody comes back for it. Never one that an operator keeps.",
        ),
    ] = 180.0


class Quota:
    """Counts protected rooms."""

    def __init__(self, book: RuleBook, settings: Settings) -> None:
        self._book = book
        self._settings = settings

    def check_protected(self, session: Session, room: str) -> None:
        """Raises `Reject` where `session` may not protect one more room."""
        if session.role == "operator" or room in self._book.lasting:
            return
        settings, network, account_id = self._settings, network_of_session(session), session.account_id
        held = [rules for rules in self._book.lasting.values() if not rules.kept]
        most = settings.protected_per_account
        if account_id and most and sum(1 for rules in held if rules.owner == account_id) >= most:
            raise Reject(f"You have {most} protected rooms, as many as one may. Open one first.", "too_many_protected")
        most = settings.protected_per_address
        if network and most and sum(1 for rules in held if rules.network == network) >= most:
            raise Reject(
                f"There are {most} protected rooms from your address, as many as there may be. Open one first.",
                code="too_many_protected",
            )


def network_of_session(session: Session) -> str:
    """What counts as one address; empty on this machine, by a Unix socket."""
    return network_of(host_of(session.address))
