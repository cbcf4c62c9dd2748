"""What operators have chosen of plugins: it is kept, and the loader obeys it."""

import os
import stat

import pytest

from greenchat.config.load import load
from greenchat.errors import PluginError
from greenchat.hooks.loader import Plugins
from greenchat.storage.datadir import CHOICE_FILE
from greenchat.storage.plugin_choice import Choice, keep_choice, moved, read_choice


def states(choice, **settings):
    config = load(None, {}, (), {f"server.{key}": value for key, value in settings.items()})
    return {plugin.name: plugin.state for plugin in Plugins(config, choice=choice)}


def test_what_is_kept_outlasts_a_restart(tmp_path):
    choice = Choice().after("disable", "rooms").after("enable", "web").after("unload", "people")
    keep_choice(tmp_path, choice)
    assert read_choice(tmp_path) == Choice(disabled=("rooms",), enabled=("web",))
    assert stat.S_IMODE(os.stat(tmp_path / CHOICE_FILE).st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == [CHOICE_FILE]


def test_nothing_is_chosen_where_nothing_is_kept_or_it_cannot_be_read(tmp_path, caplog):
    assert read_choice(tmp_path) == Choice()
    (tmp_path / CHOICE_FILE).write_text('{"disabled": 5}')
    assert read_choice(tmp_path) == Choice()
    assert "Mend it or remove it" in caplog.text


def test_it_comes_before_the_configuration():
    found = states(Choice(("rooms",), ("people",), ("web",)), disabled_plugins=["people", "history"])
    assert found["rooms"] == "off: disabled by an operator; /plugin enable rooms has it on again"
    assert found["web"] == "off: unloaded by an operator; /plugin load web has it on again, and so has a restart"
    assert found["history"] == "off: disabled"
    assert found["people"] == "on"


def test_one_that_is_gone_is_no_mistake():
    assert states(Choice(disabled=("long-gone",)))["people"] == "on"


def test_what_is_required_cannot_be_left_out():
    with pytest.raises(PluginError, match="the plugin rooms is required, but off: disabled by an operator"):
        states(Choice(disabled=("rooms",)), required_plugins=["rooms"])


def test_the_latest_word_counts():
    choice = Choice().after("disable", "rooms").after("enable", "rooms")
    assert choice == Choice(enabled=("rooms",))
    assert choice.after("disable", "rooms") == Choice(disabled=("rooms",))
    assert Choice().after("unload", "rooms").after("load", "rooms") == Choice()
    assert Choice().after("unload", "rooms").after("enable", "rooms").off("rooms", ()) == ""


def test_of_two_who_choose_at_once_neither_takes_back_what_the_other_has_chosen():
    before = Choice(disabled=("polls",), unloaded=("web",))
    first = before.after("disable", "rooms").after("enable", "polls")
    second = before.after("disable", "karma").after("load", "web")
    assert moved(second, before, first) == Choice(disabled=("karma", "rooms"), enabled=("polls",))
    assert moved(before, before, first) == first
