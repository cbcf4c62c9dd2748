"""`greenchat connect` on a terminal, when the connection is lost: it comes back by itself."""

from contextlib import contextmanager

import pytest
from kit.comebacks import LOST, let_back, lose, said
from kit.peers import event, page, welcome
from kit.processes import kept_port, serve_process
from kit.terminals import CTRL_C, CTRL_D, ENTER

from greenchat.connect import Exit
from greenchat.connect.comeback import LONGEST_SECONDS, pauses
from greenchat.testing import serving

pytest_plugins = ["kit.terminal_fixtures"]


@contextmanager
def server_at(port, tmp_path, **settings):
    with serving(
        settings={"server.port": port, "plugins.accounts.memory_mib": 1, "plugins.accounts.passes": 1} | settings,
        data_dir=tmp_path,
    ) as server:
        yield server


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_the_server_is_restarted(open_terminal, tmp_path, size):
    with kept_port() as port:
        with server_at(port, tmp_path) as server:
            bob = server.join("bob", "garden")
            bob.read()
            alice = open_terminal(f"127.0.0.1:{port}", "--name", "alice", "--room", "garden", size=size)
            bob.expect("INFO|alice has joined the chat.")
            bob.send("MSG|before")
            alice.wait(lambda lines: "[bob]: before" in lines and lines[-1] == ">")
            alice.type("said" + ENTER)
            bob.expect("MSG|alice|said")
            alice.type("half ty")
            alice.wait(lambda lines: lines[-1] == "> half ty")
        alice.wait(lambda lines: "Ctrl-C leaves." in "".join(lines) and lines[-1] == "> half ty")
        alice.type("ped" + ENTER + "/me waves" + ENTER + "still here")
        alice.wait(lambda lines: "Waiting to be said in garden: half typed" in "".join(lines))
        alice.wait(lambda lines: "Waiting to be run: /me" in "".join(lines) and lines[-1] == "> still here")
        with server_at(port, tmp_path) as server:
            eve = server.join("eve")
            # Whoever is there first, alice comes back into the garden, and says there what has waited.
            alice.wait(lambda lines: "Welcome to garden, alice." in "".join(lines) and lines[-1] == "> still here")
            carol = server.join("carol", "garden")
            alice.type(ENTER)
            carol.read_until("MSG|alice|still here")
            carol.send("MSG|/history 9", "MSG|/ping")
            said = [line for line in carol.read_until("INFO|Pong.") if line.startswith("MSG|")]
            assert said == [
                f"MSG|{line}"
                for line in ("bob|before", "alice|said", "alice|half typed", "alice|* alice waves", "alice|still here")
            ]
            alice.type("/quit" + ENTER)
            assert alice.end() == Exit.DELIVERED
            eve.send("MSG|/ping")
            eve.expect("INFO|Pong.")


def test_the_server_is_killed_with_a_message_under_way(talk, raw):
    raw.send(said(1, "one"))
    talk.wait_for("[bob]: one", ">")
    talk.type("two" + ENTER + "two" + ENTER + "three" + ENTER + "/topic four" + ENTER + "five" + ENTER)
    assert [raw.read()["text"] for _ in range(4)] == ["two", "two", "three", "/topic four"]
    raw.hang_up()
    talk.wait(lambda lines: lines[-3:] == [*LOST, ">"])
    join, history = let_back(
        raw,
        *(said(1, "one"), said(2, "two", sender="alice"), said(3, "while you were away")),
        seq=3,
    )
    assert (join["name"], join["room"], history["after"], history["room"]) == ("alice", "lobby", 1, "lobby")
    talk.wait(
        lambda lines: (
            lines[-9:]
            == [
                "[INFO] You missed a message in lobby, since 2026-01-31 21:03:",
                "2026-01-31 21:03 [bob]: while you were away",
                "[INFO] That was while you were away, until 2026-01-31 21:03.",
                "[INFO] Was said in lobby: two",
                "[ERROR] May not have been said in lobby: two",
                "[ERROR] May not have been said in lobby: three",
                "[ERROR] May not have been run: /topic",
                "[INFO] What has waited is said now.",
                ">",
            ]
        )
    )
    five = raw.read()
    assert (five["text"], five["room"]) == ("five", "lobby"), "and nothing of what may have been said is said twice"


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


def test_it_comes_back_as_who_and_where_one_was(talk, raw):
    for line, *answers in [
        ("/register hunter2",),
        (
            "/nick Ada",
            event("renamed", name="alice", new_name="Ada"),
        ),
        ("/passwd hunter2 hunter3",),
        ("/join vault open sesame", welcome("vault", name="Ada", members=["Ada"])),
    ]:
        talk.type(line + ENTER)
        say = raw.read()
        raw.send(*answers)
        if line.startswith("/join"):
            left = raw.read()
            assert left["type"] == "leave"
            raw.send({"type": "ack", "ref": left["ref"]})
        raw.send({"type": "ack", "ref": say["ref"]})
    talk.wait(lambda lines: "[INFO] Welcome to vault, Ada. Nobody else is here yet." in lines and lines[-1] == ">")
    raw.hang_up()
    join, _ = let_back(raw)
    assert {key: join.get(key) for key in ("name", "login", "room", "key")} == {
        "name": "alice",  # whose account it is
        "login": "hunter3",
        "room": "vault",
        "key": "open sesame",
    }
    assert b"hunter" not in talk.written
    assert b"sesame" not in talk.written


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


@pytest.mark.parametrize("code", ["banned", "logged_in_elsewhere", "idle", "name_reserved"])
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
    talk.wait_for("> /register", "New password:")
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
    assert "room" not in join
    raw.send(welcome(ref=join["ref"]))
    left = raw.read()
    assert (left["type"], left["room"]) == ("leave", "lobby")
    raw.send(event("left", name="alice", reason="left"))
    talk.wait(lambda lines: sum("You are in no room." in line for line in lines) == 2 and lines[-1] == ">")
    talk.type("to whom?" + ENTER)
    talk.wait(lambda lines: "[ERROR] Not said: to whom?" in lines)


def test_a_join_that_was_lost_leads_nowhere(talk, raw):
    talk.type("/join vault KEY" + ENTER + "for the vault" + ENTER)
    raw.read()
    raw.hang_up()
    let_back(raw)
    talk.wait(lambda lines: "[ERROR] Not said: for the vault" in lines and lines[-1] == ">")
    talk.type("for the lobby" + ENTER)
    say = raw.read()
    assert (say["text"], say["room"]) == ("for the lobby", "lobby")


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
            with serving.join("bob") as bob:
                bob.send("MSG|/history")
                bob.read_until("MSG|alice|one")
                bob.expect("MSG|alice|two")


def test_each_try_comes_later_but_not_at_the_same_time_as_others():
    rows = [[pause for _, pause in zip(range(12), pauses(), strict=False)] for _ in range(200)]
    assert max(row[0] for row in rows) < 1
    assert len({row[0] for row in rows}) > 100
    assert all(LONGEST_SECONDS / 2 <= row[-1] <= LONGEST_SECONDS for row in rows)
