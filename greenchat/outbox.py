"""What is on its way to one connection: a bounded queue of batches that many connections share.

`offer` sends at once what the kernel takes. What it does not take waits here, as references to the shared batches, and
a watcher of the event loop sends it on: no second greenlet, and nobody waits for the slowest reader.
"""

import logging
import socket
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

import gevent
from gevent.event import Event

log = logging.getLogger("greenchat.outbox")

READ, WRITE = 1, 2  # as the event loop numbers them

# Batches handed to the kernel in one call. Linux takes 1024 at once (IOV_MAX); 64 fill a socket's buffer many times.
BATCHES_A_CALL = 64


class Outbox:
    """`broken(reason)` is called once when the connection can take no more: too slow, or gone.

    `limit` is in bytes, `patience` in seconds without any progress; 0 for none of either.
    """

    __slots__ = (
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
    )

    def __init__(self, sock: socket.socket, limit: int, patience: float, broken: Callable[[str], None]) -> None:
        self._socket = sock
        self._limit = limit
        self._patience = patience
        self._broken: Callable[[str], None] | None = broken  # None once closed
        self._waiting: deque[bytes] | None = None
        self._offset = 0  # bytes of the first waiting batch that are sent already
        self.bytes_waiting = 0
        self._watcher: Any = None
        self._timer: Any = None
        self._drained: Event | None = None

    def offer(self, data: bytes) -> None:
        """Send `data`, now or as soon as the kernel takes it. Never blocks, never raises; nothing once closed."""
        if self._waiting is not None:
            self._waiting.append(data)
            self.bytes_waiting += len(data)
            if self._limit and self.bytes_waiting > self._limit:
                self._break(f"reads too slowly: more than {self._limit} bytes waited for it")
            return
        if self._broken is None:
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._break("connection lost")
            return
        if sent != len(data):
            self._wait(data, sent)

    def drained(self, timeout: float) -> bool:
        """Wait until nothing waits any more, at most `timeout` seconds; False where something still does."""
        if self._waiting is None:
            return True
        self._drained = Event()
        return bool(self._drained.wait(timeout)) and self._waiting is None

    def close(self) -> None:
        """Drop what waits, and the watchers. To be called before the socket is closed."""
        self._broken = None
        self._rest()

    def _wait(self, data: bytes, sent: int) -> None:
        self._waiting = deque((data,))
        self._offset = sent
        self.bytes_waiting = len(data) - sent
        loop = gevent.get_hub().loop
        self._watcher = loop.io(self._socket.fileno(), WRITE)
        self._watcher.start(self._send_on)
        if self._patience:
            self._timer = loop.timer(self._patience)
            self._timer.start(self._out_of_patience)

    def _send_on(self) -> None:
        # An exception that left a callback would stop the watcher, or end the process.
        try:
            self._send_waiting()
        except BlockingIOError:
            pass
        except OSError:
            self._break("connection lost")
        except Exception:
            log.exception("sending failed")
            self._break("internal error")

    def _send_waiting(self) -> None:
        waiting = self._waiting
        if waiting is None:
            return
        first = memoryview(waiting[0])[self._offset :]
        sent = self._socket.sendmsg([first, *islice(waiting, 1, BATCHES_A_CALL)])
        self.bytes_waiting -= sent
        sent += self._offset
        while waiting and sent >= len(waiting[0]):
            sent -= len(waiting.popleft())
        self._offset = sent
        if not waiting:
            self._rest()
        elif self._timer is not None:
            self._timer.again(self._out_of_patience)

    def _out_of_patience(self) -> None:
        self._break(f"reads too slowly: it took nothing for {self._patience:g} seconds")

    def _break(self, reason: str) -> None:
        broken, self._broken = self._broken, None
        self._rest()
        if broken is not None:
            broken(reason)

    def _rest(self) -> None:
        """Nothing waits any more: back to sending at once."""
        for watcher in (self._watcher, self._timer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._watcher = self._timer = self._waiting = None
        self._offset = self.bytes_waiting = 0
        if self._drained is not None:
            self._drained.set()
