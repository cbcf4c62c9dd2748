"""rooms, people and slash_commands, where somebody has several sessions, or none for a while."""

import pytest
from click.testing import CliRunner
from kit.machine import eventually
from kit.programs import Anybody, Program, says, sync, without_plugins
from kit.sessions import IMPATIENT, PATIENT, back, codes, device, kinds, lose, plain_device, settled
from kit.socketless import serving

from greenchat.cli import main

QUIET = without_plugins("accounts", "history", "web")
COMINGS = ("joined", "left")


@pytest.fixture
def server():
    with serving(Anybody, settings=QUIET | PATIENT) as running:
        yield running


# --- coming back ---


def test_who_comes_back_needs_no_key_and_is_still_the_owner(server):
    ada, bob = Program(server, "ada", "garden"), Program(server, "bob", "garden")
    ada.ask("/room key sesame", "garden")
    token = lose(server, ada)
    settled(bob)
    again = back(server, token)
    assert (again.welcome["room"], again.welcome["roles"]) == ("garden", {"ada": "owner"})
    assert again.ask("/room topic-by owner", "garden")[-1]["type"] == "ack"
    assert kinds(settled(bob), *COMINGS, "role") == []
    assert back(server, lose(server, bob)).welcome["room"] == "garden"


@pytest.mark.parametrize("tighter", ["key another", "invite-only on"])
def test_a_room_that_was_closed_meanwhile_takes_nobody_back(tighter):
    with serving(Anybody, settings=QUIET | IMPATIENT) as server:
        ada, bob = Program(server, "ada", "garden"), Program(server, "bob", "garden")
        bob.join(room="lobby")
        ada.ask("/room key sesame")
        token = lose(server, bob)
        ada.read_until("left", name="bob")
        assert ada.ask(f"/room {tighter}")[-1]["type"] == "ack"
        again = back(server, token)
        assert again.welcome["rooms"] == ["lobby"]
        assert codes(settled(again)) == ["room_key" if "key" in tighter else "room_invite_only"]
        assert kinds(settled(ada), *COMINGS) == []


def test_a_room_that_was_opened_meanwhile_takes_one_back(server):
    ada, bob = Program(server, "ada", "garden"), Program(server, "bob", "garden")
    ada.ask("/room key sesame")
    token = lose(server, bob)
    ada.ask("/room key off")
    assert back(server, token).welcome["room"] == "garden"


def test_rooms_that_one_had_not_left_are_there_on_a_new_device_also_those_with_a_key(tmp_path):
    with serving(Anybody, settings=QUIET | IMPATIENT, data_dir=tmp_path) as server:
        ada = device(server, "ada", "garden")
        ada.ask("/room key sesame")
        bob = device(server, "bob")
        for room in "garden", "cellar":
            assert bob.join(room=room, key="sesame")["type"] == "welcome"
        lose(server, bob)
        ada.read_until("left", name="bob")
        phone = Program(server)
        phone.ask("/become bob")
        welcome = phone.join(name="bob", room=None)
        frames = [welcome, *settled(phone)]
        assert {one["room"] for one in frames if one["type"] == "welcome"} == {"lobby", "garden", "cellar"}
        phone.leave()
        ada.read_until("left", name="bob")
        ada.ask("/room key another", "garden")
        tablet = Program(server)
        tablet.ask("/become bob")
        welcome = tablet.join(name="bob", room=None)
        rooms = {one["room"] for one in [welcome, *settled(tablet)] if one["type"] == "welcome"}
        assert rooms == {"lobby", "cellar"}


def test_when_a_room_was_closed_outlasts_a_restart(tmp_path):
    for number in range(2):
        with serving(Anybody, settings=QUIET | IMPATIENT, data_dir=tmp_path) as server:
            ada = device(server, "ada", "garden")
            if not number:
                ada.ask("/room key sesame")
                bob = device(server, "bob")
                bob.join(room="garden", key="sesame")
                lose(server, bob)
                ada.read_until("left", name="bob")
                ada.ask("/room invite-only on", "garden")
            else:
                phone = Program(server)
                phone.ask("/become bob")
                welcome = phone.join(name="bob", room=None)
                rooms = {one["room"] for one in [welcome, *settled(phone)] if one["type"] == "welcome"}
                assert rooms == {"lobby"}


# --- several ---


def test_who_goes_out_of_a_room_does_so_on_all_devices_and_each_is_told(server):
    laptop, phone, netcat = device(server, "ada"), device(server, "ada"), plain_device(server, "ada")
    laptop.join(room="garden")
    bob = Program(server, "bob")
    settled(phone)
    assert laptop.ask("/part lobby", "lobby")[-1]["type"] == "ack"
    assert kinds(settled(phone), "left") == [("left", "lobby", "ada")]
    assert kinds(settled(bob), *COMINGS) == [("left", "lobby", "ada")]
    out = "INFO|You have left lobby on another device, and see no room here. /join leads into one."
    assert out in sync(netcat)
    assert says(netcat, "hello?")[0].startswith("ERROR|")
    assert says(netcat, "/join garden")[0].startswith("INFO|Welcome to garden, ada.")
    out = "INFO|You are out of garden, and in no room. /join ROOM leads into one, /quit out of the chat."
    assert says(netcat, "/part") == [out]
    assert kinds(settled(laptop), "left") == [("left", "garden", "ada")]


def test_a_plain_session_turns_from_room_to_room_and_its_person_stays_in_both(server):
    laptop, netcat, bob = device(server, "ada"), plain_device(server, "ada"), Program(server, "bob")
    settled(bob)
    settled(laptop)
    sync(netcat)
    assert says(netcat, "/join garden")[0].startswith("INFO|Welcome to garden, ada.")
    assert kinds(settled(laptop), "welcome", *COMINGS) == [("welcome", "garden", "ada")]
    assert kinds(settled(bob), *COMINGS) == []
    assert says(netcat, "from netcat") == []
    heard = laptop.read_until("message")
    assert (heard["room"], heard["text"], heard["own"]) == ("garden", "from netcat", True)
    bob.ask("to the lobby")
    assert sync(netcat) == []
    laptop.leave()
    assert says(netcat, "/join lobby")[0].startswith("INFO|Welcome to lobby, ada.")
    bob.ask("to the lobby again")
    assert "MSG|bob|to the lobby again" in sync(netcat)


def test_what_happens_to_a_person_is_told_once_to_each_session_of_everybody(server):
    laptop, phone, netcat = device(server, "ada"), device(server, "ada"), plain_device(server, "ada")
    bob, tablet = device(server, "bob"), device(server, "bob")
    for one in laptop, bob:
        for room in "garden", "cellar":
            one.join(room=room)
    others = (phone, bob, tablet)
    for one in (laptop, *others):
        settled(one)
    sync(netcat)
    told = laptop.ask("/away Lunch", "lobby") + laptop.ask("/nick eda", "garden")
    for frames in told, *map(settled, others):
        assert [one["why"] for one in frames if one["type"] == "away"] == ["Lunch"]
        assert [one["new_name"] for one in frames if one["type"] == "renamed"] == ["eda"]
    assert sync(netcat).count("INFO|ada is now known as eda.") == 1
    assert phone.ask("hello", "lobby")[-1]["type"] == "ack"
    heard = tablet.read_until("message")
    assert (heard["sender"], heard["room"]) == ("eda", "lobby")


def test_an_invitation_is_told_to_all_devices_and_lets_in_any_of_them(server):
    ada = Program(server, "ada", "garden")
    ada.ask("/room invite-only on")
    laptop, phone = device(server, "bob"), device(server, "bob")
    assert ada.ask("/invite bob")[-1]["type"] == "ack"
    for one in laptop, phone:
        assert kinds(settled(one), "invited") == [("invited", "garden", "bob")]
    tablet = device(server, "bob", "garden")
    assert tablet.welcome["room"] == "garden"


def test_a_room_that_is_removed_is_told_of_to_all_devices(tmp_path):
    with serving(Anybody, settings=QUIET | PATIENT, data_dir=tmp_path) as server:
        laptop, phone = device(server, "ada", "garden"), device(server, "ada", "garden")
        laptop.ask("/room key sesame")
        removed = CliRunner().invoke(main, ["rooms", "remove", "garden", "--yes", "--data-dir", str(tmp_path)])
        assert removed.exit_code == 0, removed.output
        for one in laptop, phone:
            assert one.read_until("error")["code"] == "room_removed"


def test_each_device_that_is_shown_a_room_is_told_what_was_said_there_before(tmp_path):
    settings = without_plugins("accounts", "web") | PATIENT | {"plugins.history.replay": 5}
    with serving(Anybody, settings=settings, data_dir=tmp_path) as server:
        bob = Program(server, "bob", "garden")
        for text in "one", "two":
            assert bob.ask(text)[-1]["type"] == "ack"
        laptop, phone, netcat = device(server, "ada"), device(server, "ada"), plain_device(server, "ada")
        netcat.send("MSG|/join garden")
        for one in laptop, phone:
            assert one.read_until("welcome")["room"] == "garden"
            assert [event["text"] for event in one.read_until("history")["events"]] == ["one", "two"]
        assert [line for line in sync(netcat) if line.startswith("MSG|")] == ["MSG|bob|one", "MSG|bob|two"]


# --- who people are ---


def test_whois_tells_of_all_connections_and_operators_from_where(server):
    device(server, "ada", address="127.0.0.2")
    device(server, "ada", address="127.0.0.3")
    bob = Program(server, "bob")
    answer = bob.told("/whois ada", "whois")
    assert (answer["sessions"], answer["logged_in"]) == (2, True)
    assert answer["lines"][0].endswith("by 2 connections")
    assert "addresses" not in answer
    bob.ask("/crown")
    answer = bob.told("/whois ada", "whois")
    assert [address.rpartition(":")[0] for address in answer["addresses"]] == ["127.0.0.2", "127.0.0.3"]
    assert answer["address"] == answer["addresses"][0]


@pytest.mark.parametrize("settings", [PATIENT, IMPATIENT], ids=["at once", "after having left"])
def test_whom_one_ignores_and_that_one_is_away_outlasts_a_loss(settings):
    with serving(Anybody, settings=QUIET | settings) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        ada.ask("/ignore bob")
        ada.ask("/away Lunch")
        token = lose(server, ada)
        if settings is IMPATIENT:
            bob.read_until("left", name="ada")
        again = back(server, token)
        assert again.welcome["away"] == {"ada": "Lunch"}
        assert again.told("/ignore", "ignored")["names"] == ["bob"]
        bob.ask("can you hear me?")
        assert kinds(settled(again), "message") == []


def test_what_is_whispered_is_told_to_the_one_who_asked_and_to_the_others_as_their_own(server):
    laptop, phone, netcat = device(server, "ada"), device(server, "ada"), plain_device(server, "ada")
    bob, other = device(server, "bob"), plain_device(server, "bob")
    assert laptop.told("/msg bob psst", "whispered")["to"] == "bob"
    own = phone.read_until("message", room="")
    assert (own["sender"], own["with"], own["text"], own["own"]) == ("ada", "bob", "psst", True)
    assert kinds(settled(laptop), "message") == []
    assert not any("psst" in line for line in sync(netcat))
    assert "own" not in bob.read_until("message", room="")
    assert "MSG|ada (private)|psst" in sync(other)
    # Who answers, answers the person, on whatever device.
    assert says(other, "/reply yes?") == ["INFO|To ada: yes?"]
    assert laptop.read_until("message", room="")["text"] == phone.read_until("message", room="")["text"] == "yes?"
    assert "MSG|bob (private)|yes?" in sync(netcat)


def test_one_may_answer_after_having_come_back(server):
    ada, bob = Program(server, "ada"), Program(server, "bob")
    bob.ask("/msg ada are you there?")
    again = back(server, lose(server, ada))
    assert again.told("/reply now I am", "whispered")["to"] == "bob"
    assert codes(settled(again)) == []


def test_of_who_is_gone_nothing_is_kept():
    with serving(Anybody, settings=QUIET | IMPATIENT | {"limits.resume_seconds": 0.02}) as server:
        plugins = {plugin.name: plugin.bearer for plugin in server.server.plugins}
        ada, bob = Program(server, "ada", "garden"), Program(server, "bob")
        ada.ask("/room invite-only on")
        ada.ask("/invite bob")
        bob.ask("/msg ada psst")
        kept = (plugins["slash_commands"]._told_away, plugins["rooms"]._access._invitations)
        assert server.call(lambda: all(kept))
        lose(server, bob)
        eventually(lambda: server.call(lambda: not any(kept)))


def test_whom_an_account_ignores_outlasts_a_restart_and_is_so_on_all_devices(tmp_path):
    with serving(Anybody, settings=QUIET, data_dir=tmp_path) as server:
        ada, bob = device(server, "ada"), device(server, "bob")
        for line in ("/ignore bob", "/ignore eve", "/ignore dave", "/unignore eve"):
            ada.ask(line)
        for one in ada, bob:
            one.leave()
    with serving(Anybody, settings=QUIET, data_dir=tmp_path) as server:
        bob, netcat = device(server, "bob"), plain_device(server, "ada")
        bob.ask("/nick robert")
        bob.ask("not for ada")
        assert "not for ada" not in str(sync(netcat))
        laptop = device(server, "ada")
        assert laptop.told("/ignore", "ignored")["names"] == ["dave", "robert"]
        guest = Program(server, "gus")
        guest.ask("/ignore carol")
        guest.ask("/become ada")
        assert laptop.told("/ignore", "ignored")["names"] == ["dave", "robert"]
