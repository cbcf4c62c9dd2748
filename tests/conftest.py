"""Fixtures that several test files share, and which tests run beside which."""

from collections.abc import Iterator

import pytest
from xdist.scheduler import LoadScopeScheduling

from greenchat.testing import ServerThread, serving


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
