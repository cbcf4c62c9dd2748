"""`greenchat connect` to servers that know the six plain frames alone, line client and pipe."""

import pytest
from kit.pipes import pipe
from kit.six_frames import SixFrames
from kit.terminals import ENTER

from greenchat.client import PlainClient, RefusedError
from greenchat.connect import Exit
from greenchat.protocol.events import Message, Notice
from greenchat.protocol.replies import Error
from greenchat.testing import DEADLINE

pytest_plugins = ["kit.terminal_fixtures"]


@pytest.fixture
def server():
    """One that is found out about at once."""
    with SixFrames() as server:
        yield server


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_it_comes_back(open_terminal, server, size):
    alice = open_terminal(server.host, server.port, "--name", "alice", size=size)
    alice.wait(lambda lines: "plain frames only" in "".join(lines) and lines[-1] == ">")
    alice.type("half ty")
    alice.wait(lambda lines: lines[-1] == "> half ty")
    server.hang_up()
    alice.wait(lambda lines: "Plain frames have no receipts" in "".join(lines) and lines[-1] == "> half ty")
    alice.wait(lambda lines: "".join(lines).count("Welcome, alice!") == 2 and lines[-1] == "> half ty")
    with server.join("bob") as bob:
        alice.type("ped" + ENTER)
        bob.expect("MSG|alice|half typed")


def test_plain_frames_can_be_wanted(server):
    with server.join("bob") as bob:
        assert pipe(server, "hi", "--name", "bot", "--plain").returncode == Exit.DELIVERED
        bob.expect("INFO|bot has joined the chat.", "MSG|bot|hi", "INFO|bot has left the chat.")
    assert not [line for line in server.heard if line.startswith("{")]


# --- the client library ----------------------------------------------------------------------------------------------


def test_the_client(server):
    with server.join("bob") as bob, PlainClient.connect(server.host, server.port) as alice:
        assert alice.join("alice").members == ["alice"]
        bob.expect("INFO|alice has joined the chat.")
        alice.say("a | b")
        bob.expect("MSG|alice|a | b")
        bob.send("MSG|c | d")
        items = []
        while not any(isinstance(item, Message) for item in items):
            items += alice.receive(DEADLINE)
        assert [item.text for item in items if isinstance(item, Notice | Message)] == ["Welcome, alice!", "c | d"]
        assert alice.pending == {}
        alice.say("//a\r\n\n/b\nJOIN|c")
        bob.expect("MSG|alice|/a", "MSG|alice|/b", "MSG|alice|JOIN|c")
        unsayable = {"/me waves": "unknown_command", " ": "empty", "a\nb\x07": "control", "\ud83d": "not_utf8"}
        for text, code in unsayable.items():
            with pytest.raises(RefusedError) as refusal:
                alice.say(text)
            assert refusal.value.code == code
        for refused in (
            lambda: alice.say("psst", to="bob"),
            lambda: alice.enter("garden"),
            lambda: alice.part("the chat"),
            lambda: alice.history(),
        ):
            with pytest.raises(RefusedError):
                refused()
        alice.leave()
        bob.expect("INFO|alice has left the chat.")
        assert not [item for item in alice if isinstance(item, Error)], "which ends once the server has closed"


def test_a_name_that_plain_frames_cannot_carry(server):
    with PlainClient.connect(server.host, server.port) as alice:
        for name in "a|b", "a\nb":
            with pytest.raises(RefusedError) as refusal:
                alice.join(name)
            assert refusal.value.code == "name_invalid"
