"""What a plugin is given of its own: `ctx`. All that it takes by it is ended with it, and fails under its name."""

import logging
from collections.abc import Callable, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from greenchat.chat.chat import Chat
from greenchat.errors import PluginError
from greenchat.hooks.calls import Failed
from greenchat.hooks.clock import Clock
from greenchat.hooks.interfaces import ChatServer
from greenchat.hooks.tasks import Task, Tasks
from greenchat.storage.plugin_store import Store, store_path

T = TypeVar("T")


class Log(logging.LoggerAdapter):  # type: ignore[type-arg]
    """The log of one plugin: each line tells whose it is."""

    def process(self, message: Any, more: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        more["extra"] = {**(more.get("extra") or {}), **(self.extra or {})}
        return message, more


class Surroundings:
    """What all plugins of one server stand on. Without a `data_dir` no server runs: what they keep is kept nowhere."""

    def __init__(self, clock: Clock, data_dir: Path | None = None) -> None:
        self.clock = clock
        self.data_dir = data_dir
        self.server: ChatServer | None = None  # from greenchat_startup on
        self.failed: Failed = _log_failure


class Context:
    """That of the plugin called `name`, with its `settings`, and with the rights that it `may` use."""

    def __init__(self, name: str, settings: Any, around: Surroundings, may: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.settings = settings
        self.may = may
        self.log = Log(logging.getLogger(f"greenchat.plugin.{name}"), {"plugin": name})
        self.clock = around.clock
        self._around = around
        self._tasks = Tasks(name, around.clock, self._failed)
        path = None if around.data_dir is None else store_path(around.data_dir, name)
        self.store = Store(name, path)

    def __repr__(self) -> str:
        return f"<Context of {self.name}>"

    # --- the server ---

    @property
    def server(self) -> ChatServer:
        """From `greenchat_startup` on. Raises `PluginError` before."""
        if self._around.server is None:
            raise PluginError("there is no server yet: ctx.server and ctx.chat are there from greenchat_startup on")
        return self._around.server

    @property
    def chat(self) -> Chat:
        return self.server.chat

    @property
    def data_dir(self) -> Path:
        """Where its files belong. Raises `PluginError` where no server runs, as in `greenchat plugins list`."""
        if self._around.data_dir is None:
            raise PluginError("no server runs here, so there is no ctx.data_dir; use it from greenchat_startup on")
        return self._around.data_dir

    # --- what happens by itself ---

    def spawn(self, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call a function in a greenlet of its own."""
        return self._tasks.spawn(function, *arguments, **more)

    def later(self, seconds: object, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call it once, after so many seconds, or "10m"."""
        return self._tasks.later(seconds, function, *arguments, **more)

    def every(self, interval: object, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call it again and again, with so many seconds, or "5m", from one time to the next. It is left out as long as
        the last time has not ended."""
        return self._tasks.every(interval, function, *arguments, **more)

    def at(self, when: str | datetime, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call it at a moment (an aware `datetime`, at once where that has passed), or each day at "07:30"."""
        return self._tasks.at(when, function, *arguments, **more)

    def in_thread(self, function: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """What it returns or raises, called in a thread: this greenlet waits, and no other does."""
        return self._tasks.in_thread(function, *arguments, **more)

    # --- for the loader ---

    def begin(self) -> None:
        """The server starts. May wait. Raises `DatabaseError`."""
        self.store.begin()

    @property
    def is_in_thread(self) -> bool:
        """Whether something of it is being done in a thread."""
        return self._tasks.is_in_thread

    def forget_room(self, room: str) -> None:
        self.store.forget_room(room)

    def halt(self) -> None:
        """End what it does by itself, at once and without waiting: its plugin is off. What it keeps stays at hand, as
        its checks go on to be asked."""
        self._tasks.halt()

    def end(self) -> None:
        """Let go of everything. May wait. Raises `DatabaseError` where what it keeps cannot be written."""
        self._tasks.end()
        self.store.close()

    def _failed(self, plugin: str, where: str, error: BaseException | None = None) -> None:
        self._around.failed(plugin, where, error)


def _log_failure(plugin: str, where: str, error: BaseException | None = None) -> None:
    """Before there are any hooks that could count it."""
    log = logging.getLogger("greenchat.plugins")
    log.error("plugin %s failed in %s", plugin, where, exc_info=error, extra={"plugin": plugin})
