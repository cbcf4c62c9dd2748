"""HOST:PORT: as people write it, to reach a server that listens there, and as a server tells where somebody is."""

import re

from greenchat.errors import GreenchatError
from greenchat.text import printable


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT", where an IPv6 host stands in brackets. Raises `GreenchatError`."""
    match = re.fullmatch(r"(?:\[([^][]+)\]|([^][:\s]+)):([0-9]{1,5})", address)
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise GreenchatError(
            f"{printable(address)!r} is no HOST:PORT. Write it like 127.0.0.1:9999, example.org:9999 or [::1]:9999."
        )
    return match[1] or match[2], int(match[3])


def host_of(address: str) -> str:
    """The host in a session's `address`, "HOST:PORT" or "[IPv6]:PORT", without brackets: "192.0.2.1", "2001:db8::1" or
    "fe80::1%eth0". Empty for a Unix socket, "unix"."""
    return address.rpartition(":")[0].strip("[]")
