"""Fixtures for the tests of the web page."""

import importlib
import os
from collections.abc import Callable, Iterator

import pytest

from greenchat import Message, Reject, hookimpl
from greenchat.testing import ServerThread, serving
from kit.browsers import LAST_PATIENCE, PATIENCE, Browser, Window, chromium, patience, process_of
from kit.processes import ServeProcess


class NoShouting:
    """A plugin, so that something is refused."""

    @hookimpl
    def greenchat_check_message(self, message: Message) -> None:
        if message.text.isupper():
            raise Reject("No shouting, please.")


# Not for the session: while Playwright runs in a thread, nothing else there may use asyncio.
@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as running:
        yield running


@pytest.fixture
def chat() -> Iterator[ServerThread]:
    with serving(NoShouting(), settings={"plugins.history.replay": 20}) as running:
        yield running


@pytest.fixture(scope="module")
def axe() -> str:
    """The engine that finds what keeps people from using a page."""
    try:
        found = importlib.import_module("axe_playwright_python.base")
    except ImportError:
        if os.environ.get("REQUIRE_TEST_TOOLS"):
            raise
        pytest.skip("there is no axe-playwright-python here")
    return found.AXE_SCRIPT


@pytest.fixture
def visit(browser: "Browser", request: pytest.FixtureRequest) -> Iterator[Callable[..., Window]]:
    """Opens the page of a server, for somebody else each time. At the end, no console may have complained."""
    windows: list[Window] = []

    def open_window(server: ServerThread | ServeProcess, **how: object) -> Window:
        windows.append(Window(browser, f"http://127.0.0.1:{server.port}", **how))
        return windows[-1]

    with patience(LAST_PATIENCE, "asking Chromium for its process"):
        process = process_of(browser)
    with patience(PATIENCE, request.node.name, kill=process):
        yield open_window
        for window in windows:
            window.context.close()
    assert [window.errors for window in windows if window.errors] == []
