"""What is on its way to one connection: a bounded queue of batches that many connections share.

`deliver` sends at once what the kernel takes. What it does not take waits here, as references to the shared batches,
and a watcher of the event loop sends it on: no second greenlet, and nobody waits for the slowest reader.
"""

import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Any

import gevent
from gevent.event import Event

from greenchat.net.backlog import Backlog
from greenchat.net.readable import Readable

log = logging.getLogger("greenchat.outbox")

WRITE = 2  # as the event loop numbers it

# Batches handed to the kernel in one call. Linux takes 1024 at once (IOV_MAX); 64 fill a socket's buffer many times.
BATCHES_A_CALL = 64

# How long a closing connection may still send before it is cut off. Closing with unread bytes would reset the
# connection, and the client might lose the last lines we sent (RFC 1122, 4.2.2.13).
LINGER_SECONDS = 2.0
LINGER_BYTES = 64 * 1024  # read at once, and dropped


def linger(sock: socket.socket, readable: Readable) -> None:
    """Say that nothing more comes, and read what the other side still sends until it has understood."""
    try:
        readable.never_freezes = True
        sock.shutdown(socket.SHUT_WR)
        with gevent.Timeout(LINGER_SECONDS, False):
            while True:
                readable.wait()
                with suppress(BlockingIOError):
                    if not sock.recv(LINGER_BYTES):
                        return
    except OSError:
        pass  # gone already


def deliver(outboxes: "Iterable[Outbox]", data: bytes) -> None:
    """Send `data` to each, now or as soon as the kernel takes it. Never blocks, never raises; a closed one drops it.

    Between two sends as little as possible is done: after a system call the processor runs an interpreter slowly.
    """
    size = len(data)
    for outbox in outboxes:
        try:
            sent = outbox.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            outbox.fail("connection lost")
            continue
        if sent != size:
            outbox.keep(data, sent)


class Outbox:
    """`broken(reason)` is called once when the connection can take no more: too slow, or gone.

    `limit` is in bytes, `patience` in seconds without any progress; 0 for none of either.
    """

    __slots__ = (
        "_backlog",
        "_broken",
        "_drained",
        "_limit",
        "_offset",
        "_patience",
        "_socket",
        "_timer",
        "_waiting",
        "_watcher",
        "bytes_waiting",
        "send",
        "took_at",
    )

    def __init__(
        self, sock: socket.socket, limit: int, patience: float, broken: Callable[[str], None], backlog: Backlog
    ) -> None:
        self._socket = sock
        self._backlog = backlog
        self._limit = limit
        self._patience = patience
        self._broken: Callable[[str], None] | None = broken  # None once closed
        self._waiting: deque[bytes] | None = None
        self._offset = 0  # bytes of the first waiting batch that are sent already
        self.bytes_waiting = 0
        self.took_at = 0.0  # when the kernel last took something of what waits, since the other side has; or it began
        self.send: Callable[[bytes], int] = sock.send  # the socket's own, as long as nothing waits
        self._watcher: Any = None
        self._timer: Any = None
        self._drained: Event | None = None

    def drained(self, timeout: float) -> bool:
        """Wait until nothing waits any more, at most `timeout` seconds; False where something still does."""
        if self._waiting is None:
            return True
        self._drained = Event()
        return bool(self._drained.wait(timeout)) and self._waiting is None

    def carry(self) -> bytes:
        """All that waits."""
        return b"".join(self._waiting)[self._offset :] if self._waiting else b""

    def restore(self, data: bytes) -> None:
        """Send on what has waited in another one for the same connection."""
        if data:
            self.keep(data, 0)

    def close(self) -> None:
        """Drop what waits, and the watchers. To be called before the socket is closed."""
        self._broken = None
        self._rest()
        self.send = len  # takes everything, and drops it

    def fail(self, reason: str) -> None:
        """Take nothing more, and say why: once."""
        broken = self._broken
        self.close()
        if broken is not None:
            broken(reason)

    def keep(self, data: bytes, sent: int) -> None:
        """`sent` bytes of `data` have been taken by the kernel; keep the rest, and send it on when it takes more."""
        self._waiting = deque((data,))
        self._offset = sent
        self.bytes_waiting = len(data) - sent
        self.took_at = time.monotonic()
        self._backlog.begins(self)
        self.send = self._queue
        loop = gevent.get_hub().loop
        self._watcher = loop.io(self._socket.fileno(), WRITE)
        self._watcher.start(self._send_on)
        if self._patience:
            self._timer = loop.timer(self._patience)
            self._timer.start(self._out_of_patience)

    def _queue(self, data: bytes) -> int:
        assert self._waiting is not None
        self._waiting.append(data)
        self.bytes_waiting += len(data)
        self._backlog.bytes += len(data)
        if self._limit and self.bytes_waiting > self._limit:
            self.fail(f"reads too slowly: more than {self._limit} bytes waited for it")
        elif self._backlog.is_full:
            self._backlog.shed()
        return len(data)

    def _send_on(self) -> None:
        # An exception that left a callback would stop the watcher, or end the process.
        try:
            self._send_waiting()
        except BlockingIOError:
            pass
        except OSError:
            self.fail("connection lost")
        except Exception:
            log.exception("sending failed")
            self.fail("internal error")

    def _send_waiting(self) -> None:
        waiting = self._waiting
        if waiting is None:
            return
        first = memoryview(waiting[0])[self._offset :]
        sent = self._socket.sendmsg([first, *islice(waiting, 1, BATCHES_A_CALL)])
        self.bytes_waiting -= sent
        self._backlog.bytes -= sent
        self.took_at = time.monotonic()
        sent += self._offset
        while waiting and sent >= len(waiting[0]):
            sent -= len(waiting.popleft())
        self._offset = sent
        if not waiting:
            self._rest()
        elif self._timer is not None:
            self._timer.again(self._out_of_patience)

    def _out_of_patience(self) -> None:
        self.fail(f"reads too slowly: it took nothing for {self._patience:g} seconds")

    def _rest(self) -> None:
        """Nothing waits any more: back to sending at once."""
        for watcher in (self._watcher, self._timer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        if self._waiting is not None:
            self._backlog.ends(self)
        self._watcher = self._timer = self._waiting = None
        self._offset = self.bytes_waiting = 0
        self.took_at = 0.0
        self.send = self._socket.send
        if self._drained is not None:
            self._drained.set()
