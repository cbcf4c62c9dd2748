"""What plugins keep goes on over a reload: their state, timers, bots, and whether they are on; whatever they do."""

from collections import OrderedDict
from datetime import UTC, datetime

import gevent
import pytest

from greenchat import PluginError, hookimpl
from greenchat.hooks import background
from greenchat.hooks.carried import DEPTH, STATE_BYTES, declared, misfits, names_of
from greenchat.testing import Chat


class Keeper:
    """Keeps what the test has it keep: `given`, by a class of its own for each test."""

    given: object = None
    version, accepts = 1, ()

    def __init__(self, ctx):
        self.ctx = ctx
        self.state = ctx.carry_state(self.version, self.accepts)

    @hookimpl
    def greenchat_shutdown(self):
        if self.given is not None:
            self.state["given"] = self.given


def keeper(**attributes):
    return type("Keeper", (Keeper,), attributes)


def state_of(chat, plugin="Keeper"):
    return chat.server.plugin_lifecycle.ctx_of(plugin).state


def plugin_of(chat, name="Keeper"):
    return next(plugin.bearer for plugin in chat.server.plugins if plugin.name == name)


# --- ctx.state ---


def test_state_is_there_when_the_plugin_starts():
    found = []

    class Counter(Keeper):
        @hookimpl
        def greenchat_startup(self):
            found.append((dict(self.state), self.state.version))
            self.state["starts"] = self.state.get("starts", 0) + 1

    chat = Chat(Counter)
    chat.reload()
    chat.reload()
    assert found == [({}, 0), ({"starts": 1}, 1), ({"starts": 2}, 1)]


def test_state_is_what_json_knows():
    given = {"texts": ["a", "ü", ""], "numbers": [0, -1, 1.5, 2**63 - 1], "others": [True, None, {}, []], "": {"": 1}}
    chat = Chat(keeper(given=given))
    chat.reload()
    assert state_of(chat) == {"given": given}


def test_a_tuple_becomes_a_list_and_a_subclass_its_plain_type():
    class Shout(str):
        def __str__(self):
            return "LOUD"

        def encode(self, *_):
            raise RuntimeError("not me")

    class Odd(dict):
        def items(self):
            raise RuntimeError("nor me")

        def __iter__(self):
            raise RuntimeError("nor me")

    class OddList(list):
        def __iter__(self):
            raise RuntimeError("nor me")

    given = (Shout("quiet"), Odd({Shout("key"): OddList([1, 2])}), OrderedDict(x=(1,)))
    chat = Chat(keeper(given=given))
    chat.reload()
    found = state_of(chat)["given"]
    assert found == ["quiet", {"key": [1, 2]}, {"x": [1]}]
    assert type(found[0]) is str
    assert type(found[1]) is dict


def test_a_member_is_the_same_person_afterwards():
    class Friends(Keeper):
        @hookimpl
        def greenchat_entered(self, session):
            self.state.setdefault("order", []).append(session.member)

    chat = Chat(Friends)
    ada, bob = chat.join("ada"), chat.join("bob")
    gone = chat.join("carl")
    gone.leaves()
    ada.says("/nick eve")
    chat.reload()
    members = state_of(chat, "Friends")["order"]
    assert members[:2] == [ada.session.member, bob.session.member]
    assert members[2] is None
    assert members[0].name == "eve"


def test_who_has_no_connection_at_the_moment_is_carried_too():
    class Friends(Keeper):
        @hookimpl
        def greenchat_entered(self, session):
            self.state["last"] = session.member

    chat = Chat(Friends)
    chat.join("ada", kind="json").vanishes()
    chat.reload()
    assert state_of(chat, "Friends")["last"] is chat.server.chat.members["ada"]


def circle():
    found = []
    found.append(found)
    return found


def deep():
    found = []
    for _ in range(DEPTH + 1):
        found = [found]
    return found


def bomb():
    """Small, and as large as two to the power of thirty once it is written."""
    found = ["x"]
    for _ in range(30):
        found = [found, found]
    return found


class Slippery:
    @property
    def __class__(self):
        raise RuntimeError("nobody asks me")


UNFIT = {
    "a circle": (circle(), "it contains itself"),
    "a well": (deep(), f"nested deeper than {DEPTH}"),
    "a bomb": (bomb(), f"{STATE_BYTES} bytes in all"),
    "a novel": ("x" * (STATE_BYTES + 1), f"{STATE_BYTES} bytes in all"),
    "a novel in two bytes": ("ü" * (STATE_BYTES - 100), f"{STATE_BYTES} bytes in all"),
    "a crowd": (list(range(STATE_BYTES)), f"{STATE_BYTES} bytes in all"),
    "a set": ({1, 2}, "a set is none of dict, list"),
    "bytes": (b"bytes", "a bytes is none of"),
    "a moment": (datetime.now(UTC), "a datetime is none of"),
    "what says of itself what it is": (Slippery(), "a Slippery is none of"),
    "numbers as keys": ({1: "one"}, "the keys of a dict must be str, not int"),
    "a large number": (2**64, "more than 64 bits"),
    "no number": (float("nan"), "the number nan"),
    "no end": (float("inf"), "the number inf"),
    "half a character": ("\ud800", "half of a surrogate pair"),
    "half a character as a key": ({"\udfff": 1}, "half of a surrogate pair"),
    "an object": (object(), "a object is none of"),
    "a function": (print, "a builtin_function_or_method is none of"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_cannot_be_carried_is_named_and_the_rest_is_carried(what):
    given, why = UNFIT[what]

    class Both(Keeper):
        @hookimpl(trylast=True)
        def greenchat_shutdown(self):
            self.state["bad"] = given
            self.state["good"] = [1, 2, 3]

    chat = Chat(Both)
    ada = chat.join("ada")
    with chat.failing() as failures:
        chat.reload()
    (failure,) = failures
    assert 'plugin Both: ctx.state["bad"] is not carried' in str(failure)
    assert why in str(failure)
    assert state_of(chat, "Both") == {"good": [1, 2, 3]}
    assert ada.is_in


def test_a_key_that_is_no_text_is_named():
    class Both(Keeper):
        @hookimpl
        def greenchat_shutdown(self):
            self.state[7] = "lucky"
            self.state["good"] = 1

    chat = Chat(Both)
    with chat.failing() as failures:
        chat.reload()
    assert "ctx.state[int] is not carried: the keys of a dict must be str, not int" in str(failures[0])
    assert state_of(chat, "Both") == {"good": 1}


def test_who_has_not_declared_it_is_told_so():
    class Forgetful:
        def __init__(self, ctx):
            ctx.state["x"] = 1

    Forgetful.greenchat_startup = hookimpl(lambda self: None, specname="greenchat_startup")
    chat = Chat(Forgetful)
    with chat.failing() as failures:
        chat.reload()
    assert "has not called ctx.carry_state" in str(failures[0])


def test_it_is_declared_while_the_plugin_is_made():
    class Late:
        def __init__(self, ctx):
            self.ctx = ctx

        @hookimpl
        def greenchat_startup(self):
            self.ctx.carry_state()

    with pytest.raises(PluginError, match=r"it has started already: call ctx\.carry_state in greenchat_plugin"):
        Chat(Late)


@pytest.mark.parametrize("version", [0, -1, "1", None, True, 1.0, 1 << 63])
def test_a_version_is_a_number_from_1_on(version):
    with pytest.raises(PluginError, match="is no version of a state"):
        declared(version, ())
    with pytest.raises(PluginError, match="is no version of a state"):
        declared(1, [version])


def test_an_older_state_is_taken_up_where_that_is_accepted():
    chat = Chat(keeper(given="old"))
    chat.reload(keeper(version=2, accepts=[1]))
    assert state_of(chat) == {"given": "old"}
    assert state_of(chat).version == 1
    chat.reload()
    assert state_of(chat).version == 2


def test_a_state_of_another_version_is_not_taken_up():
    chat = Chat(keeper(given="new", version=2))
    with chat.failing() as failures:
        chat.reload(keeper())
    assert "its state is not taken up: it is of version 2, and it reads version 1" in str(failures[0])
    assert state_of(chat) == {}
    assert state_of(chat).version == 0


def test_it_is_known_before_whether_a_state_can_be_read():
    chat = Chat(keeper(version=2))
    known = names_of(chat.server.plugins)
    assert misfits({"Keeper": 2, "gone": 7}, known) == []
    (why,) = misfits({"Keeper": 1}, known)
    assert why.startswith("The plugin Keeper keeps its state in version 2, and cannot read version 1")


# --- what goes wrong ---


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt, gevent.Timeout, gevent.GreenletExit])
def test_one_that_raises_in_its_shutdown_keeps_nothing_from_happening(error):
    class Bad(Keeper):
        @hookimpl
        def greenchat_shutdown(self):
            self.state["so far"] = 1
            raise error

    chat = Chat(Bad, keeper(given=2))
    ada = chat.join("ada")
    with chat.failing():
        chat.reload()
        assert state_of(chat, "Bad") == {"so far": 1}
        assert state_of(chat) == {"given": 2}
        assert ada.is_in
        chat.close()


def test_one_that_hangs_in_its_shutdown_is_left(monkeypatch):
    monkeypatch.setattr("greenchat.hooks.lifecycle.CARRIED_SECONDS", 0.05)

    class Hanging(Keeper):
        @hookimpl
        def greenchat_shutdown(self):
            gevent.sleep(3600)

    chat = Chat(Hanging, keeper(given=2))
    with chat.failing() as failures:
        chat.reload()
    assert "it was not ready within 0.05 seconds" in str(failures[0])
    assert state_of(chat) == {"given": 2}


def test_nobody_waits_as_long_as_at_the_end():
    assert background.CARRIED_SECONDS < background.SHUTDOWN_SECONDS


def test_what_raises_in_carried_is_told_and_the_others_are_told_of_all():
    told = []

    class Bad:
        @hookimpl
        def greenchat_carried(self, session):
            raise RuntimeError("bad")

    class Good:
        @hookimpl
        def greenchat_carried(self, session):
            told.append(session.name)

    chat = Chat(Bad, Good)
    for name in ("ada", "bob"):
        chat.join(name)
    chat.connect()
    with chat.failing() as failures:
        chat.reload()
    assert told == ["ada", "bob", ""]
    assert len(failures) == 3


def test_what_hangs_in_carried_is_left_and_the_others_are_told_of_all(monkeypatch):
    monkeypatch.setattr("greenchat.hooks.lifecycle.CARRIED_SECONDS", 0.05)
    told = []

    class Hanging:
        @hookimpl
        def greenchat_carried(self, session):
            gevent.sleep(3600)

    class Good:
        @hookimpl
        def greenchat_carried(self, session):
            told.append(session.name)

    chat = Chat(Hanging, Good)
    chat.join("ada")
    with chat.failing() as failures:
        chat.reload()
    assert told == ["ada"]
    assert "plugin Hanging failed in greenchat_carried" in "".join(failures[0].__notes__)


def test_a_plugin_that_was_switched_off_stays_off_and_can_be_switched_on():
    class Bad(Keeper):
        @hookimpl
        def greenchat_entered(self):
            raise RuntimeError("bad")

        @hookimpl
        def greenchat_startup(self):
            self.ctx.bot("grump")
            self.ctx.every("1m", self.grumble)

        def grumble(self):
            self.state["grumbled"] = True

    chat = Chat(Bad)
    with chat.failing():
        for number in range(20):
            chat.join(f"ada{number}")
    assert "Bad" in chat.server.stats().plugins_off
    chat.reload()
    assert "it failed 20 times" in chat.server.stats().plugins_off["Bad"]
    assert "grump" not in chat.server.chat.members
    chat.tick("2m")
    assert state_of(chat, "Bad") == {}
    chat.run(lambda: chat.server.switch_plugin_on("Bad"))
    assert "grump" in chat.server.chat.members
    chat.tick("2m")
    assert state_of(chat, "Bad") == {"grumbled": True}


def test_a_hook_that_was_left_out_stays_left_out():
    said = []

    class Lazy(Keeper):
        @hookimpl
        def greenchat_messages(self, messages):
            said.extend(messages.texts)

    chat = Chat(Lazy)
    ada = chat.join("ada")
    chat.server.set_hook_enabled(plugin_of(chat, "Lazy"), "greenchat_messages", False)
    chat.reload()
    ada.says("one")
    chat.server.set_hook_enabled(plugin_of(chat, "Lazy"), "greenchat_messages", True)
    ada.says("two")
    assert said == ["two"]
