"""Reports: what people show to those who keep order, who is told, and who never is."""

from contextlib import ExitStack

import pytest
from kit.programs import Anybody, Program, know
from kit.screens import on_screen, steps

from greenchat.testing import Chat, serving


@pytest.fixture
def chat():
    return Chat("reports", "moderation")


def lines(person):
    """What they were told, as people read it; each once."""
    told = [frame["text"] if isinstance(frame, dict) else frame.removeprefix("INFO|") for frame in person.heard]
    person.heard.clear()
    return told


def test_operators_are_told_and_nobody_else(chat):
    ada = chat.join("ada", operator=True)
    eve, bob = chat.join("eve"), chat.join("bob")
    eve.says("Buy spades!")
    for person in (ada, bob, eve):
        person.heard.clear()
    assert bob.asks("/report 1 it is  spam") == "They are told."
    assert lines(ada) == [
        "1. bob reports message 1 of eve in lobby: it is spam | Buy spades!",
        "/reports done 1 takes it off the list.",
    ]
    assert lines(eve) == []
    assert bob.asks("/reports") == "You may not use /reports."
    assert bob.asks("/report 1 again").startswith("You have reported this message")
    assert bob.asks("/report 7 what").startswith("There is no message 7 in lobby")
    assert bob.asks("/report spam").startswith("NUMBER is a whole number")
    assert "bob: report in lobby" in ada.asks("/audit")


def test_it_is_kept_as_it_was_for_those_who_are_not_there_until_it_is_done(tmp_path):
    with Chat("reports", "moderation", data_dir=tmp_path) as chat:
        eve, bob = chat.join("eve"), chat.join("bob")
        eve.says("Buy spades!")
        told = bob.asks("/report 1 Spam")
        assert told == "It is kept for those who keep order here: none of them is here now."
        eve.says("/delete 1")
    with Chat("reports", "moderation", data_dir=tmp_path) as chat:
        ada = chat.join("ada", operator=True, kind="json")
        assert "1 report of people waits: /reports" in [frame.get("text") for frame in ada.welcomed + ada.heard]
        ada.heard.clear()
        ada.says("/reports")
        (listed,) = [frame for frame in ada.heard if frame["type"] == "reports"]
        assert listed["lines"] == ["1. bob reports message 1 of eve in lobby: Spam | Buy spades!"]
        found = listed["reports"][0]
        assert (found["number"], found["by"], found["sender"], found["text"]) == (1, "bob", "eve", "Buy spades!")
        ada.heard.clear()
        assert ada.asks("/reports done 2").startswith("There is no report of this number")
        assert ada.asks("/reports done 1") == "Report 1 is off the list."
        assert ada.asks("/reports") == "Nothing is reported."
        assert "report done eve in lobby (message 1, reported by bob: Spam)" in ada.asks("/audit")
    with Chat("reports", "moderation", data_dir=tmp_path) as chat:
        ada = chat.join("ada", operator=True)
        assert not [line for line in ada.welcomed + ada.heard if "report" in line]


def test_an_operator_does_not_hear_of_what_is_about_them(chat):
    ada, dan = chat.join("ada", operator=True), chat.join("dan", operator=True)
    bob = chat.join("bob")
    dan.says("Silly people.")
    for person in (ada, dan, bob):
        person.heard.clear()
    assert bob.asks("/report 1 he is rude") == "They are told."
    assert lines(dan) == []
    assert lines(ada)[0].startswith("1. bob reports message 1 of dan")
    assert dan.asks("/reports") == "Nothing is reported."
    assert dan.asks("/reports done 1").startswith("There is no report of this number")
    assert "bob" not in dan.asks("/audit").replace("by bob", "")
    ada.says("/reports done 1")
    assert "bob" not in dan.asks("/audit")


def test_it_is_not_done_without_end(chat):
    chat.join("ada", operator=True)
    eve, bob = chat.join("eve"), chat.join("bob")
    for number in range(6):
        eve.says(f"Spade {number}")
    told = [bob.asks(f"/report {number} Spam") for number in range(1, 7)]
    assert told[:5] == ["They are told."] * 5
    assert told[5].startswith("You have reported a lot of late")


def test_there_is_an_end_of_what_waits():
    chat = Chat("reports", settings={"plugins.reports.most": 1})
    eve, bob = chat.join("eve"), chat.join("bob")
    eve.says("One")
    eve.says("Two")
    bob.says("/report 1 Spam")
    assert bob.asks("/report 2 Spam").startswith("There are as many reports as may wait")


def test_of_what_was_said_alone_one_message_is_shown_by_who_reports_it():
    with serving(Anybody()) as server, ExitStack() as stack:
        know(server, "ada")
        ada, eve, bob = (stack.enter_context(Program(server, name)) for name in ("ada", "eve", "bob"))
        ada.ask("/crown", "lobby")
        said = eve.request(type="say", text="You fool", to="bob")
        eve.request(type="say", text="Our secret", to="bob")
        where = {"conversation": bob.read_until("message")["conversation"]}
        assert where["conversation"] == said["conversation"]
        args = {"number": said["seq"], "why": "Rude"}
        told, ack = bob.exchange(type="command", name="report", args=args, **where)[-2:]
        assert (told["text"], ack["type"]) == ("They are told.", "ack")
        told = ada.read_until("notice", text="1. bob reports message 1 of eve to them alone: Rude | You fool")
        listed = ada.told("/reports", "reports", "lobby")
        assert "secret" not in str(listed)
        assert "conversation" not in listed["reports"][0]
        refused = ada.exchange(type="command", name="report", args=args, **where)[-1]
        assert refused["code"] == "conversation_gone", "whose it is not reports nothing of it"
        eve.request(type="ping")


@steps
async def test_the_screen_begins_a_report_of_the_message_that_is_selected(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "eve") as eve:
            eve.request(type="say", text="Buy spades!", room="lobby")
            await ada.sees("Buy spades!")
            await ada.press("alt+up", "enter")
            await ada.sees("Report it to who keeps order")
            await ada.type("report it", "enter")
            await ada.sees("> /report 1")
            await ada.type("spam", "enter")
            await ada.sees("It is kept for those who keep order here")


@pytest.fixture
def server():
    with serving() as running:
        yield running
