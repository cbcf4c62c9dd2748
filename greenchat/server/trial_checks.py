"""What is looked at in a trial, once configuration and plugins are loaded."""

import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from greenchat.hooks import room_switches
from greenchat.hooks.loader import Plugin
from greenchat.hooks.tables import declared
from greenchat.server.fingerprints import HERE
from greenchat.server.proving import TrialAsk
from greenchat.server.server import ChatServer
from greenchat.storage import direct_rows, schema_changes, session_store
from greenchat.storage.plugin_store import tables_path
from greenchat.storage.sqlite import DatabaseError

# What a plugin may do out in the world: its examples are not for trying each time.
OUTSIDE = frozenset({"http"})


def broken(server: ChatServer, ask: TrialAsk, changed: Collection[str], failures: Mapping[str, str]) -> Iterator[str]:
    """Those plugins that cannot be used, in words. One that could not be used before, and is what it was, is as good as
    it was, unless somebody wants it on now."""
    first = {plugin.name: plugin for plugin in reversed(server.plugins.all)}  # of several of one name
    for plugin in first.values():
        if not plugin.off or plugin.name not in failures:
            continue
        was_off = plugin.name in ask.off and plugin.name not in ask.on
        if not was_off or plugin.name in changed or plugin.name in ask.wanted:
            where = f" ({failures[plugin.name]})" if failures[plugin.name] else ""
            yield f"The plugin {plugin.name} cannot be used: {plugin.off}{where}. Mend it, or take it out."
    for name in ask.wanted:
        if name not in first:
            yield f"There is no plugin {name}. See greenchat plugins list."


def place(error: BaseException | None) -> str:
    """The line in a plugin in which it has failed, as far as there is one: "karma.py:3"."""
    if error is None or isinstance(error, SyntaxError):  # which says it itself
        return ""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _is_ours(file: str) -> bool:
    return file.startswith("<") or Path(file).is_relative_to(HERE)


def databases(server: ChatServer, data_dir: Path, changed: Collection[str]) -> tuple[list[str], list[str], list[str]]:
    """What was tried of migrations, what is wrong, and what takes a restart."""
    tried, wrong, waiting = [], [], []
    for path, migrations in _files(server, data_dir).items():
        try:
            pending = schema_changes.examine(path, migrations)
        except DatabaseError as error:
            wrong.append(str(error))
            continue
        if pending.migrations:
            tried.append(f"{pending.migrations} of the migrations of {path.name} tried on a copy")
        if pending.slow:
            waiting.append(
                f"{path.name} is to be changed in a way that takes the longer the more is in it "
                f"({'; '.join(pending.slow)}). Restart the server for that."
            )
    for plugin in server.plugins.on:
        path = tables_path(data_dir, plugin.name)
        if plugin.name in changed and path.exists() and path not in declared(plugin, data_dir):
            waiting.append(
                f"What the plugin {plugin.name} does to its tables cannot be known beforehand. Restart the server; or "
                "have the plugin's module say it, by MIGRATIONS = (...)."
            )
    return tried, wrong, waiting


def _files(server: ChatServer, data_dir: Path) -> dict[Path, Sequence[str]]:
    """The migrations of each file."""
    found: dict[Path, Sequence[str]] = {
        data_dir / session_store.FILE: session_store.MIGRATIONS,
        data_dir / direct_rows.FILE: direct_rows.MIGRATIONS,
        data_dir / room_switches.FILE: room_switches.MIGRATIONS,
    }
    for plugin in server.plugins.on:
        found |= declared(plugin, data_dir)
    return {path: migrations for path, migrations in found.items() if path.exists()}


def touched(ask: TrialAsk, config: Mapping[str, Any], changed: Iterable[str]) -> set[str]:
    """The plugins whose code or settings are not what they were: the others' examples would tell what they told."""
    before: dict[str, Any] = ask.config.get("plugins", {})
    now: dict[str, Any] = config["plugins"]
    return {*changed, *(name for name in now if now[name] != before.get(name, {}))}


def with_examples(server: ChatServer, names: Iterable[str]) -> list[Plugin]:
    """Those of the plugins called so whose examples can be tried: nothing has to be started for them, and they ask
    nobody out in the world."""
    wanted = set(names)
    start = server.plugins.manager.hook.greenchat_startup.get_hookimpls()
    started = {item.plugin_name for item in start}
    return [
        plugin
        for plugin in server.plugins.on
        if plugin.name in wanted
        and plugin.name not in started
        and not OUTSIDE & set(plugin.grants.may)
        and any(command.examples for command in server.commands.of(plugin.name))
    ]
