"""Another program takes over, wherever the server listens, and whoever looks after it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kit.handovers import Handovers
from kit.machine import has_ipv6
from kit.processes import kept_port, serve_process
from kit.programs import Program, says
from kit.services import WATCHDOG, Listening, finish, service, welcomed

import greenchat
from greenchat.testing import DEADLINE, Peer

# A service whose start takes so long gives no sign of life meanwhile, in seconds.
PATIENCE = 50 * WATCHDOG


@pytest.fixture
def over(tmp_path):
    return Handovers(tmp_path)


class UnixPeer(Peer):
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(str(path))
        self._file = self.socket.makefile("rb")


def test_all_places_go_on(over, tmp_path):
    path = tmp_path / "chat.sock"
    listen = ["--listen", "127.0.0.1:0", "--listen", f"unix:{path}", "--listen", "127.0.0.1:0"]
    with kept_port() as port:  # which nobody else has on ::1, most probably
        listen += ["--listen", f"[::1]:{port}"] if has_ipv6() else []
    with serve_process(over.data_dir, *over.arguments, *listen, tcp=False) as serving, ExitStack() as peers:
        there = os.stat(path).st_ino
        ada, bob = peers.enter_context(serving.join("ada")), peers.enter_context(UnixPeer(path))
        bob.send("JOIN|bob")
        ada.read()
        if has_ipv6():
            dee = peers.enter_context(Peer("::1", port))
            dee.send("JOIN|dee")
            ada.read()
        for _ in range(2):
            word = over.hand_over(serving)
            assert says(ada, "/sayer") == [f"INFO|{word}"]
        bob.send("MSG|still here")
        ada.expect("MSG|bob|still here")
        if has_ipv6():
            dee.send("LEAVE")
            ada.expect("INFO|dee has left the chat.")
            dee = peers.enter_context(Peer("::1", port))
            dee.send("JOIN|dee")
            ada.expect("INFO|dee has joined the chat.")
        assert os.stat(path).st_ino == there
        peers.enter_context(UnixPeer(path)).send("JOIN|cyd")
        ada.expect("INFO|cyd has joined the chat.")
        serving.stop()
        assert not path.exists()


def test_places_come_and_go_and_nobody_is_refused_meanwhile(over, tmp_path):
    """Also another host with the same port. Who has come to a place that is given up is let in."""
    file, path = tmp_path / "chat.toml", tmp_path / "chat.sock"
    with kept_port() as port, kept_port() as other:
        listen = '[server]\nlisten = ["{}"]\n'
        file.write_text(listen.format(f'127.0.0.1:{port}", "127.0.0.1:{other}'))
        arguments = (*over.arguments, "--config", str(file))
        with serve_process(over.data_dir, *arguments, tcp=False) as serving, serving.join("ada") as ada:
            file.write_text(listen.format(f'0.0.0.0:{port}", "unix:{path}'))
            over.hang_up(serving)
            refused, waiting = 0, []
            while not over.pauses:
                try:
                    waiting.append(socket.create_connection(("127.0.0.1", port), DEADLINE))
                except ConnectionRefusedError:
                    refused += 1
                time.sleep(0.05)
            assert refused == 0
            for number, one in enumerate(waiting):
                assert welcomed(one, f"one{number}")
                one.close()
            with UnixPeer(path) as bob:
                bob.send("JOIN|bob")
                ada.read_until("INFO|bob has joined the chat.")
            with socket.create_connection(("127.0.0.2", port), DEADLINE) as cyd:
                assert welcomed(cyd, "cyd")
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", other), DEADLINE)


def test_a_place_that_cannot_be_had_keeps_all_from_happening(over, tmp_path):
    file, path = tmp_path / "chat.toml", tmp_path / "chat.sock"
    file.write_text("")
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        serve_process(over.data_dir, *over.arguments, "--config", str(file)) as serving,
        serving.join("ada") as ada,
    ):
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        over.change()
        file.write_text(f'[server]\nlisten = ["127.0.0.1:0", "unix:{path}", "{address}"]\n')
        over.hang_up(serving)
        over.logged(f"nothing was reloaded: Cannot listen on {address}: Address already in use.")
        assert says(ada, "/sayer") == ["INFO|word 1"]
        assert not path.exists()
        taken.close()
        over.hang_up(serving)
        over.wait_for(1)
        assert says(ada, "/sayer") == ["INFO|word 2"]
        assert path.is_socket()


def test_a_service_of_systemd_stays_one(over, tmp_path):
    """It hears of each reload from start to end, and of signs of life as before; its sockets are never closed."""
    usec = str(int(PATIENCE * 1e6))
    with socket.create_server(("127.0.0.1", 0)) as tcp, Listening(str(tmp_path / "notify")) as manager:
        variables = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": usec, "WATCHDOG_PID": ""}
        with service(tmp_path, *over.arguments, pass_files=[tcp], **variables) as process:
            assert manager.read() == "READY=1"
            with socket.create_connection(tcp.getsockname()) as ada:
                assert welcomed(ada, "ada")
                for _ in range(2):
                    over.change()
                    before = time.monotonic_ns() // 1000
                    process.send_signal(signal.SIGHUP)
                    *_, reloading, last = [line for line in manager.read_until("READY=1") if line != "WATCHDOG=1"]
                    assert last == "READY=1"
                    at = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading)[1])
                    assert before <= at <= time.monotonic_ns() // 1000
                    assert manager.read() == "WATCHDOG=1"
                ada.sendall(b"MSG|/sayer\n")
                assert ada.recv(100) == b"INFO|word 3\n"
            log = finish(process)
            assert log.count("another program goes on") == 2
            assert manager.read_until("STOPPING=1")
        with socket.create_connection(tcp.getsockname(), DEADLINE):
            pass  # it is systemd's, which goes on with it


# A plugin that takes its time, and says when it begins.
SLOW = """
import gevent, socket
from greenchat import hookimpl

@hookimpl
def greenchat_startup(server):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.sendto(b"BEGINS", {!r})
    gevent.sleep({})
"""


def test_a_service_gives_signs_of_life_while_plugins_begin(over, tmp_path):
    slow = over.directory / "slow.py"
    with Listening(str(tmp_path / "notify")) as manager:
        slow.write_text(SLOW.format(manager.name, 0))
        variables = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": str(int(WATCHDOG * 1e6)), "WATCHDOG_PID": ""}
        with service(tmp_path, *over.arguments, **variables) as process:
            manager.read_until("READY=1")
            slow.write_text(SLOW.format(manager.name, 20 * WATCHDOG))
            process.send_signal(signal.SIGHUP)
            assert "READY=1" not in manager.read_until("BEGINS")
            assert manager.read_until("READY=1").count("WATCHDOG=1") > 5
            finish(process)


def test_the_first_process_of_a_container_stays_the_first(over, tmp_path):
    """As PID 1, whose signals are dropped unless it has handlers."""
    apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*apart, "true"], capture_output=True, timeout=60).returncode:
        pytest.skip("no process namespaces here")
    with serve_process(over.data_dir, *over.arguments, before=apart) as serving, serving.join("ada") as ada:
        outside = serving.process.pid
        (child,) = map(int, Path(f"/proc/{outside}/task/{outside}/children").read_text().split())
        for _ in range(2):
            over.change()
            before = len(over.pauses)
            os.kill(child, signal.SIGHUP)
            over.wait_for(before + 1)
        assert says(ada, "/sayer") == ["INFO|word 3"]
        os.kill(child, signal.SIGTERM)
        ada.expect("INFO|Server is shutting down.")
        assert serving.process.wait(DEADLINE) == 0


# Breaks the configuration when all is proven, and nothing leads back any more.
BREAKER = """
from pathlib import Path
from greenchat import hookimpl

@hookimpl
def greenchat_shutdown(server):
    file = Path(server.data_dir).parent / "chat.toml"
    if "hall" in file.read_text():
        file.write_text({!r})
"""


@pytest.mark.parametrize("then", ["[server", '[server]\ndata_dir = "/nowhere"\nlisten = ["192.0.2.1:9"]\n'])
def test_what_was_proven_holds_whatever_the_configuration_says_by_then(over, tmp_path, then):
    """It has a secret, which is written nowhere."""
    file = tmp_path / "chat.toml"
    proven = '[server]\ndefault_room = "{}"\npassword = "rosebud"\n[limits]\nflood_rate = {}\n'
    file.write_text(proven.format("lobby", 0))
    (over.directory / "breaker.py").write_text(BREAKER.format(then))
    with serve_process(over.data_dir, *over.arguments, "--config", str(file)) as serving, Program(serving) as ada:
        assert ada.join(name="ada", password="rosebud")["room"] == "lobby"
        file.write_text(proven.format("hall", 0))
        over.hand_over(serving)
        assert file.read_text() == then
        with Program(serving) as bob:
            assert bob.join(name="bob", password="rosebud")["room"] == "hall"
        assert ada.ask("hello", "lobby")[-1]["type"] == "ack"
        if then == "[server":
            over.hang_up(serving)
            over.logged("the old one stays in force")
        file.write_text(proven.format("hall", 7))
        over.hang_up(serving)
        over.logged("limits.flood_rate = 7.0 (was 0.0)")
        _, log = serving.stop()
        assert serving.process.returncode == 0
    assert "rosebud" not in log
    for left in over.data_dir.rglob("*"):
        assert left.is_dir() or b"rosebud" not in left.read_bytes()


def test_another_version_knows_settings_that_this_one_does_not(over, tmp_path):
    copy = tmp_path / "version" / "greenchat"
    shutil.copytree(Path(greenchat.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "chat.toml"
    file.write_text("")
    before = ["env", "-u", "PYTHONDONTWRITEBYTECODE", f"PYTHONPATH={copy.parent}", "PYTHONSAFEPATH=1"]
    with serve_process(over.data_dir, *over.arguments, "-v", "--config", str(file), before=before) as serving:
        file.write_text("[server]\nnovelty = 1\n")
        over.hang_up(serving)
        over.logged("server.novelty: there is no such setting")
        schema = copy / "config" / "schema.py"
        new = '    novelty: Annotated[int, Meta(description="What is new.")] = 0\n    host: Annotated['
        schema.write_text(schema.read_text().replace("    host: Annotated[", new, 1))
        over.hand_over(serving)
        serving.stop()
        assert "server.novelty has changed" in over.log
    # It was compiled before anybody had to wait for it.
    (compiled,) = schema.parent.glob("__pycache__/schema.*.pyc")
    froze = datetime.fromisoformat(re.search(r"^(\S+ \S+)Z .*the server stands still$", over.log, re.MULTILINE)[1])
    assert compiled.stat().st_mtime < froze.replace(tzinfo=UTC).timestamp()


def test_the_log_tells_where_the_pause_goes(over):
    with serve_process(over.data_dir, *over.arguments, "-v") as serving:
        over.hand_over(serving)
    steps = dict(re.findall(r"reload: (.*) \(([\d.]+) ms\)$", over.log, re.MULTILINE))
    assert list(steps) == [
        "all are at rest, and plugins end",
        "who cannot be carried has gone",
        "plugins have ended",
        "the server has ended, and what goes on is collected",
        "all of it is there, and the program is replaced",
        "the state is written",
        "Python and greenchat have begun again",
        "the state is read",
        "all is loaded, and what was left is taken over",
        "members and rooms are there",
        "plugins have begun",
        "sessions are there",
        "plugins know them",
        "the server listens, and all go on",
        "all who wait are served",
    ]
    # All of it, but for writing the log before the end.
    assert 0.5 * over.pauses[0] < sum(map(float, steps.values())) / 1000 <= over.pauses[0] + 0.02
