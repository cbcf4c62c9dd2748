"""`greenchat connect` as a part of a pipe."""

import signal
import subprocess

import pytest
from kit.peers import event, message, page, welcome
from kit.pipes import command, ended, pipe, said, type_into
from kit.programs import Program, owner

from greenchat.connect import Exit, Visit
from greenchat.testing import DEADLINE

pytest_plugins = ["kit.terminal_fixtures"]


def test_every_line_is_delivered(server, bob):
    done = pipe(server, "one\n\n   \ntwo\r\n  three | 世界\nfour, without an end", "--name", "bot")
    assert done.returncode == Exit.DELIVERED
    assert said(bob, "INFO|bot has left the chat.") == ["one", "two", "  three | 世界", "four, without an end"]
    assert done.stdout == b""
    assert done.stderr.decode().startswith("[INFO] Welcome to lobby, bot. Here is bob.")


def test_what_others_say_is_output_as_it_comes(start_pipe, bob):
    process = start_pipe("--name", "bot")
    bob.expect("INFO|bot has joined the chat.")
    bob.send("MSG|Hello | bot!", "MSG|/me waves")
    assert process.stdout.readline() == b"[bob]: Hello | bot!\n"
    assert process.stdout.readline() == b"[bob]: * bob waves\n"
    type_into(process, "and while the input is open, it goes on")
    bob.expect("MSG|bot|and while the input is open, it goes on")
    bob.send("MSG|good", "LEAVE")
    assert process.stdout.readline() == b"[bob]: good\n"
    output, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == Exit.DELIVERED
    assert output == b""
    assert b"[INFO] bob has left the room.\n" in errors


def test_each_line_of_a_message_has_its_sender(start_pipe, server):
    process, carol = start_pipe("--name", "bot"), Program(server, "carol")
    carol.read_until("joined")
    carol.request(type="say", text="one\n[bob]: two")
    assert process.stdout.readline() == b"[carol]: one\n"
    assert process.stdout.readline() == b"[carol]: [bob]: two\n"


# What a log may hold, and what others may have put there.
TEXT = ["\t// a comment", "/etc/passwd", "/me", "/quit", "/Quit now", "/nick x", "//", "  /msg bob psst", "last"]


def test_lines_of_a_pipe_are_text(server, bob):
    done = pipe(server, "\n".join(TEXT), "--name", "bot")
    assert done.returncode == Exit.DELIVERED
    assert said(bob, "INFO|bot has left the chat.") == TEXT
    told = "[INFO] Line 1, and each that begins with /, is said as it stands. --commands runs such lines."
    assert done.stderr.decode().splitlines()[1:] == [told], "once"


def test_a_password_in_a_pipe_is_not_said(server, bob):
    done = pipe(server, "one\n/login ada hunter2\ntwo", "--name", "bot")
    assert done.returncode == Exit.REFUSED
    assert said(bob, "INFO|bot has left the chat.") == ["one", "two"]
    errors = done.stderr.decode()
    assert "[ERROR] Line 2: It seems to have a password" in errors
    assert "hunter2" not in errors


def test_a_pipe_runs_commands_where_that_is_asked_for(server, bob):
    done = pipe(server, "/me waves\n//x\n/nick bit\nhi", "--name", "bot", "--commands")
    assert done.returncode == Exit.DELIVERED
    bob.expect("INFO|bot has joined the chat.", "MSG|bot|* bot waves", "MSG|bot|/x", "INFO|bot is now known as bit.")
    bob.expect("MSG|bit|hi", "INFO|bit has left the chat.")


def test_put_out_of_the_room(start_pipe, server):
    ada = owner(server, "ada")
    process = start_pipe("--name", "bot", "--room", "garden")
    ada.expect("INFO|bot has joined the chat.")
    type_into(process, "one")
    ada.expect("MSG|bot|one")
    ada.send("MSG|/kick bot Spam")
    assert process.wait(DEADLINE) == Exit.TURNED_AWAY, "though its input is still open"
    errors = process.stderr.read().decode()
    assert "Spam" in errors
    assert "[ERROR] The rest of the input was for garden, and you are not in there any more.\n" in errors


def test_words_for_a_room_that_is_gone_go_nowhere(bot, raw):
    type_into(bot, "one", "/ping", "two", "three")
    one, ping = raw.read(), raw.read()
    assert (one["room"], ping["room"]) == ("lobby", "lobby")
    raw.send({"type": "ack", "ref": one["ref"], "seq": 1, "id": 1}, {"type": "ack", "ref": ping["ref"]})
    two, three = raw.read(), raw.read()
    assert (two["room"], three["room"]) == ("lobby", "lobby")
    left = event("left", name="bot", reason="kicked")
    gone = {"type": "error", "code": "not_in_room", "text": "You are not in lobby."}
    raw.send(left, gone | {"ref": two["ref"]}, gone | {"ref": three["ref"]})
    assert raw.read() == {"type": "leave"}
    raw.hang_up()
    _, errors = bot.communicate(timeout=DEADLINE)
    assert bot.returncode == Exit.TURNED_AWAY
    assert errors.decode().splitlines()[1:] == [
        "[ERROR] The rest of the input was for lobby, and you are not in there any more.",
        "[ERROR] Line 3: You are not in lobby.",
        "[ERROR] Line 4: You are not in lobby.",
    ]


def test_refused_lines_are_named_and_the_others_said(server, bob):
    lines = [b"fine", b"", b"not \xff UTF-8", b"\x1b[31mred", b"x" * 5000, b"y" * 100_000, b"good"]
    done = pipe(server, b"\n".join(lines), "--name", "bot")
    assert done.returncode == Exit.REFUSED
    assert said(bob, "INFO|bot has left the chat.") == ["fine", "good"]
    errors = done.stderr.decode().splitlines()[1:]
    assert [error[: len("[ERROR] Line 3:")] for error in sorted(errors)] == [f"[ERROR] Line {n}:" for n in (3, 4, 5, 6)]
    assert "control characters" in sorted(errors)[1]


def test_no_server_for_the_pipe(raw):
    host, port = raw.address
    raw.listener.close()
    done = subprocess.run(command(host, port), input=b"hi", capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == Exit.UNREACHABLE
    assert done.stderr.decode().startswith(f"[ERROR] No server listens at {host}:{port}.")


def test_the_server_goes_before_the_input_ends(start_pipe, raw):
    process = start_pipe("--name", "bot", address=raw.address)
    raw.let_in()
    type_into(process, "one", "two")
    first = raw.read()
    assert (first["text"], raw.read()["text"]) == ("one", "two")
    raw.send({"type": "ack", "ref": first["ref"], "seq": 1, "id": 1})
    raw.hang_up()
    assert process.wait(DEADLINE) == Exit.LOST, "though its input is still open"
    errors = process.stderr.read().decode().splitlines()
    assert errors[1:] == ["[ERROR] The server has closed the connection.", "[ERROR] 1 message was not delivered."]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, -signal.SIGTERM)], ids=str
)
def test_ctrl_c_in_a_pipe(start_pipe, bob, server, number, code):
    process = start_pipe("--name", "bot")
    bob.expect("INFO|bot has joined the chat.")
    type_into(process, "said before")
    bob.expect("MSG|bot|said before")
    process.send_signal(number)
    assert process.wait(DEADLINE) == code
    server.join("bot")  # whose name is free at once: the next run of a job may be soon
    bob.expect("INFO|bot has left the chat.", "INFO|bot has joined the chat.")
    assert b"Traceback" not in process.stderr.read()


# --- rooms, and what was said before ---------------------------------------------------------------------------------


def test_what_was_said_before_is_no_output(bot, raw):
    raw.send(page(message(1, "old")), message(2, "new"))
    assert bot.stdout.readline() == b"[bob]: new\n"
    output, errors = ended(bot, raw)
    assert output == b""
    assert "old" not in errors
    assert bot.returncode == Exit.DELIVERED


def test_what_becomes_of_messages_is_no_output_and_an_answer_is_its_words(bot, raw):
    raw.send(
        message(1, "!weather?"),
        message(2, "!weather", reply_to=1),
        event("edited", seq=1, rev=3, text="!weather", by="bob"),
        event("deleted", seq=1, rev=4, by="bob"),
        event("edited", "garden", seq=1, rev=3, text="!roses", by="bob"),
    )
    output, errors = ended(bot, raw)
    assert output == b"[bob]: !weather?\n[bob]: !weather\n"
    assert errors.splitlines()[1:] == [
        '[INFO] bob has changed "!weather?": !weather',
        "[INFO] bob has deleted a message.",
    ], "and nothing from another room"


def test_what_follows_a_command_waits_for_its_answer(bot, raw):
    type_into(bot, "one", "/join garden", "two")
    one, join = raw.read(), raw.read()
    assert (one["text"], join["text"]) == ("one", "/join garden")
    entered = welcome("garden", name="bot", members=["bot"])
    raw.send({"type": "ack", "ref": one["ref"], "seq": 1, "id": 1}, entered)
    leave = raw.read()
    assert (leave["type"], leave["room"]) == ("leave", "lobby"), "and not yet what follows"
    raw.send({"type": "ack", "ref": leave["ref"]}, {"type": "ack", "ref": join["ref"]})
    two = raw.read()
    assert two["text"] == "two"
    raw.send({"type": "ack", "ref": two["ref"], "seq": 1, "id": 2}, message(2, "late"), message(2, "hi", "garden"))
    assert bot.stdout.readline() == b"[lobby] [bob]: late\n"
    assert bot.stdout.readline() == b"[bob]: hi\n"
    ended(bot, raw)
    assert bot.returncode == Exit.DELIVERED


# --- whoever is logged in has other devices ---------------------------------------------------------------------------


@pytest.fixture
def ada(start_pipe, raw):
    """A pipe of somebody who is logged in, and in another room by another device."""
    process = start_pipe("--name", "ada", "--commands", address=raw.address)
    raw.accept()
    rooms = ["lobby", "garden"]
    raw.send(welcome(name="ada", account="ada", rooms=rooms, token="gr_1", ref=raw.read()["ref"]))
    raw.send(welcome("garden", name="ada", account="ada", rooms=rooms, token="gr_1"))
    return process


def test_a_pipe_shows_what_others_say_in_its_own_room(ada, raw):
    raw.send(message(1, "of the garden", "garden"), message(1, "mine", sender="ada", own=True), message(2, "hi"))
    assert ada.stdout.readline() == b"[bob]: hi\n"
    output, errors = ended(ada, raw)
    assert output == b""
    assert errors.splitlines()[1:] == [
        "[INFO] You are in garden, too. /join garden to talk there.",
        "[ada, by another device]: mine",
    ]
    assert ada.returncode == Exit.DELIVERED
    assert "gr_" not in errors


def test_out_of_the_room_of_a_pipe_by_another_device(ada, raw):
    raw.send(event("left", name="ada", reason="left"))
    assert raw.read() == {"type": "leave"}
    raw.hang_up()
    assert ada.wait(DEADLINE) == Exit.TURNED_AWAY, "though its input is still open"
    assert "The rest of the input was for lobby, and you are not in there any more." in ada.stderr.read().decode()


@pytest.mark.parametrize("code", ["logged_out", "resumed_elsewhere", "too_many_sessions"])
def test_a_session_that_is_ended_from_elsewhere(ada, raw, code):
    raw.send({"type": "error", "code": code, "text": "Go."})
    raw.hang_up()
    assert ada.wait(DEADLINE) == Exit.LOST, "though its input is still open"
    errors = ada.stderr.read()
    assert errors.decode().splitlines()[-2:] == ["[ERROR] Go.", "[ERROR] The server has closed the connection."]


# --- passwords and keys ----------------------------------------------------------------------------------------------


def test_passwords_and_keys_come_from_files(start_pipe, raw, tmp_path):
    options = ["--name", "bot", "--room", "garden"]
    secrets = {"login": "hunter2", "key": "rösen und dornen", "password": " open sesame "}
    for name, secret in secrets.items():
        (tmp_path / name).write_bytes(f"{secret}\r\nanother line".encode())
        options += [f"--{name}-file", tmp_path / name]
    start_pipe(*options, address=raw.address)
    raw.accept()
    assert raw.read() == {"type": "join", "name": "bot", "room": "garden", "ref": 1} | secrets


def test_a_report_of_a_visit_names_no_secret():
    assert "hunter2" not in repr(Visit(password="hunter2", key="hunter2", login="hunter2"))
