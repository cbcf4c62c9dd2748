"""Which plugins are found, where and under which name, and what is told of those of which nothing is called."""

import os
import py_compile
import re
import subprocess
import sys
import time

import pytest
from kit.failing import plugin_dir, state
from kit.machine import eventually
from kit.processes import run_greenchat, serve_process

from greenchat.config.load import load
from greenchat.hooks import bytecode
from greenchat.hooks.loader import Plugins
from greenchat.testing import serving


def found(tmp_path, **flags):
    return Plugins(load(flags={"server.plugins_dirs": [str(tmp_path)], **flags}))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def greenchat_event(event): pass", "off: greenchat_event is not called, since it has no @hookimpl"),
        (
            "from greenchat import hookimpl\n@hookimpl\ndef greenchat_event(event): pass\n"
            "def greenchat_entered(): pass",
            "on; greenchat_entered is not called, since it has no @hookimpl",
        ),
        (
            "from greenchat import hookimpl\nclass Bell:\n    @hookimpl\n    def greenchat_event(self, event): pass",
            "off: Bell has hooks, and nothing makes one of it: write greenchat_plugin = Bell",
        ),
        (
            "from greenchat import hookimpl\n@hookimpl\ndef greenchat_entered(): pass\nclass Bell:\n    @hookimpl\n"
            "    def greenchat_event(self, event): pass\ngreenchat_plugin = Bell",
            "on; greenchat_entered is not called, since greenchat_plugin makes what has the hooks: move it in there",
        ),
    ],
)
def test_what_looks_like_a_hook_and_is_none_is_told(tmp_path, caplog, source, told):
    plugin_dir(tmp_path, forgets=source)
    assert state(found(tmp_path), "forgets") == told
    assert told.partition(" ")[2] in caplog.text


def test_packages_in_a_plugins_directory_are_plugins_and_tests_are_not(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from .inner import greenchat_check_message")
    (tmp_path / "pack" / "inner.py").write_text(
        "from greenchat import hookimpl\n@hookimpl\ndef greenchat_check_message(message):\n"
        "    return message.text.upper()"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("raise RuntimeError")
    plugin_dir(tmp_path, test_pack="raise RuntimeError", pack_test="raise RuntimeError", conftest="raise RuntimeError")
    with serving(settings={"server.plugins_dirs": [str(tmp_path)]}) as server:
        assert [plugin.name for plugin in server.server.plugins if str(tmp_path) in plugin.source] == ["pack"]
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|hello")
        bob.expect("MSG|ada|HELLO")


def test_a_package_of_the_same_name_in_another_directory_is_another_one(tmp_path):
    for number in ("1", "2"):
        directory = tmp_path / number / "pack"
        directory.mkdir(parents=True)
        (directory / "__init__.py").write_text("from .inner import NUMBER")
        (directory / "inner.py").write_text(f"NUMBER = {number}")
        [pack] = [plugin for plugin in found(tmp_path / number) if plugin.name == "pack"]
        assert str(pack.bearer.NUMBER) == number


def test_an_installed_plugin_that_a_file_shadows_is_told_in_the_log(tmp_path, caplog):
    plugin_dir(tmp_path, accounts="")
    found(tmp_path)
    assert f"another plugin of this name comes first: {tmp_path / 'accounts.py'}" in caplog.text


def test_a_module_that_is_given_and_installed_is_one_plugin_under_its_installed_name(tmp_path, monkeypatch):
    (tmp_path / "greenchat_coins.py").write_text(
        "from greenchat import hookimpl\n@hookimpl\ndef greenchat_check_message(message):\n"
        "    return message.text + '!'"
    )
    package = tmp_path / "greenchat_coins-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: greenchat-coins\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[greenchat]\ncoins = greenchat_coins\n")
    monkeypatch.syspath_prepend(tmp_path)
    import greenchat_coins

    with serving(greenchat_coins) as server:
        assert [plugin.name for plugin in server.server.plugins if "coins" in plugin.name] == ["coins"]
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|hello")
        bob.expect("MSG|ada|hello!")
    by_name = Plugins(load(flags={"server.plugins": ["greenchat_coins"]}))
    assert [plugin.state for plugin in by_name if "coins" in plugin.name] == ["on"]
    sys.modules.pop("greenchat_coins")


def test_what_somebody_has_installed_comes_before_what_greenchat_has_of_that_name(tmp_path, monkeypatch):
    (tmp_path / "their_dice.py").write_text(
        "from greenchat import command\n@command\ndef roll(call):\n    'Roll.'\n    return 'six'"
    )
    package = tmp_path / "zz_their_dice-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: zz-their-dice\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[greenchat]\ndice = their_dice\n")
    monkeypatch.setattr("sys.path", [*sys.path, str(tmp_path)])
    found = [(plugin.source, bool(plugin.off)) for plugin in Plugins(load()) if plugin.name == "dice"]
    assert found == [("zz-their-dice (installed)", False), ("greenchat (installed)", True)]
    sys.modules.pop("their_dice")


# --- those in the data directory ---

DOUBLE = """
from greenchat import command

@command
def double(call, number: int):
    "Tell twice a number."
    return str(2 * number)
"""


@pytest.fixture
def own(tmp_path):
    """The directory `plugins` in a data directory, with one in it."""
    directory = tmp_path / "plugins"
    directory.mkdir(mode=0o700)
    (directory / "double.py").write_text(DOUBLE)
    return directory


def test_four_lines_saved_in_the_data_directory_are_a_plugin(own):
    with serve_process(own.parent) as server, server.join("ada") as ada:
        ada.send("MSG|/double 21", "MSG|/double x")
        ada.expect("INFO|42")
        assert ada.read().startswith("ERROR|")
    listed = run_greenchat("plugins", "list", "--data-dir", str(own.parent)).stdout
    assert re.search(rf"^double +- +{re.escape(str(own / 'double.py'))} +on$", listed, re.MULTILINE)


def test_it_is_called_behind_those_of_other_directories_and_found_once(own, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "zeta.py").write_text("")
    names = [plugin.name for plugin in Plugins(load(flags={"server.plugins_dirs": [str(other)]}), data_dir=tmp_path)]
    assert names[:3] == ["zeta", "double", "accounts"]
    twice = Plugins(load(flags={"server.plugins_dirs": [str(own)]}), data_dir=tmp_path)
    assert [plugin.name for plugin in twice].count("double") == 1


def test_without_that_directory_there_are_none(tmp_path):
    assert "double" not in [plugin.name for plugin in Plugins(load(), data_dir=tmp_path)]


def test_what_others_can_write_is_not_run(own):
    (own / "double.py").chmod(0o666)
    assert state(Plugins(load(), data_dir=own.parent), "double").startswith("off: everybody can write ")
    (own / "double.py").chmod(0o644)
    own.chmod(0o777)
    assert state(Plugins(load(), data_dir=own.parent), "double").startswith("off: everybody can write ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_root_runs_nothing_that_others_may_have_put_there(own):
    os.chown(own / "double.py", 1234, 1234)
    assert "is another user's" in state(Plugins(load(), data_dir=own.parent), "double")
    os.chown(own / "double.py", 0, 0)
    os.chown(own.parent, 1234, 1234)
    assert "is another user's" in state(Plugins(load(), data_dir=own.parent), "double")


def test_a_command_that_one_there_adds_to_the_command_line_is_found(own, tmp_path):
    (own / "oracle.py").write_text(
        "import click\nfrom greenchat import hookimpl\n@click.command()\ndef oracle():\n    'Answer.'\n"
        "    click.echo('Yes.')\n@hookimpl\ndef greenchat_cli(group):\n    group.add_command(oracle)\n"
    )
    env = {"GREENCHAT_SERVER_DATA_DIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert run_greenchat("oracle", env=env).stdout == "Yes.\n"
    assert "oracle" in run_greenchat("--help", env=env).stdout
    (own / "oracle.py").unlink()
    assert "oracle" not in run_greenchat("--help", env=env).stdout


CHECK = "from greenchat import hookimpl\n@hookimpl\ndef greenchat_check_message(message): return '{}'"


def loaded(directory):
    """What a new process has the plugin `pack` in there, or the module of this name, say."""
    code = (
        "import sys; from pathlib import Path; from greenchat.config.load import load; "
        "from greenchat.hooks.loader import Plugins; "
        "flags = {'server.plugins': ['pack']} if '-m' in sys.argv else {'server.plugins_dirs': [sys.argv[1]]}; "
        "plugins = Plugins(load(flags=flags)); "
        "print([sys.modules[one.module].greenchat_check_message(None) for one in plugins if one.name == 'pack'])"
    )
    return [
        subprocess.run(
            [sys.executable, "-c", code, str(directory), *more],
            capture_output=True,
            text=True,
            check=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
            | {"PYTHONPATH": str(directory)},
        ).stdout.strip()
        for more in ((), ("-m",))
    ]


@pytest.mark.parametrize("inner", ["pack.py", "pack/__init__.py", "pack/inner.py"])
def test_a_file_that_is_written_again_within_a_second_is_what_it_is_now(tmp_path, inner):
    """Python would take what it has compiled before: it looks at seconds and sizes."""
    file = tmp_path / inner
    file.parent.mkdir(exist_ok=True)
    if inner.endswith("inner.py"):
        (tmp_path / "pack" / "__init__.py").write_text("from .inner import *")
    moment = time.time_ns() - 3600 * 10**9
    for word in ("one", "two"):
        file.write_text(CHECK.format(word))
        os.utime(file, ns=(moment, moment))
        assert loaded(tmp_path) == [f"['{word}']"] * 2
    # One that was compiled by something else.
    file.write_text(CHECK.format("six"))
    py_compile.compile(str(file))
    file.write_text(CHECK.format("ten"))
    os.utime(file, ns=(os.stat(file).st_mtime_ns // 10**9 * 10**9,) * 2)
    assert loaded(tmp_path) == ["['ten']"] * 2


def test_a_file_that_was_there_before_is_compiled_once(tmp_path, monkeypatch):
    monkeypatch.setattr(bytecode, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    plugin_dir(tmp_path, pack=CHECK.format("one"))
    eventually(lambda: time.time() > os.stat(tmp_path / "pack.py").st_ctime)
    found(tmp_path)
    (compiled,) = (tmp_path / "__pycache__").iterdir()
    written = os.stat(compiled)
    found(tmp_path)
    assert os.stat(compiled).st_mtime_ns == written.st_mtime_ns
