"""Plugins that do what they should not while their server is replaced."""

import re

import pytest
from kit import raising
from kit.handovers import Handovers
from kit.processes import serve_process
from kit.programs import Program, says

# Of what class an exception may be, and what its class is that code takes for a way to end.
ERRORS = [
    "__import__('gevent').GreenletExit",
    pytest.param("RuntimeError('no')", marks=pytest.mark.full),
    pytest.param("SystemExit(3)", marks=pytest.mark.full),
]


@pytest.fixture
def over(tmp_path):
    return Handovers(tmp_path)


@pytest.mark.parametrize("error", ERRORS)
def test_a_plugin_that_raises_in_a_hook_holds_nobody_up(over, error):
    raising.write(over.directory, error)
    with serve_process(over.data_dir, *over.arguments) as serving:
        with serving.join("ada") as ada, Program(serving, "bob") as bob:
            bob.ask("/join garden", "lobby")
            raising.begin(over.directory)
            for _ in range(2):
                word = over.hand_over(serving)
            raising.end(over.directory)
            assert says(ada, "/sayer")[-1] == f"INFO|{word}"
            assert bob.ask("flowers", "garden")[-1]["type"] == "ack", over.log
            assert bob.ask("hello", "lobby")[-1]["type"] == "ack"
            assert "MSG|bob|hello" in says(ada)
            with serving.join("cyd"):
                assert "INFO|cyd has joined the chat." in says(ada)
        _, log = serving.stop()
        assert serving.process.returncode == 0
    assert "all have to come back" not in log
    called = {"shutdown", "busy", "startup", "carried", "room_opened", "commands", "routes"}
    assert called <= set(re.findall(r"raises_in_(\w+) (?:failed|is off)", log)), log


TALKER = """
import gevent
from greenchat import hookimpl

@hookimpl
def greenchat_startup(server):
    {begin}

@hookimpl
def greenchat_shutdown(server):
    {end}

def talk(server):
    while True:
        if server.turns.is_frozen:
            server.chat.announce("on")
        gevent.sleep(0)
"""

# In greenlets of its own, of which the server knows nothing.
TALKERS = {
    "always": {"begin": "gevent.spawn(talk, server)", "end": "pass"},
    "at its end": {"begin": "pass", "end": "gevent.spawn(talk, server)"},
}


@pytest.mark.parametrize("talker", TALKERS.values(), ids=TALKERS)
def test_a_plugin_that_does_not_stop_talking_loses_nobody(over, talker):
    (over.directory / "talker.py").write_text(TALKER.format(**talker))
    with serve_process(over.data_dir, *over.arguments) as serving, Program(serving, "bob") as bob:
        (over.directory / "talker.py").write_text(TALKER.format(begin="pass", end="pass"))
        word = over.hand_over(serving)
        heard = [frame.get("text") for frame in bob.ask("/sayer")]
        assert heard.count(word) == 1
        assert "on" in heard


# A plugin that spoils what the server is about to write down.
SPOILER = """
from greenchat import hookimpl

@hookimpl
def greenchat_shutdown(server):
    {}
"""

SPOILT = {
    "all rooms": "server.chat.rooms['lobby'].fanout = None",
    "all members": "server.chat.people = None",
    "the counters": "server.counters = None",
}


def test_where_something_cannot_be_written_down_all_goes_on_as_it_was(over):
    spoils = "next(iter(server.chat.members.values())).reads = {object(): object()}"
    (over.directory / "spoiler.py").write_text(SPOILER.format(spoils))
    with serve_process(over.data_dir, *over.arguments) as serving, Program(serving, "bob") as bob:
        over.change()
        over.hang_up(serving)
        over.logged("no other program can be started (Encoding objects of type object is unsupported)")
        assert bob.told("/sayer", "notice")["text"] == "word 1"


@pytest.mark.parametrize("spoils", SPOILT.values(), ids=SPOILT)
def test_where_nothing_can_be_collected_the_server_is_empty_and_people_come_back(over, spoils):
    (over.directory / "spoiler.py").write_text(SPOILER.format(spoils))
    with serve_process(over.data_dir, *over.arguments) as serving:
        with Program(serving, "bob") as bob, serving.connect() as silent:
            (over.directory / "spoiler.py").write_text("")
            word = over.change()
            over.hang_up(serving)
            bob.rest()
            silent.expect_closed()
        with Program(serving) as again:
            assert again.join(token=bob.welcome["token"])["name"] == "bob"
            assert again.told("/sayer", "notice")["text"] == word
        _, log = serving.stop()
        assert serving.process.returncode == 0
    assert "all have to come back" in log
