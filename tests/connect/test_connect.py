"""`greenchat connect` on a terminal, looked at as a person would."""

import re
import signal
from datetime import UTC, datetime, timedelta, timezone

import pytest
from kit.peers import event, message, page, welcome
from kit.programs import owner
from kit.terminals import BACKSPACE, CTRL_C, CTRL_D, CTRL_L, CTRL_U, DELETE, ENTER, HOME, LEFT, PASTES_NOT_TOLD, UP

from greenchat.connect import Exit
from greenchat.testing import DEADLINE, serving

pytest_plugins = ["kit.terminal_fixtures"]


def test_talking(alice, bob, server):
    server.join("Carol").send("MSG|Hello | everyone!", "LEAVE")
    alice.wait_for(
        "[INFO] Carol has joined the chat.", "[Carol]: Hello | everyone!", "[INFO] Carol has left the room.", ">"
    )
    alice.type("Hi Carol!" + ENTER)
    alice.wait_for("[INFO] Carol has left the room.", "> Hi Carol!", ">")
    bob.read_until("MSG|alice|Hi Carol!")
    bob.send("MSG|grüße, 世界")
    alice.wait_for("[bob]: grüße, 世界", ">")


def test_actions_and_private_messages(alice, bob):
    bob.send("MSG|/me waves")
    alice.wait_for("[bob]: * bob waves", ">")
    bob.send("MSG|/msg alice psst")
    alice.wait_for("[bob]: * bob waves", "[bob (private)]: psst", ">")


def test_what_one_types_stays_whole_when_messages_arrive(alice, bob):
    alice.type("half ty")
    alice.wait_for("> half ty")
    bob.send("MSG|Sorry to interrupt.")
    alice.wait_for("[bob]: Sorry to interrupt.", "> half ty")
    alice.type("ped")
    alice.wait_for("[bob]: Sorry to interrupt.", "> half typed")
    bob.send("MSG|Again.")
    alice.wait_for("[bob]: Sorry to interrupt.", "[bob]: Again.", "> half typed")
    alice.type(ENTER)
    bob.expect("MSG|alice|half typed")


def test_typing_in_a_busy_room_loses_nothing(alice, bob):
    text = "the quick brown fox jumps over the lazy dog"
    for number, letter in enumerate(text):
        bob.send(*(f"MSG|{number} {line}" for line in range(10)))
        alice.type(letter)
    alice.type(ENTER)
    bob.expect(f"MSG|alice|{text}")
    alice.wait(lambda lines: f"[bob]: {len(text) - 1} 9" in lines and lines[-1] == ">")
    seen = re.findall(rb"\[bob\]:\D*?(\d+ \d)", re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", alice.written))
    assert seen == [b"%d %d" % (number, line) for number in range(len(text)) for line in range(10)]


def test_it_asks_for_what_is_missing(open_terminal, server):
    terminal = open_terminal()
    terminal.wait_for("Server [127.0.0.1]:")
    terminal.type(ENTER)
    terminal.wait_for("Port [9999]:")
    terminal.type("http" + ENTER)
    terminal.wait_for("'http' is no port. Ports are numbers from 1 to 65535.", "Port [9999]:")
    terminal.type(f"{server.port}{ENTER}")
    terminal.wait_for(f"Port [9999]: {server.port}", "Name [loginname]:")
    terminal.type(ENTER)
    terminal.wait(lambda lines: lines[-2].startswith("[INFO] Welcome to lobby, loginname.") and lines[-1] == ">")


def test_a_refused_name_asks_for_another(open_terminal, server, bob):
    terminal = open_terminal(server.host, server.port, "--name", "BOB", "--room", "garden")
    terminal.wait_for("[ERROR] The username BOB is taken. Choose another.", "Name:")
    terminal.type("b|b" + ENTER)
    terminal.wait(lambda lines: "[ERROR] The username 'b|b' is not valid." in "\n".join(lines) and lines[-1] == "Name:")
    terminal.type(ENTER)  # an empty one is asked for once more
    terminal.wait_for("Name:", "Name:")
    terminal.type("carol" + ENTER)
    terminal.wait(lambda lines: any("Welcome to garden, carol." in line for line in lines) and lines[-1] == ">")


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


def test_what_was_said_just_before_leaving_is_delivered(alice, bob):
    alice.type("".join(f"{number}{ENTER}" for number in range(30)) + CTRL_D)
    assert alice.end() == Exit.DELIVERED
    bob.expect(*(f"MSG|alice|{number}" for number in range(30)), "INFO|alice has left the chat.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_too(alice, bob, number):
    alice.type("half ty")
    alice.wait_for("> half ty")
    alice.process.send_signal(number)
    assert alice.end() == Exit.DELIVERED
    bob.expect("INFO|alice has left the chat.")


def test_a_closed_window_leaves_too(alice, bob):
    alice.hang_up()
    bob.expect("INFO|alice has left the chat.")
    alice.process.wait(DEADLINE)


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=repr)
def test_one_need_not_answer_questions(open_terminal, key):
    terminal = open_terminal()
    terminal.wait_for("Server [127.0.0.1]:")
    terminal.type(key)
    assert terminal.end() == Exit.DELIVERED
    assert len(terminal.lines) == 1, "no traceback"


def test_a_pasted_text_is_sent_line_by_line(alice, bob):
    alice.type("\x1b[200~one\rtwo\r\r  three\x1b[201~")
    alice.wait_for("> one", "two", "", "  three")
    alice.type(ENTER)
    bob.expect("MSG|alice|one", "MSG|alice|two", "MSG|alice|  three")
    alice.type("four\rfive\r")  # from a terminal that does not tell pasting from typing
    bob.expect("MSG|alice|four", "MSG|alice|five")
    alice.wait_for("  three", "> four", "> five", ">")


# What people copy from code, logs and mails.
TEXT = ["\t// a comment", "/etc/passwd", "/me", "/quit", "/nick x", "//", "  /msg bob psst", "/", "last"]


def test_pasted_lines_are_said_as_they_stand_and_run_nothing(alice, bob):
    alice.paste("\n".join(TEXT))
    alice.wait_for(*["  /msg bob psst", "/", "last"])
    assert "[INFO] What is pasted is said as it stands. To run it as a command, take one / away." in alice.lines
    alice.type(ENTER)
    bob.expect(*(f"MSG|alice|{line}" for line in TEXT))
    for line in TEXT:
        alice.paste(line + "\n")
        alice.type(ENTER)
        bob.expect(f"MSG|alice|{line}")
    alice.type(CTRL_D)
    assert alice.end() == Exit.DELIVERED
    bob.expect("INFO|alice has left the chat.")
    assert alice.written.count(PASTES_NOT_TOLD) == 1, "else a paste between two prompts would be typed, and run"


def test_a_pasted_command_is_run_by_who_takes_the_slash_away(alice, bob):
    alice.paste("/me waves")
    alice.wait_for("> //me waves")
    alice.type(HOME + DELETE + ENTER)
    bob.expect("MSG|alice|* alice waves")
    alice.type(UP)
    alice.wait_for("> /me waves", "> /me waves")


def test_typed_and_pasted_words_are_one_input(alice, bob):
    alice.type("see ")
    alice.paste("/etc/passwd\n/etc/")
    alice.type("group" + ENTER)
    bob.expect("MSG|alice|see /etc/passwd", "MSG|alice|/etc/group")
    alice.type("< >" + LEFT * 2)
    alice.paste("one\ntwo\n")
    alice.type(ENTER)
    bob.expect("MSG|alice|<one", "MSG|alice|two", "MSG|alice| >")
    alice.type("/me ")
    alice.paste("waves\n")
    alice.type(ENTER)
    bob.expect("MSG|alice|* alice waves")


@pytest.mark.parametrize("typed", ["/msg bob ", "/join vault ", "/room key ", "/password ", " /me "])
def test_several_lines_behind_a_command_are_not_said(alice, bob, typed):
    alice.type(typed)
    alice.paste("the code is 4711\n/nick x\nkeep it")
    alice.type(ENTER)
    alice.wait(
        lambda lines: lines[-1] == "keep it" and "[ERROR] A command is one line: nothing was sent." in "".join(lines)
    )
    alice.type(ENTER)  # no more than the first time
    alice.type(CTRL_U + BACKSPACE + CTRL_U + BACKSPACE + CTRL_U + "hello" + ENTER)
    bob.expect("MSG|alice|hello")
    alice.type(CTRL_D)
    assert alice.end() == Exit.DELIVERED


@pytest.mark.parametrize(
    ("typed", "pasted"),
    [
        ("", "hello\n/login ada hunter2"),
        ("", "/login ada hunter2"),
        ("", "\u200b /LOGIN ada hunter2\n"),
        ("/", "/login ada hunter2"),
        ("hello ", "\n/join vault hunter2"),
        ("", "hello\n//register hunter2"),
    ],
)
def test_a_pasted_password_is_neither_said_nor_shown_nor_kept(alice, bob, typed, pasted):
    alice.type(typed)
    alice.paste(pasted)
    alice.wait(lambda lines: lines[-1] == f"> {typed}".rstrip() and "it was not taken" in "".join(lines))
    alice.type(CTRL_U + UP + "hi" + ENTER)
    bob.expect("MSG|alice|hi")
    assert b"hunter2" not in alice.written


def test_a_pasted_answer_is_one_line(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--login")
    terminal.wait_for("Name [loginname]:")
    terminal.paste("ada\n")
    terminal.type(ENTER)
    terminal.wait(lambda lines: lines[-1] == "Password of ada:")
    terminal.paste("hunter2\r\n")
    terminal.type(ENTER)
    join = raw.knock()
    assert (join["name"], join["login"]) == ("ada", "hunter2")


def test_blank_and_odd_lines_of_a_paste(alice, bob):
    alice.paste("\n\n  one\n \t\n" + "x" * 5000 + "\na\x07b\n\nlast\n\n")
    alice.type(ENTER)
    bob.expect("MSG|alice|  one", "MSG|alice|last")
    alice.wait(
        lambda lines: (
            [line[:30] for line in lines if "Not said" in line]
            == ["[ERROR] Not said in lobby: xxx", "[ERROR] Not said in lobby: a?b"]
        )
    )


def test_a_misspelt_login_is_neither_told_again_nor_kept(alice, bob):
    alice.type("hello" + ENTER)
    bob.expect("MSG|alice|hello")
    for line in "/logn ada hunter2", " /l hunter2", "/ hunter2":
        alice.type(line + ENTER)
        alice.wait(lambda lines: lines[-1] == ">" and "[ERROR] There is no " in "".join(lines[-2:]))
        assert sum("hunter2" in shown for shown in alice.lines) == 1, "as it was typed"
        alice.type(CTRL_L)  # clears the screen
        alice.wait_for(">")
        alice.type(UP)
        alice.wait_for("> hello")
        alice.type(CTRL_U)
        alice.wait_for(">")


def test_a_refused_message_says_why_and_can_be_had_back(alice, bob):
    alice.type("/hlep" + ENTER)
    alice.wait_for("> /hlep", "[ERROR] There is no command /hlep. Did you mean /help?", ">")
    alice.type(UP)
    alice.wait_for("[ERROR] There is no command /hlep. Did you mean /help?", "> /hlep")
    alice.type("\x08" * 5 + "fine" + ENTER)
    bob.expect("MSG|alice|fine")


def test_a_message_that_is_too_long_says_why(alice, bob):
    alice.type("\x1b[200~" + "x" * 5000 + "\x1b[201~" + ENTER)
    alice.wait_for("[ERROR] The frame is longer than 4096 bytes. Send it in shorter parts.", ">")
    alice.type("short" + ENTER)
    bob.expect("MSG|alice|short")


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


def test_no_server(open_terminal, raw):
    host, port = raw.address
    raw.listener.close()
    terminal = open_terminal(host, port, "--name", "alice")
    assert terminal.end() == Exit.UNREACHABLE
    shown = " ".join(terminal.lines)
    assert shown.startswith(f"[ERROR] No server listens at {host}:{port}. Start one there")


def test_no_control_codes_from_a_server_that_lets_them_pass(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "alice")
    raw.let_in()
    evil = {"type": "message", "room": "lobby", "seq": 1, "id": 1, "time": "2026-01-31T12:00:00Z"}
    evil |= {"sender": "eve\x1b[2J", "text": "\x1b]0;owned\x07\x9b31m\r\n[INFO] You won\u2028!"}
    raw.send(evil)
    terminal.wait_for("[eve?[2J]: ?]0;owned??31m??[INFO] You won?!", ">")
    for code in (b"\x1b[2J", b"\x1b]0", b"\x07", "\x9b".encode(), "\u2028".encode()):
        assert code not in terminal.written
    raw.hang_up()


def test_colours_only_where_they_are_welcome(alice, open_terminal, server):
    sober = open_terminal(server.host, server.port, "--name", "sober", NO_COLOR="1")
    for terminal in (alice, sober):
        terminal.type("/nonsense" + ENTER)
        terminal.wait(lambda lines: any(line.startswith("[ERROR]") for line in lines))
    assert "red" in alice.foregrounds()
    assert sober.foregrounds() == {"default"}
    assert set(re.findall(rb"\x1b\[[0-9;]*m", sober.written)) == {b"\x1b[0m"}, "nor bold, nor dim"


def test_a_terminal_that_cannot_move_its_cursor(open_terminal, server, bob):
    terminal = open_terminal(server.host, server.port, "--name", "emacs", TERM="dumb")
    bob.expect("INFO|emacs has joined the chat.")
    bob.send("MSG|Do you read me?")
    terminal.wait(lambda lines: "[bob]: Do you read me?" in lines)
    terminal.type("Loud and clear.\n")
    bob.expect("MSG|emacs|Loud and clear.")
    terminal.type(CTRL_D)
    assert terminal.end() == Exit.DELIVERED
    assert b"\x1b" not in terminal.written


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


# --- rooms -----------------------------------------------------------------------------------------------------------


def test_another_room_takes_the_place_of_the_one_before(alice, bob, server):
    carol = server.join("carol", "garden")
    alice.type("/join garden" + ENTER)
    alice.wait_for(
        "> /join garden",
        "[INFO] Welcome to garden, alice. Here is carol. Say /help for the commands.",
        "[INFO] Owner: carol.",
        ">",
    )
    carol.read_until("INFO|alice has joined the chat.")
    bob.expect("INFO|alice has left the chat.")
    bob.send("MSG|Is she gone?", "MSG|/ping")
    bob.expect("INFO|Pong.")
    carol.send("MSG|Hi alice!")
    alice.wait_for("[INFO] Owner: carol.", "[carol]: Hi alice!", ">")
    alice.type("Hi carol!" + ENTER)
    carol.expect("MSG|alice|Hi carol!")


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


def test_put_out_of_a_room(talk, raw):
    raw.send(
        {"type": "error", "code": "kicked", "text": "root has put you out."},
        welcome("foyer"),
        event("left", name="alice", reason="kicked"),
        event("left", "foyer", name="bob", reason="left"),
    )
    talk.wait_for(
        "[ERROR] root has put you out.",
        "[INFO] Welcome to foyer, alice. Nobody else is here yet.",
        "[INFO] bob has left the room.",
        ">",
    )


def test_what_is_typed_behind_a_join_goes_there_or_nowhere(talk, raw):
    talk.type(f"one{ENTER}/join vault KEY{ENTER}for the vault{ENTER}/topic of the vault{ENTER}")
    one, join = raw.read(), raw.read()
    assert (one["room"], join["text"]) == ("lobby", "/join vault KEY")
    raw.send({"type": "ack", "ref": one["ref"], "seq": 1, "id": 1})
    raw.refuse(join, "room_key", "This is not the key of vault.")
    talk.wait_for(
        "[ERROR] This is not the key of vault.",
        "[ERROR] Not said: for the vault",
        "[ERROR] You have not come into the room that this was for.",
        "[ERROR] Not sent: /topic",
        "[ERROR] You have not come into the room that this was for.",
        ">",
    )
    talk.type(f"for the lobby{ENTER}")
    say = raw.read()
    assert (say["text"], say["room"]) == ("for the lobby", "lobby")


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


def test_in_no_room(talk, raw):
    raw.send(
        {"type": "error", "code": "kicked", "text": "root has put you out."}, event("left", name="alice", reason="")
    )
    told = "[INFO] You are in no room. /join ROOM takes you to one, and /rooms lists them."
    talk.wait_for("[ERROR] root has put you out.", told, ">")
    talk.type("to whom?" + ENTER)
    talk.wait_for("> to whom?", "[ERROR] Not said: to whom?", told.replace("INFO", "ERROR"), ">")
    talk.type("/join garden" + ENTER)
    join = raw.read()
    assert "room" not in join
    raw.send(welcome("garden"), {"type": "ack", "ref": join["ref"]})
    talk.wait_for("[INFO] Welcome to garden, alice. Nobody else is here yet.", ">")
    talk.type("hi" + ENTER)
    assert raw.read()["room"] == "garden"


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


def test_what_happens_in_a_room_is_told(talk, raw):
    crowd = {"members": ["bob", "alice"], "topic": "Roses", "roles": {"bob": "owner"}, "away": {"bob": "lunch"}}
    raw.send(welcome("garden", **crowd))
    assert raw.read()["type"] == "leave"
    raw.send(event("topic", "garden", topic="Tulips", by="bob"), event("away", "garden", name="bob", why=""))
    raw.send(event("role", "garden", name="alice", role="owner"), event("invited", "cellar", by="bob"))
    raw.send({"type": "rolled", "eyes": [6, 1], "lines": ["You have rolled a 6.", "\x1b[2JAnd a 1."]})
    talk.wait_for(
        "[INFO] Welcome to garden, alice. Here is bob. The topic is: Roses",
        "[INFO] Owner: bob. Away: bob (lunch).",
        "[INFO] bob has set the topic: Tulips",
        "[INFO] bob is back.",
        "[INFO] alice is the owner of garden now.",
        "[INFO] bob invites you to cellar. Type /join cellar",
        "[INFO] You have rolled a 6.",
        "[INFO] ?[2JAnd a 1.",
        ">",
    )


# --- what was said before --------------------------------------------------------------------------------------------


def test_what_was_said_before_is_told_from_what_is_said_now(talk, raw):
    raw.send(page(message(1, "waves", action=True), message(2, "\x1b[2Jhi", time="2026-01-31T20:30:00Z")))
    raw.send(message(3, "now"))
    talk.wait_for(
        "[INFO] The last 2 messages in lobby, since 2026-01-31 21:00:",
        "2026-01-31 21:00 [bob]: * bob waves",
        "2026-02-01 05:30 [bob]: ?[2Jhi",
        "[INFO] That was before, until 2026-02-01 05:30.",
        "[bob]: now",
        ">",
    )
    before, now = talk.written.split(b"That was before")
    assert b"\x1b[0;2m2026-01-31 21:00 [bob]:" in before, "dim"
    assert b"\x1b[0;1m[bob]:" in now


def test_today_needs_no_date(talk, raw):
    now = datetime.now(UTC).replace(microsecond=0)
    raw.send(page(message(1, "hi", time=now.isoformat())))
    shown = now.astimezone(timezone(timedelta(hours=9)))
    talk.wait(lambda lines: f"{shown:%H:%M} [bob]: hi" in lines)


def test_nothing_is_shown_twice(talk, raw):
    raw.send(message(1, "one"))
    talk.wait_for("[bob]: one", ">")
    talk.type("two" + ENTER)
    say = raw.read()
    raw.send({"type": "ack", "ref": say["ref"], "seq": 2, "id": 102}, welcome("garden"), page(room="garden"))
    assert raw.read()["type"] == "leave"
    times = {"time": "2026-01-31T13:00:00Z"}
    joined = [event("joined", name="eve"), event("joined", name="dan") | times]
    kept = [joined[0], message(1, "one"), message(2, "two", sender="alice"), message(3, "three"), joined[1]]
    raw.send(welcome("lobby"), page(*kept))
    talk.wait_for(
        "> two",
        "[INFO] Welcome to garden, alice. Nobody else is here yet.",
        "[INFO] Welcome to lobby, alice. Nobody else is here yet.",
        "[INFO] The last message in lobby, since 2026-01-31 21:00:",
        "2026-01-31 21:00 [bob]: three",
        "2026-01-31 22:00 [INFO] dan has joined the chat.",
        "[INFO] That was before, until 2026-01-31 22:00.",
        ">",
    )


def test_what_one_asks_for_is_shown_again(talk, raw):
    raw.send(message(1, "one"))
    talk.wait_for("[bob]: one", ">")
    for events in [message(1, "one")], []:
        talk.type("/history" + ENTER)
        say = raw.read()
        raw.send(page(*events, ref=""), {"type": "ack", "ref": say["ref"]})
        talk.wait(lambda lines: lines[-1] == ">" and "before" in lines[-2])
    talk.wait_for(
        "[bob]: one",
        "> /history",
        "[INFO] The last message in lobby, since 2026-01-31 21:00:",
        "2026-01-31 21:00 [bob]: one",
        "[INFO] That was before, until 2026-01-31 21:00.",
        "> /history",
        "[INFO] Nothing was said in lobby before.",
        ">",
    )


def test_a_search_shows_when_and_where(talk, raw):
    found = [message(9, "roses again", "garden"), message(2, "smells roses", sender="eve", action=True)]
    raw.send({"type": "found", "text": "roses", "messages": found, "more": True})
    raw.send({"type": "found", "text": "thorns", "messages": []})
    talk.wait_for(
        "[INFO] 2026-01-31 21:00 in lobby, * eve smells roses",
        "[INFO] 2026-01-31 21:00 in garden, bob: roses again",
        "[INFO] These are the latest 2 messages with roses.",
        "[INFO] Nothing was found with thorns.",
        ">",
    )


class TestWithReplay:
    """On a server as it is by itself, which tells what was said before."""

    @pytest.fixture
    def server(self):
        with serving(settings={"plugins.history.replay": 20}) as running:
            yield running

    def test_coming_back_into_a_room_with_a_history(self, alice, bob):
        bob.send("MSG|one")
        alice.wait_for("[bob]: one", ">")
        alice.type("two" + ENTER)
        bob.expect("MSG|alice|two")
        alice.type("/join garden" + ENTER)
        bob.expect("INFO|alice has left the chat.")
        bob.send("MSG|three")
        alice.type("/join lobby" + ENTER)
        bob.expect("INFO|alice has joined the chat.")
        bob.send("MSG|four")
        alice.wait_for("[bob]: four", ">")
        talk = [line.rpartition(": ")[2] for line in alice.lines if "[bob]:" in line or "[alice]:" in line]
        assert talk == ["one", "three", "four"], "and what she typed herself"
        alice.type("/history 3" + ENTER)
        alice.wait(lambda lines: "That was before" in lines[-2] and lines[-1] == ">")
        assert [line.rpartition(" ")[2] for line in alice.lines[-5:-2]] == ["two", "three", "four"]


# --- passwords and keys ----------------------------------------------------------------------------------------------


def test_a_name_that_one_has_made_ones_own(open_terminal):
    with serving(settings={"plugins.accounts.memory_mib": 1, "plugins.accounts.passes": 1}) as server:
        first = open_terminal(server.host, server.port, "--name", "ada")
        first.wait(lambda lines: lines[-1] == ">")
        first.type(f"/register{ENTER}correct horse{ENTER}correct horse{ENTER}")
        first.wait(lambda lines: lines[-1] == ">" and "has spaces" in " ".join(lines))
        first.type(f"/register{ENTER}correct-horse{ENTER}correct-horse{ENTER}")
        first.wait(lambda lines: lines[-1] == ">" and any("ada is yours now." in line for line in lines))

        second = open_terminal(server.host, server.port, "--name", "Ada")
        second.wait_for("Ada belongs to somebody. Its password (empty: another name):")
        second.type("wrong-horse" + ENTER)
        second.wait_for("[ERROR] Name or password is wrong.", "Password of Ada (empty: another name):")
        second.type("correct-horse" + ENTER)
        second.wait(lambda lines: lines[-1] == ">" and any("Welcome to lobby, Ada." in line for line in lines))
        assert first.end() == Exit.LOST, "its name is taken back"
        assert not [terminal for terminal in (first, second) if b"horse" in terminal.written]


def test_somebodys_name_asks_for_the_password(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "ada")
    raw.refuse(
        raw.knock(), "name_reserved", "The username ada belongs to somebody. If that is you: /login ada PASSWORD"
    )
    terminal.wait_for("ada belongs to somebody. Its password (empty: another name):")
    terminal.type("wrong horse" + ENTER)
    join = raw.knock()
    assert join["login"] == "wrong horse"
    raw.refuse(join, "login_failed", "Name or password is wrong.")
    terminal.wait_for("[ERROR] Name or password is wrong.", "Password of ada (empty: another name):")
    terminal.type("right horse" + ENTER)
    join = raw.knock()
    assert (join["name"], join["login"]) == ("ada", "right horse")
    raw.welcome("ada", join["ref"])
    terminal.wait(lambda lines: lines[-2].startswith("[INFO] Welcome to lobby, ada.") and lines[-1] == ">")
    terminal.type(UP)
    terminal.type("hi" + ENTER)
    assert raw.read()["text"] == "hi", "no password is in the history"
    assert b"horse" not in terminal.written


def test_somebodys_name_can_be_left_to_them(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "ada")
    raw.refuse(raw.knock(), "name_reserved")
    terminal.wait_for("ada belongs to somebody. Its password (empty: another name):")
    terminal.type(ENTER)
    terminal.wait(lambda lines: lines[-1] == "Name:")
    terminal.type("eve" + ENTER)
    assert raw.knock() == {"type": "join", "name": "eve", "ref": 1}


def test_logging_in_from_the_start(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "ada", "--login")
    terminal.wait_for("Password of ada:")
    terminal.type("hunter2" + ENTER)
    assert raw.knock()["login"] == "hunter2"
    assert b"hunter2" not in terminal.written


def test_a_room_asks_for_its_key(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "ada", "--room", "garden")
    raw.refuse(raw.knock(), "room_key", "garden needs a key. Once you are in the chat, type /join garden KEY")
    terminal.wait_for("Key of garden:")
    terminal.type("thorns" + ENTER)
    join = raw.knock()
    assert join["key"] == "thorns"
    raw.refuse(join, "room_key", "This is not the key of garden.")
    terminal.wait_for("Key of garden: ******", "[ERROR] This is not the key of garden.", "Key of garden:")
    terminal.type("roses" + ENTER)
    assert raw.knock()["key"] == "roses"
    assert b"thorns" not in terminal.written


def test_a_secret_is_neither_shown_nor_remembered(talk, raw):
    talk.type("hello" + ENTER)
    assert raw.read()["text"] == "hello"
    for line, shown in {
        "/login ada hunter2": "/login ada *******",
        "  /LOGIN  ada  hunter2 x": "  /LOGIN  ada  *********",
        "/register hunter2": "/register *******",
        "/passwd hunter2 hunter3": "/passwd ***************",
        "/unregister hunter2": "/unregister *******",
        "/password hunter2": "/password *******",
        "/join garden hunter2": "/join garden *******",
        "/room key hunter2": "/room key *******",
    }.items():
        talk.type(line)
        talk.wait(lambda lines, shown=shown: lines[-1] == f"> {shown}")
        raw.send(message(1, "Sorry to interrupt."))
        talk.wait_for("[bob]: Sorry to interrupt.", f"> {shown}")
        talk.type(ENTER)
        say = raw.read()
        assert say["text"] == line
        raw.refuse(say, "rejected")
        talk.wait_for(f"> {shown}", "[ERROR] No.", ">")
        talk.type(UP)
        talk.wait_for("[ERROR] No.", "> hello")
        talk.type(CTRL_U)
    assert b"hunter" not in talk.written


def test_what_holds_no_secret_is_shown_and_remembered(talk, raw):
    for line in "/join garden", "/room topic-by owner", "/registered", "I type /login ada hunter2":
        talk.type(line)
        talk.wait(lambda lines, line=line: lines[-1] == f"> {line}")
        talk.type(ENTER)
        say = raw.read()
        raw.send({"type": "ack", "ref": say["ref"]})
        talk.type(UP)
        talk.wait(lambda lines, line=line: lines[-2:] == [f"> {line}"] * 2)
        talk.type(CTRL_U)


def test_a_missing_password_is_asked_for(talk, raw):
    for line, answers, sent in [
        ("/register", {"New password": "hunter2", "The same again": "hunter2"}, "/register hunter2"),
        ("/login", {"Your password": "hunter2"}, "/login hunter2"),
        ("/Login Ada", {"Password of Ada": "hunter2"}, "/Login Ada hunter2"),
        (
            "/passwd",
            {"Your password": "hunter2", "New password": "hunter3", "The same again": "hunter3"},
            "/passwd hunter2 hunter3",
        ),
        ("/unregister", {"Your password": "hunter2"}, "/unregister hunter2"),
    ]:
        talk.type(line + ENTER)
        for question, answer in answers.items():
            talk.wait(lambda lines, question=question: lines[-1] == f"{question}:")
            talk.type(answer)
            talk.wait(lambda lines, question=question: lines[-1] == f"{question}: *******")
            raw.send(message(1, "Sorry to interrupt."))
            talk.wait_for("[bob]: Sorry to interrupt.", f"{question}: *******")
            talk.type(ENTER)
        say = raw.read()
        assert say["text"] == sent
        raw.refuse(say, "rejected")
        talk.wait_for("[ERROR] No.", ">")
    talk.type(UP + "hi" + ENTER)
    assert raw.read()["text"] == "hi", "there is nothing in the history"
    assert b"hunter" not in talk.written


def test_one_need_not_tell_a_password(talk, raw):
    for key in ENTER, CTRL_C, CTRL_D:
        talk.type("/register" + ENTER)
        talk.wait_for("> /register", "New password:")
        talk.type(key)
        talk.wait(lambda lines: lines[-2:] == ["[INFO] Nothing was sent.", ">"])
    talk.type("hi" + ENTER)
    assert raw.read()["text"] == "hi"


def test_a_password_is_not_taken_with_a_slip(talk, raw):
    talk.type(f"/register{ENTER}hunter2{ENTER}")
    talk.wait_for("New password: *******", "The same again:")
    talk.type(f"hunter3{ENTER}")
    talk.wait(lambda lines: "[ERROR] These two are not the same." in lines[-2] and lines[-1] == ">")
    talk.type("hi" + ENTER)
    assert raw.read()["text"] == "hi"


def test_who_goes_into_another_room_has_not_left_the_chat(alice, bob, server, open_terminal):
    bob.send("MSG|/join garden")
    alice.wait_for("[INFO] bob went to garden.", ">")
    eve = server.join("eve")
    alice.wait_for("[INFO] eve has joined the chat.", ">")
    eve.close()
    alice.wait(lambda lines: re.fullmatch(r"\[INFO\] eve has left the room \(connection \w+\)\.", lines[-2]))
