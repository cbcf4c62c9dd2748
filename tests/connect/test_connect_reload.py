"""`greenchat connect` while the server is reloaded. One reload after the other is in
tests/system/test_terminal_over_reloads.py."""

import pytest
from kit.programs import Program
from kit.terminals import ENTER

pytest_plugins = ["kit.over_reloads", "kit.terminal_fixtures"]


def test_what_is_typed_stays(over, by_tls, open_terminal):
    """It has to come back, and that is not seen."""
    with Program(by_tls, "bob") as bob:
        terminal = open_terminal("127.0.0.1", by_tls.port, "--name", "alice", *by_tls.options)
        terminal.wait(lambda lines: lines[-1] == ">")
        bob.read_until("joined")
        terminal.type("half a li")
        terminal.wait(lambda lines: lines[-1] == "> half a li")
        before = terminal.lines
        over.hand_over(by_tls)
        bob.ask("hello")
        terminal.wait(lambda lines: lines == [*before[:-1], "[bob]: hello", before[-1]])
        terminal.type("ne" + ENTER)
        assert bob.read_until("message")["text"] == "half a line"


@pytest.mark.parametrize("how", ["in_clear", "by_tls"])
def test_an_operator_reloads(request, open_terminal, how):
    serving = request.getfixturevalue(how)
    terminal = open_terminal("127.0.0.1", serving.port, "--name", "alice", *serving.options)
    terminal.wait(lambda lines: lines[-1] == ">")
    terminal.type("/reload" + ENTER)
    terminal.wait(lambda lines: "[ERROR] You may not use /reload." in lines)
