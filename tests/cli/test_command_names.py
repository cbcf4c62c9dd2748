"""The commands that plugins add are in `--help` and in what Tab completes, and no plugin is loaded for that."""

import subprocess
import sys
from pathlib import Path

import pytest
from kit.command_names import ADDED, help_of, names_in, own_home

from greenchat.cli import listing
from greenchat.cli.added import load_plugins, plugin_commands
from greenchat.config.load import load


@pytest.fixture
def home(tmp_path):
    return own_home(tmp_path)


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
    assert names_in(help_of(home)) == ["accounts", "files", "history", "rooms"]


def test_bash_itself_completes_them(home):
    script = """
eval "$(_GREENCHAT_COMPLETE=bash_source greenchat)"
COMP_WORDS=(greenchat mod) COMP_CWORD=1
_greenchat_completion greenchat mod greenchat
printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, env=home)
    assert done.stdout == "moderation\n", done.stderr
