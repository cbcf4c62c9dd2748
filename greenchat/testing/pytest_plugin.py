"""Fixtures for the tests of plugins, wherever greenchat is installed: `greenchat_chat` and `greenchat_server`.

Nothing of greenchat is loaded before a test asks for it: this is part of every run of pytest in its environment.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from greenchat.testing.chat import Chat
    from greenchat.testing.live import ServerThread


@pytest.fixture
def greenchat_chat() -> "Iterator[Callable[..., Chat]]":
    """Makes chats without sockets, with your plugins: `chat = greenchat_chat(dice)`; see `greenchat.testing.Chat`."""
    from greenchat.testing.chat import Chat

    with ExitStack() as chats:
        yield lambda *plugins, **more: chats.enter_context(Chat(*plugins, **more))


@pytest.fixture
def greenchat_server() -> "Iterator[Callable[..., ServerThread]]":
    """Makes real servers on free ports, with your plugins: `server = greenchat_server(dice)`; see
    `greenchat.testing.serving`."""
    from greenchat.testing.live import serving

    with ExitStack() as servers:
        yield lambda *plugins, **more: servers.enter_context(serving(*plugins, **more))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("greenchat").addoption(
        "--greenchat-watchdog", metavar="FILE", type=Path, help="Write there which plugin holds the event loop."
    )


def pytest_configure(config: pytest.Config) -> None:
    if file := config.getoption("--greenchat-watchdog", None):
        from greenchat.testing.watching import watch

        watch(file)


_MADE = pytest.StashKey[Any]()  # the chats that there were before a test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    item.stash[_MADE] = _open_chats()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """What a test has made and not closed is closed behind it."""
    try:
        return (yield)
    finally:
        for chat in _open_chats() - item.stash.get(_MADE, _open_chats()):
            chat.close()


def pytest_sessionfinish() -> None:
    for chat in _open_chats():
        chat.close()


def _open_chats() -> "set[Chat]":
    module = sys.modules.get("greenchat.testing.chat")
    return set(module.OPEN) if module is not None else set()
