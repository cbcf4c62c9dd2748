"""files, as they are kept: over restarts, within limits, and as long as a message names them."""

import sqlite3
import threading
from contextlib import closing

import gevent
import pytest
from kit.backups import make, restore
from kit.histories import history
from kit.machine import eventually
from kit.processes import run_greenchat
from kit.programs import Anybody, Program, enrol, without_plugins
from kit.sessions import device
from kit.uploads import get, http_request, is_gone, path_of, picture, place_for, put, send

from greenchat.testing import DEADLINE, serving

SETTINGS = without_plugins("accounts") | {"plugins.history.page_messages": 50}
LARGE = b"x" * 600_000


def served(tmp_path, **settings):
    more = {f"plugins.files.{name}": value for name, value in settings.items()}
    return serving(Anybody(), settings=SETTINGS | more, data_dir=tmp_path)


def count(tmp_path, table="files"):
    with closing(sqlite3.connect(tmp_path / "files.sqlite3")) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def the_plugin(server):
    return next(plugin.bearer for plugin in server.server.plugins if plugin.name == "files")


def there(server, work):
    """Do something that waits, in the thread of the server."""
    done = threading.Event()
    server.call(lambda: gevent.spawn(work).rawlink(lambda _: done.set()))
    assert done.wait(DEADLINE)


def look(server, monkeypatch):
    """Have it look now for files that no message names, however new they are."""
    monkeypatch.setattr("greenchat_plugins.files.keeping.FRESH_SECONDS", -10)
    there(server, the_plugin(server)._keeping.look)


def files_of(program, room="lobby"):
    events = program.request(type="history", room=room)["events"]
    return [file for event in events for file in event.get("files", ())]


def test_a_file_outlasts_the_server_and_so_does_the_link(tmp_path, monkeypatch):
    with served(tmp_path) as server, device(server, "ada", "lobby") as ada:
        file = send(server, ada, "cat.png", picture(size=(1200, 900)))
        other = send(server, ada, "alone.txt", b"alone", to="ada")
    with served(tmp_path) as server, device(server, "ada", "lobby") as ada:
        look(server, monkeypatch)
        assert get(server, file)[0] == get(server, other)[0] == 200
        (again,) = files_of(ada)
        assert (again["id"], again["width"]) == (file["id"], 1200)
        assert http_request(server, "GET", path_of(again["thumb"]))[0] == 200


@pytest.mark.parametrize("room", ["lobby", ""])
def test_what_was_said_by_a_server_that_ended_before_it_could_be_told_is_not_lost(tmp_path, room, monkeypatch):
    """And what was not said is not kept: as after a crash between the two."""
    with served(tmp_path) as server, device(server, "ada", "lobby") as ada:
        where = {"room": room} if room else {"to": "ada"}
        file = send(server, ada, "kept.txt", b"kept", **where)
    with closing(sqlite3.connect(tmp_path / "files.sqlite3")) as connection, connection:
        row = list(connection.execute("SELECT * FROM files").fetchone())
        row[0], row[1] = "never-said", "00"
        connection.execute(f"INSERT INTO files VALUES ({', '.join('?' * len(row))})", row)
        connection.execute("INSERT INTO parts (hash, place, data) VALUES ('00', 0, 'x'), ('coming t 1', 0, 'y')")
    with served(tmp_path) as server:
        look(server, monkeypatch)
        assert get(server, file)[0] == 200
        eventually(lambda: count(tmp_path) == count(tmp_path, "parts") == 1)


def test_files_go_with_what_history_forgets(tmp_path, monkeypatch):
    with served(tmp_path) as server, device(server, "ada", "lobby") as ada, device(server, "bob", "lobby") as bob:
        gone, kept = send(server, ada, "ada.txt", b"ada's xylophone"), send(server, bob, "bob.txt", b"bob's")
        ada.ask("/leave")
    assert history(tmp_path, "forget", "--user", "ada", "--yes").exit_code == 0
    with served(tmp_path) as server, device(server, "bob", "lobby") as bob:
        look(server, monkeypatch)
        assert [file["id"] for file in files_of(bob)] == [kept["id"]]
        assert (get(server, gone)[0], get(server, kept)[0]) == (404, 200)


def test_files_go_with_the_age_of_their_messages(tmp_path, monkeypatch):
    with served(tmp_path) as server, device(server, "ada", "lobby") as ada:
        file = send(server, ada, "old.txt", b"old")
        send(server, ada, "new.txt", b"new")
    with closing(sqlite3.connect(tmp_path / "history.sqlite3")) as connection, connection:
        connection.execute("UPDATE messages SET time = time - 10 * 86400000000 WHERE text = 'old.txt'")
    more = {"plugins.history.keep_days": 5}
    with serving(Anybody(), settings=SETTINGS | more, data_dir=tmp_path) as server:

        def is_found_out():
            look(server, monkeypatch)
            return is_gone(server, file)

        assert eventually(is_found_out)
        assert count(tmp_path) == 1


def test_no_file_is_removed_while_what_keeps_messages_is_off(tmp_path, monkeypatch):
    with served(tmp_path) as server, device(server, "ada", "lobby") as ada:
        file = send(server, ada, "kept.txt", b"kept")
    without = SETTINGS | without_plugins("accounts", "history")
    with serving(Anybody(), settings=without, data_dir=tmp_path) as server:
        look(server, monkeypatch)
        assert get(server, file)[0] == 200


def test_without_history_files_last_as_long_as_what_is_said(tmp_path, monkeypatch):
    without = without_plugins("accounts", "history")
    with serving(Anybody(), settings=without, data_dir=tmp_path) as server, device(server, "ada", "lobby") as ada:
        file = send(server, ada, "kept.txt", b"kept")
        look(server, monkeypatch)
        assert get(server, file)[0] == 200
    with serving(Anybody(), settings=without, data_dir=tmp_path) as server:
        look(server, monkeypatch)
        assert get(server, file)[0] == 404


@pytest.mark.parametrize("which", ["keep_bytes", "account_bytes", "address_bytes", "room_bytes"])
def test_there_is_no_more_than_there_may_be(tmp_path, which):
    with served(tmp_path, **{which: 1_000_000}) as server, device(server, "ada", "lobby") as ada:
        file = send(server, ada, "one.bin", LARGE)
        refused = place_for(ada, "two.bin", len(LARGE))
        assert (refused["code"], "1 MB of files" in refused["text"]) == ("full", True)
        path = place_for(ada, "small.bin", 300_000)
        assert place_for(ada, "small.bin", 300_000)["code"] == "full"  # what is on its way counts
        assert put(server, path, b"y" * 300_000)[0] == 201
        if which != "keep_bytes":
            bob = device(server, "bob", "garden", address="127.0.0.2")
            assert place_for(bob, "two.bin", len(LARGE), room="garden").startswith("/upload/")
        assert ada.request(type="delete", room="lobby", seq=1)["type"] == "ack"
        eventually(lambda: is_gone(server, file))
        assert place_for(ada, "two.bin", len(LARGE)).startswith("/upload/")


def test_a_file_is_no_larger_than_it_may_be_and_guests_send_one_where_they_may(tmp_path):
    with served(tmp_path, file_bytes=1000, guests=True) as server, Program(server, "gus") as gus:
        assert place_for(gus, "a.bin", 1001)["code"] == "too_long"
        assert get(server, send(server, gus, "a.bin", bytes(1000)))[0] == 200
        assert (
            gus.request(type="command", name="upload", args={"name": "a", "size": 0}, room="lobby")["type"] == "error"
        )


def test_a_full_disk_keeps_nothing_breaks_nothing_and_is_over_once_there_is_room(tmp_path):
    with served(tmp_path) as server, device(server, "ada", "lobby") as ada, Program(server, "bob") as bob:
        send(server, ada, "one.bin", b"one")
        bob.read_until("message")
        database = the_plugin(server)._database
        path = place_for(ada, "two.bin", len(LARGE))
        there(server, lambda: database.run(lambda file: file.execute("PRAGMA max_page_count = 40"), writes=False))
        status, words = put(server, path, LARGE)
        assert (status, words) == (507, "Files cannot be kept at the moment: the disk is full, or broken.\n")
        assert bob.request(type="say", text="The chat goes on.", room="lobby")["type"] == "ack"
        assert put(server, path, LARGE)[0] == 201
        assert bob.read_until("message")["files"][0]["name"] == "two.bin"
        eventually(lambda: count(tmp_path) == 2)


def test_files_are_verified_exported_backed_up_and_put_back(tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    enrol(data, "ada")
    with served(data) as server, device(server, "ada", "lobby") as ada:
        file = send(server, ada, "notes.txt", LARGE)
        send(server, ada, "cat.png", picture(size=(1200, 900)))
        send(server, ada, "alone.txt", b"for nobody else", to="ada")
    where = ("--data-dir", str(data))
    verified = run_greenchat("files", "verify", *where)
    assert (verified.returncode, verified.stdout.endswith("They are whole.\n")) == (0, True)
    exported = run_greenchat("files", "export", str(out), *where)
    assert exported.stdout == f"2 files in {out}.\n"
    assert (out / f"{file['id']} notes.txt").read_bytes() == LARGE
    assert "cannot be made" in run_greenchat("files", "export", str(out), *where).stderr
    text = history(data, "export", "--room", "lobby").stdout
    assert '"files":[{"id":"' in text
    assert "url" not in text
    make(data, tmp_path / "backup")
    with closing(sqlite3.connect(data / "files.sqlite3")) as connection, connection:
        connection.execute("UPDATE parts SET data = zeroblob(length(data)) WHERE place = 0")
    damaged = run_greenchat("files", "verify", *where)
    assert (damaged.returncode, "is not what it was" in damaged.stdout) == (1, True)
    restore(tmp_path / "backup", data)
    with served(data) as server:
        assert get(server, file)[2] == LARGE
