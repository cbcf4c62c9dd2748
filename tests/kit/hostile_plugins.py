"""Servers with plugins that mean harm, or know no better, and what must hold with them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from greenchat.testing import ServerThread
from kit.failing import plugin_dir
from kit.processes import ServeProcess, serve_process


@contextmanager
def serve_hostile(tmp_path: Path, *arguments: str, short: str = "pass", **plugins: str) -> Iterator[ServeProcess]:
    """`greenchat serve` with these plugins, by their names; `short` is run before, to have deadlines that a test can
    wait for."""
    directory = tmp_path / "plugins"
    directory.mkdir(exist_ok=True)
    plugin_dir(directory, **plugins)
    command = [sys.executable, "-c", f"{short}; from greenchat.cli import main; main()"]
    with serve_process(tmp_path, "--plugins-dir", str(directory), *arguments, command=command) as server:
        yield server


def logged(tmp_path: Path) -> str:
    return (tmp_path / "stderr.log").read_text()


def talk_goes_on(server: ServerThread | ServeProcess, word: str = "still here") -> None:
    """Two who come now understand each other."""
    peers = []
    for name in "one", "other":
        peer = server.connect()
        peer.send(f"JOIN|{name}|elsewhere")
        assert peer.read().startswith("INFO|Welcome")
        peers.append(peer)
    one, other = peers
    one.send(f"MSG|{word}")
    while (line := other.read()) != f"MSG|one|{word}":
        assert line, "the server has closed"
    for peer in peers:
        peer.send("LEAVE")
        while peer.read():
            pass
        peer.close()
