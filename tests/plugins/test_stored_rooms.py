"""Rooms that were stored under names that are not allowed any more: a server finds them under others, and never one in
the place of another."""

import os
import re
import shutil
import sqlite3
from contextlib import closing

import pytest
from greenchat_plugins.history import store
from greenchat_plugins.moderation import records
from greenchat_plugins.rooms import renames
from kit.accounts import CHEAP
from kit.histories import keep, said
from kit.processes import serve_process
from kit.programs import Program, says, sync
from kit.schemas import MIGRATIONS, load
from kit.socketless import serving

from greenchat.storage.sqlite import open_database

REPLAY = CHEAP | {"plugins.history.replay": 20}


def keep_rules(data_dir, **keys):
    """Rooms with their keys, as an earlier version has kept them; `hash_dev` is #dev and `at_dev` is @dev."""
    with closing(open_database(data_dir / renames.RULES, MIGRATIONS["rooms"][:2])) as connection:
        for name, key in keys.items():
            stored = name.replace("hash_", "#").replace("at_", "@")
            connection.execute(
                "INSERT INTO rooms (name, key, invite_only, topic_by, topic, owner, kept) VALUES (?, ?, 0, ?, ?, ?, 1)",
                (stored, key, "everybody", f"All about {stored}", "ada"),
            )


def keep_orders(data_dir, room):
    with closing(open_database(data_dir / records.FILE, MIGRATIONS["moderation"][:1])) as connection:
        for table in ("bans", "mutes"):
            connection.execute(
                f"INSERT INTO {table} VALUES (1, 'name', 'eve', ?, 'eve', 'ada', 'ada', '', 0.0, NULL)", (room,)
            )
        connection.execute("INSERT INTO slow VALUES (?, 60.0, 'ada')", (room,))
        connection.execute("INSERT INTO audit VALUES (1, 0.0, 'ada', 'slow', '', '#dev', '60s')")


def names(data_dir):
    """All names of rooms in each file."""
    found = {}
    for file, places in renames.PLACES.items():
        if (data_dir / file).exists():
            with closing(sqlite3.connect(data_dir / file)) as connection:
                found[file.removesuffix(".sqlite3")] = {
                    name for table, column in places for (name,) in connection.execute(f"SELECT {column} FROM {table}")
                }
    return found


def texts(data_dir, room, key, **settings):
    """What somebody reads who comes into a room with a key."""
    with serving(settings=REPLAY | settings, data_dir=data_dir) as server:
        zoe = Program(server, "zoe")
        answer = zoe.join(room=room, key=key)
        assert answer["type"] == "welcome", answer
        zoe.send(type="history", room=room, ref="all")
        return [event["text"] for event in zoe.read_until("history", ref="all")["events"]]


def start(data_dir):
    with serving(settings=CHEAP, data_dir=data_dir):
        pass


def without(data_dir, file):
    """A copy of the directory without this file."""
    copy = data_dir / "copy"
    copy.mkdir()
    for path in data_dir.glob("*.sqlite3"):
        if path.name != file:
            shutil.copy(path, copy)
    return copy


def everything(data_dir):
    load("accounts-v1", data_dir)  # ada's, who owns the rooms
    keep_rules(data_dir, hash_dev="sesame", at_bob="open", garden="roses")
    keep(data_dir, said("#dev ada: in dev", "@bob ada: in bob", "garden ada: in garden", "#dev bob: again"))
    keep_orders(data_dir, "#dev")


def test_a_room_goes_by_another_name_with_all_that_is_stored_of_it(tmp_path):
    everything(tmp_path)
    with serving(settings=REPLAY, data_dir=tmp_path) as server:
        eve, cy = server.join("eve"), server.join("cy")
        assert "needs a key" in says(cy, "/join dev")[0]
        told = says(cy, "/join #dev sesame")
        assert told[0].startswith("INFO|Welcome to dev, cy.")
        assert any("in dev" in line for line in told)
        assert any("All about #dev" in line for line in says(cy, "/topic"))  # what people wrote stays as they wrote it
        assert any("its owner is ada" in line for line in says(cy, "/room"))
        assert any("banned" in line for line in says(eve, "/join dev sesame"))
        assert not says(cy, "one")
        assert "One may say something every 1m in dev" in says(cy, "two")[0]
        assert "room names do not begin with @" in says(cy, "/join @bob")[0]
        assert "Welcome to bob" in says(cy, "/join bob open")[0]
    found = names(tmp_path)
    assert found["rooms"] == {"dev", "bob", "garden"}
    assert found["history"] >= {"dev", "bob", "garden"}
    assert found["moderation"] == {"dev"}
    with closing(sqlite3.connect(tmp_path / records.FILE)) as connection:
        assert connection.execute("SELECT room FROM audit").fetchone() == ("#dev",)
    report = (tmp_path / renames.REPORT).read_text().splitlines()
    assert [line.partition(" ")[2] for line in report] == ["#dev -> dev", "@bob -> bob"]
    assert (tmp_path / renames.REPORT).stat().st_mode & 0o777 == 0o600


def test_the_log_says_which_room_is_called_what(tmp_path):
    everything(tmp_path)
    with serve_process(tmp_path, *(f"--set={key}={value}" for key, value in CHEAP.items())) as serving:
        _, log = serving.stop()
    assert {line.partition("greenchat.rooms: ")[2] for line in log.splitlines() if "room renamed" in line} >= {
        "room renamed in rooms.sqlite3: #dev -> dev",
        "room renamed in history.sqlite3: #dev -> dev",
        "room renamed in moderation.sqlite3: #dev -> dev",
        "room renamed in rooms.sqlite3: @bob -> bob",
    }
    with serve_process(tmp_path) as serving:
        _, log = serving.stop()
    assert "renamed" not in log


@pytest.mark.parametrize("where", ["rooms", "history", "moderation"])
def test_a_name_that_any_file_has_is_not_free(tmp_path, where):
    keep_rules(tmp_path, hash_dev="sesame")
    keep(tmp_path, said("#dev ada: secret"))
    match where:
        case "rooms":
            keep_rules(tmp_path, dev="other")
        case "history":
            with closing(open_database(tmp_path / store.FILE, store.MIGRATIONS)) as connection:
                connection.execute("INSERT INTO rooms (name) VALUES ('dev')")
        case _:
            keep_orders(tmp_path, "dev")
    assert texts(tmp_path, "dev-2", "sesame") == ["secret"]
    assert names(tmp_path)["rooms"] >= {"dev-2"}
    assert "#dev" not in {name for found in names(tmp_path).values() for name in found}


def test_several_rooms_that_would_have_one_name_get_several(tmp_path):
    keep_rules(tmp_path, hash_dev="one", at_dev="two", at_hash_dev="three", hash_hash_dev="four")
    start(tmp_path)
    assert names(tmp_path)["rooms"] == {"dev", "dev-2", "dev-3", "dev-4"}
    with closing(sqlite3.connect(tmp_path / renames.RULES)) as connection:
        assert {key for (key,) in connection.execute("SELECT key FROM rooms")} == {"one", "two", "three", "four"}


def test_nobody_gets_a_protected_rooms_history_in_the_default_room(tmp_path):
    keep_rules(tmp_path, hash_lobby="sesame")
    keep(tmp_path, said("#lobby ada: secret"))
    assert texts(tmp_path, "lobby-2", "sesame") == ["secret"]


def test_a_default_room_that_was_written_with_a_hash_stays_the_default_room(tmp_path):
    keep(tmp_path, said("#lobby ada: hello"))
    with serving(settings=REPLAY | {"server.default_room": "#lobby"}, data_dir=tmp_path) as server:
        ada = server.connect()
        ada.send("JOIN|ada")
        assert ada.read().startswith("INFO|Welcome to lobby, ada.")
        assert any("hello" in line for line in sync(ada))


@pytest.mark.parametrize(
    ("stored", "name"),
    [("#" + "x" * 31, "x" * 31), ("@", "room"), ("##", "room"), ("#@#", "room"), ("#ü", "ü"), ("@-", "-")],
)
def test_the_name_is_one_that_can_be_typed(tmp_path, stored, name):
    keep(tmp_path, said(f"{stored} ada: hello"))
    assert texts(tmp_path, name, "") == ["hello"]


def test_a_long_name_is_cut_where_it_needs_a_number(tmp_path):
    keep(tmp_path, said(f"#{'x' * 31} ada: one", f"@{'x' * 31} ada: two"))
    start(tmp_path)
    assert names(tmp_path)["history"] == {"x" * 31, "x" * 30 + "-2"}


# --- what may come in between ---


@pytest.mark.parametrize("file", list(renames.PLACES))
def test_a_file_that_is_put_back_later_gets_the_same_names(tmp_path, file):
    data, copy = tmp_path / "data", tmp_path / "copy"
    data.mkdir()
    everything(data)
    shutil.copytree(data, copy)
    start(data)
    if file == renames.RULES:
        keep_rules(copy, dev="stranger")
    (data / file).unlink()
    shutil.copy(copy / file, data / file)
    start(data)
    found = names(data)
    assert found["history"] >= {"dev", "bob"}
    assert "dev" in found["rooms"]
    assert "dev" in found["moderation"]
    assert not any(renames.is_bad(name) for all_names in found.values() for name in all_names)
    with closing(sqlite3.connect(data / renames.RULES)) as connection:
        keys = dict(connection.execute("SELECT name, key FROM rooms"))
    assert keys["dev"] == "sesame"
    if file == renames.RULES:  # what had the name in the file that was put back is another room
        assert keys["dev-2"] == "stranger"


def test_where_no_database_knows_it_any_more_the_report_does(tmp_path):
    data, copy = tmp_path / "data", tmp_path / "copy"
    data.mkdir()
    keep_rules(data, hash_dev="sesame")
    shutil.copytree(data, copy)
    assert texts(data, "dev", "sesame") == []
    keep(data, said("dev ada: said since"))  # a new file, which knows of no other names
    shutil.copy(copy / renames.RULES, data / renames.RULES)
    assert texts(data, "dev", "sesame") == ["said since"]
    assert names(data)["rooms"] == {"dev"}  # its key, and not that of some other room


def test_a_file_that_was_missing_gets_the_same_names_later(tmp_path):
    everything(tmp_path)
    (tmp_path / store.FILE).rename(tmp_path / "away")
    start(tmp_path)
    (tmp_path / store.FILE).unlink()
    (tmp_path / "away").rename(tmp_path / store.FILE)
    assert texts(tmp_path, "dev", "sesame") == ["in dev", "again"]


def test_a_room_that_an_earlier_version_has_made_in_between_is_another_one_and_no_less_protected(tmp_path):
    everything(tmp_path)
    start(tmp_path)
    with closing(open_database(tmp_path / store.FILE, store.MIGRATIONS)) as connection:
        connection.execute("INSERT INTO rooms (name) VALUES ('#dev')")
        connection.execute("UPDATE messages SET room = (SELECT id FROM rooms WHERE name = '#dev') WHERE text = 'again'")
        connection.execute("UPDATE messages SET seq = 1 WHERE text = 'again'")
    assert texts(tmp_path, "dev", "sesame") == ["in dev"]
    assert texts(tmp_path, "dev-2", "sesame") == ["again"]
    with serving(settings=REPLAY, data_dir=tmp_path) as server:
        assert "needs a key" in says(server.join("cy"), "/join dev-2")[0]


def test_a_file_that_cannot_be_read_leaves_all_as_it_is_until_it_can(tmp_path):
    everything(tmp_path)
    whole = (tmp_path / store.FILE).read_bytes()
    (tmp_path / store.FILE).write_bytes(b"garbage" * 1000)
    with serving(settings=REPLAY, data_dir=tmp_path) as server:
        says(server.join("cy"), "/join dev")  # a new room
    assert "#dev" in names(without(tmp_path, store.FILE))["rooms"]
    (tmp_path / store.FILE).write_bytes(whole)
    assert texts(tmp_path, "dev", "sesame") == ["in dev", "again"]


@pytest.mark.parametrize("done", range(len(renames.PLACES)))
def test_where_it_ends_in_the_middle_the_next_start_goes_on(tmp_path, done, monkeypatch):
    """After `done` of the files, as sudden as can be: nobody is told, nothing is closed."""
    everything(tmp_path)
    child = os.fork()
    if not child:
        steps = iter(range(len(renames.PLACES)))
        apply = renames._apply

        def apply_some(*given):
            if next(steps) == done:
                os._exit(9)
            apply(*given)

        monkeypatch.setattr(renames, "_apply", apply_some)
        renames.rename_stored_rooms(tmp_path, "lobby", 32)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert texts(tmp_path, "dev", "sesame") == ["in dev", "again"]
    assert texts(tmp_path, "bob", "open") == ["in bob"]
    found = names(tmp_path)
    assert found["rooms"] == {"dev", "bob", "garden"}
    assert found["moderation"] == {"dev"}


def test_where_the_rest_cannot_be_renamed_only_the_default_room_is_open(tmp_path, monkeypatch):
    everything(tmp_path)
    apply = renames._apply

    def apply_some(file, *given):
        if file.path.name == store.FILE:
            raise sqlite3.OperationalError("no such luck")
        apply(file, *given)

    monkeypatch.setattr(renames, "_apply", apply_some)
    with serving(settings=REPLAY, data_dir=tmp_path) as server:
        cy = server.join("cy")
        assert re.search("not known at the moment", says(cy, "/join dev sesame")[0])
    monkeypatch.undo()
    assert texts(tmp_path, "dev", "sesame") == ["in dev", "again"]
