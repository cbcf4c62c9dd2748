"""What is in force: who are operators, who is banned or muted and for how long, which rooms are slow. No I/O."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from .terms import Address, because, how_long, network_in

# What a sentence is found by: the id of an account, or the key of a name.
Mark: TypeAlias = int | str

# The account of who ordered something, where that account is gone.
GONE = -1

# ... and where that was a plugin, which has none.
A_PLUGIN = -2


class Sanction(Struct, frozen=True, kw_only=True):
    """A ban or a mute, as `by` ordered it: of an account's id, of a name's key, or of a network, in a room or the whole
    chat (empty). `key` is that of an account's name, which is held as well, unless somebody else has registered it.

    `whom` is the person whom it was ordered for, and is the same for all that were ordered with it; empty where only a
    network was named. `account` is the id of who ordered it: where that is 0, it was a guest in a room of their own,
    and it ends with the room. Times are seconds since 1970; `until` is None for good.
    """

    kind: str  # "account", "name" or "network"
    what: str
    key: str = ""
    room: str
    whom: str
    by: str
    account: int
    why: str
    since: float
    until: float | None

    @property
    def shown(self) -> str:
        """What it is of, for people: ids are none of their business."""
        return self.key or self.what

    @property
    def follows(self) -> bool:
        """Whether it was ordered for somebody of whom it turned out later that the account is theirs."""
        return self.kind == "account" and self.whom != whom_of(int(self.what))

    @property
    def mark(self) -> Mark:
        return int(self.what) if self.kind == "account" else self.what

    def is_in_force(self, now: float) -> bool:
        return self.until is None or self.until > now

    def terms(self, now: float) -> str:
        """The end of a sentence that tells of it: `for 1h, until ...: why`."""
        return f"{how_long(self.until, now)}{because(self.why)}"

    @property
    def details(self) -> str:
        """As the audit trail has it."""
        return ": ".join(filter(None, [how_long(self.until, self.since), self.why]))


def whom_of(account_id: int) -> str:
    """Who has this account, as `Sanction.whom`. No name has a blank in it."""
    return f"account {account_id}"


class Operator(Struct, frozen=True):
    """Who has the account with this id, and was called `name` when they became one."""

    account: int
    name: str
    since: float
    by: str


class Slow(Struct, frozen=True):
    """A room in which one may say one message in so many seconds. `account` as in `Sanction`."""

    room: str
    seconds: float
    account: int


class Rules:
    """All of it, as it was in the file at one moment; of two books, the one with the higher number is the later."""

    def __init__(
        self,
        operators: Iterable[Operator] = (),
        bans: Sequence[Sanction] = (),
        mutes: Sequence[Sanction] = (),
        slow: Iterable[Slow] = (),
        number: int = 0,
    ) -> None:
        self.number = number
        self.operators: Mapping[int, Operator] = {operator.account: operator for operator in operators}
        self.bans = bans
        self.mutes = mutes
        self.slow: Mapping[str, Slow] = {one.room: one for one in slow}
        self._bans = {(ban.room, ban.mark): ban for ban in bans if ban.kind != "network"}
        self._mutes = {(mute.room, mute.mark): mute for mute in mutes}
        # By version of IP and length of prefix, and then by the bits of the prefix: one look for each length in use.
        self._networks: defaultdict[tuple[int, int], dict[int, Sanction]] = defaultdict(dict)
        for ban in bans:
            network = network_in(ban.what) if ban.kind == "network" else None
            if network is not None:
                bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
                self._networks[network.version, network.prefixlen][bits] = ban
        self.has_bans_in_rooms = any(ban.room for ban in bans)
        ordered: list[Sanction | Slow] = [*bans, *mutes, *self.slow.values()]
        self.rooms_of_guests = frozenset(one.room for one in ordered if one.room and not one.account)
        persons = [one for one in (*bans, *mutes) if one.kind != "network"]
        self.marks: frozenset[Mark] = frozenset(one.mark for one in persons)
        # The accounts whose sentences hold a name, by its key:
        self.held: defaultdict[str, set[int]] = defaultdict(set)
        for one in persons:
            if one.kind == "account":
                self.held[one.key].add(int(one.what))
        self.names = self.held.keys() | {mark for mark in self.marks if isinstance(mark, str)}
        self.next_end = min((one.until for one in (*bans, *mutes) if one.until is not None), default=math.inf)

    def marks_beside(self, before: "Rules") -> set[Mark]:
        """Whom something was ordered for that was not in the rules before."""
        known = {(one.kind, one.what, one.room, one.since) for one in (*before.bans, *before.mutes)}
        return {
            one.mark
            for one in (*self.bans, *self.mutes)
            if one.kind != "network" and (one.kind, one.what, one.room, one.since) not in known
        }

    def marks_since(self, moment: float) -> set[Mark]:
        """Whom something was ordered for since then, in seconds since 1970."""
        return {one.mark for one in (*self.bans, *self.mutes) if one.kind != "network" and one.since > moment}

    def ban_of(self, marks: Iterable[Mark], room: str, now: float) -> Sanction | None:
        """The ban that keeps somebody known by `marks` out of `room`, or of the chat (empty): the longest."""
        return _longest((self._bans.get((room, mark)) for mark in marks), now)

    def ban_of_address(self, address: Address | None, now: float) -> Sanction | None:
        """The ban that keeps connections from `address` out: the longest."""
        if address is None:
            return None
        number, size = int(address), address.max_prefixlen
        return _longest(
            (
                bans.get(number >> (size - length))
                for (version, length), bans in self._networks.items()
                if version == address.version
            ),
            now,
        )

    def mute_of(self, marks: Iterable[Mark], room: str, now: float) -> Sanction | None:
        """The mute that keeps somebody known by `marks` from talking in `room`, or in private (empty): the longest."""
        return _longest((self._mutes.get((where, mark)) for mark in marks for where in {"", room}), now)


def _longest(found: Iterable[Sanction | None], now: float) -> Sanction | None:
    return max(
        (one for one in found if one is not None and one.is_in_force(now)),
        key=lambda one: math.inf if one.until is None else one.until,
        default=None,
    )
