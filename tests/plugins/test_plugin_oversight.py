"""oversight: plugins that hold everybody up or fail are switched off, and on again, and what they do is told."""

import re
from contextlib import ExitStack

from kit.failing import plugin_dir
from kit.machine import eventually
from kit.processes import run_greenchat, serve_process
from kit.programs import Anybody, says, without_plugins
from kit.socketless import serving

from greenchat import Command, hookimpl
from greenchat.client import Client
from greenchat.hooks.dispatch import FAILURES
from greenchat.hooks.loader import read_off
from greenchat.testing import serving as on_sockets

ALONE = without_plugins("accounts", "history", "moderation", "web")


class Breaks:
    """Fails whenever something is said, for as long as it is `broken`, and has a command."""

    broken = True

    @hookimpl
    def greenchat_messages(self, messages):
        if self.broken:
            raise RuntimeError("no")

    @hookimpl
    def greenchat_commands(self):
        return [Command("works", "", "Say so.", lambda session, _: session.info("It works."))]


def test_operators_are_told_and_switch_it_on_again():
    plugin = Breaks()
    with serving(plugin, Anybody, settings=ALONE) as server:
        ada, bob = server.join("ada"), server.join("bob")
        says(bob, "/crown")
        with server.chat.failing():
            for number in range(FAILURES):
                ada.send(f"MSG|{number}")
                bob.read_until(f"MSG|ada|{number}")
        line = bob.read()
        assert line.startswith("INFO|The plugin Breaks is switched off: it failed 20 times within 60 seconds")
        assert line.endswith("/plugin on Breaks switches it on again.")
        assert "Breaks" in read_off(server.server.data_dir)
        assert says(bob, "/works")[-1].startswith("ERROR|There is no command /works.")
        assert server.call(server.server.stats).plugins_off.keys() == {"Breaks"}
        assert says(ada, "/plugin on Breaks")[-1] == (
            "ERROR|Only the owner of lobby and operators may switch plugins there."
        )
        plugin.broken = False
        assert says(bob, "/plugin on Breaks") == ["INFO|The plugin Breaks is on again."]
        assert says(bob, "/works") == ["INFO|It works."]
        assert read_off(server.server.data_dir) == {}
        assert says(bob, "/plugin on Breaks") == ["ERROR|The plugin Breaks is on already."]
        assert says(bob, "/plugin on nobody") == ["ERROR|There is no plugin nobody that could be switched on."]
        assert says(bob, "/plugin on") == ["ERROR|Which one? Type it so: /plugin on NAME"]


def test_how_much_a_plugin_takes_is_told():
    with on_sockets(Breaks(), settings=ALONE) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|one")
        bob.read_until("MSG|ada|one")
        rows = [line for line in says(bob, "/stats") if "Breaks" in line]
        assert re.fullmatch(r"INFO\|plugin: Breaks: 1 call in 0\.\d+ s, 1 failed", rows[0]), rows
        with Client.connect(server.host, server.port) as client:
            (use,) = [use for use in client.stats().plugins if use.plugin == "Breaks"]
        assert (use.hook, use.calls, use.failures, sum(use.buckets)) == ("greenchat_messages", 1, 1, 1)
        result = run_greenchat("plugins", "list", "--server", f"127.0.0.1:{server.port}")
        assert result.returncode == 0, result.stderr
        assert re.search(r"^Breaks +greenchat_messages +1 .* 1$", result.stdout, re.MULTILINE), result.stdout


HOLDS = """
    import time
    from greenchat import Reject, hookimpl
    @hookimpl
    def greenchat_messages(messages):
        time.sleep(0.3)
    @hookimpl
    def greenchat_check_message(message):
        if message.text == "no":
            raise Reject("No.")
"""


def test_who_holds_everybody_up_again_and_again_is_switched_off_but_for_its_checks(tmp_path):
    directory = tmp_path / "mine"
    directory.mkdir()
    plugin_dir(directory, holds=HOLDS)
    arguments = "--plugins-dir", str(directory), "--set", "server.plugin_holds=3"
    with serve_process(tmp_path, *arguments) as server, ExitStack() as closing:
        ada, bob = closing.enter_context(server.join("ada")), closing.enter_context(server.join("bob"))
        for number in range(3):
            ada.send(f"MSG|{number}")
            bob.read_until(f"MSG|ada|{number}")
            ada.send("MSG|/ping")
            ada.read_until("INFO|Pong.")
        assert eventually(lambda: "holds" in read_off(tmp_path))
        assert "it held everybody up 3 times within 60 seconds" in read_off(tmp_path)["holds"]
        ada.send("MSG|no")
        ada.read_until("ERROR|No.")
        with Client.connect("127.0.0.1", server.port) as client:
            stats = client.stats()
        assert stats.plugin_holds["holds"] >= 3
        assert "holds" in stats.plugins_off


def test_a_trace_has_each_call_and_no_words(tmp_path):
    directory = tmp_path / "mine"
    directory.mkdir()
    plugin_dir(directory, holds=HOLDS.replace("time.sleep(0.3)", "pass"))
    with serve_process(tmp_path, "--plugins-dir", str(directory), "--trace-plugins") as server, ExitStack() as closing:
        ada, bob = closing.enter_context(server.join("ada")), closing.enter_context(server.join("bob"))
        ada.send("MSG|swordfish", "MSG|/msg bob swordfish", "MSG|/password swordfish", "MSG|no")
        ada.read_until("ERROR|No.")
        bob.read_until("MSG|ada|swordfish")
        result = run_greenchat(
            *("plugins", "why", "--room", "lobby", "--server", f"127.0.0.1:{server.port}"),
            *("--data-dir", str(tmp_path)),
        )
        assert "plugin holds refused a message of ada in lobby" in result.stdout
        _, log = server.stop()
    assert "plugin holds: greenchat_check_message(Message" in log or "greenchat_check_message(#" in log
    assert "Reject rejected" in log
    assert "swordfish" not in log
