"""A real server with its chat, its plugins and its hooks, in the thread of the test and without any socket."""

import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import gevent
import msgspec

from greenchat.chat.accounts import Account
from greenchat.config.load import load
from greenchat.errors import PluginError
from greenchat.hooks.background import within
from greenchat.hooks.finding import GROUP, import_file
from greenchat.hooks.moments import seconds_of
from greenchat.hooks.routes import HttpRequest, Sent, query_of
from greenchat.hooks.streams import Parts
from greenchat.protocol.names import require_name
from greenchat.server.server import ChatServer
from greenchat.server.watchdog import Watchdog
from greenchat.storage.sqlite import at_work
from greenchat.testing import reloading, watching
from greenchat.testing.clock import NOON, HandClock
from greenchat.testing.examples import wrong_examples
from greenchat.testing.failures import Failures, PluginFailed
from greenchat.testing.live import DEADLINE, NO_REPLAY, UNLIMITED
from greenchat.testing.person import CODECS, Person
from greenchat.testing.reloading import LOOK_SECONDS, SocketlessLifecycle
from greenchat.testing.seat import Seat

T = TypeVar("T")


# Which of the installed plugins is there unasked: it runs the commands of all others.
ALWAYS = "slash_commands"

OPEN: "weakref.WeakSet[Chat]" = weakref.WeakSet()  # which a test may leave to be closed at its end


class Answered:
    """An answer of HTTP, as whoever has asked sees it."""

    def __init__(self, sent: Sent) -> None:
        self.status = sent.status
        self.headers = {name.lower(): value for name, value in sent.headers}
        self.body = b"".join(sent.body.parts) if isinstance(sent.body, Parts) else sent.body

    def __repr__(self) -> str:
        return f"<{self.status}: {self.body!r}>"

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Chat:
    """`plugins` are modules, classes and objects; paths of files and packages; and names of installed plugins, of which
    only these are there, and `slash_commands`. `settings` are paths to values: `{"plugins.bell.seconds": 60}`. What
    limits floods and addresses is off. `data_dir` is for what outlasts a chat; without it, each has an empty one.

    A plugin that cannot be used, or that fails, fails the test, by its own exception: where something it does fails
    is meant, say so by `with chat.failing():`.

    The event loop turns while somebody speaks, until nothing is left to be done. Nobody needs to close it: pytest does
    so at the end of the test; elsewhere it is a context manager.
    """

    _new_clock: Callable[[datetime], HandClock] = HandClock

    def __init__(
        self,
        *plugins: object,
        settings: Mapping[str, object] | None = None,
        data_dir: Path | None = None,
        start: datetime = NOON,
    ) -> None:
        self._scratch = "" if data_dir else tempfile.mkdtemp(prefix="greenchat-", dir=_quick_directory())
        if self._scratch:
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        self.clock = self._new_clock(start)
        self.people: list[Person] = []
        self._expected: list[Exception] | None = None
        self._failures = Failures()
        self._lifecycle: SocketlessLifecycle | None = None
        self._accounts: list[Account] = []  # those that nobody has registered
        self._watching: Watchdog | None = None
        self._data_dir = data_dir or Path(self._scratch)
        self._plugins, self._settings = plugins, dict(settings or {})
        try:
            lifecycle = self._made()
            within(DEADLINE, lambda: lifecycle.start(listens=False))
            self._begin(lifecycle)
        except BaseException:
            self.close()
            raise

    def _made(self) -> SocketlessLifecycle:
        """A server with the plugins and settings that there are to be."""
        plugins = self._plugins
        names = [plugin for plugin in plugins if isinstance(plugin, str)]
        installed = installed_names()
        replay = NO_REPLAY if "history" in names else {}
        config = load(
            flags={
                **UNLIMITED,
                **replay,
                "server.plugins": [name for name in names if name not in installed],
                **self._settings,
            }
        )
        given = [import_file(one) if isinstance(one, Path) else one for one in plugins if not isinstance(one, str)]
        found = {ALWAYS, *(set(names) & installed)}
        self.server = ChatServer(config, self._data_dir, given, self.clock, found)
        self._require_on()
        self.server.routes.served = True
        return SocketlessLifecycle(self.server)

    def _begin(self, lifecycle: SocketlessLifecycle) -> None:
        self._lifecycle = lifecycle
        OPEN.add(self)
        self._watching = watching.begin(self.server)
        self.settle()
        self._require_on()

    # --- who is there ---

    def join(self, name: str, room: str = "", *, kind: str = "plain", operator: bool = False, **more: Any) -> Person:
        """Somebody who has come in, and read their welcome; or an AssertionError with what they were told instead.
        `kind` is "plain" or "json". An `operator` is logged in. `more` are an `account` (a number, with which they are
        logged in), an `address`, and what else a JOIN may have: a `key`, a `token`."""
        account = more.pop("account", 0) or (len(self.people) + 1 if operator else 0)
        person = self.connect(kind=kind, address=more.pop("address", ""))
        if account:
            self._log_in(person, name, account, operator)
        person.joins(name, room, **more)
        if not person.is_in:
            raise AssertionError(f"{name} was not let in, but told: {person.heard}")
        person.welcomed = person.heard[:]
        person.heard.clear()
        return person

    def connect(self, *, kind: str = "plain", address: str = "") -> Person:
        """Somebody who is connected, and has not joined."""
        address = address or f"127.0.0.1:{50001 + len(self.people)}"
        seat = Seat(self.server, address, CODECS[kind], self.clock)
        person = Person("", seat, self.run)
        self.people.append(person)
        self.run(seat.begin)
        return person

    def _log_in(self, person: Person, name: str, account: int, operator: bool) -> None:
        name, key = require_name(name, self.server.config.limits.name_length)
        if self.server.accounts.by_id(account) is None:
            self._accounts.append(Account(account, key, name))
            self._know_accounts()
        self.run(lambda: person.session.log_in(key, account))
        if operator:
            person.session.role = "operator"

    def _know_accounts(self) -> None:
        accounts = self.server.accounts
        for account in self._accounts:
            accounts.known = True
            if accounts.by_id(account.id) is None:
                accounts.add(account)

    # --- what happens ---

    def asks(
        self,
        method: str,
        target: str,
        *,
        body: bytes | str = b"",
        json: object = None,
        headers: Mapping[str, str] | None = None,
        address: str = "127.0.0.1:50000",
    ) -> Answered:
        """What is answered to a request of HTTP: `chat.asks("POST", "/hooks/build?x=1", json={...})`."""
        sent = msgspec.json.encode(json) if json is not None else body.encode() if isinstance(body, str) else body
        request = HttpRequest(
            method=method,
            path=target.partition("?")[0],
            query=query_of(target),
            headers={name.lower(): value for name, value in (headers or {}).items()},
            body=sent,
            address=address,
        )
        return Answered(self.run(lambda: self.server.routes.answer(request)))

    def tick(self, time: str | float | timedelta) -> None:
        """Let this time pass on the chat's clock: "10m", "1h30m", seconds, or a timedelta. What comes due meanwhile
        happens, one after the other, each when it is due."""
        self._failures.listen()
        self.clock.move(seconds_of(time), self._come_due)
        self._raise_failures()

    def run(self, function: Callable[[], T]) -> T:
        """What `function` returns, which may wait, once all that it causes has happened."""
        self._failures.listen()
        result = within(DEADLINE, function)
        self.settle()
        return result

    def settle(self) -> None:
        """Turn the event loop until there is nothing left to be done, but for what waits for a clock."""
        self._failures.listen()
        self._turn()
        self._raise_failures()

    def reload(self, *plugins: object, settings: Mapping[str, object] | None = None) -> None:
        """Have another server go on with all who are here, as after `greenchat reload`: plugins are made anew, of the
        same things or of these `plugins`, under the same settings but for these. Nobody is told anything. What they
        keep in modules stays, as nothing is imported anew but files that are given by their paths; and so does what an
        object has that is given as such. An AssertionError where one of them is busy, with what it says."""
        self.settle()
        if busy := self.server.plugin_lifecycle.plugins_busy():
            raise AssertionError(f"there is no reload, since something keeps it from happening: {'; '.join(busy)}")
        self._plugins = plugins or self._plugins
        self._settings |= settings or {}
        lifecycle, self._lifecycle = self._lifecycle, None
        assert lifecycle is not None, "this chat is closed"
        if self._watching is not None:
            self._watching.__exit__(None, None, None)
        try:
            left = self.run(lambda: reloading.leave(lifecycle))
            successor = self._made()
            self._know_accounts()
            within(DEADLINE, lambda: reloading.take_over(successor, left, self.people))
            self._begin(successor)
        except BaseException:
            self.close()
            raise

    def try_examples(self) -> None:
        """Type the examples of the plugins' commands, which help shows: each must be answered as it says."""
        names = [plugin.name for plugin in self.server.plugins if plugin.name != ALWAYS]
        wrong = wrong_examples(self, names)
        if wrong:
            raise AssertionError("\n".join(wrong))

    @contextmanager
    def failing(self) -> Iterator[list[Exception]]:
        """What plugins do in this block is to fail: how, is in the list at its end."""
        self._expected, before = [], self._expected
        expected = self._expected
        try:
            yield expected
            self.settle()
        finally:
            self._expected = before
        if not expected:
            raise AssertionError("no plugin has failed")

    def _come_due(self, function: Callable[[], object]) -> None:
        gevent.get_hub().loop.run_callback(function)
        self._turn()

    def _turn(self) -> None:
        hub = gevent.get_hub()
        until, quiet = time.monotonic() + DEADLINE, 0
        while quiet < 2:  # what another thread has done is known a turn later
            gevent.idle(hub.loop.MINPRI)
            busy = self._is_in_thread(hub)
            quiet = 0 if busy else quiet + 1
            if busy:
                if time.monotonic() > until:
                    raise PluginFailed(f"something in a thread has not ended within {DEADLINE:g} seconds")
                gevent.sleep(LOOK_SECONDS)

    def _is_in_thread(self, hub: Any) -> bool:
        """Whether a thread has still something to do for this one."""
        if hub.threadpool.task_queue.unfinished_tasks or at_work(hub):
            return True
        return any(plugin.ctx is not None and plugin.ctx.in_threads for plugin in self.server.plugins)

    def _raise_failures(self) -> None:
        failures = self._failures.take()
        if self._expected is not None:
            self._expected += failures
        elif failures:
            raise failures[0]

    def _require_on(self) -> None:
        self._raise_failures()
        for plugin in self.server.plugins:
            if plugin.off:
                raise PluginError(f"the plugin {plugin.name} is off: {plugin.off}")

    # --- the end ---

    def close(self) -> None:
        """Stop the server, as it is stopped in good order. A second time does nothing."""
        OPEN.discard(self)
        if self._watching is not None:
            self._watching.__exit__(None, None, None)
            self._watching = None
        lifecycle, self._lifecycle = self._lifecycle, None
        try:
            if lifecycle is not None:
                self._failures.listen()
                within(DEADLINE, lifecycle.stop)
                self.settle()
        finally:
            self._failures.close()
            if self._scratch:
                shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


# Where files lie in memory, on most Linux: each chat makes its databases anew, and would wait for the disk.
MEMORY = "/dev/shm"


@cache
def _quick_directory() -> str | None:
    """Where to put what only a test needs; None is where Python puts such files."""
    return MEMORY if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK | os.X_OK) else None


@cache
def installed_names() -> frozenset[str]:
    return frozenset(entry.name for entry in entry_points(group=GROUP))
