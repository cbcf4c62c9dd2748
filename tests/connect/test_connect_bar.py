"""`greenchat connect` on a terminal: what stands beside the prompt, and what stands out of the lines above it."""

import re
from datetime import datetime, timedelta

import pytest
from kit.comebacks import LOST, let_back
from kit.peers import message
from kit.terminals import CTRL_U, ENTER

from greenchat.connect.colours import NAMES, of_name
from greenchat.connect.quiet import QUIET, Quiet

pytest_plugins = ["kit.terminal_fixtures"]


def test_what_is_unread_elsewhere_stands_at_the_right_of_the_prompt(talk, raw):
    raw.send(message(1, "roses", room="garden"))
    talk.wait(lambda lines: "[garden] [bob]: roses" in lines and talk.status == "unread: garden 1")
    raw.send(message(1, "\x1b[2Jrats", room="cell\x1b[2J"), message(2, "alice: tulips", room="garden"))
    talk.wait(lambda lines: talk.status == "unread: garden 2 @, cell?[2J 1")
    talk.type("x" * 80)
    talk.wait(lambda lines: lines[-1] == "> " + "x" * 80 and not talk.status)
    talk.type(CTRL_U + "hi" + ENTER)
    talk.wait(lambda lines: lines[-2:] == ["> hi", ">"] and talk.status != "")
    assert b"\x1b[2J" not in talk.written


def test_how_the_connection_is_stands_there_too(talk, raw):
    talk.type("hello?" + ENTER)
    say = raw.read()
    talk.wait(lambda lines: re.fullmatch(r"lag \d+ s \| 1 waiting", talk.status))
    raw.send({"type": "ack", "ref": say["ref"], "seq": 1, "id": 1})
    talk.wait(lambda lines: not talk.status)
    raw.hang_up()
    talk.wait(lambda lines: talk.status.endswith("s (Enter: now)") and lines[-3:-1] == LOST)
    let_back(raw)
    talk.wait(lambda lines: lines[-1] == ">" and not talk.status)


# Seconds before the first try.
LATE = "import greenchat.connect.tries as tries; tries.FIRST_SECONDS = tries.LONGEST_SECONDS = 3600.0\n"


@pytest.mark.parametrize("view", ["--line", "--screen"])
def test_enter_tries_again_at_once(open_terminal, raw, view):
    terminal = open_terminal(*raw.address, "--name", "alice", view, before=LATE)
    raw.let_in()
    terminal.wait(lambda lines: lines[-1] == ">")
    raw.hang_up()
    terminal.wait(lambda lines: "s (Enter: now)" in " ".join([terminal.status, *lines[-2:]]))
    terminal.type(ENTER)
    assert raw.knock()["name"] == "alice"


def test_who_is_called_sees_and_hears_it(talk, raw):
    raw.send(message(1, "Is she here?"))
    talk.wait_for("[bob]: Is she here?", ">")
    assert b"\x07" not in talk.written
    raw.send(message(2, "Alice, are you?"))
    talk.wait_for("[bob]: Alice, are you?", ">")
    *_, first, second = talk.written.split(b"[bob]:")
    assert b"\x07" in talk.written
    assert re.search(rb";7m$", first), "its head is drawn in reverse"
    assert second.count(b"\x07") == 0, "once"


def test_who_wants_to_be_called_by_nothing_hears_nothing(alice, bob):
    alice.type("/notify none" + ENTER)
    alice.wait(lambda lines: lines[-1] == ">" and "What calls you in lobby: none." in " ".join(lines))
    bob.send("MSG|alice, are you there?")
    alice.wait_for("[bob]: alice, are you there?", ">")
    assert b"\x07" not in alice.written


def test_settings_hold_for_lines_too(open_terminal, raw, tmp_path):
    file = tmp_path / "greenchat" / "connect.toml"
    file.parent.mkdir()
    file.write_text('bell = false\ntheme = "none"\ntimes = "of"\n')
    terminal = open_terminal(*raw.address, "--name", "alice", XDG_CONFIG_HOME=str(tmp_path))
    raw.let_in()
    raw.send(message(1, "Alice, are you?"))
    terminal.wait_for("[bob]: Alice, are you?", ">")
    assert "line 3: times is true or false." in "".join(terminal.lines[:2])
    assert terminal.foregrounds() == {"default"}
    assert b"\x07" not in terminal.written


def test_a_name_has_one_colour_that_is_seen_on_black_and_on_white():
    assert of_name("Bob") == of_name("bob")
    assert len({of_name(f"n{number}") for number in range(200)}) == len(NAMES)
    for colour in NAMES:
        light = luminance(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))
        assert min((light + 0.05) / 0.05, 1.05 / (light + 0.05)) >= 3.7, colour


def luminance(*rgb):
    """See WCAG 2."""
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in rgb]
    return sum(one * weight for one, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def test_after_a_quiet_time_one_is_told_what_time_it_is():
    at = datetime(2026, 1, 31, 21, 0).astimezone()
    quiet = Quiet(at)
    assert quiet.line(at + QUIET - timedelta(seconds=1)) is None
    assert quiet.line(at + QUIET) is None, "something was said just before"
    assert quiet.line(at + 2 * QUIET).body == f"It is {at + 2 * QUIET:%H:%M}."
    tomorrow = at + timedelta(days=1)
    quiet = Quiet(tomorrow.replace(hour=0, minute=0) - timedelta(seconds=1))
    assert quiet.line(tomorrow.replace(hour=0, minute=0)).body == f"It is {tomorrow:%Y-%m-%d} 00:00."
