"""Servers whose program is replaced while people are there."""

import re
import signal
from pathlib import Path

from greenchat.testing import DEADLINE
from kit.machine import eventually

# A plugin with a command that answers with a word.
SAYER = """
from greenchat import Command, hookimpl

@hookimpl
def greenchat_commands():
    return [Command("sayer", "", "Say it.", lambda session, argument: session.info("{}"))]
"""

DONE = re.compile(r"another program goes on with [\d,]+ connections?: nobody was served for ([\d.]+) ms")


class Handovers:
    """Those of one `greenchat serve` whose log is `log`, and whose plugin, in `directory`, says a word."""

    def __init__(self, tmp_path: Path) -> None:
        self.data_dir = tmp_path / "data"
        self.data_dir.mkdir()
        self.directory = tmp_path / "plugins"
        self.directory.mkdir()
        self._words = 0
        self.change()

    @property
    def arguments(self) -> list[str]:
        return ["--plugins-dir", str(self.directory), "--set", "limits.connections_per_address=0"]

    @property
    def log(self) -> str:
        return (self.data_dir / "stderr.log").read_text()

    @property
    def pauses(self) -> list[float]:
        """How long nobody was served, at each, in seconds."""
        return [float(milliseconds) / 1000 for milliseconds in DONE.findall(self.log)]

    def change(self) -> str:
        """Have the plugin say another word, from the next program on; the word."""
        self._words += 1
        (self.directory / "sayer.py").write_text(SAYER.format(f"word {self._words}"))
        return f"word {self._words}"

    def hang_up(self, serving) -> None:
        serving.process.send_signal(signal.SIGHUP)

    def hand_over(self, serving) -> str:
        """Have another program take the place of the one that serves; the word that its plugin says."""
        before = len(self.pauses)
        word = self.change()
        self.hang_up(serving)
        self.wait_for(before + 1)
        return word

    def wait_for(self, count: int) -> None:
        eventually(lambda: len(self.pauses) >= count, lambda: self.log, DEADLINE)

    def logged(self, text: str) -> None:
        """Wait until it is in the log."""
        eventually(lambda: text in self.log, text)
