"""Fixtures for the tests of the web page."""

from collections.abc import Callable, Iterator

import pytest
from browsers import WEB, Browser, Window, chromium

from greenchat import Message, Reject, hookimpl
from greenchat.testing import ServerThread, serving


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
    with serving(*WEB, NoShouting(), settings={"plugins.history.replay": 20}) as running:
        yield running


@pytest.fixture
def visit(browser: "Browser", chat: ServerThread) -> Iterator[Callable[..., Window]]:
    """Opens the page of `chat`, for somebody else each time. At the end, no console may have complained."""
    windows: list[Window] = []

    def open_window(**how: object) -> Window:
        windows.append(Window(browser, f"http://{chat.host}:{chat.port}", **how))
        return windows[-1]

    yield open_window
    for window in windows:
        window.context.close()
    assert [window.errors for window in windows if window.errors] == []
