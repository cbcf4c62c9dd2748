"""What listens, and who has come and said nothing yet, as they are carried from one process to the next: plain data."""

from msgspec import Struct

from greenchat.session.carried import CarriedSession


class CarriedListener(Struct, array_like=True):
    """`address` is what was asked for, which may name port 0; empty for a socket that was inherited."""

    address: str
    descriptor: int


class CarriedSilent(Struct, array_like=True):
    """A connection of which nothing has been read. `address` is its client's, and `network` what it counts for; `at` is
    the address of the plugin's listener by which it has come, empty for the chat's own; `until` as `arrivals.Silent`
    has it."""

    descriptor: int
    address: str
    network: str | None
    at: str
    until: float | None = None


class CarriedAcceptor(Struct, array_like=True):
    """`own` are the listeners of plugins. With `inherited`, all others are somebody else's, who goes on with them."""

    listeners: list[CarriedListener]
    own: list[CarriedListener]
    inherited: bool
    silent: list[CarriedSilent]


class CarriedConnections(Struct, array_like=True):
    """All that is connected, or listens. `descriptors` are those of all of it."""

    acceptor: CarriedAcceptor
    sessions: list[CarriedSession]

    @property
    def descriptors(self) -> list[int]:
        acceptor = self.acceptor
        found = [one.descriptor for one in (*acceptor.listeners, *acceptor.own)]
        return [*found, *(one.descriptor for one in acceptor.silent), *(one.descriptor for one in self.sessions)]
