"""What the plugins of one server stand on, and what holds for all of them."""

import logging
from collections.abc import Callable
from pathlib import Path

from greenchat.errors import Reject
from greenchat.hooks.bots import Ears
from greenchat.hooks.calls import Failed
from greenchat.hooks.clock import Clock
from greenchat.hooks.interfaces import ChatServer
from greenchat.hooks.meters import Meters
from greenchat.hooks.order import Order
from greenchat.hooks.room_switches import RoomSwitches
from greenchat.hooks.telling import Doorman


class Surroundings:
    """What all plugins of one server stand on. Without a `data_dir` no server runs: what they keep is kept nowhere."""

    def __init__(self, clock: Clock, data_dir: Path | None = None) -> None:
        self.clock = clock
        self.data_dir = data_dir
        self.server: ChatServer | None = None  # from greenchat_startup on
        self.rooms: RoomSwitches | None = None  # where each of them is at work; None for everywhere
        self.doorman = Doorman()
        self.ears = Ears()
        self.meters = Meters()
        self.failed: Failed = _log_failure
        self.failed_alone: Failed = _log_failure  # ... for one person
        self.keep_order: Callable[[Order], None] = _keep_no_order


def _log_failure(plugin: str, where: str, error: BaseException | None = None) -> None:
    """Before there are any hooks that could count it."""
    log = logging.getLogger("greenchat.plugins")
    log.error("plugin %s failed in %s", plugin, where, exc_info=error, extra={"plugin": plugin})


def _keep_no_order(order: Order) -> None:
    raise Reject("No server runs here.", code="not_allowed")
