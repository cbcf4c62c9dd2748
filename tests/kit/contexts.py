"""A context without a server, for what needs none: its clock is moved by hand."""

import pytest

from greenchat import Context
from greenchat.hooks.surroundings import Surroundings
from kit.clocks import HandClock


class Failures(list):
    def __call__(self, plugin, where, error=None):
        self.append((plugin, where, error))


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def around(clock, tmp_path):
    around = Surroundings(clock, tmp_path)
    around.failed = Failures()
    return around


@pytest.fixture
def ctx(around):
    ctx = Context("tester", None, around)
    ctx.begin()
    yield ctx
    ctx.end()
