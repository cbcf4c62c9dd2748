"""What goes of a history that has grown too large, and who is told before."""

import random
import re

import pytest
from greenchat_plugins.history import index, store, tidy
from kit.histories import keep, said
from kit.programs import Anybody, Program, says, sync
from kit.retention import SETTINGS, counts, fill, wait_for_log, warned_long_ago

from greenchat.testing import serving


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(tidy, "CHECK_SECONDS", 0.05)


def test_rooms_alike_lose_alike(tmp_path, caplog):
    fill(tmp_path, flood=1)
    rng = random.Random(1)
    lines = [f"{room} ada: {rng.randbytes(500).hex()}" for _ in range(1000) for room in ("a", "b", "c")]
    (tmp_path / store.FILE).unlink()
    keep(tmp_path, said(*lines, "d ada: hello"))
    warned_long_ago(tmp_path)
    with serving(settings=SETTINGS, data_dir=tmp_path):
        wait_for_log(caplog, "messages were removed")
    left = counts(tmp_path)
    assert left["d"] == 1
    assert max(left[room] for room in "abc") - min(left[room] for room in "abc") <= index.STEP
    assert all(left[room] < 1000 for room in "abc")


def test_operators_are_warned_before_anything_goes_and_nobody_else(tmp_path, caplog):
    with serving(Anybody, settings=SETTINGS | {"limits.outbox_bytes": 0}, data_dir=tmp_path) as server:
        op, bob, talker = server.join("op"), server.join("bob"), Program(server, "talker", "talk")
        says(op, "/crown")
        more = 0
        while more < 100:  # past it, once it was warned
            for _ in range(10):
                assert talker.ask("x y z " * 500)[-1]["type"] == "ack"
            more += "History takes" in caplog.text
        wait_for_log(caplog, "were removed")
        told = [line for line in sync(op) if "History takes" in line]
        assert not any("History" in line for line in sync(bob))
    (notice,) = told
    assert re.fullmatch(
        r"INFO\|History takes [12]\.\d MB, and is to take 2\.0 MB: past that the oldest messages go, of the largest "
        r"rooms first\. (Nothing of what there was goes before .+ UTC\. )?"
        r"Export what you want to keep, or raise plugins\.history\.keep_bytes\.",
        notice,
    )
    assert caplog.text.index("History takes") < caplog.text.index("were removed")
