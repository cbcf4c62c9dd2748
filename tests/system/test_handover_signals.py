"""Signals that come at each step of a hand-over."""

import random
import signal
import time
from contextlib import contextmanager

import pytest
from kit.machine import eventually
from kit.processes import serve_process
from kit.programs import Program, says
from kit.striking import EACH_STEP, FEW_STEPS, STEPS, Strikes

from greenchat.testing import DEADLINE

STOPS, FULL_STOPS = 2, 40


@pytest.fixture
def strikes(tmp_path):
    return Strikes(tmp_path)


def outcomes(strikes):
    """How many reloads have come to their end."""
    return len(strikes.pauses) + strikes.log.count("the configuration was read again: nothing")


@contextmanager
def peers(strikes):
    """A server, and two people in it."""
    serves = serve_process(strikes.data_dir, *strikes.arguments)
    with serves as serving, serving.join("ada") as ada, Program(serving, "bob") as bob:
        ada.read()
        yield serving, ada, bob


def stopped_in_good_order(serving, strikes, ada, bob):
    """All who are there have been told, and nothing has gone wrong."""
    assert ada.read_until("INFO|Server is shutting down.") == []
    ada.expect_closed()
    assert bob.read_until("notice")["text"] == "Server is shutting down."
    bob.rest()
    assert serving.process.wait(DEADLINE) == 0
    assert "Traceback" not in strikes.log, strikes.log
    assert "ERROR" not in strikes.log, strikes.log


@pytest.mark.parametrize("step", EACH_STEP)
def test_a_stop_at_each_step_is_done_in_good_order(strikes, step):
    number = random.Random(step).choice([signal.SIGTERM, signal.SIGINT])
    with peers(strikes) as (serving, ada, bob):
        strikes.order(step, number)
        strikes.change()
        strikes.hang_up(serving)
        stopped_in_good_order(serving, strikes, ada, bob)
    assert not strikes.is_ordered
    with serve_process(strikes.data_dir, *strikes.arguments) as serving, Program(serving) as again:
        assert again.join(token=bob.welcome["token"])["name"] == "bob"


def test_a_stop_at_any_moment_is_done_in_good_order(strikes, full, seed):
    moments = random.Random(seed)
    longest = 2.0
    for _ in range(FULL_STOPS if full else STOPS):
        with peers(strikes) as (serving, ada, bob):
            strikes.change()
            began = time.monotonic()
            strikes.hang_up(serving)
            time.sleep(moments.random() * longest)
            longest = max(longest, 2 * (time.monotonic() - began)) if not strikes.pauses else longest
            serving.process.terminate()
            stopped_in_good_order(serving, strikes, ada, bob)


SLOW = """
import gevent
from greenchat import hookimpl

@hookimpl
def greenchat_startup(server):
    gevent.sleep({})
"""


def test_a_stop_while_plugins_take_their_time_does_not_wait_for_them(strikes):
    (strikes.directory / "slow.py").write_text(SLOW.format(0))
    hasty = ("--set", "server.grace_seconds=0.5")
    with serve_process(strikes.data_dir, *strikes.arguments, *hasty) as serving, Program(serving, "ada") as ada:
        (strikes.directory / "slow.py").write_text(SLOW.format(2 * DEADLINE))
        strikes.order("is taken over", signal.SIGTERM)
        strikes.hang_up(serving)
        assert serving.process.wait(DEADLINE) == 0
        ada.rest()
    assert "Traceback" not in strikes.log, strikes.log
    (strikes.directory / "slow.py").write_text(SLOW.format(0))
    with serve_process(strikes.data_dir, *strikes.arguments) as serving, Program(serving) as again:
        assert again.join(token=ada.welcome["token"])["name"] == "ada"


def test_a_reload_that_is_asked_for_at_each_step_follows_and_other_signals_do_nothing(strikes, full):
    with serve_process(strikes.data_dir, *strikes.arguments) as serving:
        with serving.join("ada") as ada, Program(serving, "bob") as bob:
            ada.read()
            for number in (signal.SIGHUP, signal.SIGCHLD):
                for step in STEPS if full else FEW_STEPS[:: 2 if number == signal.SIGHUP else 3]:
                    before = outcomes(strikes)
                    strikes.order(step, number)
                    word = strikes.change()
                    strikes.hang_up(serving)
                    due = before + (2 if number == signal.SIGHUP else 1)
                    eventually(lambda due=due: outcomes(strikes) == due, step)
                    assert not strikes.is_ordered, step
                    assert says(ada, "/sayer") == [f"INFO|{word}"]
                    assert bob.ask(f"after {step}")[-1]["type"] == "ack"
                    ada.expect(f"MSG|bob|after {step}")
        _, log = serving.stop()
        assert serving.process.returncode == 0
    assert "Traceback" not in log
    assert "ERROR" not in log
