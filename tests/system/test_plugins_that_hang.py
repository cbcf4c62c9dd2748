"""Plugins that hang, in all ways: a signal ends the server all the same."""

import signal
from contextlib import closing

import pytest
from kit.failing import plugin_dir
from kit.hanging import HOW, serve_hanging
from kit.machine import eventually
from kit.processes import serve_process

from greenchat.testing import DEADLINE


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_ends_a_start_that_hangs(tmp_path, how, number):
    process, _ = serve_hanging(tmp_path, "startup", how)
    with closing(process.stdout):
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(number)
        assert process.wait(DEADLINE) == 0


@pytest.mark.parametrize("how", HOW)
def test_an_end_that_hangs_is_given_up_and_named(tmp_path, how):
    process, log = serve_hanging(tmp_path, "shutdown", how)
    with closing(process.stdout):
        while not process.stdout.readline().strip().startswith("Stop:"):
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    assert "plugin hangs failed in greenchat_shutdown" in log.read_text()


def test_a_signal_stops_a_server_whose_loop_a_plugin_holds(tmp_path):
    directory = tmp_path / "plugins"
    directory.mkdir()
    plugin_dir(
        directory,
        holds="""
            from greenchat import Message, hookimpl
            @hookimpl
            def greenchat_event(event):
                while type(event) is Message:
                    pass
        """,
    )
    with serve_process(tmp_path, "--plugins-dir", str(directory)) as server:
        ada = server.join("ada")
        ada.send("MSG|hold")
        eventually(lambda: "the event loop is held" in (tmp_path / "stderr.log").read_text())
        _, log = server.stop()
        assert server.process.returncode == 0
        ada.close()
    assert "plugin holds failed in greenchat_event" in log
