"""`greenchat backup` and `greenchat restore` as commands, and data directories for them."""

import sqlite3
import subprocess
from contextlib import closing

from kit.accounts import CHEAP
from kit.histories import keep, said
from kit.processes import GREENCHAT

SETTINGS = [argument for key, value in CHEAP.items() for argument in ("--set", f"{key}={value}")]


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


def some_data(tmp_path):
    """A data directory in which somebody has said something, and a plugin of somebody else has counted something."""
    path = tmp_path / "data"
    path.mkdir(0o700)
    keep(path, said("lobby ada: one", "lobby ada: two"))
    counter(path / "karma.sqlite3", 7)
    return path
