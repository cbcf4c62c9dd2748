"""dice, as people roll them."""

import re

import pytest
from greenchat_plugins import dice

from greenchat.testing import Chat


@pytest.fixture
def rolled():
    """Rolls, and gives what everybody reads."""
    chat = Chat(dice)
    ada, bob = chat.join("ada"), chat.join("bob", kind="json")

    def roll(typed):
        ada.says(f"/roll {typed}")
        said = [one["text"] for one in bob.heard if one["type"] == "message" and one["action"]]
        bob.heard.clear()
        told = ada.heard.pop()
        assert not said or told == f"INFO|You roll{said[-1].removeprefix('rolls')}"
        return said[-1] if said else told

    return roll


@pytest.mark.parametrize(
    ("typed", "told", "low", "high"),
    [
        ("", r"rolls 1d6: (\d)", 1, 6),
        ("d20", r"rolls d20: (\d+)", 1, 20),
        ("d%", r"rolls d%: (\d+)", 1, 100),
        ("2D6 + 1", r"rolls 2d6\+1: \d \+ \d \+ 1 = (\d+)", 3, 13),
        ("3d8-1d4", r"rolls 3d8-1d4: \d \+ \d \+ \d - \d = (-?\d+)", -1, 23),
        ("1-2d6", r"rolls 1-2d6: 1 - \d - \d = (-?\d+)", -11, -1),
        ("99d9999", r"rolls 99d9999: (\d+)", 99, 99 * 9999),
    ],
)
def test_what_is_rolled_is_told_to_all_and_adds_up(rolled, typed, told, low, high):
    found = re.fullmatch(told, rolled(typed))
    assert found is not None
    assert low <= int(found[1]) <= high
    parts = re.fullmatch(r"rolls \S+: (.+) = (.+)", found[0])
    assert parts is None or sum(map(int, re.findall(r"-?\d+", parts[1].replace("- ", "-")))) == int(parts[2])


def test_all_sides_come_up(rolled):
    assert {rolled("d2") for _ in range(29)} == {"rolls d2: 1", "rolls d2: 2"}


@pytest.mark.parametrize(
    "typed",
    ["x", "0d6", "d0", "2d6+", "+2d6", "2d6++1", "100d6", "d10000", "d6" + "+d6" * 10, "٣d6", "2d-6", "9" * 900],
)
def test_what_is_no_dice_is_refused_with_what_is(rolled, typed):
    assert rolled(typed).startswith("ERROR|DICE are up to ten dice and numbers")


def test_who_rolls_reads_it_too():
    ada = Chat(dice).join("ada", kind="json")
    assert re.fullmatch(r"You roll 1d6: \d", ada.asks("/roll"))


def test_two_people_roll_for_themselves_alone():
    chat = Chat(dice)
    ada, bob, cy = chat.join("ada", kind="json"), chat.join("bob", kind="json"), chat.join("cy", kind="json")
    ada.says("/roll d6", to="bob")
    assert bob.hears(re.compile(r"rolls d6: \d"), by="ada")
    assert not cy.hears(re.compile("rolls"))


def test_one_who_rolls_all_the_time_is_asked_to_wait(rolled):
    told = [rolled("d6") for _ in range(31)]
    assert told[-1].startswith("ERROR|That is too often.")
    assert all(one.startswith("rolls d6: ") for one in told[:-1])


def test_who_has_not_joined_rolls_nothing():
    stranger = Chat(dice).connect()
    stranger.sends("MSG|/roll d6")
    assert stranger.hears(re.compile("You have not joined yet"))
