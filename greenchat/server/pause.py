"""A server that stands still, so that another process can go on with all who are connected.

First it freezes: nobody is let in, and no session reads or begins anything new. Each comes to rest where it waits for
something to read, or stands between two parts of what it has read. Until `hold`, all can still go on here (`thaw`).
"""

import logging
import os
import socket
import time
from collections.abc import Mapping

import gevent

from greenchat.chat.room import Member
from greenchat.hooks.ending import Killed
from greenchat.server.carried_connections import CarriedConnections
from greenchat.server.server import ChatServer
from greenchat.session.carried import CarriedSession
from greenchat.session.connection import Connection

log = logging.getLogger("greenchat.server")

# How long what is under way may take once the server stands still, in seconds: longer than nearly all that it does for
# one client; and who writes meanwhile takes it for a bad line.
FREEZE_SECONDS = 2.0

# How long it may take until all are at rest where what was under way was cut, in seconds: plugins may have to clean up.
CUT_SECONDS = 0.5

# How long those may take to go that are sent away, in seconds: a round trip on a bad line.
AWAY_SECONDS = 0.5

# How often is looked whether all are at rest, in seconds: most are at once.
LOOK_SECONDS = 0.005


class Pause:
    """One of `server`."""

    def __init__(self, server: ChatServer) -> None:
        self._server = server
        self._is_held = False
        self._carried: set[Connection] = set()

    def freeze(self) -> None:
        """Let nobody in, and have all come to rest."""
        self._server.turns.freeze()
        self._server.acceptor.freeze()

    def thaw(self) -> None:
        """Go on, as if nothing had been."""
        assert not self._is_held
        self._server.turns.thaw()
        for session in self._sessions:
            session.thaw()
        self._server.acceptor.thaw()

    def cut(self, seconds: float = CUT_SECONDS) -> bool:
        """End what is still under way; as `settle`. What was asked for is answered: it may be tried again."""
        for session in self._restless:
            session.cut()
        for serving in self._server.acceptor.under_way(self._sessions):
            gevent.kill(serving, Killed)
        return self.settle(seconds)

    def cut_queued(self) -> bool:
        """The same for those who wait for a turn, at a password's check or a search say; whether there are any. The
        others may end what they have begun, and begin nothing more."""
        restless = self._restless
        is_crowded = any(session.is_queued for session in restless)
        for session in restless if is_crowded else ():
            session.cut(queued=True)
        return is_crowded

    def send_away(self, seconds: float = AWAY_SECONDS) -> None:
        """Have those come back at once that cannot be carried, and wait for them to go, at most so many seconds."""
        until = time.monotonic() + seconds
        for session in self._sessions:
            if not self._is_portable(session):
                session.send_away()
        while any(not self._is_portable(session) for session in self._sessions) and time.monotonic() < until:
            gevent.sleep(LOOK_SECONDS)
        self._server.turns.wait_until_quiet(max(until - time.monotonic(), 0))

    def _is_portable(self, session: Connection) -> bool:
        return session.is_portable and self._server.acceptor.knows(session.codec)

    def settle(self, seconds: float = FREEZE_SECONDS) -> bool:
        """Wait until all are at rest, and have been told all that there is to tell; at most so many seconds. Whether
        they are."""
        until = time.monotonic() + seconds
        gevent.sleep(0)  # who was let in at this moment begins
        while self.under_way or self.held_acks:
            self._server.acceptor.end_idle()
            if time.monotonic() >= until:
                return False
            gevent.sleep(LOOK_SECONDS)
        self._server.turns.wait_until_quiet(max(until - time.monotonic(), 0))
        return True

    @property
    def under_way(self) -> int:
        """How many are not at rest: sessions, and requests of HTTP."""
        sessions = self._sessions
        return len(self._restless) + len(self._server.acceptor.under_way(sessions))

    @property
    def held_acks(self) -> int:
        """How many sessions wait for acknowledgements that are held back: until a disk has what was said, mostly."""
        return sum(session.waits_for_acks for session in self._sessions)

    def hold(self) -> None:
        """From now on nobody can go on here. Plugins may end: who is connected hears what they have to say."""
        self._is_held = True
        self._server.acceptor.hold()

    def carry(self, index: Mapping[Member, int]) -> CarriedConnections:
        """All that is connected, or listens, with the places of their members. Nothing may wait between this and the
        end of the process, or `give_away`."""
        sessions = []
        for session in self._sessions:
            if session.rests and self._is_portable(session):
                try:
                    sessions.append(self._carry(session, index))
                    self._carried.add(session)
                except Exception:  # what one has left behind is no other's harm
                    log.exception("#%d cannot be carried: its client comes back by itself", session.id)
        return CarriedConnections(self._server.acceptor.carry(), sessions)

    def leave_behind(self) -> CarriedConnections:
        """As `carry`, where nobody can go on with the sessions: they are closed."""
        self._carried.clear()
        return CarriedConnections(self._server.acceptor.carry(), [])

    def give_away(self) -> None:
        """Let go of all that was carried, for who goes on with it in this process; what was not is closed."""
        for session in self._sessions:
            session.give_away(open_still=session in self._carried)
        self._server.acceptor.give_away()
        gevent.sleep(0)

    def _carry(self, session: Connection, index: Mapping[Member, int]) -> CarriedSession:
        member = index.get(session.member, -1) if session.member is not None else -1
        return session.carry(member, self._server.acceptor.network_of(session))

    @property
    def _sessions(self) -> list[Connection]:
        return [session for session in self._server.sessions.values() if isinstance(session, Connection)]

    @property
    def _restless(self) -> list[Connection]:
        return [session for session in self._sessions if not session.rests]


def take_up(server: ChatServer, was: CarriedConnections) -> list[Connection | None]:
    """Have the sessions that were carried here, in their order; None for each that cannot be understood, which is
    closed. To be called once plugins have begun; nobody is served before `Acceptor.go_on`."""
    for silent in was.acceptor.silent:
        try:
            server.acceptor.take_up_silent(silent)
        except OSError:
            log.exception("a connection of %s cannot be carried here", silent.address)
    return [_take_up(server, one) for one in was.sessions]


def _take_up(server: ChatServer, was: CarriedSession) -> Connection | None:
    try:
        sock = socket.socket(fileno=was.descriptor)
    except OSError:
        log.exception("#%d cannot be carried here", was.id)
        return None
    try:
        os.set_inheritable(was.descriptor, False)
        sock.setblocking(False)
        codec = server.acceptor.codec(was.codec)
        if codec is None:
            log.info("#%d is closed: nobody speaks %s here any more", was.id, was.codec)
            server.acceptor.close_later(sock)
            return None
        session = server.take_up(was, sock, codec)
    except Exception:  # what one has left behind is no other's harm
        log.exception("#%d cannot be carried here, and is closed: its client comes back by itself", was.id)
        server.acceptor.close_later(sock)
        return None
    server.acceptor.take_up_session(session, sock, was.network)
    return session


def abandon(server: ChatServer) -> None:
    """Let go of all that was carried here, where the server cannot go on with it: it is closed by who has taken it."""
    for session in list(server.sessions.values()):
        if isinstance(session, Connection):
            session.give_away(open_still=True)
    server.sessions.clear()
    server.acceptor.abandon()
