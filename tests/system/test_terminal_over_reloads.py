"""`greenchat connect` while the server is reloaded again and again: nothing is to be seen of it, on a clear port or by
TLS."""

import subprocess

import pytest
from kit.pipes import command
from kit.programs import Program
from kit.terminals import CTRL_D, ENTER, environment

from greenchat.testing import DEADLINE

pytest_plugins = ["kit.over_reloads", "kit.terminal_fixtures"]


@pytest.fixture(params=["in_clear", "by_tls"])
def serving(request):
    """A server, and the options by which one connects to it."""
    return request.getfixturevalue(request.param)


def test_nothing_is_seen_and_what_is_typed_stays(over, serving, open_terminal):
    with Program(serving, "bob") as bob:
        terminal = open_terminal("127.0.0.1", serving.port, "--name", "alice", *serving.options)
        terminal.wait(lambda lines: lines[-1] == ">")
        bob.read_until("joined")
        terminal.type("half a li")
        terminal.wait(lambda lines: lines[-1] == "> half a li")
        before = terminal.lines
        for number in range(3):
            over.hand_over(serving)
            bob.ask(f"number {number}")
            before = [*before[:-1], f"[bob]: number {number}", before[-1]]
            terminal.wait(lambda lines: lines[-2:] == [f"[bob]: number {number}", "> half a li"])  # noqa: B023
            assert terminal.lines == before
        terminal.type("ne" + ENTER)
        assert bob.read_until("message")["text"] == "half a line"
        over.change()
        over.hang_up(serving)
        for number in range(5):  # while it is reloaded
            terminal.type(f"{number}" + ENTER)
        assert [bob.read_until("message")["text"] for _ in range(5)] == ["0", "1", "2", "3", "4"]
        over.wait_for(4)
        terminal.type("/sayer" + ENTER)
        terminal.wait(lambda lines: "[INFO] word 5" in lines)
        assert not [line for line in terminal.lines if "connection" in line or "waits" in line]
        terminal.type(CTRL_D)
        assert terminal.process.wait(DEADLINE) == 0
        assert bob.read_until("left")["name"] == "alice"


def test_a_pipe_says_each_line_once(over, serving):
    with Program(serving, "bob") as bob:
        where = command("127.0.0.1", serving.port, "--name", "app", *serving.options)
        with subprocess.Popen(
            where, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        ) as pipe:
            for number in range(4):
                pipe.stdin.writelines(f"line {number}.{one}\n" for one in range(10))
                pipe.stdin.flush()
                over.hand_over(serving)
            pipe.stdin.close()
            expected = [f"line {number}.{one}" for number in range(4) for one in range(10)]
            assert [bob.read_until("message")["text"] for _ in expected] == expected
            assert bob.read_until("left", "message")["type"] == "left"
            errors = pipe.stderr.read()
            assert pipe.wait(DEADLINE) == 0, errors
        assert "ERROR" not in errors
