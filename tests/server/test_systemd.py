"""Being a service of systemd: the tests do what systemd does, with real sockets and processes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from kit import ROOT
from kit.processes import GREENCHAT

from greenchat.testing import DEADLINE, Peer

README = ROOT / "README.md"

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


def test_plugins_and_child_processes_see_nothing_of_it(tmp_path, tcp):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    seen = tmp_path / "seen"
    (plugins / "nosy.py").write_text(
        f"""
import os
with open({str(seen)!r}, "w") as seen:
    print(sorted({VARIABLES} & set(os.environ)), os.get_inheritable(3), file=seen)
"""
    )
    everything = dict.fromkeys(["LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID", "NOTIFY_SOCKET"], "1")
    with service(tmp_path, "--plugins-dir", str(plugins), pass_files=[tcp], **everything) as process:
        assert process.stdout.readline().endswith(f":{tcp.getsockname()[1]}\n")
        finish(process)
    assert seen.read_text() == "[] False\n"


def test_sockets_for_another_process_are_left_alone(tmp_path, tcp):
    with service(tmp_path, pass_files=[tcp], LISTEN_PID="1") as process:
        port = int(re.fullmatch(r"\[\*\] Chat Server started on 127\.0\.0\.1:(\d+)\n", process.stdout.readline())[1])
        assert port != tcp.getsockname()[1]
        with Peer("127.0.0.1", port) as ada:
            assert welcomed(ada.socket, "ada")
        finish(process)


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


def test_a_failed_reload_ends_too(tmp_path):
    file = tmp_path / "chat.toml"
    file.write_text("")
    with (
        Listening(str(tmp_path / "notify")) as manager,
        service(tmp_path, "--config", str(file), NOTIFY_SOCKET=manager.name) as process,
    ):
        assert manager.read() == "READY=1"
        file.write_text("[limits\n")
        process.send_signal(signal.SIGHUP)
        assert manager.read().startswith("RELOADING=1\n")
        assert manager.read() == "READY=1"
        assert "the old one stays in force" in finish(process)


def test_a_server_that_cannot_start_is_never_ready(tmp_path, tcp):
    taken = f"127.0.0.1:{tcp.getsockname()[1]}"
    with Listening(str(tmp_path / "notify")) as manager:
        with service(tmp_path, "--listen", taken, NOTIFY_SOCKET=manager.name) as process:
            _, log = process.communicate(timeout=DEADLINE)
        assert process.returncode == 1
        assert f"Cannot listen on {taken}" in log
        with pytest.raises(BlockingIOError):
            manager.read(0)


def test_no_sign_of_life_while_the_loop_is_held(tmp_path):
    path = str(tmp_path / "hold")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "holder.py").write_text(f"""
import socket
from greenchat import hookimpl

@hookimpl
def greenchat_check_message(message):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect({path!r})
        sock.recv(1)
""")
    with (
        Listening(str(tmp_path / "notify")) as manager,
        socket.create_server(path, family=socket.AF_UNIX) as hold,
        service(
            *(tmp_path, "--plugins-dir", str(tmp_path / "plugins")),
            NOTIFY_SOCKET=manager.name,
            WATCHDOG_USEC=str(int(WATCHDOG * 1e6)),
        ) as process,
    ):
        hold.settimeout(DEADLINE)
        port = int(process.stdout.readline().rpartition(":")[2])
        manager.read_until("WATCHDOG=1")
        with Peer("127.0.0.1", port) as ada:
            ada.send("JOIN|ada", "MSG|hold on")
            held, _ = hold.accept()
            with suppress(BlockingIOError):
                while True:
                    manager.read(0)  # what was sent before
            with held, pytest.raises(TimeoutError):
                manager.read(HELD)
            assert manager.read() == "WATCHDOG=1"
        finish(process)


def test_a_watchdog_for_another_process_hears_nothing(tmp_path):
    with (
        Listening(str(tmp_path / "notify")) as manager,
        service(tmp_path, NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="1000", WATCHDOG_PID="1") as process,
    ):
        manager.read_until("READY=1")
        process.send_signal(signal.SIGHUP)
        assert len(manager.read_until("READY=1")) == 2
        process.terminate()
        assert manager.read_until("STOPPING=1") == ["STOPPING=1"]


@pytest.mark.parametrize("name", ["/nowhere/notify", "vsock:2:1234", "/" + "x" * 200])
def test_nobody_listening_is_no_trouble(tmp_path, name):
    with service(tmp_path, NOTIFY_SOCKET=name, WATCHDOG_USEC="1000") as process:
        port = int(process.stdout.readline().rpartition(":")[2])
        with Peer("127.0.0.1", port) as ada:
            assert welcomed(ada.socket, "ada")
        assert " ERROR " not in finish(process)


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
