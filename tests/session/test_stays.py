"""Whoever loses their connection comes back with the token of their welcome, as who they were."""

import queue

import pytest
from gevent.event import Event
from kit.machine import eventually
from kit.programs import Anybody, Program, without_plugins
from kit.sessions import IMPATIENT, PATIENT, back, codes, kinds, lose, sessions, settled

from greenchat import hookimpl
from greenchat.testing import DEADLINE, serving

COMINGS = ("joined", "left")


@pytest.fixture
def patient():
    with serving(Anybody(), settings={**PATIENT, **without_plugins("accounts")}) as server:
        yield server


@pytest.fixture
def impatient():
    with serving(Anybody(), settings={**IMPATIENT, **without_plugins("accounts")}) as server:
        yield server


def test_only_those_who_can_use_it_are_told_a_token(patient):
    assert Program(patient, "ada").welcome["token"].startswith("gr_")
    plain = patient.connect()
    plain.send("JOIN|bob")
    assert "gr_" not in plain.read()


def test_nobody_reads_of_a_short_absence_and_one_is_who_one_was(patient):
    ada, bob = Program(patient, "ada"), Program(patient, "bob", "garden")
    ada.join(room="cellar")
    for line in ("/ignore bob", "/away Lunch"):
        ada.ask(line, "cellar")
    bob.join(room="lobby")
    settled(bob)
    again = back(patient, lose(patient, ada))
    assert again.welcome["name"] == "ada"
    assert again.welcome["rooms"] == ["lobby", "cellar"]
    assert [frame["room"] for frame in settled(again) if frame["type"] == "welcome"] == ["cellar"]
    assert kinds(settled(bob), "away", *COMINGS) == []
    bob.ask("you do not read this", "lobby")
    assert kinds(settled(again), "message") == []
    told = again.told("/whois ada", "whois", "lobby")
    assert (told["away"], told["owner_of"]) == ("Lunch", ["cellar"])


def test_what_was_said_meanwhile_is_in_the_history_of_who_comes_back(patient):
    ada, bob = Program(patient, "ada"), Program(patient, "bob")
    token = lose(patient, ada)
    bob.ask("are you there?")
    assert back(patient, token).welcome["seq"] == 1


def test_an_absence_is_told_once_and_so_is_the_coming_back(impatient):
    ada, bob = Program(impatient, "ada"), Program(impatient, "bob")
    ada.join(room="garden")
    for line in ("/ignore bob", "/away Lunch"):
        ada.ask(line, "garden")
    settled(bob)
    token = lose(impatient, ada)
    assert bob.read_until(*COMINGS)["type"] == "left"
    again = back(impatient, token)
    assert sorted(again.welcome["rooms"]) == ["garden", "lobby"]
    assert kinds(settled(bob), *COMINGS) == [("joined", "lobby", "ada")]
    assert again.told("/whois ada", "whois", "garden")["away"] == "Lunch"
    assert again.told("/ignore", "ignored", "garden")["names"] == ["bob"]


def test_a_room_that_is_still_there_is_still_ones_own(impatient):
    ada, bob = Program(impatient, "ada", "garden"), Program(impatient, "bob", "garden")
    token = lose(impatient, ada)
    bob.read_until("left")
    assert back(impatient, token).welcome["roles"] == {"ada": "owner"}


def test_a_connection_that_hangs_makes_way(patient):
    ada, bob = Program(patient, "ada"), Program(patient, "bob")
    again = back(patient, ada.welcome["token"])
    assert codes(ada.rest()) == ["resumed_elsewhere"]
    assert kinds(settled(bob), *COMINGS) == []
    again.ask("it is me")
    assert bob.read_until("message")["text"] == "it is me"


def test_a_request_that_comes_late_on_a_connection_that_was_given_up_takes_nothing(patient):
    ada, late = Program(patient, "ada"), Program(patient)
    assert late.request(type="ping") == {"type": "pong", "ref": 1}
    again = back(patient, ada.welcome["token"])
    assert late.join(token=ada.welcome["token"])["code"] == "resumed_elsewhere"
    assert again.ask("still here")[-1]["type"] == "ack"


def test_the_name_is_held_until_the_absence_is_told_and_then_it_is_free(impatient, patient):
    token = lose(patient, Program(patient, "ada"))
    assert Program(patient).join(name="ada")["code"] == "name_taken"
    assert back(patient, token).welcome["type"] == "welcome"

    bob = Program(impatient, "bob")
    token = lose(impatient, Program(impatient, "ada"))
    bob.read_until("left")
    other = Program(impatient, "ada")
    assert Program(impatient).join(token=token)["code"] == "name_taken"
    other.leave()
    assert back(impatient, token).welcome["name"] == "ada"


@pytest.mark.parametrize("go", [{"type": "leave"}, {"type": "say", "text": "/quit"}])
def test_who_leaves_has_left_at_once_and_does_not_come_back(patient, go):
    ada, bob = Program(patient, "ada"), Program(patient, "bob")
    ada.send(**go)
    ada.rest()
    assert bob.read_until(*COMINGS)["type"] == "left"
    assert Program(patient).join(token=ada.welcome["token"])["code"] == "token_invalid"


def test_who_is_away_for_too_long_is_gone_and_plugins_are_told_then():
    gone = queue.SimpleQueue()

    class Watcher:
        @hookimpl
        def greenchat_gone(self, member):
            gone.put(member.name)

    settings = {**without_plugins("accounts"), "limits.absence_seconds": 0.01, "limits.resume_seconds": 0.02}
    with serving(Watcher(), settings=settings) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        token = lose(server, ada)
        assert bob.read_until("left")["name"] == "ada"
        assert gone.get(timeout=DEADLINE) == "ada"
        assert Program(server).join(token=token)["code"] == "token_invalid"


def test_a_token_that_was_used_leads_to_the_same_as_the_one_that_it_gave(patient):
    first = Program(patient, "ada").welcome["token"]
    second = back(patient, first).welcome["token"]
    assert second != first
    assert back(patient, first).welcome["token"] == second, "an answer may be lost"
    third = back(patient, second).welcome["token"]
    assert third not in (first, second)


def test_of_the_guests_of_an_address_a_few_are_held(patient):
    people = [Program(patient, f"p{number}", address="127.0.0.2") for number in range(6)]
    bob = Program(patient, "bob")
    lose(patient, *people)
    assert bob.read_until("left")["name"] == "p5"
    assert kinds(settled(bob), "left") == []
    assert sorted(bob.told("/names", "names")["members"]) == ["bob", "p0", "p1", "p2", "p3", "p4"]


def test_wrong_tokens_have_to_wait_also_with_a_good_one_among_them():
    with serving(settings={"limits.token_failures": 3}) as server:
        ada = Program(server, "ada")
        guesser = Program(server)
        answers = [guesser.join(token=f"gr_{number:022}")["code"] for number in range(5)]
        assert answers == ["token_invalid"] * 3 + ["try_later"] * 2
        assert guesser.join(token=ada.welcome["token"])["code"] == "try_later"
        assert Program(server, address="127.0.0.2").join(token=ada.welcome["token"])["type"] == "welcome"


@pytest.mark.parametrize("token", ["gr_", "gr_x", "gd_" + "a" * 22, "something", "gr_" + "a" * 3000])
def test_what_is_no_token_is_refused_and_nobody_comes_in_by_a_name_beside_it(patient, token):
    stranger = Program(patient)
    answer = stranger.join(name="ada", token=token)
    assert answer["code"] in ("token_invalid", "malformed", "not_utf8")
    assert stranger.ask("hello")[-1]["code"] == "not_joined"


def test_a_token_outlasts_a_restart_and_the_name_does_not(tmp_path):
    settings = {**PATIENT, **without_plugins("accounts")}
    with serving(data_dir=tmp_path, settings=settings) as server:
        ada, eve, bob = (Program(server, name) for name in ("ada", "eve", "bob"))
        ada.join(room="garden")
        ada.ask("/ignore bob", "garden")
        ada.ask("/away Lunch", "garden")
        eve.leave()
    with serving(data_dir=tmp_path, settings=settings) as server:
        assert Program(server).join(token=eve.welcome["token"])["code"] == "token_invalid"
        again = back(server, ada.welcome["token"])
        assert sorted(again.welcome["rooms"]) == ["garden", "lobby"]
        assert again.told("/ignore", "ignored", "garden")["names"] == ["bob"]
        assert again.told("/whois ada", "whois", "garden")["away"] == "Lunch"
        assert Program(server, "bob").welcome["type"] == "welcome"
        assert Program(server).join(token=bob.welcome["token"])["code"] == "name_taken"


def test_the_file_holds_no_token(tmp_path):
    with serving(data_dir=tmp_path, settings=PATIENT) as server:
        tokens = [Program(server, "ada").welcome["token"]]
        tokens.append(back(server, tokens[0]).welcome["token"])
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("sessions.sqlite3*"))
    assert b"ada" in kept
    for token in tokens:
        assert token.encode() not in kept
        assert token.removeprefix("gr_").encode() not in kept


def test_the_file_of_the_sessions_cannot_be_used_and_people_come_in_all_the_same(tmp_path):
    (tmp_path / "sessions.sqlite3").write_bytes(b"no database")
    with serving(data_dir=tmp_path, settings=PATIENT) as server:
        again = back(server, lose(server, Program(server, "ada")))
        assert again.welcome["name"] == "ada"


def test_a_room_that_is_named_on_coming_back_is_come_into(patient):
    token = lose(patient, Program(patient, "ada"))
    again = back(patient, token, room="garden")
    assert again.welcome["room"] == "garden"
    assert again.welcome["rooms"] == ["lobby", "garden"]
    assert again.ask("where?")[-1]["code"] == "room_required"


def test_one_who_was_in_one_room_means_that_room_on_coming_back(patient):
    again = back(patient, lose(patient, Program(patient, "ada")))
    assert again.ask("hello")[-1]["type"] == "ack"


def test_a_server_that_holds_nobody(tmp_path):
    settings = {**without_plugins("accounts"), "limits.absence_seconds": 0, "limits.resume_seconds": 0}
    with serving(settings=settings) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        lose(server, ada)
        assert bob.read_until(*COMINGS)["type"] == "left"
        assert sessions(server) == 1


def test_two_who_come_back_with_one_token_are_one_in_the_end(patient):
    token = lose(patient, Program(patient, "ada"))
    bob = Program(patient, "bob")
    both = [Program(patient), Program(patient)]
    for one in both:
        one.send(type="join", token=token, ref=1)
    answers = [one.read() for one in both]
    assert "welcome" in [answer["type"] for answer in answers]
    assert kinds(settled(bob), *COMINGS) == []
    assert bob.told("/names", "names")["members"].count("ada") == 1


def test_a_place_is_not_another_ones(patient):
    """Not even by logging in, or by a name that is given beside the token."""
    token = lose(patient, Program(patient, "ada"))
    eve = Program(patient)
    eve.ask("/become eve")
    answer = eve.join(name="eve", token=token)
    assert answer["name"] == "ada"
    assert answer.get("account", "") == "", "whoever has the token is who had it, and nobody else"


def test_who_is_cut_off_while_they_come_back_into_their_rooms_is_nobodys_ghost(tmp_path):
    """A check that takes its time, and a connection that does not wait for it."""

    class Slow:
        asked, go_on = Event(), Event()
        is_slow = False

        @hookimpl
        def greenchat_check_enter(self, name, since):
            if self.is_slow and since is not None:
                self.asked.set()
                self.go_on.wait()

    settings = {**without_plugins("accounts"), **IMPATIENT, "limits.resume_seconds": 0.5}
    with serving(slow := Slow(), settings=settings) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        token = lose(server, ada)
        bob.read_until("left")
        slow.is_slow = True
        again = Program(server)
        again.send(type="join", token=token, ref=1)
        eventually(lambda: server.call(slow.asked.is_set))
        session = server.call(lambda: server.server.chat.find("ada").sessions[0])
        server.call(lambda: session.close("killed"))
        eventually(lambda: server.call(lambda: "ada" not in server.server.chat.members))
        slow.is_slow = False
        assert Program(server, "ada").welcome["rooms"] == ["lobby"], "the name is free"


def test_while_it_is_not_known_who_has_an_account_no_token_is_void(patient):
    ada = Program(patient)
    ada.ask("/become ada")
    ada.welcome = ada.join(name="ada")
    token = lose(patient, ada)
    accounts = patient.server.accounts
    patient.call(lambda: setattr(accounts, "known", False))
    assert Program(patient).join(token=token)["code"] == "try_later"
    patient.call(lambda: setattr(accounts, "known", True))
    assert back(patient, token).welcome["account"] == "ada"
