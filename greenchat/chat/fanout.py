"""From a room to all sessions that show it: what was told in a row, encoded once for each codec, and how far it is.

A batch that would take more than its share of a turn of the event loop goes on in the next. Each session gets each
batch once, and one after the other, whoever comes, goes or speaks meanwhile.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Protocol

from greenchat.chat.batch import Deliver, EventBatch, MessageBatch, deliver_part
from greenchat.chat.cascade import caused_by, current
from greenchat.chat.ignoring import Reader
from greenchat.chat.outlet import Outlet
from greenchat.codecs import Codec
from greenchat.protocol.events import Event
from greenchat.protocol.runs import Messages

# How many are delivered to before the clock is looked at: half a millisecond, or a few where a batch is large.
CHUNK = 64

Observe = Callable[[Sequence[Event]], None]

# A batch goes out before the turn ends once this many messages wait for each member: handling so many takes several
# times as long as sending to one, so little is lost, and the receivers can work meanwhile. Half as many made ten in a
# room a tenth slower.
BATCH_PER_MEMBER = 64

# ... and once so many wait in all: 200 KB or so, which are still in the processor's cache while they are copied to a
# thousand sockets, and a bound on how late the first of them can be. Twice as many made a hall a tenth slower.
BATCH_MESSAGES = 2048

# ... and once so many things have happened, of whatever kind: who leaves is given all of them at once, so when
# thousands leave they must not be too many.
BATCH_RUNS = 256

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


class DeliveryStats:
    """What the rooms of a chat have carried so far: messages said, and how many times one was delivered to a member."""

    __slots__ = ("deliveries", "messages")

    def __init__(self) -> None:
        self.messages = 0
        self.deliveries = 0


class Batch:
    """Runs on their way to `listeners`: each gets those from the one on that `newcomers` has for it, but for those that
    it does not want to read, of which `choosy` are, and those that are its own. Most get all of them, which are the
    same bytes."""

    __slots__ = (
        "_apart",
        "_at",
        "_data",
        "_deliver",
        "_due",
        "_listeners",
        "_newcomers",
        "_runs",
        "_special",
        "_whole",
    )

    def __init__(
        self,
        runs: "Sequence[EventBatch]",
        listeners: Mapping[Outlet, Reader],
        newcomers: Mapping[Outlet, int],
        choosy: Iterable[Outlet],
        deliver: Deliver,
    ) -> None:
        self._runs = runs
        self._newcomers = newcomers
        self._deliver = deliver
        self._data: dict[Codec, bytes] = {}
        self._at = 0  # how many of the first of `_whole`, or of `_apart` before that, have got it
        self._due: set[Outlet] | None = None  # who has not, once it takes more than one turn
        self._special: set[Outlet] = set(newcomers)
        self._special.update(choosy)
        for run in runs:
            self._special.update(run.apart)
        self._apart: list[Outlet] = []
        whole: defaultdict[Codec, list[Outlet]] = defaultdict(list)
        for outlet in listeners:
            if outlet in self._special:
                self._apart.append(outlet)
            else:
                whole[outlet.shared_codec].append(outlet)
        self._whole = list(whole.items())
        self._listeners = {outlet: listeners[outlet] for outlet in self._apart}

    def go_on(self, is_long: Callable[[], bool]) -> bool:
        """Deliver to more of them, as long as this turn is not long. Whether all have got it."""
        while self._apart or self._whole:
            if self._apart:
                outlets = self._apart
                for outlet in self._next(outlets):
                    self._deliver_to(outlet)
            else:
                codec, outlets = self._whole[-1]
                self._deliver(map(_OUTBOX, self._next(outlets)), self._encode(codec))
            if self._at == len(outlets):
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
            for outlets in (*(outlets for _, outlets in self._whole), self._apart):
                self._due.update(outlets)
            self._due.difference_update((self._apart or (self._whole[-1][1] if self._whole else []))[: self._at])

    def hand_over(self, outlet: Outlet) -> None:
        """Deliver it to `outlet`, who is not to wait for its turn, at once: if it has not got it yet."""
        if self._due is not None and outlet in self._due:
            self._due.discard(outlet)
            self._deliver_to(outlet)

    def _next(self, outlets: list[Outlet]) -> list[Outlet]:
        chunk = outlets[self._at : self._at + CHUNK]
        self._at += len(chunk)
        if self._due is not None:
            chunk = [outlet for outlet in chunk if outlet in self._due]
            self._due.difference_update(chunk)
        return chunk

    def _encode(self, codec: Codec) -> bytes:
        """All of it."""
        data = self._data.get(codec)
        if data is None:
            data = self._data[codec] = b"".join([run.encode(codec) for run in self._runs])
        return data

    def _deliver_to(self, outlet: Outlet) -> None:
        reader = self._listeners.get(outlet)
        if reader is not None:
            deliver_part(self._runs[self._newcomers.get(outlet, 0) :], outlet, reader, self._deliver)
        else:
            self._deliver((outlet.outbox,), self._encode(outlet.shared_codec))


class Fanout:
    """What has been told in a room, on its way to all its `listeners`, the sessions that show it, each with whose it
    is: the runs of this turn, and those before them that take more than one.

    `turns` are the event loop's. `deliver(outboxes, data)` sends bytes to each of some members; it neither blocks, nor
    changes who is in a room. `observe(events)` is told what all members have been told, or are being told. `stats` is
    counted once a flush, not once a message.
    """

    __slots__ = (
        "_batches",
        "_choosy",
        "_deliver",
        "_newcomers",
        "_observe",
        "_runs",
        "_stats",
        "_told",
        "_turns",
        "_when_calm",
        "listeners",
        "talk",
        "told_quits",
        "waiting",
    )

    def __init__(self, turns: Turns, deliver: Deliver, observe: Observe, stats: DeliveryStats) -> None:
        self.listeners: dict[Outlet, Reader] = {}
        self._turns = turns
        self._deliver = deliver
        self._observe = observe
        self._stats = stats
        self._runs: list[EventBatch] = []
        self._batches: deque[Batch] = deque()  # what takes more than one turn to go out, and what waits behind it
        self._when_calm: list[Callable[[], object]] = []
        self._newcomers: dict[Outlet, int] = {}  # who joined in this turn -> the first run that is for them
        self._choosy: set[Outlet] = set()  # who ignores somebody
        self.told_quits: set[Outlet] = set()  # who is told once that somebody has left the chat
        self.talk: MessageBatch | None = None  # the last run, while its origin may add messages to it
        self._told = 0  # how many of the runs there were when something else than a message was told last
        self.waiting = 0  # messages that were said since the last flush

    def tell(self, run: EventBatch) -> None:
        """Tell everybody, at the end of this turn."""
        self._append(run)
        self._told = len(self._runs)
        self.talk = None
        self.mark_cause()

    def begin_talk(self, run: MessageBatch) -> None:
        """As `tell`, where its origin may say more."""
        self._append(run)
        self.talk = run

    def mark_cause(self) -> None:
        """What was told or said last was caused by whatever makes this greenlet do what it does."""
        self._runs[-1].cause = current()

    def came(self, outlet: Outlet, reader: Reader) -> None:
        """`outlet`, a session of `reader`, shows the room from now on, and gets only what comes after."""
        self.talk = None  # what is said from now on is for it
        self.listeners[outlet] = reader
        if self._runs:  # else it is for them from the first on, as for everybody
            self._newcomers[outlet] = len(self._runs)
        self.mind_ignored(outlet)
        if getattr(outlet.codec, "quits", False):
            self.told_quits.add(outlet)

    def mind_ignored(self, outlet: Outlet) -> None:
        """To be called when whom its reader ignores has changed."""
        reader = self.listeners.get(outlet)
        if reader is not None and reader.ignored:
            self._choosy.add(outlet)
        else:
            self._choosy.discard(outlet)

    def went(self, outlet: Outlet) -> None:
        """`outlet` shows it no more, and gets all that came before, at once."""
        if outlet in self.listeners:
            self.talk = None
            self.catch_up(outlet)
            self._choosy.discard(outlet)
            self.told_quits.discard(outlet)
            self._newcomers.pop(outlet, None)
            del self.listeners[outlet]

    def catch_up(self, outlet: Outlet) -> None:
        """Deliver to `outlet` at once what was told so far: it is about to go, or to be told something else."""
        reader = self.listeners.get(outlet)
        if reader is None:
            return
        for batch in self._batches:
            batch.hand_over(outlet)
        start = self._newcomers.get(outlet, 0)
        if start < len(self._runs):
            runs = self._runs[start:]
            self._newcomers[outlet] = len(self._runs)
            self.talk = None  # what it has got must not grow any more
            deliver_part(runs, outlet, reader, self._deliver)
            # The flush takes it that each message goes to all sessions but one, its sender, and not to newcomers.
            self._stats.deliveries += _messages(runs)

    def catch_up_with_events(self, outlet: Outlet) -> None:
        """The same, if there is anything but messages among it: those are so many that they should go out together."""
        if self._told > self._newcomers.get(outlet, 0) or self._batches:
            self.catch_up(outlet)

    def flush_if_large(self) -> None:
        """Do not wait for the end of the turn where enough is waiting."""
        if self.waiting >= min(BATCH_MESSAGES, BATCH_PER_MEMBER * len(self.listeners)):
            self.flush()

    @property
    def is_busy(self) -> bool:
        """Whether what was told is still going out, and who has more to say should wait: see `when_calm`."""
        return bool(self._batches)

    @property
    def is_at_rest(self) -> bool:
        """Whether all that was told has gone out, and nobody waits for that."""
        return not (self._runs or self._batches or self._when_calm)

    def send_all(self) -> None:
        """Deliver all that was told so far at once, however long it takes."""
        self.flush()
        while self._batches:
            self._batches.popleft().go_on(lambda: False)
        self._go_on()

    def when_calm(self, function: Callable[[], object]) -> None:
        """Call `function` once all that was told has gone out."""
        self._when_calm.append(function)

    def flush(self) -> None:
        """Deliver to every session what this turn brought: at once, or behind what is still going out to them."""
        runs, newcomers = self._runs, self._newcomers
        if not runs:
            return
        messages, self.waiting = self.waiting, 0
        self._stats.messages += messages
        self._stats.deliveries += messages * (len(self.listeners) - 1)
        for start in newcomers.values():
            self._stats.deliveries -= _messages(runs[:start])
        self._runs, self._newcomers, self.talk, self._told = [], {}, None, 0
        if self.listeners:
            self._send(Batch(runs, self.listeners, newcomers, self._choosy, self._deliver))
        for run in runs:
            if type(run) is MessageBatch:
                run.close()
            if run.cause is None:
                self._observe(run.events)
            else:
                with caused_by(run.cause):
                    self._observe(run.events)

    def _send(self, batch: Batch) -> None:
        if self._batches:
            batch.wait()
            self._batches.append(batch)
        elif not batch.go_on(self._turns.is_long):
            self._batches.append(batch)
            self._turns.later(self._go_on)

    def _end_turn(self) -> None:
        if self._turns.is_long():
            self._turns.later(self._end_turn)
        elif not self._batches:  # else it goes out once these have, with what comes until then
            self.flush()

    def _go_on(self) -> None:
        """Deliver more of what has taken too long for the turns before."""
        while self._batches:
            if not self._batches[0].go_on(self._turns.is_long):
                self._turns.later(self._go_on)
                return
            self._batches.popleft()
        self._end_turn()
        functions, self._when_calm = self._when_calm, []
        for function in functions:
            self._turns.later(function)

    def _append(self, run: EventBatch) -> None:
        if not self._runs:
            self._turns.at_end(self._end_turn)
        elif len(self._runs) >= BATCH_RUNS:
            self.flush()
        self._runs.append(run)


def _messages(runs: Sequence[EventBatch]) -> int:
    return sum(len(run.events) for run in runs if type(run.events) is Messages)
