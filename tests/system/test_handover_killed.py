"""A server that is killed at whatever step of a hand-over: what was acknowledged is there after it, and people come
back."""

import random
import selectors
import signal
import time
from contextlib import ExitStack, closing, suppress

import pytest
from killing import Listener, Program, crowd
from kit.processes import serve_process
from kit.striking import FEW_STEPS, STEPS, Strikes
from test_kill import PASSWORD, SETTINGS, begin, check, check_files

from greenchat.testing import DEADLINE

KILLS, FULL_KILLS = 1, 60

# So many frames that clients were sent, all together, before there is a hand-over.
FRAMES = 300


@pytest.fixture
def strikes(tmp_path):
    return Strikes(tmp_path)


def test_what_was_acknowledged_outlasts_kill_9_at_each_step(strikes, full):
    strike_again_and_again(strikes, [Strike(step) for step in (STEPS if full else FEW_STEPS)])


def test_what_was_acknowledged_outlasts_kill_9_at_any_moment(strikes, full, seed):
    moments = random.Random(seed)
    strike_again_and_again(strikes, [Strike("", moments.random()) for _ in range(FULL_KILLS if full else KILLS)])


class Strike:
    """A kill at a step; or, without one, after such a part of the time that a hand-over takes."""

    def __init__(self, step, part=0.0):
        self.step, self.part = step, part


def strike_again_and_again(strikes, kills):
    ledger = begin(strikes.data_dir)
    arguments = [*SETTINGS, *strikes.arguments]
    tokens, took = {}, 2.0
    for kill in kills:
        with serve_process(strikes.data_dir, *arguments) as server:
            check_tokens(server, tokens)
            check(server, strikes.data_dir, ledger)
            tokens, took = strike(server, strikes, ledger, kill, took)
            assert server.process.wait(DEADLINE) == -signal.SIGKILL
            log = strikes.log
            assert "Traceback" not in log, log
    with serve_process(strikes.data_dir, *arguments) as server:
        check_tokens(server, tokens)
        check(server, strikes.data_dir, ledger)
        log = server.stop()[1]
    assert "Traceback" not in log, log
    check_files(strikes.data_dir, ledger, len(kills))


def strike(server, strikes, ledger, kill, took):
    """Have the crowd chat through a hand-over in which the server is killed. Their tokens, by names, and how long a
    hand-over takes, as far as that is known."""
    with ExitStack() as stack:
        clients = crowd(server.port, ledger, PASSWORD)
        readable = stack.enter_context(selectors.DefaultSelector())
        for client in clients:
            stack.callback(client.close)
            readable.register(client.socket, selectors.EVENT_READ, client)
        for client in clients:
            client.start()
        read_until(readable, lambda lines: lines >= FRAMES and all(ledger.counts))
        if kill.step:
            strikes.order(kill.step, signal.SIGKILL)
        strikes.change()
        began = time.monotonic()
        strikes.hang_up(server)
        if kill.step:
            read_until(readable, lambda _: server.process.poll() is not None)
        else:
            read_until(readable, lambda _: time.monotonic() - began > kill.part * took)
            took = took if strikes.pauses else took * 1.5
            server.process.kill()
        # What was told before that was told, though nobody has read it yet.
        for client in clients:
            while rest := client.receive():
                client.take(rest, going_on=False)
        return {one.welcomes[0]["name"]: one.welcomes[0]["token"] for one in clients if type(one) is Listener}, took


def read_until(readable, is_over):
    """Have the clients read and go on; `is_over` is asked, with how many lines they got, again and again."""
    lines, deadline = 0, time.monotonic() + 2 * DEADLINE
    while not is_over(lines):
        assert time.monotonic() < deadline, "it does not come to that"
        for key, _ in readable.select(0.05):
            got = key.data.receive()
            if not got:
                readable.unregister(key.fileobj)
            with suppress(BrokenPipeError, ConnectionResetError):
                key.data.take(got, going_on=True)
            lines += len(got)


def check_tokens(server, tokens):
    """Who was there is let in by their token, under their name."""
    for name, token in tokens.items():
        with closing(Program(server.port, "", token=token)) as again:
            assert again.welcomes[0].get("name") == name, again.welcomes
            again.send('{"type": "leave"}')
            while again.receive():
                pass
