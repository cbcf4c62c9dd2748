"""The long proofs: kills, attacks, soaks, long histories. Each has a small size, and a full one by `--full`."""

import time

import pytest

SEED = 2026


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("the long proofs")
    group.addoption("--full", action="store_true", help="the full size: about half an hour, each time at other moments")
    group.addoption("--seed", type=int, help=f"what is left to chance goes as with this number (else: {SEED})")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: a case of the full size alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        left_out = [item for item in items if item.get_closest_marker("full") is not None]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def full(pytestconfig: pytest.Config) -> bool:
    return pytestconfig.getoption("--full")


@pytest.fixture
def seed(pytestconfig: pytest.Config, full: bool) -> int:
    """The same in each small run, so that nobody's change fails by chance; another in each full one. What has failed
    tells it, and `--seed` repeats it."""
    given = pytestconfig.getoption("--seed")
    number = given if given is not None else time.time_ns() if full else SEED
    print(f"--seed {number}")
    return number
