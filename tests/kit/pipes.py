"""`greenchat connect` as a part of a pipe, as processes."""

import subprocess
import sys

from greenchat.testing import DEADLINE
from kit.terminals import environment


def command(*arguments):
    return [sys.executable, "-m", "greenchat", "connect", *map(str, arguments)]


def pipe(server, text, *options):
    """Run it with `text` as its whole input."""
    return subprocess.run(
        command(server.host, server.port, *options),
        input=text if isinstance(text, bytes) else text.encode(),
        capture_output=True,
        timeout=DEADLINE,
        env=environment(),
        check=False,
    )


def type_into(process, *lines):
    process.stdin.write("".join(f"{line}\n" for line in lines).encode())
    process.stdin.flush()


def ended(process, raw):
    """The rest of its output and its errors, once it has left and the server has closed."""
    type_into(process, "/quit")
    assert raw.read() == {"type": "leave"}
    raw.hang_up()
    output, errors = process.communicate(timeout=DEADLINE)
    return output, errors.decode()


def said(peer, until):
    """The texts that `peer` hears until that notice."""
    return [line.split("|", 2)[2] for line in peer.read_until(until) if line.startswith("MSG|")]
