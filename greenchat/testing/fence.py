"""What Python code of this process is kept from, by an audit hook, which nobody can take down: the network, other
processes, and files elsewhere.

It refuses by a `PermissionError`, and notes what was tried. It binds Python alone: an extension may do what it likes,
unless the system keeps it from that, see isolation.py.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# Different attempts that are noted: more tell nothing new.
NOTED = 10

NETWORK = frozenset(
    f"socket.{name}"
    for name in (
        *("connect", "bind", "sendto", "sendmsg", "getaddrinfo"),
        *("gethostbyname", "gethostbyaddr", "getnameinfo"),
    )
)
PROCESSES = frozenset(
    ("subprocess.Popen", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn")
)
SIGNALS = frozenset(("os.kill", "os.killpg", "signal.pthread_kill"))

# What changes files: which of the arguments of the event are paths, and which the directories that they start from.
FILES = {
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "os.setxattr": ((0, None),),
    "os.removexattr": ((0, None),),
    "sqlite3.connect": ((0, None),),
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Fence:
    """Around this process, from `put_up` on. Files may be written below `inside` alone."""

    def __init__(self, inside: Path) -> None:
        self.attempts: Counter[str] = Counter()
        self._inside = os.path.realpath(inside)

    def put_up(self) -> None:
        """For good."""
        refuse: dict[str, Callable[[Any], str]] = {"open": self._of_open}
        refuse |= dict.fromkeys(NETWORK, _of_network)
        refuse |= dict.fromkeys(PROCESSES, lambda arguments: "starting another process")
        refuse |= dict.fromkeys(SIGNALS, lambda arguments: "sending a signal")
        refuse |= {event: self._of_paths(places) for event, places in FILES.items()}

        def hook(event: str, arguments: Any) -> None:
            look = refuse.get(event)
            if look is not None and (what := look(arguments)):
                if what in self.attempts or len(self.attempts) < NOTED:
                    self.attempts[what] += 1
                raise PermissionError(f"this is a dry run, which is kept from {what}")

        sys.addaudithook(hook)

    def _of_open(self, arguments: Any) -> str:
        path, mode, flags = arguments
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & _WRITES)
        return self._of_path(path) if writes else ""

    def _of_paths(self, places: tuple[tuple[int, int | None], ...]) -> Callable[[Any], str]:
        def look(arguments: Any) -> str:
            found = (_named(arguments[at], -1 if start is None else arguments[start]) for at, start in places)
            return next(filter(None, map(self._of_path, found)), "")

        return look

    def _of_path(self, path: Any) -> str:
        if isinstance(path, int):  # it was opened before
            return ""
        found = os.path.realpath(os.fsdecode(path))
        if found == os.devnull or found.startswith(f"{self._inside}{os.sep}") or os.fsdecode(path) == ":memory:":
            return ""
        return f"writing {found}"


def _named(path: Any, start: int) -> str:
    """The file that is meant by `path`, which may be one that was opened, and goes on from the directory that was
    opened as `start`, if that is not -1."""
    if isinstance(path, int):
        return _opened(path)
    text = os.fsdecode(path)
    if text.startswith("file:"):  # so SQLite is told that it is a URI
        text = unquote(urlsplit(text).path) or ":memory:"
    return text if start == -1 else os.path.join(_opened(start), text)


def _opened(number: int) -> str:
    """Where that is; what is no file of ours, where the system does not tell."""
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return f"/file {number}"


def _of_network(arguments: Any) -> str:
    """`arguments` are a socket and an address, or a name that is looked up."""
    where = next((one for one in arguments if isinstance(one, tuple | str | bytes)), "")
    if isinstance(where, tuple):
        where = ":".join(map(str, where[:2]))
    return f"asking the network for {os.fsdecode(where)}" if where else "using the network"
