"""The plugins of one server: from their start, over what becomes of those that keep failing, to their end."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gevent

from greenchat.config.schema import Config
from greenchat.errors import Reject
from greenchat.hooks import loader
from greenchat.hooks.background import SHUTDOWN_SECONDS, STARTUP_SECONDS, ErrorHandler, within
from greenchat.hooks.blame import Owners
from greenchat.hooks.commands import CommandTable
from greenchat.hooks.dispatch import Dispatcher
from greenchat.hooks.interfaces import ChatServer, Command
from greenchat.hooks.meters import Beat
from greenchat.hooks.tracing import traced
from greenchat.protocol.text import printable

log = logging.getLogger("greenchat.plugins")


class PluginLifecycle:
    """`plugins` are all that were found, `hooks` and `commands` those of the ones that are on; `owners` know whose code
    is whose."""

    def __init__(self, config: Config, data_dir: Path, objects: Iterable[object], turn: Beat | None = None) -> None:
        """Raises `ConfigError` and `PluginError`."""
        self._data_dir = data_dir
        self.plugins = loader.Plugins(config, objects)
        self.owners = Owners(self.plugins.modules)
        trace = traced if config.server.trace_plugins else None
        if trace is not None:
            self.plugins.trace = trace
        self.hooks = Dispatcher(
            self.plugins.manager, self._switched_off, gevent.spawn_later, config.server.plugin_holds, trace, turn
        )
        self.commands = CommandTable(self.hooks.failed)
        self._given: dict[str, list[Command]] = {}  # the commands of each plugin
        self.off: dict[str, str] = {}  # which were switched off since the start, and why
        self._tell_operators: Callable[[str], None] = lambda text: None
        self._errors = ErrorHandler(self.owners, self.hooks.failed)

    def start(self, server: ChatServer) -> None:
        """Let them begin. Raises `ConfigError`, and `PluginError` where one that is required cannot."""
        self._tell_operators = lambda text: _tell_operators(server, text)
        loader.forget_off(self._data_dir)
        self._errors.begin()
        self.plugins.provide("greenchat_commands", self._add_commands)
        self.plugins.provide("greenchat_startup", call=self._start, server=server)
        on = {plugin.name for plugin in self.plugins.on}
        for plugin in self.plugins:
            if plugin.name not in on:
                self.commands.discard(plugin.name)
        self.hooks.bind()

    def finish(self, server: ChatServer) -> None:
        """Let each of them end, whatever becomes of the others."""
        self.plugins.finish("greenchat_shutdown", lambda plugin, end: within(SHUTDOWN_SECONDS, end), server=server)
        self._errors.end()

    def owned(self, function: Callable[..., Any]) -> str:
        """The plugin that `function` is of, or a question mark."""
        return self.owners.of_function(function) or "?"

    def _start(self, plugin: loader.Plugin, begin: Callable[[], None]) -> None:
        within(
            STARTUP_SECONDS, begin, lambda: log.warning("plugin %s is still starting", plugin.name, extra=plugin.fields)
        )

    def switch_on(self, plugin: str) -> None:
        """Have a plugin called again that was switched off. Raises `Reject`."""
        if plugin not in {one.name for one in self.plugins.on}:
            raise Reject(f"There is no plugin {printable(plugin)} that could be switched on.", code="unknown_plugin")
        if not self.hooks.switch_on(plugin):
            raise Reject(f"The plugin {plugin} is on already.", code="plugin_is_on")
        self.off.pop(plugin, None)
        self.commands.add(plugin, self._given.get(plugin, ()))
        loader.forget_off(self._data_dir)
        for name, why in self.off.items():
            loader.note_off(self._data_dir, name, why)
        log.warning("plugin %s is switched on again", plugin, extra={"plugin": plugin})

    def _add_commands(self, plugin: loader.Plugin, found: Iterable[Command]) -> None:
        if isinstance(found, Iterable) and not isinstance(found, str):
            found = self._given[plugin.name] = list(found)
        taken = [f"/{name}" for name in self.commands.add(plugin.name, found)]
        if taken:
            plugin.notes.append(f"{', '.join(taken)}: another plugin comes first with that")
            log.warning("plugin %s: %s", plugin.name, plugin.notes[-1], extra=plugin.fields)

    def _switched_off(self, plugin: str, why: str) -> None:
        self.commands.discard(plugin)
        self.off[plugin] = why
        try:
            loader.note_off(self._data_dir, plugin, why)
        except OSError as error:
            log.error("it cannot be kept that plugin %s is off: %s", plugin, error, extra={"plugin": plugin})
        self._tell_operators(
            f"The plugin {plugin} is switched off: {why}. What it checks is still checked. "
            f"/plugin on {plugin} switches it on again."
        )


def _tell_operators(server: ChatServer, text: str) -> None:
    for session in list(server.sessions.values()):
        if session.role == "operator":
            session.info(text)
