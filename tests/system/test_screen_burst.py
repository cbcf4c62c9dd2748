"""The full screen while very much is said: who types goes on typing, and memory stays bounded.

How long a key takes is what somebody at the terminal has of it: from the byte that the keyboard sends to the bytes that
draw the sign. Figures are printed; that keys come at all in time is told by a bound far from them.
"""

import subprocess
import time

import psutil
import pytest
from kit.pipes import command
from kit.processes import serve_process
from kit.terminals import CTRL_U, environment

pytestmark = pytest.mark.alone
pytest_plugins = ["kit.terminal_fixtures"]

# What a burst is, in messages; and how much more memory ten of them may take than one, in bytes: the model keeps a
# thousand messages, the screen a thousand rows as they were drawn.
BURST = 10_000
GROWTH = 32 << 20

# Somebody types so many keys a second, and begins anew after so many.
KEYS_A_SECOND = 20
A_LINE = 20

# Ten times what is asked for: nobody's machine is so slow that this is not a mistake.
BOUND = 0.5


class Typist:
    """Types signs that are found nowhere else, from `first` on, and looks when each of them is drawn: `times`, in
    seconds."""

    def __init__(self, terminal, first):
        self._terminal = terminal
        self._first = ord(first)
        self._count = 0
        self.times = []

    def type(self):
        sign = chr(self._first + self._count)
        self._count += 1
        terminal = self._terminal
        before = len(terminal.written)
        began = time.monotonic()
        terminal.type(sign)
        terminal.wait_for_bytes(sign.encode(), before)
        self.times.append(time.monotonic() - began)
        if self._count % A_LINE == 0:
            terminal.type(CTRL_U)

    def percentile(self, part):
        return sorted(self.times)[int(part * (len(self.times) - 1))]


def burst(serving, tmp_path, name, count):
    """A script that says so much, as fast as it can."""
    lines = tmp_path / f"{name}.txt"
    lines.write_text("".join(f"{name} {number}: some words, and a name: ada\n" for number in range(1, count + 1)))
    with lines.open() as source:
        return subprocess.Popen(
            command("127.0.0.1", serving.port, "--name", name),
            stdin=source,
            env=environment(),
            stdout=subprocess.DEVNULL,
        )


def test_keys_and_memory_in_a_burst(open_terminal, tmp_path):
    limits = ["--set=limits.flood_rate=0", "--set=limits.outbox_bytes=0"]
    with serve_process(tmp_path, *limits) as serving:
        terminal = open_terminal(f"127.0.0.1:{serving.port}", "--name", "ada", "--screen", size=(80, 24))
        terminal.wait(lambda lines: "#lobby" in lines[0] and lines[-1] == ">")
        calm, busy = Typist(terminal, "\u4e00"), Typist(terminal, "\u5e00")
        for _ in range(2 * A_LINE):
            calm.type()
            terminal.rest(1 / KEYS_A_SECOND)
        memory = []
        for name, count in ("one", BURST), ("ten", 10 * BURST):
            began, before = time.monotonic(), len(terminal.written)
            with burst(serving, tmp_path, name, count) as pipe:
                while pipe.poll() is None:
                    busy.type()
                    terminal.rest(1 / KEYS_A_SECOND)
                assert pipe.returncode == 0
            terminal.wait_for_bytes(f"{name} {count}: ".encode(), before)
            took = time.monotonic() - began
            memory.append(psutil.Process(terminal.process.pid).memory_info().rss)
            print(f"{count:,} messages: {took:.1f} s, {memory[-1] / 2**20:.0f} MB")
        for one, what in (calm, "calm"), (busy, "busy"):
            figures = " ".join(f"p{part * 100:.0f} {one.percentile(part) * 1000:.1f}" for part in (0.5, 0.9, 0.99, 1.0))
            print(f"{what}: {len(one.times)} keys, milliseconds: {figures}")
        assert busy.percentile(0.99) < BOUND
        assert memory[1] - memory[0] < GROWTH
        terminal.type("\x03\x11")
        assert terminal.end() == 0
