"""The commands that plugins add are in `--help` and in what Tab completes, and no plugin is loaded for that."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kit.processes import GREENCHAT

from greenchat.cli import listing
from greenchat.cli.added import load_plugins, plugin_commands
from greenchat.config.load import load

ADDED = ["accounts", "audit", "history", "moderation", "operators", "rooms"]
BIN = Path(sys.executable).parent


@pytest.fixture
def home(tmp_path):
    """An environment with a home of its own, in which nothing is kept yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GREENCHAT_", "XDG_"))}
    return kept | {"HOME": str(tmp_path / "home"), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def help_of(env, *before) -> str:
    done = subprocess.run([*GREENCHAT, *before, "--help"], capture_output=True, text=True, timeout=60, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def names_in(text: str) -> list[str]:
    """The commands that plugins add, in a help."""
    _, _, section = text.partition("Commands of plugins:\n")
    return [line.split()[0] for line in section.partition("\n\n")[0].splitlines() if line.startswith("  ")]


def test_what_is_written_down_of_the_bundled_plugins_is_what_they_add():
    plugins = load_plugins(load())
    added = plugin_commands(plugins, ())
    assert {name: text for name, (_, text) in listing.BUNDLED.items()} == {
        name: command.get_short_help_str(1000) for name, command in added.items()
    }
    for plugin in {plugin for plugin, _ in listing.BUNDLED.values()}:
        left = plugin_commands(load_plugins(load(flags={"server.disabled_plugins": [plugin]})), ())
        gone = {name for name, (adds, _) in listing.BUNDLED.items() if adds == plugin}
        assert set(added) - set(left) == gone


def test_help_lists_them_and_loads_no_plugin(home):
    assert names_in(help_of(home)) == ADDED
    code = """
import sys
from click.testing import CliRunner
from greenchat.cli import main
assert "operators" in CliRunner().invoke(main, ["--help"]).output
print(sorted(name for name in sys.modules if name.startswith("greenchat_plugins") or name == "greenchat.hooks.loader"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=home)
    assert done.stdout == "[]\n", done.stderr
    assert not Path(home["HOME"]).exists(), "there was nothing to be kept"


def test_what_a_plugin_adds_that_is_off_is_not_listed(home):
    home["GREENCHAT_SERVER_DISABLED_PLUGINS"] = '["moderation"]'
    assert names_in(help_of(home)) == ["accounts", "history", "rooms"]


ORACLE = """
import pathlib, click
from greenchat import hookimpl
with pathlib.Path(__file__).with_suffix(".log").open("a") as log:
    log.write("loaded\\n")
print("this is said while it is loaded")
@click.command()
def {name}():
    "Answer a question."
    click.echo("Yes.")
@hookimpl
def greenchat_cli(group):
    group.add_command({name})
"""


def loads(file: Path) -> int:
    log = file.with_suffix(".log")
    return len(log.read_text().splitlines()) if log.exists() else 0


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


def help_of_quiet(env) -> str:
    return subprocess.run([*GREENCHAT, "--help"], capture_output=True, text=True, timeout=60, env=env).stdout


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


def complete(env, shell: str, words: str, last: str) -> list[str]:
    """What `greenchat` tells a shell that asks it to complete, by the names alone."""
    env = env | {"_GREENCHAT_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()))}
    env["COMP_CWORD"] = last if shell == "fish" else str(len(words.split()) - bool(last))
    done = subprocess.run(["greenchat"], capture_output=True, text=True, timeout=60, env=env)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    if shell == "zsh":
        return lines[1::3]
    return [line.split(",")[1].split("\t")[0] for line in lines]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_completes_them(home, shell):
    assert complete(home, shell, "greenchat op", "op") == ["operators"]
    assert complete(home, shell, "greenchat a", "a") == ["accounts", "audit"]
    assert complete(home, shell, "greenchat co", "co") == ["config", "connect"]
    assert set(ADDED) < set(complete(home, shell, "greenchat ", ""))
    assert "add" in complete(home, shell, "greenchat operators a", "a")


def test_bash_itself_completes_them(home):
    script = """
eval "$(_GREENCHAT_COMPLETE=bash_source greenchat)"
COMP_WORDS=(greenchat mod) COMP_CWORD=1
_greenchat_completion greenchat mod greenchat
printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, env=home)
    assert done.stdout == "moderation\n", done.stderr


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
