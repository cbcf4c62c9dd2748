"""A window of tmux with a shell in it, in which a test types `greenchat` as people do, and sees all that they see."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyte
import pytest

from greenchat.testing import DEADLINE
from kit.machine import eventually
from kit.terminals import environment

TMUX = shutil.which("tmux") or ""
needs_tmux = pytest.mark.skipif(
    not TMUX and not os.environ.get("REQUIRE_TEST_TOOLS"), reason="there is no tmux here (Debian: apt install tmux)"
)

# Nothing of anybody's own settings. Escape is Escape at once, and whoever looks elsewhere is told of.
SETTINGS = """
set -g default-terminal tmux-256color
set -g escape-time 0
set -g focus-events on
set -g history-limit 2000
set -g status off
"""

PROMPT = "$"

# What programs switch on in a terminal, as tmux knows it, and how it is where none has: the normal screen, a cursor, a
# wrapped line, no mouse, no application keys.
MODES = {
    "alternate_on": "0",
    "cursor_flag": "1",
    "insert_flag": "0",
    "keypad_cursor_flag": "0",
    "keypad_flag": "0",
    "mouse_any_flag": "0",
    "mouse_button_flag": "0",
    "mouse_sgr_flag": "0",
    "mouse_standard_flag": "0",
    "origin_flag": "0",
    "wrap_flag": "1",
}


class Window:
    """`variables` are of the environment that the shell has."""

    def __init__(self, size=(80, 24), **variables):
        self._directory = tempfile.TemporaryDirectory(prefix="tmux-")  # a path so short that a socket can have it
        self._asked = 0  # the shell, and so often
        here = Path(self._directory.name)
        self._tmux = [TMUX, "-S", str(here / "socket"), "-f", str(here / "settings")]
        (here / "settings").write_text(SETTINGS)
        (here / "bin").mkdir()
        program = here / "bin" / "greenchat"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m greenchat "$@"\n')
        program.chmod(0o755)
        known = environment(TERM="tmux-256color", PS1=f"{PROMPT} ", XDG_STATE_HOME=str(here)) | variables
        known["PATH"] = f"{here / 'bin'}:{known['PATH']}"
        shell = ["env", "-i", *(f"{name}={value}" for name, value in known.items()), "sh"]
        width, height = size
        self._do("new-session", "-d", "-x", str(width), "-y", str(height), shlex.join(shell))
        self.wait(lambda lines: lines[-1] == PROMPT)
        self._settings = self._ask("stty -g | cksum")
        self.enter("clear")
        self.wait(lambda lines: lines == [PROMPT])

    def _ask(self, command):
        """What the shell's `command` prints, in a line."""
        self._asked += 1
        end = f"so {self._asked}"
        self.enter(f"{command}; echo {end}")
        self.wait(lambda lines: lines[-2:] == [end, PROMPT])
        return self.lines[-3]

    def _do(self, *arguments):
        told = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False, encoding="utf-8"
        )
        assert told.returncode == 0, (arguments, told.stderr)
        return told.stdout

    # --- what is to be seen ---

    @property
    def lines(self):
        """What is in the window, without the blanks at the ends of lines and the empty rest."""
        return [line.rstrip() for line in self._do("capture-pane", "-p").rstrip().split("\n")]

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def cells(self):
        """The characters of each line, with the colours that they have: a list of pyte's `Char`s."""
        width, height = self.size
        screen = pyte.Screen(width + 1, height)  # one more: what fills a line does not begin the next one
        pyte.Stream(screen).feed(self._do("capture-pane", "-p", "-e", "-N").rstrip("\n").replace("\n", "\r\n"))
        return [[screen.buffer[row][column] for column in range(width)] for row in range(height)]

    @property
    def size(self):
        """Columns and rows."""
        width, height = self._do("display-message", "-p", "#{pane_width} #{pane_height}").split()
        return int(width), int(height)

    @property
    def modes(self):
        told = self._do("display-message", "-p", " ".join(f"{name}=#{{{name}}}" for name in MODES))
        return dict(one.split("=") for one in told.split())

    @property
    def pid(self):
        """The process that the shell runs."""
        shell = self._do("display-message", "-p", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        assert len(children) == 1, children
        return int(children[0])

    def wait(self, condition):
        """Until what is in the window is as it should be."""
        eventually(lambda: condition(self.lines), lambda: "the window stays like this:\n" + self.text)

    def sees(self, *texts):
        self.wait(lambda lines: all(text in "\n".join(lines) for text in texts))

    # --- what somebody does ---

    def type(self, text):
        self._do("send-keys", "-l", "--", text)

    def press(self, *keys):
        """Keys as tmux calls them."""
        self._do("send-keys", *keys)

    def enter(self, line):
        self.type(line)
        self.press("Enter")

    def paste(self, text):
        self._do("set-buffer", "--", text)
        self._do("paste-buffer", "-p")

    def resize(self, width, height):
        self._do("resize-window", "-x", str(width), "-y", str(height))

    def ends(self):
        """Wait until the shell has its turn again, and see that all is as it was before; the exit code."""
        self.wait(lambda lines: lines[-1] == PROMPT)
        assert self.modes == MODES
        code = self._ask("echo $?")
        assert self._ask("stty -g | cksum") == self._settings
        return int(code)

    def close(self):
        self._do("kill-server")
        self._directory.cleanup()
