"""`greenchat connect` on a terminal, looked at as a person would."""

import re
import signal

import pytest
from peers import RawServer
from terminals import Terminal

from greenchat.terminal import Exit
from greenchat.testing import DEADLINE, serving

CTRL_C, CTRL_D, ENTER, UP = "\x03", "\x04", "\r", "\x1b[A"


@pytest.fixture
def open_terminal():
    """Open a terminal in which `greenchat connect` runs; it is closed at the end."""
    terminals = []

    def open_terminal(*arguments, **variables):
        terminals.append(Terminal("connect", *arguments, **variables))
        return terminals[-1]

    yield open_terminal
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def bob(server):
    return server.join("bob")


@pytest.fixture
def alice(open_terminal, server, bob):
    """A terminal in which alice has joined bob."""
    terminal = open_terminal(server.host, server.port, "--name", "alice")
    terminal.wait(lambda lines: lines[-1] == ">" and "[INFO] Welcome to lobby, alice. Here is bob." in lines[0])
    bob.expect("INFO|alice has joined the chat.")
    return terminal


@pytest.fixture
def raw():
    with RawServer() as server:
        yield server


def test_talking(alice, bob, server):
    server.join("Carol").send("MSG|Hello | everyone!", "LEAVE")
    alice.wait_for(
        "[INFO] Carol has joined the chat.", "[Carol]: Hello | everyone!", "[INFO] Carol has left the chat.", ">"
    )
    alice.type("Hi Carol!" + ENTER)
    alice.wait_for("[INFO] Carol has left the chat.", "> Hi Carol!", ">")
    bob.read_until("MSG|alice|Hi Carol!")
    bob.send("MSG|grüße, 世界")
    alice.wait_for("[bob]: grüße, 世界", ">")


def test_actions_and_private_messages(alice, bob):
    bob.send("MSG|/me waves")
    alice.wait_for("[bob]: * bob waves", ">")
    bob.send("MSG|/msg alice psst")
    alice.wait_for("[bob]: * bob waves", "[bob (private)]: psst", ">")


def test_what_one_types_stays_whole_when_messages_arrive(alice, bob):
    alice.type("half ty")
    alice.wait_for("> half ty")
    bob.send("MSG|Sorry to interrupt.")
    alice.wait_for("[bob]: Sorry to interrupt.", "> half ty")
    alice.type("ped")
    alice.wait_for("[bob]: Sorry to interrupt.", "> half typed")
    bob.send("MSG|Again.")
    alice.wait_for("[bob]: Sorry to interrupt.", "[bob]: Again.", "> half typed")
    alice.type(ENTER)
    bob.expect("MSG|alice|half typed")


def test_typing_in_a_busy_room_loses_nothing(alice, bob):
    text = "the quick brown fox jumps over the lazy dog"
    for number, letter in enumerate(text):
        bob.send(*(f"MSG|{number} {line}" for line in range(10)))
        alice.type(letter)
    alice.type(ENTER)
    bob.expect(f"MSG|alice|{text}")
    alice.wait_for(f"[bob]: {len(text) - 1} 9", ">")
    seen = re.findall(rb"\[bob\]:\D*?(\d+ \d)", re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", alice.written))
    assert seen == [b"%d %d" % (number, line) for number in range(len(text)) for line in range(10)]


def test_it_asks_for_what_is_missing(open_terminal, server):
    terminal = open_terminal()
    terminal.wait_for("Server [127.0.0.1]:")
    terminal.type(ENTER)
    terminal.wait_for("Port [9999]:")
    terminal.type("http" + ENTER)
    terminal.wait_for("A port is a number from 1 to 65535.", "Port [9999]:")
    terminal.type(f"{server.port}{ENTER}")
    terminal.wait_for(f"Port [9999]: {server.port}", "Name [loginname]:")
    terminal.type(ENTER)
    terminal.wait(lambda lines: lines[-2].startswith("[INFO] Welcome to lobby, loginname.") and lines[-1] == ">")


def test_a_refused_name_asks_for_another(open_terminal, server, bob):
    terminal = open_terminal(server.host, server.port, "--name", "BOB", "--room", "garden")
    terminal.wait_for("[ERROR] The username BOB is taken. Choose another.", "Name:")
    terminal.type("b|b" + ENTER)
    terminal.wait(lambda lines: "[ERROR] The username 'b|b' is not valid." in "\n".join(lines) and lines[-1] == "Name:")
    terminal.type(ENTER)  # an empty one is asked for once more
    terminal.wait_for("Name:", "Name:")
    terminal.type("carol" + ENTER)
    terminal.wait(lambda lines: lines[-2].startswith("[INFO] Welcome to garden, carol.") and lines[-1] == ">")


def test_a_refused_room_is_the_end(open_terminal, server):
    terminal = open_terminal(server.host, server.port, "--name", "alice", "--room", "no room")
    assert terminal.end() == Exit.TURNED_AWAY
    assert terminal.lines[0].startswith("[ERROR] The room name 'no room' is not valid.")


@pytest.mark.parametrize(
    "keys", [CTRL_D, CTRL_C, "/quit" + ENTER, "/Quit now" + ENTER, "half typed" + CTRL_C], ids=repr
)
def test_leaving(alice, bob, keys):
    alice.type(keys)
    assert alice.end() == Exit.DELIVERED
    bob.expect("INFO|alice has left the chat.")
    assert len(alice.lines) == 2, "nothing but the welcome and the prompt"


def test_what_was_said_just_before_leaving_is_delivered(alice, bob):
    alice.type("".join(f"{number}{ENTER}" for number in range(30)) + CTRL_D)
    assert alice.end() == Exit.DELIVERED
    bob.expect(*(f"MSG|alice|{number}" for number in range(30)), "INFO|alice has left the chat.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_too(alice, bob, number):
    alice.type("half ty")
    alice.wait_for("> half ty")
    alice.process.send_signal(number)
    assert alice.end() == Exit.DELIVERED
    bob.expect("INFO|alice has left the chat.")


def test_a_closed_window_leaves_too(alice, bob):
    alice.hang_up()
    bob.expect("INFO|alice has left the chat.")
    alice.process.wait(DEADLINE)


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=repr)
def test_one_need_not_answer_questions(open_terminal, key):
    terminal = open_terminal()
    terminal.wait_for("Server [127.0.0.1]:")
    terminal.type(key)
    assert terminal.end() == Exit.DELIVERED
    assert len(terminal.lines) == 1, "no traceback"


def test_a_pasted_text_is_sent_line_by_line(alice, bob):
    alice.type("\x1b[200~one\rtwo\r\r  three\x1b[201~")
    alice.wait_for("> one", "two", "", "  three")
    alice.type(ENTER)
    bob.expect("MSG|alice|one", "MSG|alice|two", "MSG|alice|  three")
    alice.type("four\rfive\r")  # from a terminal that does not tell pasting from typing
    bob.expect("MSG|alice|four", "MSG|alice|five")
    alice.wait_for("  three", "> four", "> five", ">")


def test_a_refused_message_says_why_and_can_be_had_back(alice, bob):
    alice.type("/hlep" + ENTER)
    alice.wait_for("> /hlep", "[ERROR] There is no command /hlep. Did you mean /help?", ">")
    alice.type(UP)
    alice.wait_for("[ERROR] There is no command /hlep. Did you mean /help?", "> /hlep")
    alice.type("\x08" * 5 + "fine" + ENTER)
    bob.expect("MSG|alice|fine")


def test_a_message_that_is_too_long_says_why(alice, bob):
    alice.type("\x1b[200~" + "x" * 5000 + "\x1b[201~" + ENTER)
    alice.wait_for("[ERROR] The frame is longer than 4096 bytes. Send it in shorter parts.", ">")
    alice.type("short" + ENTER)
    bob.expect("MSG|alice|short")


def test_the_server_shuts_down(open_terminal):
    with serving() as server:
        terminal = open_terminal(server.host, server.port, "--name", "alice")
        terminal.wait(lambda lines: lines[-1] == ">")
        terminal.type("half typed")
        terminal.wait_for("> half typed")
    assert terminal.end() == Exit.LOST
    assert terminal.lines[-3:] == [
        "[INFO] Server is shutting down.",
        "> half typed",
        "[ERROR] The server has closed the connection.",
    ]


def test_the_server_vanishes_with_a_message(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "alice")
    raw.let_in()
    terminal.wait(lambda seen: seen[-1] == ">")
    terminal.type("hello?" + ENTER)
    assert raw.read()["text"] == "hello?"
    raw.hang_up()
    assert terminal.end() == Exit.LOST
    assert terminal.lines[-2:] == [
        "[ERROR] The server has closed the connection.",
        "[ERROR] 1 message was not delivered.",
    ]


def test_leaving_a_server_that_takes_its_time(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "alice")
    raw.let_in()
    terminal.wait(lambda lines: lines[-1] == ">")
    terminal.type("hello?" + ENTER + CTRL_D)
    terminal.wait_for("[INFO] Some messages are still on their way. Ctrl-C leaves at once.")
    terminal.type(CTRL_C)
    assert terminal.end() == Exit.LOST
    assert terminal.lines[-1].endswith("[ERROR] 1 message was not delivered.")
    raw.hang_up()


def test_no_server(open_terminal, raw):
    host, port = raw.address
    raw.listener.close()
    terminal = open_terminal(host, port, "--name", "alice")
    assert terminal.end() == Exit.UNREACHABLE
    shown = " ".join(terminal.lines)
    assert shown.startswith(f"[ERROR] No server listens at {host}:{port}. Start one there")


def test_no_control_codes_from_a_server_that_lets_them_pass(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "alice")
    raw.let_in()
    evil = {"type": "message", "room": "lobby", "seq": 1, "id": 1, "time": "2026-01-31T12:00:00Z"}
    evil |= {"sender": "eve\x1b[2J", "text": "\x1b]0;owned\x07\x9b31m\r\n[INFO] You won\u2028!"}
    raw.send(evil)
    terminal.wait_for("[eve?[2J]: ?]0;owned??31m??[INFO] You won?!", ">")
    for code in (b"\x1b[2J", b"\x1b]0", b"\x07", "\x9b".encode(), "\u2028".encode()):
        assert code not in terminal.written
    raw.hang_up()


def test_colours_only_where_they_are_welcome(alice, open_terminal, server):
    sober = open_terminal(server.host, server.port, "--name", "sober", NO_COLOR="1")
    for terminal in (alice, sober):
        terminal.type("/nonsense" + ENTER)
        terminal.wait(lambda lines: any(line.startswith("[ERROR]") for line in lines))
    assert "red" in alice.foregrounds()
    assert sober.foregrounds() == {"default"}
    assert set(re.findall(rb"\x1b\[[0-9;]*m", sober.written)) == {b"\x1b[0m"}, "nor bold, nor dim"


def test_a_terminal_that_cannot_move_its_cursor(open_terminal, server, bob):
    terminal = open_terminal(server.host, server.port, "--name", "emacs", TERM="dumb")
    bob.expect("INFO|emacs has joined the chat.")
    bob.send("MSG|Do you read me?")
    terminal.wait(lambda lines: "[bob]: Do you read me?" in lines)
    terminal.type("Loud and clear.\n")
    bob.expect("MSG|emacs|Loud and clear.")
    terminal.type(CTRL_D)
    assert terminal.end() == Exit.DELIVERED
    assert b"\x1b" not in terminal.written


def test_a_pass_phrase_is_asked_for_and_not_shown(open_terminal):
    with serving(settings={"server.password": "open sesame"}) as server:
        terminal = open_terminal(server.host, server.port, "--name", "ada")
        terminal.wait_for("Pass phrase:")
        terminal.type(f"guess{ENTER}")
        terminal.wait(lambda lines: "not the pass phrase" in " ".join(lines) and lines[-1] == "Pass phrase:")
        terminal.type(f"open sesame{ENTER}")
        terminal.wait(lambda lines: any("Welcome to lobby, ada." in line for line in lines) and lines[-1] == ">")
        terminal.type(CTRL_D)
        assert terminal.end() == Exit.DELIVERED
        assert b"sesame" not in terminal.written
