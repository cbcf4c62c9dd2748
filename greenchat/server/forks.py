"""A process that a plugin forks off in the middle of something is no second server.

It has all sockets, and the lock of the data directory: it would say to everybody what this one says as well, and
outlive it. So it ends as soon as it comes back to the event loop. What multiprocessing and subprocess start never does.
"""

import os
import sys
import threading
from functools import cache
from types import TracebackType
from typing import Any, Self

import gevent


class NoSecondServer:
    """As long as the context lasts, for the event loop of the thread that enters it."""

    def __init__(self) -> None:
        self._thread_id = threading.get_ident()
        self._loop: Any = gevent.get_hub().loop

    def __enter__(self) -> Self:
        _watch()
        _all.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _all.remove(self)

    def end_soon(self) -> None:
        if threading.get_ident() == self._thread_id:
            self._loop.run_callback(_end)


_all: list[NoSecondServer] = []


@cache
def _watch() -> None:
    """Once and for good: Python does not let one take that back."""
    os.register_at_fork(after_in_child=_forked)


def _forked() -> None:
    for one in _all:
        one.end_soon()


def _end() -> None:
    os.write(sys.stderr.fileno(), b"A process that a plugin has forked off came back as a server, and was ended.\n")
    os._exit(1)
