"""`greenchat tail`: what is said, as lines of a log or as JSON."""

import json
import re
import signal

import pytest
from kit.accounts import SECRET, accounts
from kit.peers import RawServer, event, message, page, welcome
from kit.programs import Program, owner, without_plugins
from kit.proxies import Proxy
from kit.scripting import at, run, running
from kit.six_frames import SixFrames

from greenchat.connect import Exit
from greenchat.testing import DEADLINE, serving

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


def words(line):
    """A line of text without the time that it begins with."""
    assert TIME.match(line), line
    return line[20:].rstrip("\n")


def texts(output):
    return [words(line) for line in output.splitlines()]


def read_to(stream, line):
    """Read up to this line, which must come."""
    for read in iter(stream.readline, f"{line}\n"):
        assert read, f"{line} did not come"


@pytest.fixture
def bob(server):
    bob = Program(server, "bob")
    for text in ("one", "two", "three\n[ada]: three"):
        bob.request(type="say", text=text)
    return bob


def test_it_begins_with_the_last_and_goes_on_until_nobody_reads(server, bob):
    with running("tail", "Lobby", at(server), "-n", "2") as tail:
        began = [words(tail.stdout.readline()) for _ in range(3)]
        assert began == ["[bob]: two", "[bob]: three", "[bob]: [ada]: three"]
        bob.read_until("joined", name="loginname-tail")
        bob.request(type="say", text="five", reply_to=2)
        assert words(tail.stdout.readline()) == '[bob]: (to bob: "two") five'
        bob.request(type="edit", seq=2, text="TWO")
        assert tail.stderr.readline() == '[INFO] bob has changed "two": TWO\n'
        assert run("say", "lobby", "six", at(server))[0] == Exit.DELIVERED, "by the same user, beside it"
        assert words(tail.stdout.readline()) == "[loginname]: six"
        tail.stdout.close()
        assert tail.wait(DEADLINE) == Exit.DELIVERED, "at once, and not when somebody says more"
        bob.read_until("left", name="loginname-tail")
        assert tail.stderr.read() == ""


def test_json_has_what_becomes_of_messages(server, bob):
    bob.request(type="say", text="four")
    with running("tail", "lobby", at(server), "--json", "-n", "1", "--name", "eve") as tail:
        first = json.loads(tail.stdout.readline())
        assert (first["type"], first["text"], first["seq"]) == ("message", "four", 4)
        bob.request(type="edit", seq=1, text="ONE")
        bob.request(type="react", seq=4, emoji="🌷")
        bob.request(type="delete", seq=2)
        told = [json.loads(tail.stdout.readline()) for _ in range(3)]
        assert [(each["type"], each["seq"]) for each in told] == [("edited", 1), ("reacted", 4), ("deleted", 2)]
        for number, code in [(signal.SIGTERM, -signal.SIGTERM)]:
            tail.send_signal(number)
            assert tail.wait(DEADLINE) == code
        bob.read_until("left", name="eve")
        assert run("tail", "lobby", at(server), "--no-follow", "--name", "eve")[0] == Exit.DELIVERED, "the name is free"


def test_without_following_it_ends_behind_what_was_said(server, bob):
    for number in range(4, 251):
        bob.send(type="say", text=str(number))
    bob.request(type="ping")
    everything = ["[bob]: one", "[bob]: two", "[bob]: three", "[bob]: [ada]: three"]
    everything += [f"[bob]: {number}" for number in range(4, 251)]
    for options, expected in [
        (("-n", "3"), everything[-3:]),
        (("-n", "249"), everything[1:]),
        (("--since", "1h"), everything),
    ]:
        code, output, errors = run("tail", "lobby", at(server), "--no-follow", *options)
        assert (code, texts(output), errors) == (Exit.DELIVERED, expected, ""), options
    code, _, errors = run("tail", "lobby", at(server), "--since", "yesterday")
    assert (code, "'yesterday' is no time." in errors) == (2, True)
    with open("/dev/full", "w") as full:
        code, _, errors = run("tail", "lobby", at(server), output=full)
    assert (code, errors.startswith("Error: Standard output: ")) == (Exit.FAILED, True)


def test_a_server_without_a_history_does_not_tell_newcomers_what_was_said():
    with serving(settings=without_plugins("history")) as server:
        bob = Program(server, "bob")
        bob.request(type="say", text="one")
        for options in ((), ("--since", "1h")):
            code, output, errors = run("tail", "lobby", at(server), "--no-follow", *options)
            assert (code, output) == (Exit.DELIVERED, "")
            assert errors == "[INFO] This server does not tell what was said before.\n"
        with Proxy(server.port) as proxy, running("tail", "lobby", f"127.0.0.1:{proxy.port}") as tail:
            tail.stderr.readline()
            bob.request(type="say", text="two")
            assert words(tail.stdout.readline()) == "[bob]: two"
            proxy.cut()
            bob.request(type="say", text="three")
            assert words(tail.stdout.readline()) == "[bob]: three", "of which it remembers what one was there for"


def test_what_is_said_alone_is_for_who_is_logged_in(tmp_path):
    file = tmp_path / "password"
    file.write_text(SECRET)
    with accounts() as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        ada.ask(f"/register {SECRET}")
        logged_in = (at(server), "--name", "ada", "--login-file", file)
        code, _, errors = run("tail", "@bob", at(server))
        assert (code, "--login-file" in errors) == (2, True)
        code, output, errors = run("tail", "@bob", *logged_in, "--no-follow")
        assert (code, output) == (Exit.DELIVERED, "")
        assert errors == "[INFO] You and bob have said nothing to each other alone.\n"
        with running("tail", "@Bob", *logged_in) as tail:
            bob.request(type="say", text="one", to="ada")
            assert words(tail.stdout.readline()) == "[bob (private)]: one"
            bob.request(type="say", text="aloud")
            ada.request(type="say", text="two", to="bob")
            assert words(tail.stdout.readline()) == "[ada (private)]: two"
        code, output, _ = run("tail", "@bob", *logged_in, "--no-follow")
    assert texts(output) == ["[bob (private)]: one", "[ada (private)]: two"]


def test_a_guest_who_is_put_out(server):
    ada = owner(server, "ada")
    with running("tail", "garden", at(server), "--name", "eve") as tail:
        ada.expect("INFO|eve has joined the chat.")
        ada.send("MSG|/kick eve Spam")
        assert tail.wait(DEADLINE) == Exit.TURNED_AWAY
        errors = tail.stderr.read()
    assert "Spam" in errors
    assert errors.endswith("[ERROR] You are not in garden any more.\n")


# --- a connection that is lost ----------------------------------------------------------------------------------------


def test_a_loss_leaves_no_gap_and_tells_nothing_twice(server, bob):
    with Proxy(server.port) as proxy, running("tail", "lobby", f"127.0.0.1:{proxy.port}", "-n", "1") as tail:
        began = [words(tail.stdout.readline()) for _ in range(2)]
        assert began == ["[bob]: three", "[bob]: [ada]: three"]
        for turn in range(2):
            bob.request(type="say", text=f"before {turn}")
            assert words(tail.stdout.readline()) == f"[bob]: before {turn}"
            proxy.cut()
            number = bob.request(type="say", text=f"while {turn}")["seq"]
            bob.request(type="say", text="-")
            bob.request(type="edit", seq=number, text=f"meanwhile {turn}")
            bob.request(type="edit", seq=number - 1, text=f"earlier {turn}")
            assert [words(tail.stdout.readline()) for _ in "12"] == [f"[bob]: meanwhile {turn}", "[bob]: -"]
        bob.request(type="say", text="after")
        assert words(tail.stdout.readline()) == "[bob]: after"
        tail.send_signal(signal.SIGINT)
        output, errors = tail.communicate(timeout=DEADLINE)
    assert (tail.returncode, output) == (Exit.INTERRUPTED, "")
    assert errors.splitlines()[:4] == [
        "[ERROR] The server has closed the connection.",
        "[INFO] Coming back as soon as the server can be reached.",
        "[INFO] Back.",
        '[INFO] bob has changed "before 0": earlier 0',
    ]


@pytest.fixture
def raw():
    with RawServer() as server:
        yield server


def come(raw, *events, **fields):
    """Let in who comes, and tell them these events as what was said before, or meanwhile; what they have asked for."""
    join = raw.knock()
    raw.send(welcome(ref=join["ref"], name="ci", token="gr_1", protocol=2, epoch="e", **fields))
    history = raw.read()
    raw.send(page(*events, ref=history["ref"], epoch="e", rev=max((one["rev"] for one in events), default=1)))
    return history


def test_a_session_that_was_ended_does_not_come_back_and_a_lost_room_is_told(raw):
    where = "{}:{}".format(*raw.address)
    with running("tail", "lobby", where, "--name", "ci") as tail:
        come(raw, message(1, "hi", rev=1))
        assert words(tail.stdout.readline()) == "[bob]: hi"
        raw.hang_up()
        raw.send(welcome("garden", ref=raw.knock()["ref"], name="ci", token="gr_1", protocol=2))
        raw.refuse(raw.read(), "banned", "You are banned from lobby.")
        assert tail.wait(DEADLINE) == Exit.TURNED_AWAY
        assert "[ERROR] You are banned from lobby." in tail.stderr.read()
    with running("tail", "lobby", where, "--name", "ci") as tail:
        come(raw)
        raw.send({"type": "error", "code": "logged_out", "text": "Go."})
        raw.hang_up()
        assert tail.wait(DEADLINE) == Exit.LOST
        assert tail.stderr.read().splitlines() == ["[ERROR] Go.", "[ERROR] The server has closed the connection."]


def test_nobody_waits_for_a_server_for_who_reads_no_more(raw):
    with running("tail", "lobby", "{}:{}".format(*raw.address), "--name", "ci") as tail:
        come(raw)
        raw.listener.close()
        raw.hang_up()
        read_to(tail.stderr, "[INFO] Coming back as soon as the server can be reached.")
        tail.stdout.close()
        assert tail.wait(DEADLINE) == Exit.DELIVERED


def test_a_server_that_has_forgotten_all(raw):
    with running("tail", "lobby", "{}:{}".format(*raw.address), "--name", "ci") as tail:
        come(raw, message(1, "hi", rev=1))
        assert words(tail.stdout.readline()) == "[bob]: hi"
        join = raw.knock()
        raw.send(welcome(ref=join["ref"], name="ci", token="gr_1", protocol=2, epoch="another"))
        raw.refuse(raw.read(), "no_history")
        asks = raw.read()
        assert (asks["epoch"], asks["rev"]) == ("e", 1)
        raw.send(page(ref=asks["ref"], epoch="another", rev=0, anew=True))
        raw.refuse(raw.read(), "no_history")
        asks = raw.read()
        raw.send(page(ref=asks["ref"], epoch="another", rev=0), message(1, "ho", id=102, rev=1))
        assert words(tail.stdout.readline()) == "[bob]: ho"
        read_to(tail.stderr, "[INFO] This server keeps no history: what was said meanwhile is not known.")


def test_what_others_wrote_drives_no_terminal(raw):
    for options, expected in [((), "[bo?b]: red ?[31m ? "), (("--json",), "\\u001b[31m \\u202e ")]:
        with running("tail", "lobby", "{}:{}".format(*raw.address), "--name", "ci", *options) as tail:
            come(raw, message(1, "red \x1b[31m \u202e ", sender="bo\x9bb", rev=1))
            assert expected in tail.stdout.readline()
            raw.send(event("notice", text="\x1b]0;x\x07"))
            assert tail.stderr.readline() == "[INFO] ?]0;x?\n"


def test_a_server_of_plain_frames():
    with SixFrames() as server, running("tail", "", at(server), "--name", "eve") as tail:
        read_to(tail.stderr, "[INFO] This server does not tell what was said before.")
        bob = server.join("bob")
        read_to(tail.stderr, "[INFO] bob has joined the chat.")
        assert run("say", "", "/etc/passwd", at(server), "--name", "ci")[0] == Exit.DELIVERED
        assert words(tail.stdout.readline()) == "[ci]: /etc/passwd"
        server.hang_up()
        read_to(tail.stderr, "[INFO] What was said meanwhile is not known.")
        with server.join("carol") as carol:
            carol.send("MSG|hi")
            assert words(tail.stdout.readline()) == "[carol]: hi"
        for elsewhere in "@carol", "garden":
            assert run("say", elsewhere, "psst", at(server), "--name", "ci")[0] == Exit.TURNED_AWAY
        assert not any("psst" in line for line in server.heard)
    bob.close()
