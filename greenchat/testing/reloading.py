"""A server without sockets from its start to its end, and how another one goes on with it."""

import time
from collections.abc import Iterable, Sequence
from functools import partial

import gevent
from msgspec import Struct, msgpack

from greenchat.chat.carried import CarriedChat, attach_carried, carry, reopen, restore
from greenchat.chat.room import Member
from greenchat.hooks.carried import CarriedPlugins
from greenchat.server.lifecycle import Lifecycle
from greenchat.session.carried_stays import CarriedStays, carry_stays, restore_stays
from greenchat.testing.person import Person
from greenchat.testing.seat import Seat

# From one look to the next at whether other threads have done what they were asked for, in seconds.
LOOK_SECONDS = 0.0005


class Left(Struct, array_like=True):
    """What of a server goes on in another one, but for who is connected. `members` are numbers, by sessions' ids."""

    chat: CarriedChat
    stays: CarriedStays
    plugins: CarriedPlugins
    members: dict[int, int]
    sessions_in_all: int


class SocketlessLifecycle(Lifecycle):
    """That of a server to which nobody is connected."""

    def go_on(self, left: Left, people: Iterable[Person]) -> None:
        """Begin where another one has `left`, with these `people`."""
        server = self.server
        with self._beginning():
            members = restore(server.chat, left.chat)
            server.plugin_lifecycle.start(server, left.plugins, partial(reopen, server.chat, left.chat), members)
            stays = restore_stays(server.stays, left.stays, members)
            server.counters.sessions = left.sessions_in_all
            sessions = []
            for person in people:
                if person.session.closing is None:
                    person.session = _sit_down(self, person.session, left, members)
                    stays.give(person.session)
                    sessions.append(person.session)
            stays.end()
            server.plugin_lifecycle.take_over(server, sessions)
            self._open_the_rest()

    def _wait_for_sessions(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self.server.sessions and time.monotonic() < until:
            gevent.sleep(LOOK_SECONDS)


def leave(lifecycle: SocketlessLifecycle) -> bytes:
    """End, and leave all that another server needs to go on, as it would be handed to another process."""
    server = lifecycle.server
    plugins = lifecycle.finish()
    chat, index = carry(server.chat)
    plugins.number(index)
    members = {one.id: index[one.member] for one in server.sessions.values() if one.member is not None}
    stays = carry_stays(server.stays, index)
    return msgpack.encode(Left(chat, stays, plugins, members, server.counters.sessions))


def take_over(lifecycle: SocketlessLifecycle, left: bytes, people: Sequence[Person]) -> None:
    """Go on with what `leave` has returned."""
    lifecycle.go_on(msgpack.decode(left, type=Left), people)


def _sit_down(lifecycle: Lifecycle, was: Seat, left: Left, members: Sequence[Member]) -> Seat:
    """The session that stands for the one that somebody had on another server."""
    server = lifecycle.server
    seat = Seat.carried(server, was)
    member = left.members.get(was.id)
    if member is not None:
        attach_carried(server.chat, seat, members[member], was.only, was.is_welcome)
        seat.joined(members[member])
    return seat
