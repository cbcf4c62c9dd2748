"""What a process leaves to the one that takes its place: a file in memory, whose header every version can read.

The header lists all descriptors that stay open over `exec`: where the state itself cannot be used, those of clients are
closed all the same, and the server goes on with its lock and on the sockets that it listens on. It never changes but by
another `LAYOUT`.
"""

import contextlib
import hashlib
import os
import struct
import tempfile
from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from greenchat.errors import GreenchatError

MAGIC = b"greenchat state\n"
LAYOUT = 1

# Magic, layout, process id, format of the state, flags, count of descriptors, bytes of the state, SHA-256 of what
# follows the header.
_HEADER = struct.Struct("!16sHIHHIQ32s")
# Of each descriptor: its kind, and its number.
_DESCRIPTOR = struct.Struct("!BI")

CHUNK = 1 << 20


class Kind(IntEnum):
    LOCK = 1  # of the data directory
    LISTENING = 2  # a socket that this server listens on
    INHERITED = 3  # ... and that is the service manager's
    CARRIED = 4  # all else: of no use without the state


class Flag(IntEnum):
    OUTLASTS_TERMINAL = 1  # SIGHUP asks for a reload even where the server was started in a terminal


class Held(NamedTuple):
    """A descriptor that stays open."""

    kind: Kind
    number: int


class StateError(GreenchatError):
    """There is no state, or none that this version of greenchat can use; the text says why."""


class Header(NamedTuple):
    """What is known of a state before it is read."""

    format: int
    flags: int
    descriptors: Sequence[Held]

    def of(self, kind: Kind) -> list[int]:
        return [held.number for held in self.descriptors if held.kind == kind]


def write(payload: bytes, header: Header) -> int:
    """Keep a state where only this process can read it; the descriptor of the file. Raises `OSError`."""
    listed = b"".join(_DESCRIPTOR.pack(*held) for held in header.descriptors)
    digest = hashlib.sha256(listed + payload).digest()
    fixed = (MAGIC, LAYOUT, os.getpid(), header.format, header.flags, len(header.descriptors), len(payload), digest)
    descriptor = _new_file()
    try:
        for part in (_HEADER.pack(*fixed), listed, payload):
            left = memoryview(part)
            while left:
                left = left[os.write(descriptor, left) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _new_file() -> int:
    """One that no name leads to, and that is gone with its last descriptor."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("greenchat-state")
    with tempfile.TemporaryFile(buffering=0) as file:
        return os.dup(file.fileno())


class StateFile:
    """One that was left to this process. Closed by `read`."""

    def __init__(self, descriptor: int) -> None:
        """Raises `StateError` where it is none, or was left to another process: nothing of it is this one's then."""
        self._descriptor = descriptor
        try:
            os.set_inheritable(descriptor, False)
            data = os.pread(descriptor, _HEADER.size, 0)
            magic, layout, process, form, flags, count, self._length, self._digest = _HEADER.unpack(data)
        except (OSError, struct.error):
            raise StateError(f"descriptor {descriptor} has no state of a server") from None
        if magic != MAGIC or layout != LAYOUT or process != os.getpid():
            raise StateError(f"descriptor {descriptor} has the state of no server that this process was")
        self._listed = os.pread(descriptor, count * _DESCRIPTOR.size, _HEADER.size)
        kinds = set(Kind)
        self.header = Header(
            form,
            flags,
            [
                Held(Kind(kind) if kind in kinds else Kind.CARRIED, number)
                for kind, number in _DESCRIPTOR.iter_unpack(self._listed)
            ],
        )

    def read(self, known: Collection[int]) -> bytes:
        """The state, if its format is one that is `known`. Raises `StateError`."""
        os.lseek(self._descriptor, _HEADER.size + len(self._listed), os.SEEK_SET)
        with os.fdopen(self._descriptor, "rb", buffering=0) as file:
            if self.header.format not in known:
                text = ", ".join(map(str, sorted(known)))
                raise StateError(f"the state has format {self.header.format}, and this version knows {text}")
            payload = b"".join(iter(lambda: file.read(CHUNK), b""))
        digest = hashlib.sha256(self._listed + payload).digest()
        if len(payload) != self._length or digest != self._digest:
            raise StateError("the state is not as it was written")
        return payload


def close(descriptors: Iterable[int]) -> None:
    """Close them, also those that are not open."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
