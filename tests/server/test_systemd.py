"""Being a service of systemd: the tests do what systemd does, with real sockets and processes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from kit import ROOT
from kit.services import WATCHDOG, Listening, finish, service, welcomed

from greenchat.testing import DEADLINE

README = ROOT / "README.md"


@pytest.fixture
def tcp():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


# --- sockets ---


def test_inherited_sockets_are_served_and_outlast_the_server(tmp_path, tcp):
    path = str(tmp_path / "chat.sock")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen()
        port = tcp.getsockname()[1]
        with service(tmp_path, pass_files=[tcp, unix]) as process, ExitStack() as clients:
            assert process.stdout.readline() == f"[*] Chat Server started on 127.0.0.1:{port}\n"
            assert process.stdout.readline() == "[*] Waiting for connections...\n"
            assert process.stdout.readline() == f"    Also on:  unix:{path}\n"
            assert welcomed(clients.enter_context(socket.create_connection(("127.0.0.1", port))), "ada")
            neighbour = clients.enter_context(socket.socket(socket.AF_UNIX))
            neighbour.connect(path)
            assert welcomed(neighbour, "bob")
            clients.close()
            finish(process)
        # Who comes while no server runs waits for the next one, and is refused by nobody.
        with socket.socket(socket.AF_UNIX) as early, socket.create_connection(("127.0.0.1", port)) as too:
            early.connect(path)
            with service(tmp_path, pass_files=[tcp, unix]) as process:
                assert welcomed(early, "cyd")
                assert welcomed(too, "dee")


def a_file(tmp_path):
    return (tmp_path / "words").open("w")


def a_datagram_socket(tmp_path):
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def a_silent_socket(tmp_path):
    return socket.socket()


@pytest.mark.parametrize(
    ("passed", "number", "wrong"),
    [
        (a_file, "1", "file descriptor 3 is no socket"),
        (a_datagram_socket, "1", "file descriptor 3 is no TCP or Unix stream socket"),
        (a_silent_socket, "1", "file descriptor 3 does not listen"),
        (socket.create_server, "2", "file descriptor 4 is no socket"),
        (socket.create_server, "many", "'many' is no number"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(tmp_path, passed, number, wrong):
    file = passed(("127.0.0.1", 0)) if passed is socket.create_server else passed(tmp_path)
    with file, service(tmp_path, pass_files=[file], LISTEN_FDS=number) as process:
        out, log = process.communicate(timeout=DEADLINE)
    assert process.returncode == 2
    assert out == ""
    assert log.startswith(f"Error: LISTEN_FDS: {wrong}")
    assert log.count("\n") == 1


# --- telling how the server is ---


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    if request.param == "abstract" and sys.platform != "linux":
        pytest.skip("only Linux has abstract names")
    with Listening(f"@greenchat-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")) as manager:
        yield manager


def test_ready_alive_reloading_stopping(tmp_path, tcp, manager):
    usec = str(int(WATCHDOG * 1e6))
    with service(tmp_path, pass_files=[tcp], NOTIFY_SOCKET=manager.name, WATCHDOG_USEC=usec) as process:
        assert manager.read() == "READY=1"
        with socket.create_connection(tcp.getsockname()) as ada:
            assert welcomed(ada, "ada")
        assert [manager.read() for _ in range(3)] == ["WATCHDOG=1"] * 3
        before = time.monotonic_ns() // 1000
        process.send_signal(signal.SIGHUP)
        *alive, reloading = [line for line in manager.read_until("READY=1")[:-1] if line != "WATCHDOG=1"]
        assert alive == []
        at = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading)[1])
        assert before <= at <= time.monotonic_ns() // 1000
        process.terminate()
        assert set(manager.read_until("STOPPING=1")[:-1]) <= {"WATCHDOG=1"}
        assert process.wait(DEADLINE) == 0


# --- the README's units ---


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_the_units_of_the_readme_are_valid(tmp_path):
    units = re.findall(r"```ini\n# (/\S+)\n(.*?)```", README.read_text(), re.DOTALL)
    assert [Path(name).name for name, _ in units] == ["greenchat.service", "greenchat.socket"]
    for name, text in units:
        # It wants commands that exist.
        (tmp_path / Path(name).name).write_text(
            re.sub(r"(?<=^ExecStart=)\S+", sys.executable, text, flags=re.MULTILINE)
        )
    files = [str(tmp_path / Path(name).name) for name, _ in units]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, timeout=DEADLINE
    )
    ours = [line for line in done.stderr.splitlines() if "greenchat" in line]
    assert ours == []
