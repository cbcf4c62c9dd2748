"""Who is in a room, and what is waiting to go out to them. No socket is known here.

A room's cost is what this file is about. Events of one turn of the event loop are collected as runs, encoded once for
each codec in use, and the same bytes are delivered to every member: O(messages x codecs + members) a turn. What would
take too much of a turn goes on in the next: see fanout.py.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple, Protocol

from greenchat import values
from greenchat.chat.cascade import caused_by, current, one_step
from greenchat.chat.fanout import Batch, Deliver, EventBatch, Turns, deliver_part
from greenchat.chat.ignoring import Ignored
from greenchat.codecs import Codec
from greenchat.errors import Reject
from greenchat.protocol.events import (
    Event,
    Joined,
    Left,
    Message,
    ModerationAction,
    Private,
    Refused,
    Role,
    require_sound,
)
from greenchat.protocol.text import some_of

# Rooms of somebody that are told by name where one is missing: as many as one sees at a glance.
ROOMS_TOLD = 20

# Members that are told by name to who comes in or asks: more than anybody reads. In a hall of 4,000 that fills, all of
# them would be 400 MB.
MEMBERS_TOLD = 1000

log = logging.getLogger("greenchat.room")

# A batch goes out before the turn ends once this many messages wait for each member: handling so many takes several
# times as long as sending to one, so little is lost, and the receivers can work meanwhile.
BATCH_PER_MEMBER = 32

# ... and once so many wait in all: some hundred KB, which are still in the processor's cache while they are copied to
# a thousand sockets, and a bound on how late the first of them can be.
BATCH_MESSAGES = 4096

LONG_AGO = datetime.min.replace(tzinfo=UTC)

# ... and once so many things have happened, of whatever kind: who leaves is given all of them at once, so when
# thousands leave they must not be too many.
BATCH_RUNS = 256

Observe = Callable[[Sequence[Event]], None]


class Outlet(Protocol):
    """Where a member's events go: a session, or a list in a test. `outbox` is whatever `Deliver` delivers to.

    `account` is the key of the name that it is logged in to, and `account_id` what that account's rights hang on; empty
    and 0 for none. `role` is "operator" for one, or empty. `address` is where it is, as a session has it.
    """

    codec: Codec
    outbox: Any
    address: str
    account: str
    account_id: int
    role: str


class Asked(NamedTuple):
    """Where a request wants to be: the room that it names, if any; or the conversation of two, by its id or by who the
    other one is."""

    room: str = ""
    conversation: str = ""
    to: str = ""


# What a member's request asks for, while it is dealt with, and for the greenlet that does so: what another greenlet
# says for the same member meanwhile must not end up there.
_ASKED: ContextVar["tuple[Member, Asked] | None"] = ContextVar("asked", default=None)


class Member:
    """Somebody in the chat, under a name; `key` is what the name is compared by.

    `rooms` are those one is in, by their names; there may be none. `only` is the name of the room that one is in, as
    long as one has never been in another one, or can only be in one at a time; else empty. `away` says why one is, if
    one is; `ignored` are those whose messages one does not want. One has said something in `talks_in` last.
    """

    __slots__ = ("away", "codec", "ignored", "key", "name", "only", "outbox", "outlet", "rooms", "talks_in")

    def __init__(self, name: str, key: str, room: "Room", outlet: Outlet) -> None:
        self.name = name
        self.key = key
        self.rooms = {room.name: room}
        self.only = room.name
        self.away = ""
        self.ignored: Ignored | None = None
        self.talks_in: Room | None = None
        self.outlet = outlet
        self.codec = outlet.codec
        self.outbox = outlet.outbox

    @contextmanager
    def asking(self, asked: Asked) -> Iterator[None]:
        """While a request of this member is dealt with, which names what it is about."""
        token = _ASKED.set((self, asked))
        try:
            yield
        finally:
            _ASKED.reset(token)

    @property
    def asked(self) -> Asked | None:
        """What the request at hand names, if this greenlet deals with one of this member's."""
        found = _ASKED.get()
        return found[1] if found is not None and found[0] is self else None

    @property
    def room(self) -> "Room":
        """The room that is meant: the one that the request at hand names, or else the only one. Never any other: what
        was written for one room must not be said in another. Raises `Reject`."""
        name, asked = self.only, self.asked
        if asked is not None:
            if asked.conversation or asked.to:
                raise Reject("This is for rooms. Type it in the room that you mean.", code="room_required")
            name = asked.room or name
        room = self.rooms.get(name)
        if room is None:
            raise self._no_room(name)
        return room

    @property
    def identity(self) -> "int | Member":
        """Who this is, whatever the name: an account's id; or, for a guest, this very stay."""
        return self.outlet.account_id or self

    def _no_room(self, name: str) -> Reject:
        rooms = some_of(list(self.rooms), ROOMS_TOLD)
        if rooms and name:
            return Reject(f"You are not in {name}, but in {rooms}.", code="not_in_room")
        if rooms:
            return Reject(f"You have been in more than one room: say in which. You are in {rooms}.", "room_required")
        how = "/join ROOM leads into one." if self.codec.many_rooms else f"Send JOIN|{self.name}, or MSG|/join ROOM"
        return Reject(f"You are in no room, so nobody would read this. {how}", code="room_required")


class DeliveryStats:
    """What the rooms of a chat have carried so far: messages said, and how many times one was delivered to a member."""

    __slots__ = ("deliveries", "messages")

    def __init__(self) -> None:
        self.messages = 0
        self.deliveries = 0


class Room:
    """One room: its members, its latest sequence number, and the runs of this turn.

    `turns` are the event loop's. `deliver(outboxes, data)` sends bytes to each of some members; it neither blocks, nor
    changes who is in a room. `observe(events)` is told what all members have been told, or are being told. `stats` is
    counted once a flush, not once a message.

    `owner` has made the room: a member, or the id of one's account, which is still the owner after coming back; None
    where it is nobody's. An id of an account that is gone is nobody's, too.
    """

    __slots__ = (
        "__weakref__",
        "_batches",
        "_choosy",
        "_deliver",
        "_flushed",
        "_newcomers",
        "_observe",
        "_roles",
        "_runs",
        "_stats",
        "_topic",
        "_turns",
        "_when_calm",
        "lasts",
        "members",
        "name",
        "owner",
        "seq",
        "talk",
        "time",
    )

    def __init__(self, name: str, turns: Turns, deliver: Deliver, observe: Observe, stats: DeliveryStats) -> None:
        self.name = name
        self.seq = 0
        self.time = LONG_AGO  # of the latest message: none that comes after it is earlier, whatever the clock says
        self._topic = ""
        self.owner: Member | int | None = None
        self.lasts = False  # a plugin keeps it, also when nobody is in it: who comes first has not made it
        self.members: dict[str, Member] = {}
        self._turns = turns
        self._deliver = deliver
        self._observe = observe
        self._stats = stats
        self._runs: list[EventBatch] = []
        self._batches: deque[Batch] = deque()  # what takes more than one turn to go out, and what waits behind it
        self._when_calm: list[Callable[[], object]] = []
        self._flushed = 0  # the latest sequence number that went out
        self.talk: EventBatch | None = None  # the last run, while its origin may add messages to it
        self._newcomers: dict[Member, int] = {}  # who joined in this turn -> the first run that is for them
        self._choosy: set[Member] = set()  # who ignores somebody
        self._roles: dict[Member, str] = {}  # what everybody has been told of those who have one

    @property
    def topic(self) -> str:
        """What the room is about. Setting it tells nobody: see `Chat.set_topic`."""
        return self._topic

    @topic.setter
    def topic(self, topic: str) -> None:
        self._topic = values.text(topic)

    def restore(self, seq: int, time: datetime = LONG_AGO) -> None:
        """Go on from `seq`, the latest message that is known of, which was said at `time`. For a room that nobody is in
        yet."""
        if type(seq) is not int or seq < 0:
            raise ValueError(f"a sequence number is a whole number, not {seq!r}")
        self.seq = self._flushed = seq
        self.time = max(self.time, time)

    def owned_by(self, member: Member) -> bool:
        account_id = member.outlet.account_id
        return self.owner is member or (bool(account_id) and self.owner == account_id)

    def role_of(self, member: Member) -> str:
        """ "operator", "owner", or neither: empty."""
        return "operator" if member.outlet.role == "operator" else "owner" if self.owned_by(member) else ""

    def some_members(self, asker: Member) -> list[Member]:
        """Who is here, as far as `asker` is told: of very many who has a role, and who has been here longest."""
        if len(self.members) <= MEMBERS_TOLD:
            return list(self.members.values())
        first = [member for member, role in self._roles.items() if role]
        if self.members.get(asker.key) is asker:
            first.insert(0, asker)
        return list(dict.fromkeys([*first, *islice(self.members.values(), MEMBERS_TOLD)]))[:MEMBERS_TOLD]

    def tell_role(self, member: Member, origin: Member | None = None) -> None:
        """Tell everybody, but for `origin`, what `member` is here now, if that is not what they know."""
        role = self.role_of(member)
        if role != self._roles.get(member, ""):
            self._roles[member] = role
            self.tell(Role(self.name, member.name, role, datetime.now(UTC)), origin)

    def add(self, member: Member) -> None:
        """Let `member` in, and tell the others. It gets only what comes after."""
        role = self.role_of(member)
        if role:
            self._roles[member] = role
        self.tell(Joined(self.name, member.name, datetime.now(UTC), role), origin=member)
        self.members[member.key] = member
        self._newcomers[member] = len(self._runs)
        self.mind_ignored(member)

    def mind_ignored(self, member: Member) -> None:
        """To be called when `member.ignored` has changed."""
        if member.ignored:
            self._choosy.add(member)
        else:
            self._choosy.discard(member)

    def remove(self, member: Member, reason: str) -> None:
        """Let `member` out, and tell the others. It gets all that came before, at once."""
        self.talk = None
        self._choosy.discard(member)
        self._roles.pop(member, None)
        del self.members[member.key]
        if member.talks_in is self:
            member.talks_in = None
        for batch in self._batches:
            batch.hand_over(member)
        runs = self._runs[self._newcomers.pop(member, 0) :]
        deliver_part(runs, member, self._deliver)
        # The flush takes it that each message goes to all members but one, its sender, who is a member no more.
        self._stats.deliveries += _messages(runs)
        self.tell(Left(self.name, member.name, values.shown(reason), datetime.now(UTC)))

    @one_step
    def post(self, event: Event, origin: Member | None = None) -> None:
        """Tell everybody in the room, but for `origin`, at the end of this turn. For plugins: raises `TypeError` or
        `ValueError` for what is no event to be told, or has in it what cannot be sent."""
        if not isinstance(event, Event) or isinstance(event, Message | Private | ModerationAction | Refused):
            raise TypeError(f"post takes an event, not {type(event).__name__}; messages are said, by session.say")
        if origin is not None and not isinstance(origin, Member):
            raise TypeError(f"post takes a member as the origin, not {type(origin).__name__}")
        self.tell(require_sound(event), origin)

    def tell(self, event: Event, origin: Member | None = None) -> None:
        """As `post`, for what is known to be right."""
        self._append(EventBatch(origin, event))
        self.talk = None
        self.mark_cause()

    def mark_cause(self) -> None:
        """What was told or said last was caused by whatever makes this greenlet do what it does."""
        self._runs[-1].cause = current()

    def post_words(self, event: Event, author: Member) -> None:
        """As `post`, to the author as well: but not to those who do not want to read what `author` says."""
        self._append(EventBatch(None, event, author=author))
        self.talk = None
        self.mark_cause()

    def begin_talk(self, member: Member) -> EventBatch:
        """A new run for what `member` says now."""
        run = EventBatch(member)
        if run.time < self.time:
            run.time = self.time  # the clock was set back
        self.time = run.time
        self._append(run)
        self.talk = run
        member.talks_in = self
        return run

    def flush_if_large(self) -> None:
        """Do not wait for the end of the turn where enough is waiting."""
        if self.seq - self._flushed >= min(BATCH_MESSAGES, BATCH_PER_MEMBER * len(self.members)):
            self.flush()

    @property
    def is_busy(self) -> bool:
        """Whether what was told is still going out, and who has more to say should wait: see `when_calm`."""
        return bool(self._batches)

    def when_calm(self, function: Callable[[], object]) -> None:
        """Call `function` once all that was told has gone out."""
        self._when_calm.append(function)

    def flush(self) -> None:
        """Deliver to every member what this turn brought: at once, or behind what is still going out to them."""
        runs, newcomers = self._runs, self._newcomers
        if not runs:
            return
        messages = self.seq - self._flushed
        self._stats.messages += messages
        self._stats.deliveries += messages * (len(self.members) - 1)
        for start in newcomers.values():
            self._stats.deliveries -= _messages(runs[:start])
        self._runs, self._newcomers, self.talk, self._flushed = [], {}, None, self.seq
        if self.members:
            self._send(Batch(runs, self.members.values(), newcomers, self._choosy, self._deliver))
        for run in runs:
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
    return sum(len(run.events) for run in runs if isinstance(run.events[0], Message))
