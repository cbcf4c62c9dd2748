"""How much one person, or one address, may take of what all share: rooms, and their protection."""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Annotated

import greenchat
from greenchat import ChatServer, Meta, Reject, Session, host_of, network_of

from .rules import RuleBook

# How long a room that somebody is about to make counts before anybody is in it, in seconds: plugins may take their time
# to let one in.
MAKING_SECONDS = 10.0


class Settings(greenchat.Settings, frozen=True, kw_only=True):
    """What may be taken of rooms. 0 is no limit. Rooms that an operator keeps count for nobody."""

    rooms_per_address: Annotated[
        int,
        Meta(
            ge=0,
            description="Rooms open at one time that were made from one address (or /64): a classroom in which each "
            "makes some, and a fiftieth of limits.rooms.",
        ),
    ] = 200
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
    """Counts rooms. `clock` is in seconds and never goes back."""

    def __init__(
        self, server: ChatServer, book: RuleBook, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._server = server
        self._book = book
        self._settings = settings
        self._clock = clock
        # By network: the rooms that were made from there, and since when.
        self._made: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def check_made(self, session: Session, room: str) -> None:
        """Count a room that `session` may be about to make. Raises `Reject` where it is one too many."""
        chat, most, network = self._server.chat, self._settings.rooms_per_address, network_of_session(session)
        there = room in chat.rooms or room in self._book.lasting or room == chat.default_room
        if there or not most or not network or session.role == "operator":
            return
        now = self._clock()
        made = self._made[network]
        for name in [name for name, at in made.items() if name not in chat.rooms and now - at > MAKING_SECONDS]:
            del made[name]
        if room not in made and len(made) >= most:
            raise Reject(
                f"There are {most} rooms that were made from your address, as many as there may be. Join one of them.",
                code="too_many_rooms",
            )
        made[room] = now

    def entered(self, session: Session, room: str) -> None:
        """Somebody is in the room: from now on it counts as long as that is so."""
        made = self._made.get(network_of_session(session))
        if made is not None and room in made:
            made[room] = -math.inf

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

    def gone(self) -> None:
        """Forget who has made rooms that are gone: called now and then."""
        for network in list(self._made):
            made = self._made[network]
            now = self._clock()
            for name in [name for name, at in made.items() if name not in self._server.chat.rooms]:
                if now - made[name] > MAKING_SECONDS:
                    del made[name]
            if not made:
                del self._made[network]


def network_of_session(session: Session) -> str:
    """What counts as one address; empty on this machine, by a Unix socket."""
    return network_of(host_of(session.address))
