"""The plugins of one server: from their start, over what becomes of those that keep failing, to their end."""

import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import gevent

from greenchat.chat.accounts import AccountDirectory
from greenchat.config.schema import Config
from greenchat.errors import ConfigError, PluginError, Reject
from greenchat.hooks import commands, loader, routes
from greenchat.hooks.background import SHUTDOWN_SECONDS, STARTUP_SECONDS, ErrorHandler, within
from greenchat.hooks.blame import Owners
from greenchat.hooks.clock import Clock, SystemClock
from greenchat.hooks.commands import CommandTable
from greenchat.hooks.context import Context
from greenchat.hooks.dispatch import Dispatcher
from greenchat.hooks.interfaces import ChatServer, Command, Session
from greenchat.hooks.meters import Beat
from greenchat.hooks.room_switches import RoomSwitches
from greenchat.hooks.routes import Route, Routes
from greenchat.hooks.surroundings import Surroundings
from greenchat.hooks.tracing import traced
from greenchat.protocol.text import printable

log = logging.getLogger("greenchat.plugins")


class PluginLifecycle:
    """`plugins` are all that were found, `hooks` and `commands` those of the ones that are on; `owners` know whose code
    is whose."""

    def __init__(
        self,
        config: Config,
        data_dir: Path,
        objects: Iterable[object],
        clock: Clock | None = None,
        installed: Collection[str] | None = None,
        turn: Beat | None = None,
    ) -> None:
        """Their timers go by `clock`, or else by this machine's. Raises `ConfigError` and `PluginError`."""
        self._data_dir = data_dir
        self._around = Surroundings(clock or SystemClock(), data_dir)
        self.plugins = loader.Plugins(config, objects, self._around, data_dir, installed)
        self.owners = Owners(self.plugins.modules)
        trace = traced if config.server.trace_plugins else None
        if trace is not None:
            self.plugins.trace = trace
        self.rooms = RoomSwitches(data_dir, self._bind)
        self.hooks = Dispatcher(
            self.plugins.manager,
            self._switched_off,
            gevent.spawn_later,
            holds=config.server.plugin_holds,
            trace=trace,
            turn=turn,
            meters=self._around.meters,
            gated=self.rooms.gated,
        )
        self._around.failed = self.hooks.failed
        self._around.failed_alone = self.hooks.failed_alone
        self._around.rooms = self.rooms
        self._around.keep_order = self.hooks.keep_order
        self.commands = CommandTable(
            self.hooks.failed_alone,
            self._around.clock.monotonic,
            require_on=self.rooms.require_on,
            meters=self._around.meters,
        )
        self.routes = Routes(self.hooks.failed_alone, self._around.meters)
        self._given: dict[str, list[Command]] = {}  # the commands of each plugin
        self._given_routes: dict[str, list[Route]] = {}
        self.off: dict[str, str] = {}  # which were switched off since the start, and why
        self._tell_operators: Callable[[str], None] = lambda text: None
        self._errors = ErrorHandler(self.owners, self.hooks.failed)
        self._accounts: frozenset[int] = frozenset()  # those that there were when it was last told

    def start(self, server: ChatServer) -> None:
        """Let them begin. Raises `ConfigError`, and `PluginError` where one that is required cannot."""
        self._tell_operators = lambda text: _tell_operators(server, text)
        loader.forget_off(self._data_dir)
        self._errors.begin()
        self._around.server = server
        self.rooms.open_rooms = server.chat.rooms
        for plugin in self.plugins.on:
            self._restrict(plugin, server.config.limits.name_length)
        within(STARTUP_SECONDS, self.rooms.begin)
        self.plugins.each(_begin_context)
        self.plugins.provide("greenchat_commands", self._add_commands)
        self.plugins.provide("greenchat_routes", self._add_routes)
        self.plugins.provide("greenchat_startup", call=self._start, server=server)
        self._around.doorman.works_for(self.plugins.manager, self.hooks.bind)
        self._around.ears.works_for(self.plugins.manager, self.hooks.bind, server.chat)
        self.hooks.bind()
        self.plugins.each(_start_context)
        server.accounts.watch(lambda: self._accounts_changed(server.accounts))
        names = {plugin.name for plugin in self.plugins.on}
        for plugin in self.plugins:
            if plugin.off:
                if plugin.name not in names:  # else it is another one's that has taken its place
                    self._discard(plugin.name)
            elif plugin.name in self.routes.plugins and not self.routes.served:
                self._note(plugin, "its routes are not served, since no plugin that is on speaks HTTP: see web")
        self.hooks.bind()

    def finish(self, server: ChatServer) -> None:
        """Let each of them end, whatever becomes of the others."""
        for plugin in self.plugins:
            if plugin.ctx is not None:
                self.plugins.take_last_step(plugin, "ctx.leave", partial(within, SHUTDOWN_SECONDS, plugin.ctx.leave))
        self.plugins.finish("greenchat_shutdown", lambda plugin, end: within(SHUTDOWN_SECONDS, end), server=server)
        with suppress(PluginError):  # a disk that hangs: the others are to end all the same
            within(SHUTDOWN_SECONDS, self.rooms.end)
        for plugin in self.plugins:
            if plugin.ctx is not None:
                self.plugins.take_last_step(plugin, "ctx.end", partial(within, SHUTDOWN_SECONDS, plugin.ctx.end))
        self._errors.end()

    def ctx_of(self, plugin: str) -> Context | None:
        """The context of the plugin called so."""
        return next((one.ctx for one in self.plugins if one.name == plugin and one.ctx is not None), None)

    def came_in(self, session: Session) -> None:
        """Somebody has come in, into no room: what waits for them is told now, not with a room only."""
        self._around.doorman.came(session)

    def forget_room(self, room: str) -> None:
        """What plugins keep of it by their contexts, and what is switched off there. Raises `Reject`."""
        self.rooms.forget_room(room)
        for plugin in self.plugins:
            if plugin.ctx is not None:
                plugin.ctx.forget_room(room)

    def _accounts_changed(self, accounts: AccountDirectory) -> None:
        """Of accounts that are gone nothing is kept."""
        before, self._accounts = self._accounts, frozenset(accounts.ids)
        if gone := before - self._accounts:
            for plugin in self.plugins:
                if plugin.ctx is not None:
                    plugin.ctx.forget_accounts(gone)

    def owned(self, function: Callable[..., Any]) -> str:
        """The plugin that `function` is of, or a question mark."""
        return self.owners.of_function(function) or "?"

    def _bind(self) -> None:
        self.hooks.bind()

    def _restrict(self, plugin: loader.Plugin, name_length: int) -> None:
        try:
            self.rooms.add(plugin.name, plugin.grants.rooms, plugin.per_room, name_length)
        except Reject as verdict:
            raise ConfigError(f"plugins.{plugin.name}.rooms: {verdict}") from None

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
        ctx = self.ctx_of(plugin)
        self.commands.add(plugin, self._given.get(plugin, ()), ctx)
        self.routes.add(plugin, self._given_routes.get(plugin, ()))
        if ctx is not None:
            ctx.resume()
        loader.forget_off(self._data_dir)
        for name, why in self.off.items():
            loader.note_off(self._data_dir, name, why)
        log.warning("plugin %s is switched on again", plugin, extra={"plugin": plugin})

    def _add_commands(self, plugin: loader.Plugin, found: Iterable[Command]) -> None:
        if isinstance(found, Iterable) and not isinstance(found, str):
            found = self._given[plugin.name] = list(islice(found, commands.MOST + 1))
        taken = [f"/{name}" for name in self.commands.add(plugin.name, found, plugin.ctx)]
        if taken:
            self._note(plugin, f"{', '.join(taken)}: another plugin comes first with that")

    def _add_routes(self, plugin: loader.Plugin, found: Iterable[Route]) -> None:
        if isinstance(found, Iterable) and not isinstance(found, str):
            found = self._given_routes[plugin.name] = list(islice(found, routes.MOST + 1))
        taken = self.routes.add(plugin.name, found)
        if taken:
            self._note(plugin, f"{', '.join(taken)}: another plugin comes first with that")

    def _note(self, plugin: loader.Plugin, what: str) -> None:
        plugin.notes.append(what)
        log.warning("plugin %s: %s", plugin.name, what, extra=plugin.fields)

    def _discard(self, plugin: str) -> None:
        self.commands.discard(plugin)
        self.routes.discard(plugin)

    def _switched_off(self, plugin: str, why: str) -> None:
        self._discard(plugin)
        if (ctx := self.ctx_of(plugin)) is not None:
            ctx.halt()
        self.off[plugin] = why
        try:
            loader.note_off(self._data_dir, plugin, why)
        except OSError as error:
            log.error("it cannot be kept that plugin %s is off: %s", plugin, error, extra={"plugin": plugin})
        self._tell_operators(
            f"The plugin {plugin} is switched off: {why}. What it checks is still checked. "
            f"/plugin on {plugin} switches it on again."
        )


def _begin_context(plugin: loader.Plugin) -> None:
    if plugin.ctx is not None:
        within(STARTUP_SECONDS, plugin.ctx.begin)


def _start_context(plugin: loader.Plugin) -> None:
    if plugin.ctx is not None:
        within(STARTUP_SECONDS, plugin.ctx.started)


def _tell_operators(server: ChatServer, text: str) -> None:
    for session in list(server.sessions.values()):
        if session.role == "operator":
            session.info(text)
