"""Who is told what becomes of the keeping."""

from typing import Protocol


class Watcher(Protocol):
    """Who is told what becomes of the keeping. None of it may wait."""

    def went_off(self, problem: Exception) -> None:
        """What is said from now on may not be kept."""

    def went_on(self, lost: int) -> None:
        """What is said is kept again, and what was said meanwhile is, but for the `lost` messages."""

    def renumbered(self) -> None:
        """Sequence numbers of what was said already have been raised."""

    def wrote(self, messages: int) -> None:
        """So many were written at once."""
