"""`greenchat bench` as a process, and small measurements in this one."""

import os
import re
import subprocess
import sys

from greenchat.bench.measure import Load, measure

COMMAND = [sys.executable, "-m", "greenchat", "bench"]
SMALL = ["--clients", "5", "--senders", "2", "--messages", "50", "--rate", "5000"]
DUE = 2 * 50 * (5 - 1)


def bench(*arguments, **variables):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, env=environment(**variables)
    )


def environment(**variables):
    """Nobody's own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GREENCHAT_")} | variables


def measured(server, **changes):
    """A small measurement of a running server, in this process."""
    load = {"clients": 5, "senders": 2, "messages": 50, "rate": 5000, "seconds": 10} | changes
    return measure(f"{server.host}:{server.port}", Load(**load))


def sentence(finished):
    """The one line on standard error of a command that failed."""
    assert finished.returncode == 1
    assert re.fullmatch(r"Error: .+\n", finished.stderr)
    return finished.stderr
