"""Whatever a plugin does with its context: the chat goes on, and the log says who it was."""

import pytest
from kit.machine import eventually

from greenchat import hookimpl
from greenchat.testing import serving


class Hostile:
    def __init__(self, ctx):
        self.ctx = ctx

    @hookimpl
    def greenchat_event(self, event):
        pass

    @hookimpl
    def greenchat_startup(self):
        self.ctx.spawn(self.work)


class SpawnsForEver(Hostile):
    def work(self):
        for _ in range(3):
            self.ctx.spawn(self.work)


class TimersForEver(Hostile):
    def work(self):
        for _ in range(20):
            self.ctx.spawn(self.timers)

    def timers(self):
        while True:
            self.ctx.every(0.1, lambda: None)


class KeepsAGigabyte(Hostile):
    def work(self):
        for _ in range(20):
            self.ctx.spawn(self.keep)

    def keep(self):
        for number in range(1024):
            self.ctx.store[str(number)] = "x" * 1_000_000
            self.ctx.clock.call_later(0, lambda: None)


class JobsForEver(Hostile):
    def work(self):
        self.ctx.job("job", lambda: self.ctx.at(self.ctx.clock.now(), "job") and self.ctx.at("07:30", "job") and 1 / 0)
        self.ctx.at(self.ctx.clock.now(), "job")


@pytest.mark.parametrize("kind", [SpawnsForEver, TimersForEver, KeepsAGigabyte, JobsForEver])
def test_the_chat_goes_on_and_it_is_switched_off(kind, caplog):
    with serving(kind) as server:
        ada, bob = server.join("ada"), server.join("bob")
        for number in range(10):
            ada.send(f"MSG|{number}")
            bob.read_until(f"MSG|ada|{number}")
        ctx = server.server.plugin_lifecycle.ctx_of(kind.__name__)
        eventually(lambda: server.call(lambda: ctx._tasks.halted))
        ada.send("MSG|still here")
        bob.read_until("MSG|ada|still here")
    assert f"plugin {kind.__name__} is switched off" in caplog.text
