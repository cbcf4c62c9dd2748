"""What observers cause is observed, too: how far that may go.

A bot that answers what it says itself would never end, and nobody would be served meanwhile. So what a plugin asks for
while it is told of something is one step further from what has begun it, and is refused past a bound. The step also
holds for greenlets that are spawned on the way, for as long as CASCADE_SECONDS: a reply after a while is no cascade.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from greenlet import getcurrent

from greenchat.errors import PluginError

P = ParamSpec("P")
T = TypeVar("T")

# A bot answers, another one takes that up, a bridge tells of it: more than a few steps is a circle.
DEEPEST = 8

# What may follow from one thing in all, past the first step: each step may take several more, and eight of ten each
# would be a hundred million. The first step is free: who announces in each room causes as much as there are rooms.
MOST = 1000

# Two steps of a circle are less than a turn of the event loop apart, or a few.
CASCADE_SECONDS = 1.0

# Where greenlets keep it: gevent hands this on to those that they spawn.
LOCALS = "spawn_tree_locals"
KEY = "greenchat.cause"


class Cause:
    """Why something happens: `depth` steps from what has begun it, at `since`; `steps[0]` counts all that followed."""

    __slots__ = ("depth", "since", "steps")

    def __init__(self, depth: int, since: float, steps: list[int]) -> None:
        self.depth = depth
        self.since = since
        self.steps = steps


def current() -> Cause | None:
    """Why this greenlet does what it does; None where no plugin is behind it, or not of late."""
    found = getattr(getcurrent(), LOCALS, None)
    cause: Cause | None = found.get(KEY) if found else None
    if cause is not None and time.monotonic() - cause.since > CASCADE_SECONDS:
        return None
    return cause


@contextmanager
def caused_by(cause: Cause) -> Iterator[None]:
    """What happens within is caused so, also in greenlets that are spawned within."""
    greenlet: Any = getcurrent()
    before = getattr(greenlet, LOCALS, None)
    setattr(greenlet, LOCALS, {**(before or {}), KEY: cause})
    try:
        yield
    finally:
        if before is None:
            delattr(greenlet, LOCALS)
        else:
            setattr(greenlet, LOCALS, before)


def one_step(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, by which plugins make something happen, as one step of a cascade. It raises `PluginError` where that
    would be one too many, and does nothing then."""

    @wraps(function)
    def step(*arguments: P.args, **more: P.kwargs) -> T:
        cause = current()
        if cause is None:
            cause = Cause(1, time.monotonic(), [0])
        else:
            cause = Cause(cause.depth + 1, cause.since, cause.steps)
            cause.steps[0] += 1
            if cause.depth > DEEPEST or cause.steps[0] > MOST:
                raise PluginError(
                    f"{function.__name__} is refused: what plugins do when they are told of something has caused "
                    f"itself, {cause.depth} deep, {cause.steps[0]} times. Do not answer what you have said yourself."
                )
        with caused_by(cause):
            return function(*arguments, **more)

    return step
