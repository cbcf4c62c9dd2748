"""Handing over: this process becomes another program, which goes on with its connections.

What goes on is the process id, the lock of the data directory, the sockets that listen and those of clients; all else
is in a `CarriedServer`, which the new program reads from a file in memory. See `reloading` for when that is done, and
`state_file` for the file.
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping

import msgspec

from greenchat.config.schema import Config
from greenchat.handed import ENDED, STATE
from greenchat.server import logs
from greenchat.server.carried_connections import CarriedAcceptor, CarriedConnections, CarriedListener
from greenchat.server.carried_server import HANDOVER_FORMAT, KNOWN_FORMATS, Beginning, CarriedServer
from greenchat.server.listeners import addresses_of
from greenchat.server.state_file import Flag, Header, Held, Kind, StateError, StateFile, close, write
from greenchat.server.steps import Steps

log = logging.getLogger("greenchat.handover")

# Why there may be none.
NOT_COLLECTED = "the program before could not collect it, as it has told"


class Taken:
    """What was left to this process. `lock` is the descriptor of the data directory's lock; `state` is None where it
    cannot be used, which `problem` tells: then the server starts empty on the same sockets. `beginning` may be known
    all the same."""

    def __init__(
        self, header: Header, state: CarriedServer | None, problem: str = "", beginning: Beginning | None = None
    ) -> None:
        (self.lock,) = header.of(Kind.LOCK)
        self.state = state
        self.paused = 0.0  # seconds in which nobody was served, in the end
        self.problem = problem
        self.beginning = beginning
        self.steps = Steps()
        self.outlasts_terminal = bool(header.flags & Flag.OUTLASTS_TERMINAL)
        _keep_from_children(held.number for held in header.descriptors)
        self._listening = [held for held in header.descriptors if held.kind in (Kind.LISTENING, Kind.INHERITED)]
        self._carried = header.of(Kind.CARRIED)
        # For which addresses they are, as far as that is known.
        self._places = None if beginning is None else beginning.places
        if state is not None:
            self._places = [one.address for one in state.connections.acceptor.listeners]
        if state is None:
            self.drop()

    def drop(self) -> None:
        """Nobody can go on with the clients: they are told so by the end of their connections."""
        close(self._carried)  # who has tried it has let go of them: see `pause.abandon`
        self.state = None
        self._carried = []

    def close(self) -> None:
        """Another server has all that there is."""
        close(held.number for held in self._listening)

    def acceptor(self, config: Config) -> CarriedAcceptor:
        """What listens, and is silent. The sockets that the server listens on are others each time: who takes them may
        fail, and close them. Where it is not known for which addresses they are, it is those of `config`."""
        connections = self.state.connections if self.state is not None else None
        places = addresses_of(config.server) if self._places is None else self._places
        listeners = [
            CarriedListener("" if held.kind is Kind.INHERITED else where, os.dup(held.number))
            for where, held in zip(places, self._listening, strict=False)
        ]
        inherited = any(held.kind is Kind.INHERITED for held in self._listening)
        if connections is None:
            return CarriedAcceptor(listeners, [], inherited, [])
        return CarriedAcceptor(listeners, connections.acceptor.own, inherited, connections.acceptor.silent)


def header_of(connections: CarriedConnections, lock: int, *, outlasts_terminal: bool) -> Header:
    """The descriptors that stay open."""
    acceptor = connections.acceptor
    kind = Kind.INHERITED if acceptor.inherited else Kind.LISTENING
    listening = [one.descriptor for one in acceptor.listeners]
    held = [Held(Kind.LOCK, lock), *(Held(kind, number) for number in listening)]
    held += [Held(Kind.CARRIED, number) for number in connections.descriptors if number not in listening]
    return Header(HANDOVER_FORMAT, Flag.OUTLASTS_TERMINAL if outlasts_terminal else 0, held)


def take(environ: MutableMapping[str, str]) -> Taken | None:
    """What the program before has left to this one, if it was one of ours. The variables are removed from
    `environ`."""
    number, ended, now = environ.pop(STATE, ""), environ.pop(ENDED, ""), time.monotonic()
    if not number.isdecimal():
        return None
    try:
        file = StateFile(int(number))
        if len(file.header.of(Kind.LOCK)) != 1:
            raise StateError("the state has no lock")
    except StateError as error:  # of another process, which has forgotten to remove it
        log.warning("%s is left out: %s", STATE, error)
        return None
    taken = _read(file)
    with contextlib.suppress(ValueError):
        taken.steps = Steps(float(ended), waits=True)
    taken.steps.done("Python and greenchat have begun again", now)
    taken.steps.done("the state is read")
    return taken


def _read(file: StateFile) -> Taken:
    beginning = None
    try:
        beginning = msgspec.msgpack.decode(file.read(KNOWN_FORMATS), type=Beginning)
        if not beginning.state:
            return Taken(file.header, None, NOT_COLLECTED, beginning)
        state = msgspec.msgpack.decode(beginning.state, type=CarriedServer)
        return Taken(file.header, state, "", beginning)
    except Exception as error:  # there may be too little memory for it
        return Taken(file.header, None, str(error) or type(error).__name__, beginning)


def replace(
    state: CarriedServer | None,
    beginning: Beginning,
    header: Header,
    environ: Mapping[str, str],
    last: Callable[[], None] = lambda: None,
    steps: Steps | None = None,
) -> None:
    """Have the program on disk take the place of this one; without a `state`, it starts empty. It does not come back;
    or it raises `OSError`, and all is as before. `environ` is added to the environment, and `last` is called when
    nothing else is left to do."""
    sys.stdout.flush()
    sys.stderr.flush()
    beginning.state = b"" if state is None else msgspec.msgpack.encode(state)
    number = write(msgspec.msgpack.encode(beginning), header)
    if steps is not None:
        steps.done("the state is written")
    logs.flush()
    numbers = [number, *(held.number for held in header.descriptors)]
    try:
        for one in numbers:
            os.set_inheritable(one, True)
        arguments, environment = command(), {**os.environ, **environ, STATE: str(number)}
        last()
        environment[ENDED] = str(time.monotonic())
        os.execve(sys.executable, arguments, environment)
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
