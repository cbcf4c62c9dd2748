"""TLS: much text, and pipes."""

import re
import subprocess
import sys

import pytest
from kit.authority import Authority, join

from greenchat.connect import Exit
from greenchat.testing import serving


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_a_large_room_of_text_arrives_whole_and_in_order_by_tls(authority):
    texts = [f"{number} " + "x" * 3000 for number in range(3000)]  # 9 MB: more than all buffers on the way
    settings = authority.settings | {"limits.outbox_bytes": 0}
    with serving(settings=settings) as server, authority.connect(server.port) as reader:
        lines = join(reader, "reader")
        ada = server.join("ada")
        assert lines.readline() == "INFO|ada has joined the chat.\n"
        ada.send(*(f"MSG|{text}" for text in texts))
        for text in texts:
            assert lines.readline() == f"MSG|ada|{text}\n"


@pytest.mark.parametrize("rate", [0, 40_000], ids=["at once", "slowed down"])
def test_a_large_paste_arrives_whole_and_in_order_by_tls(authority, rate):
    settings = authority.settings | {"limits.flood_rate": rate, "limits.flood_burst": 100}
    with serving(settings=settings) as server, authority.connect(server.port) as ada:
        bob = server.join("bob")
        join(ada, "ada")
        bob.expect("INFO|ada has joined the chat.")
        ada.sendall("".join(f"MSG|{number}\n" for number in range(20_000)).encode())
        bob.expect(*(f"MSG|ada|{number}" for number in range(20_000)))


def test_a_pipe_chats_in_tls(authority):
    def connect(*arguments):
        command = [sys.executable, "-m", "greenchat", "connect", server.host, str(server.port), "--name", "bot"]
        return subprocess.run([*command, *arguments], input="hi\n", capture_output=True, text=True, timeout=60)

    with (
        serving(settings=authority.settings | {"tls.required": True}) as server,
        authority.connect(server.port) as sock,
    ):
        lines = join(sock, "ada")
        assert connect("--tls", "--cafile", authority.file).returncode == Exit.DELIVERED
        assert lines.readline() == "INFO|bot has joined the chat.\n"
        assert lines.readline() == "MSG|bot|hi\n"
        refused = connect("--tls")
        assert refused.returncode == Exit.UNREACHABLE
        assert re.match(r"\[ERROR\] 127\.0\.0\.1:\d+ does not prove to be 127\.0\.0\.1", refused.stderr)
        clear = connect()
        assert clear.returncode == Exit.TURNED_AWAY
        assert "This server wants TLS" in clear.stderr
        assert "--cafile and --insecure are for --tls" in connect("--insecure").stderr
