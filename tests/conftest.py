"""Fixtures that several test files share, and which tests run beside which."""

import gc
import os
import signal
import tempfile
from collections.abc import Iterator

import pytest
from kit.zones import berlin as berlin
from kit.zones import utc as utc
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


# Where files lie in memory, on most Linux; and how much room there must be, a few times of what all tests take.
MEMORY, ROOM = "/dev/shm", 2 << 30


# What those who run the tests have chosen for themselves is nothing for them; and nothing of theirs is put there.
os.environ["XDG_CONFIG_HOME"] = os.devnull
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"


def pytest_configure(config: pytest.Config) -> None:
    """Where tests run beside each other, their files lie in memory, if they may be run from there: each of a thousand
    servers makes its databases anew, and would wait for the disk of all. One file alone, and the long proofs, use it.
    """
    if not config.getoption("numprocesses", None) or "TMPDIR" in os.environ:
        return
    try:
        place = os.statvfs(MEMORY)
    except OSError:
        return
    if place.f_bavail * place.f_frsize >= ROOM and not place.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = MEMORY
        tempfile.tempdir = None  # it is looked for once


# How many new objects there are before garbage is looked for: a server makes a hundred thousand, Python takes 700.
OBJECTS = 10_000


def pytest_collection_finish() -> None:
    """All that was imported and collected stays to the end: nobody needs to look for garbage in it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS)


# Half of what the browsers have to do.
SECOND = ("people", "places", "text")


class TwoBrowsers(LoadScopeScheduling):
    """The tests of the web page run in two processes, first of all and beside all others: a browser takes as much of a
    machine as it gets, and more of them are no quicker. All other tests go one by one to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        if "/system/" in file:
            return file  # what its tests share takes long to be made
        if "/test_web_page" not in file:
            return nodeid
        return "the second browser" if file.removesuffix(".py").endswith(SECOND) else "the first browser"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> TwoBrowsers:
    return TwoBrowsers(config, log)
