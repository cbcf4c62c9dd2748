"""The commands of moderation, and who may use them."""

from collections.abc import Sequence

from greenchat import Command, typed_command

from .orders import Orders, is_operator, keeps_order


def commands(orders: Orders) -> Sequence[Command]:
    return [
        typed_command(
            orders.op,
            help="Make somebody an operator, who is logged in.\nExample: /op ada",
            may_run=is_operator,
        ),
        typed_command(
            orders.deop,
            help="Let somebody be an operator no more.\nExample: /deop ada",
            may_run=is_operator,
        ),
        typed_command(
            orders.kick,
            help="Put somebody out of the room. They may come back.\nExample: /kick bob That will do",
            may_run=keeps_order,
        ),
        typed_command(
            orders.ban,
            help="Keep somebody out: operators of the chat, the owner of a room of that room.\n"
            "Without a duration, such as 30s, 10m, 1h30m, 2d or 1w, it is for good.\n"
            "Operators ban addresses and networks, too. With a user goes the address, if nobody else has it.\n"
            "Example: /ban bob 1h Spam",
            usage="USER|ADDRESS|CIDR [DURATION] [WHY]",
            may_run=keeps_order,
        ),
        typed_command(
            orders.unban,
            help="Let somebody in again; with a user, the address that was banned along.\nExample: /unban bob",
            usage="USER|ADDRESS|CIDR",
            may_run=keeps_order,
        ),
        typed_command(
            orders.bans,
            help="List who is banned or muted, by whom, why and until when.",
            may_run=keeps_order,
        ),
        typed_command(
            orders.mute,
            help="Let somebody read but not write; for 10 minutes where nothing else is said.\n"
            "By operators it holds everywhere, by the owner of a room in there.\nExample: /mute bob 1h Calm down",
            may_run=keeps_order,
        ),
        typed_command(
            orders.unmute,
            help="Let somebody write again.\nExample: /unmute bob",
            may_run=keeps_order,
        ),
        typed_command(
            orders.slow,
            help="Let everybody in a room write once in so many seconds; 0 ends it.\nExample: /slow lobby 10",
            may_run=keeps_order,
        ),
        typed_command(
            orders.announce,
            help="Tell something to everybody, in all rooms.\nExample: /announce Back in five minutes",
            may_run=is_operator,
        ),
        typed_command(
            orders.audit,
            help="Tell the last N things that were done to keep order.\nExample: /audit 50",
            may_run=is_operator,
        ),
    ]
