"""The epoch says in which time the numbers of a log hold: over a clean end of the server and a kill, with a restored
backup, without a history for a while, and with files from before there were conversations. Clients that come back by it
have what the files have, in rooms and alone."""

import random
import shutil

import pytest
from devices import Plain
from kit.backups import make, restore
from kit.histories import verified
from kit.schemas import load
from village import ROOMS, Village

ACTS, FULL_ACTS = 30, 400


@pytest.fixture
def village(tmp_path, seed):
    data_dir = tmp_path / "data"
    data_dir.mkdir(0o700)
    with Village(data_dir, random.Random(seed)) as found:
        yield found
    assert verified(data_dir) == (0, ["It is whole."])


@pytest.fixture
def acts(full):
    return FULL_ACTS if full else ACTS


def programs(village):
    return [client for client in village.connected if not isinstance(client, Plain)]


def told(village):
    """The epochs of rooms, and those of conversations that are kept."""
    found = set(), set()
    for client in programs(village):
        for place, log in client.logs.items():
            if place in ROOMS or "gus" not in (client.name, client.withs[place]):
                found[place.startswith("@")].add(log.epoch)
    return found


def epochs(village):
    """All rooms have the same, and all conversations have."""
    ((rooms,), (direct,)) = told(village)
    assert rooms != direct
    return rooms, direct


def anew(village):
    """Where all those who were here before were told to begin anew: in rooms, in conversations that are kept."""
    found = {False: set(), True: set()}
    for client in programs(village):
        for place in client.logs:
            if place in ROOMS or "gus" not in (client.name, client.withs[place]):
                found[place.startswith("@")].add(place in client.anew)
    ((rooms,), (direct,)) = found[False], found[True]
    return rooms, direct


def first_life(village, acts, *, killed=False):
    """Its epochs, and a backup in the midst of it."""
    with village.serve() as server:
        village.register()
        village.come(all_of_them=True)
        village.first_words()
        village.live("", acts)
        come_back(village)
        village.check()
        make(village.data_dir, village.data_dir.parent / "backup")
        village.live("", acts, losses=False)
        village.settle()
        before = epochs(village)
        village.end(server, killed=killed)
    return before


def come_back(village):
    for name, devices in village.devices.items():
        for number, device in enumerate(devices):
            if not device.client.is_connected:
                village.back(name, number)


def next_life(village, acts, *, promised):
    """Its epochs, and where clients had to begin anew."""
    with village.serve() as server:
        village.come(all_of_them=True)
        village.check(promised=promised)
        found = epochs(village), anew(village)
        village.live("", acts)
        come_back(village)
        village.check(promised=promised)
        village.end(server, killed=False)
    return found


def test_it_is_another_one_after_a_kill(village, acts):
    before = first_life(village, acts, killed=True)
    after, was_anew = next_life(village, acts, promised=True)
    assert not {*after} & {*before}
    assert was_anew == (True, True)
    assert next_life(village, acts, promised=True) == (after, (False, False))


def test_it_goes_on_over_a_clean_end_and_is_another_one_with_a_copy_of_an_earlier_day(village, acts):
    """Numbers are given again then. The copies are of files that were closed in order."""
    before = first_life(village, acts)
    copy = village.data_dir.parent / "copy"
    shutil.copytree(village.data_dir, copy)
    assert next_life(village, acts, promised=True) == (before, (False, False))
    for name in ("history", "direct"):
        shutil.copy(copy / f"{name}.sqlite3", village.data_dir / f"{name}.sqlite3")
    begins_anew(village, acts, before)


def test_it_is_another_one_with_a_backup(village, acts):
    before = first_life(village, acts)
    restore(village.data_dir.parent / "backup", village.data_dir)
    begins_anew(village, acts, before)


def begins_anew(village, acts, before):
    after, was_anew = next_life(village, acts, promised=False)
    assert not {*after} & {*before}
    assert was_anew == (True, True)


def test_a_time_without_a_history_is_another_one_in_rooms_alone(village, acts):
    """Who was not there meanwhile goes on where they were; who was there has words that are kept nowhere."""
    before = first_life(village, acts)
    with village.serve('server.disabled_plugins=["history"]') as server:
        absent = village.devices["ada"][0].client
        village.come(all_of_them=True, but=absent)
        village.live("", acts, losses=False)
        village.settle()
        rooms, direct = told(village)
        assert before[0] not in rooms
        assert direct == {before[1]}
        for room in ROOMS:
            first, *others = [client.logs[room].states for client in programs(village)]
            assert first
            assert all(other == first for other in others)
        village.end(server, killed=False)
    with village.serve() as server:
        village.come(all_of_them=True)
        village.check(promised=False)
        assert epochs(village) == before
        for client in programs(village):
            assert client.anew == (set() if client is absent else {*ROOMS})
        village.end(server, killed=False)


def test_files_of_before_there_were_conversations(village, acts):
    for dump in ("history-v5", "accounts-v3"):
        load(dump, village.data_dir)
    with village.serve() as server:
        village.register("bob", "cyd")
        village.come(all_of_them=True)
        village.check(promised=False)
        (client, *_) = programs(village)
        assert client.logs["lobby"].entries[1].text == "Good morning!"
        assert client.logs["lobby"].entries[2].reply_to == 1
        village.first_words()
        village.live("", acts, losses=False)
        village.check(promised=False)
        before = epochs(village)
        village.end(server, killed=False)
    assert next_life(village, acts, promised=False) == (before, (False, False))
