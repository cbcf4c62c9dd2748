"""What systemd does to a service: it passes sockets, and listens."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager

from greenchat.testing import DEADLINE
from kit.processes import GREENCHAT

VARIABLES = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"}

# In seconds. Short, so that the tests are; but no busy machine may pass for a loop that is held.
WATCHDOG = 0.1
HELD = 5 * WATCHDOG

# What systemd does between fork and exec: the descriptors are passed from 3 on, to the process that has this id.
LAUNCH = """
import os, sys
passed = [int(number) for number in sys.argv[1].split(",") if number]
for number, descriptor in enumerate(passed, 3):
    os.dup2(descriptor, number)
os.closerange(3 + len(passed), 256)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextmanager
def service(tmp_path, *arguments, pass_files=(), **variables):
    """`greenchat serve` as systemd starts it, with `pass_files` (in the order of their descriptors) passed."""
    files = [file.fileno() for file in pass_files]
    assert files == sorted(files)
    command = [*GREENCHAT, "serve", "--host", "127.0.0.1", "--port", "0", "--data-dir", str(tmp_path / "data")]
    if files:
        variables.setdefault("LISTEN_FDS", str(len(files)))
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, ",".join(map(str, files)), *command, *arguments],
        env={name: value for name, value in os.environ.items() if name not in VARIABLES} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=files,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def finish(process):
    process.terminate()
    _, log = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, log
    return log


def welcomed(sock, name):
    sock.settimeout(DEADLINE)
    sock.sendall(f"JOIN|{name}\n".encode())
    return sock.recv(1000).startswith(f"INFO|Welcome to lobby, {name}.".encode())


class Listening:
    """The socket on which systemd hears from its services."""

    def __init__(self, name):
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._socket.close()

    def read(self, seconds=DEADLINE):
        self._socket.settimeout(seconds)
        return self._socket.recv(1000).decode()

    def read_until(self, line):
        """What comes before `line`, and `line`."""
        heard = [self.read()]
        while heard[-1] != line:
            heard.append(self.read())
        return heard
