"""`greenchat connect` to servers that know the six plain frames alone, line client and pipe."""

import subprocess
import sys

import pytest
from kit.peers import RawServer
from kit.six_frames import SixFrames
from kit.terminals import CTRL_D, ENTER, environment

from greenchat.client import PlainClient, RefusedError
from greenchat.connect import Exit
from greenchat.protocol.events import Message, Notice
from greenchat.protocol.replies import Error
from greenchat.testing import DEADLINE, Peer, serving

pytest_plugins = ["kit.terminal_fixtures"]

KINDS = {
    "error": {},
    "nothing": {"unknown": "nothing"},
    "close": {"unknown": "close"},
    "silent": {"unknown": "nothing", "welcomes": False, "hangs_up": False},
}


@pytest.fixture(params=KINDS)
def six(request):
    with SixFrames(**KINDS[request.param]) as server:
        yield server


@pytest.fixture
def server():
    """One that is found out about at once."""
    with SixFrames() as server:
        yield server


@pytest.fixture
def bob(six):
    with joined(six, "bob") as peer:
        yield peer


def joined(server, name):
    peer = Peer(server.host, server.port)
    peer.send(f"JOIN|{name}")
    if server.welcomes:
        peer.expect(f"INFO|Welcome, {name}!")
    return peer


def pipe(server, text, *options):
    return subprocess.run(
        [sys.executable, "-m", "greenchat", "connect", f"{server.host}:{server.port}", "--name", "bot", *options],
        input=text.encode(),
        capture_output=True,
        timeout=DEADLINE,
        env=environment(),
        check=False,
    )


def test_the_line_client(open_terminal, six, bob):
    alice = open_terminal(six.host, six.port, "--name", "alice")
    bob.expect("INFO|alice has joined the chat.")
    alice.wait(lambda lines: "[INFO] This server speaks plain frames only" in "".join(lines) and lines[-1] == ">")
    bob.send("MSG|Hello | alice!")
    alice.wait_for("[bob]: Hello | alice!", ">")
    alice.type("Hi | bob!" + ENTER + "//shrug" + ENTER + "/help" + ENTER)
    bob.expect("MSG|alice|Hi | bob!", "MSG|alice|/shrug")
    alice.wait(lambda lines: "This server has no commands" in "".join(lines) and lines[-1] == ">")
    alice.paste("/etc/passwd\n\t// code")
    alice.type(ENTER)
    bob.expect("MSG|alice|/etc/passwd", "MSG|alice|\t// code")
    alice.type("bye" + ENTER + CTRL_D)
    assert alice.end() == Exit.DELIVERED
    bob.expect("MSG|alice|bye", "INFO|alice has left the chat.")
    assert not [line for line in six.heard if line.startswith("MSG|/help")]


def test_the_pipe(six, bob):
    done = pipe(six, "one | two\n/quit\n\n//x\nlast")
    assert (done.returncode, done.stdout) == (Exit.DELIVERED, b"")
    bob.expect("INFO|bot has joined the chat.", "MSG|bot|one | two", "MSG|bot|/quit", "MSG|bot|//x", "MSG|bot|last")
    bob.expect("INFO|bot has left the chat.")


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_it_comes_back(open_terminal, server, size):
    alice = open_terminal(server.host, server.port, "--name", "alice", size=size)
    alice.wait(lambda lines: "plain frames only" in "".join(lines) and lines[-1] == ">")
    alice.type("half ty")
    alice.wait(lambda lines: lines[-1] == "> half ty")
    server.hang_up()
    alice.wait(lambda lines: "Plain frames have no receipts" in "".join(lines) and lines[-1] == "> half ty")
    alice.wait(lambda lines: "".join(lines).count("Welcome, alice!") == 2 and lines[-1] == "> half ty")
    with joined(server, "bob") as bob:
        alice.type("ped" + ENTER)
        bob.expect("MSG|alice|half typed")


def test_a_name_that_is_taken(open_terminal, server):
    with joined(server, "alice") as other:
        alice = open_terminal(server.host, server.port, "--name", "alice")
        alice.wait(lambda lines: lines[-2:] == ["[ERROR] Username already taken", "Name:"])
        alice.type("ali" + ENTER)
        other.expect("INFO|ali has joined the chat.")
        assert pipe(server, "hi", "--name", "alice").returncode == Exit.TURNED_AWAY


def test_plain_frames_can_be_wanted(server):
    with joined(server, "bob") as bob:
        assert pipe(server, "hi", "--plain").returncode == Exit.DELIVERED
        bob.expect("INFO|bot has joined the chat.", "MSG|bot|hi", "INFO|bot has left the chat.")
    assert not [line for line in server.heard if line.startswith("{")]


@pytest.mark.parametrize("options", [("--login-file", "x"), ("--key-file", "x"), ("--password-file", "x")])
def test_plain_frames_carry_no_secrets(server, tmp_path, options):
    name, _ = options
    (tmp_path / "x").write_text("hunter2")
    done = pipe(server, "hi", name, str(tmp_path / "x"), "--plain")
    assert done.returncode == 2
    assert "Plain frames carry no passwords and keys." in done.stderr.decode()
    done = pipe(server, "hi", name, str(tmp_path / "x"))
    assert done.returncode == Exit.TURNED_AWAY
    assert not [line for line in server.heard if line.startswith(("JOIN", "MSG"))], "nor is anything said instead"


def test_the_connection_of_a_pipe_is_lost(server):
    process = subprocess.Popen(
        [sys.executable, "-m", "greenchat", "connect", f"{server.host}:{server.port}", "--name", "bot"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    with joined(server, "bob") as bob:
        bob.expect("INFO|bot has joined the chat.")
        process.stdin.write(b"one\n")
        process.stdin.flush()
        bob.expect("MSG|bot|one")
    server.hang_up()
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == Exit.LOST
    assert "[INFO] Plain frames have no receipts" in errors.decode()


class TestGreenchatInPlainFrames:
    """Which has commands, and tells of them."""

    @pytest.fixture
    def server(self):
        with serving() as running:
            yield running

    def test_commands_run_and_text_is_text(self, open_terminal, server):
        bob = server.join("bob")
        alice = open_terminal(server.host, server.port, "--name", "alice", "--plain")
        bob.expect("INFO|alice has joined the chat.")
        alice.wait(lambda lines: "plain frames only" in "".join(lines) and lines[-1] == ">")
        alice.type("/me waves" + ENTER + "//x" + ENTER + "/nonsense" + ENTER)
        bob.expect("MSG|alice|* alice waves", "MSG|alice|/x")
        alice.wait(lambda lines: "There is no command /nonsense." in "".join(lines) and lines[-1] == ">")

    def test_what_follows_a_join_goes_there_or_nowhere(self, open_terminal, server):
        bob, ada = server.join("bob"), server.join("ada", "vault")
        ada.read()
        ada.send("MSG|/room key roses", "MSG|/ping")
        ada.read_until("INFO|Pong.")
        alice = open_terminal(server.host, server.port, "--name", "alice", "--plain")
        bob.expect("INFO|alice has joined the chat.")
        alice.wait(lambda lines: lines[-1] == ">")
        alice.type("/join vault thorns" + ENTER + "for the vault" + ENTER)
        alice.wait(lambda lines: "Not said: for the vault" in "".join(lines) and lines[-1] == ">")
        alice.type("/join vault roses" + ENTER + "for the vault" + ENTER)
        ada.read_until("INFO|alice has joined the chat.")
        ada.expect("MSG|alice|for the vault")
        bob.expect("INFO|alice has left the chat.")

    def test_a_server_that_turns_everybody_away(self, open_terminal):
        with serving(settings={"limits.connections": 1}) as server:
            server.join("bob")
            alice = open_terminal(server.host, server.port, "--name", "alice")
            assert alice.end() == Exit.TURNED_AWAY
            assert "is full" in "".join(alice.lines)


def test_a_server_that_tells_of_help_without_json(open_terminal):
    with SixFrames() as server:
        server.greeting = "Welcome! Type /help for help."
        alice = open_terminal(server.host, server.port, "--name", "alice")
        alice.wait(lambda lines: "[INFO] Welcome! Type /help for help." in lines and lines[-1] == ">")
        alice.type("hi" + ENTER + CTRL_D)
        assert alice.end() == Exit.DELIVERED
        assert server.heard[-2:] == ["MSG|hi", "LEAVE"]


def test_a_greenchat_server_that_was_only_slow(open_terminal):
    with RawServer() as raw:
        alice = open_terminal(*raw.address, "--name", "alice")
        raw.accept()
        assert raw.read()["type"] == "join"
        raw.read_end()  # it has lost patience
        raw.hang_up()
        raw.accept()
        raw.socket.sendall(b"INFO|Welcome to lobby, alice. Say /help for the commands.\n")
        assert raw.read_end() == "JOIN|alice\nLEAVE\n"
        raw.hang_up()
        raw.let_in()
        alice.wait_for("[INFO] Welcome to lobby, alice. Nobody else is here yet.", ">")


# --- the client library ----------------------------------------------------------------------------------------------


def test_the_client(server):
    with joined(server, "bob") as bob, PlainClient.connect(server.host, server.port) as alice:
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
        unsayable = {"/me waves": "unknown_command", " ": "empty", "a\nMSG|b": "control", "\ud83d": "not_utf8"}
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
