"""Whether the code of a server is what it was is known by its files."""

import os

import pytest

from greenchat.config.load import load
from greenchat.server import fingerprints
from greenchat.server.fingerprints import Fingerprints, changed_plugins, difference
from greenchat.server.server import ChatServer

BELL = "from greenchat import command\n\n@command\ndef bell(call):\n    '''Ring.'''\n    return 'ding'\n"


@pytest.fixture
def server(tmp_path):
    directory = tmp_path / "mine"
    package = directory / "pack"
    package.mkdir(parents=True)
    (directory / "bell.py").write_text(BELL)
    (package / "__init__.py").write_text(BELL.replace("bell", "gong"))
    (package / "helper.py").write_text("")
    own = tmp_path / "data" / "plugins"
    own.mkdir(parents=True)
    (own / "horn.py").write_text(BELL.replace("bell", "horn"))
    config = load(flags={"server.plugins_dirs": [str(directory)], "server.disabled_plugins": ["metrics"]})
    return ChatServer(config, tmp_path / "data")


def test_what_nobody_has_touched_has_not_changed(server):
    taken = fingerprints.take(server)
    assert {"bell", "pack", "horn", "accounts", "web"} <= set(taken.plugins)
    assert fingerprints.take(server) == taken
    assert difference(taken, fingerprints.take(server)) == []
    assert changed_plugins(taken, taken) == set()


def test_what_python_leaves_behind_counts_for_nothing(server, tmp_path):
    taken = fingerprints.take(server)
    cache = tmp_path / "mine" / "pack" / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "helper.cpython-311.pyc").write_text("")
    (tmp_path / "mine" / "pack" / ".helper.py.swp").write_text("")
    assert fingerprints.take(server) == taken


def test_each_file_that_has_changed_is_named(server, tmp_path):
    taken = fingerprints.take(server)
    mine = tmp_path / "mine"
    (mine / "bell.py").write_text(BELL + "\n# mended\n")
    (mine / "pack" / "helper.py").unlink()
    (mine / "pack" / "data.toml").write_text("")
    (mine / "whistle.py").write_text(BELL.replace("bell", "whistle"))
    (tmp_path / "data" / "plugins" / "horn.py").unlink()
    now = fingerprints.take(server)
    assert difference(taken, now) == [
        "plugin bell: bell.py has changed",
        "plugin horn is gone",
        "plugin pack: data.toml is new; helper.py is gone",
        "plugin whistle is new",
    ]
    assert changed_plugins(taken, now) == {"bell", "pack", "whistle"}


def test_a_file_of_the_same_size_that_was_written_later_has_changed(server, tmp_path):
    taken = fingerprints.take(server)
    file = tmp_path / "mine" / "bell.py"
    written = file.stat().st_mtime_ns
    os.utime(file, ns=(written + 1, written + 1))
    assert difference(taken, fingerprints.take(server)) == ["plugin bell: bell.py has changed"]


def test_many_files_are_not_all_named():
    old = Fingerprints(plugins={"pack": {f"{number}.py": "" for number in range(9)}})
    new = Fingerprints(plugins={"pack": {f"{number}.py": "1" for number in range(9)}})
    assert difference(old, new) == ["plugin pack: 0.py, 1.py, 2.py and 6 more have changed"]


OLD = Fingerprints("0.1.0", "3.11.2", "files", "1:2", "3:4", {"bell": {}})


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (Fingerprints("0.2.0", "3.11.2", "others", "1:2", "3:4", {"bell": {}}), "greenchat 0.1.0 -> 0.2.0"),
        (Fingerprints("0.1.0", "3.11.2", "others", "1:2", "3:4", {"bell": {}}), "greenchat's own files have changed"),
        (Fingerprints("0.1.0", "3.12.1", "files", "5:6", "3:4", {"bell": {}}), "Python 3.11.2 -> 3.12.1"),
        (Fingerprints("0.1.0", "3.11.2", "files", "5:6", "3:4", {"bell": {}}), "Python 3.11.2 was installed again"),
        (
            Fingerprints("0.1.0", "3.11.2", "files", "1:2", "5:6", {"bell": {}}),
            "other packages were installed or removed",
        ),
    ],
)
def test_where_what_it_stands_on_has_changed_each_plugin_may_do_something_else(new, told):
    assert difference(OLD, new) == [told]
    assert changed_plugins(OLD, new) == {"bell"}
