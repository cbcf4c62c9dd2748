"""A history keeps with which keys messages were said: for a day, over restarts and outages, and no longer than it has
to."""

import gevent
from greenchat_plugins.history import keys
from kit.histories import history, keep, opened, said
from kit.machine import eventually
from kit.outages import BUSY, OFF, ON, locked
from kit.programs import Anybody, Program, sync, without_plugins
from kit.sessions import device
from kit.socketless import serving

from greenchat.storage.sqlite import transaction

NO_ACCOUNTS = without_plugins("accounts") | {BUSY: 0.05}


def serve(data_dir, **settings):
    return serving(Anybody, settings=NO_ACCOUNTS | settings, data_dir=data_dir)


def say(one, text="Hello!", key="k1", **fields):
    return one.request(type="say", text=text, key=key, **{"room": "lobby", **fields})


def numbers(ack):
    assert ack["type"] == "ack", ack
    return ack["seq"], ack["id"], ack["rev"]


def kept(data_dir):
    with opened(data_dir) as connection:
        return connection.execute("SELECT owner, key, seq, said FROM keys ORDER BY id").fetchall()


def heard(peer):
    return [line for line in sync(peer) if line.startswith("MSG|")]


def test_who_comes_back_after_a_restart_says_nothing_twice(tmp_path):
    with serve(tmp_path) as server:
        ada, bob = device(server, "ada"), Program(server, "bob")
        first, others = numbers(say(ada)), numbers(say(bob, reply_to=1))
        ada.request(type="delete", room="lobby", seq=1)
    with serve(tmp_path) as server:
        phone, eve = device(server, "ada"), server.join("eve")
        assert numbers(say(phone)) == first
        assert heard(eve) == []
        assert others == (2, first[1] + 1, 2)


def test_a_guest_comes_back_by_a_token(tmp_path):
    with serve(tmp_path) as server:
        bob = Program(server, "bob")
        first = numbers(say(bob))
    with serve(tmp_path) as server:
        again, other = Program(server), Program(server, "rob")
        again.join(token=bob.welcome["token"])
        assert numbers(say(again)) == first
        assert say(again, "Another.")["code"] == "key_reused"
        assert numbers(say(other))[0] == 2


def test_in_an_outage(tmp_path):
    with serve(tmp_path) as server:
        ada, guest, eve = device(server, "ada"), Program(server, "bob"), server.join("eve")
        say(ada, "Before.", "k0")
        with locked(tmp_path):
            assert say(ada)["code"] == "not_stored"
            assert say(ada)["code"] == "try_again", "it may be kept later"
            assert say(guest)["code"] == "not_stored"
            assert say(ada, "Before.", "k0")["seq"] == 1, "which is kept"
            dan = device(server, "dan")
            assert say(dan)["code"] == "try_again", "he may have said it before this server began"
        eve.read_until(f"INFO|{ON}")
        assert [numbers(say(one))[0] for one in (ada, guest, dan)] == [2, 3, 4]
        assert [numbers(say(one))[0] for one in (ada, guest, dan)] == [2, 3, 4]
        assert heard(eve) == ["MSG|dan|Hello!"], "and the others before the notice"
    with serve(tmp_path) as server:
        assert numbers(say(device(server, "ada")))[0] == 2


def test_what_was_dropped_in_an_outage_may_be_said_again(tmp_path):
    with serve(tmp_path, **{"plugins.history.waiting_messages": 1}) as server:
        ada, eve = device(server, "ada"), server.join("eve")
        say(ada, "Before.", "k0")
        with locked(tmp_path):
            assert say(ada)["code"] == "not_stored"
            assert say(ada, key="k2")["code"] == "not_stored"
            eve.read_until(f"INFO|{OFF}")
        while not eve.read().startswith(f"INFO|{ON}"):
            pass
        kept_one = numbers(say(ada, key="k2"))
        again = numbers(say(ada))
        assert again[0] == kept_one[0] + 1
        assert heard(eve) == ["MSG|ada|Hello!"]
    assert [(key, seq) for _, key, seq, _ in kept(tmp_path)] == [("k0", 1), ("k2", kept_one[0]), ("k1", again[0])]


def test_a_message_that_got_another_number(tmp_path):
    with serve(tmp_path) as server:
        ada = device(server, "ada")
        say(ada, "Before.", "k0")
        other = said("lobby eve: one", "lobby eve: two")[1]
        keep(tmp_path, [other])  # by a program that should not do so
        say(ada)
        eventually(lambda: say(ada)["seq"] == 3)
        assert numbers(say(ada, "Before.", "k0"))[0] == 1
    assert [(key, seq) for _, key, seq, _ in kept(tmp_path)] == [("k0", 1), ("k1", 3)]
    with serve(tmp_path) as server:
        assert numbers(say(device(server, "ada")))[0] == 3


def test_nothing_tells_a_text_that_is_gone(tmp_path):
    with serve(tmp_path) as server:
        ada = Program(server, "ada")
        for number in range(3):
            say(ada, key=f"k{number}")
        ada.request(type="edit", room="lobby", seq=2, text="Bye!")
        ada.request(type="delete", room="lobby", seq=3)
    first, *others = [digest for *_, digest in kept(tmp_path)]
    assert len(first) == 8
    assert others == [b"", b""]


def test_who_is_forgotten_has_no_keys(tmp_path):
    with serve(tmp_path) as server:
        for name in ("ada", "bob"):
            say(Program(server, name), key=name)
    assert history(tmp_path, "forget", "--user", "ada", "--yes").exit_code == 0
    assert [key for _, key, *_ in kept(tmp_path)] == ["bob"]


def test_a_room_that_is_removed_has_no_keys(tmp_path):
    with serve(tmp_path) as server:
        ada = Program(server, "ada")
        ada.join(room="garden")
        say(ada)
        say(ada, key="k2", room="garden")
        ada.request(type="leave", room="garden")
        server.call(lambda: gevent.spawn(server.server.hooks.forget_room, "garden"))
        eventually(lambda: [key for _, key, *_ in kept(tmp_path)] == ["k1"])


def test_they_are_removed_after_a_day(tmp_path):
    with serve(tmp_path) as server:
        ada = device(server, "ada")
        for number in range(4):
            say(ada, key=f"k{number}")
    day = keys.KEPT_SECONDS * 1_000_000
    with opened(tmp_path) as connection:
        connection.execute("UPDATE keys SET time = time - ? WHERE key < 'k2'", (day,))
        connection.commit()
    with serve(tmp_path) as server:
        eventually(lambda: [key for _, key, *_ in kept(tmp_path)] == ["k2", "k3"])
        ada = device(server, "ada")
        assert [numbers(say(ada, key=f"k{number}"))[0] for number in range(4)] == [5, 6, 3, 4]


def test_only_the_latest_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "MOST", 2)
    monkeypatch.setattr(keys, "STEP", 2)
    with serve(tmp_path) as server:
        ada = device(server, "ada")
        for number in range(5):
            say(ada, key=f"k{number}")
    with opened(tmp_path) as connection:
        owner = connection.execute("SELECT owner FROM keys").fetchone()[0]
        assert [used.key for used in keys.find(connection, owner, None)] == ["k4", "k3"]
        assert [used.key for used in keys.find(connection, owner, "k0")] == ["k0"]
        monkeypatch.setattr(keys, "KEPT_SECONDS", -1)
        assert [transaction(connection, keys.trim) for _ in range(4)] == [2, 2, 1, 0]
