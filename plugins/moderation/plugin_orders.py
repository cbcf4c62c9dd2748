"""What other plugins order by their contexts: as operators would, and on record as theirs."""

from greenchat import Member, Order, Reject, printable

from .enforcement import in_room
from .records import put
from .rules import A_PLUGIN
from .steps import By, Steps, sanction_of
from .terms import reason

# Bans and mutes of plugins in force at one time: a plugin that has lost its way must not fill the disk, and all that is
# in force is read again with each order.
MOST_OF_PLUGINS = 5000


class PluginOrders(Steps):
    """It is on the disk, and done, when `take` returns."""

    def take(self, order: Order) -> bool:
        """Raises `Reject` where it may not be."""
        self._records.require_read()  # nobody knows who is an operator
        key, found = self.named(order.name)
        self.require_no_operator(key, found)
        self._require_space()
        seconds = None if order.seconds is None else max(round(order.seconds), 1)
        by, why = By(order.by, A_PLUGIN), reason(order.why)
        match order.act:
            case "ban":
                self._ban(order, by, key, found, seconds, why)
            case "mute":
                self._mute(order, by, key, found, seconds, why)
            case _:
                return False
        return True

    def _ban(self, order: Order, by: By, key: str, found: Member | None, seconds: int | None, why: str) -> None:
        room, name = order.room, found.name if found is not None else printable(order.name)
        networks, _ = self.networks_of(found) if found is not None and not room else ([], [])
        bans = self.sanctions(by, key, found, room, seconds, why)
        whom = bans[0].whom
        bans += [sanction_of(by, "network", network, "", room, whom, seconds, why) for network in networks]
        details = f"with {', '.join(networks)}, {bans[0].details}" if networks else bans[0].details
        self.do(by, "ban", name, room, details, lambda file: put(file, "bans", bans))

    def _mute(self, order: Order, by: By, key: str, found: Member | None, seconds: int | None, why: str) -> None:
        room, name = order.room, found.name if found is not None else printable(order.name)
        mutes = self.sanctions(by, key, found, room, seconds, why)
        self.do(by, "mute", name, room, mutes[0].details, lambda file: put(file, "mutes", mutes))
        if found is not None:
            found.info(f"You are muted{in_room(room)} by {by.name} {mutes[0].terms(mutes[0].since)}")

    def _require_space(self) -> None:
        rules = self._records.rules
        count = sum(1 for one in (*rules.bans, *rules.mutes) if one.account == A_PLUGIN)
        if count >= MOST_OF_PLUGINS:
            raise Reject(f"Plugins have ordered {count:,} bans and mutes already. Lift some: /bans", "too_many_bans")
