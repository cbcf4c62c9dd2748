"""Being a service of systemd, where something is not as it should be."""

import re
import signal
import socket
from contextlib import suppress

import pytest
from kit.services import HELD, VARIABLES, WATCHDOG, Listening, finish, service, welcomed

from greenchat.testing import DEADLINE, Peer


@pytest.fixture
def tcp():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


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
