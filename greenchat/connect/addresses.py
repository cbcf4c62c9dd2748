"""Where a server is, as two arguments of a command say it, or one."""

from greenchat.errors import ConfigError, GreenchatError
from greenchat.protocol.address import UNIX, parse_port, parse_server
from greenchat.protocol.text import printable


def where(address: str | None, port: str | None) -> tuple[str | None, int | None]:
    """Host and port, as two arguments of a command or as one: `HOST PORT`, `HOST:PORT`. Raises `ConfigError`."""
    if address is None:
        return None, None
    try:
        host, found = parse_server(address)
        if port is None:
            return host, found
        if found is not None or host.startswith(UNIX):
            raise ConfigError(
                f"{printable(address)} says where the server is, port and all. Leave {printable(port)} out."
            )
        return host, parse_port(port)
    except GreenchatError as error:
        raise ConfigError(str(error)) from None
