"""Finding plugins, loading them with their settings, and saying what became of each.

A plugin is a module (or an object) with `@hookimpl` functions. One with settings or state names `greenchat_plugin`:
a class or function that is called once a server, with the plugin's settings, and returns the object that bears the
hooks, or None where it has nothing to do under these settings. Settings are declared as the module's (or the class's)
`Settings`, a subclass of `greenchat.Settings`.

Called first to last: modules given by name, in their order; files of plugin directories, by name; installed plugins,
by name. pluggy's `tryfirst` and `trylast` move single hooks.
"""

import difflib
import importlib
import importlib.metadata
import importlib.util
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from greenchat import hookspecs, settings
from greenchat.config import Config, Settings
from greenchat.datadir import open_private
from greenchat.dispatch import refuse_wrappers
from greenchat.errors import ConfigError, GreenchatError, PluginError

log = logging.getLogger("greenchat.plugins")

GROUP = "greenchat"  # the group of entry points under which installed plugins are found


@dataclass
class Plugin:
    """One plugin that was found. `off` says why it is not on; `note` what there is to know of one that is."""

    name: str
    source: str
    find: Callable[[], object]
    version: str = "-"
    off: str = ""
    note: str = ""
    settings: Settings | None = None
    module: str = ""
    bearer: object = field(default=None, repr=False)

    @property
    def state(self) -> str:
        """On or off, and why."""
        if self.off:
            return f"off: {self.off}"
        return f"on; {self.note}" if self.note else "on"


class Plugins:
    """The plugins of one server, loaded; `manager` knows the hooks of those that are on."""

    def __init__(self, config: Config, extra: Iterable[object] = ()) -> None:
        """Load all that `config` names and this Python has, and `extra`, objects called before all others.

        Raises `ConfigError` for wrong settings, `PluginError` where a required plugin cannot be used.
        """
        self.manager = pluggy.PluginManager("greenchat")
        self.manager.add_hookspecs(hookspecs)
        self._config = config
        self.all = _unique([*_given(extra), *_find(config)])
        disabled = config.server.disabled_plugins
        _require_known(disabled, self.all, "server.disabled_plugins")
        _require_known(config.server.required_plugins, self.all, "server.required_plugins")
        _require_known(config.plugins, self.all, "plugins")
        for plugin in reversed(self.all):  # pluggy calls the last one registered first
            if plugin.name in disabled:
                plugin.off = "disabled"
            if not plugin.off:
                self._try(plugin, lambda: self._load(plugin))  # noqa: B023
            self._require(plugin)

    def __iter__(self) -> Iterator[Plugin]:
        return iter(self.all)

    @property
    def on(self) -> list[Plugin]:
        return [plugin for plugin in self.all if not plugin.off]

    @property
    def modules(self) -> dict[str, str]:
        """The module each plugin's code is in, and the plugin's name."""
        return {plugin.module: plugin.name for plugin in self.all if plugin.module}

    def provide(self, hook: str, use: Callable[[Plugin, Any], None], **arguments: object) -> None:
        """Call a hook of the kind "provide" on each plugin, and `use` what it returns. A plugin that raises is off.

        Raises as the constructor does."""
        for item in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            plugin = next(plugin for plugin in self.all if plugin.bearer is item.plugin)
            given = [arguments[name] for name in item.argnames]
            self._try(plugin, lambda: use(plugin, item.function(*given)))  # noqa: B023

    def _load(self, plugin: Plugin) -> None:
        found = plugin.find()
        plugin.module = found.__name__ if isinstance(found, ModuleType) else type(found).__module__
        declared = getattr(found, "Settings", None)
        table = self._config.plugins.get(plugin.name, {})
        if declared is None and table:
            raise ConfigError(f"plugins.{plugin.name}: this plugin has no settings. Take the table out.")
        if declared is not None:
            plugin.settings = settings.convert(table, declared, f"plugins.{plugin.name}", "the configuration")
        make = getattr(found, "greenchat_plugin", found if isinstance(found, type) else None)
        if make is not None:
            found = make(plugin.settings) if declared is not None else make()
        if found is None:
            plugin.note = "has nothing to do with these settings"
            return
        plugin.bearer = found
        self.manager.register(found, plugin.name)
        refuse_wrappers(self.manager, found)
        _refuse_misspelt(self.manager, found)

    def _try(self, plugin: Plugin, step: Callable[[], None]) -> None:
        """Take `step` for `plugin`; where it fails, go on without the plugin, unless it is required."""
        try:
            step()
        except ConfigError:
            raise
        except Exception as error:
            plugin.off = f"{type(error).__name__}: {error}" if not isinstance(error, GreenchatError) else str(error)
            if self.manager.is_registered(plugin.bearer):
                self.manager.unregister(plugin.bearer)
            # A traceback helps the plugin's author; for our own verdicts the sentence says it all.
            log.error("plugin %s is off: %s", plugin.name, plugin.off, exc_info=not isinstance(error, GreenchatError))
            self._require(plugin)

    def _require(self, plugin: Plugin) -> None:
        if plugin.off and plugin.name in self._config.server.required_plugins:
            raise PluginError(f"the plugin {plugin.name} is required, but off: {plugin.off}")


def _find(config: Config) -> Iterator[Plugin]:
    for name in config.server.plugins:
        yield Plugin(name.rpartition(".")[2], name, lambda name=name: _import(name))  # type: ignore[misc]
    for directory in map(Path, config.server.plugins_dirs):
        if not directory.is_dir():
            raise ConfigError(f"server.plugins_dirs: {directory} is not a directory.")
        for file in sorted(directory.glob("[!_]*.py")):
            yield Plugin(file.stem, str(file), lambda file=file: _import_file(file))  # type: ignore[misc]
    packages: dict[Any, tuple[str, str]] = {}  # each is read once, which takes a millisecond
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        if entry.dist not in packages:
            packages[entry.dist] = _package(entry.dist)
        source, version = packages[entry.dist]
        yield Plugin(entry.name, source, entry.load, version)


def _package(dist: importlib.metadata.Distribution | None) -> tuple[str, str]:
    """Where an installed plugin comes from, and its version."""
    if dist is None:
        return "installed", "-"
    metadata = dist.metadata
    return f"{metadata['Name']} (installed)", metadata["Version"]


def _given(objects: Iterable[object]) -> Iterator[Plugin]:
    for thing in objects:
        name = getattr(thing, "__name__", type(thing).__name__)
        yield Plugin(name.rpartition(".")[2], "given", lambda thing=thing: thing)  # type: ignore[misc]


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise PluginError(f"there is no module {name}; check --plugin and what is installed") from None
        raise


def _import_file(file: Path) -> ModuleType:
    """The file as a module of its own name space: a plugin called logging.py must not hide the standard library's."""
    name = f"greenchat_plugins_dir.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _unique(plugins: Sequence[Plugin]) -> list[Plugin]:
    """`plugins`, with those off whose name is taken by one that comes before them."""
    first: dict[str, Plugin] = {}
    for plugin in plugins:
        taken = first.setdefault(plugin.name, plugin)
        if taken is not plugin:
            plugin.off = f"another plugin of this name comes first: {taken.source}"
    return list(plugins)


def _require_known(names: Iterable[str], plugins: Sequence[Plugin], path: str) -> None:
    known = sorted({plugin.name for plugin in plugins})
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Found were: {', '.join(known)}."
            raise ConfigError(f"{path}: there is no plugin {name}. {hint}")


def _refuse_misspelt(manager: pluggy.PluginManager, plugin: object) -> None:
    """Raise `PluginError` for a hook that does not exist: pluggy would never call it, and never say so."""
    known = [name for name in vars(hookspecs) if name.startswith("greenchat_")]
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
