"""Fixtures that several test files share."""

from collections.abc import Iterator

import pytest

from greenchat.testing import ServerThread, serving


@pytest.fixture
def server() -> Iterator[ServerThread]:
    """A server with the bundled plugins, its limits for floods and addresses off."""
    with serving() as running:
        yield running
