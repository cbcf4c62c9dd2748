"""`greenchat backup` and `greenchat restore`: as commands, beside real servers, with real files."""

import json
import os
import re
import sqlite3
from contextlib import closing

import pytest
from kit.accounts import SECRET
from kit.backups import SETTINGS, contents, count, counter, make, refused, restore, some_data
from kit.histories import kept
from kit.machine import mode
from kit.processes import serve_process
from kit.programs import says, sync

from greenchat import __version__
from greenchat.errors import GreenchatError
from greenchat.storage import backup
from greenchat.testing import DEADLINE


@pytest.fixture
def data_dir(tmp_path):
    return some_data(tmp_path)


# --- make ---


def test_a_backup_is_whole_private_and_says_what_it_is(tmp_path, data_dir):
    (data_dir / "chat.log").write_text("hello\n")
    umask = os.umask(0)
    try:
        out, err = make(data_dir, tmp_path / "backup")
    finally:
        os.umask(umask)
    assert re.fullmatch(
        r"history\.sqlite3  [\d,]+ bytes\nkarma\.sqlite3  [\d,]+ bytes\n"
        rf"Backed up to {tmp_path}/backup, as it was at [-\d]+ [:\d]+ UTC\.\n",
        out,
    )
    assert err == "Left out, as these are no databases: chat.log.\n"
    made = tmp_path / "backup"
    assert {path.name: mode(path) for path in made.iterdir()} == dict.fromkeys(
        ["history.sqlite3", "karma.sqlite3", "manifest.json"], 0o600
    )
    assert mode(made) == 0o700
    manifest = json.loads((made / "manifest.json").read_text())
    assert (manifest["format"], manifest["greenchat"]) == (1, __version__)
    assert [message.text for message in kept(made)] == ["one", "two"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "data"]


def test_a_server_goes_on_while_it_is_backed_up_and_what_was_acknowledged_before_is_there(tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir(0o700)
    with serve_process(data_dir, *SETTINGS, "--set", "plugins.history.commit_seconds=0") as serving:
        with serving.join("ada") as ada:
            assert any("yours" in line for line in says(ada, f"/register {SECRET}"))
            ada.send("MSG|before", "MSG|/search before", "MSG|/ping")  # a search waits for the disk
            ada.read_until("INFO|Pong.")
            make(data_dir, tmp_path / "backup")
            ada.send("MSG|after")
            assert not any("off" in line for line in sync(ada))
        serving.stop()
    assert [message.text for message in kept(tmp_path / "backup")] == ["before"]
    with closing(sqlite3.connect(tmp_path / "backup" / "accounts.sqlite3")) as connection:
        assert connection.execute("SELECT key FROM accounts").fetchall() == [("ada",)]


def test_what_another_holds_for_a_moment_is_waited_for_and_the_others_are_not_held_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "HOLD_SECONDS", 0.02)
    monkeypatch.setattr(backup, "PATIENCE", 0.5)
    counter(tmp_path / "a.sqlite3")
    counter(tmp_path / "b.sqlite3")
    with (
        closing(sqlite3.connect(tmp_path / "b.sqlite3", isolation_level=None)) as busy,
        closing(sqlite3.connect(tmp_path / "a.sqlite3", DEADLINE, isolation_level=None)) as free,
    ):
        busy.execute("BEGIN IMMEDIATE")
        with pytest.raises(GreenchatError, match=r"b\.sqlite3 is locked by another program\. End that\."):
            backup.make(tmp_path, tmp_path / "backup")
        free.execute("UPDATE counter SET n = 1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite3", "b.sqlite3"]
    backup.make(tmp_path, tmp_path / "backup")


def test_a_damaged_database_is_not_backed_up_as_if_it_were_whole(tmp_path, data_dir):
    with (data_dir / "karma.sqlite3").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    err = refused("backup", tmp_path / "backup", "--data-dir", data_dir)
    assert re.match(rf"Error: {data_dir}/karma\.sqlite3 is damaged[.:]", err)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_errors_say_what_to_do(tmp_path, data_dir):
    (tmp_path / "empty").mkdir()
    assert "There is no database in" in refused("backup", tmp_path / "new", "--data-dir", tmp_path / "empty")
    missing = tmp_path / "missing" / "backup"
    assert f"There is no directory {missing.parent}. Make it first" in refused(
        "backup", missing, "--data-dir", data_dir
    )
    assert "is no backup: it has no manifest.json" in refused("restore", tmp_path / "empty", "--data-dir", data_dir)


# --- put back ---


def test_all_is_as_it_was_and_what_was_there_is_put_aside(tmp_path, data_dir):
    make(data_dir, tmp_path / "backup")
    counter(data_dir / "later.sqlite3", 1)
    with closing(sqlite3.connect(data_dir / "karma.sqlite3")) as connection:
        connection.execute("UPDATE counter SET n = 8")
        connection.commit()
    before = {name: data for name, data in contents(data_dir).items() if name.endswith(".sqlite3")}
    umask = os.umask(0)
    try:
        out = restore(tmp_path / "backup", data_dir)
    finally:
        os.umask(umask)
    (aside,) = data_dir.glob("before-restore-*")
    assert out.startswith(f"What was there is in {aside}. Remove it once you are sure.\n")
    assert {name: data for name, data in contents(aside).items() if name.endswith(".sqlite3")} == before
    assert not (data_dir / "later.sqlite3").exists()
    assert count(data_dir / "karma.sqlite3") == 7
    assert [message.text for message in kept(data_dir)] == ["one", "two"]
    assert json.loads((data_dir / "restored.json").read_text())["time"]
    assert {mode(path) for path in data_dir.iterdir() if path.is_file()} == {0o600}
    assert mode(aside) == 0o700
    assert not list(data_dir.glob("restor*-*"))


def test_nothing_is_put_back_under_a_running_server(tmp_path, data_dir):
    make(data_dir, tmp_path / "backup")
    with serve_process(data_dir) as serving:
        err = refused("restore", tmp_path / "backup", "--data-dir", data_dir)
        assert err.startswith(
            f"Error: Another server (process {serving.process.pid}) uses the data directory {data_dir}."
        )
        with serving.join("ada") as ada:
            assert says(ada, "still here") == []
    assert not list(data_dir.glob("before-restore-*"))
