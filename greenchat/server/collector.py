"""The garbage collector of a process that holds much: what stays is looked at once, not again and again."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

# A collection that takes longer than this, in seconds of the processor, has looked at too much for one turn of the
# event loop, which may last 50 ms: what it has left alive is left out of the next ones. With 10,000 rooms and 10,000
# connections that would be 200 ms, again and again, to find nothing.
LONG_SECONDS = 0.01


@contextmanager
def short_collections(*, at_once: bool = True) -> Iterator[None]:
    """Meanwhile no collection takes much longer than `LONG_SECONDS`. One is done `at_once`, if nobody waits.

    Circles among what is left out are never found. Connections, members and rooms make none: they are freed at once
    when they end.
    """
    began = 0.0

    def watch(phase: str, details: dict[str, int]) -> None:
        nonlocal began
        if details["generation"] == 2:
            if phase == "start":
                began = time.thread_time()
            elif time.thread_time() - began > LONG_SECONDS:
                gc.freeze()

    if at_once:
        gc.collect()
    gc.freeze()
    gc.callbacks.append(watch)
    try:
        yield
    finally:
        gc.callbacks.remove(watch)
        gc.unfreeze()


@contextmanager
def no_collections() -> Iterator[None]:
    """Meanwhile nothing is collected: where very much is made of which all stays, most of the time would go there, five
    times as much as into making it (8,000 connections that go on: 0.1 instead of 0.6 seconds of the processor)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
