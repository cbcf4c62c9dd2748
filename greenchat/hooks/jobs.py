"""Stored jobs: what a plugin is to do at some time, kept over restarts by the name of the function."""

import difflib
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from greenchat.errors import PluginError, Reject
from greenchat.hooks.clock import Clock
from greenchat.hooks.ending import Killed
from greenchat.hooks.moments import next_time, time_of_day
from greenchat.hooks.tasks import Task, Tasks
from greenchat.storage.plugin_store import Space, as_json

# Stored jobs of one plugin: as many reminders as a thousand people set.
MOST = 10_000


class Job(Struct, frozen=True):
    """The stored job `id`: the function registered as `name` is called with `arguments` at `when`; each day at
    `daily`, where that is not empty. It is forgotten with the `account` for which it is, if it is for one."""

    id: str
    name: str
    when: datetime
    arguments: tuple[Any, ...] = ()
    daily: str = ""
    account: int = 0


class Jobs:
    """Those of one plugin. They begin with `start`, once the plugin has."""

    def __init__(self, kept: Space, tasks: Tasks, clock: Clock) -> None:
        self._kept = kept
        self._tasks = tasks
        self._clock = clock
        self._functions: dict[str, Callable[..., object]] = {}
        self._waiting: dict[str, Task] = {}  # by the ids of the jobs
        self._started = False
        self._ids = itertools.count(1)

    def __iter__(self) -> Iterator[Job]:
        """In the order of their times."""
        return iter(sorted(map(self._read, self._kept), key=lambda job: job.when))

    @property
    def names(self) -> list[str]:
        """Those that there are functions for."""
        return list(self._functions)

    def register(self, name: str, function: Callable[..., object]) -> None:
        """`function` is what stored jobs of this name call. What was due meanwhile is done at once."""
        if not callable(function):
            raise PluginError(f"{function!r} is no function")
        if not isinstance(name, str) or not name:
            raise PluginError("a job has a name, by which it is known after a restart")
        if name in self._functions:
            raise PluginError(f"there is a job {name} already; give this one another name")
        self._functions[name] = function
        if self._started:
            self._begin(name)

    def add(self, when: str | datetime, name: str, arguments: tuple[Any, ...], account: int = 0) -> Job:
        """Store one. Each day at the same time with the same arguments is one job, however often it is asked for.
        Raises `Reject` where there are too many: people may have asked for them."""
        if name not in self._functions:
            near = difflib.get_close_matches(name, self._functions, n=1)
            hint = f"did you mean {near[0]}?" if near else "write @job above its function, or call ctx.job at the start"
            raise PluginError(f"there is no job {name}; {hint}")
        daily = ""
        if isinstance(when, str):
            daily, moment = when, next_time(time_of_day(when), self._clock.now())
            for job in self:
                if (job.daily, job.name, job.arguments, job.account) == (daily, name, _as_kept(arguments), account):
                    return job
        elif not isinstance(when, datetime) or when.tzinfo is None:
            raise PluginError(f'{when!r} is no time: give a datetime that has a time zone, or "07:30"')
        else:
            moment = when.astimezone(UTC)
        if len(self._kept) >= MOST:
            raise Reject("So much is to be done later that no more is kept. Try again later.", code="try_later")
        job = Job(self._new_id(), name, moment, _as_kept(arguments), daily, account)
        self._write(job)
        if self._started:
            self._wait(job)
        return job

    def cancel(self, job_id: str) -> bool:
        """Whether there was one of this id."""
        there = job_id in self._kept
        if there:
            del self._kept[job_id]
        task = self._waiting.pop(job_id, None)
        if task is not None:
            task.cancel()
        return there

    def forget_account(self, account_id: int) -> None:
        """Forget those that are for it."""
        for job in self:
            if job.account == account_id:
                self.cancel(job.id)

    def start(self) -> None:
        self._started = True
        for name in self._functions:
            self._begin(name)

    def resume(self) -> None:
        """After `Tasks.resume`: what was cut short is done anew."""
        for job in self:
            task = self._waiting.get(job.id)
            if job.name in self._functions and (task is None or task.done):
                self._wait(job)

    def _begin(self, name: str) -> None:
        for job in self:
            if job.name == name:
                self._wait(job)

    def _wait(self, job: Job) -> None:
        self._waiting[job.id] = self._tasks.at_as(f"the job {job.name}", job.when, self._do, job)

    def _do(self, job: Job) -> None:
        if job.id not in self._kept:
            return
        try:
            self._functions[job.name](*job.arguments)
        except Killed:
            raise  # the server ends, or its plugin: it is done after the next start
        except BaseException:
            self._did(job)
            raise
        self._did(job)

    def _did(self, job: Job) -> None:
        self._waiting.pop(job.id, None)
        if job.id not in self._kept:  # it has been cancelled meanwhile
            return
        if not job.daily:
            del self._kept[job.id]
            return
        following = replace(job, when=next_time(time_of_day(job.daily), self._clock.now()))
        self._write(following)
        self._wait(following)

    def _write(self, job: Job) -> None:
        self._kept[job.id] = [job.name, job.when.isoformat(), list(job.arguments), job.daily, job.account]

    def _read(self, job_id: str) -> Job:
        name, when, arguments, daily, *account = self._kept[job_id]
        return Job(job_id, name, datetime.fromisoformat(when), tuple(arguments), daily, *account)

    def _new_id(self) -> str:
        return next(found for number in self._ids if (found := str(number)) not in self._kept)


def _as_kept(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments as they are after a restart, so that a job is given the same without one. Raises `PluginError`."""
    return tuple(as_json(list(arguments)))
