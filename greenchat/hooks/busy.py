"""What of plugins must come to its end before another process takes over: what is done in threads, and processes that
they have started. `exec` would cut it off in the middle."""

import sys
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import thread as executors
from pathlib import Path
from types import FrameType

import gevent

from greenchat.hooks.blame import Owners
from greenchat.protocol.text import amount, printable

PROCESSES = Path("/proc")  # of Linux; elsewhere no process is found

# How long a plugin may take to say whether it is busy, in seconds: everybody waits meanwhile.
ANSWER_SECONDS = 0.5

# Characters of what a plugin says of itself: a sentence.
REASON_LENGTH = 200

# A process that has ended, and that nobody has asked about yet.
ZOMBIE = "Z"


def calls_in_thread(plugin: str, count: int) -> str:
    return f"plugin {plugin}: {amount(count, 'call')} by ctx.in_thread"


def pool_at_work() -> Iterator[str]:
    """What is being done in gevent's own threads: by whom, it does not know."""
    count = gevent.get_hub().threadpool.task_queue.unfinished_tasks
    if count:
        yield f"{amount(count, 'call')} in the thread pool of gevent"


def threads_at_work(owners: Owners) -> Iterator[tuple[str, threading.Thread]]:
    """The threads that hold up the end of a process, with the plugins whose code runs in them, or has begun them; empty
    where nobody knows. Those of a pool that wait for something to do are none."""
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread.daemon or thread is threading.main_thread() or thread is threading.current_thread():
            continue
        frame = frames.get(thread.ident or 0)
        if frame is not None and not _waits_for_work(frame):
            function = getattr(thread, "_target", None) or type(thread)
            yield owners.of_function(function) or owners.of_frame(frame)[0], thread


def _waits_for_work(frame: FrameType) -> bool:
    return frame.f_code.co_filename == executors.__file__


def children(of: int, besides: Collection[int] = ()) -> Iterator[str]:
    """The processes that the process `of` has started, and that have not ended. What they were started with is not
    told: there may be passwords in it."""
    for entry in PROCESSES.glob("[1-9]*"):
        try:
            number, _, rest = (entry / "stat").read_text(errors="replace").partition(" (")
        except OSError:  # it has ended meanwhile
            continue
        name, _, fields = rest.rpartition(") ")  # a name may have anything in it
        state, parent = fields.split(" ", 2)[:2]
        if int(parent) == of and state != ZOMBIE and int(number) not in besides:
            yield f"the process {number} ({printable(name)}), which a plugin has started"
