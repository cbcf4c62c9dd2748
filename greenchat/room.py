"""Who is in a room, and what is waiting to go out to them. No socket is known here.

A room's cost is what this file is about. Events of one turn of the event loop are collected as runs, encoded once for
each codec in use, and the same bytes are delivered to every member: O(messages x codecs + members) a turn.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from greenchat.codecs import Codec
from greenchat.events import Event, Joined, Left, Message, Role

# A batch goes out before the turn ends once this many messages wait for each member: handling so many takes several
# times as long as sending to one, so little is lost, and the receivers can work meanwhile.
BATCH_PER_MEMBER = 32

# ... and once so many wait in all: some hundred KB, which are still in the processor's cache while they are copied to
# a thousand sockets, and a bound on how late the first of them can be.
BATCH_MESSAGES = 4096

Schedule = Callable[[Callable[[], None]], object]
Observe = Callable[[Sequence[Event]], None]
Deliver = Callable[[Iterable[Any], bytes], None]


class Outlet(Protocol):
    """Where a member's events go: a session, or a list in a test. `outbox` is whatever `Deliver` delivers to.

    `account` is the key of the name that it is logged in to, `role` "operator" for one; empty for neither.
    """

    codec: Codec
    outbox: Any
    account: str
    role: str


class Member:
    """Somebody in the chat, under a name; `key` is what the name is compared by.

    `rooms` are those one is in, by their names, and `room` is the one that one came into last: where goes what names
    no room. `away` says why one is, if one is; `ignored` are the keys of those whose messages one does not want.
    """

    __slots__ = ("away", "codec", "ignored", "key", "name", "outbox", "outlet", "room", "rooms")

    def __init__(self, name: str, key: str, room: "Room", outlet: Outlet) -> None:
        self.name = name
        self.key = key
        self.room = room
        self.rooms = {room.name: room}
        self.away = ""
        self.ignored: frozenset[str] = frozenset()
        self.outlet = outlet
        self.codec = outlet.codec
        self.outbox = outlet.outbox


class Run:
    """Events in a row from one origin, who does not get them back: messages, or one event of another kind."""

    __slots__ = ("_encoded", "events", "origin", "time")

    def __init__(self, origin: Member | None, *events: Event) -> None:
        self.origin = origin
        self.events: list[Event] = list(events)
        self.time = datetime.now(UTC)  # one clock reading for the run: what is said in one turn is said at once
        self._encoded: dict[Codec, bytes] = {}

    def encode(self, codec: Codec) -> bytes:
        """The run as bytes; to be called only when nothing is added any more."""
        data = self._encoded.get(codec)
        if data is None:
            one = len(self.events) == 1
            data = codec.encode(self.events[0]) if one else codec.encode_run(self.events)  # type: ignore[arg-type]
            self._encoded[codec] = data
        return data


class Traffic:
    """What the rooms of a chat have carried so far: messages said, and how many times one was delivered to a member."""

    __slots__ = ("deliveries", "messages")

    def __init__(self) -> None:
        self.messages = 0
        self.deliveries = 0


class Room:
    """One room: its members, its latest sequence number, and the runs of this turn.

    `schedule(function)` calls the function at the end of this turn of the event loop. `deliver(outboxes, data)` sends
    bytes to each of some members; it neither blocks, nor changes who is in a room. `observe(events)` is told what all
    members have been told. `traffic` is counted once a flush, not once a message.

    `owner` has made the room: a member, or the account of one, which is still the owner after coming back; None where
    it is nobody's.
    """

    __slots__ = (
        "__weakref__",
        "_choosy",
        "_deliver",
        "_flushed",
        "_newcomers",
        "_observe",
        "_roles",
        "_runs",
        "_schedule",
        "_traffic",
        "members",
        "name",
        "owner",
        "seq",
        "talk",
        "topic",
    )

    def __init__(self, name: str, schedule: Schedule, deliver: Deliver, observe: Observe, traffic: Traffic) -> None:
        self.name = name
        self.seq = 0
        self.topic = ""
        self.owner: Member | str | None = None
        self.members: dict[str, Member] = {}
        self._schedule = schedule
        self._deliver = deliver
        self._observe = observe
        self._traffic = traffic
        self._runs: list[Run] = []
        self._flushed = 0  # the latest sequence number that went out
        self.talk: Run | None = None  # the last run, while its origin may add messages to it
        self._newcomers: dict[Member, int] = {}  # who joined in this turn -> the first run that is for them
        self._choosy: set[Member] = set()  # who ignores somebody
        self._roles: dict[Member, str] = {}  # what everybody has been told of those who have one

    def restore(self, seq: int) -> None:
        """Go on counting from `seq`, the latest message that is known of. For a room that nobody is in yet."""
        self.seq = self._flushed = seq

    def owned_by(self, member: Member) -> bool:
        account = member.outlet.account
        return self.owner is member or (bool(account) and self.owner == account)

    def role_of(self, member: Member) -> str:
        """ "operator", "owner", or neither: empty."""
        return member.outlet.role or ("owner" if self.owned_by(member) else "")

    def tell_role(self, member: Member, origin: Member | None = None) -> None:
        """Tell everybody, but for `origin`, what `member` is here now, if that is not what they know."""
        role = self.role_of(member)
        if role != self._roles.get(member, ""):
            self._roles[member] = role
            self.post(Role(self.name, member.name, role, datetime.now(UTC)), origin)

    def add(self, member: Member) -> None:
        """Let `member` in, and tell the others. It gets only what comes after."""
        role = self.role_of(member)
        if role:
            self._roles[member] = role
        self.post(Joined(self.name, member.name, datetime.now(UTC), role), origin=member)
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
        runs = self._runs[self._newcomers.pop(member, 0) :]
        self._deliver_part(runs, member)
        # The flush takes it that each message goes to all members but one, its sender, who is a member no more.
        self._traffic.deliveries += _messages(runs)
        self.post(Left(self.name, member.name, reason, datetime.now(UTC)))

    def post(self, event: Event, origin: Member | None = None) -> None:
        """Tell everybody in the room, but for `origin`, at the end of this turn."""
        self._append(Run(origin, event))
        self.talk = None

    def begin_talk(self, member: Member) -> Run:
        """A new run for what `member` says now."""
        run = Run(member)
        self._append(run)
        self.talk = run
        return run

    def relieve(self) -> None:
        """Do not wait for the end of the turn where enough is waiting."""
        if self.seq - self._flushed >= min(BATCH_MESSAGES, BATCH_PER_MEMBER * len(self.members)):
            self.flush()

    def flush(self) -> None:
        """Deliver to every member what this turn brought."""
        runs, newcomers = self._runs, self._newcomers
        if not runs:
            return
        messages = self.seq - self._flushed
        self._traffic.messages += messages
        self._traffic.deliveries += messages * (len(self.members) - 1)
        self._runs, self._newcomers, self.talk, self._flushed = [], {}, None, self.seq
        apart = {run.origin for run in runs}
        apart.update(newcomers)
        apart.update(self._choosy)
        for start in newcomers.values():
            self._traffic.deliveries -= _messages(runs[:start])
        whole: defaultdict[Codec, list[Any]] = defaultdict(list)
        for member in self.members.values():
            if member in apart:
                self._deliver_part(runs[newcomers.get(member, 0) :], member)
            else:
                whole[member.codec].append(member.outbox)
        for codec, outboxes in whole.items():
            self._deliver(outboxes, b"".join([run.encode(codec) for run in runs]))
        for run in runs:
            self._observe(run.events)

    def _deliver_part(self, runs: Sequence[Run], member: Member) -> None:
        """Deliver to one member what `runs` hold for it: all but its own, and what those say whom it ignores."""
        ignored = member.ignored
        data = b"".join(
            [
                run.encode(member.codec)
                for run in runs
                if run.origin is not member
                and not (ignored and run.origin and run.origin.key in ignored and isinstance(run.events[0], Message))
            ]
        )
        if data:
            self._deliver([member.outbox], data)

    def _append(self, run: Run) -> None:
        if not self._runs:
            self._schedule(self.flush)
        self._runs.append(run)


def _messages(runs: Sequence[Run]) -> int:
    return sum(len(run.events) for run in runs if isinstance(run.events[0], Message))
