"""TLS on the same port: the certificate, the handshake, and a socket that a session can use like any other."""

import contextlib
import ssl
from pathlib import Path
from typing import Any

from gevent import ssl as gevent_ssl

from greenchat.config.schema import Tls
from greenchat.errors import ConfigError

# The first byte of a TLS connection: a record of the type handshake (RFC 8446, 5.1). No frame begins so.
HELLO = b"\x16"

# The most that one record holds (RFC 8446, 5.1).
RECORD_BYTES = 16 * 1024


class TlsConnection(gevent_ssl.SSLSocket):  # type: ignore[misc]
    """What gevent makes of TLS, and bytes that were read to choose who serves it, and go back: TLS knows no peeking."""

    unread = b""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        if self.unread:
            taken, self.unread = self.unread[:buflen], self.unread[buflen:]
            return taken
        data: bytes = super().recv(buflen, flags)
        return data


def load(tls: Tls) -> Any:
    """What to make TLS with, as configured; None where there is no certificate. Raises `ConfigError`."""
    if not tls.cert:
        if tls.key or tls.required:
            raise ConfigError("tls.cert: a certificate is missing. Name its file, with --tls-cert for instance.")
        return None
    for path, key in ((tls.cert, "cert"), (tls.key, "key")):
        try:
            if path:
                Path(path).read_bytes()
        except OSError as error:
            raise ConfigError(f"tls.{key}: {path} cannot be read: {error.strerror}. Check the path.") from None
    context = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # the library's defaults: TLS 1.2 at least
    context.sslsocket_class = TlsConnection
    try:
        context.load_cert_chain(tls.cert, tls.key or None)
    except ssl.SSLError as error:
        raise ConfigError(
            f"tls.cert: {tls.cert} and {tls.key or 'no key'} do not go together: {error.reason or error}. "
            "Both must be PEM files, and the key the certificate's own, without a pass phrase."
        ) from None
    return context


def shake_hands(context: Any, sock: Any, seconds: float) -> TlsConnection:
    """Make TLS of an accepted socket, within `seconds` (0: for ever). Raises `OSError`, which a timeout is, too."""
    connection: TlsConnection = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    try:
        connection.settimeout(seconds or None)
        connection.do_handshake()
        connection.settimeout(None)
    except BaseException:
        connection.close()
        raise
    return connection


class TlsSocket:
    """A connection as sessions and outboxes know sockets: it never waits, and raises `BlockingIOError` instead."""

    def __init__(self, connection: TlsConnection) -> None:
        connection.settimeout(0)
        self._connection = connection

    def fileno(self) -> int:
        return int(self._connection.fileno())

    def recv(self, size: int) -> bytes:
        """At least a whole record, however small `size` is: of what is left of one, the event loop knows nothing."""
        try:
            return self._connection.recv(max(size, RECORD_BYTES))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def send(self, data: bytes | memoryview) -> int:
        try:
            return int(self._connection.send(data))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def sendmsg(self, buffers: list[bytes | memoryview]) -> int:
        """Of several buffers, the first: TLS has no way to send many at once."""
        return self.send(buffers[0])

    def shutdown(self, how: int) -> None:
        """Tell the other side that nothing more comes, in TLS, and in TCP."""
        with contextlib.suppress(OSError, ValueError):
            self._connection.unwrap()  # says it, and then would wait for the other's answer: we do not
        self._connection.shutdown(how)

    def close(self) -> None:
        self._connection.close()
