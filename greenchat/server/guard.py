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

# What changes a file or directory: which arguments of the event are its path, and the directory that this is below, if
# that is given. https://docs.python.org/3/library/audit_events.html
CHANGES = {
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.link": ((1, 3),),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
}

# What has to do with a symbolic link itself, and not with what it leads to.
OF_LINKS = frozenset({"os.link", "os.remove", "os.rename", "os.symlink"})


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
            for path, below in CHANGES[event]:
                directory = -1 if below is None else arguments[below]
                self._require_elsewhere(arguments[path], directory, follow=event not in OF_LINKS)
        elif event == "sqlite3.connect":
            (path,) = arguments
            if isinstance(path, bytes | str | os.PathLike):
                self._require_elsewhere(_file_of(os.fsdecode(path)))
        elif event == "socket.bind":
            raise PluginError("it opens a port while it is loaded: do that from greenchat_startup on")

    def _require_elsewhere(self, path: object, directory: int = -1, *, follow: bool = True) -> None:
        if not path or not isinstance(path, bytes | str | os.PathLike):
            return
        try:
            where = Path(os.readlink(f"/proc/self/fd/{directory:d}") if directory >= 0 else "", os.fsdecode(path))
        except OSError:  # there is no such place on this system
            return
        found = Path(os.path.realpath(where) if follow else Path(os.path.realpath(where.parent), where.name))
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
