"""What is to be said, in order: each line goes into the room in which its writer saw it go, or nowhere."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from greenchat.client import RefusedError
from greenchat.connect.commands import Commands, Run
from greenchat.connect.common import is_logout
from greenchat.connect.draft import is_command
from greenchat.connect.said import JOIN
from greenchat.connect.stale import may_mean_another

NO_ROOM = "You are in no room. /join ROOM takes you to one, and /rooms lists them."
NOT_THERE = "You have not come into the room that this was for."
STALE = "It might mean somebody or something else by now. If it still holds, type it again."


class Journey:
    """A /join on its way: what is typed behind it is for the room it leads to, the `room`; empty for nowhere."""

    def __init__(self) -> None:
        self.room = ""


class Entry(NamedTuple):
    """One line as it is to be sent, and where it goes; `number` is for who has counted the lines. `run` is what is sent
    for it, where that is not the line itself."""

    line: str
    place: str | Journey
    journey: Journey | None
    number: int
    run: Run | None = None

    @property
    def room(self) -> str:
        return self.place if isinstance(self.place, str) else self.place.room


class Talk(Protocol):
    """Where it is said: see `Conversation`."""

    commands: Commands

    @property
    def room(self) -> str: ...
    @property
    def busy(self) -> bool: ...
    @property
    def pending(self) -> int: ...
    @property
    def led_to(self) -> str: ...

    def say(self, line: str, room: str, run: Run | None = None) -> int: ...
    def keeps_numbers(self, room: str) -> bool: ...


class Outgoing:
    """Lines that wait, mostly because a command has to be answered first.

    `refuse` is told what cannot be said, and why; `sent` under which ref the others went.
    """

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.refuse: Callable[[Entry, str], None] = lambda entry, why: None
        self.sent: Callable[[Entry, int], None] = lambda entry, ref: None
        self._entries: deque[Entry] = deque()
        self._ahead: Journey | None = None  # the latest that has not come to its end
        self._under_way: Journey | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, line: str, number: int = 0, run: Run | None = None) -> Entry:
        """`line` goes into the room that is seen now; behind a /join, into the one that this leads to."""
        self._arrive()
        journey = Journey() if JOIN.match(line) else None
        entry = Entry(line, self._ahead or self._talk.room, journey, number, run)
        self._entries.append(entry)
        self._ahead = journey or self._ahead
        return entry

    def send(self, most: int = 0) -> None:
        """Say what waits, but for what has to wait for an answer; with `most`, as long as fewer than that are pending.

        Raises `DisconnectedError`.
        """
        while self._entries and not self._talk.busy and not 0 < most <= self._talk.pending:
            self._arrive()
            self._send(self._entries[0])
            self._entries.popleft()  # not before: a connection that is lost leaves it here

    def lost(self) -> None:
        """The connection is lost: a /join without an answer leads nowhere."""
        self._arrive()

    def back(self) -> None:
        """The connection is there again: what has waited for it is still said, but for what may mean another by now."""
        entries = self.drop()
        self._entries += (entry for entry in entries if not self._is_stale(entry))
        for entry in filter(self._is_stale, entries):
            self.refuse(entry, STALE)

    @property
    def is_logging_out(self) -> bool:
        """Whether a /logout is among them."""
        return any(is_logout(entry.line) for entry in self._entries)

    def drop(self) -> list[Entry]:
        """What has not been said, and will not be any more."""
        entries = [*self._entries]
        self._entries.clear()
        return entries

    def _send(self, entry: Entry) -> None:
        if not entry.room and entry.journey is None:
            if isinstance(entry.place, Journey):
                self.refuse(entry, NOT_THERE)
                return
            if not is_command(entry.line):
                self.refuse(entry, NO_ROOM)
                return
        try:
            ref = self._talk.say(entry.line, entry.room, entry.run)
        except RefusedError as refusal:
            self.refuse(entry, str(refusal))
        else:
            self._under_way = entry.journey
            self.sent(entry, ref)

    def _is_stale(self, entry: Entry) -> bool:
        same = self._talk.keeps_numbers(entry.room)
        line = entry.run.line if entry.run is not None else entry.line
        somebody = self._talk.commands.names_somebody(line)
        return is_command(line) and may_mean_another(line, same_numbers=same, names_somebody=somebody)

    def _arrive(self) -> None:
        """See where the latest /join has led, once it is answered."""
        journey = self._under_way
        if journey is not None and not self._talk.busy:
            journey.room = self._talk.led_to
            self._under_way = None
            if self._ahead is journey:
                self._ahead = None
