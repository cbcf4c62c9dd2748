"""Fixtures that several test files share, and which tests run beside which."""

import signal
from collections.abc import Iterator

import pytest
from xdist.scheduler import LoadScopeScheduling

from greenchat.testing import ServerThread, serving


def hear_signals() -> None:
    """What is ignored or blocked here, as by nohup or in the background of a shell, is so in every process that tests
    start, too: they would not notice a Ctrl-C. A handler is not inherited, and one that does nothing ignores as well.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    # What Python ignores by itself, as SIGPIPE, subprocess gives back by itself.
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)


hear_signals()


@pytest.fixture
def server() -> Iterator[ServerThread]:
    """A server with the bundled plugins, its limits for floods and addresses off."""
    with serving() as running:
        yield running


class OneBrowser(LoadScopeScheduling):
    """The tests of the web page run in one process, one after the other, beside all others: a browser takes as much of
    a machine as it gets, and several at once are no quicker."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if "/test_web_page" in nodeid else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneBrowser:
    return OneBrowser(config, log)
