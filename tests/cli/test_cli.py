"""The command line, as processes."""

import json
import os
import re
import signal
import socket
import subprocess
import tomllib

import pytest
from kit.processes import GREENCHAT, serve_process

import greenchat
from greenchat.testing import DEADLINE


def run(*arguments: str, env: dict[str, str] | None = None, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GREENCHAT, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(env or {})},
        **options,
    )


# --- serve ---


def test_serve_says_where_it_listens_first_and_what_one_wants_to_know_then(tmp_path):
    with serve_process(tmp_path) as serving:
        assert serving.second == "[*] Waiting for connections..."
        out, _ = serving.stop()
    assert "Plugins:  accounts, chatlog, history, metrics, moderation," in out
    assert f"Data:     {tmp_path}" in out
    assert f"Join:     http://localhost:{serving.port} in a browser\n" in out
    assert f"greenchat connect 127.0.0.1 {serving.port}, or nc 127.0.0.1 {serving.port}\n" in out


def test_serve_says_where_the_page_is_and_nothing_where_there_is_none(tmp_path):
    with serve_process(tmp_path, "--set", "plugins.web.prefix=/talk") as serving:
        out, _ = serving.stop()
    assert f"http://localhost:{serving.port}/talk in a browser\n" in out
    with serve_process(tmp_path, "--disable-plugin", "web") as serving:
        out, _ = serving.stop()
    assert f"Join:     greenchat connect 127.0.0.1 {serving.port}, or nc" in out
    assert "browser" not in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_in_good_order(tmp_path, number):
    with serve_process(tmp_path) as serving, serving.join("ada") as ada:
        serving.process.send_signal(number)
        ada.expect("INFO|Server is shutting down.")
        ada.expect_closed()
        ada.close()
        _, log = serving.wait()
        assert serving.process.returncode == 0
    assert "Traceback" not in log


def test_a_second_signal_ends_the_server_at_once(tmp_path):
    with serve_process(tmp_path, "--set", "server.grace_seconds=60") as serving, serving.join("ada") as ada:
        serving.process.send_signal(signal.SIGINT)
        ada.expect("INFO|Server is shutting down.")
        serving.process.send_signal(signal.SIGINT)
        assert serving.process.wait(timeout=DEADLINE) == 1


def test_a_port_that_is_taken_is_told_in_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(tmp_path))
    assert result.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


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
    result = run("serve", "--port", "0", "--data-dir", str(tmp_path), *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_the_log_can_be_json(tmp_path):
    with serve_process(tmp_path, "--log-format", "json", "-v") as serving:
        serving.join("ada").close()
        _, log = serving.stop()
    records = [json.loads(line) for line in log.splitlines()]
    assert records
    assert all({"time", "level", "logger", "message"} <= set(record) for record in records)


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


# --- a plugin changes what happens ---

PLUGIN = """
from greenchat import Command, Joined, Message, Reject, Unknown, hookimpl

@hookimpl
def greenchat_frame(session, frame):
    if type(frame) is Unknown and frame.kind == "ROLL":
        session.info("You rolled 4.")
        return True

@hookimpl
def greenchat_check_message(message):
    if "spam" in message.text:
        raise Reject("No spam, please.")
    return message.text.replace("teh", "the")

@hookimpl
def greenchat_event(event):
    if isinstance(event, Message):
        print(f"observed {event.seq} {event.sender}: {event.text}", flush=True)

@hookimpl
def greenchat_commands():
    return [Command("shrug", "", "Shrug.", lambda session, argument: session.say("¯\\\\_(ツ)_/¯"))]
"""

CRASHER = """
from greenchat import hookimpl

@hookimpl
def greenchat_frame(session, frame):
    raise RuntimeError("in frame")

@hookimpl
def greenchat_event(event):
    raise RuntimeError("in event")

@hookimpl
def greenchat_connected(session):
    raise RuntimeError("in connected")

@hookimpl
def greenchat_startup(server):
    pass
"""


def test_a_plugin_file_takes_rewrites_refuses_observes_and_commands_beside_one_that_crashes(tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "many_things.py").write_text(PLUGIN)
    (plugins / "crasher.py").write_text(CRASHER)
    with serve_process(tmp_path, "--plugins-dir", str(plugins)) as serving:
        with serving.join("ada") as ada, serving.join("bob") as bob:
            ada.expect("INFO|bob has joined the chat.")
            ada.send("ROLL|2d6", "MSG|spam!", "MSG|teh end", "MSG|/shrug", "LEAVE")
            ada.expect("INFO|You rolled 4.", "ERROR|No spam, please.")
            bob.expect("MSG|ada|the end", "MSG|ada|¯\\_(ツ)_/¯", "INFO|ada has left the chat.")
            ada.expect_closed()
        out, log = serving.stop()
    assert "observed 1 ada: the end" in out
    for hook in ("greenchat_frame", "greenchat_event", "greenchat_connected"):
        assert f"plugin crasher failed in {hook}" in log


def test_a_plugin_that_holds_the_loop_is_named_in_the_log(tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "sleepy.py").write_text(
        "import time\nfrom greenchat import hookimpl\n"
        "@hookimpl\ndef greenchat_check_message(message):\n    time.sleep(0.4)\n"
    )
    with serve_process(tmp_path, "--plugins-dir", str(plugins)) as serving:
        with serving.join("ada") as ada, serving.join("bob") as bob:
            ada.send("MSG|slow")
            bob.expect("MSG|ada|slow")
        _, log = serving.stop()
    assert re.search(
        r"the event loop is held for more than 0.1 seconds by plugin sleepy in greenchat_check_message", log
    )


# --- plugins list, config, help ---


def test_plugins_list_tells_name_version_origin_and_why_one_is_off(tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "broken.py").write_text("import nothing_of_this_name")
    result = run("plugins", "list", "--plugins-dir", str(plugins), "--disable-plugin", "signpost")
    rows = [re.split(r"\s{2,}", line) for line in result.stdout.split("\n\n")[0].splitlines()]
    assert rows[0] == ["NAME", "VERSION", "FROM", "STATE"]
    by_name = {row[0]: row for row in rows[1:]}
    assert "greenchat moderation" in result.stdout
    assert by_name["broken"][3].startswith("off: ModuleNotFoundError")
    assert by_name["broken"][2] == str(plugins / "broken.py")
    assert by_name["signpost"][3] == "off: disabled"
    assert by_name["slash_commands"][1:] == [greenchat.__version__, "greenchat (installed)", "on"]
    assert result.returncode == 0


def test_plugins_list_tells_what_a_running_server_has_switched_off(tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "crasher.py").write_text(CRASHER)
    arguments = ["--plugins-dir", str(plugins)]
    with (
        serve_process(tmp_path, *arguments, "--set", "limits.flood_rate=0") as serving,
        serving.join("ada") as ada,
        serving.join("bob") as bob,
    ):
        ada.send(*["MSG|x"] * 30)
        bob.expect(*["MSG|ada|x"] * 30)
        result = run("plugins", "list", "--data-dir", str(tmp_path), *arguments)
    assert re.search(r"crasher .* off: switched off at .* UTC: it failed 20 times within 60 seconds", result.stdout)


def test_config_prints_every_setting_with_its_reason_and_what_is_in_force():
    result = run("config", "--set", "limits.flood_rate=7", env={"GREENCHAT_LIMITS_FRAME_BYTES": "99"})
    tables = tomllib.loads(result.stdout)
    assert tables["limits"]["flood_rate"] == 7
    assert tables["limits"]["frame_bytes"] == 99
    assert {"chatlog", "moderation"} <= set(tables["plugins"])
    assert "# Frames a second from one client past the burst" in result.stdout


def test_version_and_help():
    assert run("--version").stdout == f"greenchat {greenchat.__version__}\n"
    result = run("--help")
    for word in ("serve", "connect", "config", "plugins", "bench", "Examples:"):
        assert word in result.stdout
    for command in ("serve", "connect", "config", "bench"):
        assert "Examples:" in run(command, "--help").stdout


def test_an_unknown_command_is_told():
    result = run("srve")
    assert result.returncode == 2
    assert "No such command 'srve'" in result.stderr
