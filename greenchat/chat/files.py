"""Files that come with messages: who keeps them, and which are still named by a message. No socket, no disk.

A message has the names of its files, see `File`, and what keeps messages keeps these with it. The files themselves are
with whoever sets `link` and `gone`: a plugin.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from msgspec.structs import replace

from greenchat.protocol.events import File, Message

# Asks who keeps messages: which of these files does some message name? Raises `Reject` where that cannot be read.
Source = Callable[[Sequence[str]], Iterable[str]]


class Files:
    """`link` returns a file with new addresses, for whoever reads the message now. `gone` is called with the ids of
    files once a message with them was deleted; another message may name them all the same. `sources`, by what
    they are called, are asked which of some files are named by what they keep."""

    def __init__(self) -> None:
        self.link: Callable[[File], File] = attrgetter("as_kept")
        self.gone: Callable[[Sequence[str]], object] = _nothing
        self.sources: dict[str, Source] = {}

    def linked(self, files: Iterable[File]) -> list[File]:
        return [self.link(file) for file in files]

    def told(self, files: list[File] | None, given: str, text: str) -> list[File] | None:
        """`files` as they are told with a `text` that was `given` otherwise. The first is called as a check has made it
        of its name, where that alone was given."""
        if files and text != given == files[0].name:
            files = [replace(files[0], name=text), *files[1:]]
        return files and self.linked(files)

    def deleted(self, message: Message) -> None:
        """It is not there any more."""
        if message.files:
            self.gone([file.id for file in message.files])


def _nothing(ids: Sequence[str]) -> None:
    """Nobody keeps any."""
