"""Plugins: found, loaded, configured, called in order, and never able to take the chat down. Over a real server."""

import logging
import textwrap
from pathlib import Path

import pytest

from greenchat import Command, ConfigError, Reject, Settings, hookimpl
from greenchat.config.load import convert, load
from greenchat.errors import PluginError
from greenchat.hooks.dispatch import FAILURES
from greenchat.hooks.loader import Plugins, read_off
from greenchat.protocol.events import Joined, Left, Message, Refused
from greenchat.storage.plugin_choice import Choice
from greenchat.testing import serving

BUNDLED = [
    "accounts",
    "chatlog",
    "dice",
    "files",
    "history",
    "irc",
    "metrics",
    "moderation",
    "oversight",
    "people",
    "pins",
    "reports",
    "rooms",
    "signpost",
    "slash_commands",
    "switches",
    "web",
]

# ... that are off unless somebody asks for them.
OPT_IN = ["karma", "polls", "reminders", "webhooks"]


SOUND = "from greenchat import check\n@check\ndef fine(text): pass"


def plugin_dir(tmp_path: Path, **files: str) -> str:
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
    return str(tmp_path)


def loaded(tmp_path: Path, **flags: object) -> Plugins:
    return Plugins(load(flags={"server.plugins_dirs": [str(tmp_path)], **flags}))


def state(plugins: Plugins, name: str) -> str:
    return next(plugin.state for plugin in plugins if plugin.name == name)


# --- found and loaded ---


def test_the_bundled_plugins_are_found_and_on():
    states = {plugin.name: plugin.off for plugin in Plugins(load())}
    assert [states.pop(name) for name in OPT_IN] == [
        f"it is so until plugins.{name}.on = true has it on, or /plugin enable {name}" for name in OPT_IN
    ]
    assert states == dict.fromkeys(BUNDLED, "")


def test_what_is_off_by_itself_is_switched_on_by_a_word_or_by_its_name():
    by_word = Plugins(load(assignments=["plugins.karma.on=true", "plugins.people.on=false"]))
    assert state(by_word, "karma") == "on"
    assert state(by_word, "polls").startswith("off: it is so until plugins.polls.on = true")
    assert state(by_word, "people") == "off: switched off by plugins.people.on"
    assert state(Plugins(load(flags={"server.plugins": ["greenchat_plugins.karma"]})), "karma") == "on"
    assert state(Plugins(load(), installed=["karma"]), "karma") == "on"
    enabled = Plugins(load(assignments=["plugins.polls.on=false"]), choice=Choice().after("enable", "polls"))
    assert state(enabled, "polls") == "on"


def test_a_file_in_a_directory_is_asked_for(tmp_path):
    plugin_dir(tmp_path, mine=f"opt_in = True\n{SOUND}")
    assert state(loaded(tmp_path), "mine") == "on"


def test_what_takes_the_place_of_a_bundled_plugin_has_its_commands(tmp_path):
    plugin_dir(
        tmp_path,
        dice="from greenchat import command\n@command\ndef roll(call):\n    'Roll.'\n    return 'Always a six.'",
    )
    with serving(settings={"server.plugins_dirs": [str(tmp_path)]}) as server:
        ada = server.join("ada")
        ada.send("MSG|/roll")
        ada.expect("INFO|Always a six.")


def test_what_is_required_is_not_off_by_itself():
    with pytest.raises(PluginError, match=r"karma is required, but off: it is so until plugins\.karma\.on = true"):
        Plugins(load(flags={"server.required_plugins": ["karma"]}))


def test_wrong_settings_of_what_is_off_stop_the_start_as_others_do():
    with pytest.raises(ConfigError, match=r"plugins\.polls\.choices"):
        Plugins(load(assignments=["plugins.polls.choices=1"]))


def test_plugins_are_called_modules_first_then_files_by_name_then_installed(tmp_path, monkeypatch):
    (tmp_path / "dir").mkdir()
    plugin_dir(tmp_path / "dir", beta="", alpha="")
    (tmp_path / "zeta_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    plugins = loaded(tmp_path / "dir", **{"server.plugins": ["zeta_module"]})
    names = [plugin.name for plugin in plugins]
    bundled = sorted([*BUNDLED, *OPT_IN])
    assert names == ["zeta_module", "alpha", "beta", *bundled]


def test_the_order_of_calling_is_the_order_of_the_list(tmp_path):
    body = """
        from greenchat import hookimpl
        @hookimpl
        def greenchat_check_message(message):
            return message.text + "{name}"
    """
    directory = plugin_dir(tmp_path, b_second=body.format(name="2"), a_first=body.format(name="1"))
    with serving(settings={"server.plugins_dirs": [directory]}) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|say ")
        bob.expect("MSG|ada|say 12")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import nothing_of_this_name", "No module named"),
        ("def oops(:", "SyntaxError"),
        (
            "from greenchat import hookimpl\n@hookimpl\ndef greenchat_mesage(): pass",
            "there is no hook greenchat_mesage",
        ),
        ("from greenchat import hookimpl\n@hookimpl\ndef greenchat_event(evnt): pass", "evnt"),
        ("from greenchat import hookimpl\n@hookimpl(wrapper=True)\ndef greenchat_event(event): yield", "wrapped"),
        ("def greenchat_plugin(): raise RuntimeError('no luck')", "no luck"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_off_with_the_cause_and_the_rest_goes_on(tmp_path, source, why):
    plugin_dir(tmp_path, broken=source, sound=SOUND)
    plugins = loaded(tmp_path)
    assert why in state(plugins, "broken")
    assert state(plugins, "sound") == "on"
    with pytest.raises(PluginError, match=r"broken is required"):
        loaded(tmp_path, **{"server.required_plugins": ["broken"]})


def test_one_of_which_nothing_is_called_says_so(tmp_path):
    plugin_dir(tmp_path, idle="def greet(name): pass", bot="def greenchat_plugin(ctx):\n  ctx.bot('b')\n  return ctx")
    plugins = loaded(tmp_path)
    assert state(plugins, "idle").startswith("on; nothing in it is called: it has no decorated function")
    assert state(plugins, "bot") == "on"


def test_what_greenchat_does_not_have_is_told_with_the_nearest_name(tmp_path, caplog):
    plugin_dir(tmp_path, typo="from greenchat import comand", odd="from greenchat import quux")
    plugins = loaded(tmp_path)
    assert state(plugins, "typo").endswith("greenchat has no comand; did you mean command?")
    (record,) = [record for record in caplog.records if "plugin typo is off" in record.getMessage()]
    assert record.exc_info[2].tb_frame.f_code.co_filename.endswith("typo.py")  # it begins in the plugin
    assert state(plugins, "odd").endswith("greenchat has no quux; the guide to plugins has what there is")


def test_a_misspelt_hook_is_told_with_the_nearest_one(tmp_path):
    plugin_dir(tmp_path, typo="from greenchat import hookimpl\n@hookimpl\ndef greenchat_evnt(event): pass")
    assert "did you mean greenchat_event?" in state(loaded(tmp_path), "typo")


def test_a_file_named_like_the_standard_library_hides_nothing(tmp_path):
    plugin_dir(tmp_path, logging=f"import logging\nassert logging.getLogger\n{SOUND}")
    assert state(loaded(tmp_path), "logging") == "on"
    assert "greenchat_plugins_dir" not in logging.__name__


def test_the_second_plugin_of_a_name_is_off_and_says_which_came_first(tmp_path):
    plugin_dir(tmp_path, moderation=SOUND)
    states = [plugin.state for plugin in loaded(tmp_path) if plugin.name == "moderation"]
    assert states[0] == "on"
    assert states[1] == f"off: another plugin of this name comes first: {tmp_path / 'moderation.py'}"


def test_a_disabled_plugin_is_off(tmp_path):
    assert state(loaded(tmp_path, **{"server.disabled_plugins": ["moderation"]}), "moderation") == "off: disabled"
    with pytest.raises(ConfigError, match="Did you mean moderation"):
        loaded(tmp_path, **{"server.disabled_plugins": ["moderatoin"]})


def test_a_module_that_does_not_exist_is_told_plainly(tmp_path):
    assert "there is no module nowhere.at_all" in state(
        loaded(tmp_path, **{"server.plugins": ["nowhere.at_all"]}), "at_all"
    )


# --- settings ---

DICE = """
    from typing import Annotated
    from msgspec import Meta
    import greenchat

    class Settings(greenchat.Settings, frozen=True, kw_only=True):
        sides: Annotated[int, Meta(ge=2, description="Sides of a die.")] = 6

    class greenchat_plugin:
        def __init__(self, settings):
            self.sides = settings.sides

        @greenchat.hookimpl
        def greenchat_check_message(self, message):
            return message.text.replace("%", str(self.sides))
"""


def test_settings_reach_the_plugin_as_its_own_struct(tmp_path):
    directory = plugin_dir(tmp_path, dice=DICE)
    with serving(settings={"server.plugins_dirs": [directory], "plugins.dice.sides": 20}) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|%")
        bob.expect("MSG|ada|20")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("plugins.dice.side", 6, r"plugins\.dice\.side: there is no such setting\. Did you mean sides\?"),
        ("plugins.dice.sides", 1, r"plugins\.dice\.sides: expected `int` >= 2"),
        ("plugins.dize.sides", 6, r"plugins: there is no plugin dize\. Did you mean dice\?"),
        ("plugins.signpost.x", 6, r"plugins\.signpost: this plugin has no settings"),
    ],
)
def test_a_wrong_setting_of_a_plugin_is_refused_with_its_path(tmp_path, path, value, message):
    plugin_dir(tmp_path, dice=DICE)
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, **{path: value})


# --- the kinds of hooks, each doing its work and each failing ---


class Everything:
    """One plugin with every kind of hook; it remembers what it saw."""

    def __init__(self) -> None:
        self.seen = []

    @hookimpl
    def greenchat_frame(self, session, frame):
        if getattr(frame, "kind", "") == "ROLL":
            session.info("You rolled 4.")
            return True
        return None

    @hookimpl
    def greenchat_check_message(self, message):
        if "spam" in message.text:
            raise Reject("No spam, please.")
        return message.text.replace("colour", "color")

    @hookimpl
    def greenchat_check_join(self, name):
        if name == "eve":
            raise Reject("Not you, eve.")

    @hookimpl
    def greenchat_event(self, event):
        self.seen.append(event)

    @hookimpl
    def greenchat_disconnected(self, session, reason):
        self.seen.append(reason)


def test_take_check_and_observe_do_their_work():
    plugin = Everything()
    with serving(plugin) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("ROLL|2d6", "MSG|my colour", "MSG|spam", "LEAVE")
        ada.expect("INFO|You rolled 4.", "ERROR|No spam, please.")
        bob.expect("MSG|ada|my color", "INFO|ada has left the chat.")
        eve = server.connect()
        eve.send("JOIN|eve")
        eve.expect("ERROR|Not you, eve.")
        ada.expect_closed()
    kinds = [type(event) for event in plugin.seen]
    assert kinds.count(Joined) == 2
    assert kinds.count(Message) == 1
    assert kinds.count(Refused) == 2
    assert kinds.count(Left) == 2
    assert "left" in plugin.seen


class Crashing:
    """Every observing and taking hook raises."""

    @hookimpl
    def greenchat_frame(self, session, frame):
        raise RuntimeError("take")

    @hookimpl
    def greenchat_event(self, event):
        raise RuntimeError("observe")

    @hookimpl
    def greenchat_connected(self, session):
        raise RuntimeError("connected")

    @hookimpl
    def greenchat_disconnected(self, session, reason):
        raise RuntimeError("disconnected")

    @hookimpl
    def greenchat_claim(self, first_bytes):
        raise RuntimeError("claim")


def test_a_crash_in_take_and_observe_hooks_is_logged_and_the_chat_goes_on(caplog):
    watcher = Everything()
    with serving(Crashing(), watcher) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|still here")
        bob.expect("MSG|ada|still here")
        ada.send("LEAVE")
        bob.expect("INFO|ada has left the chat.")
    assert [event.text for event in watcher.seen if type(event) is Message] == ["still here"]
    failed = {record.getMessage() for record in caplog.records if record.levelname == "ERROR"}
    for hook in ("greenchat_frame", "greenchat_event", "greenchat_connected", "greenchat_claim"):
        assert f"plugin Crashing failed in {hook}" in failed


@pytest.mark.parametrize("answer", [RuntimeError("boom"), 42])
def test_a_check_that_fails_refuses_and_is_never_switched_off(answer):
    class Guard:
        @hookimpl
        def greenchat_check_message(self, message):
            if isinstance(answer, Exception):
                raise answer
            return answer

    with serving(Guard()) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        for _ in range(FAILURES + 5):
            ada.send("MSG|let me through")
            assert ada.read().startswith("ERROR|A plugin that checks what comes in has failed")
        ada.send("LEAVE")
        bob.expect("INFO|ada has left the chat.")  # and nothing before


def test_a_plugin_that_keeps_failing_is_switched_off_but_for_its_checks(caplog):
    class Mixed(Crashing):
        calls = 0

        @hookimpl
        def greenchat_frame(self, session, frame):
            Mixed.calls += 1
            raise RuntimeError("take")

        @hookimpl
        def greenchat_check_message(self, message):
            return message.text.upper()

    with serving(Mixed()) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send(*["MSG|x"] * FAILURES)
        for _ in range(FAILURES):
            bob.expect("MSG|ada|X")
        calls = Mixed.calls
        ada.send("MSG|after")
        bob.expect("MSG|ada|AFTER")
        assert Mixed.calls == calls
        assert f"failed {FAILURES} times" in server.call(lambda: read_off(server.server.data_dir))["Mixed"]
    assert any("Mixed is switched off until the next start" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("hook", ["greenchat_startup", "greenchat_commands"])
def test_a_plugin_that_fails_at_start_is_left_out(tmp_path, hook):
    source = f"""
        from greenchat import hookimpl
        @hookimpl
        def {hook}():
            raise RuntimeError("cannot begin")
        @hookimpl
        def greenchat_check_message(message):
            return "never"
    """
    directory = plugin_dir(tmp_path, late=source)
    with serving(settings={"server.plugins_dirs": [directory]}) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|hello")
        bob.expect("MSG|ada|hello")
        assert state(server.server.plugins, "late") == "off: RuntimeError: cannot begin"
    with (
        pytest.raises(PluginError, match="cannot begin"),
        serving(settings={"server.plugins_dirs": [directory], "server.required_plugins": ["late"]}),
    ):
        pass


def test_a_command_that_crashes_is_refused_and_named_after_its_own_plugin(caplog):
    from greenchat import Command

    def crash(session, argument):
        raise RuntimeError("boom")

    class Crasher:
        @hookimpl
        def greenchat_commands(self):
            return [Command("crash", "", "Crash.", crash)]

    with serving(Crasher()) as server:
        ada = server.join("ada")
        ada.send("MSG|/crash")
        ada.expect("ERROR|/crash has failed. Tell whoever runs the server.")
    assert "plugin Crasher failed in /crash" in {record.getMessage() for record in caplog.records}


def test_of_two_commands_of_one_name_the_first_plugins_is_run_and_the_other_plugin_stays_on():
    from greenchat import Command

    class Rival:
        @hookimpl
        def greenchat_commands(self):
            return [Command("help", "", "Mine.", lambda session, argument: session.info("mine"))]

    with serving(Rival()) as server:
        ada = server.join("ada")
        ada.send("MSG|/help")
        ada.expect("INFO|mine")
        assert state(server.server.plugins, "slash_commands") == "on; /help: another plugin comes first with that"
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")


def test_a_connection_that_a_plugin_claims_and_fails_is_closed_and_logged(caplog):
    class Claims:
        @hookimpl
        def greenchat_claim(self, first_bytes):
            if first_bytes.startswith(b"FAIL"):
                return self.serve
            return None

        def serve(self, sock, address):
            raise RuntimeError("no idea")

    with serving(Claims()) as server:
        peer = server.connect()
        peer.send("FAIL")
        peer.expect_closed()
        server.join("ada")
    assert "plugin Claims failed in greenchat_claim" in {record.getMessage() for record in caplog.records}


def test_settings_base_is_strict():
    class Mine(Settings, frozen=True, kw_only=True):
        a: int = 1

    with pytest.raises(ConfigError, match="b: there is no such setting"):
        convert({"b": 1}, Mine, "", "test")


class Echo:
    """Answers `?`; counts what it was shown."""

    def __init__(self):
        self.seen = 0

    @hookimpl
    def greenchat_startup(self, server):
        self.server = server

    @hookimpl
    def greenchat_check_message(self, message):
        self.seen += 1

    @hookimpl
    def greenchat_commands(self):
        return [
            Command("doze", "", "Rest.", lambda session, _: self.enable(False)),
            Command("wake", "", "Look again.", lambda session, _: self.enable(True)),
        ]

    def enable(self, enabled):
        self.server.set_hook_enabled(self, "greenchat_check_message", enabled)


def test_a_hook_that_rests_is_not_called_until_it_is_woken():
    echo = Echo()
    with serving(echo) as server:
        ada = server.join("ada")
        ada.send("MSG|one", "MSG|/doze", "MSG|two", "MSG|/wake", "MSG|/wake", "MSG|three", "MSG|/ping")
        ada.expect("INFO|Pong.")
        assert echo.seen == 2
        assert server.call(lambda: server.server.hooks.check_message) is not None
        ada.send("MSG|/doze", "MSG|/ping")
        ada.expect("INFO|Pong.")
        assert server.call(lambda: server.server.hooks.check_message) is None, "it costs nothing"
