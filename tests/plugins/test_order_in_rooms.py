"""Owners of rooms keep order in them, and slow them down: over a real server."""

import re

import pytest
from kit.machine import eventually
from kit.orders import (
    HOUR,
    UNTIL,
    bans,
    house,
    is_slowed,
    operator,
    refusals,
)
from kit.programs import Program, owner, says


@pytest.fixture
def server(tmp_path):
    with house(tmp_path, "ada") as running:
        running.data_dir = tmp_path
        yield running


# --- the owner of a room ---


def test_an_owner_mutes_in_the_room_alone(server):
    bob, bot = owner(server, "bob"), Program(server, "bot", "garden")
    bot.join(room="attic")
    says(bob, "/mute bot")
    assert bot.read_until("notice")["text"].startswith("bob has muted you in garden for 10m, until ")
    assert bot.refused("hello", "garden") == "muted"
    assert bot.ask("hello", "attic")[-1]["type"] == "ack"
    assert bot.ask("/msg bob hello", "garden")[-1]["type"] == "ack"
    assert "INFO|bot is not muted in garden any more." in says(bob, "/unmute bot")
    assert bot.ask("hello", "garden")[-1]["type"] == "ack"


def test_an_owner_bans_from_the_room_alone(server):
    bob, eve, bot = owner(server, "bob"), server.join("eve", "garden"), Program(server, "bot", "garden")
    says(bob, "/ban eve 1h weeds")
    line = next(line for line in iter(eve.read, "") if line.startswith("ERROR|"))
    assert re.fullmatch(rf"ERROR\|You are banned from garden for {HOUR}, {UNTIL}: weeds", line)
    assert says(eve, "/join attic")[0].startswith("INFO|Welcome to attic, eve.")
    notice = bot.read_until("notice", room="garden")["text"]
    assert re.fullmatch(rf"eve was banned from garden by bob for {HOUR}, {UNTIL}: weeds", notice)
    for lines in (["/join garden"], ["/nick flower", "/join garden"]):
        assert refusals(says(eve, *lines))[-1].startswith("You are banned from garden for ")
    other = Program(server)
    assert other.join(name="EVE", room="garden")["code"] == "banned"
    assert other.join(name="eve")["room"] == "lobby"
    assert "INFO|flower is not banned in garden any more." in says(bob, "/unban flower")
    says(eve, "/join garden")
    bob.read_until("INFO|flower has joined the chat.")


def test_an_owner_bans_no_addresses(server):
    bob = owner(server, "bob")
    assert refusals(says(bob, "/ban 10.0.0.1")) == ["Only operators ban addresses. Ban somebody by name."]


def test_what_a_guest_has_ordered_ends_with_the_room(server):
    bob, eve, bot = owner(server, "bob"), server.join("eve", "garden"), Program(server, "bot", "garden")
    says(bob, "/ban eve", "/mute bot", "/slow garden 1h")
    says(bob, "/join lobby")
    assert bot.refused("still here", "garden") == "muted"
    assert refusals(says(eve, "/join garden"))[0].startswith("You are banned from garden ")
    bot.ask("/join lobby", "garden")
    bot.leave()
    assert any(line.startswith("INFO|Welcome to garden, eve. Nobody else") for line in says(eve, "/join garden"))
    assert any(line.startswith("INFO|Welcome to garden, bob. Here is eve") for line in says(bob, "/join garden"))
    assert refusals(says(bob, "one", "two")) == []
    eventually(lambda: not bans(server.data_dir))


def test_what_an_account_has_ordered_in_its_room_stays(tmp_path):
    with house(tmp_path) as server:
        bob = owner(server, "bob")
        says(bob, "/become bob", "/ban eve")
    with house(tmp_path) as server:
        assert Program(server).join(name="eve", room="garden")["code"] == "banned"


def test_an_owner_orders_so_much_and_no_more(server, monkeypatch):
    monkeypatch.setattr("greenchat_plugins.moderation.orders.MOST_OF_AN_OWNER", 2)
    bob = owner(server, "bob")
    assert refusals(says(bob, "/ban a", "/ban b", "/ban c")) == [
        "There are 2 of your bans and mutes. Lift one first: /bans"
    ]


def test_nobody_has_rights_in_the_room_of_another(server):
    bob, bot = owner(server, "bob"), Program(server, "bot", "garden")
    owner(server, "eve", "attic")
    assert refusals(says(bob, "/slow attic 10", "/kick eve", "/mute eve")) == [
        "Only the owner of attic and operators may do that.",
        "eve is not in garden.",
        "eve is not in garden.",
    ]
    bot.join(room="attic")
    assert bot.refused("/kick bob", "garden") == "not_allowed"
    says(bob, "/join attic")
    assert refusals(says(bob, "/kick eve")) == ["You may not use /kick."]


# --- slow rooms ---


def test_in_a_slow_room_everybody_but_who_keeps_order_talks_now_and_then(server):
    ada, bob, bot = operator(server, room="garden"), server.join("bob", "garden"), Program(server, "bot", "garden")
    says(ada, "/slow garden 1h", "one", "two")
    bot.read_until("notice", text="garden is slow from now on: one message every 1h.", room="garden")
    assert is_slowed(says(bob, "one", "two"))
    assert is_slowed(says(bob, "/nick ben", "/msg ada in private")), "a name is read like all else"
    assert is_slowed(says(bob, "three"))
    assert bot.ask("one")[-1]["type"] == "ack"
    assert bot.refused("two") == "slow"
    bot.leave()
    again = Program(server, "BOT", "garden")
    assert again.refused("three") == "slow"
    says(ada, "/slow garden 0")
    again.read_until("notice", text="garden is not slow any more.")
    assert again.ask("four")[-1]["type"] == "ack"
    eventually(lambda: server.server.hooks.check_message is None)


def test_after_so_many_seconds_one_may_talk_again(server):
    bob, bot = owner(server, "bob"), Program(server, "bot", "garden")
    says(bob, "/slow garden 1", "one", "two")
    assert bot.ask("one")[-1]["type"] == "ack"
    assert bot.refused("two") == "slow"
    eventually(lambda: bot.ask("two")[-1]["type"] == "ack")


@pytest.mark.parametrize("seconds", ["", "soon", "-1", "1 h", "1hour", "10 seconds", "1.5", "2d", "86401", "9" * 5000])
def test_what_is_no_number_of_seconds(server, seconds):
    ada = operator(server)
    (refusal,) = refusals(says(ada, f"/slow lobby {seconds}"[:3000]))
    assert "Type it so: /slow" in refusal or refusal.startswith("2d")
