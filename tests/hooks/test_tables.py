"""Which SQLite files a plugin keeps, and their migrations, are known without starting it."""

from kit.failing import plugin_dir
from kit.schemas import MIGRATIONS

from greenchat.config.load import load
from greenchat.hooks.loader import Plugins
from greenchat.hooks.tables import declared

TABLES = """
from greenchat import hookimpl

MIGRATIONS = ("CREATE TABLE points (name TEXT)",)
%s

class Praise:
    @hookimpl
    def greenchat_startup(self, server):
        pass

greenchat_plugin = Praise
"""


def known(tmp_path, name, **plugins):
    config = load(flags={"server.plugins_dirs": [str(plugin_dir(tmp_path, **plugins))]})
    plugin = next(plugin for plugin in Plugins(config) if plugin.name == name)
    return {path.name: migrations for path, migrations in declared(plugin, tmp_path).items()}


def test_those_of_its_context_and_of_other_files(tmp_path):
    more = 'DATABASES = {"scores.sqlite3": ["CREATE TABLE scores (name TEXT)"]}'
    found = known(tmp_path, "praise", praise=TABLES % more)
    assert found["plugin-praise.tables.sqlite3"] == ("CREATE TABLE points (name TEXT)",)
    assert found["scores.sqlite3"] == ["CREATE TABLE scores (name TEXT)"]
    assert "plugin-praise.sqlite3" in found


def test_what_is_none_counts_as_not_said(tmp_path):
    text = (TABLES % 'DATABASES = {1: ("",), "a": "CREATE TABLE a (b)", "c": [1]}').replace('",)', '")')
    assert list(known(tmp_path, "praise", praise=text)) == ["plugin-praise.sqlite3"]


def test_bundled_plugins_say_it(tmp_path):
    for name in MIGRATIONS.keys() - {"direct", "sessions"}:
        assert known(tmp_path, name)[f"{name}.sqlite3"] == MIGRATIONS[name], name
