"""What there is to prove of a server, and what is shown of what was found."""

import msgspec
import pytest
from kit.failing import plugin_dir

from greenchat.config.load import load
from greenchat.server import fingerprints
from greenchat.server.proving import Finding, TrialAsk, ask_of, clean
from greenchat.server.server import ChatServer
from greenchat.storage.plugin_choice import Choice

BROKEN = {"sayer": "1/0", "other": "1/0"}


@pytest.fixture
def server(tmp_path):
    directory = tmp_path / "mine"
    directory.mkdir()
    config = load(
        flags={
            "server.plugins_dirs": [str(plugin_dir(directory, **BROKEN))],
            "server.disabled_plugins": ["other"],
            "server.password": "rosebud",
        }
    )
    return ChatServer(config, tmp_path / "data", choice=Choice(unloaded=("metrics",), disabled=("web",)))


def test_what_is_asked_gets_to_another_version_by_its_names_and_shows_no_secret(server):
    ask = ask_of(server, fingerprints.take(server))
    plain = msgspec.json.decode(msgspec.json.encode(ask))
    plain["something new"] = [1]
    del plain["states"]
    again = msgspec.json.decode(msgspec.json.encode(plain), type=TrialAsk)
    assert (again.config["server"]["password"], again.fingerprints, again.on) == ("rosebud", ask.fingerprints, ask.on)
    assert "rosebud" not in repr(ask)


def test_it_is_known_which_plugins_could_not_be_loaded_and_which_were_not_to_be(server):
    ask = ask_of(server, fingerprints.take(server))
    assert ask.off == ["sayer"]
    assert "accounts" in ask.on
    assert not {"sayer", "other", "metrics", "web"} & set(ask.on)


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (None, []),
        (Choice(unloaded=("metrics",), disabled=("web",)), []),
        (Choice(disabled=("web",)), ["metrics"]),
        (Choice(unloaded=("metrics",), enabled=("web",)), ["web"]),
        (Choice(unloaded=("accounts", "metrics"), disabled=("web",)), []),
    ],
)
def test_what_operators_want_on_is_known(server, choice, wanted):
    ask = ask_of(server, fingerprints.take(server), choice)
    assert (ask.wanted, ask.choice) == (wanted, choice or server.choice)


def test_what_is_shown_holds_no_secret_and_is_short_and_plain():
    config = {
        "server": {"password": "rosebud", "host": "0.0.0.0"},
        "plugins": {"x": {"token": "abc", "secret": "rose"}},
    }
    found = clean(Finding(ok=False, why=["no rosebud, rose or abc\x1b[2J", "o" * 1000], changed=["x"] * 60), config)
    assert found.why[0] == "no ***, *** or abc?[2J"
    assert len(found.why[1]) == 500
    assert (len(found.changed), found.changed[-1]) == (51, "... and 10 more.")
