"""Which server a command asks that works on one of this machine: by its address, or by its data directory."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from greenchat.client import Client, UnreachableError
from greenchat.connect.common import DEFAULT_HOST, DEFAULT_PORT
from greenchat.connect.options import where
from greenchat.errors import GreenchatError
from greenchat.net.encryption import Encryption
from greenchat.protocol.address import UNIX, parse_server
from greenchat.storage.whereabouts import Whereabouts, find


class Nearby(NamedTuple):
    """The server at an address, as `where` takes it; or, without, the one that keeps its files in `data_dir`. Unless
    that `is_named`, the server on the usual port will do as well. Without an `encryption`, there is as much as that
    server wants."""

    address: str | None
    port: str | None
    data_dir: Path
    is_named: bool
    encryption: Encryption | None = None

    def connect(self) -> Client:
        """Raises `ConfigError`, and `ClientError` where it cannot be reached."""
        host, port = where(self.address, self.port)
        if host is not None:
            return Client.connect(host, port or DEFAULT_PORT, encryption=self.encryption)
        found = self._found()
        problem = UnreachableError(self._nobody())
        for host, port, encryption in self._ways(found):
            try:
                return Client.connect(host, port, encryption=encryption)
            except UnreachableError as error:
                if found is not None and self.is_named:
                    told = f"The server on {self.data_dir} does not answer, if it still runs. {error}"
                    problem = UnreachableError(told)
                else:
                    problem = error
        raise problem

    def _found(self) -> Whereabouts | None:
        try:
            return find(self.data_dir)
        except GreenchatError as error:
            if self.is_named:
                raise UnreachableError(str(error)) from None
            return None

    def _ways(self, found: Whereabouts | None) -> Iterator[tuple[str, int, Encryption | None]]:
        for address in found.local if found is not None else ():
            host, port = parse_server(address)
            encryption = self.encryption
            if encryption is None and found is not None and found.needs_tls and not host.startswith(UNIX):
                # Its certificate is for the name by which others come; what is said stays on this machine.
                encryption = Encryption(insecure=True)
            yield host, port or DEFAULT_PORT, encryption
        if found is not None and not found.local and self.is_named:
            raise UnreachableError(
                f"The server on {self.data_dir} listens on {' and '.join(found.addresses) or 'no address'} alone, "
                "where it takes you for somebody of another machine. Have it listen on unix:/path or 127.0.0.1 as well."
            )
        if not self.is_named:
            yield DEFAULT_HOST, DEFAULT_PORT, self.encryption

    def _nobody(self) -> str:
        if not self.data_dir.is_dir():
            return f"There is no directory {self.data_dir}. Say where the server keeps its files with --data-dir."
        return f"No server runs on {self.data_dir}. Start one with `greenchat serve`, or check --data-dir."
