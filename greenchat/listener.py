"""Accepting connections, also when the machine has no more file descriptors for them."""

import errno
import logging
import socket
from typing import Any

import gevent
from gevent.server import StreamServer

log = logging.getLogger("greenchat.listener")

# How long nobody is let in when descriptors have run out: long enough for some to be closed, and not felt by who waits.
PAUSE_SECONDS = 1.0

# Probes without an answer after which a silent connection is given up, and seconds between two of them.
PROBES = 4
PROBE_SECONDS = 15


class Listener(StreamServer):  # type: ignore[misc]
    """A `StreamServer` that outlasts the end of file descriptors: those connected are served on, the log is told once,
    and who knocks waits in the kernel's queue until there are some again."""

    _starved = False

    def do_read(self) -> Any:
        try:
            accepted = super().do_read()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._pause(error)
            return None
        if self._starved and accepted:
            self._starved = False
            log.warning("there are file descriptors again: connections are accepted")
        return accepted

    def _pause(self, error: OSError) -> None:
        if not self._starved:
            self._starved = True
            log.error(
                "no new connections: %s. Raise the limit (ulimit -n), or lower limits.connections", error.strerror
            )
        self.stop_accepting()
        gevent.spawn_later(PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self.started:
            self.start_accepting()


def prepare(sock: Any, probe_after: float) -> None:
    """Set an accepted connection's options: no waiting to fill packets; a peer that has gone without a word is found.

    `probe_after` is in seconds of silence, 0 for no probes. Raises `OSError` where the connection has gone already.
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not probe_after:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {"TCP_KEEPIDLE": max(1, round(probe_after)), "TCP_KEEPINTVL": PROBE_SECONDS, "TCP_KEEPCNT": PROBES}
    for option, value in options.items():
        if hasattr(socket, option):  # macOS has no TCP_KEEPIDLE
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
