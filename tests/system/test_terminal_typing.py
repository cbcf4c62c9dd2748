"""`greenchat connect` on a terminal: all that one may paste or type, and all that a server may answer."""

import re

import pytest
from kit.terminals import BACKSPACE, CTRL_D, CTRL_L, CTRL_U, DELETE, ENTER, HOME, LEFT, RIGHT, UP

from greenchat.connect import Exit

pytest_plugins = ["kit.terminal_fixtures"]


def test_actions_and_private_messages(alice, bob):
    bob.send("MSG|/me waves")
    alice.wait_for("[bob]: * bob waves", ">")
    bob.send("MSG|/msg alice psst")
    alice.wait_for("[bob]: * bob waves", "[bob (private)]: psst", ">")


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
    terminal = open_terminal(*raw.address, "--login", "--no-stay")
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


def test_a_message_that_is_too_long_says_why(alice, bob):
    alice.type("\x1b[200~" + "x" * 5000 + "\x1b[201~" + ENTER)
    alice.wait_for("[ERROR] The frame is longer than 4096 bytes. Send it in shorter parts.", ">")
    alice.type("short" + ENTER)
    bob.expect("MSG|alice|short")


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


def test_what_is_seen_as_one_is_one_step_and_one_backspace(alice, bob):
    family, accent = "👩\u200d👩\u200d👧", "e\u0301"
    alice.type(f"a{family}{accent}{LEFT}{LEFT}b{ENTER}")
    bob.expect(f"MSG|alice|ab{family}{accent}")
    alice.type(f"a{family}{accent}{BACKSPACE}{BACKSPACE}b{ENTER}")
    bob.expect("MSG|alice|ab")
    alice.type(f"{family} {accent}{HOME}{DELETE}{RIGHT}x{ENTER}")
    bob.expect(f"MSG|alice| x{accent}")
