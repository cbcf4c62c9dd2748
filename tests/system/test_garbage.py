"""What ends is freed at once, so that the garbage collector has nothing to look for, and may look at little."""

import gc

import pytest
from kit.machine import eventually

from greenchat.server import collector
from greenchat.server.collector import short_collections
from greenchat.testing import serving


def leftovers() -> list[str]:
    """What only the collector would have freed since it was last called."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return [type(found).__qualname__ for found in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


@pytest.mark.parametrize("way", ["leave", "close"])
def test_who_has_gone_leaves_nothing_for_the_collector(way):
    with serving() as server:

        def come_and_go():
            with server.join("ada") as ada, server.join("bob") as bob:
                ada.send("MSG|hello")
                bob.read_until("MSG|ada|hello")
                bob.send("MSG|/join garden")
                bob.read_until("INFO|Welcome to garden, bob. Nobody else is here yet. Say /help for the commands.")
                if way == "leave":
                    ada.send("LEAVE")
            eventually(lambda: server.call(lambda: not server.server.sessions))

        come_and_go()  # what is made once for all is made now
        server.call(gc.collect)
        server.call(gc.disable)
        try:
            come_and_go()
            found = server.call(leftovers)
        finally:
            server.call(gc.enable)
        assert not {"Connection", "Member", "Room", "Outbox"} & set(found)


def test_what_took_long_to_look_at_is_not_looked_at_again(monkeypatch):
    kept = [[] for _ in range(100_000)]
    with short_collections():
        assert gc.get_freeze_count() >= len(kept), "what was there at the start"
        gc.collect()
        before = gc.get_freeze_count()
        gc.collect()
        assert gc.get_freeze_count() == before, "a short one leaves all in"
        monkeypatch.setattr(collector, "LONG_SECONDS", 0.0)
        more = [[] for _ in range(1000)]
        gc.collect()
        assert gc.get_freeze_count() >= before + len(more)
    assert gc.get_freeze_count() == 0
