"""`greenchat connect` on a terminal: who comes back, after a loss and when it is opened again, is who they were."""

import signal
import stat

import pytest
from kit.comebacks import let_back, lose, said
from kit.peers import event, message, welcome
from kit.terminals import CTRL_C, CTRL_D, ENTER

from greenchat.connect import Exit
from greenchat.testing import DEADLINE

pytest_plugins = ["kit.terminal_fixtures"]


@pytest.fixture
def kept(state_home):
    """What is kept, as it stands in the file; empty where there is none."""

    def kept():
        path = state_home / "greenchat" / "connect.json"
        return path.read_text() if path.exists() else ""

    return kept


def let_in(raw, terminal, **fields):
    """Take the client that connects, and welcome it with these `fields`; its join."""
    join = raw.knock()
    raw.send(welcome(**{"ref": join["ref"]} | fields))
    terminal.wait(lambda lines: lines[-1] == ">")
    return join


@pytest.fixture
def alice(open_terminal, raw):
    """A guest, who has a token to come back with."""
    terminal = open_terminal(*raw.address, "--name", "alice")
    let_in(raw, terminal, token="gr_1")
    return terminal


@pytest.fixture
def ada(open_terminal, raw):
    """Somebody who is logged in and stays so, in two rooms."""
    terminal = open_terminal(*raw.address, "--name", "ada", "--stay", TZ="UTC")
    terminal.wait_for("Password of ada:")
    terminal.type("hunter2" + ENTER)
    fields = {"name": "ada", "account": "ada", "rooms": ["lobby", "garden"], "token": "gr_1", "device_token": "gd_1"}
    join = let_in(raw, terminal, **fields)
    assert (join["login"], bool(join["device"])) == ("hunter2", True)
    raw.send(welcome("garden", name="ada", account="ada"))
    return terminal


# --- a loss ----------------------------------------------------------------------------------------------------------


def test_a_guest_comes_back_by_the_token_of_the_latest_welcome(alice, raw):
    for before, after in [("gr_1", "gr_2"), ("gr_2", "gr_3")]:
        raw.hang_up()
        join, _ = let_back(raw, token=after)
        assert join == {"type": "join", "token": before, "room": None, "ref": 1}
    alice.wait(lambda lines: sum("Welcome to lobby, alice." in line for line in lines) == 3 and lines[-1] == ">")


@pytest.mark.parametrize("code", ["token_invalid", "name_taken"])
def test_a_token_that_is_void_is_tried_once(alice, raw, code):
    raw.hang_up()
    raw.accept()
    join = raw.read()
    raw.refuse(join, code)
    join = raw.read()
    assert (join["name"], join["room"], "token" in join) == ("alice", "lobby", False)
    raw.refuse(join, "name_taken", "The username alice is taken.")
    raw.knock()
    alice.wait(lambda lines: "[ERROR] The username alice is taken." in lines)


def test_a_guest_who_has_come_into_another_room_in_that_moment_is_where_they_were(alice, raw):
    raw.hang_up()
    raw.accept()
    join = raw.read()
    raw.send(welcome("garden", ref=join["ref"], rooms=["garden", "lobby"], token="gr_2"), welcome("lobby"))
    history = raw.read()
    if history["limit"] == 1:  # until it has the other welcome
        raw.send({"type": "history", "room": "lobby", "events": [], "ref": history["ref"]})
        history = raw.read()
    raw.send({"type": "history", "room": "lobby", "events": [], "ref": history["ref"]})
    left = raw.read()
    assert (left["type"], left["room"]) == ("leave", "garden")
    alice.type("hi" + ENTER)
    assert raw.read()["room"] == "lobby"


def test_a_token_that_is_not_looked_at_for_now_is_tried_again(alice, raw):
    raw.hang_up()
    raw.accept()
    raw.refuse(raw.read(), "try_later")
    assert raw.knock()["token"] == "gr_1"


def test_who_is_in_several_rooms_is_told_what_they_missed_in_each(ada, raw):
    raw.send(said(1, "in the lobby"), said(1, "in the garden", room="garden", id=201))
    ada.wait_for("[bob]: in the lobby", "[garden] [bob]: in the garden", ">")
    ada.type("under way" + ENTER)
    raw.read()
    raw.hang_up()
    raw.accept()
    join = raw.read()
    assert (join["token"], join["room"]) == ("gr_1", None)
    mine = {"name": "ada", "account": "ada"}
    raw.send(welcome("garden", seq=2, ref=join["ref"], rooms=["garden", "lobby"], token="gr_2", **mine))
    raw.send(welcome(seq=2, **mine))
    for room in ("garden", "lobby"):
        history = raw.read()
        assert (history["room"], history["after"]) == (room, 1)
        word = "missed" if room == "garden" else "under way"
        sender = "bob" if room == "garden" else "ada"
        number = {"garden": 202, "lobby": 102}[room]
        events = [said(2, word, room=room, sender=sender, id=number)]
        raw.send({"type": "history", "room": room, "events": events, "ref": history["ref"]})
    ada.wait(lambda lines: lines[-1] == ">" and "[INFO] Was said in lobby: under way" in lines)
    at = ada.lines.index("[INFO] Coming back as soon as the server can be reached. What you type waits; Ctrl-C leaves.")
    assert ada.lines[at + 1 :] == [
        "[INFO] Welcome to lobby, ada. Here is alice.",
        "[INFO] You are in garden, too. /join garden to talk there.",
        "[INFO] You missed a message in garden, since 2026-01-31 12:02:",
        "2026-01-31 12:02 [bob]: missed",
        "[INFO] That was while you were away, until 2026-01-31 12:02.",
        "[INFO] Was said in lobby: under way",
        ">",
    ]
    ada.type("still here" + ENTER)
    assert raw.read()["room"] == "lobby", "which they saw"


def test_a_room_that_one_was_put_out_of_meanwhile_is_not_come_into_again(ada, raw):
    raw.hang_up()
    raw.accept()
    join = raw.read()
    raw.send(welcome("garden", ref=join["ref"], name="ada", account="ada", rooms=["garden"]))
    history = raw.read()
    raw.send({"type": "history", "room": "garden", "events": [], "ref": history["ref"]})
    ada.wait(lambda lines: "[INFO] You are not in lobby any more." in lines and lines[-1] == ">")
    ada.type("to whom?" + ENTER)
    ada.wait(lambda lines: "[ERROR] Not said: to whom?" in lines and lines[-1] == ">")


def test_the_password_is_asked_for_only_where_no_token_leads_in(open_terminal, ada, raw, kept):
    ada.type(CTRL_D)
    raw.read()
    raw.hang_up()
    ada.end()
    ada = open_terminal(*raw.address, "--name", "Ada")
    join = let_in(raw, ada, name="ada", account="ada", token="gr_3", device_token="gd_2")
    assert join == {"type": "join", "token": "gd_1", "room": None, "ref": 1}, "not even a name, nor a room"
    lose(ada, raw)
    ada.type("half ty")
    ada.wait(lambda lines: lines[-1] == "> half ty")
    raw.accept()
    for token in "gr_3", "gd_2":
        join = raw.read()
        assert join["token"] == token
        raw.refuse(join, "token_invalid")
    ada.wait(lambda lines: lines[-1] == "Password of ada:" and "not logged in to ada any more" in "".join(lines))
    ada.type("hunter3" + ENTER)
    raw.hang_up()
    join, _ = let_back(raw, name="ada", account="ada", token="gr_4", device_token="gd_3")
    assert (join["name"], join["login"], join["room"], bool(join["device"])) == ("ada", "hunter3", "lobby", True)
    ada.wait(lambda lines: lines[-1] == "> half ty" and "Welcome to lobby, ada." in "".join(lines[-2:]))
    ada.type("ped" + ENTER)
    assert raw.read()["text"] == "half typed"
    assert "gd_3" in kept()
    assert "gd_2" not in kept()
    assert b"hunter" not in ada.written


def test_one_need_not_tell_the_password_to_come_back(ada, raw):
    raw.hang_up()
    raw.accept()
    for _ in range(3):
        join = raw.read()
        raw.refuse(join, "login_failed" if "login" in join else "token_invalid", "No.")
    ada.wait(lambda lines: lines[-1] == "Password of ada:")
    ada.type(CTRL_C)
    assert ada.end() == Exit.LOST


# --- the next time ---------------------------------------------------------------------------------------------------


def test_a_window_that_is_opened_again_is_the_same_person(open_terminal, alice, raw, kept, state_home):
    assert stat.S_IMODE((state_home / "greenchat" / "connect.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((state_home / "greenchat").stat().st_mode) == 0o700
    alice.type("hi" + ENTER)
    say = raw.read()
    alice.process.send_signal(signal.SIGHUP)
    raw.send({"type": "ack", "ref": say["ref"], "seq": 1, "id": 1})
    assert raw.read_end() == "", "who does not say that they go may be back"
    assert alice.end() == Exit.DELIVERED
    again = open_terminal(*raw.address, "--name", "ALICE")
    join = let_in(raw, again, token="gr_2")
    assert join == {"type": "join", "token": "gr_1", "room": None, "ref": 1}
    assert "gr_2" in kept()
    assert "gr_1" not in kept()


def test_a_process_that_was_killed_leaves_its_token(open_terminal, alice, raw):
    alice.process.kill()
    alice.process.wait(DEADLINE)
    again = open_terminal(*raw.address, "--name", "alice", "--room", "garden")
    join = raw.knock()
    assert join == {"type": "join", "token": "gr_1", "room": "garden", "ref": 1}
    raw.refuse(join, "token_invalid")
    join = raw.read()
    assert join == {"type": "join", "name": "alice", "room": "garden", "ref": 2}
    raw.send(welcome("garden", ref=join["ref"], token="gr_2"))
    again.wait(lambda lines: lines[-1] == ">")
    assert again.lines == ["[INFO] Welcome to garden, alice. Nobody else is here yet.", ">"], (
        "and nothing is said of it"
    )


def test_nobody_takes_a_session_from_a_terminal_that_is_open(open_terminal, alice, raw):
    first = raw.socket
    del raw.socket
    open_terminal(*raw.address, "--name", "alice")
    join = raw.knock()
    assert join == {"type": "join", "name": "alice", "ref": 1}
    first.close()


@pytest.mark.parametrize("way", ["/quit" + ENTER, CTRL_D, CTRL_C, signal.SIGTERM])
def test_who_leaves_is_nobody_next_time(open_terminal, alice, raw, kept, way):
    if isinstance(way, str):
        alice.type(way)
    else:
        alice.process.send_signal(way)
    assert raw.read() == {"type": "leave"}
    raw.hang_up()
    assert alice.end() == Exit.DELIVERED
    assert "gr_" not in kept()
    open_terminal(*raw.address, "--name", "alice")
    assert raw.knock() == {"type": "join", "name": "alice", "ref": 1}


def test_another_name_or_server_is_somebody_else(open_terminal, alice, raw):
    alice.process.kill()
    alice.process.wait(DEADLINE)
    bob = open_terminal(*raw.address, "--name", "bob")
    assert let_in(raw, bob, name="bob") == {"type": "join", "name": "bob", "ref": 1}
    bob.close()
    open_terminal("localhost", raw.address[1], "--name", "alice")
    assert raw.knock() == {"type": "join", "name": "alice", "ref": 1}


def test_who_is_called_otherwise_by_now(open_terminal, alice, raw):
    raw.send(event("renamed", name="alice", new_name="Al"))
    alice.wait(lambda lines: "now known as Al" in "".join(lines))
    alice.process.kill()
    alice.process.wait(DEADLINE)
    open_terminal(*raw.address, "--name", "al")
    assert raw.knock()["token"] == "gr_1"


# --- staying logged in -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "stays"), [("", False), ("n", False), ("what?", False), ("y", True), ("Yes", True)])
def test_one_stays_logged_in_only_by_a_yes(open_terminal, raw, kept, answer, stays):
    terminal = open_terminal(*raw.address, "--name", "ada")
    raw.refuse(raw.knock(), "name_reserved")
    terminal.wait_for("ada belongs to somebody. Its password (empty: another name):")
    terminal.type("hunter2" + ENTER)
    terminal.wait(lambda lines: lines[-1] == "Stay logged in on this computer? [y/N]:")
    terminal.type(answer + ENTER)
    raw.refuse(raw.knock(), "login_failed", "No.")
    terminal.wait(lambda lines: lines[-1].startswith("Password of ada"))
    terminal.type("hunter3" + ENTER)  # and that is not asked twice
    join = let_in(raw, terminal, name="ada", account="ada", token="gr_1", **{"device_token": "gd_1"} if stays else {})
    assert (join["login"], "device" in join) == ("hunter3", stays)
    assert [token in kept() for token in ("gd_1", "gr_1")] == [stays, stays]
    terminal.process.send_signal(signal.SIGHUP)
    assert raw.read_end() == ("" if stays else '{"type":"leave"}\n'), "who cannot be back says that they go"


@pytest.mark.parametrize("command", ["/register hunter2", "/login ada hunter2"])
def test_who_logs_in_later_is_nobody_when_the_window_is_opened_again(alice, raw, kept, command):
    assert "gr_1" in kept()
    alice.type(command + ENTER)
    raw.send({"type": "ack", "ref": raw.read()["ref"]}, message(1, "seen"))
    alice.wait(lambda lines: "[bob]: seen" in lines)
    assert "gr_1" not in kept()


def test_a_login_is_renewed_with_each_welcome_and_forgotten_where_it_is_void(open_terminal, ada, raw, kept):
    raw.send(welcome("garden", name="ada", account="ada", token="gr_2", device_token="gd_2"), message(1, "seen"))
    ada.wait(lambda lines: "[bob]: seen" in lines)
    assert "gd_2" in kept()
    assert "gd_1" not in kept()
    ada.type(CTRL_D)
    raw.read()
    raw.hang_up()
    ada.end()
    again = open_terminal(*raw.address, "--name", "ada")
    join = raw.knock()
    assert join["token"] == "gd_2"
    raw.refuse(join, "token_invalid")
    join = raw.read()
    assert join["name"] == "ada"
    raw.refuse(join, "name_reserved")
    again.wait(lambda lines: lines[-1].startswith("ada belongs to somebody."))
    assert "gd_" not in kept()


def test_the_name_of_who_stays_logged_in_is_proposed(open_terminal, ada, raw):
    again = open_terminal(*raw.address)
    again.wait_for("Name [ada]:")
    again.type(ENTER)
    assert raw.knock()["token"] == "gd_1"


def test_two_terminals_share_one_login(open_terminal, ada, raw, kept):
    first = raw.socket
    del raw.socket
    second = open_terminal(*raw.address, "--name", "ada")
    join = let_in(raw, second, name="ada", account="ada", token="gr_9", device_token="gd_2")
    assert join["token"] == "gd_1", "and not the session of the first"
    raw.socket.close()
    assert "gr_1" in kept()
    assert "gr_9" in kept()
    first.close()


@pytest.mark.parametrize("by", ["oneself", "another device"])
def test_who_is_logged_out_is_forgotten(ada, raw, kept, by):
    told = {"type": "error", "code": "logged_out", "text": "You are logged out."}
    if by == "oneself":
        ada.type("/logout" + ENTER)
        say = raw.read()
        raw.send(told, {"type": "ack", "ref": say["ref"]})
    else:
        raw.send(told)
    raw.hang_up()
    assert ada.end() == (Exit.DELIVERED if by == "oneself" else Exit.LOST)
    assert f"[{'INFO' if by == 'oneself' else 'ERROR'}] You are logged out." in ada.lines
    assert kept() == "[]"


def test_who_has_logged_out_as_the_connection_was_lost_does_not_come_back(ada, raw, kept):
    ada.type("/logout" + ENTER)
    raw.read()
    raw.hang_up()
    assert ada.end() == Exit.LOST
    assert "[ERROR] May not have been run: /logout" in ada.lines
    assert kept() == "[]"


@pytest.mark.parametrize("end", [CTRL_C, "/quit" + ENTER, signal.SIGHUP])
def test_who_logs_out_while_nobody_is_there_is_logged_out_here(ada, raw, kept, end):
    raw.listener.close()
    lose(ada, raw)
    ada.type("/logout" + ENTER)
    ada.wait(lambda lines: "[INFO] Waiting to be run: /logout" in lines and lines[-1] == ">")
    if end == signal.SIGHUP:
        ada.process.send_signal(end)
    else:
        ada.type(end)
    assert ada.end() == Exit.LOST
    assert kept() == "[]", "neither the device's token nor the session's"
    assert "".join(ada.lines).endswith(
        "[ERROR] Not sent in lobby: /logout"
        "[INFO] You are logged out on this computer, but the server could not be told: /sessions may still list it, "
        "and ends it."
        "[ERROR] 1 message was not delivered."
    )


def test_who_logs_out_and_leaves_without_an_answer_is_logged_out_here(ada, raw, kept):
    ada.type("/logout" + ENTER + CTRL_D)
    assert [raw.read().get("text"), raw.read()["type"]] == ["/logout", "leave"]
    raw.hang_up()
    assert ada.end() == Exit.LOST
    assert "[ERROR] May not have been run: /logout" in ada.lines
    assert kept() == "[]"


def test_who_only_leaves_while_nobody_is_there_stays_logged_in(ada, raw, kept):
    raw.listener.close()
    lose(ada, raw)
    ada.type("hello" + ENTER)
    ada.wait(lambda lines: "[INFO] Waiting to be said in lobby: hello" in lines and lines[-1] == ">")
    ada.type(CTRL_C)
    assert ada.end() == Exit.LOST
    assert "gd_1" in kept()
    assert "logged out" not in "".join(ada.lines)


def test_who_could_not_log_out_is_as_before(ada, raw, kept):
    ada.type("/logout" + ENTER)
    raw.refuse(raw.read(), "unknown_command", "There is no command /logout.")
    ada.wait_for("[ERROR] There is no command /logout.", ">")
    raw.hang_up()
    assert raw.knock()["token"] == "gr_1"
    assert "gd_1" in kept()


@pytest.mark.parametrize("code", ["resumed_elsewhere", "too_many_sessions"])
def test_who_is_put_out_for_another_session_stays_logged_in(ada, raw, kept, code):
    raw.send({"type": "error", "code": code, "text": "Go."})
    raw.hang_up()
    assert ada.end() == Exit.LOST
    assert "gd_1" in kept()
    assert "gr_" not in kept()


def test_where_nothing_can_be_kept_one_is_told(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "ada", "--stay", XDG_STATE_HOME="/dev/null")
    terminal.wait_for("Password of ada:")
    terminal.type("hunter2" + ENTER)
    let_in(raw, terminal, name="ada", account="ada", token="gr_1", device_token="gd_1")
    terminal.wait(lambda lines: "cannot be kept on this computer" in "".join(lines))


# --- other devices ---------------------------------------------------------------------------------------------------


def test_what_one_says_on_another_device(ada, raw):
    raw.send(message(1, "From my phone.", sender="ada", own=True))
    raw.send(message(1, "And there.", "garden", sender="ada", own=True))
    raw.send(message(1, "psst", "", sender="ada", own=True, conversation="3q2-7wAAAAABAgME", **{"with": "bob"}))
    ada.wait_for(
        "[ada, by another device]: From my phone.",
        "[garden] [ada, by another device]: And there.",
        "[ada to bob (private), by another device]: psst",
        ">",
    )


def test_rooms_follow_other_devices_and_words_do_not(ada, raw):
    mine = {"name": "ada", "account": "ada"}
    raw.send(welcome("cellar", **mine))
    ada.wait_for("[INFO] You have come into cellar by another device. /join cellar to talk there.", ">")
    ada.type("for the lobby" + ENTER)
    assert raw.read()["room"] == "lobby"
    raw.send(event("left", "cellar", name="ada", reason="left"))
    ada.wait_for("[INFO] You have left cellar by another device.", ">")
    raw.send(event("left", name="ada", reason="left"))
    ada.wait_for(
        "[INFO] You have left lobby by another device.",
        "[INFO] What you say goes nowhere now. You are in garden: /join garden to talk there.",
        ">",
    )
    ada.type("to whom?" + ENTER)
    ada.wait(lambda lines: "[ERROR] Not said: to whom?" in lines)


def test_one_looks_at_one_of_ones_rooms(ada, raw):
    ada.type(f"/join #Garden{ENTER}for the garden{ENTER}")
    raw.refuse(raw.read(), "already_joined", "You are in garden already.")
    say = raw.read()
    assert (say["text"], say["room"]) == ("for the garden", "garden")
    ada.wait(lambda lines: "[INFO] What you say is for garden from now on." in lines)
    ada.type(f"/join vault{ENTER}for the vault{ENTER}")
    join = raw.read()
    raw.send(welcome("vault", name="ada", account="ada", ref=join["ref"]), {"type": "ack", "ref": join["ref"]})
    say = raw.read()
    assert (say["type"], say["room"]) == ("say", "vault"), "and no room was left, where another device may be"


def test_what_happens_to_a_person_is_told_of_no_room(ada, raw):
    raw.send(event("renamed", "garden", name="bob", new_name="Bert"), event("away", "garden", name="Bert", why="lunch"))
    raw.send(event("left", "garden", name="Bert", reason="left"))
    ada.wait_for(
        "[INFO] bob is now known as Bert.", "[INFO] Bert is away: lunch", "[INFO] [garden] Bert has left the room.", ">"
    )
