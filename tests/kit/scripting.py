"""`greenchat say` and `greenchat tail` as processes."""

import subprocess
from contextlib import contextmanager

from greenchat.testing import DEADLINE
from kit.processes import GREENCHAT
from kit.terminals import environment


def start(*arguments, output=subprocess.PIPE, **variables):
    return subprocess.Popen(
        [*GREENCHAT, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.PIPE,
        env=environment(**variables),
        text=True,
    )


@contextmanager
def running(*arguments, **variables):
    """It is ended at the end."""
    process = start(*arguments, **variables)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def run(*arguments, text="", **variables):
    """Run it to its end, with `text` as its standard input: exit code, output, errors."""
    with running(*arguments, **variables) as process:
        output, errors = process.communicate(text, DEADLINE)
        return process.returncode, output, errors


def at(server):
    return f"{server.host}:{server.port}"
