"""Something that happens to a server at an exact moment of its reload."""

import signal
from pathlib import Path

import pytest

from kit.handovers import Handovers

# A plugin that sends its own process a signal, once, when a line of the log has come: as it says in a file beside it.
STRIKER = """
import logging, os
from pathlib import Path

ORDER = Path(__file__).with_name("order")

def strike(moment):
    try:
        step, number = ORDER.read_text().split("/")
    except OSError:
        return
    if step in moment:
        ORDER.unlink()
        os.kill(os.getpid(), int(number))

class Striker(logging.Handler):
    def emit(self, record):
        strike(record.getMessage())

if "_GREENCHAT_TRIAL_MARK" not in os.environ:
    strike("plugins are loaded")
    logging.getLogger("greenchat").addHandler(Striker())
"""

# The steps of a hand-over, by what the log says at its level debug, and one that the plugin itself knows.
STEPS = (
    "another process tries",
    "the server stands still",
    "all are at rest",
    "plugins have ended",
    "is collected",
    "is replaced",
    "plugins are loaded",
    "is taken over",
    "plugins have begun",
    "all go on",
    "another program goes on",
)


# Some of them: before the point from which nothing leads back, behind it, at its end, and in the next process.
FEW_STEPS = STEPS[1::3]


# All of them, for tests of which each case is one.
EACH_STEP = [pytest.param(step, marks=() if step in FEW_STEPS else pytest.mark.full) for step in STEPS]


class Strikes(Handovers):
    """Hand-overs of a server in which something strikes."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        (self.directory / "striker.py").write_text(STRIKER)

    @property
    def arguments(self) -> list[str]:
        return [*super().arguments, "--set", "server.log_level=debug"]

    @property
    def is_ordered(self) -> bool:
        """Whether it has not struck yet."""
        return (self.directory / "order").exists()

    def order(self, step: str, number: signal.Signals) -> None:
        """Have this signal come at this step of the next hand-over."""
        (self.directory / "order").write_text(f"{step}/{number:d}")
