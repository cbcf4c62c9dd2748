"""A server for tests of bundled plugins where no socket matters: as `greenchat.testing.serving`, but in the thread of
the test, by `greenchat.testing.Chat`. What peers read is there at once, or does not come."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import entry_points
from pathlib import Path

from greenchat.testing import Chat


class SocketlessPeer:
    """Reads and writes lines, plain or JSON, as `greenchat.testing.Peer` does."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._codec = ""
        self._person = None
        self._lines: list[str] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *lines: str) -> None:
        if self._person is None:  # by its first words it is known what it speaks
            self._person = self._chat.connect(kind="json" if lines[0].startswith("{") else "plain")
        if self._person.session.closing is None:
            self._person.sends(*lines)

    def read(self) -> str:
        """The next line; empty once the server has closed."""
        if not self._lines:
            self._take()
        if self._lines:
            return self._lines.pop(0)
        assert self._person.session.closing is not None, "nothing more was told"
        return ""

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
            self._person.vanishes()


class SocketlessServer:
    """See `greenchat.testing.ServerThread`."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.server = chat.server
        self.peers = ExitStack()
        self.call = chat.run

    def connect(self) -> SocketlessPeer:
        return SocketlessPeer(self.chat)

    def join(self, name: str, room: str = "") -> SocketlessPeer:
        peer = self.connect()
        peer.send(f"JOIN|{name}|{room}" if room else f"JOIN|{name}")
        welcome = peer.read()
        assert welcome.startswith("INFO|Welcome"), welcome
        return peer


@contextmanager
def serving(
    *plugins: object, settings: Mapping[str, object] | None = None, data_dir: Path | None = None
) -> Iterator[SocketlessServer]:
    """All installed plugins are there, but for those that `settings` disable, and those that serve sockets alone."""
    settings = dict(settings or {})
    without = {*settings.pop("server.disabled_plugins", ()), "web", "metrics", "signpost"}
    installed = sorted({entry.name for entry in entry_points(group="greenchat")} - without)
    with Chat(*plugins, *installed, settings=settings, data_dir=data_dir) as chat:
        yield SocketlessServer(chat)
