"""What was said and has happened in one conversation, in order, each once; and what has become of it."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from msgspec.structs import replace

from greenchat.client import renamed
from greenchat.protocol.events import Change, Deleted, Edited, Joined, Left, Message, Reacted, Renamed

# So many items of one conversation are kept, as many as somebody scrolls through in one go; the server has the others.
# They are dropped by some at once, so that a burst costs little.
KEPT = 1000
SLACK = 100

# So many changes are kept whose message has not come yet: an answer waits for a disk, and a page for a database.
EARLY = 200

# So many messages are kept that are only quoted here, some screens full.
QUOTES = 200

# What people do, that has no number.
Presence = Joined | Left | Renamed


@dataclass(frozen=True, slots=True)
class Gone:
    """The message `seq` was deleted. Its words are nowhere any more."""

    seq: int
    by: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What the server says to one alone, or of a room. `error`: something was refused."""

    text: str
    time: datetime
    error: bool = False


What = Message | Gone | Told | Presence


@dataclass(slots=True, eq=False)
class Item:
    """`seq` is the message's own number, or that of the message behind which it stands, and `order` is 0 or its place
    there. `key` is its own for as long as it is there, and `looks` rises with each change of what it looks like.
    `state` is that of what one says oneself: "queued", "sending", "stored", "failed" with `why`; empty for others'."""

    what: What
    seq: int
    order: int
    key: int
    state: str = ""
    why: str = ""
    looks: int = 0

    def change(self, what: What) -> None:
        if what != self.what:
            self.what = what
            self.looks += 1

    def become(self, state: str, why: str = "") -> None:
        if (state, why) != (self.state, self.why):
            self.state, self.why = state, why
            self.looks += 1


def _place(item: Item) -> tuple[int, int]:
    return item.seq, item.order


class Timeline:
    """`items` are in order; `waiting` stands behind them: what one has said, and which has no number yet. `older`: the
    server has more before them (None: it keeps nothing). `newer`: it has more behind them, so that nothing that
    happens now is added. `quotes` are messages that are too far back to be here, and are answered here; None for one
    that nobody has any more. `revision` rises with each change."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._by_seq: dict[int, Item] = {}
        self._once: set[tuple[str, str, datetime]] = set()
        self._early: dict[int, list[Change]] = {}
        self._keys = count(1)
        self.quotes: dict[int, Message | Gone | None] = {}
        self.items: list[Item] = []
        self.waiting: list[Item] = []
        self.older: bool | None = True
        self.newer = False
        self.revision = 0

    def __len__(self) -> int:
        return len(self.items) + len(self.waiting)

    @property
    def first(self) -> int:
        """The number of the first message that is here; 0 for none."""
        return next((item.seq for item in self.items if not item.order), 0)

    @property
    def last(self) -> int:
        return next((item.seq for item in reversed(self.items) if not item.order), 0)

    def item(self, seq: int) -> Item | None:
        return self._by_seq.get(seq)

    def message(self, seq: int) -> Message | None:
        """As it is now; None where it is not here, or was deleted."""
        item = self._by_seq.get(seq)
        return item.what if item is not None and isinstance(item.what, Message) else None

    def answered(self, seq: int) -> Message | Gone | None:
        """What is answered, as far as that is here."""
        item = self._by_seq.get(seq)
        if item is not None and isinstance(item.what, Message | Gone):
            return item.what
        return self.quotes.get(seq)

    def quote(self, seq: int, event: Message | Deleted | None) -> None:
        """This is answered here."""
        self.quotes[seq] = Gone(seq, event.by, event.time) if isinstance(event, Deleted) else event
        if len(self.quotes) > QUOTES:
            del self.quotes[next(iter(self.quotes))]
        self.revision += 1

    def is_gone(self, seq: int) -> bool:
        """Whether it is known that the message was deleted, also where it is not here."""
        item = self._by_seq.get(seq)
        if item is not None:
            return isinstance(item.what, Gone)
        return any(isinstance(change, Deleted) for change in self._early.get(seq, ()))

    def messages(self) -> Iterator[Message]:
        """From the latest on."""
        return (item.what for item in reversed(self.items) if isinstance(item.what, Message))

    # --- what comes ---

    def add(self, *events: What | Deleted, at_end: bool = True, state: str = "") -> list[Item]:
        """Returns what is new. What has no number stands behind the message before it. Where there is too much, it is
        dropped at the other end than the reader is: they are `at_end`."""
        numbered = next((event.seq for event in events if isinstance(event, Message | Deleted) and event.seq), 0)
        after = numbered - 1 if numbered else self.last
        added: list[Item] = []
        for event in events:
            if isinstance(event, Message | Deleted) and event.seq:
                after = event.seq
                item = self._put(event, state)
            elif isinstance(event, Deleted):
                continue
            else:
                item = self._stand_behind(after, event, state)
            if item is not None:
                added.append(item)
        self._bound(at_end)
        self.revision += 1
        return added

    def _put(self, event: Message | Deleted, state: str) -> Item | None:
        what: What = Gone(event.seq, event.by, event.time) if isinstance(event, Deleted) else event
        known = self._by_seq.get(event.seq)
        if known is None:
            item = Item(what, event.seq, 0, next(self._keys), state)
            self._by_seq[event.seq] = item
            self._insert(item)
            for change in self._early.pop(event.seq, ()):
                self.changed(change)
            return item
        if isinstance(known.what, Gone) and isinstance(what, Message) and not _is_other(known, what):
            return None  # an older page, that was on its way
        if isinstance(known.what, Message) and isinstance(what, Message):
            if known.what.id != what.id:  # a server that was killed has given the number again
                known.state = state
            elif what.rev < known.what.rev:
                return None
        known.change(what)
        return None

    def _stand_behind(self, after: int, event: Message | Told | Presence | Gone, state: str) -> Item | None:
        if isinstance(event, Joined | Left | Renamed):
            once = type(event).__name__, event.name, event.time
            if once in self._once:
                return None
            self._once.add(once)
        key = next(self._keys)
        item = Item(event, after, key, key, state)
        self._insert(item)
        return item

    def _insert(self, item: Item) -> None:
        if not self.items or _place(self.items[-1]) < _place(item):
            self.items.append(item)
        else:
            insort(self.items, item, key=_place)

    def renew(self, message: Message) -> None:
        """This is how it is now, whatever was known of it."""
        item = self._by_seq.get(message.seq)
        if item is None:
            self.add(message)
        else:
            item.change(message)
            self.revision += 1

    def changed(self, change: Change) -> Message | None:
        """This has become of a message. What it was before, if it is here."""
        item = self._by_seq.get(change.seq)
        quoted = self.quotes.get(change.seq)
        if isinstance(quoted, Message):
            self.quotes[change.seq] = _changed(quoted, change)
            self.revision += 1
        if item is None:
            self._early.setdefault(change.seq, []).append(change)
            if len(self._early) > EARLY:
                del self._early[next(iter(self._early))]
            return None
        before = item.what
        if not isinstance(before, Message) or 0 < change.rev <= before.rev:
            return before if isinstance(before, Message) else None
        self.revision += 1
        item.change(_changed(before, change))
        return before

    def renamed(self, event: Renamed) -> None:
        """Whoever has reacted is named by the name that they have now."""
        for item in self.items:
            if isinstance(item.what, Message) and item.what.reactions:
                item.change(renamed(item.what, event))
        self.revision += 1

    # --- what one says oneself ---

    def say(self, message: Message) -> Item:
        """`message` has no number yet, and waits for it behind all others."""
        item = Item(message, 0, 0, next(self._keys), "queued")
        self.waiting.append(item)
        self.revision += 1
        return item

    def settle(self, item: Item, message: Message, state: str = "stored") -> None:
        """It was said: `message` is how the server has it; without a number it stays the last that is here."""
        self.withdraw(item)
        known = self._by_seq.get(message.seq) if message.seq else None
        if known is None and not (message.seq and self.newer):
            added = self.add(message, state=state)
            for new in added:
                new.key = item.key if message.seq else new.key
        elif known is not None:
            known.become(state)
        self.revision += 1

    def adopt(self, item: Item) -> None:
        """What stood in another one: what was told, and what one says."""
        item.key = next(self._keys)
        if item.state in ("", "stored"):
            if isinstance(item.what, Told):
                self.add(item.what)
        else:
            self.waiting.append(item)
            self.revision += 1

    def withdraw(self, item: Item) -> None:
        if item in self.waiting:
            self.waiting.remove(item)
            self.revision += 1

    # --- bounds ---

    def _bound(self, at_end: bool) -> None:
        if len(self.items) > self._kept + SLACK:
            self.shrink(self._kept, at_end=at_end)

    def shrink(self, kept: int, *, at_end: bool = True) -> None:
        """Keep so many, the latest where the reader is `at_end`; what is dropped, the server may still have."""
        surplus = len(self.items) - kept
        if surplus <= 0:
            return
        if at_end:
            dropped, self.items = self.items[:surplus], self.items[surplus:]
            self.older = self.older if self.older is None else True
        else:
            dropped, self.items = self.items[kept:], self.items[:kept]
            self.newer = True
        for item in dropped:
            if not item.order:
                self._by_seq.pop(item.seq, None)
            elif isinstance(item.what, Joined | Left | Renamed):
                self._once.discard((type(item.what).__name__, item.what.name, item.what.time))
        self.revision += 1

    def cut(self, after: int) -> None:
        """Nothing that was behind this number is there any more."""
        self.quotes = {seq: what for seq, what in self.quotes.items() if seq <= after}
        at = bisect_left(self.items, (after + 1, 0), key=_place)
        if at < len(self.items):
            for item in self.items[at:]:
                if not item.order:
                    self._by_seq.pop(item.seq, None)
            del self.items[at:]
            self.revision += 1

    def clear(self) -> None:
        """But for what is waiting."""
        self.items.clear()
        self._by_seq.clear()
        self._once.clear()
        self._early.clear()
        self.quotes.clear()
        self.older, self.newer = True, False
        self.revision += 1

    def forget(self, seq: int) -> None:
        item = self._by_seq.pop(seq, None)
        if item is not None:
            self.items.remove(item)
            self.revision += 1


def _is_other(known: Item, message: Message) -> bool:
    """Whether a number that a deleted message had was given again."""
    return isinstance(known.what, Gone) and message.time > known.what.time


def _changed(before: Message, change: Change) -> Message | Gone:
    """What becomes of a message, unless it knows of that already."""
    if 0 < change.rev <= before.rev:
        return before
    match change:
        case Deleted(seq=seq, by=by, time=time):
            return Gone(seq, by, time)
        case Edited(text=text, time=time):
            return replace(before, text=text, edited=time, rev=change.rev or before.rev)
        case Reacted(by=by, emoji=emoji, on=on):
            return replace(_reacted(before, by, emoji, on), rev=change.rev or before.rev)


def _reacted(message: Message, by: str, emoji: str, on: bool) -> Message:
    reactions = {each: [*names] for each, names in (message.reactions or {}).items()}
    names = [name for name in reactions.pop(emoji, []) if name != by] + [by] * on
    return replace(message, reactions=(reactions | ({emoji: names} if names else {})) or None)
