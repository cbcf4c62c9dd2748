"""A server that leaves, to go on in another program: it stands still first, and then its plugins end.

While it stands still all may still go on where they are; once plugins have begun to end, nothing leads back.
"""

import logging
import time
from collections.abc import Iterable

import gevent

from greenchat.chat.carried import under_way
from greenchat.errors import GreenchatError
from greenchat.hooks.carried import CarriedPlugins
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.server.carried_connections import CarriedConnections
from greenchat.server.carried_server import Asked, CarriedServer
from greenchat.server.carrying import collect
from greenchat.server.lifecycle import Lifecycle
from greenchat.server.pause import CUT_SECONDS, FREEZE_SECONDS, Pause
from greenchat.server.steps import Steps

log = logging.getLogger("greenchat.server")

# How often it is looked whether threads of plugins have come to their end, in seconds.
LOOK_SECONDS = 0.02

# How many turns of the event loop what plugins say at their end may take to go out: one or two.
TURNS = 100


class NotNowError(GreenchatError):
    """Something would be cut off in its midst. The text names it."""


class Departure:
    """That of one server."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._server = lifecycle.server
        self._pause = Pause(lifecycle.server)
        self._plugins = CarriedPlugins()
        self._froze = 0.0
        self.steps = Steps()

    def freeze(self) -> None:
        """Have all come to rest. Raises `NotNowError` where that cannot be, and then all goes on, as where the greenlet
        is killed meanwhile."""
        log.debug("reload: the server stands still")
        self._froze = time.monotonic()
        self.steps = Steps(self._froze)
        self._pause.freeze()
        try:
            is_at_rest = self._pause.settle(FREEZE_SECONDS)
            until = self._froze + FREEZE_SECONDS
            if not is_at_rest and self._pause.cut_queued():
                until = time.monotonic() + CUT_SECONDS  # for what others have begun
            while reasons := self._reasons():
                if time.monotonic() >= until:
                    raise NotNowError(f"This would be cut off, so wait until it is done: {'; '.join(reasons)}.")
                gevent.sleep(LOOK_SECONDS)
            if not is_at_rest and not self._pause.cut():
                raise NotNowError("Something that clients have asked for does not come to its end. Try again later.")
        except BaseException:
            self.thaw()
            raise

    def thaw(self) -> None:
        """All goes on as before."""
        self._pause.thaw()

    def end(self, changed: Iterable[str]) -> None:
        """Let plugins end, of which those have `changed`. Raises nothing."""
        self.steps.done("all are at rest, and plugins end")
        try:
            self._pause.send_away()
        except Exception:
            log.exception("somebody could not be told to come back")
        self._pause.hold()
        self.steps.done("who cannot be carried has gone")
        try:
            self._plugins = self._lifecycle.finish()
        except Exception:
            log.exception("something has not come to its end")
        self._plugins.changed = sorted(changed)
        for _ in range(TURNS):
            gevent.sleep(0)
            if not under_way(self._server.chat):
                break
        self.steps.done("plugins have ended")

    def collect(self, report: ReloadReport, asked: list[Asked], waiting: list[Asked]) -> CarriedServer:
        """All that goes on. Nothing may wait from here on, up to the end of the program or `give_away`."""
        return collect(self._server, self._pause, self._plugins, self._froze, report, asked, waiting)

    def leave_behind(self) -> CarriedConnections:
        """What is left where that fails: the sockets that listen, and those of whom nothing is known."""
        return self._pause.leave_behind()

    def give_away(self) -> None:
        """What was collected goes on in this very process: nobody else may touch it."""
        self._pause.give_away()

    def _reasons(self) -> list[str]:
        reasons = self._server.plugin_lifecycle.busy()
        if held := self._pause.held_acks:
            reasons.append(f"{held} {'sessions wait' if held > 1 else 'session waits'} until what was said is kept")
        return reasons
