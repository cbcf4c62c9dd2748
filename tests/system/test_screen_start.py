"""How soon the full screen is there, beside Python alone and the line client: figures are printed."""

import statistics
import subprocess
import sys
import time

import psutil
import pytest
from kit.terminals import environment

pytestmark = pytest.mark.alone
pytest_plugins = ["kit.terminal_fixtures"]

TIMES = 3

# Half a second beyond Python's own start is asked for, of a machine with nothing else to do. Five times that is a
# mistake on any.
BOUND = 2.5


def started(open_terminal, server, number):
    """Until the whole screen is drawn: seconds, and those of them that its process had a processor."""
    began = time.monotonic()
    terminal = open_terminal(f"{server.host}:{server.port}", "--name", f"ada{number}", "--screen", size=(80, 24))
    terminal.wait(lambda lines: "#lobby" in lines[0] and any("F1 keys" in line for line in lines))
    took = time.monotonic() - began
    used = psutil.Process(terminal.process.pid).cpu_times()
    terminal.type("\x11")
    assert terminal.end() == 0
    return took, used.user + used.system


def test_the_first_screen(open_terminal, server):
    python = []
    for _ in range(TIMES):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], env=environment(), check=True)
        python.append(time.monotonic() - began)
    screens = [started(open_terminal, server, number) for number in range(TIMES)]
    alone, took, used = map(statistics.median, (python, *zip(*screens, strict=True)))
    print(f"Python {alone:.2f} s, the first screen {took:.2f} s, {used:.2f} s of them with a processor")
    assert took - alone < BOUND
