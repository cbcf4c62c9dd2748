"""`greenchat reload`, against a real server with a stand-in for what reloads it."""

import json
from threading import Thread

import pytest
from kit.machine import eventually
from kit.processes import run_greenchat
from kit.programs import Program
from kit.reloading import StandIn

from greenchat.storage.datadir import PROOF_FILE
from greenchat.storage.plugin_choice import Choice, keep_choice
from greenchat.testing import DEADLINE, serving


@pytest.fixture
def server():
    with serving() as running:
        yield running


class Asking:
    """The command, in a thread."""

    def __init__(self, server, *arguments):
        self._arguments = "reload", f"127.0.0.1:{server.port}", "--data-dir", str(server.server.data_dir), *arguments
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self):
        self._done = run_greenchat(*self._arguments)

    def wait(self):
        self._thread.join(DEADLINE)
        return self._done


def test_it_tells_what_came_of_it(server):
    stand_in = StandIn(server)
    asking = Asking(server)
    eventually(lambda: stand_in.asks)
    assert stand_in.asks[0][0] == "shell"
    stand_in.answer(ok=True, how="live", changed=["limits.flood_rate = 5.0 (was 10.0)"])
    done = asking.wait()
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "The configuration was read again, and holds at once.",
        "Changed: limits.flood_rate = 5.0 (was 10.0)",
    ]


def test_what_is_wrong_ends_it_with_1(server):
    stand_in = StandIn(server)
    asking = Asking(server)
    eventually(lambda: stand_in.asks)
    stand_in.answer(ok=False, why=["The plugin dice cannot be loaded."])
    done = asking.wait()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Nothing was reloaded, and all goes on as it was.",
        "The plugin dice cannot be loaded.",
    ]


def test_who_loses_the_connection_comes_back_and_is_told_all_the_same(server):
    stand_in = StandIn(server)
    asking = Asking(server, "--json")
    eventually(lambda: stand_in.asks)
    server.call(lambda: [session.close("test") for session in server.server.sessions.values()])
    stand_in.answer(ok=True, how="handover", pause_seconds=0.2, sessions=7)
    done = asking.wait()
    assert done.returncode == 0, done
    assert json.loads(done.stdout) == {
        "ok": True,
        "how": "handover",
        "changed": [],
        "proven": [],
        "why": [],
        "pause_seconds": 0.2,
        "sessions": 7,
    }
    assert len(stand_in.asks) == 1  # and nothing is reloaded twice


def test_only_who_may_read_the_data_directory(server, tmp_path):
    stand_in = StandIn(server)
    done = run_greenchat("reload", f"127.0.0.1:{server.port}", "--data-dir", str(tmp_path))
    assert done.returncode == 4
    assert "name it with --data-dir" in done.stderr
    proof = (server.server.data_dir / PROOF_FILE).read_text()
    with Program(server) as program:
        program.send(type="reload", ref=1, proof=proof[:-1])
        assert program.read()["code"] == "not_allowed"
        program.send(type="reload", ref=2, proof=proof)
        eventually(lambda: stand_in.asks)
    assert len(stand_in.asks) == 1


def test_where_nobody_listens(tmp_path):
    done = run_greenchat("reload", "127.0.0.1:1", "--data-dir", str(tmp_path))
    assert done.returncode == 3


def test_what_operators_have_chosen_is_listed(tmp_path):
    keep_choice(tmp_path, Choice(disabled=("rooms",), enabled=("people",)))
    found = ("--data-dir", str(tmp_path), "--disable-plugin", "people")
    lines = run_greenchat("plugins", "list", *found).stdout.splitlines()
    states = {line.split()[0]: line for line in lines if line}
    assert states["rooms"].endswith("off: disabled by an operator; /plugin enable rooms has it on again")
    assert states["people"].endswith(" on")
    shown = run_greenchat("plugins", "show", "rooms", *found).stdout
    assert "off: disabled by an operator" in shown
