"""What a plugin says of the SQLite files that it keeps, so that their migrations can be tried before a hand-over,
without starting it.

`MIGRATIONS`, in its module or class, are those of `ctx.database`; `DATABASES` are those of other files of the data
directory, by their names.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

from greenchat.hooks.loader import Plugin
from greenchat.storage import plugin_store
from greenchat.storage.plugin_store import store_path, tables_path


def declared(plugin: Plugin, data_dir: Path) -> dict[Path, Sequence[str]]:
    """The migrations of the files of a plugin that is on, as far as they are known."""
    found: dict[Path, Sequence[str]] = {store_path(data_dir, plugin.name): plugin_store.MIGRATIONS}
    migrations = _attribute(plugin, "MIGRATIONS")
    if _are_migrations(migrations):
        found[tables_path(data_dir, plugin.name)] = migrations
    databases = _attribute(plugin, "DATABASES")
    if isinstance(databases, Mapping):
        for name, migrations in databases.items():
            if isinstance(name, str) and _are_migrations(migrations):
                found[data_dir / name] = migrations
    return found


def _attribute(plugin: Plugin, name: str) -> object:
    places = (plugin.found, plugin.bearer, sys.modules.get(plugin.module))
    return next((value for place in places if (value := getattr(place, name, None)) is not None), None)


def _are_migrations(value: object) -> TypeGuard[Sequence[str]]:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, str) for one in value)
