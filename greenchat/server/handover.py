"""Handing over: this process becomes another program, which goes on with its connections.

What goes on is the process id, the lock of the data directory, the sockets that listen and those of clients; all else is
in a `CarriedServer`, which the new program reads from a file in memory. See `reloading` for when that is done, and
`state_file` for the file.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import msgspec
from gevent import socket
from msgspec import Struct

from greenchat.server import logs
from greenchat.server.state_file import Flag, Header, Held, Kind, StateError, StateFile, close, write

log = logging.getLogger("greenchat.handover")

# The format of `CarriedServer`. It counts up where a state of before could not be read any more: what is new comes at
# the end of its struct, with a default.
HANDOVER_FORMAT = 1
KNOWN_FORMATS = frozenset({HANDOVER_FORMAT})

# In the environment of the new program: the descriptor of the state.
STATE = "_GREENCHAT_STATE"


class CarriedListener(Struct, array_like=True):
    """A socket that listens, for the address `where` of the configuration; for none where it was inherited."""

    number: int
    where: str = ""


class CarriedCounters(Struct, array_like=True):
    """What the server has counted. `started` is on a clock that goes on."""

    started: float
    sessions: int
    refusals: dict[str, int]


class CarriedServer(Struct, array_like=True):
    """A server between two programs. `froze` is when it has read last, on a clock that goes on."""

    format: int
    froze: float
    listeners: list[CarriedListener]
    inherited: bool
    counters: CarriedCounters


class Taken:
    """What was left to this process. `lock` is the descriptor of the data directory's lock; `state` is None where it
    cannot be used, which `problem` tells: then the server starts empty on the same sockets."""

    def __init__(self, header: Header, state: CarriedServer | None, problem: str = "") -> None:
        (self.lock,) = header.of(Kind.LOCK)
        self.header = header
        self.state = state
        self.problem = problem
        self.outlasts_terminal = bool(header.flags & Flag.OUTLASTS_TERMINAL)
        _keep_from_children(held.number for held in header.descriptors)
        if state is None:
            self.drop()

    def drop(self) -> None:
        """Nobody can go on with the clients: let them know by closing."""
        close(self.header.of(Kind.CARRIED))
        self.state = None

    def listening(self) -> list[Any]:
        """The gevent sockets that listen."""
        numbers = self.header.of(Kind.LISTENING) or self.header.of(Kind.INHERITED)
        return [socket.socket(fileno=number) for number in numbers]

    @property
    def inherited(self) -> bool:
        """Whether the sockets that listen are the service manager's."""
        return bool(self.header.of(Kind.INHERITED))


def take(environ: MutableMapping[str, str]) -> Taken | None:
    """What the program before has left to this one, if it was one of ours. The variable is removed from `environ`."""
    number = environ.pop(STATE, "")
    if not number.isdecimal():
        return None
    try:
        file = StateFile(int(number))
        if len(file.header.of(Kind.LOCK)) != 1:
            raise StateError("the state has no lock")
    except StateError as error:  # of another process, which has forgotten to remove it
        log.warning("%s is left out: %s", STATE, error)
        return None
    try:
        payload = file.read(KNOWN_FORMATS)
        return Taken(file.header, msgspec.msgpack.decode(payload, type=CarriedServer))
    except (StateError, msgspec.MsgspecError, OSError) as error:
        return Taken(file.header, None, str(error))


def replace(state: CarriedServer, header: Header, environ: Mapping[str, str]) -> None:
    """Have the program on disk take the place of this one. It does not come back; or it raises `OSError`, and all is as
    before. `environ` is added to the environment."""
    sys.stdout.flush()
    sys.stderr.flush()
    logs.flush()
    number = write(msgspec.msgpack.encode(state), header)
    numbers = [number, *(held.number for held in header.descriptors)]
    try:
        for one in numbers:
            os.set_inheritable(one, True)
        os.execve(sys.executable, command(), {**os.environ, **environ, STATE: str(number)})
    except BaseException:
        _keep_from_children(numbers)
        os.close(number)
        raise


def _keep_from_children(numbers: Iterable[int]) -> None:
    for number in numbers:
        with contextlib.suppress(OSError):
            os.set_inheritable(number, False)


def command() -> list[str]:
    """What has started this process."""
    return [sys.executable, *sys.orig_argv[1:]]
