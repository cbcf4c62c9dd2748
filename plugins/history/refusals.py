"""What is told where history cannot be kept or read, to whom; and what becomes of numbers then."""

from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from greenchat import Reject

from .changes import Change
from .runs import Run

# By how much the next rev of a room is ahead of its number, where that has to be looked at anew: never so much.
UNKNOWN = -(2**62)


def off() -> Reject:
    """The answer to who wants to read while history is off."""
    return Reject("History is off at the moment. Try again later.", code="history_off")


def not_stored() -> Reject:
    return Reject("This was said, but could not be kept: history is off. Do not send it again.", code="not_stored")


def unknown() -> Reject:
    """The answer to who says with a key what may have been said before, while nobody can look."""
    text = "History is off: whether this was said before is not known, so it was not said now. Send it again later."
    return Reject(text, code="try_again")


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


def moved(item: Run | Change, seqs: int, revs: int, since: datetime | None) -> Run | Change:
    """The same with higher numbers, and not before `since`."""
    if isinstance(item, Run):
        time = item.time if since is None else max(item.time, since)
        answered = item.reply_to and item.reply_to + seqs
        return replace(item, seq=item.seq + seqs, rev=item.rev + revs, time=time, reply_to=answered)
    more = item.more and replace(item.more, reply_to=item.more.reply_to and item.more.reply_to + seqs)
    return replace(item, rev=item.rev + revs, last=item.last + seqs, seq=item.seq and item.seq + seqs, more=more)
