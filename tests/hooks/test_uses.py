"""What a plugin takes besides its hooks: commands, timers and routes are put down to it."""

import gevent
import pytest
from kit.machine import eventually
from kit.processes import run_greenchat
from kit.programs import Program, says, without_plugins

from greenchat import command, every, http
from greenchat.hooks.meters import Lent, Meter, Meters
from greenchat.testing import serving

LONG = 0.05


class Busy:
    """What it does takes LONG."""

    def __init__(self, ctx):
        self.ctx = ctx

    @command
    def work(self, call):
        """Work."""
        gevent.sleep(LONG)
        return "Done."

    @command
    def both(self, call):
        """Work, and again."""
        call.session.command("work")
        gevent.sleep(LONG)

    @every(0.1)
    def tick(self):
        gevent.sleep(LONG)

    @every(0.1)
    def fail(self):
        raise ValueError

    @http("GET", "/busy")
    def page(self):
        return "Busy."


def uses(server, plugin="Busy"):
    return {use.hook: use for use in server.call(server.server.stats).plugins if use.plugin == plugin}


def test_a_command_is_its_plugins_and_not_that_of_slash_commands():
    with serving(Busy, settings=without_plugins("history")) as server:
        ada = server.join("ada")
        for _ in range(3):
            assert "INFO|Done." in says(ada, "/work")
        use = uses(server)["commands"]
        assert (use.calls, use.failures) == (3, 0)
        assert use.seconds >= 3 * LONG
        assert uses(server, "slash_commands")["greenchat_slash"].seconds < LONG
        program = Program(server, "bob")
        assert program.request(type="command", name="work", args={})["type"] == "ack"
        assert uses(server)["commands"].calls == 4


def test_a_command_within_a_command_counts_once():
    with serving(Busy, settings=without_plugins("history")) as server:
        ada = server.join("ada")
        says(ada, "/both")
        use = uses(server)["commands"]
        assert use.calls == 2
        assert 2 * LONG <= use.seconds < 3 * LONG


def test_timers_and_what_fails_in_them():
    with serving(Busy) as server:
        eventually(lambda: uses(server).get("timers") and uses(server)["timers"].failures >= 2)
        use = uses(server)["timers"]
        assert use.calls >= 3
        assert use.longest >= LONG
        assert "elsewhere" not in uses(server)


def test_all_who_look_are_told_of_them():
    with serving(Busy, settings=without_plugins("history")) as server:
        ada = server.join("ada")
        says(ada, "/work")
        assert any(line.startswith("INFO|plugin: Busy: ") for line in says(ada, "/stats"))
        listed = run_greenchat("plugins", "list", "--server", f"127.0.0.1:{server.port}").stdout
        assert any(line.split()[:3] == ["Busy", "commands", "1"] for line in listed.splitlines())


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("/roll", "commands"),
        ("/roll, asked who may run it", "commands"),
        ("the route GET /x", "routes"),
        ("f, a timer", "timers"),
        ("f, every 5m", "timers"),
        ("f, at 07:30", "timers"),
        ("the job remind", "timers"),
        ("f, in the background", "elsewhere"),
        ("greenchat_event", "greenchat_event"),
    ],
)
def test_where_a_failure_counts(where, kind):
    meters = Meters()
    meters.failed("x", where)
    assert [(use.hook, use.failures) for use in meters.uses] == [(kind, 1)]


def test_what_is_lent_is_that_of_its_greenlet_alone():
    lent, meter = Lent(), Meter("x", "commands")
    other = gevent.spawn(lent.put_down, meter, lambda: gevent.sleep(LONG))
    other.join()
    assert lent.take() == 0.0
    assert lent.some
    del other
    lent.put_down(meter, lambda: None)
    assert 0 < lent.take() < LONG
    assert meter.use.calls == 2
