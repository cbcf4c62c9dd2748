"""What code must not do while it is only tried: write in the data directory of the server that runs, or open a port.

It keeps a plugin's author from a mistake. It is no sandbox: plugins are trusted like greenchat itself.
"""

import os
import sys
from pathlib import Path
from typing import Any

from greenchat.errors import PluginError

# What opens a file for more than reading.
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# What changes the paths that it is called with.
CHANGES = frozenset(
    f"os.{name}" for name in ("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "symlink", "truncate")
)
# ... and of these the second alone.
LINKS = ("os.link", "os.symlink")


class Guard:
    """From now on, in the whole process and for good: Python does not let one take that back."""

    def __init__(self, data_dir: Path) -> None:
        self._kept = data_dir.resolve()
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags & WRITES:
                self._require_elsewhere(path)
        elif event in CHANGES:
            for path in arguments[1:2] if event in LINKS else arguments[:2]:
                self._require_elsewhere(path)
        elif event == "sqlite3.connect":
            (path,) = arguments
            if isinstance(path, bytes | str | os.PathLike):
                self._require_elsewhere(_file_of(os.fsdecode(path)))
        elif event == "socket.bind":
            raise PluginError("it opens a port while it is loaded: do that from greenchat_startup on")

    def _require_elsewhere(self, path: object) -> None:
        if not path or not isinstance(path, bytes | str | os.PathLike):
            return
        found = Path(os.path.realpath(os.fsdecode(path)))
        if found.is_relative_to(self._kept):
            name = found.relative_to(self._kept)
            raise PluginError(
                f"it writes {name} in the data directory while it is loaded: do that from greenchat_startup on"
            )


def _file_of(database: str) -> str:
    """The file that is opened for writing; empty where none is."""
    if not database.startswith("file:"):
        return "" if database == ":memory:" else database
    path, _, options = database.removeprefix("file:").partition("?")
    return "" if {"mode=ro", "immutable=1", "mode=memory"} & set(options.split("&")) else path
