"""History that takes no more of the disk than it may: who loses what, and who is warned before."""

import pytest
from click.testing import CliRunner
from greenchat_plugins.history import retention, tidy
from greenchat_plugins.history.retention import Share
from hypothesis import given
from hypothesis import strategies as st
from kit.accounts import SECRET
from kit.histories import kept, opened, verified
from kit.machine import eventually
from kit.programs import Program, says, sync
from kit.retention import KEEP, SETTINGS, counts, fill, in_use, wait_for_log, warned_long_ago
from kit.socketless import serving

from greenchat.cli import main


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(tidy, "CHECK_SECONDS", 0.05)


def test_the_largest_room_loses_its_oldest_and_the_others_nothing(tmp_path, caplog):
    fill(tmp_path, flood=3000, garden=60, lobby=200)
    warned_long_ago(tmp_path)
    before = in_use(tmp_path)
    assert before > 2 * KEEP
    with serving(settings=SETTINGS | {"plugins.history.replay": 20}, data_dir=tmp_path) as server:
        wait_for_log(caplog, "messages were removed, as history is to take 2.0 MB")
        with_room = Program(server, "bob", "flood")
        assert with_room.ask("still here")[-1]["seq"] == 3001
    left = counts(tmp_path)
    assert (left["garden"], left["lobby"]) == (60, 200)
    assert 300 < left["flood"] < 2000
    assert [message.seq for message in kept(tmp_path) if message.room == "flood"][-1] == 3001
    assert in_use(tmp_path) < KEEP
    assert verified(tmp_path) == (0, ["It is whole."])


def test_an_operator_who_logs_in_is_told_as_long_as_it_holds(tmp_path, caplog):
    fill(tmp_path, flood=3000)
    with serving(settings=SETTINGS, data_dir=tmp_path) as server:
        ada = server.join("ada")
        assert any("yours" in line for line in says(ada, f"/register {SECRET}"))
        wait_for_log(caplog, "History takes")
        added = CliRunner().invoke(main, ["operators", "add", "ada", "--data-dir", str(tmp_path)])
        assert added.exit_code == 0
        ada.close()

        def told():
            peer = server.connect()
            peer.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
            lines = [line for line in sync(peer) if "History takes" in line]
            peer.close()
            return lines

        assert "Nothing of what there was goes before 20" in eventually(told)[0]
        guest = server.join("guest")
        assert not any("History" in line for line in sync(guest))
    assert len(kept(tmp_path)) == 3000  # a week is left to save it


def test_where_it_is_less_again_nobody_is_told(tmp_path):
    fill(tmp_path, lobby=50)
    warned_long_ago(tmp_path)
    with serving(settings=SETTINGS, data_dir=tmp_path):

        def forgotten():
            with opened(tmp_path) as connection:
                return retention.state(connection).warned is None

        eventually(forgotten)
    assert len(kept(tmp_path)) == 50


def test_without_a_bound_nothing_goes(tmp_path):
    fill(tmp_path, flood=3000)
    warned_long_ago(tmp_path)
    with serving(settings=SETTINGS | {"plugins.history.keep_bytes": 0}, data_dir=tmp_path) as server:
        sync(server.join("ada"))
    assert len(kept(tmp_path)) == 3000


SIZES = st.lists(st.tuples(st.integers(1, 10_000), st.floats(60, 8000)), min_size=1, max_size=20)


@given(SIZES, st.floats(0, 1))
def test_what_goes_is_enough_and_of_the_largest(sizes, part):
    found = [Share(number, f"{number}", 1, count, each) for number, (count, each) in enumerate(sizes)]
    whole = sum(share.bytes for share in found)
    planned = {share.name: keep for share, keep in retention.plan(found, whole * part)}
    left = {share.name: planned.get(share.name, share.last) * share.each for share in found}
    biggest = max(share.each for share in found)
    # But for the last message of each room, and what is less than a message.
    assert sum(left.values()) <= whole * (1 - part) + biggest * len(found)
    gone = [share for share in found if share.name in planned]
    if gone:
        level = max(left[share.name] for share in gone)
        assert all(share.bytes <= level + biggest for share in found if share not in gone)
        assert all(planned[share.name] >= 1 for share in gone)
