"""What a plugin keeps by its store: at once for who reads it, soon on the disk, all of it or nothing."""

import stat
import time

import gevent
import pytest
from gevent.event import Event

from greenchat import DatabaseError, PluginError
from greenchat.storage import plugin_store
from greenchat.storage.plugin_store import Store, store_path


@pytest.fixture
def path(tmp_path):
    return store_path(tmp_path, "tester")


def opened(path):
    store = Store("tester", path)
    store.begin()
    return store


@pytest.fixture
def store(path):
    store = opened(path)
    yield store
    store.close()


def test_it_is_a_mapping_that_outlasts_the_server(path):
    store = opened(path)
    store["points"] = {"ada": 1, "bob": [True, None, 1.5, "ü"]}
    store["points2"] = 5
    store["points2"] += 1
    store["gone"] = ""
    del store["gone"]
    store.room("dev")["topic"] = "rain"
    store.account(7)["points"] = 3
    with pytest.raises(KeyError):
        del store["gone"]
    store.close()
    store = opened(path)
    assert dict(store) == {"points": {"ada": 1, "bob": [True, None, 1.5, "ü"]}, "points2": 6}
    assert (dict(store.room("dev")), dict(store.account(7))) == ({"topic": "rain"}, {"points": 3})
    assert "gone" not in store
    store.close()


def test_nothing_is_written_for_who_keeps_nothing(path):
    store = opened(path)
    assert list(store) == []
    store.close()
    assert not path.exists()


def test_it_is_private_and_beside_the_others(store, path, tmp_path):
    store["a"] = 1
    store.flush()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.glob("*.sqlite3")) == [path]
    assert store_path(tmp_path, "../odd/name.x").parent == tmp_path


def test_what_is_read_is_a_copy(store):
    store["list"] = [1]
    store["list"].append(2)
    assert store["list"] == [1]


def test_flush_is_on_the_disk(store, path):
    store["a"] = 1
    store.flush()
    assert dict(opened(path)) == {"a": 1}


def test_a_transaction_is_done_wholly_or_not_at_all(store, path):
    store["a"], store["b"] = 1, 1

    def fail():
        with store.transaction():
            store["a"] = 2
            del store["b"]
            store["c"] = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert dict(store) == {"a": 1, "b": 1}
    with store.transaction():
        store["a"] = 3
        store["a"] += 1
        del store["b"]
    store.flush()
    assert dict(store) == dict(opened(path)) == {"a": 4}


def test_transactions_are_not_within_each_other(store):
    with pytest.raises(PluginError, match="under way"), store.transaction(), store.transaction():
        pass
    store["a"] = 1


@pytest.mark.parametrize("value", [object(), {1, object()}, "\ud800", {"a": "\udfff"}])
def test_what_is_no_json_is_refused(store, value):
    with pytest.raises(PluginError, match="no JSON"):
        store["a"] = value
    assert "a" not in store


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_keys_have_a_length(store, key):
    with pytest.raises(PluginError, match="1 to 255"):
        store[key] = 1


def test_keys_are_texts(store):
    with pytest.raises(TypeError):
        store[5] = 1


def test_it_is_bounded(store, monkeypatch):
    with pytest.raises(PluginError, match="takes 1048576 bytes"):
        store["a"] = "x" * 1024 * 1024
    monkeypatch.setattr(plugin_store, "MOST_BYTES", 1000)
    store["a"] = "x" * 500
    with pytest.raises(PluginError, match="full"):
        store["b"] = "x" * 500
    store["a"] = "x" * 600
    del store["a"]
    store["b"] = "x" * 600


def test_a_damaged_file_is_told(path):
    path.write_bytes(b"no database at all, and long enough to look like something" * 100)
    with pytest.raises(DatabaseError, match="damaged"):
        opened(path)


def test_what_cannot_be_written_waits_and_is_told(store, path, monkeypatch, caplog):
    monkeypatch.setattr(plugin_store, "RETRY_SECONDS", 0.01)
    path.mkdir()
    store["a"] = 1
    with pytest.raises(DatabaseError):
        store.flush()
    assert store["a"] == 1
    path.rmdir()
    store.flush()
    assert dict(opened(path)) == {"a": 1}
    assert "what plugin tester keeps waits in memory" in caplog.text


def test_a_room_is_forgotten(store):
    store.room("dev")["a"] = store.room("other")["a"] = 1
    store.forget_room("dev")
    assert (dict(store.room("dev")), dict(store.room("other"))) == ({}, {"a": 1})


def test_what_the_server_itself_keeps_heeds_no_transaction_that_waits(store):
    store.room("garden")["n"] = 1
    mine = store.own("told")
    go_on = Event()

    def waits():
        with store.transaction():
            store["a"] = 1
            store.room("garden")["n"] = 2
            go_on.wait()
            raise KeyError

    waiting = gevent.spawn(waits)
    gevent.sleep(0)
    with pytest.raises(PluginError, match="under way"):
        store["b"] = 1
    mine["ada"] = ["hello"]
    store.forget_room("garden")
    go_on.set()
    with pytest.raises(KeyError):
        waiting.get()
    assert mine["ada"] == ["hello"]
    assert not store.room("garden")
    assert "a" not in store


def test_nothing_is_kept_once_it_is_closed(store, path):
    store["a"] = 1
    store.close()
    path.unlink()
    with pytest.raises(PluginError, match="has ended"):
        store["a"] = 2
    with pytest.raises(PluginError, match="has ended"), store.transaction():
        pass
    gevent.sleep(0)
    assert not path.exists()
    assert store["a"] == 1


def test_much_is_forgotten_quickly(store):
    garden = store.room("garden")
    for number in range(50_000):
        garden[f"{number}"] = None
    began = time.monotonic()
    store.forget_room("garden")
    assert time.monotonic() - began < 5  # it would take a minute if all were looked through for each
    assert not garden


def test_what_is_counted_is_bounded_and_the_weakest_go_first(store):
    points = store.room("garden")
    assert [points.add("tea"), points.add("tea", 2), points.add("rain", -5)] == [1, 3, -2 - 3]
    assert points.top(1) == [("tea", 3)]
    for number in range(20):
        points.add(f"{number}", most=10)
    assert points["rain"] == -5
    assert points["tea"] == 3
    assert len(points) <= 10
    assert store.get("tea") is None
