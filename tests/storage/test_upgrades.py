"""Files of earlier versions go on being used: databases/ has one of each version of each plugin's database, as text.

Who appends a migration saves a file of the version before it, with something in it that is worth finding again:
`sqlite3 FILE .dump`, and a last line `PRAGMA user_version=VERSION;`. The migration itself is recorded, once it is as it
is to be released, by running this file: `PYTHONPATH=tests python tests/storage/test_upgrades.py`.
"""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from kit.accounts import CHEAP, SECRET
from kit.histories import verified
from kit.programs import Anybody, Program, says, sync, without_plugins
from kit.schemas import DATABASES, MIGRATIONS, load
from kit.sessions import device, settled

from greenchat.storage.sqlite import open_database
from greenchat.testing import serving

RECORD = DATABASES / "migrations.json"
DUMPS = sorted(path.stem for path in DATABASES.glob("*.sql"))


def versions(plugin):
    return [dump for dump in DUMPS if dump.startswith(f"{plugin}-v")]


def hashes(scripts):
    return [hashlib.sha256(script.encode()).hexdigest() for script in scripts]


# --- what was released stays as it is ---


def test_all_plugins_with_a_database_are_known():
    assert {"accounts", "history", "moderation", "rooms"} <= set(MIGRATIONS)


@pytest.mark.parametrize("plugin", MIGRATIONS)
def test_a_migration_that_was_released_is_never_changed(plugin):
    recorded = json.loads(RECORD.read_text()).get(plugin, [])
    found = hashes(MIGRATIONS[plugin])
    for number, was in enumerate(recorded, 1):
        assert found[number - 1 : number] == [was], (
            f"Migration {number} of {plugin} is not what it was, but there are files that have had it as it was. "
            "Leave it, and append another one that changes what has to be changed."
        )
    assert found == recorded, (
        f"{plugin} has new migrations. Once they are as they are to be released: "
        "PYTHONPATH=tests python tests/storage/test_upgrades.py"
    )


@pytest.mark.parametrize("plugin", MIGRATIONS)
def test_there_is_a_file_of_each_version_to_test_with(plugin):
    before = range(1, max(2, len(MIGRATIONS[plugin])))
    missing = {f"{plugin}-v{version}" for version in before} - set(DUMPS)
    assert not missing, f"Save a file of the version before a new migration: see {Path(__file__).name}"


@pytest.mark.parametrize("dump", DUMPS)
def test_a_file_of_each_version_is_brought_up_to_date_once_and_is_whole(dump, tmp_path):
    plugin, _, version = dump.partition("-v")
    path = load(dump, tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (int(version),)
    for _ in range(2):
        with closing(open_database(path, MIGRATIONS[plugin])) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS[plugin]),)
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with (
        closing(open_database(path, MIGRATIONS[plugin])) as upgraded,
        closing(open_database(tmp_path / "new.sqlite3", MIGRATIONS[plugin])) as new,
    ):
        assert tables(upgraded) == tables(new)


def tables(connection):
    """Which tables and indexes there are, and of which columns."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
    return {name: connection.execute("SELECT * FROM pragma_table_xinfo(?)", (name,)).fetchall() for name in names}


# --- what was in it is found again, by a server ---


@pytest.mark.parametrize("dump", versions("direct"))
def test_what_two_people_have_said_alone(dump, tmp_path):
    load(dump, tmp_path)
    with serving(Anybody(), settings=without_plugins("accounts"), data_dir=tmp_path) as server:
        _, bob = device(server, "ada"), device(server, "bob")
        settled(bob)
        (talk,) = bob.conversations["direct"]
        assert (talk["with"], talk["seq"], talk["read"]) == ("ada", 3, 3)
        page = bob.request(type="history", conversation=talk["conversation"])["events"]
        assert [event.get("text", event["type"]) for event in page] == ["Roses for you.", "For me!", "deleted"]
        assert bob.request(type="search", text="roses")["messages"][0]["seq"] == 1
        assert bob.request(type="say", to="ada", text="Thank you.")["seq"] == 4


@pytest.mark.parametrize("dump", versions("sessions"))
def test_rooms_of_accounts(dump, tmp_path):
    load(dump, tmp_path)
    with serving(Anybody(), settings=without_plugins("accounts"), data_dir=tmp_path) as server:
        assert {"garden", "lobby"} == set(device(server, "ada").welcome["rooms"])


@pytest.mark.parametrize("dump", versions("history"))
def test_history(dump, tmp_path):
    load(dump, tmp_path)
    with serving(settings={"plugins.history.replay": 20}, data_dir=tmp_path) as server:
        dan = Program(server, "dan")
        page = dan.read_until("history")
        assert [event["text"] for event in page["events"]] == [
            "Good morning!",
            "Good morning, ada. Roses for you.",
            "is in the garden",
        ]
        assert page["events"][2] == {
            "type": "message",
            "room": "lobby",
            "seq": 3,
            "id": 4,
            "sender": "ada",
            "text": "is in the garden",
            "time": "2026-01-02T00:02:00Z",
            "action": True,
            "rev": 3,
        }
        dan.send(type="history", room="garden", ref="all")
        garden = dan.read_until("history", ref="all")["events"]
        assert [(event["seq"], event["sender"], event["text"]) for event in garden] == [
            (1, "ada", "Who has watered the roses?"),
            (2, "Zoë", "žluťoučký kůň 🐎"),
            (3, "bob", "I have."),
        ]
        for words, ids in (("roses", [3, 2]), ("zlutoucky", [5]), ("have", [6]), ("nothing", [])):
            dan.send(type="search", text=words, ref=words)
            assert [message["id"] for message in dan.read_until("found", ref=words)["messages"]] == ids
        dan.send(type="say", text="and roses again", ref="said")
        ack = dan.read_until("ack", ref="said")
        assert ack["seq"] == 4
        assert ack["id"] > 6
        dan.send(type="search", text="roses", ref="again")
        found = dan.read_until("found", ref="again")["messages"]
        assert [message["seq"] for message in found] == [4, 1, 2]
    assert verified(tmp_path) == (0, ["It is whole."])


@pytest.mark.parametrize("dump", versions("accounts"))
def test_accounts(dump, tmp_path):
    load(dump, tmp_path)
    with serving(settings=CHEAP, data_dir=tmp_path) as server:
        peer = server.connect()
        peer.send("JOIN|Ada")
        assert peer.read().startswith("ERROR|")
        peer.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
        peer.expect("INFO|You are logged in as ada. Now send JOIN|ada.")
        assert peer.read().startswith("INFO|Welcome to lobby, ada.")


@pytest.mark.parametrize("dump", versions("moderation"))
def test_moderation(dump, tmp_path):
    load(dump, tmp_path)
    load("accounts-v1", tmp_path)
    with serving(settings=CHEAP, data_dir=tmp_path) as server:
        eve, bob = server.connect(), server.join("bob")
        eve.send("JOIN|eve")
        assert "Told you so" in eve.read()
        assert any("muted" in line for line in says(bob, "hello"))
        ada = server.connect()
        ada.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
        sync(ada)
        bans = says(ada, "/bans")
        for whom, why in (("eve", "Told you so"), ("203.0.113.0/24", "Spam"), ("bob", "Calm down"), ("garden", "5s")):
            assert any(whom in line and why in line for line in bans), bans
        audit = says(ada, "/audit")
        for act in ("op ada", "keep in garden", "slow in garden", "ban 203.0.113.0/24", "ban eve", "mute bob"):
            assert any(act in line for line in audit), audit


@pytest.mark.parametrize("dump", versions("rooms"))
def test_rooms(dump, tmp_path):
    load(dump, tmp_path)
    with serving(data_dir=tmp_path) as server:
        bob = server.join("bob")
        assert says(bob, "/join garden")[0].startswith("ERROR|")
        assert "Welcome to garden, bob." in says(bob, "/join garden open sesame")[0]
        assert any("Tulips and roses" in line for line in says(bob, "/topic"))


def record():
    """Write down the migrations that are new."""
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for plugin, scripts in MIGRATIONS.items():
        known = recorded.setdefault(plugin, [])
        known += hashes(scripts)[len(known) :]
    RECORD.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    record()
