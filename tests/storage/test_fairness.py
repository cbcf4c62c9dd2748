"""Taking turns: by address, and then by who it is."""

import gevent
import pytest
from gevent.event import Event

from greenchat.storage.fairness import FairQueue


class Hall:
    """People who want something, and the order in which they got it; each `finish` ends one of those at work."""

    def __init__(self, width=1):
        self.queue = FairQueue(width)
        self.got = []
        self.done = []

    def ask(self, network, who):
        greenlet = gevent.spawn(self._work, network, who)
        gevent.sleep(0)
        return greenlet

    def finish(self):
        self.done.pop(0).set()
        gevent.sleep(0)
        gevent.sleep(0)

    def _work(self, network, who):
        with self.queue.turn(network, who):
            done = Event()
            self.done.append(done)
            self.got.append(who)
            done.wait()


def test_who_asks_for_much_waits_for_themselves():
    hall = Hall()
    for who in ("x", "x", "x", "x2", "x", "a", "a", "b"):
        hall.ask("elsewhere" if who.startswith("x") else who, who)
    while hall.done:
        hall.finish()
    assert hall.got == ["x", "x", "a", "b", "x2", "a", "x", "x"]


@pytest.mark.parametrize("width", [1, 2, 3])
def test_so_many_are_at_work_at_once(width):
    hall = Hall(width)
    for number in range(6):
        hall.ask(f"{number}", number)
    assert len(hall.got) == width
    hall.finish()
    assert len(hall.got) == width + 1
    while hall.done:
        hall.finish()
    assert hall.got == list(range(6))
    hall.ask("6", 6)
    assert hall.got[-1] == 6


def test_who_gives_up_is_waited_for_no_more():
    hall = Hall()
    hall.ask("a", "a")
    waiting = [hall.ask("x", "x"), hall.ask("x", "x"), hall.ask("b", "b")]
    waiting[0].kill()
    hall.finish()
    assert hall.got == ["a", "x"]
    waiting[2].kill()
    hall.finish()
    hall.ask("c", "c")
    assert hall.got == ["a", "x", "c"]


def test_who_fails_hands_on_the_turn():
    queue = FairQueue()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), queue.turn("a", "a"):
            _ = 1 / 0
