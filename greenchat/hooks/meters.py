"""How often each plugin is called in each hook, how long that takes, and how often it fails; and the same of its
commands, routes and timers, each kind as if it were one hook.

To read the clock costs 45 ns, twice as much as to call an empty function: too much for each message where the server
has many. So of the checks of each message in a run the first is timed, and the others count as long as those before
them on average; and of the frames that come one by one in one turn of the event loop, the first and each SAMPLE-th.
While people talk, these are all calls. Whether another one has waited is seen by that the turn is another one then;
whether one has held the loop, by that the watchdog has noticed it: see `Beat`. The rest is called for runs, or seldom,
and always timed, by the loops that call it: a function around each call would cost twice as much.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from greenlet import getcurrent

from greenchat.protocol.plugin_reports import HOOK_SECONDS, HookUse

clock = monotonic

# A call that is over by then is counted, and nothing else is done about it.
QUICK = HOOK_SECONDS[0]


# What a plugin is called for besides hooks, as `Meter.hook`. What it begins by itself, and has no time, is ELSEWHERE.
COMMANDS, ROUTES, TIMERS, ELSEWHERE = "commands", "routes", "timers", "elsewhere"

# ... by what is told of where it has failed.
_KINDS = (
    (re.compile(r"/"), COMMANDS),
    (re.compile(r"the route "), ROUTES),
    (re.compile(r"the job |.*, (a timer|every .*|at .*)$"), TIMERS),
)

# With all that is done about it, to time a call costs a quarter of a microsecond: 16 ns on each, one in so many.
SAMPLE = 16


class Beat(Protocol):
    """When the turn of the event loop has begun, on the clock of `clock`: another object with each turn, and whenever
    somebody notices that one is held."""

    began: float


class Still:
    """The beat of no event loop."""

    began = 0.0


class Meter:
    """That of one plugin in one hook. `quick` calls took less than QUICK."""

    __slots__ = ("failures", "hook", "longest", "plugin", "quick", "seconds", "slower")

    def __init__(self, plugin: str, hook: str) -> None:
        self.plugin = plugin
        self.hook = hook
        self.quick = 0
        self.seconds = 0.0
        self.longest = 0.0
        self.failures = 0
        self.slower = [0] * len(
            HOOK_SECONDS
        )  # by where they are in HOOK_SECONDS, from the second on; the last took longer

    def add(self, seconds: float) -> None:
        """Count a call that took so long."""
        self.seconds += seconds
        if seconds < QUICK:
            self.quick += 1
            return
        self.slower[max(bisect_left(HOOK_SECONDS, seconds), 1) - 1] += 1
        if seconds > self.longest:
            self.longest = seconds

    def add_some(self, seconds: float, count: int) -> None:
        """Count so many calls, which took about so long each. One that was slow does not stand for others."""
        if seconds < QUICK:
            self.seconds += seconds * count
            self.quick += count
        else:
            self.quick += count - 1
            self.add(seconds)

    def add_more(self, count: int) -> None:
        """Count so many calls that nobody has timed."""
        if self.quick:
            self.seconds += min(self.seconds / (self.quick + sum(self.slower)), QUICK) * count
        self.quick += count

    @property
    def use(self) -> HookUse:
        calls = self.quick + sum(self.slower)
        longest = self.longest or (min(self.seconds, QUICK) if calls else 0.0)
        buckets = [self.quick, *self.slower]
        return HookUse(self.plugin, self.hook, calls, self.seconds, longest, self.failures, buckets)


class Meters:
    """All of one server."""

    def __init__(self) -> None:
        self._meters: dict[tuple[str, str], Meter] = {}
        self.lent = Lent()
        self.held: Counter[str] = Counter()  # how often each plugin has held the event loop, as the watchdog finds it

    def __iter__(self) -> Iterator[Meter]:
        return iter(self._meters.values())

    def of(self, plugin: str, hook: str) -> Meter:
        found = self._meters.get((plugin, hook))
        if found is None:
            found = self._meters[plugin, hook] = Meter(plugin, hook)
        return found

    def failed(self, plugin: str, where: str) -> None:
        """`where` is a hook, or says what it was in words: those are as many as a plugin has commands, and more."""
        if not where.startswith("greenchat_"):
            where = next((kind for words, kind in _KINDS if words.match(where)), ELSEWHERE)
        self.of(plugin, where).failures += 1

    @property
    def uses(self) -> list[HookUse]:
        """Of all that were called, or have failed."""
        uses = [meter.use for meter in self]
        return [use for use in uses if use.calls or use.failures]


class Lent:
    """How long calls have been at commands of whatever plugin, by the greenlets that do that: it does not count for the
    hook from within which they are run, that of slash_commands. There is something to `take` where there is `some`."""

    def __init__(self) -> None:
        self.some = False
        self._seconds: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def put_down(self, meter: Meter, work: Callable[[], None]) -> None:
        """Do `work`, which counts for `meter`, but for what is lent within."""
        before = self.take()
        began = clock()
        try:
            work()
        finally:
            seconds = clock() - began
            meter.add(max(seconds - self.take(), 0.0))
            self._seconds[getcurrent()] = before + seconds
            self.some = True

    def take(self) -> float:
        """What this greenlet has lent since it was taken last."""
        found = self._seconds.pop(getcurrent(), 0.0)
        self.some = bool(self._seconds)
        return found


def timed(function: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    """`function`, whose calls are counted by `meter`."""

    def call(*given: Any) -> Any:
        began = clock()
        try:
            return function(*given)
        finally:
            meter.add(clock() - began)

    return call
