"""`greenchat.testing.Chat`: a chat without sockets, for the tests of plugins."""

import re
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta

import gevent
import pytest

from greenchat import Command, Database, PluginError, Reject, every, hookimpl, http
from greenchat.testing import Chat, HandClock, PluginFailed


class Dice:
    """Some of what plugins do."""

    @hookimpl
    def greenchat_commands(self):
        return [
            Command("roll", "[DICE]", "Roll.", lambda session, argument: session.info("1")),
            Command("cheer", "", "Cheer.", lambda session, argument: session.say("cheers", action=True)),
            Command("late", "", "Answer later.", self.late),
            Command("bad", "", "Fail.", lambda session, argument: 1 / 0),
            Command("exit", "", "Fail, and worse.", lambda session, argument: sys.exit(3)),
            Command("away", "NAME", "Put out.", self.put_out),
            Command("crash", "", "Fail in the background.", lambda session, argument: gevent.spawn(lambda: 1 / 0)),
        ]

    def late(self, session, argument):
        session.info("It boils.")
        gevent.spawn(session.call.reply, "It is done.")

    def put_out(self, session, argument):
        for other in list(session.chat.find(argument).sessions):
            other.close("put out")

    @hookimpl
    def greenchat_check_message(self, message):
        if message.text.isupper():
            raise Reject("No shouting, please.")
        return message.text.replace("beer", "tea")


@pytest.fixture
def chat():
    with Chat(Dice) as chat:
        yield chat


def test_what_a_command_tells_is_heard_at_once(chat):
    ada, bob = chat.join("ada"), chat.join("bob")
    assert ada.hears("bob has joined the chat.")
    ada.says("/roll")
    assert ada.hears("1")
    assert not ada.hears("1")
    assert bob.heard == []


def test_what_is_said_passes_the_checks(chat):
    ada, bob = chat.join("ada"), chat.join("bob")
    ada.says("HELLO")
    assert ada.hears("No shouting, please.")
    ada.says("a beer")
    assert not bob.hears("a beer")
    assert bob.hears("a tea", by="ada")
    ada.says("/cheer")
    assert bob.hears(re.compile("ada.*cheers"))


def test_what_is_not_heard_is_told_with_what_was(chat):
    ada = chat.join("ada")
    ada.says("/roll")
    assert repr(ada.hears("2")) == "ada has not heard '2', but: ['INFO|1']"


def test_somebody_who_speaks_json_hears_fields(chat):
    ada, bob = chat.join("ada"), chat.join("bob", "garden", kind="json")
    bob.sends({"type": "join", "room": "lobby", "ref": "in"})
    assert bob.hears(type="welcome", room="lobby", ref="in")
    bob.says("hello", room="lobby")
    assert bob.hears(type="ack", seq=1)
    assert ada.hears("hello", by="bob")
    bob.says("psst", to="ada")
    assert ada.hears(re.compile("psst"))


def test_what_a_greenlet_does_has_happened(chat):
    ada = chat.join("ada")
    ada.says("/late")
    assert ada.heard == ["INFO|It boils.", "INFO|It is done."]


def test_people_leave_and_are_put_out(chat):
    ada, bob, cy = chat.join("ada"), chat.join("bob"), chat.join("cy")
    bob.leaves()
    assert ada.hears("bob has left the chat.")
    assert not bob.is_in
    ada.says("/away cy")
    assert ada.hears("cy has left the chat.")
    with pytest.raises(AssertionError, match="cy is not connected any more: put out"):
        cy.says("hello")


def test_who_is_lost_has_not_left_and_comes_back_by_the_token(chat):
    ada, bob = chat.join("ada"), chat.connect(kind="json")
    bob.joins("bob")
    token = bob.hears(type="welcome").found["token"]
    bob.vanishes()
    assert not ada.hears("bob has left the chat.")
    again = chat.join("bob", kind="json", token=token)
    again.says("here again")
    assert ada.hears("here again", by="bob")


def test_who_has_lost_the_connection_has_left_after_a_while_on_the_clock(chat):
    ada, bob = chat.join("ada"), chat.connect(kind="json")
    bob.joins("bob")
    token = bob.hears(type="welcome").found["token"]
    bob.vanishes()
    chat.tick(chat.server.config.limits.absence_seconds)
    assert ada.hears("bob has left the chat.")
    assert chat.join("bob", kind="json", token=token).is_in
    assert ada.hears("bob has joined the chat.")
    chat.people[-1].vanishes()
    chat.tick(chat.server.config.limits.resume_seconds)
    with pytest.raises(AssertionError, match="token_invalid"):
        chat.join("bob", kind="json", token=token)


def test_who_is_refused_does_not_join(chat):
    chat.join("ada")
    with pytest.raises(AssertionError, match=r"ada was not let in, but told: .*is taken"):
        chat.join("ada")
    stranger = chat.connect()
    stranger.sends("JOIN|ada")
    assert stranger.hears(re.compile("is taken"))


def test_an_operator_is_one():
    chat = Chat("moderation")
    op, bob = chat.join("ada", operator=True), chat.join("bob")
    op.says("/kick bob")
    assert bob.hears("You were put out of lobby by ada.")


# --- what fails, fails the test ---


@pytest.mark.parametrize("line", ["/bad", "/crash"])
def test_a_plugin_that_fails_fails_the_test_by_its_own_error(chat, line):
    ada = chat.join("ada")
    with pytest.raises(ZeroDivisionError) as caught:
        ada.says(line)
    assert caught.traceback[-1].path.name == "test_chat_kit.py"
    assert "plugin Dice failed in" in caught.value.__notes__[0]


def test_a_plugin_that_exits_fails_the_test_and_not_the_run(chat):
    ada = chat.join("ada")
    with pytest.raises(PluginFailed, match="plugin Dice failed in /exit") as caught:
        ada.says("/exit")
    assert isinstance(caught.value.__cause__, SystemExit)


def test_a_failure_may_be_what_is_tested(chat):
    ada = chat.join("ada")
    with chat.failing() as failures:
        ada.says("/bad")
    assert ada.hears("/bad has failed. Tell whoever runs the server.")
    assert [type(error) for error in failures] == [ZeroDivisionError]
    with pytest.raises(AssertionError, match="no plugin has failed"), chat.failing():
        ada.says("/roll")


class Misspelt:
    @hookimpl
    def greenchat_check_mesage(self, message):
        pass


class Broken:
    def __init__(self):
        raise RuntimeError("no luck")


class BrokenStart:
    @hookimpl
    def greenchat_startup(self, server):
        raise RuntimeError("no luck")


def test_a_plugin_that_cannot_be_used_fails_the_test():
    with pytest.raises(PluginError, match="did you mean greenchat_check_message"):
        Chat(Misspelt)
    for plugin in (Broken, BrokenStart):
        with pytest.raises(RuntimeError, match="no luck"):
            Chat(plugin)


# --- what outlasts a chat; which plugins are there ---


class Notes:
    @hookimpl
    def greenchat_startup(self, server):
        self.database = Database(server.data_dir / "notes.sqlite3", ("CREATE TABLE notes (text TEXT NOT NULL)",))

    @hookimpl
    def greenchat_shutdown(self):
        self.database.close()

    @hookimpl
    def greenchat_messages(self, messages):
        for text in messages.texts:
            self.database.start(lambda connection: connection.execute("INSERT INTO notes VALUES (?)", (text,)))  # noqa: B023

    @hookimpl
    def greenchat_commands(self):
        return [Command("notes", "", "Tell them.", self.tell)]

    def tell(self, session, argument):
        found = self.database.run(lambda connection: connection.execute("SELECT text FROM notes").fetchall())
        session.info(", ".join(text for (text,) in found))


def test_what_is_kept_is_there_in_the_next_chat(tmp_path):
    with Chat(Notes, data_dir=tmp_path) as chat:
        chat.join("ada").says("one")
    chat = Chat(Notes, data_dir=tmp_path)
    ada = chat.join("ada")
    ada.says("two")
    ada.says("/notes")
    assert ada.hears("one, two")


def test_only_the_plugins_that_are_named_are_there(tmp_path):
    (tmp_path / "shrug.py").write_text(
        "from greenchat import hookimpl\n@hookimpl\ndef greenchat_check_message(message):\n    return 'shrug'\n"
    )
    with Chat(Dice, tmp_path / "shrug.py", "people") as chat:
        assert sorted(plugin.name for plugin in chat.server.plugins) == ["Dice", "people", "shrug", "slash_commands"]
        ada, bob = chat.join("ada"), chat.join("bob")
        ada.says("/away lunch")
        ada.says("whatever")
        assert bob.hears("shrug", by="ada")


def test_two_chats_beside_each_other_know_nothing_of_each_other():
    one, other = Chat(Dice), Chat(Dice)
    ada, bob = one.join("ada"), other.join("bob")
    ada.says("hello")
    assert bob.heard == []


def test_settings_reach_the_server_and_the_plugins():
    chat = Chat("people", settings={"server.default_room": "hall"})
    assert chat.join("ada").session.room == "hall"


# --- the clock ---


def test_a_clock_moves_by_hand_alone():
    clock, happened = HandClock(datetime(2026, 1, 5, 12, tzinfo=UTC)), []

    def again():
        happened.append(clock.now())
        clock.call_later(60, again)

    clock.call_later(60, again)
    clock.call_later(90, lambda: happened.append("once"))
    clock.call_later(100, lambda: happened.append("never")).cancel()
    clock.move(150, lambda function: function())
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert happened == [noon + timedelta(minutes=1), "once", noon + timedelta(minutes=2)]
    assert clock.now() == noon + timedelta(seconds=150)


def test_a_span_of_time_may_be_written_as_people_do(chat):
    before = chat.clock.now()
    for span in ("1h30m", 1800, timedelta(hours=1)):
        chat.tick(span)
    assert chat.clock.now() - before == timedelta(hours=3)
    with pytest.raises(PluginError, match="is no duration"):
        chat.tick("90")


def test_who_says_nothing_is_idle_by_that_clock(chat):
    ada = chat.join("ada")
    chat.tick("10m")
    assert ada.session.idle_seconds == 600
    ada.says("hello")
    assert ada.session.idle_seconds == 0


class Tea:
    """What plugins do by their context, and by decorators."""

    def __init__(self, ctx):
        self.ctx = ctx

    @every("5m")
    def ask(self, ctx):
        ctx.chat.announce("Tea, anybody?")
        ctx.later("1m", self.ready)
        ctx.in_thread(time.sleep, 0.01)
        ctx.store["pots"] = ctx.store.get("pots", 0) + 1

    def ready(self):
        self.ctx.chat.announce("Tea is ready.")

    @http("POST", "/tea/{kind}")
    def order(self, request, kind, ctx):
        if kind == "coffee":
            raise Reject("No.")
        ctx.chat.announce(f"{request.json()['who']} wants {kind}")
        return {"pots": ctx.store.get("pots", 0)}

    @every("1h")
    def fail(self):
        raise ZeroDivisionError


def test_what_is_to_happen_later_happens_when_the_clock_is_moved():
    chat = Chat(Tea)
    ada = chat.join("ada")
    chat.tick("4m59s")
    assert ada.heard == []
    chat.tick("1s")
    assert ada.heard == ["INFO|Tea, anybody?"]
    ada.heard.clear()
    chat.tick("6m")
    assert ada.heard == ["INFO|Tea is ready.", "INFO|Tea, anybody?", "INFO|Tea is ready."]
    with pytest.raises(ZeroDivisionError):
        chat.tick("1h")


def test_routes_answer_without_a_socket():
    chat = Chat(Tea)
    ada = chat.join("ada")
    chat.tick("5m")
    answer = chat.asks("POST", "/tea/assam?now=1", json={"who": "bob"})
    assert (answer.status, answer.json()) == (200, {"pots": 1})
    assert ada.hears("bob wants assam")
    assert (chat.asks("POST", "/tea/coffee").status, chat.asks("GET", "/nowhere").status) == (400, 404)


# --- pytest ---


PLUGIN_TESTS = """
import time
from greenchat import Command, hookimpl

class Dice:
    @hookimpl
    def greenchat_commands(self):
        return [Command("roll", "", "Roll.", lambda session, argument: session.info("1")),
                Command("slow", "", "Sleep.", lambda session, argument: time.sleep(0.4))]

def test_a_chat(greenchat_chat):
    chat = greenchat_chat(Dice)
    ada = chat.join("ada")
    ada.says("/roll")
    assert ada.hears("1")

def test_a_server(greenchat_server):
    ada = greenchat_server(Dice).join("ada")
    ada.send("MSG|/roll")
    ada.expect("INFO|1")

def test_the_watchdog(greenchat_chat):
    greenchat_chat(Dice).join("ada").says("/slow")

def test_left_open():
    from greenchat.testing import Chat
    Chat(Dice)

def test_was_closed():
    from greenchat.testing.chat import OPEN
    assert not OPEN
"""


def test_fixtures_are_there_by_themselves_and_a_watchdog_if_asked_for(tmp_path):
    (tmp_path / "test_dice.py").write_text(PLUGIN_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--greenchat-watchdog", "held.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "5 passed" in done.stdout, done.stdout
    assert "held for more than 0.1 seconds by plugin" in (tmp_path / "held.txt").read_text()


def test_a_pytest_that_needs_no_chat_loads_none():
    code = """
        import sys, greenchat.testing.pytest_plugin
        print(sorted({"gevent", "msgspec", "pluggy", "greenchat.api"} & set(sys.modules) - {"pluggy"}))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
