"""PROTOCOL.md, held against the real server: by a client written from its plain half alone, and by its own examples."""

import ast
import json
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kit import TESTS
from kit.programs import Anybody, Program, crown

import greenchat
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.protocol import vocabulary
from greenchat.protocol.requests import Invalid, Unknown
from greenchat.testing import DEADLINE, serving

CLIENT = TESTS / "kit" / "plain_client.py"
PACKAGE = Path(greenchat.__file__).parent
PLUGINS = PACKAGE.parent / "plugins"
PROTOCOL = (PACKAGE / "PROTOCOL.md").read_text()


class PythonProgram:
    """A Python program with its standard input and output."""

    def __init__(self, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            bufsize=1,
        )
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def type(self, line):
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def line(self):
        """The next line it prints; None at the end."""
        return self._lines.get(timeout=DEADLINE)

    def end(self):
        """Close its input; the lines it prints until it ends by itself."""
        self._process.stdin.close()
        rest = list(iter(self.line, None))
        assert self._process.wait(DEADLINE) == 0
        return rest

    def kill(self):
        self._process.kill()
        self._process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        self._process.stdin.close()
        self._process.stdout.close()


@pytest.fixture
def start():
    """Start a program, which does not outlive the test."""
    programs = []

    def start(*arguments):
        programs.append(PythonProgram(*arguments))
        return programs[-1]

    yield start
    for program in reversed(programs):
        program.kill()


@pytest.fixture
def port(start, tmp_path):
    """Where a server listens that was started from the command line."""
    settings = ["--host", "127.0.0.1", "--port", "0", "--data-dir", tmp_path / "data"]
    server = start("-m", "greenchat", "serve", *settings)
    first = server.line()
    assert first.startswith("[*] Chat Server started on 127.0.0.1:")
    assert server.line() == "[*] Waiting for connections..."
    return int(first.rpartition(":")[2])


def test_the_session_of_the_readme(start, port):
    def join(name, others):
        client = start(CLIENT, "127.0.0.1", port, name)
        assert client.line().startswith(f"[INFO] Welcome to lobby, {name}. {others}")
        return client

    bob = join("Bob", "Nobody else is here yet.")
    carol = join("Carol", "Here is Bob.")
    assert bob.line() == "[INFO] Carol has joined the chat."
    alice = join("Alice", "Here are Bob, Carol.")
    alice.type("Hello everyone!")
    for other in bob, carol:
        assert other.line() == "[INFO] Alice has joined the chat."
        assert other.line() == "[Alice]: Hello everyone!"
    bob.type("Hi Alice!")
    for other in alice, carol:
        assert other.line() == "[Bob]: Hi Alice!"
    carol.type("pipes | stay | and so does 世界")
    for other in alice, bob:
        assert other.line() == "[Carol]: pipes | stay | and so does 世界"

    assert alice.end() == []
    for other in bob, carol:
        assert other.line() == "[INFO] Alice has left the chat."
    carol.kill()
    assert bob.line() == "[INFO] Carol has left the chat."
    assert bob.end() == [], "everything was seen once, and nothing that one did oneself"


def test_a_taken_name(start, port):
    first = start(CLIENT, "127.0.0.1", port, "Alice")
    first.line()
    second = start(CLIENT, "127.0.0.1", port, "ALICE")
    assert second.line() == "[ERROR] The username ALICE is taken. Choose another."
    second.type("Can you hear me?")
    assert second.line().startswith("[ERROR] You have not joined yet.")
    assert first.end() == [], "she heard nothing of it"


# What the plain half of PROTOCOL.md says is refused.
REFUSED = {
    "a second JOIN": b"JOIN|bob\n",
    "an empty message": b"MSG|\n",
    "a message of white space": b"MSG| \t\n",
    "a type that does not exist": b"DANCE|with me\n",
    "what servers say": b"INFO|bob has joined the chat.\n",
    "a line without a type": b"|\n",
    "JSON, too late": b'{"type":"say","text":"hi"}\n',
    "not UTF-8": b"MSG|\xff\n",
    "overlong UTF-8": b"MSG|\xc0\xaf\n",
    "a control character": b"MSG|\x1b[2J\n",
    "a line separator": "MSG|a\u2028INFO|x\n".encode(),
    "a CR inside": b"MSG|a\rb\n",
    "too long": b"MSG|" + b"x" * 4093 + b"\n",
}
REFUSED_BEFORE_JOIN = {
    "MSG": b"MSG|hi\n",
    "no name": b"JOIN|\n",
    "JOIN alone": b"JOIN\n",
    "a space in the name": b"JOIN|al ice\n",
    "a name kept for the server": b"JOIN|Server\n",
    "a name that is too long": b"JOIN|" + b"x" * 33 + b"\n",
    "a room that is not valid": b"JOIN|alice|a|b\n",
    "a type that does not exist": b"DANCE\n",
}


def test_what_is_refused_gets_one_error_and_changes_nothing(server):
    alice, witness = server.connect(), server.join("witness")
    for what, data in REFUSED_BEFORE_JOIN.items():
        alice.socket.sendall(data)
        assert re.fullmatch(r"ERROR\|.+\.", alice.read()), what
    alice.send("JOIN|alice")
    assert alice.read().startswith("INFO|Welcome")
    for what, data in REFUSED.items():
        alice.socket.sendall(data)
        assert re.fullmatch(r"ERROR\|.+\.", alice.read()), what
    alice.send("MSG|at last", "LEAVE")
    alice.expect_closed()
    witness.expect("INFO|alice has joined the chat.", "MSG|alice|at last", "INFO|alice has left the chat.")


def test_what_people_type_is_read_generously(server):
    alice, bob = server.connect(), server.connect()
    bob.socket.sendall(b"\r\n\njoin|bob\r\n")
    assert bob.read().startswith("INFO|Welcome to lobby, bob.")
    for byte in " Join |Alice|\r\nmsg|Grüße|世界\r\nMSG|x".encode():  # the last one never ends
        alice.socket.sendall(bytes([byte]))
    assert alice.read().startswith("INFO|Welcome to lobby, Alice.")
    bob.expect("INFO|Alice has joined the chat.", "MSG|Alice|Grüße|世界")
    alice.close()
    bob.expect("INFO|Alice has left the chat.")


def test_who_closes_the_sending_half_still_gets_what_was_under_way(server):
    alice, bob = server.connect(), server.join("bob")
    alice.send("JOIN|alice", "MSG|one", "MSG||", "MSG|two")
    alice.socket.shutdown(socket.SHUT_WR)
    assert alice.read().startswith("INFO|Welcome")
    alice.expect_closed()
    bob.expect("INFO|alice has joined the chat.", "MSG|alice|one", "MSG|alice||", "MSG|alice|two")
    bob.expect("INFO|alice has left the chat.")


def test_the_longest_frame_and_one_over_it(server):
    alice, bob = server.connect(), server.join("bob")
    alice.socket.sendall(b"JOIN|alice\r\nMSG|" + b"x" * 4092 + b"\r\nMSG|" + b"y" * 4093)
    assert alice.read().startswith("INFO|Welcome")
    assert alice.read().startswith("ERROR|"), "before its line has ended"
    alice.send("yyy", "MSG|z")
    bob.expect("INFO|alice has joined the chat.", f"MSG|alice|{'x' * 4092}", "MSG|alice|z")


def test_a_line_without_an_end_ends_the_connection(server):
    peer = server.connect()
    peer.socket.sendall(b"x" * (1024 * 1024 + 1))
    assert peer.read().startswith("ERROR|")
    assert peer.read().startswith("ERROR|")
    peer.expect_closed()


def test_a_pasted_page_is_slowed_down_but_not_lost():
    with serving(settings={"limits.flood_burst": 10, "limits.flood_rate": 100}) as server:
        alice, bob = server.connect(), server.join("bob")
        page = [f"line {n}" for n in range(60)]
        started = time.monotonic()
        alice.send("JOIN|alice", *(f"MSG|{line}" for line in page), "LEAVE")
        bob.expect("INFO|alice has joined the chat.", *(f"MSG|alice|{line}" for line in page))
        bob.expect("INFO|alice has left the chat.")
        assert time.monotonic() - started > 0.5, "62 frames, 10 of them at once, the others at 100 a second"


def test_nothing_is_said_before_the_first_byte_which_chooses_the_language(server):
    plain, json_lines, space = server.connect(), server.connect(), server.connect()
    json_lines.socket.sendall(b"{")
    plain.send("x")
    space.send(' {"type":"ping"}')
    json_lines.send('"type":"ping","ref":1}')
    json_lines.expect('{"type":"pong","ref":1}')
    for peer in plain, space:
        assert peer.read().startswith("ERROR|")


def test_who_is_turned_away_is_told_in_a_plain_frame():
    with serving(settings={"limits.connections": 1}) as server:
        server.join("alice")
        late = server.connect()
        assert late.read().startswith("ERROR|")
        late.expect_closed()


def test_both_languages_see_the_same_chat_and_json_accounts_for_all_of_it(server):
    bob, carol, alice = server.join("bob"), server.join("carol"), server.connect()
    bob.expect("INFO|carol has joined the chat.")
    bob.send("MSG|before")
    carol.expect("MSG|bob|before")
    alice.send('{"type":"join","name":"alice","ref":"in"}')
    welcome = json.loads(alice.read())
    assert (welcome["ref"], welcome["seq"], welcome["members"]) == ("in", 1, ["bob", "carol", "alice"])
    carol.expect("INFO|alice has joined the chat.")

    mine = {ref: f"mine {ref}" for ref in range(20)}
    for ref, text in mine.items():
        alice.send(json.dumps({"type": "say", "text": text, "ref": ref}))
        bob.send(f"MSG|his {ref}")
    seen = {}
    while len(seen) < 40:
        frame = json.loads(alice.read())
        if frame["type"] == "ack":
            seen[frame["seq"]] = (frame["id"], f"MSG|alice|{mine.pop(frame['ref'])}")
        elif frame["type"] == "message":
            seen[frame["seq"]] = (frame["id"], f"MSG|{frame['sender']}|{frame['text']}")
    assert sorted(seen) == list(range(2, 42)), "no gaps, from the welcome on"
    in_order = [seen[seq] for seq in sorted(seen)]
    assert in_order == sorted(in_order), "the ids rise, too"
    carol.expect(*(line for _, line in in_order))


# --- the page itself -------------------------------------------------------------------------------------------------


def examples(language):
    return [block.split("```")[0] for block in PROTOCOL.split(f"```{language}\n")[1:]]


def first_cells(section):
    """What the rows of a table begin with, but for its heading."""
    return re.findall(r"^\| `(\w+)` \|", section.partition("|---")[2], re.MULTILINE)


def test_the_bot_of_the_specification_works(start, server, tmp_path):
    alice = server.join("alice")
    (source,) = examples("python")
    assert len(list(filter(None, source.splitlines()))) <= 10
    bot = tmp_path / "bot.py"
    bot.write_text(source.replace("9999", str(server.port)))
    start(bot)
    alice.expect("INFO|echo has joined the chat.")
    alice.send("MSG|is | anybody | there?")
    alice.expect("MSG|echo|alice said: is | anybody | there?")


def test_the_netcat_session_of_the_specification_is_true(server):
    session = PROTOCOL.split("$ nc 127.0.0.1 9999\n")[1].split("```")[0].splitlines()
    bob, alice = server.connect(), server.connect()
    for direction, line in (step.split(" ", 1) for step in session):
        if line == "INFO|Alice has joined the chat.":
            alice.send("JOIN|Alice", "MSG|Hello everyone!")
        if direction == "→":
            bob.send(line)
        else:
            assert bob.read().startswith(line)
    bob.expect_closed()
    assert alice.read().startswith("INFO|Welcome to lobby, Alice. Here is Bob.")
    alice.expect("MSG|Bob|Hi Alice!", "INFO|Bob has left the chat.")


# What commands answer is declared by plugins: these examples are held against a server, the others against the codec.
ANSWERS_OF_COMMANDS = PROTOCOL.split("### Answers of commands\n")[1].split("\n### ")[0]
COMMAND_TYPES = first_cells(ANSWERS_OF_COMMANDS)


def is_not_of_commands(line):
    return line not in ANSWERS_OF_COMMANDS.splitlines()


def test_the_json_examples_of_the_specification_are_understood():
    types = set()
    for line in filter(is_not_of_commands, "".join(examples("json")).splitlines()):
        (reply,) = JsonCodec().reply_decoder().feed(f"{line}\n".encode())
        (request,) = JsonCodec().request_decoder(4096).feed(f"{line}\n".encode())
        understood = [one for one in (reply, request) if not isinstance(one, Invalid | Unknown)]
        assert understood, line
        written = [json.loads(JsonCodec().encode(one)) for one in understood]
        assert json.loads(line) in written, "written as it is sent"
        types.add(json.loads(line)["type"])
    assert types == vocabulary.tags(vocabulary.REQUESTS) | vocabulary.tags(vocabulary.SENT)


MOMENT = re.compile(
    r"(?<=127\.0\.0\.1:)\d+|(?<=\"idle_seconds\": )[\d.]+|(?<=\"id\": )\d{16}|(?<=http://)[^ \"]+"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?Z| UTC)|\d+ (second|minute|hour|day)s?"
)


def timeless(frame):
    """A frame as it is whenever it is sent."""
    made_anew = {key: 0 for key in ("seconds", "conversation") if key in frame} | {"seconds": 0}
    return json.loads(MOMENT.sub("0", json.dumps({**frame, **made_anew})))


class Oracle:
    """The command of a plugin that has declared no type of its own."""

    @greenchat.hookimpl
    def greenchat_commands(self):
        def tell(session, argument):
            session.tell(greenchat.Answer(lines=["It is Tuesday.", "It has been all day."]))

        return [greenchat.Command("oracle", "", "Tell what day it is.", tell)]


def answers_of_commands(data_dir):
    """What a server answers to ada, who has made the garden, to bob, who is in there, and to carol, an operator."""
    crown(data_dir, "carol")
    with serving(Anybody, Oracle, data_dir=data_dir) as server:
        ada, bob = Program(server, "ada", "garden"), Program(server, "bob", "garden")
        carol = Program(server, "carol", "board")
        for one, commands in (
            (ada, ["/become ada", "/topic Tulips", "/away Lunch", "/room topic-by owner", "/room key open sesame"]),
            (carol, ["/become carol", "/room key open sesame", "/room keep on", "/part", "/join lobby"]),
            (bob, ["/ignore dave"]),
        ):
            for command in commands:
                assert one.ask(command)[-1]["type"] == "ack", command
        found = [bob.told("/help", "commands"), carol.told("/rooms", "rooms")]
        found += [bob.told(f"/{kind}", kind) for kind in ("names", "room")]
        found += [
            bob.told("/whois ada", "whois"),
            bob.told("/sessions", "sessions"),
            bob.told("/ignore", "ignored"),
            ada.told("/notify none", "levels"),
            bob.told("/msg ada psst", "whispered"),
        ]
        ada.request(type="say", text="Water at six.", room="garden")
        ada.ask("/pin 1")
        bob.ask("/report 1 Spam", "garden")
        found += [bob.told("/pins", "pins", "garden"), carol.told("/reports", "reports")]
        carol.ask("/ban 10.0.0.0/8 a botnet")
        ada.ask("/ban eve 1h weeds")
        carol.ask("/slow lobby 10")
        found.append(carol.told("/bans", "bans"))
        ada.ask("/kick bob weeds")
        found += [carol.told("/audit 1", "audit")]
        found += [ada.told("/upload cat.png 120000 image/png", "upload", "garden"), bob.told("/oracle", "answer")]
    return {frame["type"]: frame for frame in found}


def test_commands_answer_as_in_the_specification(tmp_path):
    answers = answers_of_commands(tmp_path)
    shown = [json.loads(line) for line in ANSWERS_OF_COMMANDS.splitlines() if line.startswith("{")]
    assert [frame["type"] for frame in shown] == list(answers) == COMMAND_TYPES
    for frame in shown:
        answer = answers[frame["type"]]
        if frame["type"] == "commands":  # some of those that there are
            for field in ("commands", "lines"):
                answer[field] = [one for one in answer[field] if one in frame[field]]
        assert timeless(answer) == timeless(frame)


def test_all_that_commands_answer_is_in_the_specification():
    declared = set()
    for path in PLUGINS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and "Answer" in map(ast.unparse, node.bases):
                declared |= {ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg == "tag"}
    assert declared == set(COMMAND_TYPES) - {"answer", "commands", "levels", "pins", "upload"}  # those of the core


def codes_and_strings(path):
    """The error codes that a file of Python refuses with, and all strings in it."""
    codes, strings = [], set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant):
            strings.add(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            position = {"Reject": 1, "Invalid": 0, "Error": 0}.get(node.func.id)
            codes += [] if position is None else node.args[position : position + 1]
            codes += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    return {code.value for code in codes if isinstance(code, ast.Constant)} - {""}, strings


OF_THE_CORE, OF_PLUGINS = PROTOCOL.split("## Error codes\n")[1].split("### Of the bundled plugins\n")
CODES = set(first_cells(OF_THE_CORE))
CODES_OF_PLUGINS = {
    (plugin, code)
    for codes, plugins in re.findall(r"^\| (`.*?`) \| ([\w, ]+) \|", OF_PLUGINS.partition("|---")[2], re.MULTILINE)
    for code in re.findall(r"\w+", codes)
    for plugin in plugins.split(", ")
}


def test_the_specification_lists_the_error_codes_of_the_core():
    used, strings = map(set().union, *map(codes_and_strings, PACKAGE.rglob("*.py")))
    assert used <= CODES, "PROTOCOL.md lacks a code"
    assert not CODES - strings, "PROTOCOL.md lists a code that does not exist"


def test_the_specification_lists_the_error_codes_of_the_bundled_plugins():
    used = {
        (path.relative_to(PLUGINS).parts[0].removesuffix(".py"), code)
        for path in PLUGINS.rglob("*.py")
        for code in codes_and_strings(path)[0] - CODES
    }
    assert used == CODES_OF_PLUGINS
