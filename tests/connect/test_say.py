"""`greenchat say`: one message from a script."""

import pytest
from kit.accounts import SECRET, accounts
from kit.peers import RawServer, welcome
from kit.programs import Program, owner, sync
from kit.scripting import at, run, running

from greenchat.connect import Exit
from greenchat.connect.logins import Logins, server_key
from greenchat.testing import DEADLINE

NAMED = ("--name", "ci")


def heard(peer):
    return [line for line in sync(peer) if line.startswith("MSG|")]


def test_it_is_said_as_it_stands_and_nothing_is_printed(server):
    bob = server.join("bob")
    assert run("say", "lobby", "It is green.", at(server), *NAMED) == (Exit.DELIVERED, "", "")
    bob.expect("INFO|ci has joined the chat.", "MSG|ci|It is green.", "INFO|ci has left the chat.")
    code, output, errors = run("say", "", "-", at(server), *NAMED, text="/me waves\n\r\n  two | 世界\n\n")
    assert (code, output) == (Exit.DELIVERED, "")
    assert errors.startswith("[INFO] It begins with /, and is said as it stands")
    assert heard(bob) == ["MSG|ci|/me waves", "MSG|ci|", "MSG|ci|  two | 世界"]


def test_a_profile_that_is_misspelt():
    for command in (("say", "lobby", "hi"), ("tail", "lobby")):
        code, _, errors = run(*command, "no--where", *NAMED)
        assert code == Exit.UNREACHABLE
        assert "There is no host called no--where." in errors
        assert "`greenchat profiles`" in errors


@pytest.mark.parametrize("words", ["two words", "these are words", "these are four words"])
def test_a_text_without_its_quotes(words):
    code, output, errors = run("say", "ops", *words.split())
    assert (code, output) == (Exit.UNREACHABLE if words == "two words" else 2, "")
    assert "A text of several words is put in quotes." in errors


def test_to_one_person_alone(server):
    bob, carol = server.join("bob"), Program(server, "carol")
    assert run("say", "@Carol", "psst", at(server), *NAMED) == (Exit.DELIVERED, "", "")
    told = carol.read_until("message")
    assert (told["sender"], told["text"], told["room"]) == ("ci", "psst", "")
    assert heard(bob) == []
    code, _, errors = run("say", "@nobody", "psst", at(server), *NAMED)
    assert code == Exit.REFUSED
    assert errors.endswith("It was not said.\n")


def test_what_keeps_it_from_being_said(server, tmp_path):
    bob = server.join("bob")
    file = tmp_path / "key"
    file.write_text("roses")
    owner(server, "ada").send("MSG|/room key thorns")
    for code, problem, *arguments in [
        (Exit.REFUSED, "There is nothing to say", "lobby", " \n"),
        (Exit.REFUSED, "seems to have a password", "lobby", "fine\n/login ada hunter2"),
        (Exit.REFUSED, "", "lobby", "x" * 10_000),
        (Exit.REFUSED, "control characters", "lobby", "\x1b[31mred"),
        (Exit.TURNED_AWAY, "taken. Choose another by --name.", "lobby", "hi", "--name", "Bob"),
        (Exit.TURNED_AWAY, "key", "garden", "hi", "--key-file", file),
        (2, "--login-file", "lobby", "hi", "--login"),
    ]:
        place, text, *options = arguments
        done, output, errors = run("say", place, text, at(server), *(options or NAMED))
        assert (done, output) == (code, ""), errors
        assert problem in errors
        assert "hunter2" not in errors
    assert heard(bob) == []
    assert run("say", "lobby", "hi", "127.0.0.1:1")[0] == Exit.UNREACHABLE


def test_an_account_leaves_the_room_that_it_came_into_for_this(tmp_path):
    file = tmp_path / "password"
    file.write_text(SECRET)
    with accounts() as server:
        ada = Program(server, "ada")
        ada.ask(f"/register {SECRET}")
        gardener = server.join("bob", "garden")
        logged_in = (at(server), "--name", "ada", "--login-file", file)
        assert run("say", "garden", "Roses!", *logged_in) == (Exit.DELIVERED, "", "")
        assert run("say", "Lobby", "Hi!", *logged_in) == (Exit.DELIVERED, "", "")
        assert heard(gardener) == ["MSG|ada|Roses!"]
        frames = ada.exchange(type="ping")
    assert [frame["room"] for frame in frames if frame["type"] == "left"] == ["garden"]
    assert [frame["text"] for frame in frames if frame["type"] == "message"] == ["Roses!", "Hi!"], "by another device"


def test_who_stays_logged_in_on_this_computer_speaks_as_themselves(tmp_path):
    with accounts() as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        ada.ask(f"/register {SECRET}")
        token = Program(server, "ada", login=SECRET, device="laptop").welcome["device_token"]
        logins = Logins(server_key(server.host, server.port, None), tmp_path / "greenchat")
        logins.keep_device("ada", token)
        home = {"XDG_STATE_HOME": str(tmp_path)}
        for text in ("one", "two"):  # each of them gets the next token
            assert run("say", "lobby", text, at(server), **home) == (Exit.DELIVERED, "", "")
            assert bob.read_until("message")["account"] == "ada"
        assert run("say", "lobby", "three", at(server), *NAMED, **home) == (Exit.DELIVERED, "", "")
        assert bob.read_until("message")["sender"] == "ci"
        code, output, _ = run("tail", "lobby", at(server), "--no-follow", "-n", "1", **home)
        assert (code, output[20:]) == (Exit.DELIVERED, "[ci]: three\n")
        logins.keep_device("ada", "gd_void")
        code, _, errors = run("say", "lobby", "four", at(server), **home)
        assert code == Exit.TURNED_AWAY
        assert "The username ada belongs to somebody. If that is you, use --login-file FILE" in errors
        assert "/login" not in errors, "what is said is never run"
        assert logins.device("ada") == "", "what leads in no more is not kept"


# --- a connection that is lost ----------------------------------------------------------------------------------------


@pytest.fixture
def raw():
    with RawServer() as server:
        yield server


def come(raw, **fields):
    """Let in who comes; the join."""
    join = raw.knock()
    told = {"token": "gr_1", "epoch": "e"} | fields
    raw.send(welcome(ref=join["ref"], name="ci", protocol=2, **told))
    return join


def saying(raw, *options, place="lobby"):
    return running("say", place, "hi", "{}:{}".format(*raw.address), *NAMED, *options)


def test_it_is_said_again_with_its_key(raw):
    with saying(raw) as script:
        come(raw)
        first = raw.read()
        raw.hang_up()
        assert come(raw)["token"] == "gr_1"
        again = raw.read()
        assert {**again, "ref": 0} == {**first, "ref": 0}
        assert again["key"]
        raw.refuse(again, "try_again")
        third = raw.read()
        assert third["key"] == again["key"]
        raw.send({"type": "ack", "ref": third["ref"], "seq": 1, "id": 1})
        assert raw.read() == {"type": "leave"}
        raw.hang_up()
        output, errors = script.communicate(timeout=DEADLINE)
    assert (script.returncode, output) == (Exit.DELIVERED, "")
    assert errors.splitlines() == [
        "[ERROR] The server has closed the connection.",
        "[INFO] Coming back as soon as the server can be reached.",
    ]


def test_where_the_server_cannot_know_it_is_not_said_again(raw):
    with saying(raw) as script:
        come(raw)
        raw.read()
        raw.hang_up()
        raw.refuse(raw.knock(), "token_invalid")  # which another one is by now
        join = raw.read()
        raw.send(welcome(ref=join["ref"], name="ci", token="gr_2", protocol=2, epoch="e"))
        assert raw.read() == {"type": "leave"}
        raw.hang_up()
        _, errors = script.communicate(timeout=DEADLINE)
    assert script.returncode == Exit.LOST
    assert errors.endswith("[ERROR] It is not known whether it was said.\n")


def test_lost_again_while_coming_back(raw):
    with saying(raw) as script:
        come(raw)
        key = raw.read()["key"]
        raw.hang_up()
        come(raw, epoch="another", token="gr_2")
        assert raw.read()["type"] == "history", "which tells whether keys are kept"
        raw.hang_up()
        assert come(raw, epoch="another")["token"] == "gr_2"
        asks = raw.read()
        raw.send({"type": "history", "room": "lobby", "events": [], "ref": asks["ref"]})
        say = raw.read()
        assert say["key"] == key
        raw.send({"type": "ack", "ref": say["ref"], "seq": 1, "id": 1})
        assert raw.read() == {"type": "leave"}
        raw.hang_up()
        assert script.wait(DEADLINE) == Exit.DELIVERED


def test_nor_where_it_has_forgotten_all_keys(raw):
    with saying(raw) as script:
        come(raw)
        raw.read()
        raw.hang_up()
        come(raw, epoch="another")
        raw.refuse(raw.read(), "no_history")
        assert raw.read() == {"type": "leave"}
        raw.hang_up()
        assert script.wait(DEADLINE) == Exit.LOST


def test_words_to_a_person_are_looked_for(raw):
    overview = {"type": "conversations", "rooms": [], "epoch": "d"}
    bob = {"conversation": "c", "with": "bob", "rev": 1, "read": 0, "unread": 0}
    with saying(raw, place="@bob") as script:
        come(raw, room="", members=[])
        raw.send(overview | {"direct": [bob | {"seq": 4}]})
        say = raw.read()
        assert (say["to"], say.get("room", "")) == ("bob", "")
        raw.hang_up()
        come(raw, room="", members=[])
        raw.send(overview | {"direct": [bob | {"seq": 5}]})
        history = raw.read()
        assert (history["conversation"], history["after"]) == ("c", 4)
        told = {"room": "", "conversation": "c", "with": "bob", "own": True, "sender": "ci", "text": "hi"}
        said = {"type": "message", "seq": 5, "id": 5, "time": "2026-01-31T12:00:00Z"} | told
        raw.send({"type": "history", "room": "", "conversation": "c", "events": [said], "ref": history["ref"]})
        assert raw.read() == {"type": "leave"}
        raw.hang_up()
        assert script.wait(DEADLINE) == Exit.DELIVERED


def test_who_waits_for_a_server_that_is_not_there_yet(raw):
    with saying(raw, "--wait", "600") as script:
        for _ in ("JSON Lines", "plain frames"):
            raw.accept()
            raw.hang_up()  # it is about to be stopped
        come(raw)
        say = raw.read()
        raw.send({"type": "ack", "ref": say["ref"], "seq": 1, "id": 1})
        assert raw.read() == {"type": "leave"}
        raw.hang_up()
        assert script.wait(DEADLINE) == Exit.DELIVERED


def test_who_gets_no_answer_waits_no_longer_than_they_want_to(raw):
    with saying(raw, "--wait", "0.2") as script:
        come(raw)
        raw.read()
        assert raw.read() == {"type": "leave"}
        raw.hang_up()
        assert script.wait(DEADLINE) == Exit.LOST
        assert "It is not known whether it was said." in script.stderr.read()
