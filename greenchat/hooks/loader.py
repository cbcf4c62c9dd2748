"""Finding plugins, loading them with their settings, and saying what became of each.

A plugin is a module (or an object) with `@hookimpl` functions. One with settings or state names `greenchat_plugin`:
a class or function that is called once a server, with the plugin's `settings` and its `ctx` (see context.py), and
returns the object that bears the hooks, or None where it has nothing to do under these settings. Settings are declared
as the module's (or the class's) `Settings`, a subclass of `greenchat.Settings`.

Called first to last: modules given by name, in their order; files and packages of plugin directories, by name, that of
the data directory last; installed plugins, by name. pluggy's `tryfirst` and `trylast` move single hooks.
"""

import difflib
import inspect
import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pluggy

from greenchat.config.grants import Grants, split
from greenchat.config.load import convert
from greenchat.config.schema import Config, Settings
from greenchat.errors import ConfigError, GreenchatError, PluginError
from greenchat.hooks import finding, specs
from greenchat.hooks.calls import refuse_wrappers
from greenchat.hooks.clock import SystemClock
from greenchat.hooks.collecting import Made, collect
from greenchat.hooks.context import Context
from greenchat.hooks.ending import Killed
from greenchat.hooks.surroundings import Surroundings
from greenchat.storage.datadir import open_private
from greenchat.storage.plugin_choice import Choice

log = logging.getLogger("greenchat.plugins")

Step = Callable[[], Any]

# What the log tells before each of them: whoever ends the process, or hangs, is known by that.
LOADING = "loading plugin %s of %s"


@dataclass
class Plugin:
    """One plugin that was found. `off` says why it is not on; `notes` what there is to know of one that is."""

    name: str
    source: str
    find: Callable[[], object]
    version: str = "-"
    off: str = ""
    notes: list[str] = field(default_factory=list)
    settings: Settings | None = None
    module: str = ""
    ctx: Context | None = field(default=None, repr=False)
    grants: Grants = field(default_factory=Grants)
    opt_in: bool = False  # off unless somebody asks for it
    per_room: bool = False  # whether owners of rooms may switch it off there
    found: object = field(default=None, repr=False)  # what `find` has given
    bearer: object = field(default=None, repr=False)
    made: list[Made] = field(default_factory=list, repr=False)  # of the marks in there

    @property
    def fields(self) -> dict[str, object]:
        """Whose doing a line of the log is."""
        return {"plugin": self.name}

    @property
    def rooms(self) -> tuple[str, ...]:
        """The only ones that it is for; none: all."""
        return tuple(self.grants.rooms)

    @property
    def is_installed(self) -> bool:
        """Whether it was found as one that this Python has."""
        return self.source.endswith("installed") or self.source.endswith("(installed)")

    @property
    def is_spare(self) -> bool:
        """Whether it is off since nobody has asked for it."""
        return self.opt_in and self.grants.on is None and bool(self.off)

    @property
    def state(self) -> str:
        """On or off, and why."""
        if self.off:
            return f"off: {self.off}"
        return "; ".join(["on", *self.notes])


# Of a plugin that nobody would ever notice.
NOTHING = "nothing in it is called: it has no decorated function, no @hookimpl, and no greenchat_plugin that makes some"


class _Manager(pluggy.PluginManager):
    """One that does not look for hooks in what Python itself gives each object: half of all, at each start."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        return None if name.startswith("__") else super().parse_hookimpl_opts(plugin, name)

    def register_beside(self, made: Made, name: str) -> None:
        """Register one of the hooks that are made of a plugin's marks: it is called, and fails, as the plugin's."""
        self.register(made, f"{name} {made.place}")
        for caller in self.get_hookcallers(made) or ():
            for item in caller.get_hookimpls():
                if item.plugin is made:
                    item.plugin_name = name  # type: ignore[misc]  # pluggy has one object of a name


class Plugins:
    """The plugins of one server, loaded; `manager` knows the hooks of those that are on."""

    def __init__(
        self,
        config: Config,
        extra: Iterable[object] = (),
        around: Surroundings | None = None,
        data_dir: Path | None = None,
        installed: Collection[str] | None = None,
        choice: Choice | None = None,
        loaded: Sequence[Plugin] | None = None,
    ) -> None:
        """Load all that `config` names, what is in the `data_dir`, what this Python has, and `extra`, objects called
        before all others. Their contexts stand on what is `around` them; without, no server runs. Of those that this
        Python has only those that are `installed`, by name, if that is said. `choice` is which operators have chosen to
        be on and off. With `loaded`, nothing is looked for: it is these, see `again`.

        Raises `ConfigError` for wrong settings, `PluginError` where a required plugin cannot be used.
        """
        self.manager = _Manager("greenchat")
        self.manager.add_hookspecs(specs)
        self._config = config
        self._installed, self._enabled = installed, () if choice is None else choice.enabled
        self._around = around or Surroundings(SystemClock())
        self.trace: Callable[[str, str, Callable[..., Any]], Callable[..., Any]] | None = None
        if loaded is None:
            loaded = [Plugin(*found) for found in finding.find(config, extra, data_dir, installed)]
        self.all = _unique(loaded)
        disabled, chosen = config.server.disabled_plugins, choice or Choice()
        _require_known(disabled, self.all, "server.disabled_plugins")
        _require_known(config.server.required_plugins, self.all, "server.required_plugins")
        _require_known(config.plugins, self.all, "plugins")
        for plugin in reversed(self.all):  # pluggy calls the last one registered first
            plugin.off = plugin.off or chosen.off(plugin.name, disabled)
            if not plugin.off:
                self._try(plugin, lambda: self._load(plugin))  # noqa: B023
            self._require(plugin)

    def __iter__(self) -> Iterator[Plugin]:
        return iter(self.all)

    @property
    def on(self) -> list[Plugin]:
        return [plugin for plugin in self.all if not plugin.off]

    def again(self) -> list[Plugin]:
        """The same plugins, with the code that is loaded, whatever is on the disk by now."""
        return [Plugin(plugin.name, plugin.source, partial(_again, plugin), plugin.version) for plugin in self.all]

    @property
    def modules(self) -> dict[str, str]:
        """The module each plugin's code is in, and the plugin's name."""
        return {plugin.module: plugin.name for plugin in self.all if plugin.module}

    def each(self, step: Callable[[Plugin], None]) -> None:
        """Take `step` for each plugin that is on. One for which it raises is off. Raises as the constructor does."""
        for plugin in self.on:
            self._try(plugin, lambda: step(plugin))  # noqa: B023

    def provide(
        self,
        hook: str,
        use: Callable[[Plugin, Any], None] = lambda plugin, result: None,
        call: Callable[[Plugin, Step], Any] = lambda plugin, step: step(),
        **arguments: object,
    ) -> None:
        """Call a hook of the kind "provide" on each plugin, by `call`, and `use` what it returns. A plugin that raises
        is off.

        Raises as the constructor does."""
        for plugin, step in self._steps(hook, arguments):
            self._try(plugin, lambda: use(plugin, call(plugin, step)))  # noqa: B023

    def finish(self, hook: str, call: Callable[[Plugin, Step], Any], **arguments: object) -> None:
        """Call a hook on each plugin, by `call`, whatever becomes of those before it."""
        for plugin, step in self._steps(hook, arguments):
            self.take_last_step(plugin, hook, partial(call, plugin, step))

    def take_last_step(self, plugin: Plugin, where: str, step: Step) -> None:
        """Take `step` for `plugin`, whatever becomes of it."""
        try:
            step()
        except Killed:
            raise
        except BaseException as error:
            what = _why(error)
            log.error("plugin %s failed in %s: %s", plugin.name, where, what, exc_info=error, extra=plugin.fields)

    def _steps(self, hook: str, arguments: Mapping[str, object]) -> Iterator[tuple[Plugin, Step]]:
        for item in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            plugin = next((plugin for plugin in self.on if plugin.name == item.plugin_name), None)
            if plugin is None:  # it has failed in another step
                continue
            function = item.function if self.trace is None else self.trace(plugin.name, hook, item.function)
            yield plugin, partial(function, *(arguments[name] for name in item.argnames))

    def _load(self, plugin: Plugin) -> None:
        log.debug(LOADING, plugin.name, plugin.source, extra=plugin.fields)
        found = plugin.found = plugin.find()
        plugin.module = finding.module_of(found)
        declared = getattr(found, "Settings", None)
        declared = None if declared is Settings else declared  # which it has imported, and declares none
        table, plugin.grants = split(self._config.plugins.get(plugin.name, {}), plugin.name, declared)
        if declared is None and table:
            raise ConfigError(f"plugins.{plugin.name}: this plugin has no settings. Take the table out.")
        if declared is not None:
            plugin.settings = convert(table, declared, f"plugins.{plugin.name}", "the configuration")
        plugin.off = self._why_not(plugin, found)
        if plugin.off:
            return
        plugin.ctx = ctx = Context(plugin.name, plugin.settings, self._around, frozenset(plugin.grants.may))
        make = getattr(found, "greenchat_plugin", found if isinstance(found, type) else None)
        bearer = found
        if make is not None:
            bearer = _made(make, ctx, declared is not None)
        if bearer is None:
            plugin.notes.append("has nothing to do with these settings")
            return
        plugin.bearer = bearer
        plugin.per_room = any(getattr(one, "per_room", False) is True for one in (found, bearer))
        plugin.made = collect(bearer, ctx)
        for made in reversed(plugin.made):  # pluggy calls the last one registered first
            self.manager.register_beside(made, plugin.name)
        self.manager.register(bearer, plugin.name)
        refuse_wrappers(self.manager, bearer)
        _refuse_misspelt(self.manager, bearer)
        self._tell_forgotten(plugin, found, bearer)

    def _why_not(self, plugin: Plugin, found: object) -> str:
        """Why it is not to be on; empty where it is. One that is `opt_in` has to be asked for where it is not there for
        its own sake: not by its name, nor as a file that somebody has put into a directory."""
        if plugin.name in self._enabled:
            return ""
        plugin.opt_in = getattr(found, "opt_in", False) is True and plugin.is_installed
        name, on = plugin.name, plugin.grants.on
        if on is None and plugin.opt_in and self._installed is None:
            return f"it is so until plugins.{name}.on = true has it on, or /plugin enable {name}"
        return f"switched off by plugins.{name}.on" if on is False else ""

    def _tell_forgotten(self, plugin: Plugin, found: object, bearer: object) -> None:
        """Say what looks like a hook and is none. Raises `PluginError` where nothing else is there: a check of which
        its author takes it that it checks must not be on."""
        forgotten = finding.forgotten(found, bearer)
        if not self.manager.get_hookcallers(bearer) and not plugin.made:
            if forgotten:
                raise PluginError("; ".join(forgotten))
            if plugin.ctx is not None and not plugin.ctx.is_used:
                forgotten = [NOTHING]
        for what in forgotten:
            plugin.notes.append(what)
            log.warning("plugin %s: %s", plugin.name, what, extra=plugin.fields)

    def _try(self, plugin: Plugin, step: Callable[[], None]) -> None:
        """Take `step` for `plugin`; where it fails, go on without the plugin, unless it is required."""
        try:
            step()
        except (ConfigError, Killed):
            raise
        except BaseException as error:
            plugin.off = _why(error)
            if plugin.ctx is not None:
                plugin.ctx.halt()
            for bearer in (plugin.bearer, *plugin.made):
                if self.manager.is_registered(bearer):
                    self.manager.unregister(bearer)
            # A traceback helps the plugin's author; for our own verdicts the sentence says it all.
            log.error(
                "plugin %s is off: %s",
                plugin.name,
                plugin.off,
                exc_info=None if isinstance(error, GreenchatError) else finding.own_part(error),
                extra=plugin.fields,
            )
            self._require(plugin)

    def _require(self, plugin: Plugin) -> None:
        if plugin.off and plugin.name in self._config.server.required_plugins:
            raise PluginError(f"the plugin {plugin.name} is required, but off: {plugin.off}")


def _made(make: Callable[..., object], ctx: Context, has_settings: bool) -> object:
    """What `greenchat_plugin` returns. It is called with `settings` and `ctx` where that is what its parameters are
    called; one that knows no `ctx` gets the settings, whatever it calls them."""
    try:
        parameters = inspect.signature(make).parameters
    except (TypeError, ValueError):  # it is not written in Python
        return make(ctx.settings) if has_settings else make()
    if "ctx" not in parameters:
        return make(ctx.settings) if has_settings or "settings" in parameters else make()
    others = [name for name, one in parameters.items() if name != "ctx" and one.default is one.empty]
    if "settings" in parameters:
        return make(settings=ctx.settings, ctx=ctx)
    return make(**{others[0]: ctx.settings}, ctx=ctx) if has_settings and others else make(ctx=ctx)


def _again(plugin: Plugin) -> object:
    """What was found of it before. Raises `PluginError` where that could not be loaded."""
    if plugin.found is None:
        raise PluginError(plugin.off)
    return plugin.found


def _unique(plugins: Sequence[Plugin]) -> list[Plugin]:
    """`plugins`, with those off whose name is taken by one that comes before them."""
    first: dict[str, Plugin] = {}
    for plugin in plugins:
        taken = first.setdefault(plugin.name, plugin)
        if taken is not plugin:
            plugin.off = f"another plugin of this name comes first: {taken.source}"
            log.warning("plugin %s of %s is off: %s", plugin.name, plugin.source, plugin.off, extra=plugin.fields)
    return list(plugins)


def _why(error: BaseException) -> str:
    """What has happened, on one line: our own verdicts are sentences, other errors have a kind."""
    text = finding.told(error)
    return text if isinstance(error, GreenchatError) else f"{type(error).__name__}: {text}"


def _require_known(names: Iterable[str], plugins: Sequence[Plugin], path: str) -> None:
    known = sorted({plugin.name for plugin in plugins})
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Found were: {', '.join(known)}."
            raise ConfigError(f"{path}: there is no plugin {name}. {hint}")


def _refuse_misspelt(manager: pluggy.PluginManager, plugin: object) -> None:
    """Raise `PluginError` for a hook that does not exist: pluggy would never call it, and never say so."""
    known = [name for name in vars(specs) if name.startswith("greenchat_")]
    for caller in manager.get_hookcallers(plugin) or ():
        if not caller.has_spec():
            near = difflib.get_close_matches(caller.name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            raise PluginError(f"there is no hook {caller.name}; {hint}")


# --- what a running server tells `greenchat plugins list` ------------------------------------------------------------

OFF_FILE = "plugins-off.json"  # in the data directory: {plugin: why}, as long as the server that wrote it runs


def note_off(data_dir: Path, plugin: str, why: str) -> None:
    """Keep it where `greenchat plugins list` finds it that the running server has switched `plugin` off."""
    reasons = read_off(data_dir)
    reasons[plugin] = f"switched off at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: {why}"
    try:
        with open_private(data_dir / OFF_FILE) as file:
            file.write(json.dumps(reasons))
    except OSError as error:  # it is in the log, too
        log.error("greenchat plugins list will not know it, as %s cannot be written: %s", OFF_FILE, error.strerror)


def read_off(data_dir: Path) -> dict[str, str]:
    """Why the server on `data_dir` has switched off which plugins since its start."""
    try:
        reasons: dict[str, str] = json.loads((data_dir / OFF_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return reasons


def forget_off(data_dir: Path) -> None:
    try:
        (data_dir / OFF_FILE).unlink(missing_ok=True)
    except OSError as error:
        log.error("what an earlier server has switched off stays listed, in %s: %s", OFF_FILE, error.strerror)
