"""Protected rooms end where nobody uses them, or where whoever runs the server says so: with all that is kept of them,
so that nobody reads what was said there by making a room of the same name."""

import logging
import time
from typing import Any

import gevent

from greenchat import ChatServer, DatabaseError, Reject

from .rules import RuleBook

log = logging.getLogger("greenchat.rooms")

# How often it is looked whether the command line has removed a room, in seconds: who has just done so waits for it.
LOOK_SECONDS = 1.0

# From one look for rooms that nobody uses to the next, in seconds. Nobody counts on the hour.
SWEEP_SECONDS = 3600.0

# From one try to the next where a plugin could not forget what it keeps of a room, in seconds.
RETRY_SECONDS = 60.0


class Removal:
    """Looks for what is to be removed, in a greenlet of its own."""

    def __init__(self, server: ChatServer, book: RuleBook, unused_days: float) -> None:
        self._server = server
        self._book = book
        self._unused_seconds = unused_days * 86_400
        self._swept = -SWEEP_SECONDS
        self._failed: dict[str, float] = {}  # when it was tried last
        self._unused: set[str] = set()  # as it was found in the last sweep
        self._greenlet: Any = None

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()

    def _run(self) -> None:
        while True:
            gevent.sleep(LOOK_SECONDS)
            try:
                self._look()
            except DatabaseError:
                pass  # it is told by whoever wants to know something of the file
            except Exception:
                log.exception("rooms: it was looked in vain for what is to be removed")

    def _look(self) -> None:
        if not self._book.usable:
            return
        now = time.monotonic()
        if now - self._swept >= SWEEP_SECONDS:
            self._swept = now
            self._sweep()
        self._book.look()
        for name in [name for name, rules in self._book.lasting.items() if rules.removed]:
            if now - self._failed.get(name, -RETRY_SECONDS) >= RETRY_SECONDS:
                self._remove(name)

    def _sweep(self) -> None:
        """Remove what nobody has used for long, and note what is in use."""
        now, rooms, unused = time.time(), self._server.chat.rooms, set[str]()
        for name, rules in list(self._book.lasting.items()):
            if name in rooms and rooms[name].members:
                self._book.touch(name)
            elif self._unused_seconds and not rules.kept and now - rules.used > self._unused_seconds:
                unused.add(name)
        # Twice in a row: a machine whose clock is wrong when it starts has been put right by then.
        for name in unused & self._unused:
            log.info("%s is removed: nobody has been in there for long", name)
            self._book.remove(name)
        self._unused = unused

    def _remove(self, name: str) -> None:
        """Let nobody in, put out who is in, have all forget it, and then open the name to everybody again."""
        chat, why = self._server.chat, f"The room {name} was removed by whoever runs the server."
        room = chat.rooms.get(name)
        for member in list(room.members.values()) if room is not None else ():
            member.refuse(Reject(why, code="room_removed"))
            if room is not None and name in member.rooms:
                chat.part(member, room, "the room was removed")
        try:
            self._server.forget_room(name)
            self._book.drop(name)
        except (Reject, DatabaseError) as error:
            log.error("%s stays closed: what was said there could not be forgotten: %s", name, error)
            self._failed[name] = time.monotonic()
        else:
            self._failed.pop(name, None)
            log.info("%s was removed", name)
