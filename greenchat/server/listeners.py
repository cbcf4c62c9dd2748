"""All sockets that a server listens on: those of the chat, and those of plugins. They outlast the process that has
opened them."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import gevent

from greenchat.config.schema import Server
from greenchat.errors import GreenchatError
from greenchat.hooks.interfaces import Serve
from greenchat.net.listener import Listener, adopted, close, listen, name_of
from greenchat.server.carried_connections import CarriedListener

log = logging.getLogger("greenchat.listener")

Accept = Callable[..., None]  # serves a socket and its address, in a list; `own` is the plugin's by which it has come


class Own(NamedTuple):
    """A plugin's own listener: its address, as it was asked for, and what serves who comes there."""

    address: str
    serve: Serve


class Listeners:
    """Each connection is handed to `accept`, in a greenlet of its own."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._chat: list[tuple[str, Listener]] = []  # with what was asked for
        self._own: list[tuple[Own, Listener]] = []
        self._ahead: list[tuple[str, Listener]] = []  # those of the next program, which accept nobody yet
        self._inherited = False  # whether those of the chat are somebody else's, who goes on with them
        self._carried: list[tuple[str, Any]] = []  # sockets that listen already, for what was asked for
        self._carried_own: list[tuple[str, Any]] = []
        self._adopted: set[str] = set()  # what plugins' listeners were asked for that were carried here

    @property
    def addresses(self) -> list[str]:
        """What the chat listens on, as `server.listen` is written, with real ports."""
        return [name_of(listener) for _, listener in self._chat]

    def open(self, config: Server, inherited: Sequence[Any]) -> None:
        """Accept connections on the gevent sockets that are `inherited`, or else on the configured addresses. Raises
        `GreenchatError` where that cannot be; who goes on with others all the same does without."""
        goes_on = bool(self._carried)
        if self._inherited:
            inherited = [sock for _, sock in self._carried]
            self._carried.clear()
        self._inherited = bool(inherited)
        for where in inherited or addresses_of(config):
            try:
                sock = where if inherited else _take(self._carried, where) or self._listen(where)
            except GreenchatError as error:
                if not goes_on:
                    raise
                log.error("%s The server goes on without it.", error)
                continue
            self._chat.append(("" if inherited else where, self._listener(sock, None)))
        while self._carried and not self._chat:
            self._chat = [(asked, self._listener(sock, None)) for asked, sock in self._carried]
            self._carried.clear()
        for listener in self._all:
            listener.start()
        self._drop_carried()

    def open_ahead(self, addresses: Sequence[str]) -> None:
        """Listen already, for the next program, on those of `addresses` that are new to it, and accept nobody there.
        Raises `GreenchatError`, and then all is as before."""
        there = Counter(asked for asked, _ in self._chat)
        new = () if self._inherited else (Counter(addresses) - there).elements()
        try:
            for address in new:
                self._ahead.append((address, self._listener(self._listen(address), None)))
        except BaseException:
            self.close_ahead()
            raise

    def close_ahead(self) -> None:
        """There is no next program after all."""
        while self._ahead:
            close(self._ahead.pop()[1])

    def open_own(self, own: Own) -> str:
        """Accept connections for a plugin, once those of the chat are: the address with its real port."""
        sock = _take(self._carried_own, own.address) or listen(own.address)
        self._own.append((own, self._listener(sock, own)))
        return name_of(self._own[-1][1])

    def own(self, address: str) -> Own | None:
        """The plugin's listener that was asked for so, if there is one."""
        return next((own for own, _ in self._own if own.address == address), None)

    def close(self) -> None:
        self.close_ahead()
        while self._chat:
            _, listener = self._chat.pop()
            if self._inherited:
                listener.close()  # the file of a Unix socket stays: more clients come by it
            else:
                close(listener)
        while self._own:
            close(self._own.pop()[1])

    # --- over the end of the process ---

    def freeze(self) -> None:
        """Let nobody in for now: they wait."""
        for listener in self._all:
            listener.freeze()

    def thaw(self) -> None:
        for listener in self._all:
            listener.thaw()

    def carry(self) -> tuple[list[CarriedListener], list[CarriedListener], bool]:
        """Those of the chat, and of plugins; and whether those of the chat are inherited."""
        chat = [CarriedListener(asked, listener.socket.fileno()) for asked, listener in (*self._chat, *self._ahead)]
        own = [CarriedListener(own.address, listener.socket.fileno()) for own, listener in self._own]
        return chat, own, self._inherited

    def give_away(self) -> None:
        """Let go of all sockets, which stay open for who goes on with them."""
        for listener in (*self._all, *(listener for _, listener in self._ahead)):
            listener.socket.detach()
            listener.close()
        self._chat, self._own, self._ahead = [], [], []

    def take_up(self, chat: Sequence[CarriedListener], own: Sequence[CarriedListener], *, inherited: bool) -> None:
        """Go on with those that were carried here, as far as the same addresses are asked for. Raises `OSError`."""
        self._inherited = inherited
        self._carried = [(one.address, adopted(one.descriptor)) for one in chat]
        self._carried_own = [(one.address, adopted(one.descriptor)) for one in own]
        self._adopted = {one.address for one in own}

    def abandon(self) -> None:
        """As `close`, where somebody else has the descriptors of what was carried here: nothing of it ends. Those of
        the chat are others each time (see `handover.Taken`)."""
        self._inherited = True
        for own, listener in self._own:
            if own.address in self._adopted:
                listener.socket.detach()
        for _, sock in self._carried_own:
            sock.detach()
        for _, sock in self._carried:
            sock.close()
        self._carried, self._carried_own = [], []
        self.close()

    def _drop_carried(self) -> None:
        """Close what nobody has asked for any more. Who has come there for the chat already is let in."""
        for _, sock in self._carried:
            listener = self._listener(sock, None)
            listener.let_the_last_in()
            close(listener)
        for _, sock in self._carried_own:
            close(self._listener(sock, None))
        self._carried, self._carried_own = [], []

    def _listen(self, address: str) -> Any:
        """A socket that listens there, perhaps beside one of the chat's that is closed soon. Raises
        `GreenchatError`."""
        ours = [sock for _, sock in self._carried] + [listener.socket for _, listener in self._chat]
        return listen(address, beside=ours)

    @property
    def _all(self) -> list[Listener]:
        return [listener for _, listener in (*self._chat, *self._own)]

    def _listener(self, sock: Any, own: Own | None) -> Listener:
        return Listener(sock, partial(self._accept, own=own) if own else self._accept, spawn=gevent.spawn_raw)


def addresses_of(config: Server) -> Sequence[str]:
    """Those that the configuration says to listen on."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    return config.listen or [f"{host}:{config.port}"]


def _take(carried: list[tuple[str, Any]], address: str) -> Any:
    """The socket of that address, which is taken out; None where there is none."""
    for place, (asked, sock) in enumerate(carried):
        if asked == address:
            del carried[place]
            return sock
    return None
