"""HOST:PORT: as people write it, to reach a server that listens there, and as a server tells where somebody is."""

import ipaddress
import re
from functools import lru_cache

from greenchat.errors import GreenchatError
from greenchat.protocol.text import printable


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT", where an IPv6 host stands in brackets. Raises `GreenchatError`."""
    match = re.fullmatch(r"(?:\[([^][]+)\]|([^][:\s]+)):([0-9]{1,5})", address)
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise GreenchatError(
            f"{printable(address)!r} is no HOST:PORT. Write it like 127.0.0.1:9999, example.org:9999 or [::1]:9999."
        )
    return match[1] or match[2], int(match[3])


# What a host is written with that is the path of a Unix socket.
UNIX = "unix:"


def parse_server(address: str) -> tuple[str, int | None]:
    """Host and port of the server that somebody wants to reach: "HOST", "HOST:PORT", "IPv6", "[IPv6]:PORT" or
    "unix:/path", which is a host of its own. None for a port that is left out. Raises `GreenchatError`.
    """
    address = address.strip()
    shown = printable(address)
    if address.startswith(UNIX):
        if len(address) == len(UNIX):
            raise GreenchatError("unix: lacks the path of the socket. Write it like unix:/run/chat.sock.")
        return address, None
    if "://" in address:
        what = "the address of a page" if address.lower().startswith("http") else "no address of a chat"
        raise GreenchatError(f"{shown} is {what}. Write host and port, like chat.example.org:9999.")
    match = re.fullmatch(r"(?:\[([^][]*)\]|([^][:\s]*))(?::([^:]*))?", address)
    if match is None:
        if not _is_ipv6(address):
            raise GreenchatError(f"{shown} is no address. Write HOST:PORT, [IPv6]:PORT or unix:/path.")
        return address, None
    host, port = match[1] or match[2], match[3]
    if not host:
        raise GreenchatError(f"{shown} lacks the host. Write HOST:PORT, [IPv6]:PORT or unix:/path.")
    if match[1] and not _is_ipv6(host):
        raise GreenchatError(f"{printable(host)} is no IPv6 address. Only those stand in brackets.")
    return host, None if port is None else parse_port(port)


def parse_port(port: str) -> int:
    """Raises `GreenchatError`."""
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise GreenchatError(f"{printable(port)!r} is no port. Ports are numbers from 1 to 65535.")
    return int(port)


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def host_of(address: str) -> str:
    """The host in a session's `address`, "HOST:PORT" or "[IPv6]:PORT", without brackets: "192.0.2.1", "2001:db8::1" or
    "fe80::1%eth0". Empty for a Unix socket, "unix"."""
    return address.rpartition(":")[0].strip("[]")


@lru_cache(maxsize=10_000)  # all connections are looked through for one, now and then
def network_of(host: str) -> str:
    """The part of an address that stands for one customer: all of IPv4, the first 64 bits of IPv6 (RFC 6177)."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def is_local(address: str) -> bool:
    """Whether `address`, as a session has it, is on this machine: of the loopback network, or a Unix socket."""
    if address == "unix":
        return True
    host = ipaddress.ip_address(host_of(address).partition("%")[0])
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is not None:
        return host.ipv4_mapped.is_loopback
    return host.is_loopback
