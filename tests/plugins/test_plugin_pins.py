"""Pins: who may pin what, what all are told of it, and what becomes of it."""

from contextlib import ExitStack

import pytest
from kit.histories import history
from kit.programs import Anybody, Program
from kit.screens import on_screen, steps

from greenchat.testing import Chat, serving

PLUGINS = ("pins", "history", "rooms", "moderation")


@pytest.fixture
def chat():
    return Chat(*PLUGINS)


def told(person):
    """What they were told, each once."""
    found = [frame if isinstance(frame, dict) else frame.removeprefix("INFO|") for frame in person.heard]
    person.heard.clear()
    return found


def test_owners_and_operators_pin_and_all_in_the_room_are_told(chat):
    ada, bob = chat.join("ada", "garden"), chat.join("bob", "garden", kind="json")
    ada.says("Water at six.")
    bob.says("Yes!", room="garden")
    told(ada), told(bob)
    refusal = "Only the owner of garden and operators pin messages there."
    assert bob.asks("/pin 1") == refusal
    ada.says("/pin 1")
    assert told(ada) == ["ada has pinned message 1 of ada. /pins tells it."]
    event = next(frame for frame in told(bob) if frame["type"] == "pinned")
    assert (event["seq"], event["sender"], event["by"], event["on"]) == (1, "ada", "ada", True)
    ada.says("/pin")
    assert bob.asks("/pins") == "2. bob: Yes! (pinned by ada)\n1. ada: Water at six. (pinned by ada)"
    assert ada.asks("/pin 1").startswith("Message 1 is pinned already")
    assert ada.asks("/pin 9").startswith("There is no message 9 in garden")
    assert bob.asks("/unpin 1") == refusal
    told(ada)
    ada.says("/unpin 2")
    assert told(ada) == ["ada has taken message 2 off the pins."]
    assert ada.asks("/unpin 2").startswith("Message 2 is not pinned here")
    ada.says("/edit 1 Water at seven.")
    assert ada.asks("/pins") == "1. ada: Water at seven. (pinned by ada)"
    cat = chat.join("cat", "garden", kind="json")
    assert next(frame for frame in cat.welcomed if frame["type"] == "pins")["pins"][0]["seq"] == 1
    told(bob)
    ada.says("/delete 1")
    assert [(frame["seq"], frame["on"]) for frame in told(bob) if frame["type"] == "pinned"] == [(1, False)]
    assert ada.asks("/pins") == "Nothing is pinned here."
    operator = chat.join("dan", operator=True)
    operator.says("Hello")
    operator.says("/pin")
    assert operator.asks("/pins") == "1. dan: Hello (pinned by dan)"


def test_there_is_an_end_of_them():
    chat = Chat(*PLUGINS, settings={"plugins.pins.most": 2})
    ada = chat.join("ada", "garden")
    for number in range(3):
        ada.says(f"Rose {number}")
    ada.says("/pin 1")
    ada.says("/pin 2")
    assert ada.asks("/pin 3") == "2 messages are pinned here, as many as may be. /unpin NUMBER makes room."


def test_they_outlast_a_restart_and_end_with_what_is_forgotten(tmp_path):
    with Chat(*PLUGINS, data_dir=tmp_path) as chat:
        ada, eve = chat.join("ada", operator=True), chat.join("eve")
        eve.says("My secret")
        ada.says("Hello")
        ada.says("/pin 1")
        ada.says("/pin 2")
    with Chat(*PLUGINS, data_dir=tmp_path) as chat:
        assert chat.join("bob").asks("/pins").startswith("2. ada: Hello (pinned by ada)\n1. eve: My secret")
    assert history(tmp_path, "forget", "--user", "eve", "--yes").exit_code == 0
    with Chat(*PLUGINS, data_dir=tmp_path) as chat:
        assert chat.join("bob").asks("/pins") == "2. ada: Hello (pinned by ada)"


def test_without_a_history_no_other_message_takes_the_place_of_one(tmp_path):
    with Chat("pins", "moderation", data_dir=tmp_path) as chat:
        ada = chat.join("ada", operator=True)
        ada.says("Hello")
        ada.says("/pin 1")
        assert ada.asks("/pins") == "1. ada: Hello (pinned by ada)"
    with Chat("pins", "moderation", data_dir=tmp_path) as chat:
        eve = chat.join("eve")
        eve.says("Buy spades!")
        assert eve.asks("/pins") == "Nothing is pinned here."


def test_nothing_is_pinned_of_what_was_said_alone(chat):
    chat.join("bob", kind="json")
    ada = chat.join("ada", kind="json", operator=True)
    ada.says("Psst", to="bob")
    talk = next(frame["conversation"] for frame in ada.heard if frame["type"] == "ack")
    told(ada)
    ada.says("/pin 1", conversation=talk)
    assert told(ada)[-1]["type"] == "error"


@steps
async def test_the_screen_counts_them_and_pins_what_is_selected(tmp_path):
    with serving(Anybody()) as server, ExitStack() as stack:
        async with on_screen(server, "ada", tmp_path, size=(120, 30)) as ada:
            await ada.type("/join garden", "enter")
            await ada.sees("ada is the owner of garden now.")
            bob = stack.enter_context(Program(server, "bob", "garden"))
            bob.request(type="say", text="Water at six.", room="garden")
            await ada.sees("Water at six.")
            await ada.press("alt+up", "enter")
            await ada.sees("Pin it")
            await ada.type("pin it", "enter")
            await ada.sees("1 pinned: /pins", "ada has pinned message 1 of bob.")
            assert bob.read_until("pinned")["on"]
            await ada.press("alt+up", "enter")
            await ada.sees("Unpin it")
            await ada.type("unpin it", "enter")
            await ada.sees("ada has taken message 1 off the pins.")
            assert "1 pinned" not in ada.text
