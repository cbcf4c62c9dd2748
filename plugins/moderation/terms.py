"""The words of an order, to and fro: for how long, until when, why, and which addresses."""

import ipaddress
import math
import re
from datetime import UTC, datetime

from greenchat import Reject, host_of, network_of, printable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d+[wdhms])+", re.IGNORECASE)

# What people write who mean a duration: 60, 1hour, 1.5h, +1h, -1h. Taken for a reason, it would be for good.
_LIKE_A_DURATION = re.compile(r"[-+~.,]?\d")

# The longest duration, in seconds: who wants more means "for good".
LONGEST = 10 * 365 * UNITS["d"]

# The slowest that a room may be made, in seconds: a message a day.
SLOWEST = 86_400

# A reason as it is kept, in characters: a line or two on a screen, since who is banned reads it with each try.
WHY_LENGTH = 200


def seconds_of(word: str) -> int | None:
    """How long `word` is, such as 1h30m; None where it is no duration. Raises `Reject` for one that cannot be meant."""
    if _DURATION.fullmatch(word) is None:
        return None
    parts = re.findall(r"(\d+)(\w)", word.lower())
    # Int() of a number as long as a frame takes its time, and no number of ten digits is below LONGEST.
    seconds = sum(int(number[:10]) * UNITS[unit] for number, unit in parts)
    if not 0 < seconds <= LONGEST:
        raise Reject(f"{printable(word)} is too short or too long. Type 30s, 10m, 1h30m, 2d or 1w.", code="usage")
    return seconds


def split_target(text: str) -> tuple[str, str]:
    """Whom an order is about, and what follows, from what was typed behind it with whatever blanks."""
    whom, *rest = text.split(maxsplit=1) or [""]
    return whom, "".join(rest)


def split_terms(text: str) -> tuple[int | None, str]:
    """What follows whom an order is about, `[DURATION] [why]`: seconds or None, and why. Raises `Reject` for what looks
    like a duration and is none: without one, an order may be for good."""
    words = text.split()
    if not words:
        return None, ""
    seconds = seconds_of(words[0])
    if seconds is not None:
        return seconds, reason(" ".join(words[1:]))
    given = words[1] if words[0].lower() == "for" and len(words) > 1 else words[0]
    if _LIKE_A_DURATION.match(given):
        raise Reject(
            f"{printable(given)} is no duration here. Type 30s, 10m, 1h30m, 2d or 1w, without blanks, right behind the "
            "name. Let a reason begin with a word.",
            code="usage",
        )
    return None, reason(" ".join(words))


def reason(text: str) -> str:
    return printable(" ".join(text.split()), WHY_LENGTH)


def duration(seconds: float) -> str:
    """`seconds` in words, by the two largest units: 1h30m. What is left over counts as one more of the smaller."""
    left = max(math.ceil(seconds), 1)
    names = list(UNITS)
    at = next(at for at, name in enumerate(names) if left >= UNITS[name])
    unit, smaller = names[at], names[min(at + 1, len(names) - 1)]
    count, rest = divmod(math.ceil(left / UNITS[smaller]), UNITS[unit] // UNITS[smaller])
    return f"{count}{unit}{rest}{smaller}" if rest else f"{count}{unit}"


def when(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"


def how_long(until: float | None, now: float) -> str:
    return "for good" if until is None else f"for {duration(until - now)}, until {when(until)}"


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
    seconds = int(word[:9]) if word.isdecimal() else seconds_of(word)
    if seconds is None or seconds > SLOWEST:
        raise Reject(
            "Type it so: /slow lobby 10 (seconds) or /slow lobby 1m, at most a day; /slow lobby 0 ends it.",
            code="usage",
        )
    return seconds
