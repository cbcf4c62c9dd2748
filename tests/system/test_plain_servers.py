"""`greenchat connect` to servers that know six plain frames alone, whatever they do with what they do not know."""

import pytest
from kit.peers import RawServer
from kit.pipes import pipe, type_into
from kit.six_frames import SixFrames
from kit.terminals import CTRL_D, ENTER

from greenchat.connect import Exit
from greenchat.testing import DEADLINE, serving

pytest_plugins = ["kit.terminal_fixtures"]


KINDS = {
    "error": {},
    "nothing": {"unknown": "nothing"},
    "close": {"unknown": "close"},
    "silent": {"unknown": "nothing", "welcomes": False, "hangs_up": False},
}


@pytest.fixture
def server():
    """One that is found out about at once."""
    with SixFrames() as server:
        yield server


@pytest.fixture(params=KINDS)
def six(request):
    with SixFrames(**KINDS[request.param]) as server:
        yield server


@pytest.fixture
def bob(six):
    with six.join("bob") as peer:
        yield peer


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
    done = pipe(six, "one | two\n/quit\n\n//x\nlast", "--name", "bot")
    assert (done.returncode, done.stdout) == (Exit.DELIVERED, b"")
    bob.expect("INFO|bot has joined the chat.", "MSG|bot|one | two", "MSG|bot|/quit", "MSG|bot|//x", "MSG|bot|last")
    bob.expect("INFO|bot has left the chat.")


def test_a_name_that_is_taken(open_terminal, server):
    with server.join("alice") as other:
        alice = open_terminal(server.host, server.port, "--name", "alice")
        alice.wait(lambda lines: lines[-2:] == ["[ERROR] Username already taken", "Name:"])
        alice.type("ali" + ENTER)
        other.expect("INFO|ali has joined the chat.")
        assert pipe(server, "hi", "--name", "alice").returncode == Exit.TURNED_AWAY


@pytest.mark.parametrize("options", [("--login-file", "x"), ("--key-file", "x"), ("--password-file", "x")])
def test_plain_frames_carry_no_secrets(server, tmp_path, options):
    name, _ = options
    (tmp_path / "x").write_text("hunter2")
    done = pipe(server, "hi", "--name", "bot", name, str(tmp_path / "x"), "--plain")
    assert done.returncode == 2
    assert "Plain frames carry no passwords and keys." in done.stderr.decode()
    done = pipe(server, "hi", "--name", "bot", name, str(tmp_path / "x"))
    assert done.returncode == Exit.TURNED_AWAY
    assert not [line for line in server.heard if line.startswith(("JOIN", "MSG"))], "nor is anything said instead"


def test_the_connection_of_a_pipe_is_lost(server, start_pipe):
    process = start_pipe("--name", "bot")
    with server.join("bob") as bob:
        bob.expect("INFO|bot has joined the chat.")
        type_into(process, "one")
        bob.expect("MSG|bot|one")
    server.hang_up()
    assert process.wait(DEADLINE) == Exit.LOST, "though its input is still open"
    assert "[INFO] Plain frames have no receipts" in process.stderr.read().decode()


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
