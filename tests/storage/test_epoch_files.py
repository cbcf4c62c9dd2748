"""An epoch goes on with the file that was closed in order, and with no copy of it."""

import shutil
import time
from contextlib import closing

import pytest

from greenchat.storage import epochs
from greenchat.storage.epochs import EpochFile
from greenchat.storage.sqlite import open_database, transaction

MARKS = ("CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",)
HOUR = 3600 * 10**9


@pytest.fixture
def life(tmp_path):
    """`life()`: the epoch of one life of a server, which ends in order, or so many nanoseconds `ago`."""

    def live(ago=0):
        file = EpochFile(tmp_path / "direct.sqlite3")
        with closing(open_database(tmp_path / "direct.sqlite3", MARKS)) as connection:
            epoch = transaction(connection, file.begin)
            with pytest.MonkeyPatch.context() as patch:
                now = time.time_ns() - ago
                patch.setattr(epochs.time, "time_ns", lambda: now)
                state = file.ending()
            transaction(connection, lambda connection: file.end(connection, state))
        file.stamp()
        return epoch

    return live


def test_it_goes_on_where_the_file_was_closed_in_order(life):
    assert life() == life()


def test_a_copy_of_an_earlier_day_that_looks_the_same_is_another_one(life, tmp_path):
    path, copy = tmp_path / "direct.sqlite3", tmp_path / "copy"
    before = life(ago=HOUR)
    number = path.stat().st_ino
    shutil.copy2(path, copy)
    copy_of = copy.read_bytes()
    with path.open("r+b") as file:  # as `cp -p` does it: the inode stays, and the time comes back
        file.write(copy_of)
        file.truncate()
    shutil.copystat(copy, path)
    assert path.stat().st_ino == number
    assert life() != before
