"""Refusing connections politely: in their own words, and so that they can read them."""

import contextlib
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import gevent

from greenchat.codecs.advice import in_full
from greenchat.codecs.detect import refusals_of
from greenchat.errors import Reject
from greenchat.protocol.replies import Error
from greenchat.session.flood import READ_BYTES

# How much of a connection's start is looked at to choose who serves it, or its words: the greeting of any protocol.
FIRST_BYTES = 16

# How long a connection that is turned away may take, half of it to say its first words. Programs speak at once;
# somebody on netcat reads the answer after half of this.
DOOR_SECONDS = 1.0

# So many may be turned away politely at the same time; more are an attack, and are closed at once.
TURNED_AWAY_AT_ONCE = 100


class TurningAway:
    """`peek(socket, seconds, size, flags)` is what the client says first; None where it says nothing for so long.
    `idle()` is entered once it was told all: nothing is lost where that is ended, as by a reload."""

    def __init__(
        self, peek: Callable[[Any, float, int, int], bytes | None], idle: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._peek = peek
        self._idle = idle
        self._count = 0  # how many are being refused at this moment

    def turn_away(self, sock: Any, verdict: Reject) -> None:
        """Refuse a connection; the caller closes the socket."""
        polite = self._count < TURNED_AWAY_AT_ONCE
        self._count += 1
        try:
            with contextlib.suppress(OSError), gevent.Timeout(DOOR_SECONDS, False):
                first = self._peek(sock, DOOR_SECONDS / 2, FIRST_BYTES, socket.MSG_PEEK) if polite else b""
                kind = refusals_of(first or b"")
                verdict = in_full(verdict, kind.advice)
                sock.sendall(kind.refusal(Error(verdict.code, verdict.text)))
                sock.shutdown(socket.SHUT_WR)
                with self._idle():
                    while polite and sock.recv(READ_BYTES):
                        pass  # closing with unread bytes would reset the connection, and take the words back
        finally:
            self._count -= 1
