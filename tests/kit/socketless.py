"""A server for tests of bundled plugins where no socket matters: as `greenchat.testing.serving`, but in the thread of
the test, by `greenchat.testing.Chat`. What peers read is there at once, but for what waits for a real clock."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import gevent

from greenchat.hooks.finding import GROUP
from greenchat.testing import DEADLINE, NO_REPLAY, Chat

# From one look to the next at whether more was told, in seconds.
LOOK_SECONDS = 0.005


class SocketlessPeer:
    """Reads and writes lines, plain or JSON, as `greenchat.testing.Peer` does."""

    def __init__(self, chat: Chat, address: str) -> None:
        self._chat = chat
        self._address = address
        self._person = None
        self._at_work = None  # the greenlet that deals with what was sent last
        self._lines: list[str] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *lines: str) -> None:
        if not lines:
            return
        self._appear(lines[0])
        self._work("".join(f"{line}\n" for line in lines).encode())

    def _appear(self, first: str = "") -> None:
        """By its first words it is known what it speaks."""
        if self._person is None:
            kind = "json" if first.startswith("{") else "plain"
            self._person = self._chat.connect(kind=kind, address=self._address)

    def _work(self, data: bytes) -> None:
        """Have it dealt with, or the connection lost where it is empty, after all that was sent before. As on a
        connection of its own, nobody else waits for what takes its time there."""
        session, before = self._person.session, self._at_work

        def work() -> None:
            if before is not None:
                before.join()
            if session.closing is None:
                session.take(data) if data else session.vanish()

        self._at_work = gevent.spawn(work)
        self._chat.settle()

    def read(self) -> str:
        """The next line; empty once the server has closed. Raises `TimeoutError`."""
        self._appear()
        until = time.monotonic() + DEADLINE
        while not self._lines:
            is_over = self._person.session.closing is not None
            self._take()
            if self._lines or is_over:
                break
            if time.monotonic() > until:
                raise TimeoutError("nothing more was told")
            gevent.sleep(LOOK_SECONDS)
            self._chat.settle()
        return self._lines.pop(0) if self._lines else ""

    def _take(self) -> None:
        told = self._person.session.outbox.data
        self._lines += b"".join(told).decode().split("\n")[:-1]
        told.clear()

    def expect(self, *lines: str) -> None:
        for line in lines:
            got = self.read()
            assert got == line, f"expected {line!r}, got {got!r}"

    def read_until(self, line: str) -> list[str]:
        before: list[str] = []
        while (got := self.read()) != line:
            assert got, f"the server closed before {line!r}; it said {before}"
            before.append(got)
        return before

    def expect_closed(self) -> None:
        got = self.read()
        assert got == "", f"expected the end, got {got!r}"

    def close(self) -> None:
        if self._person is not None and self._person.session.closing is None:
            self._work(b"")


class SocketlessServer:
    """See `greenchat.testing.ServerThread`."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.server = chat.server
        self.peers = ExitStack()
        self.call = chat.run

    def connect(self, host: str = "") -> SocketlessPeer:
        """`host` is the address that it comes from."""
        return SocketlessPeer(self.chat, f"{host}:{50001 + len(self.chat.people)}" if host else "")

    def join(self, name: str, room: str = "") -> SocketlessPeer:
        peer = self.connect()
        peer.send(f"JOIN|{name}|{room}" if room else f"JOIN|{name}")
        welcome = peer.read()
        assert welcome.startswith("INFO|Welcome"), welcome
        return peer


@cache
def unasked() -> frozenset[str]:
    """The installed plugins that are there without anybody asking for them."""
    return frozenset(one.name for one in entry_points(group=GROUP) if not getattr(one.load(), "opt_in", False))


@contextmanager
def serving(
    *plugins: object, settings: Mapping[str, object] | None = None, data_dir: Path | None = None
) -> Iterator[SocketlessServer]:
    """All installed plugins are there, but for those that `settings` disable, those that are off unless somebody asks
    for them, and those that serve sockets alone."""
    settings = {**NO_REPLAY, **(settings or {})}
    without = {*settings.pop("server.disabled_plugins", ()), "web", "metrics", "signpost"}
    installed = sorted(unasked() - without)
    if "history" in without:
        settings = {path: value for path, value in settings.items() if not path.startswith("plugins.history.")}
    with Chat(*plugins, *installed, settings=settings, data_dir=data_dir) as chat:
        yield SocketlessServer(chat)
