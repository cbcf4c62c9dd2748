"""What this machine can do, and what its files are like."""

import socket
import stat
import subprocess
import time
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from greenchat.testing import DEADLINE

APART = ["unshare", "--user", "--map-root-user", "--mount"]
MOUNT = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs"]


def can_be_apart(directory):
    try:
        return subprocess.run([*APART, *MOUNT, str(directory)], capture_output=True, timeout=60).returncode == 0
    except FileNotFoundError:
        return False


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def eventually(
    condition: Callable[[], Any], what: object = "it has not come to that", patience: float = DEADLINE
) -> Any:
    """Wait until `condition` is true, which nothing tells of: what it returns then. Else `what` is told, or what it
    returns."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, what() if callable(what) else what
        gevent.sleep(0.01)  # a chat without sockets lives in this thread
    return found
