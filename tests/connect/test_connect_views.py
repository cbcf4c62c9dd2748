"""`greenchat connect` on a terminal: when it is a full screen, and when lines and a prompt."""

from contextlib import closing

import pytest
from kit.terminals import CTRL_D, ENTER, NORMAL_SCREEN, Terminal

from greenchat.connect import Exit

IN_LINES = """[profiles.home]
host = "127.0.0.1"
port = {port}
name = "ada"
view = "lines"
"""


def is_screen(lines):
    return "#lobby" in lines[0]


def is_lines(lines):
    return "[INFO] Welcome to lobby, ada." in " ".join(lines) and lines[-1] == ">"


def leave(terminal):
    terminal.type(CTRL_D)
    if not is_lines(terminal.lines):
        terminal.wait(lambda _: NORMAL_SCREEN in terminal.written)
    assert terminal.end() == Exit.DELIVERED


@pytest.mark.parametrize(
    ("arguments", "size", "is_there"),
    [
        ([], (40, 15), is_screen),
        (["--screen"], (80, 24), is_screen),
        (["--line"], (80, 24), is_lines),
        ([], (39, 24), is_lines),
        (["--screen"], (80, 14), is_lines),
    ],
)
def test_it_is_a_screen_where_one_fits_and_none_wants_lines(server, arguments, size, is_there):
    with closing(Terminal("connect", server.host, server.port, "--name", "ada", *arguments, size=size)) as terminal:
        terminal.wait(is_there)
        leave(terminal)


def test_a_profile_may_want_lines_but_the_command_line_says_it_last(server, tmp_path):
    (tmp_path / "greenchat").mkdir()
    (tmp_path / "greenchat" / "connect.toml").write_text(IN_LINES.format(port=server.port))
    for arguments, is_there in ([], is_lines), (["--screen"], is_screen):
        with closing(Terminal("connect", "home", *arguments, XDG_CONFIG_HOME=str(tmp_path))) as terminal:
            terminal.wait(is_there)
            leave(terminal)


def test_before_the_screen_one_is_asked_for_what_is_missing(server):
    with closing(Terminal("connect", server.host, server.port)) as terminal:
        terminal.wait_for("Name [loginname]:")
        terminal.paste("ada\n")
        terminal.wait_for("Name [loginname]: ada")
        terminal.type(ENTER)
        terminal.wait(is_screen)
        assert b"CPR" not in terminal.written
