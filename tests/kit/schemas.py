"""All databases: their migrations, and files of earlier versions of them, as text."""

import importlib
import sqlite3
from contextlib import closing
from pathlib import Path

import greenchat_plugins

from greenchat.storage import direct_rows, session_store
from kit import TESTS

DATABASES = TESTS / "storage" / "databases"


def migrations_of_plugins():
    """The migrations of each plugin that has some."""
    found = {}
    for directory in map(Path, greenchat_plugins.__path__):
        for path in sorted(directory.rglob("*.py")):
            if "\nMIGRATIONS = " in path.read_text():
                parts = path.relative_to(directory).with_suffix("").parts
                name = ".".join(["greenchat_plugins", *parts]).removesuffix(".__init__")
                assert parts[0] not in found, f"{parts[0]} has two MIGRATIONS"
                found[parts[0]] = importlib.import_module(name).MIGRATIONS
    return found


# Of the core's files and of those of plugins.
MIGRATIONS = {"direct": direct_rows.MIGRATIONS, "sessions": session_store.MIGRATIONS} | migrations_of_plugins()


def load(dump, data_dir):
    """Make the file that `dump` was taken from; its path."""
    path = data_dir / f"{dump.partition('-v')[0]}.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATABASES / f"{dump}.sql").read_text("utf-8"))
    return path
