"""The socket of a client: bytes out, frames in. No thread, and no event loop."""

import errno
import math
import select
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress

from greenchat.client.errors import DisconnectedError, UnreachableError
from greenchat.codecs import ReplyDecoder
from greenchat.codecs.jsonlines import JsonCodec, JsonReplyDecoder
from greenchat.codecs.plain import PlainCodec
from greenchat.net.encryption import NOT_READY, Encryption, explain
from greenchat.protocol.address import UNIX
from greenchat.protocol.events import Event
from greenchat.protocol.requests import Frame
from greenchat.protocol.text import printable
from greenchat.refusals import explain as explain_refusal

# What is read at once: as much as the server reads, so that neither has to be called more often than the other.
READ_BYTES = 64 * 1024

# A connection that nobody uses is probed by the kernel after a minute of silence, and given up after another: a server
# whose machine has gone without a word is noticed while one still remembers what one was talking about.
KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}

# Why a server cannot be reached, and what to do.
_PROBLEMS = {
    errno.ENETUNREACH: "There is no way to that network. Check your own connection.",
    errno.ENETDOWN: "Your network is down. Check your own connection.",
    errno.EHOSTUNREACH: "No machine answers there. Check the address, and whether that machine is on.",
    errno.EHOSTDOWN: "No machine answers there. Check the address, and whether that machine is on.",
    errno.ECONNRESET: "It has closed the connection at once. Check whether a chat server listens at that port.",
    errno.EADDRNOTAVAIL: "No address of this machine leads there. Check the address.",
    errno.EACCES: "A rule of this machine forbids it. Ask who looks after its firewall.",
    errno.EPERM: "A rule of this machine forbids it. Ask who looks after its firewall.",
    errno.EINVAL: "It is no address that can be connected to. Check it.",
}

# How much of a path is told, in characters: Linux takes no longer one for a socket.
PATH_LENGTH = 120

JSON = JsonCodec()
PLAIN = PlainCodec()


# What `UnreachableError` says where there is no host of that name.
NO_HOST = "There is no host called {}. Check the spelling, and your network."


def open_socket(host: str, port: int, timeout: float, encryption: Encryption | None) -> tuple[socket.socket, str]:
    """A socket that is connected, and "HOST:PORT"; waits at most `timeout` seconds for each address of `host`. One that
    is "unix:/path" has no port.

    Raises `UnreachableError`.
    """
    if host.startswith(UNIX):
        sock = _unix_socket(host, timeout)
        # A certificate is for a name, and a path has none: it is the one of this machine.
        return (sock if encryption is None else _encrypted(sock, encryption, "localhost", host)), host
    if not 0 < port < 65536:
        raise UnreachableError(f"{port} is no port. Ports are numbers from 1 to 65535.")
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        sock = socket.create_connection((host, port), timeout)
    except (socket.gaierror, UnicodeError):
        problem = NO_HOST.format(printable(host))
    except ConnectionRefusedError:
        problem = f"No server listens at {where}. Start one there with `greenchat serve`, or check host and port."
    except TimeoutError:
        problem = f"{where} does not answer. Check the address, and the firewalls on the way."
    except OSError as error:
        problem = f"{where} cannot be reached: {_PROBLEMS.get(error.errno or 0) or explain_refusal(error)}"
    else:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # what is typed goes out at once
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
        for option, value in KEEPALIVE.items():
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        return (sock if encryption is None else _encrypted(sock, encryption, host, where)), where
    raise UnreachableError(problem)


def _unix_socket(address: str, timeout: float) -> socket.socket:
    shown = printable(address, PATH_LENGTH)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    try:
        sock.connect(address.removeprefix(UNIX))
    except (FileNotFoundError, NotADirectoryError):
        problem = f"There is no socket {shown}. Start a server with `greenchat serve --listen`, or check the path."
    except ConnectionRefusedError:
        problem = f"No server listens at {shown}. Start one there with `greenchat serve --listen`."
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        problem = f"{shown} cannot be reached: {why}. Check the path, and who may use it."
    else:
        return sock
    sock.close()
    raise UnreachableError(problem)


def _encrypted(sock: socket.socket, encryption: Encryption, host: str, where: str) -> socket.socket:
    try:
        context = encryption.context()
    except OSError as error:
        sock.close()
        raise UnreachableError(f"{encryption.cafile} cannot be used: {error.strerror}. Name a PEM file.") from None
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except OSError as error:
        sock.close()
        raise UnreachableError(explain(error, host, where)) from None


class Connection:
    """A connected socket. `outgoing` is what waits to be sent, `end` why the connection has ended, once it has."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._poll = select.poll()
        self._decoder: ReplyDecoder | None = None  # the server's first byte chooses it
        self._finished = False
        self.outgoing = bytearray()
        self.end = ""

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def speaks_json(self) -> bool:
        """Whether what has come was JSON."""
        return isinstance(self._decoder, JsonReplyDecoder)

    def send(self, data: bytes) -> None:
        """Send `data` now, or as soon as the server reads it. Raises `DisconnectedError`."""
        if self.end:
            raise DisconnectedError(self.end)
        self.outgoing += data
        self._flush()

    def exchange(self, deadline: float | None) -> Sequence[Event | Frame] | None:
        """Send what waits and return what has come, once the socket is ready; None if it is not until `deadline`, in
        seconds of `time.monotonic`."""
        self._poll.register(self._socket, select.POLLIN | (select.POLLOUT if self.outgoing else 0))
        timeout = None if deadline is None else max(0, math.ceil((deadline - time.monotonic()) * 1000))
        ready = self._poll.poll(timeout)
        if not ready:
            return None
        ((_, events),) = ready
        if events & select.POLLOUT:
            self._flush()
        return self._read() if events & ~select.POLLOUT else ()

    def finish(self) -> None:
        """Nothing more will be sent: say so once all has been. (Not in TLS, which would end in both directions.)"""
        self._finished = not isinstance(self._socket, ssl.SSLSocket)
        self._flush()

    def close(self, why: str) -> None:
        """Close the socket at once."""
        self._ended(why)
        self._socket.close()

    def _flush(self) -> None:
        try:
            del self.outgoing[: self._socket.send(self.outgoing)]
        except NOT_READY:
            pass
        except OSError:
            self.outgoing.clear()  # the server has gone; its last words are still to be read
        if self._finished and not self.outgoing:
            self._finished = False
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _read(self) -> Sequence[Event | Frame]:
        try:
            data = self._socket.recv(READ_BYTES)
        except NOT_READY:
            return ()
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        except OSError as error:
            self._ended(f"The connection to the server was lost: {error.strerror}.")
            return ()
        if not data:
            self._ended("The server has closed the connection.")
            return ()
        if self._decoder is None:
            # Who is turned away before having said a word may be told so in a plain frame.
            self._decoder = (JSON if data.startswith(b"{") else PLAIN).reply_decoder()
        return self._decoder.feed(data)

    def _ended(self, why: str) -> None:
        if not self.end:
            self.end = why
            self.outgoing.clear()
