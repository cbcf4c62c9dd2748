"""`greenchat` on a real terminal, whose screen a test can look at."""

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time

import pyte

from greenchat.testing import DEADLINE

# Wide enough for the longest line that the server says in these tests.
COLUMNS, ROWS = 100, 24

# What keys send.
CTRL_C, CTRL_D, CTRL_L, CTRL_U, ENTER, BACKSPACE = "\x03", "\x04", "\x0c", "\x15", "\r", "\x7f"
UP, LEFT, RIGHT, HOME, DELETE = "\x1b[A", "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[3~"

# What switches something on or off: a mouse, another screen, that pastes are told from what is typed. And the same for
# keys that kitty tells apart.
MODE = re.compile(rb"\x1b\[\?([\d;]+)([hl])")
KITTY_ON, KITTY_OFF = re.compile(rb"\x1b\[>\d+u"), re.compile(rb"\x1b\[<\d*u")

PASTES_NOT_TOLD = b"\x1b[?2004l"  # a terminal tells pastes from what is typed no more

# What is drawn up to the right edge, two blanks or more behind what is typed.
STATUS = re.compile(r" {2,}(\S+(?: \S+)*)$")

# What takes a terminal back to the screen that it had before: pyte knows of one alone.
NORMAL_SCREEN = b"\x1b[?1049l"

# What is on in a terminal before anybody has switched anything: lines wrap, and there is a cursor.
USUAL_MODES = {"7", "25"}

# A session's first process makes its terminal the controlling one by opening it: then Ctrl-C and hanging up are real.
ON_A_TERMINAL = """
import os, runpy
os.close(os.open(os.ttyname(0), os.O_RDWR))
runpy.run_module("greenchat", run_name="__main__")
"""


def environment(**changes):
    """What the process sees: nobody's own settings, and no place to keep any."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    state = {"XDG_STATE_HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull}
    state["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    return keep | state | {"LANG": "C.UTF-8", "LOGNAME": "loginname", "TERM": "xterm-256color"} | changes


def _is_so(condition, lines):
    try:
        return condition(lines)
    except IndexError:
        return False


class Terminal:
    """A terminal in which `greenchat` runs with these arguments. `before` is Python that is run first, for what goes
    wrong by itself too seldom."""

    def __init__(self, *arguments, size=(COLUMNS, ROWS), before="", **variables):
        self._fd, inner = pty.openpty()
        termios.tcsetwinsize(inner, size[::-1])
        self.settings = termios.tcgetattr(inner)
        self.process = subprocess.Popen(
            [sys.executable, "-c", before + ON_A_TERMINAL, *map(str, arguments)],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment(**variables),
            start_new_session=True,
        )
        self._inner = inner  # kept open: what was written last can be read also when the process has ended
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._draws = True
        self.written = bytearray()

    @property
    def lines(self):
        """What is on the screen, without the empty rest, and without what stands at the right of a prompt."""
        *lines, last = "\n".join(self._screen.display).rstrip().split("\n")
        found = self._status_in(last)
        return [line.rstrip() for line in (*lines, last[: found.start()] if found else last)]

    @property
    def status(self):
        """What stands at the right of the prompt."""
        found = self._status_in("\n".join(self._screen.display).rstrip().split("\n")[-1])
        return found[1] if found else ""

    def _status_in(self, line):
        return STATUS.search(line) if line.startswith(">") and len(line) == self._screen.columns else None

    def foregrounds(self):
        """The colours that the characters on the screen have."""
        return {cell.fg for row in self._screen.buffer.values() for cell in row.values()}

    def backgrounds(self):
        return {cell.bg for row in self._screen.buffer.values() for cell in row.values()}

    def wait(self, condition):
        """Until what is on the screen is as it should be, and has as many lines as are asked for."""
        deadline = time.monotonic() + DEADLINE
        while not _is_so(condition, self.lines):
            ready, _, _ = select.select([self._fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the screen stays like this:\n" + "\n".join(self.lines)
            self._read()

    def wait_for(self, *lines):
        """Until the screen ends with these lines; `> ` and nothing typed is ">"."""
        self.wait(lambda seen: seen[-len(lines) :] == list(lines))

    def type(self, text):
        os.write(self._fd, text.encode())

    def paste(self, text):
        """As a terminal does it that tells what is pasted from what is typed."""
        self.type("\x1b[200~" + text.replace("\n", "\r") + "\x1b[201~")

    def end(self):
        """Wait until the process has ended; its exit code. Meanwhile it is read, as a terminal does: who draws a whole
        screen as the last thing waits for that."""
        deadline = time.monotonic() + DEADLINE
        while (code := self.process.poll()) is None:
            assert time.monotonic() < deadline, "it does not end:\n" + "\n".join(self.lines)
            if select.select([self._fd], [], [], 0.02)[0]:
                self._read()
        while select.select([self._fd], [], [], 0)[0]:
            self._read()
        assert termios.tcgetattr(self._inner) == self.settings, "the terminal is as it was before"
        assert self.modes == USUAL_MODES, "and nothing is left switched on or off"
        assert len(KITTY_ON.findall(self.written)) == len(KITTY_OFF.findall(self.written))
        return code

    @property
    def modes(self):
        """The numbers of those that are on."""
        on = set(USUAL_MODES)
        for numbers, switch in MODE.findall(self.written):
            for number in numbers.decode().split(";"):
                (on.add if switch == b"h" else on.discard)(number)
        return on

    def hang_up(self):
        """Close the window."""
        os.close(self._fd)
        os.close(self._inner)
        self._fd = self._inner = -1

    def close(self):
        if self._fd >= 0:
            self.hang_up()
        self.process.kill()
        self.process.wait(DEADLINE)

    def wait_for_bytes(self, what, start=0):
        """Until these have been written, behind the first `start` bytes. None of it is drawn here any more: that takes
        longer than what writes it."""
        self._draws = False
        deadline = time.monotonic() + DEADLINE
        while self.written.find(what, max(0, start - len(what))) < 0:
            self._read_within(deadline, f"{what!r} is not written: {bytes(self.written[-2000:])!r}")

    def rest(self, seconds):
        """Take what comes within so long."""
        deadline = time.monotonic() + seconds
        while select.select([self._fd], [], [], max(0, deadline - time.monotonic()))[0]:
            self._read()

    def _read_within(self, deadline, why):
        ready, _, _ = select.select([self._fd], [], [], max(0, deadline - time.monotonic()))
        assert ready, why
        self._read()

    def _read(self):
        data = os.read(self._fd, 65536)
        self.written += data
        if self._draws:
            self._stream.feed(data)
