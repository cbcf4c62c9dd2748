"""`greenchat connect` on a terminal: what was said before, and what nobody shall see."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from kit.peers import event, message, page, welcome
from kit.terminals import CTRL_C, CTRL_D, CTRL_U, ENTER, UP

from greenchat.testing import serving

pytest_plugins = ["kit.terminal_fixtures"]


def test_today_needs_no_date(talk, raw):
    now = datetime.now(UTC).replace(microsecond=0)
    raw.send(page(message(1, "hi", time=now.isoformat())))
    shown = now.astimezone(timezone(timedelta(hours=9)))
    talk.wait(lambda lines: f"{shown:%H:%M} [bob]: hi" in lines)


def test_nothing_is_shown_twice(talk, raw):
    raw.send(message(1, "one"))
    talk.wait_for("[bob]: one", ">")
    talk.type("two" + ENTER)
    say = raw.read()
    raw.send({"type": "ack", "ref": say["ref"], "seq": 2, "id": 102}, welcome("garden"), page(room="garden"))
    assert raw.read()["type"] == "leave"
    times = {"time": "2026-01-31T13:00:00Z"}
    joined = [event("joined", name="eve"), event("joined", name="dan") | times]
    kept = [joined[0], message(1, "one"), message(2, "two", sender="alice"), message(3, "three"), joined[1]]
    raw.send(welcome("lobby"), page(*kept))
    talk.wait_for(
        "> two",
        "[INFO] Welcome to garden, alice. Nobody else is here yet.",
        "[INFO] Welcome to lobby, alice. Nobody else is here yet.",
        "[INFO] The last message in lobby, since 2026-01-31 21:00:",
        "2026-01-31 21:00 [bob]: three",
        "2026-01-31 22:00 [INFO] dan has joined the chat.",
        "[INFO] That was before, until 2026-01-31 22:00.",
        ">",
    )


def test_what_one_asks_for_is_shown_again(talk, raw):
    raw.send(message(1, "one"))
    talk.wait_for("[bob]: one", ">")
    for events in [message(1, "one")], []:
        talk.type("/history" + ENTER)
        say = raw.read()
        raw.send(page(*events, ref=""), {"type": "ack", "ref": say["ref"]})
        talk.wait(lambda lines: lines[-1] == ">" and "before" in lines[-2])
    talk.wait_for(
        "[bob]: one",
        "> /history",
        "[INFO] The last message in lobby, since 2026-01-31 21:00:",
        "[1] 2026-01-31 21:00 [bob]: one",
        "[INFO] That was before, until 2026-01-31 21:00.",
        "> /history",
        "[INFO] Nothing was said in lobby before.",
        ">",
    )


class TestWithReplay:
    """On a server as it is by itself, which tells what was said before."""

    @pytest.fixture
    def server(self):
        with serving(settings={"plugins.history.replay": 20}) as running:
            yield running

    def test_coming_back_into_a_room_with_a_history(self, alice, bob):
        bob.send("MSG|one")
        alice.wait_for("[bob]: one", ">")
        alice.type("two" + ENTER)
        bob.expect("MSG|alice|two")
        alice.type("/join garden" + ENTER)
        bob.expect("INFO|alice has left the chat.")
        bob.send("MSG|three")
        alice.type("/join lobby" + ENTER)
        bob.expect("INFO|alice has joined the chat.")
        bob.send("MSG|four")
        alice.wait_for("[bob]: four", ">")
        talk = [line.rpartition(": ")[2] for line in alice.lines if "[bob]:" in line or "[alice]:" in line]
        assert talk == ["one", "three", "four"], "and what she typed herself"
        alice.type("/history 3" + ENTER)
        alice.wait(lambda lines: "That was before" in lines[-2] and lines[-1] == ">")
        assert [line.rpartition(" ")[2] for line in alice.lines[-5:-2]] == ["two", "three", "four"]


def test_what_is_no_command_is_shown_and_remembered(talk, raw):
    for line in "hello", "I type /login ada hunter2":
        talk.type(line)
        talk.wait(lambda lines, line=line: lines[-1] == f"> {line}")
        talk.type(ENTER)
        say = raw.read()
        raw.send({"type": "ack", "ref": say["ref"]})
        talk.type(UP)
        talk.wait(lambda lines, line=line: lines[-2:] == [f"> {line}"] * 2)
        talk.type(CTRL_U)


def test_one_need_not_tell_a_password(talk, raw):
    for key in ENTER, CTRL_C, CTRL_D:
        talk.type("/register" + ENTER)
        talk.wait_for("> /register", "Password:")
        talk.type(key)
        talk.wait(lambda lines: lines[-2:] == ["[INFO] Nothing was sent.", ">"])
    talk.type("hi" + ENTER)
    assert raw.read()["text"] == "hi"


def test_a_password_is_not_taken_with_a_slip(talk, raw):
    talk.type(f"/register{ENTER}hunter2{ENTER}")
    talk.wait_for("Password: *******", "The same again:")
    talk.type(f"hunter3{ENTER}")
    talk.wait(lambda lines: "[ERROR] These two are not the same." in lines[-2] and lines[-1] == ">")
    talk.type("hi" + ENTER)
    assert raw.read()["text"] == "hi"
