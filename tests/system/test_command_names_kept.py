"""Which commands plugins add is kept until something changes; other shells than bash complete them, too."""

import json
import os
import shutil
import subprocess

import pytest
from kit.command_names import ADDED, ORACLE, complete, help_of, help_of_quiet, loads, names_in, own_home
from kit.processes import GREENCHAT


@pytest.fixture
def home(tmp_path):
    return own_home(tmp_path)


def test_those_of_other_plugins_are_asked_for_once_until_something_has_changed(home, tmp_path):
    site = tmp_path / "site"
    info = site / "greenchat_oracle-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greenchat-oracle\nVersion: 1.0\n")
    points = info / "entry_points.txt"
    points.write_text("[greenchat]\noracle = greenchat_oracle\n")
    module = site / "greenchat_oracle.py"
    module.write_text(ORACLE.format(name="oracle"))
    home["PYTHONPATH"] = str(site)
    for _ in range(3):
        text = subprocess.run([*GREENCHAT, "--help"], capture_output=True, text=True, timeout=60, env=home).stdout
        assert names_in(text) == sorted([*ADDED, "oracle"])
        assert "Answer a question." in text
        assert "this is said" not in text
    assert loads(module) == 1
    module.write_text(ORACLE.format(name="sibyl"))
    os.utime(points, ns=(1, 1))  # as an upgrade does
    assert "sibyl" in names_in(help_of_quiet(home))
    assert loads(module) == 2
    shutil.rmtree(info)
    assert names_in(help_of(home)) == ADDED


def test_those_of_a_directory_are_asked_for_again_when_a_file_changes(home, tmp_path):
    directory = tmp_path / "plugins"
    directory.mkdir()
    file = directory / "oracle.py"
    file.write_text(ORACLE.format(name="oracle"))
    home["GREENCHAT_SERVER_PLUGINS_DIRS"] = json.dumps([str(directory)])
    assert "oracle" in names_in(help_of_quiet(home))
    assert "oracle" in names_in(help_of_quiet(home))
    assert loads(file) == 1
    file.write_text(ORACLE.format(name="sibyl"))
    os.utime(file, ns=(1, 1))
    assert "sibyl" in names_in(help_of_quiet(home))
    done = subprocess.run([*GREENCHAT, "sibyl"], capture_output=True, text=True, timeout=60, env=home)
    assert done.stdout.endswith("Yes.\n")


def test_where_nothing_can_be_kept_or_loaded_help_is_there_all_the_same(home, tmp_path):
    (tmp_path / "home").write_text("a file")
    directory = tmp_path / "plugins"
    directory.mkdir()
    (directory / "oracle.py").write_text(ORACLE.format(name="oracle"))
    home["GREENCHAT_SERVER_PLUGINS_DIRS"] = json.dumps([str(directory)])
    assert "oracle" in names_in(help_of_quiet(home))
    home["GREENCHAT_SERVER_PLUGINS_DIRS"] = '["/nowhere/at/all"]'
    assert names_in(help_of(home)) == ADDED


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_completes_them(home, shell):
    assert complete(home, shell, "greenchat op", "op") == ["operators"]
    assert complete(home, shell, "greenchat a", "a") == ["accounts", "audit"]
    assert complete(home, shell, "greenchat co", "co") == ["config", "connect"]
    assert set(ADDED) < set(complete(home, shell, "greenchat ", ""))
    assert "add" in complete(home, shell, "greenchat operators a", "a")


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        ("zsh", 'autoload -U compinit; compinit -u; eval "$(_GREENCHAT_COMPLETE=zsh_source greenchat)"; echo fine'),
        ("fish", "_GREENCHAT_COMPLETE=fish_source greenchat | source; complete -C 'greenchat mod'"),
    ],
)
def test_what_other_shells_are_given_is_right_for_them(home, shell, script):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, timeout=60, env=home)
    assert done.stdout.split()[0] in ("fine", "moderation"), done.stderr
