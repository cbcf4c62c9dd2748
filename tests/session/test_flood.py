"""What a client has sent in one go is handled in parts."""

import time

import pytest

from greenchat.config.schema import Limits
from greenchat.session.flood import FRAME_SECONDS, PART_FRAMES, REPEATED, FloodControl
from greenchat.testing import serving


class Turns:
    """Of an event loop that has all the time in the world."""

    number = 1
    is_frozen = False


def test_nothing_is_said_after_a_leave_however_much_came_with_it():
    with serving() as server:
        ada, bob = server.join("ada"), server.join("bob")
        bob.send("MSG|first", "LEAVE", *(f"MSG|{number}" for number in range(3 * PART_FRAMES)))
        ada.expect("INFO|bob has joined the chat.", "MSG|bob|first", "INFO|bob has left the chat.")


def test_saying_it_again_is_nearly_free():
    flood = FloodControl(Limits(flood_rate=0.001, flood_burst=10), Turns(), None)
    for _ in flood.parts([None] * 8, 800):
        for _ in range(8):
            flood.repeated()
    assert flood._allowance.left == pytest.approx(10 - 8 * REPEATED, abs=1)


def test_what_is_dear_costs_as_much_as_many_frames():
    flood = FloodControl(Limits(flood_rate=0.001, flood_burst=10), Turns(), None)
    for _ in flood.parts([None], 100):
        flood.charge(5)
    assert flood._allowance.left == pytest.approx(10 - 1 - 5, abs=1)


def test_work_for_what_asks_for_nothing_is_not_free():
    """Lines that are a part of something, and of something that never comes, are decoded like others."""
    flood = FloodControl(Limits(flood_rate=0.001, flood_burst=10), Turns(), None)

    def feed(data):
        until = time.thread_time() + 5 * FRAME_SECONDS
        while time.thread_time() < until:
            pass
        return [None] * len(data)

    assert len(flood.decoded(feed, b"xxxxxx")) == 6  # they pay for it
    assert flood._allowance.left == pytest.approx(10, abs=1)
    assert flood.decoded(feed, b"") == []
    assert flood._allowance.left == pytest.approx(10 - 4, abs=2)


def test_what_the_machine_does_besides_costs_nothing():
    """A machine that is busy has the server wait for its turn, or for its disk."""
    flood = FloodControl(Limits(flood_rate=0.001, flood_burst=10), Turns(), None)
    for _ in flood.parts([None], 100):
        time.sleep(50 * FRAME_SECONDS)
    assert flood._allowance.left == pytest.approx(10 - 1, abs=1)
