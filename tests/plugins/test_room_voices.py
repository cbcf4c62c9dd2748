"""Moderated rooms, and rooms that take so many members."""

import sqlite3

import pytest
from kit.programs import Anybody, Program, know, owner, says, sync
from kit.rooms import ALONE, crown, join
from kit.socketless import serving

from greenchat.testing import Chat


@pytest.fixture
def server():
    with serving(Anybody, settings=ALONE) as running:
        yield running


def test_only_who_has_a_voice_speaks_in_a_moderated_room(server):
    ada, bob, eve = owner(server, "ada"), join(server, "bob", "garden"), Program(server, "eve")
    eve.ask("/join garden")
    sync(ada)
    mute = "In garden, only who has a voice may speak"
    assert says(ada, "/room moderated on") == [f"INFO|{mute}, says ada."]
    sync(bob)
    refused = f"ERROR|{mute}. Its owner or an operator gives you one by /voice bob."
    assert says(bob, "hello", "/me waves", "/topic Mine") == [refused] * 3
    assert says(bob, *["hello"] * 8) == [refused] * 8, "in a run as well"
    eve.read_until("notice", text=f"{mute}, says ada.")
    assert eve.refused("hello", "garden") == "moderated"
    assert says(bob, "/voice bob") == ["ERROR|Only the owner of garden and operators may say who has a voice."]
    assert says(ada, "/voice bob") == ["INFO|bob has a voice in garden, says ada."]
    told = eve.read_until("notice", text="bob has a voice in garden, says ada.")
    assert (told["act"], told["by"], told["target"]) == ("voice", "ada", "bob")
    sync(bob)
    assert says(bob, "thanks") == []
    assert sync(ada) == ["MSG|bob|thanks"]
    assert says(bob, "/nick robert", "it is a person's") == ["INFO|bob is now known as robert."]
    assert "INFO|In garden (3): ada (owner), eve, robert (voiced)" in says(ada, "/names")
    assert says(ada, "/voice robert") == ["ERROR|robert has a voice already."]
    assert says(ada, "/devoice robert") == ["INFO|robert has no voice in garden any more, says ada."]
    sync(bob)
    assert says(bob, "and now?") == [refused.replace("bob", "robert")]
    assert says(bob, "/msg ada in private") == ["INFO|To ada: in private"]
    assert says(ada, "/room moderated off")[-1] == "INFO|In garden, everybody may speak, says ada."
    sync(bob)
    assert says(bob, "at last") == []


def test_a_guests_voice_is_that_guests(server):
    ada, bob = owner(server, "ada"), join(server, "bob", "garden")
    says(ada, "/room moderated on", "/voice bob")
    says(bob, "/part garden", "/join garden")
    assert says(bob, "still?")[-1].startswith("ERROR|In garden, only who has a voice may speak.")


def test_emoji_are_words_there(server):
    ada, eve = owner(server, "ada"), Program(server, "eve")
    eve.ask("/join garden")
    says(ada, "tulips", "/room moderated on")
    eve.send(type="react", seq=1, emoji="🌷", room="garden", ref="x")
    assert eve.read_until("error")["code"] == "moderated"


def test_a_room_takes_as_many_as_its_owner_says(server):
    ada, bob, eve = owner(server, "ada"), server.join("bob"), Program(server, "eve")
    sync(bob)
    for wrong in ("0", "-1", "many", "1000000", "²"):
        assert says(ada, f"/room limit {wrong}") == ["ERROR|Type it so: /room limit N|off"]
    assert says(ada, "/room limit 1") == ["INFO|garden takes one member, says ada."]
    assert says(bob, "/join garden") == ["ERROR|garden takes one member, and is full. Try again later."]
    assert eve.refused("/join garden") == "room_full"
    assert says(bob, "/names garden") == ["INFO|In garden (1): ada (owner)"], "it is no secret"
    assert eve.told("/room", "room").get("limit", 0) == 0
    says(ada, "/invite bob")
    sync(bob)
    assert says(bob, "/join garden")[0].startswith("INFO|Welcome to garden, bob.")
    says(crown(bob), "/part garden")
    assert says(bob, "/join garden")[0].startswith("INFO|Welcome to garden, bob."), "operators come in anyway"
    sync(ada)
    assert says(ada, "/room limit off") == ["INFO|garden takes as many as the server allows, says ada."]
    assert eve.told("/join garden", "welcome")["room"] == "garden"


def test_that_a_room_is_full_opens_no_other_door(server):
    ada, bob = owner(server, "ada"), join(server, "bob", "lobby")
    says(ada, "/room limit 1", "/room key sesame")
    needs_key = "ERROR|garden needs a key. Once you are in the chat, type /join garden KEY"
    assert says(bob, "/join garden") == [needs_key]
    assert says(bob, "/names garden") != ["INFO|In garden (1): ada (owner)"]
    assert says(bob, "/join garden wrong")[0].startswith("ERROR|This is not the key of garden.")
    assert says(bob, "/join garden sesame") == ["ERROR|garden takes one member, and is full. Try again later."]
    says(ada, "/room invite-only on")
    assert says(bob, "/join garden sesame")[0].startswith("ERROR|garden is for those who are invited.")


def test_both_are_kept_with_the_room_and_operators_are_on_record(tmp_path):
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        ada, bob = owner(server, "ada"), join(server, "bob", "garden")
        says(bob, "/become bob")
        says(ada, "/voice bob")
        says(crown(ada), "/room keep on", "/room moderated on", "/room limit 5")
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        know(server, "bob")
        eve = join(server, "eve", "garden")
        assert {"INFO|moderated: on", "INFO|limit: 5"} <= set(says(eve, "/room"))
        bob = server.join("bob")
        says(bob, "/become bob", "/join garden")
        assert says(eve, "hello")[-1].startswith("ERROR|In garden, only who has a voice may speak.")
        assert says(bob, "hello") == []
    with sqlite3.connect(tmp_path / "rooms.sqlite3") as database:
        ((moderated, most, voices),) = database.execute("SELECT moderated, most, voices FROM rooms")
        assert (moderated, most, len(voices.split())) == (1, 5, 1)
    database.close()


def test_they_hold_over_a_reload():
    with Chat("rooms") as chat:
        ada, bob, eve = (chat.join(name, "garden", kind="json") for name in ("ada", "bob", "eve"))
        for line in ("/room moderated on", "/room limit 3", "/voice bob"):
            ada.says(line)
        chat.reload()
        bob.says("heard")
        eve.says("not heard")
        assert [frame["text"] for frame in ada.heard if frame["type"] == "message"] == ["heard"]
        carl = chat.join("carl", kind="json")
        carl.heard.clear()
        carl.says("/join garden")
        assert [frame["code"] for frame in carl.heard if frame["type"] == "error"] == ["room_full"]
