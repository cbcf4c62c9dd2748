"""A session that a greenlet serves: how it is ended, from wherever that is asked for. What it reads, and where what it
is told goes to, is somebody else's: connection.py has it on a socket, the test kit without one."""

from abc import abstractmethod
from typing import Any

import gevent

from greenchat import values
from greenchat.codecs import Codec
from greenchat.config.schema import Limits
from greenchat.hooks.ending import Killed
from greenchat.session.host import Host
from greenchat.session.session import Session


class Served(Session):
    """`_greenlet` is the one that deals with its requests; None where none does any more."""

    __slots__ = ("_greenlet", "_is_lost")

    def __init__(self, server: Host, number: int, address: str, codec: Codec, outbox: Any) -> None:
        super().__init__(server, number, address, codec, outbox)
        self._is_lost = True  # unless somebody says otherwise
        self._greenlet: Any = gevent.getcurrent()

    def close(self, reason: str) -> None:
        if self.closing is None:
            self._is_lost = False
            self._stop(reason)

    def lose(self, reason: str) -> None:
        """As `close`, for who may come back: nobody has wanted it to end."""
        if self.closing is None:
            self._is_lost = True
            self._stop(reason)

    def _stop(self, reason: str) -> None:
        self.closing = values.shown(reason)
        if not self.serves_here():
            gevent.get_hub().loop.run_callback(self._interrupt)

    def _interrupt(self) -> None:
        """Have the greenlet end, whatever it waits for; unless it has come to its end meanwhile, which takes the turns
        that it needs. While turns are frozen, it stands where it is; what ends then, ends later."""
        if self._greenlet is not None and not self.server.turns.is_frozen:
            self._greenlet.throw(Killed)

    def serves_here(self) -> bool:
        return gevent.getcurrent() is self._greenlet

    @abstractmethod
    def mind_silence(self, limits: Limits) -> None:
        """Called now and then: do something about who has been silent for too long."""

    def appear(self) -> None:
        """It begins: plugins hear of it."""
        if self.server.hooks.connected is not None:
            self.server.hooks.connected(self)

    def disappear(self, reason: str) -> None:
        """It ends: whose it was has left, or is absent for now, and plugins hear of it. May wait."""
        (self.server.stays.lost if self._is_lost else self.server.stays.over)(self, reason)
        if self.server.hooks.disconnected is not None:
            self.server.hooks.disconnected(self, reason)
