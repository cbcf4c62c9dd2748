"""From a room to all who are in it: what was told in a row, encoded once for each codec, and how far it has got.

A batch that would take more than its share of a turn of the event loop goes on in the next. Each member gets each batch
once, and one after the other, whoever comes, goes or speaks meanwhile.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from greenchat.chat.cascade import Cause
from greenchat.codecs import Codec
from greenchat.protocol.events import Away, Event, Message

if TYPE_CHECKING:
    from greenchat.chat.room import Member

log = logging.getLogger("greenchat.fanout")

# How many are delivered to before the clock is looked at: half a millisecond, or a few where a batch is large.
CHUNK = 64

Deliver = Callable[[Iterable[Any], bytes], None]

_OUTBOX = attrgetter("outbox")


class Turns(Protocol):
    """The turns of an event loop. See turns.py."""

    def is_long(self) -> bool:
        """Whether this turn has lasted so long that what can wait should."""

    def at_end(self, function: Callable[[], object]) -> None:
        """Call `function` at the end of this turn."""

    def later(self, function: Callable[[], object]) -> None:
        """Call `function` in the next turn, or in one after that."""

    def breathe(self) -> None:
        """Let the others have their turn, where this one is long: who calls it waits for the next."""


class EventBatch:
    """Events in a row: messages, or one event of another kind. `origin` does not get them back; the words in them, if
    there are any, are the `author`'s."""

    __slots__ = ("_encoded", "author", "cause", "events", "origin", "time")

    def __init__(self, origin: "Member | None", *events: Event, author: "Member | None" = None) -> None:
        self.origin = origin
        self.author = author or origin
        self.events: list[Event] = list(events)
        self.cause: Cause | None = None  # what a plugin was told of, that has made it do this
        self.time = datetime.now(UTC)  # one clock reading for the run: what is said in one turn is said at once
        self._encoded: dict[Codec, bytes] = {}

    def encode(self, codec: Codec) -> bytes:
        """The run as bytes; to be called only when nothing is added any more."""
        data = self._encoded.get(codec)
        if data is None:
            one = len(self.events) == 1
            try:
                data = codec.encode(self.events[0]) if one else codec.encode_run(self.events)  # type: ignore[arg-type]
                if type(data) is not bytes:
                    raise TypeError(f"a codec has made {type(data).__name__} instead of bytes")
            except BaseException:  # a codec may be a plugin's, and so may be the kind of an event
                data = self._encode_each(codec)
            self._encoded[codec] = data
        return data

    def _encode_each(self, codec: Codec) -> bytes:
        """What can be encoded of it: what cannot be sent is not to take along what others have said in this turn."""
        encoded = []
        for event in self.events:
            try:
                encoded.append(b"" + codec.encode(event))
            except BaseException:
                log.exception("%s cannot be written by %s, and is not sent", _kind(event), _kind(codec))
        return b"".join(encoded)


class Batch:
    """Runs on their way to `members`: each gets those from the one on that `newcomers` has for it, but for its own and
    for those that it does not want to read, of which `choosy` are. Most get all of them, which are the same bytes."""

    __slots__ = ("_apart", "_at", "_data", "_deliver", "_due", "_newcomers", "_runs", "_special", "_whole")

    def __init__(
        self,
        runs: "Sequence[EventBatch]",
        members: "Iterable[Member]",
        newcomers: "Mapping[Member, int]",
        choosy: "Iterable[Member]",
        deliver: Deliver,
    ) -> None:
        self._runs = runs
        self._newcomers = newcomers
        self._deliver = deliver
        self._data: dict[Codec, bytes] = {}
        self._at = 0  # how many of the first of `_whole`, or of `_apart` before that, have got it
        self._due: set[Member] | None = None  # who has not, once it takes more than one turn
        self._special: set[Member | None] = {run.origin for run in runs}
        self._special.update(newcomers)
        self._special.update(choosy)
        self._apart: list[Member] = []
        whole: defaultdict[Codec, list[Member]] = defaultdict(list)
        for member in members:
            if member in self._special:
                self._apart.append(member)
            else:
                whole[member.codec].append(member)
        self._whole = list(whole.items())

    def go_on(self, is_long: Callable[[], bool]) -> bool:
        """Deliver to more of them, as long as this turn is not long. Whether all have got it."""
        while self._apart or self._whole:
            if self._apart:
                members = self._apart
                for member in self._next(members):
                    self._deliver_to(member)
            else:
                codec, members = self._whole[-1]
                self._deliver(map(_OUTBOX, self._next(members)), self._encode(codec))
            if self._at == len(members):
                self._at = 0
                if self._apart:
                    self._apart = []
                else:
                    self._whole.pop()
            if is_long():
                self.wait()
                break
        return not self._apart and not self._whole

    def wait(self) -> None:
        """Remember who is still to get it: it goes on in another turn, and some may have left by then."""
        if self._due is None:
            self._due = set()
            for members in (*(members for _, members in self._whole), self._apart):
                self._due.update(members)
            self._due.difference_update((self._apart or (self._whole[-1][1] if self._whole else []))[: self._at])

    def hand_over(self, member: "Member") -> None:
        """Deliver it to `member`, who is about to leave, at once: if it has not got it yet."""
        if self._due is not None and member in self._due:
            self._due.discard(member)
            self._deliver_to(member)

    def _next(self, members: "list[Member]") -> "list[Member]":
        chunk = members[self._at : self._at + CHUNK]
        self._at += len(chunk)
        if self._due is not None:
            chunk = [member for member in chunk if member in self._due]
            self._due.difference_update(chunk)
        return chunk

    def _encode(self, codec: Codec) -> bytes:
        """All of it."""
        data = self._data.get(codec)
        if data is None:
            data = self._data[codec] = b"".join([run.encode(codec) for run in self._runs])
        return data

    def _deliver_to(self, member: "Member") -> None:
        if member in self._special:
            deliver_part(self._runs[self._newcomers.get(member, 0) :], member, self._deliver)
        else:
            self._deliver((member.outbox,), self._encode(member.codec))


def deliver_part(runs: Sequence[EventBatch], member: "Member", deliver: Deliver) -> None:
    """Deliver to one member what `runs` hold for it: all but its own, and what those say whom it ignores."""
    ignored = member.ignored
    data = b"".join(
        [
            run.encode(member.codec)
            for run in runs
            if run.origin is not member
            and not (
                ignored and run.author and isinstance(run.events[0], Message | Away) and ignored.covers(run.author)
            )
        ]
    )
    if data:
        deliver((member.outbox,), data)


def _kind(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
