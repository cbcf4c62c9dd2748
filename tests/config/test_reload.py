"""SIGHUP: the configuration is read again while the server runs."""

import os
import pty
import re
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
from kit.machine import eventually
from kit.processes import GREENCHAT, serve_process
from kit.terminals import ON_A_TERMINAL
from msgspec import to_builtins

from greenchat.config.difference import changes, compare
from greenchat.config.load import load
from greenchat.config.schema import Config
from greenchat.testing import DEADLINE, Peer

# --- the comparing ---


def outcome(before=(), after=()):
    return compare(load(assignments=before), load(assignments=after))


def test_nothing_has_changed():
    same = outcome(["limits.flood_rate=5", "plugins.x.y=1"], ["limits.flood_rate=5", "plugins.x.y=1"])
    assert (same.changed, same.waiting) == ([], [])
    assert same.config == load(assignments=["limits.flood_rate=5", "plugins.x.y=1"])


def test_what_may_change_is_in_force_and_told_with_what_it_was():
    live = outcome((), ["limits.flood_rate=5", "server.grace_seconds=1", "server.log_level=debug"])
    assert live.changed == [
        "server.log_level = debug (was info)",
        "server.grace_seconds = 1.0 (was 5.0)",
        "limits.flood_rate = 5.0 (was 10.0)",
    ]
    assert live.waiting == []
    assert (live.config.limits.flood_rate, live.config.server.grace_seconds) == (5.0, 1.0)


def test_what_another_program_would_change_is_told_without_what_may_be_secret():
    old = load(assignments=["plugins.x.key=one", "server.password=rosebud", "plugins.x.gone=1"])
    new = load(assignments=["plugins.x.key=two", "server.password=sesame", "server.port=1", "plugins.y.new=1"])
    assert changes(to_builtins(old), to_builtins(new)) == [
        "plugins.x.gone has changed",
        "plugins.x.key has changed",
        "plugins.y.new has changed",
        "server.password has changed",
        "server.port = 1 (was 9999)",
    ]
    assert changes(to_builtins(old), to_builtins(old)) == []


def test_how_the_chat_shows_itself_may_change_and_texts_are_not_told():
    live = outcome(["brand.name=One", "brand.rules=a"], ["brand.name=Two", "brand.rules=b"])
    assert live.changed == ["brand.name = Two (was One)", "brand.rules has changed"]
    assert live.waiting == []
    assert live.config.brand.rules == "b"


def test_every_limit_may_change():
    names = Config().limits.__struct_fields__
    every = outcome((), [f"limits.{name}=77" for name in names])
    assert len(every.changed) == len(names)
    assert every.waiting == []
    assert {getattr(every.config.limits, name) for name in names} == {77}


def test_what_needs_a_restart_stays_as_it_is_and_its_value_is_not_told():
    late = outcome(
        ["plugins.gone.key=1", "plugins.same.key=1", "plugins.other.key=1"],
        ["server.port=1", "server.data_dir=/x", "plugins.same.key=1", "plugins.other.key=secret", "plugins.new.key=1"],
    )
    assert late.changed == []
    assert late.waiting == [
        "plugins.gone.key",
        "plugins.new.key",
        "plugins.other.key",
        "server.data_dir",
        "server.port",
    ]
    assert late.config == load(assignments=["plugins.gone.key=1", "plugins.same.key=1", "plugins.other.key=1"])


def test_a_list_is_one_value():
    assert outcome(["server.plugins=['a']"], ["server.plugins=['a', 'b']"]).waiting == ["server.plugins"]


# --- a server that gets the signal ---


class Reloading:
    """A server whose configuration file can be changed, and the part of its log that each change has made."""

    def __init__(self, serving, watcher, file, log):
        self.serving = serving
        self._file = file
        self._log = log
        self._read = 0
        self._watcher = watcher

    def hang_up(self, toml):
        """Write the file, and send the signal."""
        self._file.write_text(toml)
        self.serving.process.send_signal(signal.SIGHUP)

    def refuses(self, name):
        with self.serving.connect() as peer:
            peer.send(f"JOIN|{name}")
            return peer.read().startswith("ERROR|")

    def change(self, toml, until="the configuration"):
        """As `hang_up`, and return what the log says up to the line with `until`."""
        self.hang_up(toml)
        deadline = time.monotonic() + DEADLINE
        while until not in self._log.read_text()[self._read :].rpartition("\n")[0]:
            assert time.monotonic() < deadline, self._log.read_text()
            self._watcher.send("MSG|/ping")  # the server's answer is what we wait for before we look again
            self._watcher.read_until("INFO|Pong.")
        new = self._log.read_text()[self._read :]
        self._read += len(new)
        return new


@pytest.fixture
def server(tmp_path):
    file = tmp_path / "chat.toml"
    file.write_text("")
    arguments = ["--config", str(file), "--set", "limits.flood_burst=1000"]
    with serve_process(tmp_path, *arguments) as serving, serving.join("watcher") as watcher:
        yield Reloading(serving, watcher, file, tmp_path / "stderr.log")


def test_limits_hold_for_who_comes_then_and_for_what_is_asked_then(server):
    with server.serving.join("a" * 20) as ada:
        log = server.change("[limits]\nname_length = 10\nframe_bytes = 40\n")
        assert "limits.frame_bytes = 40 (was 4096)" in log
        assert "limits.name_length = 10 (was 32)" in log
        assert " WARNING " not in log
        with server.serving.connect() as bob:
            bob.send("JOIN|" + "b" * 11)
            assert "is longer than 10 characters" in bob.read()
            bob.send("MSG|" + "b" * 40)
            bob.expect("ERROR|The frame is longer than 40 bytes. Send it in shorter parts.")
        ada.send("MSG|" + "a" * 40, "MSG|/nick " + "c" * 11, "MSG|/ping")
        assert "is longer than 10 characters" in ada.read()
        ada.expect("INFO|Pong.")


def test_the_log_level_changes_and_what_was_given_as_a_flag_stays(server):
    server.hang_up('[server]\nlog_level = "warning"\n[limits]\nflood_burst = 1\nname_length = 10\n')
    eventually(lambda: server.refuses("a" * 11))
    log = server.change("[", "nothing was reloaded")
    assert "was read again" not in log  # said at the level that is in force by then
    log = server.change('[server]\nlog_level = "info"\n')
    assert "the configuration was read again: server.log_level = info (was warning); limits.name" in log


def test_the_rest_changes_with_another_program_and_values_that_may_be_secret_are_not_told(server, tmp_path):
    settings = '[server]\nport = 1\ndefault_room = "new"\n[plugins.chatlog]\ntranscript = "secret.log"\n'
    log = server.change(settings, "nobody was served")
    assert "plugins.chatlog.transcript has changed; server.default_room = new (was lobby)\n" in log
    assert "secret" not in log
    with server.serving.connect() as peer:
        peer.send("JOIN|ada")
        assert peer.read().startswith("INFO|Welcome to new")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (
            "[limits]\nname_length = 10\nflod_rate = 1\n",
            "limits.flod_rate: there is no such setting. Did you mean flood",
        ),
        ("[limits\n", "chat.toml is not valid TOML"),
        ("[limits]\nname_length = 10\n[plugins.chatlog]\nkeep = -1\n", "plugins.chatlog.keep"),
    ],
)
def test_what_is_wrong_is_told_and_the_old_stays(server, wrong, reason):
    log = server.change(wrong, "nothing was reloaded")
    assert "ERROR   greenchat: asked by SIGHUP, nothing was reloaded: " in log
    assert reason in log
    assert "Traceback" not in log
    server.serving.join("a" * 20).close()
    assert "limits.name_length = 10 (was 32)" in server.change("[limits]\nname_length = 10\n")


# --- the same signal, from a terminal that is closed ---


@contextmanager
def on_a_terminal(tmp_path, *before):
    """A server on a terminal of its own; the terminal's other end, to be closed; and a peer who has joined."""
    outer, inner = pty.openpty()
    command = ["serve", "--host", "127.0.0.1", "--port", "0", "--data-dir", str(tmp_path)]
    with (tmp_path / "stderr.log").open("w") as log:
        process = subprocess.Popen(
            [*before, GREENCHAT[0], "-c", ON_A_TERMINAL, *command],
            stdin=inner,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    os.close(inner)
    with process:
        try:
            port = int(re.search(r":(\d+)$", process.stdout.readline())[1])
            with Peer("127.0.0.1", port) as ada:
                ada.send("JOIN|ada")
                ada.read()
                yield process, outer, ada
        finally:
            process.kill()


def test_a_server_stops_when_its_terminal_is_closed(tmp_path):
    with on_a_terminal(tmp_path) as (process, terminal, ada):
        os.close(terminal)
        ada.expect("INFO|Server is shutting down.")
        ada.close()
        assert process.wait(DEADLINE) == 0


def test_a_server_outlasts_its_terminal_where_it_was_told_to(tmp_path):
    what_nohup_does = ("sh", "-c", 'trap "" HUP && exec "$@"', "sh")
    with on_a_terminal(tmp_path, *what_nohup_does) as (process, terminal, ada):
        os.close(terminal)
        process.send_signal(signal.SIGHUP)
        eventually(lambda: "the configuration was read again" in (tmp_path / "stderr.log").read_text())
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
        process.terminate()
        ada.expect("INFO|Server is shutting down.")
        ada.close()
        assert process.wait(DEADLINE) == 0
