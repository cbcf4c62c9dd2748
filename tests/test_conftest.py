"""The tests themselves: they go the same way wherever they are started."""

import subprocess
import sys

# Which signals a process that does nothing about them does not hear.
DEAF = """
import signal
ignored = {number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN}
print(*sorted((ignored | signal.pthread_sigmask(signal.SIG_BLOCK, [])) - {signal.SIGPIPE, signal.SIGXFSZ}))
"""

# As nohup does, and shells with what they start in the background, and worse.
DEAFENED = """
import os, signal, sys
for number in signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD, signal.SIGTSTP:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGTERM])
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_processes_that_tests_start_hear_all_signals():
    assert subprocess.run([sys.executable, "-c", DEAF], capture_output=True, text=True, check=True).stdout == "\n"


def test_they_do_wherever_the_tests_are_started():
    inner = f"{__file__}::{test_processes_that_tests_start_hear_all_signals.__name__}"
    for tests in ["-n", "0"], ["-n", "1"]:
        command = [sys.executable, "-c", DEAFENED, "-m", "pytest", "-p", "no:cacheprovider", *tests, inner]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    deaf = subprocess.run([sys.executable, "-c", DEAFENED, "-c", DEAF], capture_output=True, text=True, check=True)
    assert len(deaf.stdout.split()) >= 6, "what starts them does deafen them"
