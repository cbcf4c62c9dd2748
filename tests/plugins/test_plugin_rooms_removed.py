"""Rooms that last: how many one may have, and how they end, with all that was said there."""

import sqlite3
import time
from contextlib import closing

import pytest
from click.testing import CliRunner
from kit.accounts import CHEAP, registered
from kit.machine import eventually
from kit.programs import Anybody, Program, connect_from, says, sync, without_plugins
from kit.socketless import serving

from greenchat import Reject, hookimpl
from greenchat.cli import main
from greenchat.testing import DEADLINE

ALONE = without_plugins("accounts", "history", "people", "web")
THERE = "127.0.0.2"
HALF_A_YEAR = 180 * 86_400


def shell(data_dir, *arguments, code=0, given=""):
    result = CliRunner().invoke(main, [*arguments, "--data-dir", str(data_dir)], input=given)
    assert result.exit_code == code, result.output
    return result.output


def comes_into(peer, room):
    """Whether it is let in: a name is free a moment after the file has forgotten the room that had it."""
    return any(line.startswith(f"INFO|Welcome to {room}") for line in says(peer, f"/join {room}"))


def rooms_of(data_dir):
    with closing(sqlite3.connect(data_dir / "rooms.sqlite3")) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM rooms ORDER BY name")]


def peer_from(server, address, name):
    peer = connect_from(server, address)
    peer.send(f"JOIN|{name}")
    sync(peer)
    return peer


def refusals(lines):
    return [line.removeprefix("ERROR|") for line in lines if line.startswith("ERROR|")]


# --- how many ---


def test_one_address_opens_so_many_rooms_and_others_go_on(tmp_path):
    with serving(Anybody, settings=ALONE | {"limits.rooms_per_address": 3}, data_dir=tmp_path) as server:
        greedy = [server.join(f"greedy{number}") for number in range(4)]
        told = [says(peer, f"/join room{number}") for number, peer in enumerate(greedy)]
        assert [refusals(lines) for lines in told] == [
            [],
            [],
            [],
            ["There are 3 rooms made from your address or account, as many as there may be. Join one of them."],
        ]
        assert refusals(says(greedy[3], "/join room0")) == []
        other = peer_from(server, THERE, "other")
        assert refusals(says(other, "/join garden")) == []
        crowned = Program(server, "root")
        crowned.ask("/crown", "lobby")
        assert crowned.ask("/join attic")[-1]["type"] == "ack"


def test_a_room_that_is_gone_counts_no_more(tmp_path):
    with serving(settings=ALONE | {"limits.rooms_per_address": 1}, data_dir=tmp_path) as server:
        bob = server.join("bob")
        for room in ("garden", "attic", "cellar"):
            assert refusals(says(bob, f"/join {room}", "/part")) == []


def test_one_account_and_one_address_protect_so_many_rooms(tmp_path):
    quota = {"plugins.rooms.protected_per_account": 2, "plugins.rooms.protected_per_address": 3}
    with serving(Anybody, settings=ALONE | quota, data_dir=tmp_path) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        ada.ask("/become ada", "lobby")
        for room in ("a1", "a2", "a3"):
            ada.join(room=room)
            answer = ada.ask("/room key sesame", room)[-1]
        assert (answer["code"], answer["text"]) == (
            "too_many_protected",
            "You have 2 protected rooms, as many as one may. Open one first.",
        )
        for room in ("b1", "b2"):
            bob.join(room=room)
            answer = bob.ask("/room invite-only on", room)[-1]
        assert answer["code"] == "too_many_protected"
        assert answer["text"].startswith("There are 3 protected rooms from your address")
        assert bob.ask("/room", "b2")[0]["lines"][2] == "invite-only: off"
        other = peer_from(server, THERE, "other")
        assert refusals(says(other, "/join garden", "/room key sesame")) == []
        assert ada.ask("/room key other", "a1")[-1]["type"] == "ack", "one that is protected already"
        ada.ask("/room key off", "a1")
        assert ada.ask("/room key sesame", "a3")[-1]["type"] == "ack"
        root = Program(server, "root")
        root.join(room="kept")
        root.ask("/crown", "kept")
        assert root.ask("/room key sesame", "kept")[-1]["type"] == "ack"


# --- how they end ---


def chat(data_dir):
    return serving(settings=CHEAP | {"plugins.history.replay": 20, "plugins.history.events": True}, data_dir=data_dir)


@pytest.fixture
def server(tmp_path):
    """A server with a room that has a key, in which something was said."""
    (tmp_path / "server.lock").touch()
    with chat(tmp_path) as running:
        running.data_dir = tmp_path
        running.ada = registered(running)
        running.eve = running.join("eve")
        says(running.ada, "/join cellar", "/room key vintage", "the code is 4711", "/ban mallory")
        yield running


def test_the_shell_lists_what_lasts_and_no_key(server):
    says(server.eve, "/join attic", "/room invite-only on")
    lines = shell(server.data_dir, "rooms", "list").splitlines()
    today = f"{time.strftime('%Y-%m-%d', time.gmtime())}"
    assert [line.split() for line in lines] == [
        ["NAME", "OWNER", "PROTECTED", "BY", "KEPT", "LAST", "USED"],
        ["attic", "nobody", "invitation", "-", today],
        ["cellar", "ada", "a", "key", "-", today],
    ]
    assert "vintage" not in "".join(lines)


def test_where_nothing_lasts(tmp_path):
    assert shell(tmp_path, "rooms", "list") == "No room is protected or kept.\n"
    assert "is no data directory of a chat" in shell(tmp_path, "rooms", "remove", "cellar", code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_running_server_removes_a_room_within_a_second_with_all_that_was_said_there(server):
    bot = Program(server, "bot", "cellar", key="vintage")
    told = shell(server.data_dir, "rooms", "remove", "Cellar", given="y\n")
    assert "cellar (owner: ada) and all that was said there cannot be brought back." in told
    assert told.endswith("cellar is closed, and goes within a second, or with the next start of the server.\n")
    begin = time.monotonic()
    server.ada.read_until("ERROR|The room cellar was removed by whoever runs the server.")
    assert bot.read_until("error")["code"] == "room_removed"
    assert bot.read_until("left")["room"] == "cellar"
    eventually(lambda: rooms_of(server.data_dir) == [])
    assert time.monotonic() - begin < DEADLINE
    eventually(lambda: comes_into(server.eve, "cellar"))
    told = says(server.eve, "/history 20", "/room")
    assert "INFO|cellar: its owner is eve" in told
    assert not [line for line in told if "4711" in line]
    assert not [line for line in says(server.eve, "/search 4711") if "ada" in line]
    assert says(server.eve, "/bans")[-1] == "INFO|Nobody is banned or muted."
    with closing(sqlite3.connect(server.data_dir / "history.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM messages WHERE text LIKE '%4711%'").fetchone() == (0,)
        cellar = "(SELECT id FROM rooms WHERE name = 'cellar')"
        names = connection.execute(f"SELECT DISTINCT name FROM comings WHERE room = {cellar}").fetchall()
        assert set(names) <= {("eve",)}
    assert "shell: remove in cellar" in shell(server.data_dir, "audit")


def test_a_room_that_was_removed_while_no_server_ran_goes_with_the_next_start(tmp_path):
    (tmp_path / "server.lock").touch()
    with chat(tmp_path) as server:
        says(registered(server), "/join cellar", "/room key vintage", "the code is 4711")
    shell(tmp_path, "rooms", "remove", "cellar", "--yes")
    assert "being removed" in shell(tmp_path, "rooms", "list")
    with chat(tmp_path) as server:
        eventually(lambda: rooms_of(tmp_path) == [])
        eve = server.join("eve")
        eventually(lambda: comes_into(eve, "cellar"))
        assert says(eve, "/history 20") == ["INFO|Nothing was said here before."]


def test_who_does_not_want_it_changes_nothing(server):
    told = shell(server.data_dir, "rooms", "remove", "cellar", given="n\n", code=1)
    assert told.endswith("Nothing was changed.\n")
    assert "being removed" not in shell(server.data_dir, "rooms", "list")
    assert "Nothing lasts of attic" in shell(server.data_dir, "rooms", "remove", "attic", code=1)
    assert "Everybody comes into lobby first" in shell(server.data_dir, "rooms", "remove", "lobby", code=1)
    assert "remove" not in shell(server.data_dir, "audit")


class Forgetful:
    """Cannot forget, until it is told so."""

    def __init__(self):
        self.asked = []
        self.can = False

    @hookimpl
    def greenchat_forget_room(self, room):
        self.asked.append(room)
        if not self.can:
            raise Reject("I remember everything.")


def test_a_room_stays_closed_as_long_as_somebody_cannot_forget_it(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("greenchat_plugins.rooms.removal.RETRY_SECONDS", 0.1)
    (tmp_path / "server.lock").touch()
    plugin = Forgetful()
    with serving(Anybody, plugin, settings=ALONE, data_dir=tmp_path) as server:
        ada, eve = server.join("ada"), server.join("eve")
        says(ada, "/join cellar", "/room key vintage", "/part", "/join lobby")
        shell(tmp_path, "rooms", "remove", "cellar", "--yes")
        eventually(lambda: len(plugin.asked) > 1)
        root = Program(server, "root")
        root.ask("/crown")
        assert root.refused("/join cellar vintage", "lobby") == "room_removed"
        assert refusals(says(eve, "/join cellar vintage", "/names cellar")) == [
            "The room cellar is being removed. Try again later, or make another.",
            "There is no room cellar. /rooms lists them.",
        ]
        assert "cellar stays closed: what was said there could not be forgotten: I remember everything." in caplog.text
        plugin.can = True
        eventually(lambda: rooms_of(tmp_path) == [])
        eventually(lambda: comes_into(eve, "cellar"))


def unused_for(data_dir, seconds):
    with closing(sqlite3.connect(data_dir / "rooms.sqlite3")) as connection, connection:
        connection.execute("UPDATE rooms SET used = used - ?", (seconds,))


@pytest.fixture
def sweeping(monkeypatch):
    monkeypatch.setattr("greenchat_plugins.rooms.removal.SWEEP_SECONDS", 0.5)
    monkeypatch.setattr("greenchat_plugins.rooms.removal.LOOK_SECONDS", 0.1)


@pytest.mark.usefixtures("sweeping")
def test_a_protected_room_that_nobody_uses_for_half_a_year_is_removed_and_a_kept_one_is_not(tmp_path):
    with serving(Anybody, settings=without_plugins("accounts", "web"), data_dir=tmp_path) as server:
        ada, root = server.join("ada"), Program(server, "root")
        says(ada, "/join cellar", "/room key vintage", "the code is 4711")
        root.ask("/crown", "lobby")
        root.join(room="board")
        root.ask("/room key sesame", "board")
        root.ask("/room keep on", "board")
    unused_for(tmp_path, HALF_A_YEAR - 3600)
    with serving(Anybody, settings=without_plugins("accounts", "web"), data_dir=tmp_path) as server:
        assert refusals(says(server.join("eve"), "/join cellar"))[0].startswith("cellar needs a key.")
        swept_twice(server)
        assert rooms_of(tmp_path) == ["board", "cellar"]
    unused_for(tmp_path, 3600)
    with serving(Anybody, settings=without_plugins("accounts", "web"), data_dir=tmp_path) as server:
        eventually(lambda: rooms_of(tmp_path) == ["board"])
        eve = server.join("eve")
        eventually(lambda: comes_into(eve, "cellar"))
        assert says(eve, "/history 20") == ["INFO|Nothing was said here before."]


def swept_twice(server):
    """Wait until the server has looked for unused rooms two times more."""
    removal = server.call(
        lambda: next(plugin.bearer for plugin in server.server.plugins if plugin.name == "rooms")
    )._removal
    for _ in range(2):
        before = server.call(lambda: removal._swept)
        eventually(lambda before=before: server.call(lambda: removal._swept) != before)


@pytest.mark.usefixtures("sweeping")
def test_a_room_in_use_is_not_removed_and_counts_from_then(tmp_path):
    settings = without_plugins("accounts", "history", "web")
    with serving(Anybody, settings=settings, data_dir=tmp_path) as server:
        says(server.join("ada"), "/join cellar", "/room key vintage")
    unused_for(tmp_path, HALF_A_YEAR - 3600)
    with serving(Anybody, settings=settings, data_dir=tmp_path) as server:
        says(server.join("eve"), "/join cellar vintage")
    unused_for(tmp_path, 7200)
    with serving(Anybody, settings=settings, data_dir=tmp_path) as server:
        swept_twice(server)
        assert rooms_of(tmp_path) == ["cellar"]


@pytest.mark.usefixtures("sweeping")
def test_never_is_a_setting(tmp_path):
    settings = without_plugins("accounts", "history", "web") | {"plugins.rooms.unused_days": 0}
    with serving(Anybody, settings=settings, data_dir=tmp_path) as server:
        says(server.join("ada"), "/join cellar", "/room key vintage")
    unused_for(tmp_path, 10 * HALF_A_YEAR)
    with serving(Anybody, settings=settings, data_dir=tmp_path) as server:
        swept_twice(server)
        assert rooms_of(tmp_path) == ["cellar"]


@pytest.mark.usefixtures("sweeping")
def test_a_clock_that_is_put_right_within_the_hour_removes_nothing(tmp_path, monkeypatch):
    settings = without_plugins("accounts", "history", "web")
    with serving(Anybody, settings=settings, data_dir=tmp_path) as server:
        says(server.join("ada"), "/join cellar", "/room key vintage")
    monkeypatch.setattr("greenchat_plugins.rooms.removal.SWEEP_SECONDS", DEADLINE)
    ahead = 10 * HALF_A_YEAR
    monkeypatch.setattr("greenchat_plugins.rooms.removal.time.time", lambda clock=time.time: clock() + ahead)
    with serving(Anybody, settings=settings, data_dir=tmp_path) as server:
        removal = server.call(lambda: next(one.bearer for one in server.server.plugins if one.name == "rooms"))._removal
        eventually(lambda: server.call(lambda: removal._unused) == {"cellar"})
        ahead = 0
        server.call(lambda: setattr(removal, "_swept", -DEADLINE))
        eventually(lambda: server.call(lambda: removal._unused) == set())
        assert rooms_of(tmp_path) == ["cellar"]
