"""The code of plugins that are files: what Python has kept of them compiled is used only where it is surely theirs.

Python knows by whole seconds when a file was written. Who changes a plugin and has it loaded again within the same
second, in the same size, would get what it was before.
"""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import BYTECODE_SUFFIXES, ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

# What was written so short a time before it is read may be written again in what Python takes for the same moment, and
# is not kept compiled, in seconds: a second, and one more for clocks that are not quite the same, as that of a network
# file system. A new plugin is compiled once more by that.
FRESH_SECONDS = 2.0


class PluginLoader(SourceFileLoader):
    """That of one file. When that was put there is told by its inode: no program can set it, as it can the time of
    writing."""

    def get_data(self, path: str) -> bytes:
        """Raises `OSError` for what is compiled, where the source is not older; then it is compiled anew."""
        if path.endswith(tuple(BYTECODE_SUFFIXES)) and os.stat(path).st_mtime_ns <= os.stat(self.path).st_ctime_ns:
            raise FileNotFoundError(path)
        return super().get_data(path)

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        with suppress(OSError):  # it is gone meanwhile
            if time.time() - os.stat(self.path).st_ctime > FRESH_SECONDS:
                super().set_data(path, data, _mode=_mode)


class _Finder:
    """Finds as Python does, and has what lies in these `names`, modules and packages, loaded by a `PluginLoader`."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not any(name == one or name.startswith(f"{one}.") for one in self.names):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = PluginLoader(spec.loader.name, spec.loader.path)
        return spec


_finder = _Finder()


def take_care_of(name: str) -> None:
    """Have this module, or all in this package, loaded by a `PluginLoader` once it is imported."""
    _finder.names.add(name)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
