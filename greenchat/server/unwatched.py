"""Threads that are never given a signal: the main one alone can hold it back while a program takes another's place."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

# What must not be lost then, and would end a program that has no handlers yet.
HELD_BACK = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


@contextmanager
def unwatched() -> Iterator[None]:
    """Threads that are started meanwhile are such ones."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
