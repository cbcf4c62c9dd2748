"""Joining with netcat, the client that everybody has."""

import os
import shutil
import subprocess

import pytest

from greenchat.testing import DEADLINE

NETCAT = shutil.which("nc") or shutil.which("ncat")


@pytest.mark.skipif(NETCAT is None and not os.environ.get("REQUIRE_TEST_TOOLS"), reason="there is no netcat here")
def test_somebody_chats_with_netcat(server):
    assert NETCAT, "netcat is missing: install Debian's netcat-openbsd"
    bob = server.join("bob")
    with subprocess.Popen(
        [NETCAT, server.host, str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as netcat:
        netcat.stdin.write("join|carol\n")
        assert netcat.stdout.readline().startswith("INFO|Welcome to lobby, carol. Here is bob.")
        bob.expect("INFO|carol has joined the chat.")
        netcat.stdin.write("hello\n")
        assert netcat.stdout.readline().startswith("ERROR|'hello' is no frame type.")
        netcat.stdin.write("MSG|hello from netcat\n")
        bob.expect("MSG|carol|hello from netcat")
        bob.send("MSG|Hi carol!")
        assert netcat.stdout.readline() == "MSG|bob|Hi carol!\n"
        netcat.stdin.write("LEAVE\n")
        bob.expect("INFO|carol has left the chat.")
        netcat.stdin.close()
        assert netcat.wait(DEADLINE) == 0
        assert netcat.stdout.read() == ""
