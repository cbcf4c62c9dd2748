"""What is in force: who are operators, who is banned or muted and for how long, which rooms are slow. No I/O."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from .terms import Address, because, how_long, network_in


class Sentence(Struct, frozen=True, kw_only=True):
    """A ban or a mute, as `by` ordered it: of a name's key, or of a network, in a room or the whole chat (empty).

    `whom` is the key of the person whom it was ordered for, and is the same for all that were ordered with it; empty
    where only a network was named. `account` is the one of who ordered it: where that is empty, it was a guest in a
    room of their own, and it ends with the room. Times are seconds since 1970; `until` is None for good.
    """

    kind: str  # "name" or "network"
    what: str
    room: str
    whom: str
    by: str
    account: str
    why: str
    since: float
    until: float | None

    def is_in_force(self, now: float) -> bool:
        return self.until is None or self.until > now

    def terms(self, now: float) -> str:
        """The end of a sentence that tells of it: `for 1h, until ...: why`."""
        return f"{how_long(self.until, now)}{because(self.why)}"

    @property
    def details(self) -> str:
        """As the audit trail has it."""
        return ": ".join(filter(None, [how_long(self.until, self.since), self.why]))


class Operator(Struct, frozen=True):
    """Whose account has the key `key`."""

    key: str
    name: str
    since: float
    by: str


class Slow(Struct, frozen=True):
    """A room in which one may say one message in so many seconds. `account` as in `Sentence`."""

    room: str
    seconds: float
    account: str


class Book:
    """All of it, as it was in the file at one moment; of two books, the one with the higher number is the later."""

    def __init__(
        self,
        operators: Iterable[Operator] = (),
        bans: Sequence[Sentence] = (),
        mutes: Sequence[Sentence] = (),
        slow: Iterable[Slow] = (),
        number: int = 0,
    ) -> None:
        self.number = number
        self.operators: Mapping[str, Operator] = {operator.key: operator for operator in operators}
        self.bans = bans
        self.mutes = mutes
        self.slow: Mapping[str, Slow] = {one.room: one for one in slow}
        # By room and key:
        self._bans = {(ban.room, ban.what): ban for ban in bans if ban.kind == "name"}
        self._mutes = {(mute.room, mute.what): mute for mute in mutes}
        # By version of IP and length of prefix, and then by the bits of the prefix: one look for each length in use.
        self._networks: defaultdict[tuple[int, int], dict[int, Sentence]] = defaultdict(dict)
        for ban in bans:
            network = network_in(ban.what) if ban.kind == "network" else None
            if network is not None:
                bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
                self._networks[network.version, network.prefixlen][bits] = ban
        self.has_bans_in_rooms = any(ban.room for ban in bans)
        ordered: list[Sentence | Slow] = [*bans, *mutes, *self.slow.values()]
        self.rooms_of_guests = frozenset(one.room for one in ordered if not one.account)
        self.names = frozenset(one.what for one in (*bans, *mutes) if one.kind == "name")
        self.next_end = min((one.until for one in (*bans, *mutes) if one.until is not None), default=math.inf)

    def ban_of(self, keys: Iterable[str], room: str, now: float) -> Sentence | None:
        """The ban that keeps somebody known by `keys` out of `room`, or of the chat (empty): the longest."""
        return _longest((self._bans.get((room, key)) for key in keys), now)

    def ban_of_address(self, address: Address | None, now: float) -> Sentence | None:
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

    def mute_of(self, keys: Iterable[str], room: str, now: float) -> Sentence | None:
        """The mute that keeps somebody known by `keys` from talking in `room`, or in private (empty): the longest."""
        return _longest((self._mutes.get((where, key)) for key in keys for where in {"", room}), now)


def _longest(found: Iterable[Sentence | None], now: float) -> Sentence | None:
    return max(
        (one for one in found if one is not None and one.is_in_force(now)),
        key=lambda one: math.inf if one.until is None else one.until,
        default=None,
    )
