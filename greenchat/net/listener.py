"""Listening: on which sockets, and accepting from them also when the machine has no more file descriptors."""

import contextlib
import errno
import logging
import os
import re
import resource
import socket as standard
import stat
from collections.abc import Iterator, Sequence
from typing import Any

import gevent
from gevent import socket
from gevent.server import StreamServer
from greenlet import greenlet

from greenchat.errors import ConfigError, GreenchatError
from greenchat.refusals import explain

log = logging.getLogger("greenchat.listener")

# How long nobody is let in when descriptors have run out: long enough for some to be closed, and not felt by who waits.
PAUSE_SECONDS = 1.0

# Connections the kernel keeps while the loop is busy: after a restart all clients come back at once.
BACKLOG = 1024

# What accepting fails with where there is too little of something, which is so for a while.
STARVED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

# Descriptors that connections leave to the rest of the server: its databases, which are opened again after a failure,
# and what it reads and writes besides. Of a small limit, no more than a part.
SPARE_DESCRIPTORS = 32
SPARE_PART = 4

# The longest path of a socket that all systems take, in bytes: macOS has room for 104 with the zero at its end.
LONGEST_PATH = 103

# Probes without an answer after which a silent connection is given up, and seconds between two of them.
PROBES = 4
PROBE_SECONDS = 15


class Listener(StreamServer):  # type: ignore[misc]
    """A `StreamServer` that outlasts the end of file descriptors, or memory: those connected are served on, the log is
    told once, and who knocks waits in the kernel's queue until there is some again."""

    _starved = False
    _frozen = False

    def do_handle(self, sock: Any, address: Any) -> None:
        """Have who serves it get both in a list, to be emptied, and close the socket: what a greenlet begins with it
        keeps as long as it lives, and that is 0.5 KB for each connection. As `gevent.spawn_raw`, but for what that
        notes of who has spawned it: 0.3 KB more."""
        serving = greenlet(self._handle, gevent.get_hub())
        self.loop.run_callback(serving.switch, [sock, address])

    def freeze(self) -> None:
        """Accept nobody for now: who knocks waits in the kernel's queue."""
        self._frozen = True
        self.stop_accepting()

    def thaw(self) -> None:
        self._frozen = False
        self._go_on()

    def do_read(self) -> Any:
        try:
            self._leave_some()
            accepted = super().do_read()
        except OSError as error:
            if error.errno not in STARVED:
                raise
            self._pause(error)
            return None
        if self._starved and accepted is None:  # all who have waited are in
            self._starved = False
            log.warning("there is enough again: connections are accepted")
        return accepted

    def let_the_last_in(self) -> None:
        """Accept those who wait already, and let nobody come after them, wherever else the socket is open."""
        with contextlib.suppress(OSError):
            while accepted := self.do_read():
                self.do_handle(*accepted)
            self.socket.shutdown(standard.SHUT_RDWR)

    def _leave_some(self) -> None:
        """Raises `OSError` where no more descriptors are left than the rest of the server needs. The lowest that is
        free is always the next, so that its number tells how many there are."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit == resource.RLIM_INFINITY:
            return
        following = os.dup(self.socket.fileno())
        os.close(following)
        if following >= limit - min(SPARE_DESCRIPTORS, limit // SPARE_PART):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def _pause(self, error: OSError) -> None:
        if not self._starved:
            self._starved = True
            log.error("no new connections: %s", explain(error))
        self.stop_accepting()
        gevent.spawn_later(PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self.started and not self._frozen:
            self.start_accepting()


# How much the kernel takes of what a client does not read, in bytes; the rest waits in its outbox, where it is counted,
# and shared with others. Linux would take 4 MB for each that reads nothing. It limits nobody who reads: what is on its
# way to them is not counted.
UNSENT_BYTES = 512 * 1024


def prepare(sock: Any, probe_after: float) -> None:
    """Set an accepted connection's options: no waiting to fill packets; a peer that has gone without a word is found.

    `probe_after` is in seconds of silence, 0 for no probes. Raises `OSError` where the connection has gone already.
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    if not probe_after:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    silence = max(1, round(probe_after))
    options = {
        "TCP_KEEPIDLE": silence,
        "TCP_KEEPALIVE": silence,  # what macOS calls it
        "TCP_KEEPINTVL": PROBE_SECONDS,
        "TCP_KEEPCNT": PROBES,
        # While something is on its way there are no probes, but retransmissions, for a quarter of an hour. In ms.
        "TCP_USER_TIMEOUT": (silence + PROBES * PROBE_SECONDS) * 1000,
    }
    for option, value in options.items():
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def detached(sock: Any) -> standard.socket:
    """A plain socket of the standard library instead of gevent's: a session does its own waiting."""
    bare = standard.socket(sock.family, sock.type, sock.proto, sock.detach())
    bare.setblocking(False)
    return bare


def adopted(descriptor: int) -> Any:
    """The socket that listens already on a `descriptor`, which is no program's that is started from here. Raises
    `OSError` where it is none."""
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


def listen(address: str, beside: Sequence[Any] = ()) -> Any:
    """A socket that listens on "HOST:PORT", "[IPv6]:PORT" or "unix:/path". `[::]` takes IPv4 as well. It may be a part
    of what one of those listens on that are `beside` it, or more than that, where the system allows it.

    Raises `ConfigError` for what is no address, `GreenchatError` where it cannot be had.
    """
    try:
        return _unix(address.removeprefix("unix:")) if address.startswith("unix:") else _tcp(address, beside)
    except OSError as error:
        raise GreenchatError(f"Cannot listen on {address}: {_problem(address, error)}") from None


# What is wrong with an address, and what to do. `explain` knows the rest.
_TCP_PROBLEMS = {
    errno.EADDRINUSE: "Address already in use. Is a server running there already? Choose another port with --port, or "
    "another address with --listen.",
    errno.EADDRNOTAVAIL: "This machine has no such address. Name one that it has, or 0.0.0.0 for all of them.",
    errno.EACCES: "Permission denied. Ports below 1024 are not for everybody: let systemd keep it, or choose another.",
    errno.EAFNOSUPPORT: "This machine has no addresses of that kind. Without IPv6, name one of IPv4.",
    errno.EINVAL: "It cannot be listened on. A link-local one needs its interface: [fe80::1%eth0]:9999.",
}
_UNIX_PROBLEMS = {
    errno.EADDRINUSE: "Address already in use. Is a server running there already? Choose another path.",
    errno.EEXIST: "There is another file in its place. Move it away, or choose another path.",
    errno.ENOENT: "There is no such directory. Make it, or choose another path.",
    errno.EACCES: "Permission denied. The server's user may not make files in that directory.",
    errno.ENAMETOOLONG: "The path is too long for a socket. Choose one of at most 100 characters.",
}


def _problem(address: str, error: OSError) -> str:
    if isinstance(error, standard.gaierror):
        return "There is no host of that name. Check the spelling, or write its address in numbers."
    problems = _UNIX_PROBLEMS if address.startswith("unix:") else _TCP_PROBLEMS
    return problems.get(error.errno or 0) or explain(error)


def _tcp(address: str, beside: Sequence[Any]) -> Any:
    match = re.fullmatch(r"(?:\[([^]]+)\]|([^:]*)):(\d{1,5})", address)
    if match is None or int(match[3]) > 65535:
        raise ConfigError(f"server.listen: {address} is no address. Write HOST:PORT, [IPv6]:PORT or unix:/path.")
    found = standard.getaddrinfo(
        match[1] or match[2] or None, int(match[3]), type=standard.SOCK_STREAM, flags=standard.AI_PASSIVE
    )
    family, kind, protocol, _, where = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        with _shared([sock, *(one for one in beside if _port_of(one) == where[1])]):
            sock.bind(where)
            sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _port_of(sock: Any) -> int | None:
    return sock.getsockname()[1] if sock.family in (socket.AF_INET, socket.AF_INET6) else None


@contextlib.contextmanager
def _shared(sockets: Sequence[Any]) -> Iterator[None]:
    """While these may have the same port, if they are several: no other program's, unless it asks for that, too."""
    shares = len(sockets) > 1 and hasattr(socket, "SO_REUSEPORT")
    for sock in sockets if shares else ():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        yield
    finally:
        for sock in sockets if shares else ():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)


def _unix(path: str) -> Any:
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if len(os.fsencode(path)) > LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        sock.bind(path)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_stale(path: str) -> None:
    """Remove a socket that nobody listens on any more, as a server that was killed leaves it."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        with standard.socket(standard.AF_UNIX, standard.SOCK_STREAM) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)


def close(listener: Listener) -> None:
    """Listen no more, and take the file of a Unix socket away."""
    path = listener.socket.getsockname() if listener.socket.family == socket.AF_UNIX else ""
    listener.close()
    if path:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def name_of(listener: Listener) -> str:
    """What a listener listens on, as `listen` takes it, with the real port."""
    name = listener.socket.getsockname()
    if listener.socket.family == socket.AF_UNIX:
        # An abstract socket, which has no file, begins with a zero byte and is written with an @.
        return f"unix:@{name[1:].decode()}" if isinstance(name, bytes) else f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
