"""The command line, as processes: all that it refuses, hides, lists and remembers."""

import signal

import pytest
from kit.processes import run_greenchat, serve_process

from greenchat.testing import DEADLINE


def test_serve_says_where_the_page_is_and_nothing_where_there_is_none(tmp_path):
    with serve_process(tmp_path, "--set", "plugins.web.prefix=/talk") as serving:
        out, _ = serving.stop()
    assert f"http://localhost:{serving.port}/talk in a browser\n" in out
    with serve_process(tmp_path, "--disable-plugin", "web") as serving:
        out, _ = serving.stop()
    assert f"Join:     greenchat connect 127.0.0.1 {serving.port}, or nc" in out
    assert "browser" not in out


def test_a_second_signal_ends_the_server_at_once(tmp_path):
    with serve_process(tmp_path, "--set", "server.grace_seconds=60") as serving, serving.join("ada") as ada:
        serving.process.send_signal(signal.SIGINT)
        ada.expect("INFO|Server is shutting down.")
        serving.process.send_signal(signal.SIGINT)
        assert serving.process.wait(timeout=DEADLINE) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--set", "limits.flod_rate=1"], 2, "limits.flod_rate: there is no such setting. Did you mean flood_rate?"),
        (["--config", "/nowhere.toml"], 2, "/nowhere.toml cannot be read: No such file or directory."),
        (["--data-dir", "/proc/greenchat"], 1, "Cannot use the data directory /proc/greenchat"),
        (["--plugins-dir", "/nowhere"], 2, "server.plugins_dirs: /nowhere is not a directory."),
        (["--host", "no.such.host.invalid"], 1, "Cannot listen on no.such.host.invalid:0"),
        (["--port", "x"], 2, "'x' is not a valid integer"),
        (["--set", "server.default_room=two words"], 2, "server.default_room: The room name 'two words' is not valid."),
    ],
)
def test_serve_refuses_what_is_wrong_in_one_sentence(tmp_path, arguments, code, message):
    result = run_greenchat("serve", "--port", "0", "--data-dir", str(tmp_path), *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_the_log_has_no_content_and_no_control_codes(tmp_path):
    with serve_process(tmp_path, "-v") as serving, serving.join("ada") as ada:
        ada.send("MSG|the secret of ada", "MSG|/msg ada the other secret", "JOIN|\x1b[2J")
        peer = serving.connect()
        peer.send("JOIN|x\x1b[2J", "JOIN|a b\tc")
        peer.read()
        peer.read()
        peer.close()
        ada.send("LEAVE")
        ada.read_until("INFO|To ada: the other secret")
        _, log = serving.stop()
    assert "secret" not in log
    assert "\x1b" not in log


def test_a_pass_phrase_is_asked_for_and_never_in_the_log(tmp_path):
    with serve_process(tmp_path, "--password", "open sesame", "-v") as serving, serving.connect() as ada:
        ada.send("JOIN|ada", "MSG|/password guess sesame", "MSG|/password open sesame", "JOIN|ada")
        assert ada.read().startswith("ERROR|This chat has a pass phrase.")
        ada.expect("ERROR|This is not the pass phrase. Ask whoever invited you.")
        ada.expect("INFO|That is right. Now send JOIN|<username>.")
        assert ada.read().startswith("INFO|Welcome")
        ada.close()
        out, log = serving.stop()
    assert "sesame" not in out + log
