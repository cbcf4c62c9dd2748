"""The tests themselves: they go the same way wherever they are started."""

import subprocess
import sys
from pathlib import Path

# Which signals a process that does nothing about them does not hear.
DEAF = """
import signal
ignored = {number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN}
print(*sorted((ignored | signal.pthread_sigmask(signal.SIG_BLOCK, [])) - {signal.SIGPIPE, signal.SIGXFSZ}))
"""

# As nohup does, and shells with what they start in the background, and worse.
DEAFEN = """
import signal, subprocess, sys
for number in signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD, signal.SIGTSTP:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGTERM])
"""
START = "subprocess.run([sys.executable, '-c', sys.argv[1]])"


def started(code):
    """What a process says of itself that `code` has started."""
    command = [sys.executable, "-c", code, DEAF]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_processes_that_tests_start_hear_all_signals_wherever_the_tests_were_started():
    assert started(f"import subprocess, sys; {START}") == [], "here"
    assert len(started(DEAFEN + START)) >= 6, "it does deafen"
    assert started(f"{DEAFEN}import conftest; {START}") == []
