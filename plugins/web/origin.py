"""Who may ask: under which names this server is asked for, from which pages, and through which proxies.

A page anywhere can make a browser ask servers that only that browser can reach. Two headers tell: Host, where somebody
has pointed a name of their own at this machine (DNS rebinding), and Origin, the page that opens a WebSocket.
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from fnmatch import fnmatchcase

from greenchat import ConfigError, host_of, printable

from .http import Refusal, Request

# Names with these ends, and those without a dot, are nobody's on the Internet, so nobody can point them here from
# there: RFC 6761, 6762 and 8375; "internal" is kept by ICANN, "lan" is what many routers use.
PRIVATE_NAMES = (".localhost", ".local", ".home.arpa", ".internal", ".lan")

DEFAULT_PORTS = {"http": 80, "https": 443}

# What a trusted proxy is called that comes by a Unix socket: it has no address.
UNIX = "unix"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class OriginPolicy:
    """What the settings allow. `hosts` may have `*` in them; `proxies` are addresses, networks, or "unix". Raises
    `ConfigError` where one is none."""

    def __init__(self, hosts: Sequence[str], origins: Sequence[str], proxies: Sequence[str]) -> None:
        self._hosts = [host.lower() for host in (*hosts, socket.gethostname())]
        self._origins = [origin.lower().rstrip("/") for origin in origins]
        self._unix = UNIX in proxies
        try:
            self._proxies = [ipaddress.ip_network(proxy) for proxy in proxies if proxy != UNIX]
        except ValueError as error:
            raise ConfigError(
                f"plugins.web.trusted_proxies: {error}. Write addresses, networks such as 10.0.0.0/8, or unix."
            ) from None

    def is_proxy(self, host: str) -> bool:
        """Whether what a connection from `host`, an address or empty, forwards is believed."""
        if not host:
            return self._unix
        address = _address(host)
        return address is not None and any(address in network for network in self._proxies)

    def client(self, address: str, request: Request) -> str:
        """Whose request it is, as HOST:PORT: that of the connection's `address`, or who a trusted proxy says it is. Of
        several, it is the last one that is no trusted proxy: all before it can be made up."""
        client = address
        for forwarded in reversed(request.values("x-forwarded-for")):
            if not self.is_proxy(host_of(client)):
                break
            host = _address(_without_port(forwarded))
            if host is None:
                break  # nothing to go on with: it was the last one that we know of
            client = f"[{host}]:0" if host.version == 6 else f"{host}:0"
        return client

    def is_secure(self, address: str, request: Request) -> bool:
        """Whether a trusted proxy says that it was asked over TLS."""
        return self.is_proxy(host_of(address)) and request.value("x-forwarded-proto").lower() == "https"

    def check_host(self, authority: str, *, secure: bool) -> None:
        """Raises `Refusal` unless this server may be asked for as `authority`, HOST[:PORT]. Over TLS it may be under
        any name: browsers have seen a certificate for it."""
        place = _split(authority)
        if place is None:
            raise Refusal(400, "The Host header is not HOST or HOST:PORT.")
        host = place[0]
        if secure or _address(host) is not None or "." not in host or host.endswith(PRIVATE_NAMES):
            return
        if not any(fnmatchcase(host, allowed) for allowed in self._hosts):
            raise Refusal(
                421,
                f"This server is not known as {printable(host, 80)}. If it is yours, add that name to the setting "
                "plugins.web.hosts.",
            )

    def check_origin(self, origin: str, authority: str) -> None:
        """Raises `Refusal` unless a page of `origin` may open a WebSocket here, at `authority`. Programs other than
        browsers send none, and may: they could send any."""
        if not origin or "*" in self._origins or origin.lower() in self._origins:
            return
        scheme, _, place = origin.lower().partition("://")
        default = DEFAULT_PORTS.get(scheme)
        if default is None or _split(place, default) is None or _split(place, default) != _split(authority, default):
            raise Refusal(
                403,
                f"Pages of {printable(origin, 80)} may not connect here. If they are yours, add that origin to the "
                "setting plugins.web.origins; behind a proxy, let it pass the Host header on.",
            )


def _address(host: str) -> Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _without_port(forwarded: str) -> str:
    """The address in an entry of X-Forwarded-For, to which some proxies add a port."""
    match = re.fullmatch(r'"?(?:\[([^]]+)\](?::\d+)?|([^:]+):\d+)"?', forwarded)
    return (match[1] or match[2]) if match else forwarded


def _split(authority: str, default: int = 80) -> tuple[str, int] | None:
    """Host, in lower case, without the dot that may end it, and port of HOST[:PORT]; None where it is none."""
    match = re.fullmatch(r"(\[[^][]+\]|[^][:@/\s]+)(?::(\d{0,5}))?", authority.lower())
    return (match[1].removesuffix("."), int(match[2] or default)) if match else None
