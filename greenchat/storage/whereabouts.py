"""Where a running server can be asked from its own machine, laid down in its data directory: who knows that need not
know the address, nor whether it wants TLS."""

import contextlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from greenchat.errors import GreenchatError
from greenchat.refusals import explain
from greenchat.storage.datadir import ADDRESSES_FILE, open_private

log = logging.getLogger("greenchat.server")

# What stands for all addresses of a machine, and those by which it reaches itself then.
WILDCARDS = {"0.0.0.0": ["127.0.0.1"], "[::]": ["[::1]", "127.0.0.1"]}

# Who comes by those, or by a Unix socket, is on the same machine for the server.
LOOPBACK = ("127.", "[::1]")

UNIX = "unix:"
ABSTRACT = "unix:@"  # no client of ours comes by one


class Whereabouts(Struct):
    """`addresses` are those that the server listens on, as `server.listen` is written, with real ports. With
    `needs_tls` it takes no clear text but by Unix sockets."""

    addresses: list[str]
    needs_tls: bool = False

    @property
    def local(self) -> list[str]:
        """By which addresses the server takes who comes for one of its own machine, the best first."""
        found = [address for address in self.addresses if address.startswith(UNIX)]
        found = [address for address in found if not address.startswith(ABSTRACT)]
        for address in self.addresses:
            host, _, port = address.rpartition(":")
            hosts = [] if address.startswith(UNIX) else WILDCARDS.get(host, [host])
            found += [f"{one}:{port}" for one in hosts if one.startswith(LOOPBACK)]
        return list(dict.fromkeys(found))


def lay_down(data_dir: Path, addresses: Iterable[str], *, needs_tls: bool) -> None:
    """Write it where who may read the data directory finds it, all at once."""
    path = data_dir / ADDRESSES_FILE
    new = path.with_name(f"{ADDRESSES_FILE}.new")
    try:
        new.unlink(missing_ok=True)  # one that others could read would stay so
        with open_private(new) as file:
            file.write(msgspec.json.encode(Whereabouts(_absolute(addresses), needs_tls)).decode())
        new.replace(path)
    except OSError as error:
        log.error(
            "%s cannot be written, so greenchat reload and greenchat status need the server's address: %s",
            path,
            error.strerror,
        )


def take_away(data_dir: Path) -> None:
    """No server runs there any more."""
    with contextlib.suppress(OSError):
        (data_dir / ADDRESSES_FILE).unlink(missing_ok=True)


def find(data_dir: Path) -> Whereabouts | None:
    """What the server on `data_dir` has laid down, which may have been killed meanwhile; None where there is nothing.
    Raises `GreenchatError` where it cannot be read."""
    path = data_dir / ADDRESSES_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Whereabouts)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GreenchatError(f"{path} cannot be read: {explain(error)} Ask as the server's user, or as root.") from None
    except msgspec.MsgspecError:
        raise GreenchatError(f"{path} does not say where the server listens. Name the address.") from None


def _absolute(addresses: Iterable[str]) -> list[str]:
    return [
        UNIX + os.path.abspath(address.removeprefix(UNIX))
        if address.startswith(UNIX) and not address.startswith(ABSTRACT)
        else address
        for address in addresses
    ]
