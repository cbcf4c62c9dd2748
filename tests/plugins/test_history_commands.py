"""`greenchat history`: what its commands have in common, `verify`, and all of them beside a running server."""

import re
import subprocess

import pytest
from click.testing import CliRunner
from greenchat_plugins.history import retention, store
from kit.histories import MOVES, TALK, exported, history, keep, kept, opened, remains, said, verified
from kit.processes import GREENCHAT, serve_process
from kit.programs import Program

from greenchat.cli import main
from greenchat.storage.sqlite import transaction

EACH = pytest.mark.parametrize("command", [["export"], ["verify"], ["forget", "--user", "ada"]])

# --- what all of them tell ---


@EACH
def test_where_there_is_no_history(tmp_path, command):
    result = history(tmp_path, *command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: There is no history in {tmp_path}. Say where the server keeps its files with --data-dir.\n"
    )
    assert list(tmp_path.iterdir()) == []
    result = history(tmp_path / "nowhere", *command)
    assert result.exit_code == 2
    assert f"There is no directory {tmp_path / 'nowhere'}." in result.stderr


@EACH
def test_a_file_that_is_none(tmp_path, command):
    (tmp_path / store.FILE).write_bytes(b"All work and no play makes Jack a dull boy. " * 1000)
    result = history(tmp_path, *command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {tmp_path / store.FILE} is damaged. Put back a copy; or move it away, with -wal and -shm beside it, "
        "to begin a new one.\n"
    )


@EACH
def test_a_file_of_a_later_version(tmp_path, command):
    keep(tmp_path, TALK)
    with opened(tmp_path) as connection:
        connection.execute("PRAGMA user_version = 1000")
    result = history(tmp_path, *command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {tmp_path / store.FILE} was written by a later greenchat. Use that, or move the file away.\n"
    )


@pytest.mark.parametrize("command", [[], ["export"], ["forget"], ["verify"]])
def test_help(command):
    result = CliRunner().invoke(main, ["history", *command, "--help"])
    assert result.exit_code == 0
    assert not command or ("Examples:" in result.stdout and "Exit codes:" in result.stdout)


def test_who_writes_meanwhile_is_not_waited_for(tmp_path):
    keep(tmp_path, TALK)
    with opened(tmp_path) as server:
        server.execute("BEGIN IMMEDIATE")
        assert len(exported(tmp_path).splitlines()) == 5
        assert history(tmp_path, "verify").exit_code == 0
        server.execute("ROLLBACK")


# --- verify ---


@pytest.mark.parametrize("indexed", [True, False])
def test_what_is_whole(tmp_path, indexed):
    keep(tmp_path, TALK, MOVES, indexed=indexed)
    result = history(tmp_path, "verify")
    assert result.exit_code == 0
    assert result.stdout == (f"{tmp_path / store.FILE}: 2 rooms, 5 messages, 7 comings and goings.\nIt is whole.\n")


def test_verify_writes_nothing_and_leaves_no_copy(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    data = tmp_path / "data"
    data.mkdir()
    keep(data, TALK, indexed=False)
    file = data / store.FILE
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert history(data, "verify").exit_code == 0
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert list(temporary.iterdir()) == []


def test_what_was_removed_for_its_age_is_not_missing(tmp_path):
    keep(tmp_path, TALK)
    with opened(tmp_path) as connection:
        for room, _ in store.rooms(connection):
            transaction(connection, lambda connection, room=room: retention.trim(connection, room, 1, None))
    assert len(kept(tmp_path)) == 2
    assert verified(tmp_path) == (0, ["It is whole."])


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        ("DELETE FROM messages WHERE id IN (3)", "lobby: seq 2 to 2 is missing."),
        ("DELETE FROM messages WHERE id IN (1, 3)", "lobby: seq 1 to 2 is missing."),
        (
            "DROP INDEX messages_by_room; UPDATE messages SET seq = 1 WHERE id = 3",
            "lobby: seq 1 is of 2 messages.",
        ),
        ("UPDATE rooms SET removed = 1 WHERE name = 'garden'", "garden: seq 1 is there, but all up to 1 was removed."),
        ("DELETE FROM rooms WHERE name = 'garden'", "Room number 1 has messages, but no name."),
        ("UPDATE messages SET id = -2 WHERE id = 5", "Message -2 of garden: ids begin with 1."),
        ("UPDATE messages SET text = 'other' WHERE id = 1", "The index of words does not fit what was said: "),
        ("UPDATE marks SET value = 3 WHERE name = 'indexed'", "The index of words does not fit what was said: "),
        ("DELETE FROM words_data WHERE id > 10", "The index of words does not fit what was said: "),
    ],
)
def test_what_is_not_whole(tmp_path, harm, finding):
    keep(tmp_path, TALK)
    with opened(tmp_path) as connection:
        if "rooms" in harm or "id = -2" in harm:  # else the index would not fit any more, either
            connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
            connection.execute("UPDATE marks SET value = 0 WHERE name = 'indexed'")
        connection.executescript(harm)
    code, findings = verified(tmp_path)
    assert code == 1
    assert any(line.startswith(finding) for line in findings), findings
    assert "It is whole." not in findings


def test_many_of_a_kind_are_not_all_told(tmp_path):
    keep(tmp_path, said(*["lobby ada: hello"] * 100), indexed=False)
    with opened(tmp_path) as connection:
        connection.execute("DELETE FROM messages WHERE seq % 2 = 0")
    code, findings = verified(tmp_path)
    assert code == 1
    assert findings[0] == "lobby: seq 2 to 2 is missing."
    assert findings[20:] == ["... and 29 more of this kind."]


def test_a_file_that_is_damaged_in_its_middle(tmp_path):
    keep(tmp_path, said(*["lobby ada: " + "hello" * 100] * 1000))
    with (tmp_path / store.FILE).open("r+b") as file:
        file.seek(20 * 4096)
        file.write(b"x" * 4096)
    result = history(tmp_path, "verify")
    assert result.exit_code == 1
    summary, *findings = result.stdout.splitlines()
    assert summary == f"{tmp_path / store.FILE} is damaged. Put back a copy, or move it away to begin a new one."
    assert findings


def on_a_disk_apart(mount, directory, command):
    """What becomes of `command` where `mount` has been done to `directory`, for this one process."""
    script = f'set -e\n{mount}\nshift\nexec "$@"'
    apart = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(directory)]
    try:
        if subprocess.run([*apart, "true"], capture_output=True, timeout=60).returncode:
            pytest.skip("this system gives nobody a file system of one's own")
    except FileNotFoundError:
        pytest.skip("this system has no unshare")
    return subprocess.run([*apart, *command], capture_output=True, text=True, timeout=60)


def test_a_backup_on_a_disk_that_is_read_only(tmp_path):
    keep(tmp_path, TALK)
    command = [*GREENCHAT, "history", "verify", "--data-dir", str(tmp_path)]
    process = on_a_disk_apart('mount --bind "$1" "$1"\nmount -o remount,bind,ro "$1"', tmp_path, command)
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.endswith("It is whole.\n")


def test_no_room_for_the_copy(tmp_path):
    data, small = tmp_path / "data", tmp_path / "small"
    data.mkdir()
    small.mkdir()
    keep(data, said(*["lobby ada: " + "hello" * 500] * 200))
    command = ["env", f"TMPDIR={small}", *GREENCHAT, "history", "verify", "--data-dir", str(data)]
    process = on_a_disk_apart('mount -t tmpfs -o size=128k tmpfs "$1"', small, command)
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == (
        f"Error: {small} has no room for a copy of {data / store.FILE}. Make room, or name another place by TMPDIR.\n"
    )


# --- with a server ---


def test_a_server_on_the_file_need_not_be_stopped(tmp_path):
    with serve_process(tmp_path) as serving, Program(serving, "ada") as ada, Program(serving, "bob") as bob:
        for program, name in ((ada, "ada"), (bob, "bob")):
            assert program.welcome["type"] == "welcome"
            for number in range(20):
                program.send(type="say", text=f"{name}said{number}", ref="mine")
        for program in (ada, bob):
            assert [program.read_until("ack", "error", ref="mine")["type"] for _ in range(20)] == ["ack"] * 20
        assert exported(tmp_path).count("adasaid") == 20
        assert verified(tmp_path) == (0, ["It is whole."])
        assert remains(tmp_path, "adasaid") >= 20
        result = history(tmp_path, "forget", "--user", "ada", "--yes")
        assert (result.exit_code, result.stdout[:22]) == (0, "Forgotten: 20 messages")
        assert remains(tmp_path, "adasaid") == 0
        assert bob.request(type="say", text="goes on")["seq"] == 41
        events = bob.request(type="history", limit=100)["events"]
        assert [event["seq"] for event in events] == [*range(1, 42)]
        assert {(event["sender"], event["text"][:7]) for event in events} == {
            ("bob", "bobsaid"),
            ("bob", "goes on"),
            ("(forgotten user)", "(forgot"),
        }
        assert bob.request(type="search", text="adasaid3")["messages"] == []
        assert len(bob.request(type="search", text="bobsaid*")["messages"]) == 20
        assert verified(tmp_path) == (0, ["It is whole."])
        _, log = serving.stop()
    assert not re.search("WARNING|ERROR", log), log
    assert remains(tmp_path, "adasaid") == 0
