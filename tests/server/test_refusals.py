"""What the system refuses is told in words that say what to do."""

import subprocess

import pytest
from kit.machine import can_be_apart
from kit.processes import GREENCHAT


def test_why_a_server_cannot_be_reached():
    if not can_be_apart("/mnt"):
        pytest.skip("this system gives nobody a network of one's own")
    told = {}
    for address in ("192.0.2.1", "127.0.0.1"):
        command = ["unshare", "--user", "--map-root-user", "--net", *GREENCHAT, "status", f"{address}:9"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert result.returncode == 3
        told[address] = result.stderr
    # In there is no network at all, not even the machine's own.
    for address, text in told.items():
        assert f"{address}:9 cannot be reached: There is no way to that network. Check your own connection." in text
