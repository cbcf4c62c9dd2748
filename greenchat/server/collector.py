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
