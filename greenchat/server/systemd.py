"""Being a good service of systemd: its sockets, telling it how the server is, and its watchdog.

Written from sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3). Nothing here does anything where systemd, or
another manager that keeps to the same protocol, has not set the variables in the environment.
"""

import os
import socket as standard
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

import gevent
from gevent import socket

from greenchat.errors import ConfigError

# The first descriptor that is passed; those before it are standard input, output and error.
FIRST_DESCRIPTOR = 3

# Signs of life in each of the watchdog's intervals: a single one that is late by a little does not end the server.
SIGNS = 2

LISTEN_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
MANAGER_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")


def inherited_sockets(environ: MutableMapping[str, str]) -> list[Any]:
    """The listening gevent sockets that the service manager has opened for this process; mostly none.

    The variables are removed from `environ`: they are not for child processes. Raises `ConfigError` where a descriptor
    is anything but a stream socket that listens.
    """
    process, count = environ.get("LISTEN_PID"), environ.get("LISTEN_FDS", "0")
    for name in LISTEN_VARIABLES:
        environ.pop(name, None)
    if process != str(os.getpid()):
        return []  # they are for a parent of this process, which has forgotten to remove them
    if not (count.isascii() and count.isdigit()):
        raise ConfigError(f"LISTEN_FDS: {count!r} is no number. It says how many sockets are passed.")
    return [_adopt(descriptor) for descriptor in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count))]


def _adopt(descriptor: int) -> Any:
    try:
        sock = socket.socket(fileno=descriptor)
        os.set_inheritable(descriptor, False)
    except OSError as error:
        raise _unusable(descriptor, f"is no socket ({error.strerror})") from None
    if sock.type != socket.SOCK_STREAM or sock.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        raise _unusable(descriptor, "is no TCP or Unix stream socket")
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise _unusable(descriptor, "does not listen")
    return sock


def _unusable(descriptor: int, why: str) -> ConfigError:
    return ConfigError(
        f"LISTEN_FDS: file descriptor {descriptor} {why}. "
        "The .socket unit needs ListenStream= for each address, and Accept=no, which is the default."
    )


class Manager:
    """The service manager, as far as it wants to hear from this process. Where it does not hear, nothing is raised:
    the chat goes on without it."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """The variables are removed from `environ`: child processes have nothing to tell, and could tell lies."""
        # What a program that takes the place of this one is to know, in the same process.
        self.variables = {name: environ.pop(name) for name in MANAGER_VARIABLES if name in environ}
        name = self.variables.get("NOTIFY_SOCKET", "")
        watched = self.variables.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        interval = self.variables.get("WATCHDOG_USEC", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._watchdog_seconds = int(interval) / 1e6 if watched and interval.isascii() and interval.isdigit() else 0.0
        self._socket: standard.socket | None = None
        if name.startswith(("/", "@")):
            # Opened once: signs of life must go out also when file descriptors have run out.
            self._socket = standard.socket(standard.AF_UNIX, standard.SOCK_DGRAM)
            self._socket.setblocking(False)

    def tell(self, *lines: str) -> None:
        """Send assignments such as "READY=1", if anybody listens."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto("\n".join(lines).encode(), self._address)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Tell that the server is ready, and give signs of life until the block ends. They come from the event loop:
        when it is held for too long they stay away, and the manager ends the process and starts another."""
        with self.living():
            self.ready()
            yield

    @contextmanager
    def living(self) -> Iterator[None]:
        """Give signs of life until the block ends."""
        signs = gevent.spawn(self._give_signs) if self._socket is not None and self._watchdog_seconds else None
        try:
            yield
        finally:
            if signs is not None:
                signs.kill()

    def reloading(self) -> None:
        """Tell that a reload has begun. The manager waits for `ready`."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def ready(self) -> None:
        self.tell("READY=1")

    def alive(self) -> None:
        """One sign of life: for a while the event loop will give none."""
        if self._watchdog_seconds:
            self.tell("WATCHDOG=1")

    def _give_signs(self) -> None:
        while True:
            self.tell("WATCHDOG=1")
            gevent.sleep(self._watchdog_seconds / SIGNS)
