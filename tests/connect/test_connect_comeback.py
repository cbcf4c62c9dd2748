"""`greenchat connect` on a terminal, when the connection is lost: it comes back by itself."""

from contextlib import contextmanager

import pytest
from kit.comebacks import LOST, let_back, lose, said
from kit.peers import event, welcome
from kit.processes import kept_port
from kit.terminals import CTRL_C, ENTER

from greenchat.connect import Exit
from greenchat.connect.tries import LONGEST_SECONDS, pauses
from greenchat.testing import serving

pytest_plugins = ["kit.terminal_fixtures"]


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


def test_a_join_that_was_lost_leads_nowhere(talk, raw):
    talk.type("/join vault KEY" + ENTER + "for the vault" + ENTER)
    raw.read()
    raw.hang_up()
    let_back(raw)
    talk.wait(lambda lines: "[ERROR] Not said: for the vault" in lines and lines[-1] == ">")
    talk.type("for the lobby" + ENTER)
    say = raw.read()
    assert (say["text"], say["room"]) == ("for the lobby", "lobby")


RELATIVE = [
    *("/reply yes", "/re yes", "/re 12", "/Edit At one.", "/react +1", "/react 12", "/delete"),
    *("/msg bob yes", " / msg bob yes", "/invite bob", "/ignore bob", "/unignore bob", "/room owner bob"),
    *("/kick bob", "/ban bob 1h", "/unban bob", "/mute bob", "/unmute bob", "/op bob", "/deop bob"),
    *("/sessions end 3", f"/login{ENTER}hunter2"),
]

FIXED = [
    *("/re 12 yes", "/edit #12 At one.", "/react 12 👍", "/delete 12", "/delete #12", "//reply yes", "hello"),
    *("/ignore", "/invite", "/room key off", "/room owner", "/sessions", "/login ada hunter2", "/whois bob"),
    *("/topic reply", "/me waves", "/history", "/nick Ada"),
]


def test_what_may_mean_another_once_one_is_back_is_not_run(open_terminal, raw):
    talk = open_terminal(*raw.address, "--name", "alice", size=(100, 200))
    let_in(raw, epoch="one")
    talk.wait(lambda lines: lines[-1] == ">")
    lose(talk, raw)
    for one in range(max(len(RELATIVE), len(FIXED))):
        talk.type("".join(line + ENTER for line in (RELATIVE[one : one + 1] + FIXED[one : one + 1])))
    talk.type("half ty")
    talk.wait(lambda lines: lines[-1] == "> half ty")
    let_back(raw, epoch="one")
    run = []
    for seq, _ in enumerate(FIXED, 1):
        say = raw.read()
        run.append(say["text"])
        raw.send({"type": "ack", "ref": say["ref"], "seq": seq, "id": seq})
    assert run == FIXED, "all the others, in their order"
    talk.wait(lambda lines: "[INFO] What has waited is said now." in lines and lines[-1] == "> half ty")
    at = talk.lines.index("[INFO] What has waited is said now.")
    refusals = []
    for line in RELATIVE:
        refusals += [
            f"[ERROR] Not sent in lobby: {line.split()[0]}",
            "[ERROR] It might mean somebody or something else by now. If it still holds, type it again.",
        ]
    assert talk.lines[at - len(refusals) : at] == refusals
    talk.type(CTRL_C)
    assert raw.read()["type"] == "leave"


def test_nor_what_names_a_message_by_a_number_that_another_may_have_by_now(open_terminal, raw):
    talk = open_terminal(*raw.address, "--name", "alice")
    let_in(raw, epoch="one")
    talk.wait(lambda lines: lines[-1] == ">")
    lose(talk, raw)
    commands = ["/re 12 Gladly!", "/edit #12 At one.", "/delete 12", "/react 12 👍"]
    talk.type("".join(line + ENTER for line in [*commands, "hello"]))
    talk.wait(lambda lines: "hello" in lines[-2] and lines[-1] == ">")
    let_back(raw, epoch="two")
    assert raw.read()["text"] == "hello"
    talk.wait(lambda lines: "[INFO] What has waited is said now." in lines and lines[-1] == ">")
    for command in commands:
        assert f"[ERROR] Not sent in lobby: {command.split()[0]}" in talk.lines


def let_in(raw, **fields):
    raw.accept()
    raw.send(welcome(ref=raw.read()["ref"], **fields))


def test_nor_what_has_waited_for_an_answer_that_was_lost(talk, raw):
    talk.type("/topic tulips" + ENTER + "/delete" + ENTER + "hello" + ENTER)
    assert raw.read()["text"] == "/topic tulips"
    talk.wait(lambda lines: lines[-1] == ">")
    raw.hang_up()
    let_back(raw)
    assert raw.read()["text"] == "hello"
    talk.wait(lambda lines: "[ERROR] Not sent in lobby: /delete" in lines and lines[-1] == ">")


def test_each_try_comes_later_but_not_at_the_same_time_as_others():
    rows = [[pause for _, pause in zip(range(12), pauses(), strict=False)] for _ in range(200)]
    assert max(row[0] for row in rows) < 1
    assert len({row[0] for row in rows}) > 100
    assert all(LONGEST_SECONDS / 2 <= row[-1] <= LONGEST_SECONDS for row in rows)


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
                "MSG|bob|[1] before",
                "MSG|alice|[2] said",
                "MSG|alice|[3] half typed",
                "MSG|alice|[4] * alice waves",
                "MSG|alice|[5] still here",
            ]
            alice.type("/quit" + ENTER)
            assert alice.end() == Exit.DELIVERED
            eve.send("MSG|/ping")
            eve.expect("INFO|Pong.")
