"""karma, as people give it, in rooms."""

import pytest
from greenchat_plugins import karma

from greenchat.testing import Chat


@pytest.fixture
def chat():
    return Chat(karma)


@pytest.mark.parametrize(
    ("said", "points"),
    [
        ("tea++", 1),
        ("tea--", -1),
        ("I like (Tea++), and TEA++!", 2),
        ("tea++ rain++ tea--", 0),
        ("tea+ + and tea +", 0),
        ("tea++er", 0),
        ("x/tea++", 0),
        ("green.tea++", 0),
    ],
)
def test_points_are_given_and_taken(chat, said, points):
    ada = chat.join("ada")
    ada.says(said)
    assert ada.asks("/karma tea") == f"tea has {points} karma here."


@pytest.mark.parametrize("code", ["use --force", "for (i=0; i++;)", "C++ or c++ or a--", "x = y--z", "++tea --tea"])
def test_code_gives_no_karma(chat, code):
    ada = chat.join("ada")
    ada.says(code)
    assert ada.asks("/karma") == "Nothing has karma here. Say tea++"


def test_what_has_most_is_told_first(chat):
    ada = chat.join("ada", kind="json")
    ada.says("tea++ tea++ rain-- gevent++")
    ada.says("/karma")
    told = [one["text"] for one in ada.heard if one["type"] == "notice"]
    assert told == ["tea has 2 karma here.", "gevent has 1 karma here.", "rain has -1 karma here."]


def test_nobody_praises_themselves_nor_again_and_again(chat):
    ada, bob = chat.join("ada"), chat.join("bob")
    for _ in range(15):
        ada.says("ada++ bob++")
    assert bob.asks("/karma ada") == "ada has 0 karma here."
    assert bob.asks("/karma bob") == "bob has 10 karma here."
    chat.tick("1m")
    ada.says("bob++")
    assert bob.asks("/karma bob") == "bob has 11 karma here."


def test_each_room_has_its_own_and_keeps_it(tmp_path):
    with Chat(karma, data_dir=tmp_path) as chat:
        chat.join("ada", room="garden").says("tea++")
    chat = Chat(karma, data_dir=tmp_path)
    assert chat.join("ada", room="garden").asks("/karma tea") == "tea has 1 karma here."
    assert chat.join("bob").asks("/karma tea") == "tea has 0 karma here."


def test_what_two_say_alone_gives_none_and_has_none(chat):
    ada, bob = chat.join("ada", kind="json"), chat.join("bob", kind="json")
    ada.says("tea++", to="bob")
    ada.says("/karma tea", to="bob")
    assert ada.hears("This is for rooms. Type it in the room that you mean.")
    assert bob.asks("/karma tea") == "tea has 0 karma here."


def test_it_can_be_switched_off_in_a_room():
    chat = Chat(karma, "switches")
    ada, bob = chat.join("ada", operator=True), chat.join("bob")
    ada.says("/plugin off karma")
    bob.says("tea++")
    ada.says("/plugin on karma")
    assert bob.asks("/karma tea") == "tea has 0 karma here."
