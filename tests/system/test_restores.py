"""`greenchat restore`, interrupted, from spoiled backups and elsewhere; `greenchat backup` where it cannot."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from kit.accounts import SECRET
from kit.backups import SETTINGS, contents, count, counter, make, refused, restore, some_data
from kit.machine import APART, MOUNT, can_be_apart, mode
from kit.processes import GREENCHAT, serve_process
from kit.programs import says, sync

from greenchat import __version__
from greenchat.storage import backup
from greenchat.testing import DEADLINE


@pytest.fixture
def data_dir(tmp_path):
    return some_data(tmp_path)


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


def test_what_is_there_is_never_written_over(tmp_path, data_dir):
    make(data_dir, tmp_path / "backup")
    before = contents(tmp_path)
    for target in ("backup", "data"):
        assert "is there already. A backup is never written over" in refused(
            "backup", tmp_path / target, "--data-dir", data_dir
        )
    assert contents(tmp_path) == before


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
