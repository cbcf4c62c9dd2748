"""`greenchat connect` on a terminal, when the connection is lost: all that may happen until it is back."""

import pytest
from kit.comebacks import let_back, lose, said
from kit.peers import event, page, welcome
from kit.processes import kept_port, serve_process
from kit.programs import sync
from kit.proxies import Proxy
from kit.terminals import CTRL_C, CTRL_D, ENTER

from greenchat.connect import Exit
from greenchat.testing import serving

pytest_plugins = ["kit.terminal_fixtures"]


def test_what_comes_with_the_welcome_is_shown_once(talk, raw):
    raw.send(said(1, "one"))
    talk.wait_for("[bob]: one", ">")
    raw.hang_up()
    raw.accept()
    join = raw.read()
    raw.send(welcome(seq=2, ref=join["ref"]), page(said(2, "two")))
    history = raw.read()
    raw.send(said(3, "three"))
    raw.send(page(said(1, "one"), said(2, "two"), said(3, "three"), ref=history["ref"]), said(4, "four"))
    talk.wait(lambda lines: "[bob]: four" in lines)
    shown = [line.rpartition(": ")[2] for line in talk.lines if "[bob]: " in line]
    assert shown == ["one", "two", "three", "four"]


def test_a_long_absence(talk, raw):
    raw.send(said(1, "one"))
    talk.wait_for("[bob]: one", ">")
    raw.hang_up()
    _, history = let_back(raw, said(2, "two"), said(3, "three"), seq=5, more=True)
    assert history["after"] == 1
    history = raw.read()
    assert history["after"] == 3
    raw.send(page(said(5, "five"), ref=history["ref"]))
    talk.wait(
        lambda lines: "[INFO] You missed 3 messages in lobby, since 2026-01-31 21:02:" in lines and lines[-1] == ">"
    )


def test_a_server_that_keeps_no_history(talk, raw):
    talk.type("one" + ENTER)
    raw.read()
    raw.hang_up()
    raw.accept()
    raw.send(welcome(ref=raw.read()["ref"]))
    raw.send({"type": "error", "code": "no_history", "text": "None.", "ref": raw.read()["ref"]})
    talk.wait(
        lambda lines: (
            lines[-3:]
            == [
                "[INFO] This server keeps no history: what was said meanwhile is not known.",
                "[ERROR] May not have been said in lobby: one",
                ">",
            ]
        )
    )


def test_a_name_that_is_not_free_yet(talk, raw):
    raw.hang_up()
    for _ in range(2):
        raw.accept()
        join = raw.read()
        raw.send({"type": "error", "code": "name_taken", "text": "The username alice is taken.", "ref": join["ref"]})
        assert raw.read_end() == ""
        raw.hang_up()
    let_back(raw)
    talk.wait(lambda lines: sum("Welcome to lobby, alice." in line for line in lines) == 2 and lines[-1] == ">")
    assert talk.lines.count("[ERROR] The username alice is taken.") == 1


def test_a_server_that_has_spoken_json_is_asked_for_nothing_else(talk, raw):
    raw.hang_up()
    for _ in range(2):
        raw.accept()
        assert raw.read()["type"] == "join"
        raw.hang_up()  # without a word, as one that is about to end, or has just begun
    let_back(raw)
    talk.wait(lambda lines: sum("Welcome to lobby, alice." in line for line in lines) == 2 and lines[-1] == ">")


def test_a_refusal_that_does_not_pass(talk, raw):
    lose(talk, raw)
    talk.type("hello" + ENTER)
    talk.wait(lambda lines: "[INFO] Waiting to be said in lobby: hello" in lines)
    raw.accept()
    raw.send({"type": "error", "code": "room_key", "text": "lobby needs a key.", "ref": raw.read()["ref"]})
    assert talk.end() == Exit.TURNED_AWAY
    assert talk.lines[-3:] == [
        "[ERROR] lobby needs a key.",
        "[ERROR] Not said in lobby: hello",
        "[ERROR] 1 message was not delivered.",
    ]


@pytest.mark.parametrize(
    "code", ["banned", "idle", "name_reserved", "resumed_elsewhere", "logged_out", "too_many_sessions"]
)
def test_who_is_sent_away_does_not_come_back(talk, raw, code):
    raw.send({"type": "error", "code": code, "text": "Go."})
    raw.hang_up()
    assert talk.end() == Exit.LOST
    assert talk.lines[-2:] == ["[ERROR] Go.", "[ERROR] The server has closed the connection."] or talk.lines[-3:] == [
        "[ERROR] Go.",
        ">",
        "[ERROR] The server has closed the connection.",
    ]


def test_who_is_banned_from_a_room_only_comes_back(talk, raw):
    left = event("left", name="alice", reason="banned")
    raw.send({"type": "error", "code": "banned", "text": "Go."}, left)
    raw.hang_up()
    raw.accept()
    assert raw.read()["type"] == "join"


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D, "/quit" + ENTER])
def test_leaving_while_nobody_is_there(talk, raw, keys):
    raw.listener.close()
    lose(talk, raw)
    talk.type("hello" + ENTER)
    talk.wait(lambda lines: "[INFO] Waiting to be said in lobby: hello" in lines)
    talk.type(keys)
    assert talk.end() == Exit.LOST
    assert talk.lines[-2:] == ["[ERROR] Not said in lobby: hello", "[ERROR] 1 message was not delivered."]


def test_leaving_while_it_comes_back(talk, raw):
    raw.hang_up()
    raw.accept()
    raw.read()
    talk.type(CTRL_C)
    assert talk.end() == Exit.LOST
    assert raw.read_end() == ""


def test_a_password_that_is_asked_for_meanwhile(talk, raw):
    talk.type("/register" + ENTER)
    talk.wait_for("> /register", "Password:")
    lose(talk, raw)
    talk.type(f"hunter2{ENTER}hunter2{ENTER}")
    talk.wait(lambda lines: "[INFO] Waiting to be run: /register" in lines and lines[-1] == ">")
    let_back(raw)
    assert raw.read()["text"] == "/register hunter2"
    assert b"hunter" not in talk.written


def test_in_no_room_before_and_after(talk, raw):
    raw.send(event("left", name="alice", reason="kicked"))
    talk.wait(lambda lines: "You are in no room." in "".join(lines))
    raw.hang_up()
    raw.accept()
    join = raw.read()
    assert join["room"] is None
    raw.send(welcome("", members=[], ref=join["ref"]))
    talk.wait(lambda lines: sum("You are in no room." in line for line in lines) == 2 and lines[-1] == ">")
    talk.type("to whom?" + ENTER)
    talk.wait(lambda lines: "[ERROR] Not said: to whom?" in lines)


def test_a_killed_server_loses_nothing_that_was_acknowledged(open_terminal, tmp_path):
    with kept_port() as port:
        with serve_process(tmp_path, "--port", str(port)) as serving:
            alice = open_terminal(f"127.0.0.1:{port}", "--name", "alice")
            alice.wait(lambda lines: lines[-1] == ">")
            with serving.join("bob") as bob:
                alice.type("one" + ENTER + "/ping" + ENTER)
                bob.expect("MSG|alice|one")
                alice.wait(lambda lines: "[INFO] Pong." in lines)  # answers are in order: it was acknowledged
                serving.process.kill()
            alice.wait(lambda lines: "Ctrl-C leaves." in "".join(lines) and lines[-1] == ">")
        alice.type("two" + ENTER)
        with serve_process(tmp_path, "--port", str(port)) as serving:
            alice.wait(lambda lines: lines[-1] == ">" and "Welcome to lobby, alice." in "".join(lines[3:]))
            alice.type("/ping" + ENTER)
            alice.wait(lambda lines: lines.count("[INFO] Pong.") == 2)  # so was what had waited
            with serving.join("bob") as bob:
                bob.send("MSG|/history")
                bob.read_until("MSG|alice|[1] one")
                bob.expect("MSG|alice|[2] two")


def test_what_was_for_the_last_one_is_for_nobody_else(open_terminal):
    with serving() as chat, Proxy(chat.port) as proxy:
        bob, eve = chat.join("bob"), chat.join("eve")
        alice = open_terminal("127.0.0.1", str(proxy.port), "--name", "alice")
        alice.wait(lambda lines: lines[-1] == ">")
        alice.type("well said" + ENTER)
        bob.read_until("MSG|alice|well said")
        bob.send("MSG|/msg alice hi")
        alice.wait(lambda lines: any("[bob" in line and line.endswith(": hi") for line in lines))
        proxy.swallow()
        eve.send("MSG|/msg alice hi from me", "MSG|Shall we delete it all?")
        sync(eve)
        proxy.give_up()
        alice.wait(lambda lines: "Ctrl-C leaves." in "".join(lines) and lines[-1] == ">")
        alice.type("/reply the code is 4711" + ENTER + "/re yes" + ENTER + "/delete" + ENTER + "back again" + ENTER)
        read = bob.read_until("MSG|alice|back again")
        alice.wait(lambda lines: sum("Not sent in lobby: /" in line for line in lines) == 3 and lines[-1] == ">")
        assert not [line for line in [*read, *sync(bob), *sync(eve)] if "4711" in line or "yes" in line]
        alice.type("/history" + ENTER)
        alice.wait(lambda lines: any("[1] " in line and "[alice]: well said" in line for line in lines))
