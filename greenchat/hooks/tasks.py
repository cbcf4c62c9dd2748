"""What a plugin does by itself, by its context: greenlets, timers, and what takes its time in threads.

All of it is the plugin's: counted, ended with it, and its failures are put down to it.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import gevent
from gevent.threadpool import ThreadPool

from greenchat.chat import cascade
from greenchat.errors import PluginError, Reject
from greenchat.hooks.calls import Failed
from greenchat.hooks.carried import Dues
from greenchat.hooks.clock import Alarm, Clock
from greenchat.hooks.ending import Killed
from greenchat.hooks.meters import Meter, clock
from greenchat.hooks.moments import Moment, moments, seconds_of
from greenchat.protocol.text import printable

log = logging.getLogger("greenchat.plugins")

T = TypeVar("T")

# Greenlets and timers that one plugin may have at once: ten for each of a thousand people.
MOST = 10_000

# From one time to the next, in seconds, where something is done again and again: what has to be faster than that has
# no place in a chat, and a timer for each millisecond would leave the others no time.
SHORTEST_SECONDS = 0.1

# ... and how many times in a second all of one plugin's together happen at most.
MOST_PER_SECOND = 100.0

# How long a timer for a time of day sleeps at most, in seconds: meanwhile somebody may set the clock, or close the lid.
LOOK_SECONDS = 60.0

# Characters of a refusal that the log has: a sentence or two.
REFUSAL_LENGTH = 200

# Threads of one plugin: a few that hang must not be all there are, so each has its own.
THREADS = 4


class Task:
    """A greenlet or timer of a plugin."""

    __slots__ = (
        "_alarm",
        "_daily",
        "_due",
        "_for_one",
        "_greenlet",
        "_name",
        "_tasks",
        "done",
        "per_second",
        "wait_again",
    )

    def __init__(self, tasks: "Tasks") -> None:
        self._tasks = tasks
        self._alarm: Alarm | None = None
        self._greenlet: Any = None
        self.wait_again: Callable[[], None] | None = None  # for its next time; None for what does not wait
        self.per_second = 0.0  # how often it happens
        self._for_one = False  # somebody has caused it, and nobody else has to do with it
        self._name = ""  # by which it is known after a reload, if it is
        self._due = 0.0  # when it happens next, on the monotonic clock; a `_daily` one in seconds since 1970
        self._daily = False
        self.done = False  # nothing of it is going to happen any more

    def cancel(self) -> None:
        """Have it not happen, or happen no more. What is at work is ended where it waits, unless it asks for that
        itself: then it goes on to its end."""
        self._finish()
        self._stop()

    def pause(self) -> None:
        """As `cancel`, but it waits for its next time again where `resume` is called, if it does."""
        if self.wait_again is None:
            self.cancel()
            return
        self._still()
        self._stop()

    def resume(self) -> None:
        if self.wait_again is not None and not self.done:
            self.wait_again()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until what is at work has ended; whether it has."""
        greenlet = self._greenlet
        if greenlet is not None:
            greenlet.join(timeout)
        return greenlet is None or bool(greenlet.ready())

    def _finish(self) -> None:
        self.done = True
        self._tasks.over(self)
        self._still()

    def _still(self) -> None:
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.cancel()

    def _stop(self) -> None:
        greenlet, self._greenlet = self._greenlet, None
        if greenlet is not None and greenlet is not gevent.getcurrent():
            greenlet.kill(Killed, block=False)


class Tasks:
    """Those of the plugin called `plugin`; `failed(plugin, where, error)` is told what goes wrong. `meter`
    counts the calls of its timers. `failed_alone` is told of what fails for one person."""

    def __init__(self, plugin: str, clock: Clock, failed: Failed, meter: Meter, failed_alone: Failed) -> None:
        self._plugin = plugin
        self._clock = clock
        self._failed = failed
        self._failed_alone = failed_alone
        self._meter = meter
        self._all: dict[Task, None] = {}
        self._threads: Any = None
        self._per_second = 0.0
        self.halted = False
        self._ended = False
        self._carried, self._carried_daily = Dues(), Dues()
        self._held: list[Callable[[], None]] | None = None  # what is late begins once all is taken over

    def __len__(self) -> int:
        return len(self._all)

    def spawn(self, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call a function in a greenlet of its own."""
        task = self._new(function)
        if not task.done:
            call = partial(function, *arguments, **more)
            task._greenlet = gevent.spawn(self._run, task, call, f"{_name(function)}, in the background", True)
        return task

    def spawn_for_one(self, function: Callable[..., object], *arguments: Any) -> None:
        """As `spawn`, for what one person has caused: it fails for them alone."""
        self.spawn(function, *arguments)._for_one = True

    def later(self, seconds: object, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call it once, after so many seconds, or "10m"."""
        wait = seconds_of(seconds)
        task = self._new(function)
        call = partial(function, *arguments, **more)
        cause = cascade.current()

        due = self._clock.monotonic() + wait

        def arm() -> None:
            task._alarm = self._clock.call_later(max(due - self._clock.monotonic(), 0.0), ring)

        def ring() -> None:
            task._alarm = task.wait_again = None
            with nullcontext() if cause is None else cascade.caused_by(cause):
                task._greenlet = gevent.spawn(self._time, task, call, f"{_name(function)}, a timer", True)

        if not task.done:
            task.wait_again = arm
            self._hold(task, arm)
        return task

    def every(self, interval: object, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call it again and again, with so many seconds, or "5m", from one time to the next. It is left out as long as
        the last time has not ended."""
        seconds = seconds_of(interval)
        if seconds < SHORTEST_SECONDS:
            raise PluginError(f"every {seconds:g} seconds is too often: {SHORTEST_SECONDS:g} is the least")
        per_second = 1 / seconds
        if self._per_second + per_second > MOST_PER_SECOND:
            raise PluginError(f"its timers would happen more than {MOST_PER_SECOND:g} times a second")
        task = self._new(function)
        if not task.done:
            task.per_second = per_second
            self._per_second += per_second
        call = partial(function, *arguments, **more)
        task._due = self._clock.monotonic()

        def arm() -> None:
            now = self._clock.monotonic()
            due = task._due + seconds
            task._due = due if due > now else now + seconds  # what was slept through is not made up for
            task._alarm = self._clock.call_later(task._due - now, ring)

        def arm_at_once() -> None:
            task._alarm = self._clock.call_later(max(task._due - self._clock.monotonic(), 0.0), ring)

        def ring() -> None:
            arm()
            if task._greenlet is None or task._greenlet.ready():
                task._greenlet = gevent.spawn(self._time, task, call, f"{_name(function)}, every {interval}", False)

        if not task.done:
            task._name, task.wait_again = _name(function), arm
            carried = self._carried.take(task._name)
            if carried is None:
                self._hold(task, arm)
            else:
                task._due = min(carried, task._due + seconds)
                self._hold(task, arm_at_once)
        return task

    def at(self, when: object, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call it at a moment (an aware `datetime`, at once where that has passed), or each day at "07:30"."""
        where = f"{_name(function)}, at {when}"
        task, follow = self._at(where, when, partial(function, *arguments, **more))
        task._daily = isinstance(when, str)
        task._name = where if task._daily else ""
        missed = self._carried_daily.take(where) if task._daily else None
        if missed is not None and missed > self._clock.now().timestamp():
            missed = None  # it did not come due while it was carried
        follow(None if missed is None else datetime.fromtimestamp(missed, UTC))
        return task

    def at_as(self, where: str, when: object, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """As `at`, and `where` is what is told where it fails."""
        task, follow = self._at(where, when, partial(function, *arguments, **more))
        follow(None)
        return task

    def _at(
        self, where: str, when: object, call: Callable[[], object]
    ) -> tuple[Task, Callable[[datetime | None], None]]:
        """The task, and what lets it wait for the first time: for a moment, or for when it is next."""
        times = moments(when, self._clock)
        task = self._new(call)

        def follow(first: datetime | None) -> None:
            begin = partial(self._start, task, call, where)
            task.wait_again = partial(follow_clock, task, self._clock, times, begin, first)
            self._hold(task, task.wait_again)

        return task, follow

    def in_thread(self, function: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """What it returns or raises, called in a thread: this greenlet waits, and no other does."""
        if self._ended:
            raise PluginError("its plugin has ended, so nothing is done in threads any more")
        if self._threads is None:
            self._threads = ThreadPool(THREADS)
        result, error = self._threads.apply(_caught, (function, arguments, more))
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    @property
    def in_threads(self) -> int:
        """How many calls are being done in threads, or wait for one."""
        return 0 if self._threads is None else int(self._threads.task_queue.unfinished_tasks)

    def over(self, task: Task) -> None:
        """To be called once nothing of `task` is going to happen any more."""
        self._all.pop(task, None)
        self._per_second, task.per_second = self._per_second - task.per_second, 0.0

    def halt(self) -> None:
        """End what is at work, without waiting, and have the timers stand still. What is asked for from now on is not
        done: a check of a plugin that was switched off goes on to be asked, and is not to fail for that."""
        self.halted = True
        for task in list(self._all):
            task.pause()

    def resume(self) -> None:
        """Let the timers go on: what was due meanwhile is done once."""
        self.halted = False
        for task in list(self._all):
            task.resume()

    # --- over a reload ---

    def dues(self, *, daily: bool) -> list[tuple[str, float]]:
        """When those timers are due that are known by their names."""
        return [(task._name, task._due) for task in self._all if task._name and task._daily is daily]

    def take_up(self, dues: Iterable[tuple[str, float]], daily: Iterable[tuple[str, float]]) -> None:
        """Timers that are made from now on under these names are due when those were; until `taken_over` is called,
        none of them begins."""
        self._carried, self._carried_daily, self._held = Dues(dues), Dues(daily), []

    def taken_over(self) -> None:
        held, self._held = self._held, None
        self._carried = self._carried_daily = Dues()
        for go_on in held or ():
            go_on()

    def _hold(self, task: Task, go_on: Callable[[], None]) -> None:
        def begin() -> None:
            if not self.halted and not task.done:
                go_on()

        begin() if self._held is None else self._held.append(begin)

    def end(self) -> None:
        """End all of it, and the threads with it, once they have done what they are at."""
        self.halted = self._ended = True
        for task in list(self._all):
            task.cancel()
        threads, self._threads = self._threads, None
        if threads is not None:
            gevent.spawn(threads.kill)  # a thread cannot be ended: one that hangs is not waited for

    def _new(self, function: object) -> Task:
        if not callable(function):
            raise PluginError(f"{function!r} is no function")
        if len(self._all) >= MOST:
            raise PluginError(f"it has {MOST} greenlets and timers already, and gets no more")
        task = Task(self)
        if self.halted:
            task.done = True
            log.debug("%s of plugin %s does not begin, as it has ended", _name(function), self._plugin)
        else:
            self._all[task] = None
        return task

    def _start(self, task: Task, call: Callable[[], object], where: str, once: bool) -> None:
        if task._greenlet is None or task._greenlet.ready():
            task._greenlet = gevent.spawn(self._time, task, call, where, once)

    def _time(self, task: Task, call: Callable[[], object], where: str, once: bool) -> None:
        """As `_run`, what a timer calls. What goes on in the background, without end perhaps, is not timed."""
        began = clock()
        try:
            self._run(task, call, where, once)
        finally:
            self._meter.add(clock() - began)

    def _run(self, task: Task, call: Callable[[], object], where: str, once: bool) -> None:
        try:
            call()
        except Killed:
            pass
        except Reject as verdict:  # nobody is there to be told; and who causes it must not be able to end the plugin
            log.warning(
                "plugin %s was refused something in %s (%s): %s",
                self._plugin,
                where,
                verdict.code,
                printable(verdict.text, REFUSAL_LENGTH),
                extra={"plugin": self._plugin},
            )
        except BaseException as error:
            (self._failed_alone if task._for_one else self._failed)(self._plugin, where, error)
        finally:
            if once:
                task._finish()


def follow_clock(
    task: Task, clock: Clock, next_moment: Moment, start: Callable[[bool], None], first: datetime | None = None
) -> None:
    """Call `start(whether that was the last)` at each moment, as long as `task` is not done; at the `first` one before
    all others, if there is one."""
    if task.done:
        return

    def arm(moment: datetime) -> None:
        def look() -> None:
            if clock.now() < moment:
                arm(moment)
                return
            following = next_moment()
            task._alarm = task.wait_again = None
            if following is not None:
                arm(following)
            start(following is None)

        task.wait_again = partial(arm, moment)
        task._due = moment.timestamp()
        wait = (moment - clock.now()).total_seconds()
        task._alarm = clock.call_later(min(max(wait, 0.0), LOOK_SECONDS), look)

    first = first or next_moment()
    assert first is not None
    arm(first)


def _name(function: object) -> str:
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__name__))


def _caught(function: Callable[..., T], arguments: Any, more: Any) -> tuple[T | None, BaseException | None]:
    """What it returns or raises: gevent would print the latter."""
    try:
        return function(*arguments, **more), None
    except BaseException as error:
        return None, error
