"""Migrations that wait for a file are tried on a copy of it, and judged by whether they are done in a moment."""

import sqlite3
from contextlib import closing

import pytest
from kit.schemas import DATABASES, MIGRATIONS, load

from greenchat.storage import schema_changes
from greenchat.storage.schema_changes import Pending, examine, slow
from greenchat.storage.sqlite import DatabaseError, open_database

FIRST = "CREATE TABLE things (name TEXT PRIMARY KEY, number INTEGER NOT NULL)"

QUICK = [
    "CREATE TABLE other (name TEXT)",
    "create table if not exists other (name TEXT CHECK (name <> ''))",
    "CREATE TEMP TABLE other (name TEXT)",
    "CREATE VIRTUAL TABLE words USING fts5 (text)",
    "CREATE VIEW few AS SELECT * FROM things",
    "DROP VIEW few;\nDROP TRIGGER counted",
    "CREATE TRIGGER counted AFTER INSERT ON things BEGIN DELETE FROM things; UPDATE things SET number = 1; END",
    "ALTER TABLE things ADD COLUMN more TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE things ADD more TEXT DEFAULT 'CHECK it'",
    "ALTER TABLE things RENAME TO others",
    "ALTER TABLE things RENAME COLUMN number TO count",
    "CREATE TABLE other (name TEXT);\nCREATE UNIQUE INDEX by_name ON other (name)",
    'CREATE TABLE "an other" (name TEXT);\nCREATE INDEX by_name ON [an other] (name)',
    "CREATE TABLE other (name TEXT);\nALTER TABLE other RENAME TO another;\nCREATE INDEX by_name ON Another (name)",
    "CREATE TABLE marks (name TEXT);\nINSERT INTO marks VALUES ('a'), ('SELECT')",
    "-- UPDATE things SET number = 0;\n/* DELETE FROM things; */ ALTER TABLE things ADD COLUMN more TEXT;\n-- done",
]

SLOW = [
    "UPDATE things SET number = 0",
    "DELETE FROM things",
    "DROP TABLE things",
    "DROP INDEX by_name",
    "ALTER TABLE things DROP COLUMN number",
    "ALTER TABLE things ADD COLUMN more INTEGER CHECK (more > 0)",
    "CREATE TABLE copy AS SELECT * FROM things",
    "CREATE TABLE copy(name TEXT);\nINSERT INTO copy SELECT name FROM things",
    "CREATE INDEX by_number ON things (number)",
    "INSERT INTO things VALUES ('a', 1)",
    "CREATE TABLE other (name TEXT);\nALTER TABLE other RENAME TO another;\nCREATE INDEX by_name ON other (name)",
    "CREATE TABLE \"it's\" (name TEXT);\nDELETE FROM things;\nSELECT 'it''s'",
    "WITH old AS (SELECT 1) DELETE FROM things",
    "VACUUM",
    "REINDEX",
]


@pytest.mark.parametrize("script", QUICK)
def test_what_takes_a_moment_however_much_is_in_the_file(script):
    assert slow([script]) == []


@pytest.mark.parametrize("script", SLOW)
def test_what_takes_the_longer_the_more_is_in_it(script):
    assert len(slow([script])) >= 1


def test_what_is_made_by_one_migration_is_new_for_the_next():
    assert slow(["CREATE TABLE other (name TEXT)", "CREATE INDEX by_name ON other (name)"]) == []
    assert slow(["CREATE INDEX by_name ON other (name)"]) == ["CREATE INDEX by_name ON other (name)"]


def test_a_statement_is_shown_with_its_literals_and_not_at_length():
    assert slow(["UPDATE things\n  SET name = 'Rose'"]) == ["UPDATE things SET name = 'Rose'"]
    (shown,) = slow([f"UPDATE things SET name = '{'o' * 1000}'"])
    assert len(shown) < 80


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "things.sqlite3"
    with closing(open_database(path, [FIRST])) as connection:
        connection.execute("INSERT INTO things VALUES ('a', 1), ('b', 1)")
    return path


@pytest.mark.parametrize("small", [0, schema_changes.SMALL])
def test_the_file_itself_stays_as_it_was(path, small, monkeypatch):
    monkeypatch.setattr(schema_changes, "SMALL", small)
    before, beside = path.read_bytes(), sorted(path.parent.iterdir())
    assert examine(path, [FIRST]) == Pending(0)
    assert examine(path, [FIRST, "ALTER TABLE things ADD COLUMN more TEXT", "CREATE TABLE other (name)"]) == Pending(2)
    assert examine(path, [FIRST, "UPDATE things SET number = 2"]) == Pending(1, ["UPDATE things SET number = 2"])
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == beside


def test_what_a_server_has_not_written_back_yet_is_seen(path):
    with closing(open_database(path, [FIRST, "CREATE TABLE other (name)"])) as connection:
        connection.execute("INSERT INTO other VALUES (1)")
        assert path.with_name(f"{path.name}-wal").exists()
        assert examine(path, [FIRST, "CREATE TABLE other (name)"]) == Pending(0)
        assert examine(path, [FIRST, "CREATE TABLE other (name)", "DELETE FROM other"]).slow == ["DELETE FROM other"]


def test_what_fails_with_what_is_in_the_file_is_told(path):
    with pytest.raises(DatabaseError, match=r"cannot be brought up to date: UNIQUE constraint failed: things.number"):
        examine(path, [FIRST, "CREATE UNIQUE INDEX by_number ON things (number)"])
    with pytest.raises(DatabaseError, match="no such table: other"):
        examine(path, [FIRST, "ALTER TABLE other ADD COLUMN more TEXT"])


def test_a_file_of_a_later_version_is_refused(path):
    with pytest.raises(DatabaseError, match="was written by a later greenchat"):
        examine(path, [])


def test_a_file_that_is_none_is_told_and_one_that_is_not_there_has_nothing_to_be_done(path):
    assert examine(path.with_name("none.sqlite3"), [FIRST]) == Pending(0)
    path.write_bytes(b"no database, but long enough to be one" * 100)
    with pytest.raises(DatabaseError, match="is damaged"):
        examine(path, [FIRST])


@pytest.mark.parametrize("small", [0, schema_changes.SMALL])
@pytest.mark.parametrize("dump", sorted(path.stem for path in DATABASES.glob("*.sql")))
def test_files_of_all_earlier_versions_can_be_tried(dump, small, tmp_path, monkeypatch):
    monkeypatch.setattr(schema_changes, "SMALL", small)
    name, _, version = dump.partition("-v")
    pending = examine(load(dump, tmp_path), MIGRATIONS[name])
    assert pending.migrations == len(MIGRATIONS[name]) - int(version)


def test_nothing_is_written_where_a_file_can_only_be_read(path):
    path.chmod(0o400)
    assert examine(path, [FIRST, "CREATE TABLE other (name)"]) == Pending(1)
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
