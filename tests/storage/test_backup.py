"""`greenchat backup` and `greenchat restore`: as commands, beside real servers, with real files."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from kit.accounts import CHEAP, SECRET
from kit.histories import keep, kept, said
from kit.machine import APART, MOUNT, can_be_apart, mode
from kit.processes import GREENCHAT, serve_process
from kit.programs import says, sync

from greenchat import __version__
from greenchat.errors import GreenchatError
from greenchat.storage import backup
from greenchat.testing import DEADLINE

SETTINGS = [argument for key, value in CHEAP.items() for argument in ("--set", f"{key}={value}")]

# Writes n into the first file and then into the second one, again and again, until it is told to stop.
WRITER = """
import sqlite3, sys
first, second = (sqlite3.connect(path, 30, isolation_level=None) for path in sys.argv[1:])
for connection in (first, second):
    connection.execute("PRAGMA synchronous = OFF")
for n in range(1, 100_000_000):
    first.execute("UPDATE counter SET n = ?", (n,))
    second.execute("UPDATE counter SET n = ?", (n,))
    if n == 10:
        print("going", flush=True)
"""


def run(*arguments):
    """Exit code, standard output and standard error."""
    result = subprocess.run([*GREENCHAT, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout, result.stderr


def make(data_dir, target):
    code, out, err = run("backup", target, "--data-dir", data_dir)
    assert code == 0, err
    return out, err


def restore(directory, data_dir):
    code, out, err = run("restore", directory, "--data-dir", data_dir)
    assert (code, err) == (0, "")
    return out


def refused(*arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    return err


def counter(path, n=0):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE counter (n INTEGER NOT NULL)")
        connection.execute("INSERT INTO counter VALUES (?)", (n,))
        connection.commit()


def count(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT n FROM counter").fetchone()[0]


def contents(directory):
    """Every file below it, and what is in it."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "server.lock"
    }


@pytest.fixture
def data_dir(tmp_path):
    """A data directory in which somebody has said something, and a plugin of somebody else has counted something."""
    path = tmp_path / "data"
    path.mkdir(0o700)
    keep(path, said("lobby ada: one", "lobby ada: two"))
    counter(path / "karma.sqlite3", 7)
    return path


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


@pytest.mark.parametrize("order", [("a", "z"), ("z", "a")])
def test_all_databases_are_of_one_moment(tmp_path, order):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    paths = [data_dir / f"{name}.sqlite3" for name in order]
    for path in (*paths, *(data_dir / f"m{number}.sqlite3" for number in range(10))):  # so that it takes its time
        counter(path)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, *map(str, paths)], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout.readline() == "going\n"
        for number in range(3):
            target = tmp_path / f"backup{number}"
            backup.make(data_dir, target)
            first, second = (count(target / path.name) for path in paths)
            assert first - second in (0, 1)
        assert writer.poll() is None
        assert first > 10
    finally:
        writer.kill()
        writer.communicate(timeout=DEADLINE)


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


def test_what_is_there_is_never_written_over(tmp_path, data_dir):
    make(data_dir, tmp_path / "backup")
    before = contents(tmp_path)
    for target in ("backup", "data"):
        assert "is there already. A backup is never written over" in refused(
            "backup", tmp_path / target, "--data-dir", data_dir
        )
    assert contents(tmp_path) == before


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


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path, data_dir):
    small = tmp_path / "small"
    small.mkdir()
    if not can_be_apart(small):
        pytest.skip("this system gives nobody a file system of one's own")
    make(data_dir, tmp_path / "backup")
    for command in (
        ("backup", small / "backup", "--data-dir", data_dir),
        ("restore", tmp_path / "backup", "--data-dir", small),
    ):
        script = f'{" ".join(MOUNT)} "$0" && "$@"; echo $?; ls -A "$0"'
        result = subprocess.run(
            [*APART, "sh", "-c", script, str(small), *GREENCHAT, *map(str, command)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert re.search(r"small has room for \d MB, and \d+ MB are needed\. Make room\.", result.stderr), result.stderr
        assert result.stdout.replace("server.lock\n", "") == "1\n"


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


def test_a_new_machine_needs_no_directory(tmp_path, data_dir):
    make(data_dir, tmp_path / "backup")
    out = restore(tmp_path / "backup", tmp_path / "new")
    assert out.startswith("Put back: history.sqlite3, karma.sqlite3, as of ")
    assert mode(tmp_path / "new") == 0o700
    with serve_process(tmp_path / "new", "--set", "plugins.history.replay=20") as serving, serving.connect() as ada:
        ada.send("JOIN|ada")
        assert any("two" in line for line in sync(ada))


def test_who_is_on_the_backup_comes_in_as_then(tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir(0o700)
    with serve_process(data_dir, *SETTINGS) as serving:
        with serving.join("ada") as ada:
            says(ada, f"/register {SECRET}")
            make(data_dir, tmp_path / "backup")
            says(ada, f"/unregister {SECRET}")
        serving.stop()
    restore(tmp_path / "backup", data_dir)
    with serve_process(data_dir, *SETTINGS) as serving, serving.connect() as peer:
        peer.send(f"MSG|/login ada {SECRET}")
        peer.expect("INFO|You are logged in as ada. Now send JOIN|ada.")


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


def flip(directory):
    path = directory / "karma.sqlite3"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def rewrite(**fields):
    def spoil(directory):
        path = directory / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return spoil


ENTRY = {"bytes": 1, "sha256": "", "version": 0}
SPOILED = {
    "flipped": (flip, "karma.sqlite3 is not what was backed up: its bytes differ. Nothing was changed."),
    "cut": (lambda path: os.truncate(path / "karma.sqlite3", 100), "its bytes differ. Nothing was changed."),
    "missing": (lambda path: (path / "karma.sqlite3").unlink(), "karma.sqlite3 cannot be read: No such file"),
    "no JSON": (lambda path: (path / "manifest.json").write_text("{"), "manifest.json is damaged"),
    "other JSON": (lambda path: (path / "manifest.json").write_text("[]"), "manifest.json is damaged"),
    "outside": (rewrite(databases={"../x.sqlite3": ENTRY}), "'../x.sqlite3' is no database. Nothing was changed."),
    "later version": (
        rewrite(greenchat="99.1.0"),
        f"was made by greenchat 99.1.0, and this is {__version__}. Use that",
    ),
    "later format": (rewrite(format=2, databases=[]), f"was made by greenchat {__version__}"),
}


@pytest.mark.parametrize(("spoil", "told"), SPOILED.values(), ids=SPOILED)
def test_what_is_not_a_whole_backup_of_this_version_changes_nothing(tmp_path, data_dir, spoil, told):
    make(data_dir, tmp_path / "backup")
    spoil(tmp_path / "backup")
    before = contents(data_dir)
    assert told in refused("restore", tmp_path / "backup", "--data-dir", data_dir)
    assert contents(data_dir) == before


def restore_and_die(directory, data_dir, step):
    """Restore in a process that ends with the `step`th renaming, as suddenly as can be; whether it came so far."""
    child = os.fork()
    if not child:
        left, rename = [step], Path.rename

        def rename_or_die(path, target):
            left[0] -= 1
            if not left[0]:
                os._exit(9)
            return rename(path, target)

        Path.rename = rename_or_die
        backup.restore(directory, data_dir)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("ends_with", ["server", "restore"])
def test_a_restore_that_ends_in_the_middle_is_done_wholly_or_not_at_all(tmp_path, data_dir, ends_with):
    make(data_dir, tmp_path / "backup")
    for step in (1, 2, 4, 6, 7):  # of seven: first the plan, then three files away and three in their place
        there = tmp_path / f"data{step}"
        shutil.copytree(data_dir, there)
        for name in ("karma", "more"):
            (there / f"{name}.sqlite3").unlink(missing_ok=True)
            counter(there / f"{name}.sqlite3", 8)
        assert restore_and_die(tmp_path / "backup", there, step)
        begun = (there / backup.UNFINISHED).exists()
        assert begun == (step > 1)
        if ends_with == "restore":
            restore(tmp_path / "backup", there)
        else:
            if begun:
                assert "was interrupted" in refused("backup", tmp_path / "second", "--data-dir", there)
            with serve_process(there) as serving:
                _, log = serving.stop()
            assert ("a restore that was interrupted is finished now" in log) == begun
            assert (count(there / "karma.sqlite3"), (there / "more.sqlite3").exists()) == (
                (7, False) if begun else (8, True)
            )
        assert not (there / backup.UNFINISHED).exists()
        asides = list(there.glob("before-restore-*"))
        if begun or ends_with == "restore":
            assert count(there / "karma.sqlite3") == 7
            assert 8 in [count(path / "karma.sqlite3") for path in asides if (path / "karma.sqlite3").exists()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_puts_back_is_its_directorys_owners(data_dir, tmp_path):
    make(data_dir, tmp_path / "backup")
    with tempfile.TemporaryDirectory(prefix="greenchat-") as directory:
        os.chown(directory, 65534, 65534)
        restore(tmp_path / "backup", directory)
        restore(tmp_path / "backup", directory)
        assert {path.stat().st_uid for path in Path(directory).rglob("*")} == {65534}
