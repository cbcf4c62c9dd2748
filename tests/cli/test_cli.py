"""The command line, as processes."""

import json
import re
import signal
import socket
import tomllib

import pytest
from kit.processes import run_greenchat, serve_process

import greenchat

# --- serve ---


def test_serve_says_where_it_listens_first_and_what_one_wants_to_know_then(tmp_path):
    with serve_process(tmp_path) as serving:
        assert serving.second == "[*] Waiting for connections..."
        out, _ = serving.stop()
    assert "Plugins:  accounts, chatlog, dice, files, history, irc, metrics," in out
    assert "(off: " not in out  # what nobody has asked for is no news
    assert f"Data:     {tmp_path}" in out
    assert f"Join:     http://localhost:{serving.port} in a browser\n" in out
    assert f"greenchat connect 127.0.0.1 {serving.port}, or nc 127.0.0.1 {serving.port}\n" in out


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


def test_a_port_that_is_taken_is_told_in_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run_greenchat("serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(tmp_path))
    assert result.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_the_log_can_be_json(tmp_path):
    with serve_process(tmp_path, "--log-format", "json", "-v") as serving:
        serving.join("ada").close()
        _, log = serving.stop()
    records = [json.loads(line) for line in log.splitlines()]
    assert records
    assert all({"time", "level", "logger", "message"} <= set(record) for record in records)


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
    result = run_greenchat("plugins", "list", "--plugins-dir", str(plugins), "--disable-plugin", "signpost")
    rows = [re.split(r"\s{2,}", line) for line in result.stdout.split("\n\n")[0].splitlines()]
    assert rows[0] == ["NAME", "VERSION", "FROM", "STATE"]
    by_name = {row[0]: row for row in rows[1:]}
    assert "greenchat moderation" in result.stdout
    assert by_name["broken"][3].startswith("off: ModuleNotFoundError")
    assert by_name["broken"][2] == str(plugins / "broken.py")
    assert by_name["signpost"][3] == "off: disabled"
    assert by_name["slash_commands"][1:] == [greenchat.__version__, "greenchat (installed)", "on"]
    assert result.returncode == 0


def test_config_prints_every_setting_with_its_reason_and_what_is_in_force():
    result = run_greenchat("config", "--set", "limits.flood_rate=7", env={"GREENCHAT_LIMITS_FRAME_BYTES": "99"})
    tables = tomllib.loads(result.stdout)
    assert tables["limits"]["flood_rate"] == 7
    assert tables["limits"]["frame_bytes"] == 99
    assert {"chatlog", "moderation"} <= set(tables["plugins"])
    assert "# Frames a second from one client past the burst" in result.stdout


def test_version_and_help():
    assert run_greenchat("--version").stdout == f"greenchat {greenchat.__version__}\n"
    result = run_greenchat("--help")
    for word in ("serve", "connect", "config", "plugins", "bench", "Examples:"):
        assert word in result.stdout
    for command in ("serve", "connect", "config", "bench"):
        assert "Examples:" in run_greenchat(command, "--help").stdout


def test_an_unknown_command_is_told():
    result = run_greenchat("srve")
    assert result.returncode == 2
    assert "No such command 'srve'" in result.stderr


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
        result = run_greenchat("plugins", "list", "--data-dir", str(tmp_path), *arguments)
    assert re.search(r"crasher .* off: switched off at .* UTC: it failed 20 times within 60 seconds", result.stdout)
