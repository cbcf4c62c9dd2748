"""`greenchat connect` as a process: on a real terminal, looked at as a person would, and as a part of a pipe."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time

import gevent.hub  # noqa: F401  gevent takes the thread that imports it for the main one, whose loop reaps processes
import pyte
import pytest

from greenchat.terminal import Exit
from greenchat.testing import DEADLINE, Peer, serving

COLUMNS, ROWS = 100, 24

# A session's first process makes its terminal the controlling one by opening it: then Ctrl-C and hanging up are real.
ON_A_TERMINAL = """
import os, runpy
os.close(os.open(os.ttyname(0), os.O_RDWR))
runpy.run_module("greenchat", run_name="__main__")
"""

CTRL_C, CTRL_D, ENTER, UP = "\x03", "\x04", "\r", "\x1b[A"


def environment(**changes):
    """What the process sees: nobody's own settings."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return keep | {"LANG": "C.UTF-8", "LOGNAME": "loginname", "TERM": "xterm-256color"} | changes


class Terminal:
    """A terminal in which `greenchat connect` runs."""

    def __init__(self, *arguments, **variables):
        self._fd, inner = pty.openpty()
        termios.tcsetwinsize(inner, (ROWS, COLUMNS))
        self.settings = termios.tcgetattr(inner)
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_A_TERMINAL, "connect", *map(str, arguments)],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment(**variables),
            start_new_session=True,
        )
        self._inner = inner  # kept open: what was written last can be read also when the process has ended
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""

    @property
    def lines(self):
        """What is on the screen, without the empty rest."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip("\n").split("\n")

    def foregrounds(self):
        """The colours that the characters on the screen have."""
        return {cell.fg for row in self._screen.buffer.values() for cell in row.values()}

    def wait(self, condition):
        """Until what is on the screen is as it should be."""
        deadline = time.monotonic() + DEADLINE
        while not condition(self.lines):
            ready, _, _ = select.select([self._fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the screen stays like this:\n" + "\n".join(self.lines)
            self._read()

    def wait_for(self, *lines):
        """Until the screen ends with these lines; `> ` and nothing typed is ">"."""
        self.wait(lambda seen: seen[-len(lines) :] == list(lines))

    def type(self, text):
        os.write(self._fd, text.encode())

    def end(self):
        """Wait until the process has ended; its exit code."""
        code = self.process.wait(DEADLINE)
        while select.select([self._fd], [], [], 0)[0]:
            self._read()
        assert termios.tcgetattr(self._inner) == self.settings, "the terminal is as it was before"
        return code

    def hang_up(self):
        """Close the window."""
        os.close(self._fd)
        os.close(self._inner)
        self._fd = self._inner = -1

    def close(self):
        if self._fd >= 0:
            self.hang_up()
        self.process.kill()
        self.process.wait(DEADLINE)

    def _read(self):
        data = os.read(self._fd, 65536)
        self.written += data
        self._stream.feed(data)


@pytest.fixture
def open_terminal():
    """Open a terminal in which `greenchat connect` runs; it is closed at the end."""
    terminals = []

    def open_terminal(*arguments, **variables):
        terminals.append(Terminal(*arguments, **variables))
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
def bare_server():
    """A listening socket whose other side is written in the test itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        yield listener


def welcome(listener):
    """Accept the client of `bare_server`, and welcome it: the socket, and the lines it sends from then on."""
    sock, _ = listener.accept()
    sock.settimeout(DEADLINE)
    lines = sock.makefile("rb")
    join = json.loads(lines.readline())
    answer = {"type": "welcome", "name": join["name"], "room": "lobby", "members": [join["name"]], "seq": 0}
    sock.sendall(json.dumps(answer | {"limits": {}, "server": "bare", "ref": join["ref"]}).encode() + b"\n")
    return sock, lines


# --- on a terminal ---------------------------------------------------------------------------------------------------


def test_talking(alice, bob, server):
    server.join("Carol").send("MSG|Hello | everyone!", "LEAVE")
    alice.wait_for(
        "[INFO] Carol has joined the chat.", "[Carol]: Hello | everyone!", "[INFO] Carol has left the chat.", ">"
    )
    alice.type("Hi Carol!" + ENTER)
    alice.wait_for("[INFO] Carol has left the chat.", "> Hi Carol!", ">")
    bob.read_until("MSG|alice|Hi Carol!")
    bob.send("/me", "MSG|grüße, 世界")
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


def test_the_server_vanishes_with_a_message(open_terminal, bare_server):
    terminal = open_terminal(*bare_server.getsockname(), "--name", "alice")
    sock, lines = welcome(bare_server)
    terminal.wait(lambda seen: seen[-1] == ">")
    terminal.type("hello?" + ENTER)
    assert json.loads(lines.readline())["text"] == "hello?"
    lines.close()
    sock.close()
    assert terminal.end() == Exit.LOST
    assert terminal.lines[-2:] == [
        "[ERROR] The server has closed the connection.",
        "[ERROR] 1 message was not delivered.",
    ]


def test_leaving_a_server_that_takes_its_time(open_terminal, bare_server):
    terminal = open_terminal(*bare_server.getsockname(), "--name", "alice")
    sock, lines = welcome(bare_server)
    terminal.wait(lambda lines: lines[-1] == ">")
    terminal.type("hello?" + ENTER + CTRL_D)
    terminal.wait_for("[INFO] Some messages are still on their way. Ctrl-C leaves at once.")
    terminal.type(CTRL_C)
    assert terminal.end() == Exit.LOST
    assert terminal.lines[-1].endswith("[ERROR] 1 message was not delivered.")
    lines.close()
    sock.close()


def test_no_server(open_terminal, bare_server):
    host, port = bare_server.getsockname()
    bare_server.close()
    terminal = open_terminal(host, port, "--name", "alice")
    assert terminal.end() == Exit.UNREACHABLE
    shown = " ".join(terminal.lines)
    assert shown.startswith(f"[ERROR] No server listens at {host}:{port}. Start one there")


def test_no_control_codes_from_a_server_that_lets_them_pass(open_terminal, bare_server):
    terminal = open_terminal(*bare_server.getsockname(), "--name", "alice")
    sock, lines = welcome(bare_server)
    evil = {"type": "message", "room": "lobby", "seq": 1, "id": 1, "time": "2026-01-31T12:00:00Z"}
    evil |= {"sender": "eve\x1b[2J", "text": "\x1b]0;owned\x07\x9b31m\r\n[INFO] You won\u2028!"}
    sock.sendall(json.dumps(evil).encode() + b"\n")
    terminal.wait_for("[eve?[2J]: ?]0;owned??31m??[INFO] You won?!", ">")
    for code in (b"\x1b[2J", b"\x1b]0", b"\x07", "\x9b".encode(), "\u2028".encode()):
        assert code not in terminal.written
    lines.close()
    sock.close()


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


# --- in a pipe -------------------------------------------------------------------------------------------------------


def command(*arguments):
    return [sys.executable, "-m", "greenchat", "connect", *map(str, arguments)]


def pipe(server, text, *options):
    """Run it with `text` as its whole input."""
    return subprocess.run(
        command(server.host, server.port, *options),
        input=text if isinstance(text, bytes) else text.encode(),
        capture_output=True,
        timeout=DEADLINE,
        env=environment(),
        check=False,
    )


@pytest.fixture
def start_pipe(server):
    """Start it with its standard streams open, once it has joined. It is ended at the end."""
    processes = []

    def start_pipe(*options, address=(server.host, server.port)):
        process = subprocess.Popen(
            command(*address, *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        processes.append(process)
        return process

    yield start_pipe
    for process in processes:
        process.kill()
        process.communicate()


def said(peer, until):
    """The texts that `peer` hears until that notice."""
    return [line.split("|", 2)[2] for line in peer.read_until(until) if line.startswith("MSG|")]


def test_every_line_is_delivered(server, bob):
    done = pipe(server, "one\n\n   \ntwo\r\n  three | 世界\nfour, without an end", "--name", "bot")
    assert done.returncode == Exit.DELIVERED
    assert said(bob, "INFO|bot has left the chat.") == ["one", "two", "  three | 世界", "four, without an end"]
    assert done.stdout == b""
    assert done.stderr.decode().startswith("[INFO] Welcome to lobby, bot. Here is bob.")


def test_a_long_input_is_delivered_in_order(server, bob):
    lines = [f"line {number}" for number in range(5000)]
    assert pipe(server, "\n".join(lines), "--name", "bot").returncode == Exit.DELIVERED
    assert said(bob, "INFO|bot has left the chat.") == lines


def test_more_than_the_server_reads_at_once_waits():
    with serving(settings={"limits.flood_burst": 10, "limits.flood_rate": 200}) as server:
        bob = server.join("bob")
        lines = [str(number) for number in range(60)]
        assert pipe(server, "\n".join(lines), "--name", "bot").returncode == Exit.DELIVERED
        assert said(bob, "INFO|bot has left the chat.") == lines


def test_commands_in_a_pipe_need_no_acknowledgement(server):
    done = pipe(server, "/ping\n" * 600, "--name", "bot")
    assert done.returncode == Exit.DELIVERED


def test_no_input_at_all(server, bob):
    assert pipe(server, "", "--name", "bot").returncode == Exit.DELIVERED
    bob.expect("INFO|bot has joined the chat.", "INFO|bot has left the chat.")


def test_the_login_name_is_the_default(server, bob):
    assert pipe(server, "hi").returncode == Exit.DELIVERED
    bob.expect("INFO|loginname has joined the chat.", "MSG|loginname|hi")


def test_what_others_say_is_output_as_it_comes(start_pipe, bob):
    process = start_pipe("--name", "bot")
    bob.expect("INFO|bot has joined the chat.")
    bob.send("MSG|Hello | bot!", "MSG|/me waves")
    assert process.stdout.readline() == b"[bob]: Hello | bot!\n"
    assert process.stdout.readline() == b"[bob]: * bob waves\n"
    process.stdin.write(b"and while the input is open, it goes on\n")
    process.stdin.flush()
    bob.expect("MSG|bot|and while the input is open, it goes on")
    bob.send("MSG|good", "LEAVE")
    assert process.stdout.readline() == b"[bob]: good\n"
    output, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == Exit.DELIVERED
    assert output == b""
    assert b"[INFO] bob has left the chat.\n" in errors


def test_quit_ends_the_input(start_pipe, bob):
    process = start_pipe("--name", "bot")
    process.stdin.write(b"bye\n/quit\nnot this any more\n")
    process.stdin.flush()
    assert said(bob, "INFO|bot has left the chat.") == ["bye"]
    assert process.wait(DEADLINE) == Exit.DELIVERED


def test_refused_lines_are_named_and_the_others_said(server, bob):
    lines = [b"fine", b"", b"not \xff UTF-8", b"\x1b[31mred", b"x" * 5000, b"y" * 100_000, b"good"]
    done = pipe(server, b"\n".join(lines), "--name", "bot")
    assert done.returncode == Exit.REFUSED
    assert said(bob, "INFO|bot has left the chat.") == ["fine", "good"]
    errors = done.stderr.decode().splitlines()[1:]
    assert [error[: len("[ERROR] Line 3:")] for error in sorted(errors)] == [f"[ERROR] Line {n}:" for n in (3, 4, 5, 6)]
    assert "control characters" in sorted(errors)[1]


def test_an_input_that_is_no_text(server, bob):
    done = pipe(server, b"fine\n" + bytes(2_000_000) + b"\nnot reached", "--name", "bot")
    assert done.returncode == Exit.REFUSED
    assert said(bob, "INFO|bot has left the chat.") == ["fine"]
    assert "[ERROR] Line 2: It does not end." in done.stderr.decode()


@pytest.mark.parametrize("name", ["BOB", "b|b", "info"])
def test_a_name_that_is_refused(server, bob, name):
    done = pipe(server, "hi", "--name", name)
    assert done.returncode == Exit.TURNED_AWAY
    assert done.stderr.decode().startswith("[ERROR] The username ")
    assert done.stdout == b""


def test_no_server_for_the_pipe(bare_server):
    host, port = bare_server.getsockname()
    bare_server.close()
    done = subprocess.run(command(host, port), input=b"hi", capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == Exit.UNREACHABLE
    assert done.stderr.decode().startswith(f"[ERROR] No server listens at {host}:{port}.")


def test_the_server_goes_before_the_input_ends(start_pipe, bare_server):
    process = start_pipe("--name", "bot", address=bare_server.getsockname())
    sock, lines = welcome(bare_server)
    process.stdin.write(b"one\ntwo\n")
    process.stdin.flush()
    first = json.loads(lines.readline())
    assert (first["text"], json.loads(lines.readline())["text"]) == ("one", "two")
    sock.sendall(json.dumps({"type": "ack", "ref": first["ref"], "seq": 1, "id": 1}).encode() + b"\n")
    lines.close()
    sock.close()
    assert process.wait(DEADLINE) == Exit.LOST, "though its input is still open"
    errors = process.stderr.read().decode().splitlines()
    assert errors[1:] == ["[ERROR] The server has closed the connection.", "[ERROR] 1 message was not delivered."]


def test_nobody_reads_the_output(start_pipe, bob):
    process = start_pipe("--name", "bot")
    bob.expect("INFO|bot has joined the chat.")
    process.stdout.close()
    bob.send("MSG|Is anybody there?")
    bob.expect("INFO|bot has left the chat.")
    assert process.wait(DEADLINE) == Exit.DELIVERED, "quietly, though its input is still open"
    assert b"Traceback" not in process.stderr.read()


def test_streams_that_the_shell_has_closed(server, bob):
    line = " ".join(command(server.host, server.port, "--name", "bot"))
    done = subprocess.run(f"echo hi | {line} >&- 2>&-; {line} <&- 2>&-", shell=True, timeout=DEADLINE, check=False)
    assert done.returncode == Exit.DELIVERED
    bob.expect("INFO|bot has joined the chat.", "MSG|bot|hi", "INFO|bot has left the chat.")
    bob.expect("INFO|bot has joined the chat.", "INFO|bot has left the chat.")


def test_ctrl_c_in_a_pipe(start_pipe, bob):
    process = start_pipe("--name", "bot")
    bob.expect("INFO|bot has joined the chat.")
    process.stdin.write(b"said before\n")
    process.stdin.flush()
    bob.expect("MSG|bot|said before")
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == Exit.INTERRUPTED
    bob.expect("INFO|bot has left the chat.")
    assert b"Traceback" not in process.stderr.read()


def test_an_output_that_cannot_show_all(server, bob):
    with Peer(server.host, server.port):
        process = subprocess.Popen(
            command(server.host, server.port, "--name", "bot"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(PYTHONIOENCODING="ascii"),
        )
        bob.expect("INFO|bot has joined the chat.")
        bob.send("MSG|世界!")
        assert process.stdout.readline() == b"[bob]: ??!\n"
        process.communicate(timeout=DEADLINE)
        assert process.returncode == Exit.DELIVERED
