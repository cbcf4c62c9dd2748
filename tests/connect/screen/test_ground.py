"""The terminal says whether it is light, among what is typed."""

import pytest

from greenchat.connect.screen.ground import QUESTION, Listener

pytest_plugins = ["kit.terminal_fixtures"]

LIGHT, DARK = "\x1b]11;rgb:ffff/fafa/f0f0\x1b\\", "\x1b]11;rgb:1e/1e/2e\x07"


def test_its_answer_is_not_typed():
    heard = []
    listener = Listener(heard.append)
    assert listener.read(f"ab{LIGHT}c\x1b[A{DARK}d") == "abc\x1b[Ad"
    assert heard == [True, False]
    for cut in range(len("\x1b]11;"), len(LIGHT)):
        assert listener.read(f"a{LIGHT[:cut]}") + listener.read(f"{LIGHT[cut:]}b") == "ab"


def test_what_is_no_answer_is_typed():
    listener = Listener(lambda is_light: pytest.fail("it was none"))
    for text in ("\x1b", "\x1b]", "\x1b]11;?\x1b\\", f"\x1b]11;rgb:{'f' * 40}", "\x1b]11;rgb:zz/zz/zz\x07"):
        assert listener.read(text) == text
    assert listener.read("\x1b]11;rgb:ff") == ""
    assert listener.read("", final=True) == "\x1b]11;rgb:ff"


def test_a_light_terminal(open_terminal, server):
    ada = open_terminal(server.host, server.port, "--name", "ada", "--screen")
    ada.wait(lambda _: QUESTION.encode() in ada.written)
    ada.wait(lambda lines: "#lobby" in lines[0])
    ada.type(f"be{LIGHT}fore")
    ada.wait(lambda lines: lines[-1] == "> before" and "ffffff" in ada.backgrounds())
    ada.wait(lambda _: "121212" not in ada.backgrounds())
    ada.type("\x15/set theme dark\r")
    ada.wait(lambda _: "ffffff" not in ada.backgrounds())
    ada.type("/set theme auto\r")
    ada.wait(lambda _: "ffffff" in ada.backgrounds())


def test_a_terminal_of_16_colours(open_terminal, server, bob):
    ada = open_terminal(server.host, server.port, "--name", "ada", "--screen", TERM="xterm")
    ada.wait(lambda lines: "#lobby" in lines[0])
    bob.send("MSG|Look: https://a.example `code` ada")
    ada.wait(lambda lines: any("`code` ada" in line for line in lines))
    assert not [colour for colour in ada.foregrounds() | ada.backgrounds() if colour[-1].isdigit()]
    assert ada.backgrounds() == {"default"}
    assert {"brightcyan", "brightbrown"} <= ada.foregrounds()
