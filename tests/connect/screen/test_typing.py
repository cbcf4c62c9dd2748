"""Typing in the box of the full screen: where the cursor is, and what keys and the mouse do with it."""

from kit.screens import on_screen, steps
from textual import events

from greenchat.testing import DEADLINE

pytest_plugins = ["kit.terminal_fixtures"]

FAMILY = "👩‍👩‍👧"


def cursor(screen):
    """Where the terminal's cursor is, in the box: row and column."""
    region = screen.app.box.region
    return screen.app.cursor_position.y - region.y, screen.app.cursor_position.x - region.x


@steps
async def test_wide_signs_are_one_step_one_backspace_and_one_click(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(40, 15)) as ada:
        await ada.type("世界")
        for part in FAMILY:  # as a terminal sends it
            ada.app.post_message(events.Key(part, part))
        await ada.until(lambda: ada.app.editor.text.endswith(FAMILY))
        await ada.type("ab")
        assert ada.app.editor.text == f"世界{FAMILY}ab"
        assert cursor(ada) == (0, 10)
        await ada.press("left", "left", "left")
        assert cursor(ada) == (0, 6)
        await ada.press("delete")
        assert ada.app.editor.text == "世界ab"
        await ada.press("backspace")
        assert ada.app.editor.text == "世ab"
        await ada.pilot.click("#box", offset=(3, 0))  # its second half
        await ada.type("x")
        assert ada.app.editor.text == "x世ab"
        await ada.pilot.click("#box", offset=(30, 0))
        await ada.type("y")
        assert ada.app.editor.text == "x世aby"


@steps
async def test_lines_as_they_are_drawn(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(40, 15)) as ada:
        await ada.type("sent before", "enter")
        await ada.type("a" * 50, "alt+enter")
        await ada.type("世界")
        assert cursor(ada) == (2, 6)
        await ada.press("up")
        assert cursor(ada) == (1, 6)
        await ada.press("up", "left", "left")
        assert cursor(ada) == (0, 4)
        await ada.pilot.click("#box", offset=(20, 1))
        assert cursor(ada) == (1, 15), "behind the end of a line is its end"
        await ada.press("ctrl+a", "up")
        assert ada.app.editor.text == "sent before"
        await ada.press("ctrl+n")
        assert ada.app.editor.text.endswith("世界")


@steps
async def test_ctrl_k_cuts_where_there_is_something_to_cut(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.type("one two", "ctrl+a")
        await ada.press("alt+f", "ctrl+k")
        assert ada.app.editor.text == "one"
        await ada.press("ctrl+k")
        await ada.until(lambda: len(ada.app.screen_stack) == 2)
        await ada.press("escape")
        await ada.press("ctrl+y")
        assert ada.app.editor.text == "one two"


def test_what_was_sent_is_there_after_a_restart(open_terminal, server, state_home):
    for number in range(2):
        ada = open_terminal(server.host, server.port, "--name", "ada", "--screen")
        ada.wait(lambda lines: "#lobby" in lines[0] and lines[-1] == ">")
        if number:
            ada.type("\x1b[A")
            ada.wait(lambda lines: lines[-1] == "> My words")
            ada.type("\x15")
        else:
            ada.type("/login bob a-password\r")
            ada.wait(lambda lines: any("password is wrong" in line for line in lines))
            ada.type("My words\r")
            ada.wait(lambda lines: any("│ My words" in line for line in lines))
        ada.type("\x11")
        assert ada.process.wait(DEADLINE) == 0
        [file] = (state_home / "greenchat" / "sent").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text() == '"My words"\n'
