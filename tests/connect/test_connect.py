"""`greenchat connect` on a terminal, looked at as a person would."""

import re

from kit.peers import event, message, page, welcome
from kit.programs import Program
from kit.terminals import BACKSPACE, CTRL_D, CTRL_U, ENTER, PASTES_NOT_TOLD, UP

from greenchat.connect import Exit
from greenchat.testing import serving

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


def test_leaving(alice, bob):
    alice.type("/quit" + ENTER)
    assert alice.end() == Exit.DELIVERED
    bob.expect("INFO|alice has left the chat.")
    assert len(alice.lines) == 2, "nothing but the welcome and the prompt"


def test_what_was_said_just_before_leaving_is_delivered(alice, bob):
    alice.type("".join(f"{number}{ENTER}" for number in range(30)) + CTRL_D)
    assert alice.end() == Exit.DELIVERED
    bob.expect(*(f"MSG|alice|{number}" for number in range(30)), "INFO|alice has left the chat.")


def test_a_pasted_text_is_one_message(alice, bob, server):
    carol = Program(server, "carol")
    bob.expect("INFO|carol has joined the chat.")
    alice.type("\x1b[200~one\rtwo\r\r  three\x1b[201~")
    alice.wait_for("> one", "two", "", "  three")
    alice.type(ENTER)
    bob.expect("MSG|alice|one", "MSG|alice|two", "MSG|alice|", "MSG|alice|  three")
    assert carol.read_until("message")["text"] == "one\ntwo\n\n  three"
    alice.type("four\rfive\r")  # from a terminal that does not tell pasting from typing
    bob.expect("MSG|alice|four", "MSG|alice|five")
    alice.wait_for("  three", "> four", "> five", ">")


def test_a_text_that_is_too_long_for_one_message_is_several(alice, bob, server):
    carol = Program(server, "carol")
    lines = [f"{number}: {'x' * 60}" for number in range(120)]
    alice.paste("\n".join(lines))
    alice.type(ENTER)
    texts = []
    while "\n".join(texts) != "\n".join(lines):
        texts.append(carol.read_until("message")["text"])
    assert 2 <= len(texts) <= 4, "as few as the server takes"


def test_lines_of_a_message_are_told_from_those_of_others(alice, bob, server):
    carol = Program(server, "carol")
    carol.request(type="say", text="one\n[bob]: two\n\n" + "x" * 99)
    alice.wait_for("[carol]: one", "    [bob]: two", "", f"    {'x' * 96}", "xxx", ">")
    carol.request(type="edit", seq=1, text="three\nfour")
    alice.wait_for('[INFO] carol has changed "one …": three', "    four", ">")
    carol.request(type="say", text="/me sings\nla", to="alice")
    alice.wait_for("[carol (private)]: * carol sings", "    la", ">")
    alice.type("/history 1" + ENTER)
    alice.wait(lambda lines: lines[-4].endswith(" [carol]: three") and lines[-3] == "    four (changed)")


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


def test_a_password_among_pasted_lines_and_lines_behind_a_command_are_not_said(alice, bob):
    alice.paste("hello\n/login ada hunter2")
    alice.wait(lambda lines: lines[-1] == ">" and "it was not taken" in "".join(lines))
    alice.type("/msg bob ")
    alice.paste("the code is 4711\nkeep it")
    alice.type(ENTER)
    alice.wait(
        lambda lines: lines[-1] == "keep it" and "[ERROR] A command is one line: nothing was sent." in "".join(lines)
    )
    alice.type(CTRL_U + BACKSPACE + CTRL_U + "hi" + ENTER)
    bob.expect("MSG|alice|hi")
    assert b"hunter2" not in alice.written


def test_a_refused_message_says_why_and_can_be_had_back(alice, bob):
    alice.type("/hlep" + ENTER)
    alice.wait_for("> /hlep", "[ERROR] There is no command /hlep. Did you mean /help?", ">")
    alice.type(UP)
    alice.wait_for("[ERROR] There is no command /hlep. Did you mean /help?", "> /hlep")
    alice.type("\x08" * 5 + "fine" + ENTER)
    bob.expect("MSG|alice|fine")


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
    terminal.wait_for("[eve?[2J]: ?]0;owned??31m?", "    [INFO] You won?!", ">")
    for code in (b"\x1b[2J", b"\x1b]0", b"\x07", "\x9b".encode(), "\u2028".encode()):
        assert code not in terminal.written
    raw.hang_up()


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
    assert re.search(rb"\x1b\[0;38;5;\d+;1m\[bob\]:", now), "in the colour of the name"


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


# --- passwords and keys ----------------------------------------------------------------------------------------------


def test_a_name_that_one_has_made_ones_own(open_terminal):
    with serving(settings={"plugins.accounts.memory_mib": 1, "plugins.accounts.passes": 1}) as server:
        first = open_terminal(server.host, server.port, "--name", "ada")
        first.wait(lambda lines: lines[-1] == ">")
        first.type(f"/register{ENTER}correct horse{ENTER}correct horse{ENTER}")
        first.wait(lambda lines: lines[-1] == ">" and "has spaces" in " ".join(lines))
        first.type(f"/register{ENTER}correct-horse{ENTER}correct-horse{ENTER}")
        first.wait(lambda lines: lines[-1] == ">" and any("ada is yours now." in line for line in lines))

        second = open_terminal(server.host, server.port, "--name", "Ada", "--no-stay")
        second.wait_for("Ada belongs to somebody. Its password (empty: another name):")
        second.type("wrong-horse" + ENTER)
        second.wait_for("[ERROR] Name or password is wrong.", "Password of Ada (empty: another name):")
        second.type("correct-horse" + ENTER)
        second.wait(lambda lines: lines[-1] == ">" and any("Welcome to lobby, ada." in line for line in lines))
        second.type("both of me are here" + ENTER)
        first.wait(lambda lines: "[ada, by another device]: both of me are here" in lines)
        assert not [terminal for terminal in (first, second) if b"horse" in terminal.written]


def test_somebodys_name_asks_for_the_password(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "ada", "--no-stay")
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


def test_a_missing_password_is_asked_for(talk, raw):
    for line, answers, sent in [
        ("/register", {"Password": "hunter2", "The same again": "hunter2"}, "/register hunter2"),
        ("/login", {"Password": "hunter2"}, "/login hunter2"),
        ("/Login Ada", {"Password": "hunter2"}, "/Login Ada hunter2"),
        ("/passwd", {"Old": "hunter2", "New": "hunter3", "The same again": "hunter3"}, "/passwd hunter2 hunter3"),
        ("/unregister", {"Password": "hunter2"}, "/unregister hunter2"),
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
