"""Plugins that hold the event loop for good are interrupted: nobody else would be served."""

import pytest
from kit.hostile_plugins import logged, serve_hostile, talk_goes_on
from kit.machine import eventually

SHORT = "import greenchat.server.interrupter as i; i.HELD_SECONDS = 1.0"

HOLDS = """
    import re, time
    from greenchat import check

    @check
    def look(text):
        if text == "hold":
            {how}
"""

HOW = {
    "computes": "while True: pass",
    "sleeps": "time.sleep(300)",
    "tries": "re.fullmatch('(a+)+b', 'a' * 60)",
}

ELSEWHERE = """
    from greenchat import command

    def forever():
        while True:
            pass

    @command
    def timer(call):
        "Never ends, a moment later."
        call.ctx.later(0.01, forever)

    @command
    def now(call):
        "Never ends."
        forever()
"""


@pytest.mark.parametrize("how", HOW)
def test_who_holds_everybody_is_named_and_interrupted(tmp_path, how):
    with serve_hostile(tmp_path, short=SHORT, holds=HOLDS.format(how=HOW[how])) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|hold", "MSG|and on")
        while bob.read() != "MSG|ada|and on":
            pass
        talk_goes_on(server)
        ada.close()
        bob.close()
        _, log = server.stop()
        assert server.process.returncode == 0
    assert "held for more than 0.1 seconds by plugin holds in look" in log
    assert "plugin holds failed in greenchat_check_messages" in log
    assert "it held the event loop for more than 1 seconds" in log
    assert "MSG|ada|hold" not in log


def test_timers_and_commands_as_well(tmp_path):
    with serve_hostile(tmp_path, short=SHORT, holds=ELSEWHERE) as server:
        ada = server.join("ada")
        ada.send("MSG|/timer", "MSG|/now")
        assert ada.read() == "ERROR|/now has failed. Tell whoever runs the server."
        eventually(lambda: "plugin holds failed in forever, a timer" in logged(tmp_path))
        talk_goes_on(server)
        ada.close()
        _, log = server.stop()
        assert server.process.returncode == 0
    assert "plugin holds failed in /now" in log


PATTERN = """
    from typing import Annotated
    from greenchat import Meta, command

    @command
    def evil(call, word: Annotated[str, Meta(pattern="(a+)+b")]):
        "Tries for ever."
        return word
"""


def test_a_pattern_that_tries_for_ever_is_given_up_and_its_plugin_named(tmp_path):
    with serve_hostile(tmp_path, evil=PATTERN) as server:
        ada = server.join("ada")
        ada.send("MSG|/evil aab", f"MSG|/evil {'a' * 60}")
        assert ada.read() == "INFO|aab"
        assert ada.read() == "ERROR|/evil has failed. Tell whoever runs the server."
        talk_goes_on(server)
        ada.close()
        _, log = server.stop()
    assert "plugin evil failed in /evil" in log
    assert "its pattern takes longer than 0.5 seconds" in log


FORKS = """
    import os
    from greenchat import check

    @check
    def look(text):
        if text == "fork":
            os.fork()
"""


def test_one_that_forks_makes_no_second_server(tmp_path):
    with serve_hostile(tmp_path, forks=FORKS) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|fork", "MSG|and on")
        assert [bob.read(), bob.read()] == ["MSG|ada|fork", "MSG|ada|and on"]
        eventually(lambda: "came back as a server, and was ended" in logged(tmp_path))
        talk_goes_on(server)
        ada.close()
        bob.close()
        server.stop()
        assert server.process.returncode == 0
