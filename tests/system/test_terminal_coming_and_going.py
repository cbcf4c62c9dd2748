"""`greenchat connect` on a terminal: all ways in, through the rooms and out."""

import re
import signal

import pytest
from kit.peers import event, message, welcome
from kit.programs import owner
from kit.terminals import CTRL_C, CTRL_D, ENTER

from greenchat.connect import Exit
from greenchat.testing import DEADLINE, serving

pytest_plugins = ["kit.terminal_fixtures"]


def test_a_refused_room_is_the_end(open_terminal, server):
    terminal = open_terminal(server.host, server.port, "--name", "alice", "--room", "no room")
    assert terminal.end() == Exit.TURNED_AWAY
    assert terminal.lines[0].startswith("[ERROR] The room name 'no room' is not valid.")


@pytest.mark.parametrize(
    "keys", [CTRL_D, CTRL_C, "/quit" + ENTER, "/Quit now" + ENTER, "half typed" + CTRL_C], ids=repr
)
def test_leaving(alice, bob, keys):
    alice.type(keys)
    assert alice.end() == Exit.DELIVERED
    bob.expect("INFO|alice has left the chat.")
    assert len(alice.lines) == 2, "nothing but the welcome and the prompt"


def test_a_signal_leaves_too(alice, bob):
    alice.type("half ty")
    alice.wait_for("> half ty")
    alice.process.send_signal(signal.SIGTERM)
    assert alice.end() == Exit.DELIVERED
    bob.expect("INFO|alice has left the chat.")


def test_a_window_that_is_closed_and_opened_again(alice, bob, server, open_terminal):
    alice.type("/join garden" + ENTER)
    bob.expect("INFO|alice has left the chat.")
    carol = server.join("carol", "garden")
    alice.wait(lambda lines: "[INFO] carol has joined the chat." in lines)
    alice.type("said before" + ENTER)
    carol.expect("MSG|alice|said before")
    alice.hang_up()
    alice.process.wait(DEADLINE)
    again = open_terminal(server.host, server.port, "--name", "alice")
    again.wait(lambda lines: "[INFO] Welcome to garden, alice. Here is carol." in lines[0] and lines[-1] == ">")
    again.type("here again" + ENTER)
    carol.expect("MSG|alice|here again")
    again.type("/quit" + ENTER)
    carol.expect("INFO|alice has left the chat.")
    assert again.end() == Exit.DELIVERED


def test_a_window_that_stays_closed_leaves_after_a_while(open_terminal):
    with serving(settings={"limits.absence_seconds": 1}) as server:
        bob = server.join("bob")
        alice = open_terminal(server.host, server.port, "--name", "alice")
        bob.expect("INFO|alice has joined the chat.")
        alice.hang_up()
        bob.expect("INFO|alice has left the chat.")


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=repr)
def test_one_need_not_answer_questions(open_terminal, key):
    terminal = open_terminal()
    terminal.wait_for("Server [127.0.0.1]:")
    terminal.type(key)
    assert terminal.end() == Exit.DELIVERED
    assert len(terminal.lines) == 1, "no traceback"


def test_leaving_a_server_that_takes_its_time(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "alice")
    raw.let_in()
    terminal.wait(lambda lines: lines[-1] == ">")
    terminal.type("hello?" + ENTER + CTRL_D)
    terminal.wait_for("[INFO] Some messages are still on their way. Ctrl-C leaves at once.")
    terminal.type(CTRL_C)
    assert terminal.end() == Exit.LOST
    assert terminal.lines[-1].endswith("[ERROR] 1 message was not delivered.")
    raw.hang_up()


def test_a_pass_phrase_is_asked_for_and_not_shown(open_terminal):
    with serving(settings={"server.password": "open sesame"}) as server:
        terminal = open_terminal(server.host, server.port, "--name", "ada")
        terminal.wait_for("Pass phrase:")
        terminal.type(f"guess{ENTER}")
        terminal.wait(lambda lines: "not the pass phrase" in " ".join(lines) and lines[-1] == "Pass phrase:")
        terminal.type(f"open sesame{ENTER}")
        terminal.wait(lambda lines: any("Welcome to lobby, ada." in line for line in lines) and lines[-1] == ">")
        terminal.type(CTRL_D)
        assert terminal.end() == Exit.DELIVERED
        assert b"sesame" not in terminal.written


def test_what_is_pasted_behind_a_join_goes_to_that_room(alice, bob, server):
    carol = server.join("carol", "garden")
    lines = ["/join garden", "to carol", "/join lobby", "to bob", "/nonsense", "to bob, too"]
    alice.type("".join(line + ENTER for line in lines) + CTRL_D)
    assert alice.end() == Exit.DELIVERED
    carol.read_until("INFO|alice has joined the chat.")
    carol.expect("MSG|alice|to carol", "INFO|alice has left the chat.")
    bob.expect("INFO|alice has left the chat.", "INFO|alice has joined the chat.", "MSG|alice|to bob")
    bob.expect("MSG|alice|to bob, too", "INFO|alice has left the chat.")


def test_what_still_comes_from_the_room_before_bears_its_name(talk, raw):
    raw.send(welcome("garden"), message(1, "hi"), message(1, "hello", "garden"), event("left", name="bob", reason=""))
    left = raw.read()
    assert left == {"type": "leave", "room": "lobby", "ref": left["ref"]}
    raw.send({"type": "error", "code": "not_in_room", "text": "You are not in lobby.", "ref": left["ref"]})
    raw.send({"type": "notice", "text": "Dinner!", "room": "garden"})
    talk.wait_for("[lobby] [bob]: hi", "[bob]: hello", "[INFO] [lobby] bob has left the room.", "[INFO] Dinner!", ">")


def test_what_could_not_be_kept_was_said_all_the_same(talk, raw):
    talk.type("one" + ENTER)
    raw.refuse(raw.read(), "not_stored", "This was said, but could not be kept.")
    talk.wait_for("> one", "[ERROR] This was said, but could not be kept.", ">")


def test_one_may_join_where_one_is(talk, raw):
    talk.type(f"/join #Lobby{ENTER}for the lobby{ENTER}")
    raw.refuse(raw.read(), "already_joined", "You are in lobby already.")
    say = raw.read()
    assert (say["text"], say["room"]) == ("for the lobby", "lobby")


def test_what_was_typed_into_a_room_stays_in_it(talk, raw):
    """A command of some plugin leads elsewhere, or one is put out, while lines wait."""
    talk.type(f"/magic door{ENTER}for the lobby{ENTER}")
    magic = raw.read()
    raw.send(welcome("garden"))
    left = raw.read()
    assert (left["type"], left["room"]) == ("leave", "lobby")
    raw.send({"type": "ack", "ref": left["ref"]}, {"type": "ack", "ref": magic["ref"]})
    say = raw.read()
    assert (say["text"], say["room"]) == ("for the lobby", "lobby")
    raw.refuse(say, "not_in_room", "You are not in lobby, but in garden.")
    talk.wait_for("[ERROR] Not said in lobby: for the lobby", "[ERROR] You are not in lobby, but in garden.", ">")


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_out_of_a_room_and_back(open_terminal, server, size):
    root = owner(server, "root")
    alice = open_terminal(server.host, server.port, "--name", "alice", "--room", "garden", size=size)
    root.expect("INFO|alice has joined the chat.")
    witness, chat = server.join("witness"), server.server.chat
    alice.wait_for(">")  # what is typed before there is a prompt is the terminal's to show
    alice.type("half ty")
    alice.wait(lambda lines: lines[-1] == "> half ty")
    server.call(lambda: chat.part(chat.members["alice"], chat.rooms["garden"], "kicked"))
    root.expect("INFO|alice has left the chat.")
    alice.wait(lambda lines: "You are in no room." in "".join(lines) and lines[-1] == "> half ty")
    alice.type("ped" + ENTER)
    alice.wait(lambda lines: "[ERROR] Not said: half typed" in lines and lines[-1] == ">")
    alice.type("/join lobby" + ENTER + "hi" + ENTER)
    witness.expect("INFO|alice has joined the chat.", "MSG|alice|hi")
    alice.type("/part" + ENTER)
    witness.expect("INFO|alice has left the chat.")
    alice.wait(lambda lines: "> /part" in lines and lines[-2].endswith("lists them.") and lines[-1] == ">")
    alice.type("to whom?" + ENTER)
    alice.wait(lambda lines: "[ERROR] Not said: to whom?" in lines and lines[-1] == ">")
    alice.type("/quit" + ENTER)
    assert alice.end() == Exit.DELIVERED
    witness.send("MSG|/ping")
    witness.expect("INFO|Pong.")


def test_a_conversation_that_has_ended_is_told(open_terminal, server, bob):
    alice = open_terminal(server.host, server.port, "--name", "alice")
    bob.expect("INFO|alice has joined the chat.")
    alice.type("/msg bob psst" + ENTER)
    bob.expect("MSG|alice (private)|psst")
    bob.send("LEAVE")
    alice.wait(lambda lines: any("Your conversation with bob has ended." in line for line in lines))


def test_somebodys_name_can_be_left_to_them(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "ada")
    raw.refuse(raw.knock(), "name_reserved")
    terminal.wait_for("ada belongs to somebody. Its password (empty: another name):")
    terminal.type(ENTER)
    terminal.wait(lambda lines: lines[-1] == "Name:")
    terminal.type("eve" + ENTER)
    assert raw.knock() == {"type": "join", "name": "eve", "ref": 1}


def test_logging_in_from_the_start(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "ada", "--login", "--no-stay")
    terminal.wait_for("Password of ada:")
    terminal.type("hunter2" + ENTER)
    assert raw.knock()["login"] == "hunter2"
    assert b"hunter2" not in terminal.written


def test_who_goes_into_another_room_has_not_left_the_chat(alice, bob, server, open_terminal):
    bob.send("MSG|/join garden")
    alice.wait_for("[INFO] bob went to garden.", ">")
    eve = server.join("eve")
    alice.wait_for("[INFO] eve has joined the chat.", ">")
    eve.close()
    alice.wait(lambda lines: re.fullmatch(r"\[INFO\] eve has left the room \(connection \w+\)\.", lines[-2]))
