"""Decorators: what a plugin is written with, from its four lines on. Over a real server."""

import json
import textwrap
from typing import Annotated

import pytest
from kit.clocks import HandClock
from kit.machine import eventually
from kit.programs import Program

from greenchat import (
    Edited,
    Event,
    Joined,
    Left,
    Message,
    Meta,
    ModerationAction,
    Reject,
    Renamed,
    at,
    check,
    command,
    every,
    example,
    on,
)
from greenchat.config.load import load
from greenchat.hooks.loader import Plugins
from greenchat.server.lifecycle import Lifecycle
from greenchat.server.server import ChatServer
from greenchat.testing import serving


def loaded(tmp_path, source, name="mine"):
    """The state of a plugin with this source."""
    (tmp_path / f"{name}.py").write_text("from greenchat import *\n" + textwrap.dedent(source))
    plugins = Plugins(load(flags={"server.plugins_dirs": [str(tmp_path)]}))
    return next(plugin.state for plugin in plugins if plugin.name == name)


def plugin_file(tmp_path, source, name="mine"):
    (tmp_path / f"{name}.py").write_text("from greenchat import *\n" + textwrap.dedent(source))
    return {"server.plugins_dirs": [str(tmp_path)]}


# --- functions, and classes ---


class Everything:
    """One of each, as methods."""

    def __init__(self):
        self.seen = []

    @example("/double 21", "42")
    @example("/double 1", "2")
    @command
    def double(self, call, number: Annotated[int, Meta(ge=0)]):
        """Tell twice a number."""
        return str(2 * number)

    @command("who-am-i", operator=False, rate="100/1s")
    def whoever(self, call):
        """Tell who asks."""
        return [call.member.name, call.ctx.name]

    @on(Message, Left)
    def saw(self, event, ctx):
        self.seen.append((type(event).__name__, ctx.name))

    @check
    def polite(self, message):
        if message.text == "damn":
            raise Reject("Not here.", code="rude")
        return message.text.replace("hello", "Hello")


@pytest.fixture
def everything():
    return Everything()


def test_a_class_bears_them_as_well_as_a_module(everything):
    with serving(everything) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|/double 21", "MSG|/double x", "MSG|/who-am-i", "MSG|damn", "MSG|hello")
        ada.expect("INFO|42")
        assert ada.read().endswith("Type it so: /double NUMBER")
        ada.expect("INFO|ada", "INFO|Everything", "ERROR|Not here.")
        bob.expect("MSG|ada|Hello")
        bob.send("LEAVE")
        ada.expect("INFO|bob has left the chat.")
        eventually(lambda: len(everything.seen) == 2)
        assert everything.seen == [("Message", "Everything"), ("Left", "Everything")]


def test_a_marked_function_is_called_as_it_was(everything):
    assert everything.double(None, 3) == "6"
    assert everything.polite.__name__ == "polite"


def test_a_command_has_its_examples_in_their_order(everything):
    with serving(everything) as server:
        found = server.call(lambda: server.server.commands.find("double"))
        assert found.examples == (("/double 21", "42"), ("/double 1", "2"))


def test_a_module_without_anything_else_is_a_plugin(tmp_path):
    settings = plugin_file(
        tmp_path,
        """
        @command
        def double(call, number: int):
            "Tell twice a number."
            return str(2 * number)
        """,
    )
    with serving(settings=settings) as server:
        ada = server.join("ada")
        ada.send("MSG|/double 21")
        ada.expect("INFO|42")


def test_settings_need_no_greenchat_plugin(tmp_path):
    source = """
        class Settings(Settings, frozen=True):
            word: str = "psst"

        @check
        def no_word(text, ctx):
            if ctx.settings.word in text:
                raise Reject(f"Do not say {ctx.settings.word}.")
    """
    settings = plugin_file(tmp_path, source) | {"plugins.mine.word": "hush"}
    with serving(settings=settings) as server:
        ada = server.join("ada")
        ada.send("MSG|hush now")
        ada.expect("ERROR|Do not say hush.")


def test_methods_of_a_base_class_are_called_as_well_and_those_that_replace_them_instead():
    class Base:
        @command
        def one(self, call):
            """One."""
            return "base"

        @command
        def two(self, call):
            """Two."""
            return "base"

    class Plugin(Base):
        @command
        def two(self, call):
            """Two."""
            return "own"

    with serving(Plugin()) as server:
        ada = server.join("ada")
        ada.send("MSG|/one", "MSG|/two")
        ada.expect("INFO|base", "INFO|own")


def test_two_names_of_one_function_are_one(tmp_path):
    assert loaded(tmp_path, "@command\ndef roll(call): 'Roll.'\ndice = roll") == "on"


def test_hooks_and_decorators_go_together(tmp_path):
    source = """
        @hookimpl
        def greenchat_check_message(message):
            return message.text + " hook"

        @check
        def mark(text):
            return text + " check"
    """
    with serving(settings=plugin_file(tmp_path, source)) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|a")
        bob.expect("MSG|ada|a hook check")


# --- observers ---


def test_an_observer_is_called_for_what_it_names_and_for_no_direct_words():
    class Observer:
        def __init__(self):
            self.seen = []

        @on(Message)
        def words(self, event):
            self.seen.append(event.text)

        @on(Joined, Renamed)
        def people(self, event):
            self.seen.append(event.name)

        @on(Edited)
        def edits(self, event):
            self.seen.append(event.text)

        @on(ModerationAction)
        def acts(self, event):
            self.seen.append(event.act)

        @on(Left)
        def nothing(self):
            self.seen.append("left")

    observer = Observer()
    with serving(observer) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        ada.ask("hello")
        ada.request(type="say", to="bob", text="a secret")
        ada.request(type="edit", seq=1, text="Hello!")
        server.call(lambda: server.server.chat.audit("ada", "kick", "eve"))
        bob.leave()
        ada.read_until("left")
        eventually(lambda: observer.seen[-1] == "left")
        assert observer.seen == ["ada", "bob", "hello", "Hello!", "kick", "left"]


def test_one_that_names_event_gets_all(tmp_path):
    class Observer:
        def __init__(self):
            self.kinds = set()

        @on(Event)
        def anything(self, event):
            self.kinds.add(type(event).__name__)

    observer = Observer()
    with serving(observer) as server:
        ada = Program(server, "ada")
        ada.ask("hello")
        server.call(lambda: server.server.chat.audit("ada", "kick", "eve"))
        assert {"Joined", "Message", "ModerationAction"} <= observer.kinds


# --- checks ---


class Checks:
    """One of each kind of function."""

    def __init__(self, **functions):
        for name, function in functions.items():
            setattr(self, name, function)


PARAMETERS = [
    ("message", "message.text"),
    ("text", "text"),
    ("message, ctx", "message.text"),
    ("ctx, message", "message.text"),
    ("text, ctx", "text"),
    ("ctx, *, text", "text"),
    ("session, message", "message.text"),
    ("message, session", "message.text"),
    ("session, text", "text"),
    ("text, message, session, ctx", "text"),
    ("text, message", "text"),
    ("message, more=1", "message.text"),
]


@pytest.mark.parametrize(("parameters", "text"), PARAMETERS)
def test_a_check_takes_what_it_names_and_refuses_or_rewrites_each_message_of_a_run(tmp_path, parameters, text):
    source = f"""
        @check
        def judge({parameters}):
            if {text} == "bad":
                raise Reject("Bad.", code="bad")
            if {text} == "odd":
                return "even"
            if {text} == "broken":
                raise ValueError("broken")
            if {text} == "wrong":
                return 1
    """
    with serving(settings=plugin_file(tmp_path, source)) as server:
        ada, bob = Program(server, "ada"), server.join("bob")
        ada.read_until("joined", name="bob")
        texts = ["one", "bad", "odd", "broken", "two", "wrong", "three"]
        ada.peer.send(*(json.dumps({"type": "say", "text": text, "ref": text}) for text in texts))
        answers = [ada.read() for _ in texts]
        assert [(one["ref"], one.get("code", "said")) for one in answers] == [
            ("one", "said"),
            ("bad", "bad"),
            ("odd", "said"),
            ("broken", "check_failed"),
            ("two", "said"),
            ("wrong", "check_failed"),
            ("three", "said"),
        ]
        bob.expect("MSG|ada|one", "MSG|ada|even", "MSG|ada|two", "MSG|ada|three")
        ada.peer.send(json.dumps({"type": "say", "text": "bad", "ref": 9}))  # alone
        assert ada.read()["code"] == "bad"


def test_checks_are_asked_in_their_order_and_each_sees_what_the_one_before_has_made_of_it(tmp_path):
    source = """
        @check
        def first(message):
            return message.text + "1"

        @check
        def second(text):
            return text + "2"

        @check
        def third(session, message):
            return message.text + "3"
    """
    with serving(settings=plugin_file(tmp_path, source)) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|a", "MSG|b")
        bob.expect("MSG|ada|a123", "MSG|ada|b123")


def test_a_check_sees_what_one_says_to_one_person_and_an_edit():
    class Plugin:
        @check
        def no_secrets(self, text):
            if "secret" in text:
                raise Reject("No secrets.", code="secret")

    with serving(Plugin()) as server:
        ada, _ = Program(server, "ada"), Program(server, "bob")
        assert ada.request(type="say", to="bob", text="a secret")["code"] == "secret"
        ada.ask("words")
        assert ada.request(type="edit", seq=1, text="a secret")["code"] == "secret"


def test_a_check_leaves_runs_whole_and_one_that_needs_the_session_takes_them_apart():
    class Light:
        @check
        def light(self, message, ctx):
            pass

    class Heavy:
        @check
        def heavy(self, session, message):
            pass

    with serving(Light()) as server:
        assert server.call(lambda: server.server.hooks.check_messages) is not None
    with serving(Light(), Heavy()) as server:
        assert server.call(lambda: server.server.hooks.check_messages) is None


# --- timers ---


def test_what_is_done_again_and_again_and_at_a_time_goes_by_the_clock_of_the_context(tmp_path):
    class Bells:
        def __init__(self):
            self.rung = []

        @every("6h")
        def tick(self):
            self.rung.append("every")

        @at("13:00")
        def strike(self, ctx):
            self.rung.append(ctx.name)

    clock, bells = HandClock(), Bells()
    server = ChatServer(load(flags={"server.host": "127.0.0.1", "server.port": 0}), tmp_path, [bells], clock)
    lifecycle = Lifecycle(server)
    lifecycle.start()
    try:
        clock.advance(6 * 3600 - 1)
        assert "every" not in bells.rung
        clock.advance(18 * 3600 + 1)
        assert bells.rung.count("every") == 4
        assert bells.rung.count("Bells") == 1
    finally:
        lifecycle.stop()
    clock.advance(86400)
    assert len(bells.rung) == 5


# --- what is wrong is told when it is loaded ---


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("@command\ndef roll(call, dice: dict): 'Roll.'", "nobody could type the argument dice"),
        ("@command\ndef roll(): 'Roll.'", "the first parameter is the call"),
        ("@command\ndef roll(call): pass", "write a docstring"),
        ("@command\ndef roll(call, ctx): 'Roll.'", "the context is call.ctx"),
        ("@command(rate='often')\ndef roll(call): 'Roll.'", "is no rate"),
        ("@command(operators=True)\ndef roll(call): 'Roll.'", "did you mean operator?"),
        ("@command('Roll it')\ndef roll(call): 'Roll.'", "nobody could type it"),
        ("@command\nclass Roll: pass", "@command stands above a function, and Roll is none"),
        ("@command\n@command('die')\ndef roll(call): 'Roll.'", "has @command twice"),
        ("@command\ndef a(call): 'A.'\n@command('a')\ndef b(call): 'B.'", "another"),
        ("@example('/roll')\ndef roll(call): 'Roll.'", "no @command of which it could be one"),
        ("@example('roll')\n@command\ndef roll(call): 'Roll.'", "begins with the command and its slash"),
        ("@example('/rol')\n@command\ndef roll(call): 'Roll.'", "is one of another command"),
        ("@on('message')\ndef seen(event): pass", "@on takes the kinds of events"),
        ("@on\ndef seen(event): pass", "@on takes the kinds of events"),
        ("@on(Message)\ndef seen(evnt): pass", "@on seen is not given any evnt; did you mean event?"),
        ("@check\ndef quiet(mesage): pass", "@check quiet is not given any mesage; did you mean message?"),
        ("@check\ndef quiet(room): pass", "it may take: session, message, text, ctx"),
        ("@check\ndef quiet(): pass", "takes nothing"),
        ("@check\ndef quiet(ctx): pass", "takes nothing"),
        ("@check\ndef quiet(*args): pass", "name what you need"),
        ("@check\ndef quiet(message): yield", "is no plain function"),
        ("@check\nasync def quiet(message): pass", "is no plain function"),
        ("@every('5')\ndef tick(): pass", "'5' is no duration"),
        ("@every\ndef tick(): pass", "is no duration"),
        ("@every('5m')\ndef tick(cxt): pass", "did you mean ctx?"),
        ("@at('25:00')\ndef tick(): pass", "is no time of day"),
        ("@at(7)\ndef tick(): pass", "such as"),
        ("@http('GETT', '/x')\ndef page(): pass", "did you mean GET?"),
        ("@http('GET', 'x')\ndef page(): pass", "begins with a slash"),
        ("@http('GET', '/{a')\ndef page(): pass", "takes a whole part of a path"),
        ("@http('GET', '/{name}')\ndef page(nmae): pass", "did you mean name?"),
        ("@http('GET', '/{ctx}')\ndef page(ctx): pass", "cannot be called ctx"),
        ("@http('GET', '/{a}/{a}')\ndef page(a): pass", "is twice"),
        ("@http('GET', '/x?y')\ndef page(): pass", "the path alone"),
    ],
)
def test_wrong_use_is_told_with_what_would_be_right(tmp_path, source, why):
    state = loaded(tmp_path, source)
    if state == "on":
        with serving(settings={"server.plugins_dirs": [str(tmp_path)]}) as server:
            state = next(plugin.state for plugin in server.server.plugins if plugin.name == "mine")
    assert why in state


def test_what_nothing_is_made_of_is_told(tmp_path):
    source = """
        class Dice:
            @command
            def roll(self, call):
                "Roll."
    """
    assert "Dice has hooks, and nothing makes one of it: write greenchat_plugin = Dice" in loaded(tmp_path, source)
    source = """
        @command
        def roll(call):
            "Roll."

        class Plugin:
            @check
            def quiet(self, text): pass

        greenchat_plugin = Plugin
    """
    assert loaded(tmp_path, source) == (
        "on; roll is not called, since greenchat_plugin makes what has the hooks: move it in there"
    )


def test_a_plugin_that_cannot_be_loaded_leaves_nothing_behind(tmp_path):
    source = """
        @check
        def no(text):
            raise Reject("No.")

        @hookimpl
        def greenchat_evnt(event): pass
    """
    with serving(settings=plugin_file(tmp_path, source)) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|hello")
        bob.expect("MSG|ada|hello")
