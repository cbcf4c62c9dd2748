"""The socket of a client, as a loop watches it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from greenchat.client import Client


class Watch:
    """`ready` is called when there is something to read, or more can be written."""

    def __init__(self, ready: Callable[[], None]) -> None:
        self._ready = ready
        self._descriptor = -1
        self._writes = False

    def on(self, client: Client) -> None:
        """Its socket is another one once it has come back by itself. One that has ended is not watched."""
        loop, descriptor = asyncio.get_running_loop(), client.fileno()
        if descriptor != self._descriptor:
            self.off()
            if descriptor < 0:
                return
            loop.add_reader(descriptor, self._ready)
            self._descriptor = descriptor
        writes = client.backlog > 0
        if writes != self._writes:
            self._writes = writes
            if writes:
                loop.add_writer(descriptor, self._ready)
            else:
                loop.remove_writer(descriptor)

    def off(self) -> None:
        if self._descriptor < 0:
            return
        with suppress(RuntimeError):  # the loop has ended, and watches nothing
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._descriptor)
            loop.remove_writer(self._descriptor)
        self._descriptor, self._writes = -1, False
