"""The commands of moderation, and who may use them."""

from collections.abc import Sequence

from greenchat import Command

from .orders import Orders, is_operator, keeps_order


def commands(orders: Orders) -> Sequence[Command]:
    return [
        Command(
            "op",
            "USER",
            "Make somebody an operator, who is logged in.\nExample: /op ada",
            orders.op,
            is_operator,
        ),
        Command(
            "deop",
            "USER",
            "Let somebody be an operator no more.\nExample: /deop ada",
            orders.deop,
            is_operator,
        ),
        Command(
            "kick",
            "USER [WHY]",
            "Put somebody out of the room. They may come back.\nExample: /kick bob That will do",
            orders.kick,
            keeps_order,
        ),
        Command(
            "ban",
            "USER|ADDRESS|CIDR [DURATION] [WHY]",
            "Keep somebody out: operators of the chat, the owner of a room of that room.\n"
            "Without a duration, such as 30s, 10m, 1h30m, 2d or 1w, it is for good.\n"
            "Operators ban addresses and networks, too. With a user goes the address, if nobody else has it.\n"
            "Example: /ban bob 1h Spam",
            orders.ban,
            keeps_order,
        ),
        Command(
            "unban",
            "USER|ADDRESS|CIDR",
            "Let somebody in again; with a user, the address that was banned along.\nExample: /unban bob",
            orders.unban,
            keeps_order,
        ),
        Command(
            "bans",
            "",
            "List who is banned or muted, by whom, why and until when.",
            orders.bans,
            keeps_order,
        ),
        Command(
            "mute",
            "USER [DURATION] [WHY]",
            "Let somebody read but not write; for 10 minutes where nothing else is said.\n"
            "By operators it holds everywhere, by the owner of a room in there.\nExample: /mute bob 1h Calm down",
            orders.mute,
            keeps_order,
        ),
        Command(
            "unmute",
            "USER",
            "Let somebody write again.\nExample: /unmute bob",
            orders.unmute,
            keeps_order,
        ),
        Command(
            "slow",
            "ROOM SECONDS",
            "Let everybody in a room write once in so many seconds; 0 ends it.\nExample: /slow lobby 10",
            orders.slow,
            keeps_order,
        ),
        Command(
            "announce",
            "TEXT",
            "Tell something to everybody, in all rooms.\nExample: /announce Back in five minutes",
            orders.announce,
            is_operator,
        ),
        Command(
            "audit",
            "[N]",
            "Tell the last N things that were done to keep order.\nExample: /audit 50",
            orders.audit,
            is_operator,
        ),
    ]
