"""SQLite files: migrated, used off the event loop, and told in one sentence when something is wrong with them."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import gevent
import pytest
from gevent.event import AsyncResult
from kit.machine import APART, MOUNT, can_be_apart

from greenchat.storage.sqlite import Database, DatabaseError, open_database, transaction
from greenchat.testing import DEADLINE

NOTES = ("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);",)


def add(text):
    return lambda connection: connection.execute("INSERT INTO notes (text) VALUES (?)", (text,)).rowcount


def notes(connection):
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY id")]


def in_the_loop(function):
    """What `function` returns, called where nothing may wait."""
    outcome = AsyncResult()

    def call():
        try:
            outcome.set(function())
        except BaseException as error:
            outcome.set_exception(error)

    gevent.get_hub().loop.run_callback(call)
    return outcome.get(timeout=DEADLINE)


def another_process(code, *arguments, **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, **options)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notes.sqlite3"


@pytest.fixture
def kept(path):
    kept = Database(path, NOTES)
    yield kept
    kept.close()


# --- migrations ---


def test_migrations_run_once_and_in_order(path):
    scripts = (*NOTES, "INSERT INTO notes (text) VALUES ('first');", "INSERT INTO notes (text) VALUES ('second');")
    for upto in (1, 2, 2, 3, 3):
        connection = open_database(path, scripts[:upto])
        assert connection.execute("PRAGMA user_version").fetchone() == (upto,)
        found = notes(connection)
        connection.close()
    assert found == ["first", "second"]


def test_a_script_may_have_comments_and_triggers_and_semicolons_in_its_texts(path):
    script = """
    -- what is noted; and how often
    CREATE TABLE notes (text TEXT); -- one each
    CREATE TABLE counted (times INTEGER);
    INSERT INTO counted VALUES (0);

    CREATE TRIGGER counting AFTER INSERT ON notes BEGIN
        UPDATE counted SET times = times + 1;
        UPDATE counted SET times = times + 10;
    END;
    INSERT INTO notes VALUES ('one;
two');
    -- that is all
    """
    connection = open_database(path, (script,))
    assert connection.execute("SELECT text, times FROM notes, counted").fetchall() == [("one;\ntwo", 11)]
    connection.close()


def test_a_migration_that_fails_leaves_nothing_half_done(path):
    wrong = """
    CREATE TABLE more (x);
    INSERT INTO notes (text) VALUES ('half');
    INSERT INTO nowhere VALUES (1);
    """
    with pytest.raises(DatabaseError, match=r"notes.sqlite3 cannot be used: no such table: nowhere\."):
        open_database(path, (*NOTES, wrong))
    connection = open_database(path, NOTES)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("notes",)]
    assert notes(connection) == []
    connection.close()


def test_a_table_may_be_made_anew_without_losing_what_refers_to_it(path):
    first = """
    CREATE TABLE rooms (id INTEGER PRIMARY KEY);
    CREATE TABLE things (room INTEGER REFERENCES rooms ON DELETE CASCADE);
    INSERT INTO rooms VALUES (7);
    INSERT INTO things VALUES (7);
    """
    second = """
    CREATE TABLE new_rooms (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO new_rooms (id) SELECT id FROM rooms;
    DROP TABLE rooms;
    ALTER TABLE new_rooms RENAME TO rooms;
    """
    open_database(path, (first,)).close()
    connection = open_database(path, (first, second))
    assert connection.execute("SELECT room FROM things").fetchall() == [(7,)]
    connection.execute("DELETE FROM rooms")
    assert connection.execute("SELECT room FROM things").fetchall() == []  # what a foreign key promises is kept
    connection.close()


def test_a_file_of_a_later_version_is_refused_and_left_alone(path):
    connection = open_database(path, (*NOTES, "INSERT INTO notes (text) VALUES ('later');"))
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match=r"was written by a later greenchat\. Use that, or move the file away\.$"):
        open_database(path, NOTES)
    assert path.read_bytes() == before


MANY = """
import sys
from pathlib import Path
from greenchat.storage.sqlite import open_database, transaction
scripts = ("CREATE TABLE notes (text TEXT);", "INSERT INTO notes VALUES ('once');")
print("ready", flush=True)
sys.stdin.readline()
connection = open_database(Path(sys.argv[1]), scripts)
transaction(connection, lambda connection: connection.execute("INSERT INTO notes VALUES ('each')"))
connection.close()
"""


def test_some_may_open_a_new_file_at_once(path):
    command = [sys.executable, "-c", MANY, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in processes] == [""] * 3
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT text, count(*) FROM notes GROUP BY text").fetchall()
    assert found == [("each", 3), ("once", 1)]


def test_a_new_file_that_somebody_else_is_busy_with_is_waited_for(path):
    # SQLite itself does not wait here.
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE others (x)")
        other.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.05, other.execute, ["COMMIT"])
        done.start()
        open_database(path, NOTES).close()
        done.join()


# --- one transaction ---


def test_a_transaction_is_done_wholly_or_not_at_all(path):
    connection = open_database(path, NOTES)

    def change_of_mind(connection):
        add("half")(connection)
        raise LookupError("no")

    with pytest.raises(LookupError):
        transaction(connection, change_of_mind)
    assert not connection.in_transaction
    assert transaction(connection, add("whole")) == 1
    assert notes(connection) == ["whole"]
    connection.close()


def test_what_is_off_the_loop_is_one_transaction_too_and_what_it_raises_is_raised(kept):
    def change_of_mind(connection):
        add("half")(connection)
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        kept.run(change_of_mind)
    assert kept.run(notes) == []


def test_a_verdict_on_what_was_to_be_written_is_no_fault_of_the_file(kept):
    kept.run(add("one"))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        kept.run(lambda connection: (add("two")(connection), add("one")(connection)))
    assert kept.run(notes) == ["one"]


def test_what_work_raises_prints_nothing(path):
    code = """
import sys
from pathlib import Path
from greenchat.storage.sqlite import Database
from greenchat.errors import Reject

def refuse(connection):
    raise Reject("There is none.")

kept = Database(Path(sys.argv[1]), ())
try:
    kept.run(refuse)
except Reject as error:
    print(error)
kept.close()
"""
    process = another_process(code, path)
    assert (process.stdout, process.stderr) == ("There is none.\n", "")


# --- off the loop ---


def test_the_loop_goes_on_while_the_disk_is_busy(kept):
    go_on = threading.Event()
    waiting = gevent.spawn(kept.run, lambda connection: go_on.wait(DEADLINE))
    gevent.spawn(go_on.set)
    assert waiting.get(timeout=2 * DEADLINE) is True


def test_start_never_waits_however_much_is_on_its_way_and_keeps_the_order(kept):
    go_on, done = threading.Event(), []
    in_the_loop(lambda: kept.start(lambda connection: go_on.wait(DEADLINE), lambda *outcome: done.append(outcome)))
    for number in range(20):
        in_the_loop(lambda number=number: kept.start(add(str(number)), lambda *outcome: done.append(outcome)))
    kept.start(add("unheard"))
    assert done == []
    go_on.set()
    assert kept.run(notes) == [*map(str, range(20)), "unheard"]
    assert done == [(True, None), *[(1, None)] * 20]


def test_done_is_called_in_the_loop_also_with_what_went_wrong(kept):
    outcome = AsyncResult()
    kept.start(add(None), lambda *result: outcome.set((gevent.getcurrent(), *result)))
    where, result, error = outcome.get(timeout=DEADLINE)
    assert where is gevent.get_hub()
    assert result is None
    assert isinstance(error, sqlite3.IntegrityError)


def test_close_waits_for_what_was_started_and_leaves_one_whole_file(path, tmp_path):
    kept = Database(path, NOTES)
    for number in range(10):
        kept.start(add(str(number)))
    kept.close()
    assert [file.name for file in tmp_path.iterdir()] == ["notes.sqlite3"]
    connection = sqlite3.connect(path)
    assert len(notes(connection)) == 10
    connection.close()


def test_nothing_is_opened_before_there_is_work(path):
    Database(path, NOTES).close()
    assert not path.exists()


@pytest.mark.parametrize(("synchronous", "number"), [("FULL", 2), ("NORMAL", 1)])
def test_how_durable_it_is_can_be_chosen(path, synchronous, number):
    kept = Database(path, NOTES, synchronous=synchronous)
    assert kept.run(lambda connection: connection.execute("PRAGMA synchronous").fetchone()) == (number,)
    kept.close()


# --- others who use the file ---


def test_a_reader_does_not_keep_others_from_writing(path):
    reader, writer = open_database(path, NOTES), open_database(path, NOTES)
    reader.execute("BEGIN")
    assert notes(reader) == []
    transaction(writer, add("new"))
    assert notes(reader) == []
    reader.execute("COMMIT")
    assert notes(reader) == ["new"]
    reader.close()
    writer.close()


def test_who_only_looks_does_not_wait_for_who_writes(path):
    kept, other = Database(path, NOTES, busy_seconds=0), open_database(path, NOTES)
    other.execute("BEGIN IMMEDIATE")
    add("new")(other)
    assert kept.run(notes, writes=False) == []
    other.execute("COMMIT")
    assert kept.run(notes, writes=False) == ["new"]
    other.close()
    kept.close()


LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM notes").fetchone()[0])
connection.close()
"""


def test_a_second_connection_does_not_lose_the_first_ones_lock(path):
    # Whoever closes a file that nobody else has locked takes itself for the last, and removes the -wal.
    first = open_database(path, NOTES)
    transaction(first, add("one"))
    open_database(path, NOTES).close()
    assert another_process(LOOK, path).stdout == "1\n"
    transaction(first, add("two"))
    assert another_process(LOOK, path).stdout == "2\n"
    first.close()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_file_and_its_companions_are_their_owners_alone(path, kept, umask):
    before = os.umask(umask)
    try:
        kept.run(add("secret"))
    finally:
        os.umask(before)
    modes = {file.name.removeprefix("notes.sqlite3"): file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"": 0o600, "-wal": 0o600, "-shm": 0o600}


# --- what goes wrong ---


def test_a_directory_that_is_missing(tmp_path):
    path = tmp_path / "data" / "notes.sqlite3"
    kept = Database(path, NOTES)
    with pytest.raises(DatabaseError) as caught:
        kept.run(add("one"))
    assert str(caught.value) == (
        f"{path} cannot be opened: No such file or directory. Check the directory and its permissions."
    )
    path.parent.mkdir()
    assert kept.run(add("one")) == 1
    kept.close()


def test_a_damaged_file(path, kept):
    path.write_bytes(b"All work and no play makes Jack a dull boy. " * 1000)
    with pytest.raises(DatabaseError) as caught:
        kept.run(add("one"))
    assert (
        str(caught.value)
        == f"{path} is damaged. Put back a copy; or move it away, with -wal and -shm beside it, to begin a new one."
    )
    path.rename(path.with_suffix(".damaged"))
    assert kept.run(add("one")) == 1


def test_a_file_that_is_damaged_in_its_middle(path, tmp_path, kept):
    kept.run(lambda connection: [add(f"{number:05} {'x' * 100}")(connection) for number in range(1000)])
    kept.close()
    copy = shutil.copy(path, tmp_path / "copy")
    with path.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"x" * (path.stat().st_size - 10 * 4096))
    again = Database(path, NOTES)
    with pytest.raises(DatabaseError, match="is damaged"):
        again.run(notes)
    os.replace(copy, path)
    assert len(again.run(notes)) == 1000
    again.close()


def test_a_locked_file(path):
    kept = Database(path, NOTES, busy_seconds=0.05)
    kept.run(add("before"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseError) as caught:
        kept.run(add("meanwhile"))
    assert str(caught.value) == f"{path} is locked by another program. End that."
    other.execute("ROLLBACK")
    other.close()
    kept.run(add("after"))
    assert kept.run(notes) == ["before", "after"]
    kept.close()


def test_a_file_that_is_locked_for_a_moment_is_waited_for(path, kept):
    kept.run(add("before"))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    gevent.spawn_later(0.05, other.execute, "COMMIT")
    assert kept.run(add("after")) == 1
    other.close()


# A file system of its own, on which nobody else is, so that it can be full and read-only also for root.
IN_NEED = """
import os, subprocess, sys
from pathlib import Path
from greenchat.storage.sqlite import Database, DatabaseError

directory = Path(sys.argv[1])
subprocess.run([*sys.argv[2:], directory], check=True)
kept = Database(directory / "notes.sqlite3", ("CREATE TABLE notes (text TEXT);",))

def attempt():
    try:
        kept.run(lambda connection: connection.execute("INSERT INTO notes VALUES (hex(randomblob(2000)))"))
    except DatabaseError as error:
        print(str(error).replace(str(directory), "DIR"))
    else:
        print("written")

def end():
    print(kept.run(lambda connection: connection.execute("SELECT count(*) FROM notes").fetchone()[0]))
    kept.close()

def fill():
    try:
        ballast.write_bytes(b"x" * 1024 * 1024)
    except OSError:
        pass

ballast = directory / "ballast"
"""


def in_need(directory, code):
    """What `code` prints in a process that has `directory` on a small disk of its own."""
    if not can_be_apart(directory):
        pytest.skip("this system gives nobody a file system of one's own")
    command = [*APART, sys.executable, "-c", IN_NEED + code, str(directory), *MOUNT]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout.splitlines()


FULL = "DIR/notes.sqlite3 cannot be written: the disk is full. Make room."


def test_a_disk_that_is_full_from_the_start_whatever_it_has_room_for(tmp_path):
    code = """
fill()
while (size := ballast.stat().st_size) > 200 * 1024:
    attempt()
    os.truncate(ballast, size - 4096)
end()
"""
    *said, count = in_need(tmp_path, code)
    assert said[:5] == [FULL] * 5
    assert set(said) == {FULL, "written"}
    assert int(count) == said.count("written")


def test_a_disk_that_gets_full_and_room_again(tmp_path):
    code = """
for _ in range(2):
    attempt()
    fill()
    for _ in range(20):
        attempt()
    ballast.unlink()
attempt()
end()
"""
    *said, count = in_need(tmp_path, code)
    assert set(said) == {FULL, "written"}
    assert [said[at] for at in (0, 20, 21, 41, 42)] == ["written", FULL, "written", FULL, "written"]
    assert int(count) == said.count("written")  # nothing that was told to be there is missing, nothing else is there


def test_a_disk_that_is_read_only_for_a_while(tmp_path):
    code = """
attempt()
kept._close()
subprocess.run(["mount", "-o", "remount,ro", directory], check=True)
attempt()
subprocess.run(["mount", "-o", "remount,rw", directory], check=True)
attempt()
end()
"""
    refused = "DIR/notes.sqlite3 cannot be opened for writing: Read-only file system. Mount it for writing."
    assert in_need(tmp_path, code) == ["written", refused, "written", "2"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_in_somebodys_directory_is_theirs(tmp_path):
    os.chown(tmp_path, 65534, 65534)
    path = tmp_path / "chat.sqlite3"
    connection = open_database(path, ("CREATE TABLE notes (text TEXT)",))
    owners = {file.name: file.stat().st_uid for file in tmp_path.iterdir()}
    connection.close()
    assert owners == {"chat.sqlite3": 65534, "chat.sqlite3-wal": 65534, "chat.sqlite3-shm": 65534}
