"""The words of an order, to and fro: for how long, until when, why, and which addresses."""

import ipaddress
from datetime import UTC, datetime

from greenchat import Duration, Reject, host_of, in_units, is_like_a_duration, network_of, printable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# The slowest that a room may be made, in seconds: a message a day.
SLOWEST = 86_400

# A reason as it is kept, in characters: a line or two on a screen, since who is banned reads it with each try.
WHY_LENGTH = 200


def seconds_in(how_long: Duration | None, why: str) -> int | None:
    """For how long an order is, None for good. Raises `Reject` where `why` begins with "for" and what looks like a
    duration: so it is not meant for good."""
    words = why.split()
    if how_long is None and len(words) > 1 and words[0].lower() == "for" and is_like_a_duration(words[1]):
        raise Reject(
            f"{printable(words[1])} is no duration here. Type 30s, 10m, 1h30m, 2d or 1w, without blanks, right behind "
            "the name. Let a reason begin with a word.",
            code="usage",
        )
    return None if how_long is None else int(how_long.total_seconds())


def reason(text: str) -> str:
    return printable(" ".join(text.split()), WHY_LENGTH)


def when(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"


def how_long(until: float | None, now: float) -> str:
    return "for good" if until is None else f"for {in_units(until - now)}, until {when(until)}"


def because(why: str) -> str:
    """The end of a sentence."""
    return f": {why}" if why else "."


def network_in(word: str) -> Network | None:
    """The network that `word` means, an address or one in CIDR notation; None where it is neither.

    An IPv6 address alone means its /64, as everywhere in greenchat; IPv4 in the clothes of IPv6 is IPv4.
    """
    try:
        network = ipaddress.ip_network(word if "/" in word else network_of(word), strict=False)
    except ValueError:
        return None
    if network.version == 6 and network.prefixlen >= 96 and (mapped := network.network_address.ipv4_mapped):
        return ipaddress.ip_network((mapped, network.prefixlen - 96))
    return network


def written(network: Network) -> str:
    """As people write it: one IPv4 address without its /32."""
    return str(network.network_address) if network.version == 4 and network.prefixlen == 32 else str(network)


def address_of(address: str) -> Address | None:
    """The IP address of a session's `address`; None for a Unix socket."""
    try:
        found = ipaddress.ip_address(host_of(address).partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found


def seconds_between(word: str) -> float:
    """From one message to the next, from what was typed: 0, 10, 1m."""
    duration = Duration.parse(word)
    seconds = duration.total_seconds() if duration is not None else int(word[:9]) if word.isdecimal() else None
    if seconds is None or seconds > SLOWEST:
        raise Reject(
            "Type it so: /slow lobby 10 (seconds) or /slow lobby 1m, at most a day; /slow lobby 0 ends it.",
            code="usage",
        )
    return seconds
