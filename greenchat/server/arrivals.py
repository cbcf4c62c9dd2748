"""Connections of which it is not known yet, or just now, who serves them."""

import socket
import time
from typing import Any, NamedTuple

from greenchat.codecs import Codec
from greenchat.server.listeners import Own
from greenchat.session.connection import SOON_SECONDS


class Chosen(NamedTuple):
    """A session that is to be run: see `ChatServer.run_session`."""

    socket: socket.socket
    address: str
    codec: Codec
    taken: bytes


class Silent(NamedTuple):
    """A connection of which nothing has been read, by which listener of a plugin it has come, and until when it has to
    say something, by a clock that goes on over reloads, in seconds; 0 for no end."""

    socket: Any
    address: str
    own: Own | None
    until: float

    @property
    def seconds(self) -> float:
        """How long it still may take; 0 for no end."""
        return max(self.until - time.monotonic(), SOON_SECONDS) if self.until else 0


def until(seconds: float) -> float:
    """When so many seconds from now are over, as `Silent` has it."""
    return time.monotonic() + seconds if seconds else 0
