"""The plugins of one server: from their start, over what becomes of those that keep failing, to their end."""

import logging
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import gevent

from greenchat import values
from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.room import Member
from greenchat.config.schema import Config
from greenchat.errors import ConfigError, PluginError, Reject
from greenchat.hooks import busy, commands, finding, loader, routes
from greenchat.hooks.background import CARRIED_SECONDS, SHUTDOWN_SECONDS, STARTUP_SECONDS, ErrorHandler, within
from greenchat.hooks.blame import Owners
from greenchat.hooks.bots import leave_behind
from greenchat.hooks.carried import CarriedPlugins
from greenchat.hooks.clock import Clock, SystemClock
from greenchat.hooks.commands import CommandTable
from greenchat.hooks.context import Context
from greenchat.hooks.dispatch import Dispatcher
from greenchat.hooks.ending import Killed
from greenchat.hooks.interfaces import ChatServer, Command, Session
from greenchat.hooks.meters import Beat
from greenchat.hooks.room_switches import RoomSwitches
from greenchat.hooks.routes import Route, Routes
from greenchat.hooks.surroundings import Surroundings
from greenchat.hooks.tracing import traced
from greenchat.protocol.text import printable
from greenchat.storage.plugin_choice import Choice

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
        choice: Choice | None = None,
        loaded: Sequence[loader.Plugin] | None = None,
    ) -> None:
        """Their timers go by `clock`, or else by this machine's. `choice` is what operators have chosen; with `loaded`,
        it is these plugins. Raises `ConfigError` and `PluginError`."""
        self._data_dir, self._installed, self._choice = data_dir, installed, choice or Choice()
        self._around = Surroundings(clock or SystemClock(), data_dir)
        self.plugins = loader.Plugins(config, objects, self._around, data_dir, installed, choice, loaded)
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
        self._carried = CarriedPlugins()  # what nobody has taken up
        self._unasked: set[str] = set()  # plugins that cannot say whether they are busy
        self._errors = ErrorHandler(self.owners, self.hooks.failed)
        self._accounts: frozenset[int] = frozenset()  # those that there were when it was last told

    def start(
        self,
        server: ChatServer,
        carried: CarriedPlugins | None = None,
        bound: Callable[[], None] = lambda: None,
        members: Sequence[Member] = (),
    ) -> None:
        """Let them begin. Raises `ConfigError`, and `PluginError` where one that is required cannot. Of a server that
        goes on they are given what they have `carried`: its `members`, by their numbers, are in its chat already,
        without any sessions. `bound` is called once hooks are, before bots come in. `take_over` is to follow then."""
        self._tell_operators = lambda text: _tell_operators(server, text)
        self._list_off()
        self._errors.begin()
        self._around.server = server
        self.rooms.open_rooms = server.chat.rooms
        for plugin in self.plugins.on:
            self._restrict(plugin, server.config.limits.name_length)
        within(STARTUP_SECONDS, self.rooms.begin)
        if carried is not None:
            self._take_up(carried, members)
        self.plugins.each(_begin_context)
        self.plugins.provide("greenchat_commands", self._add_commands)
        self.plugins.provide("greenchat_routes", self._add_routes)
        self.plugins.provide("greenchat_startup", call=self._start, server=server)
        self._around.doorman.works_for(self.plugins.manager, self.hooks.bind)
        self._around.ears.works_for(self.plugins.manager, self.hooks.bind, server.chat)
        self.hooks.bind()
        for name, why in ({} if carried is None else carried.off).items():
            self._stay_off(name, why)
        bound()
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

    def try_out(self, server: ChatServer) -> None:
        """As `start`, up to where they would begin: nothing does. Raises as `start` does."""
        self._around.server = server
        for plugin in self.plugins.on:
            self._restrict(plugin, server.config.limits.name_length)
        self.plugins.provide("greenchat_commands", self._add_commands)
        self.plugins.provide("greenchat_routes", self._add_routes)

    def finish(self, server: ChatServer, *, carried: bool = False) -> CarriedPlugins:
        """Let each of them end, whatever becomes of the others. Where they are `carried` to another process, nobody
        sees it, and what goes with them is returned: its `number` is to be called then."""
        seconds = CARRIED_SECONDS if carried else SHUTDOWN_SECONDS
        found = CarriedPlugins(off=dict(self.off), hooks_off=self.hooks.left_out)
        for plugin, ctx in self._contexts:
            leave = partial(ctx.leave, carried=carried)
            self.plugins.take_last_step(plugin, "ctx.leave", partial(within, seconds, leave))
        self.plugins.finish("greenchat_shutdown", lambda plugin, end: within(seconds, end), server=server)
        for plugin, ctx in self._contexts if carried else ():
            carry = partial(_carry, plugin.name, ctx, found)
            self.plugins.take_last_step(plugin, "ctx.state", carry)
        with suppress(PluginError):  # a disk that hangs: the others are to end all the same
            within(seconds, self.rooms.end)
        for name, thread in busy.threads_at_work(self.owners) if carried else ():
            fields = {"plugin": name}
            log.error(
                "plugin %s has not ended its thread %s: it is cut off",
                name or "?",
                printable(thread.name),
                extra=fields,
            )
        for plugin, ctx in self._contexts:
            self.plugins.take_last_step(plugin, "ctx.end", partial(within, seconds, ctx.end))
        self._errors.end()
        return found

    def busy(self, besides: Collection[int] = ()) -> list[str]:
        """What must come to its end before another process may take over, each on a line: what plugins tell, what is
        done in threads, and processes that were started, but for those with the numbers in `besides`. A thread that
        lasts is let be where its plugin has a `greenchat_shutdown` that may end it."""
        found = [*self.plugins_busy(), *busy.pool_at_work()]
        ending = {item.plugin_name for item in self.plugins.manager.hook.greenchat_shutdown.get_hookimpls()}
        for plugin, thread in busy.threads_at_work(self.owners):
            if plugin not in ending:
                whose = f"plugin {plugin}" if plugin else "some plugin"
                found.append(f"{whose}: the thread {printable(thread.name)}, which its greenchat_shutdown has to end")
        return [*found, *busy.children(os.getpid(), besides)]

    def plugins_busy(self) -> list[str]:
        """As `busy`: what plugins tell, and what they have asked for to be done in threads."""
        found: list[str] = []
        self.plugins.finish("greenchat_busy", partial(self._ask_busy, found))
        counts = [(plugin.name, ctx.calls_to_end) for plugin, ctx in self._contexts]
        found += [busy.calls_in_thread(name, count) for name, count in counts if count]
        return found

    def _ask_busy(self, found: list[str], plugin: loader.Plugin, ask: Callable[[], object]) -> None:
        """One that fails does not keep anything from happening: it may be what is to be mended."""
        try:
            why = within(busy.ANSWER_SECONDS, ask)
            if why is not None:
                found.append(f"plugin {plugin.name}: {printable(values.text(why), busy.REASON_LENGTH)}")
        except Killed:
            raise
        except BaseException:
            if plugin.name in self._unasked:
                return  # it is asked again and again, and that it fails was told
            self._unasked.add(plugin.name)
            raise

    def take_over(self, server: ChatServer, sessions: Iterable[Session]) -> None:
        """These are the sessions that were carried, and go on: their plugins are told of them, whatever becomes of the
        others. Then their timers begin, and bots that nobody has asked for again leave."""
        sessions = list(sessions)
        for name, tell in self.hooks.carried:
            try:
                within(CARRIED_SECONDS, partial(_tell_all, tell, sessions))
            except PluginError as error:
                self.hooks.failed(name, "greenchat_carried", error)
        for plugin, ctx in self._contexts:
            self.plugins.take_last_step(plugin, "ctx.taken_over", ctx.taken_over)
        carried, self._carried = self._carried, CarriedPlugins()
        for name, one in carried.plugins.items():
            leave_behind(server.chat, name, one.bots)

    @property
    def _contexts(self) -> list[tuple[loader.Plugin, Context]]:
        return [(plugin, plugin.ctx) for plugin in self.plugins if plugin.ctx is not None]

    def _take_up(self, carried: CarriedPlugins, members: Sequence[Member]) -> None:
        """What goes on of each plugin."""
        self._carried = carried
        people = [members[number] if 0 <= number < len(members) else None for number in carried.people]
        for name in carried.changed:
            carried.off.pop(name, None)
        for plugin in self.plugins.on:
            if plugin.ctx is not None and plugin.name in carried.plugins:
                take_up = partial(plugin.ctx.take_up, carried.plugins.pop(plugin.name), people)
                self.plugins.take_last_step(plugin, "ctx.state", take_up)
            for name, hook in carried.hooks_off:
                if name == plugin.name and name not in carried.changed:
                    self.hooks.set_enabled(plugin.bearer, hook, False)

    def _stay_off(self, name: str, why: str) -> None:
        """A plugin was switched off before."""
        if name in {plugin.name for plugin in self.plugins.on}:
            self.hooks.stay_off(name)
            self._is_off(name, why)

    def ctx_of(self, plugin: str) -> Context | None:
        """The context of the plugin called so."""
        return next((one.ctx for one in self.plugins if one.name == plugin and one.ctx is not None), None)

    def found(self, config: Config) -> dict[str, str]:
        """The state of each plugin, by its name, those included that have come onto the disk meanwhile: also one by
        the name of another that is off."""
        found = {plugin.name: self._state(plugin) for plugin in reversed(self.plugins.all)}
        known = {plugin.source for plugin in self.plugins.all}
        for name, source, *_ in finding.find(config, (), self._data_dir, self._installed):
            if name not in found or (source not in known and found[name].startswith("off: ")):
                found[name] = "not loaded"
        return found

    def _state(self, plugin: loader.Plugin) -> str:
        off = self.off.get(plugin.name)
        return plugin.state if off is None else f"off: {off}"

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

    def _list_off(self) -> None:
        """For `greenchat plugins list`: what only this process knows."""
        loader.forget_off(self._data_dir)
        unloaded = {name: self._choice.off(name, ()) for name in self._choice.unloaded}
        for name, why in (unloaded | self.off).items():
            loader.note_off(self._data_dir, name, why)

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
        self._list_off()
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
        self._is_off(plugin, why)
        self._tell_operators(
            f"The plugin {plugin} is switched off: {why}. What it checks is still checked. "
            f"/plugin on {plugin} switches it on again."
        )

    def _is_off(self, plugin: str, why: str) -> None:
        self._discard(plugin)
        if (ctx := self.ctx_of(plugin)) is not None:
            ctx.halt()
        self.off[plugin] = why
        try:
            loader.note_off(self._data_dir, plugin, why)
        except OSError as error:
            log.error("it cannot be kept that plugin %s is off: %s", plugin, error, extra={"plugin": plugin})


def _carry(name: str, ctx: Context, found: CarriedPlugins) -> None:
    found.plugins[name] = ctx.carry(found.referred)


def _tell_all(tell: Callable[[Session], None], sessions: Iterable[Session]) -> None:
    for session in sessions:
        tell(session)


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
