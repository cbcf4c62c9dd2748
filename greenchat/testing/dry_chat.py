"""A chat in which a plugin is shown what was said in another one, as if it were said now: at the time of then, under
the number of then, by people of these names. What comes of it is noted; nobody reads it."""

import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from greenchat.chat import checks, place
from greenchat.chat.accounts import Account
from greenchat.chat.room import Room
from greenchat.codecs.wording import plain
from greenchat.errors import Reject
from greenchat.hooks.meters import clock
from greenchat.hooks.order import Order
from greenchat.hooks.specs import hookimpl
from greenchat.protocol.dry_runs import DryMessage, Outcome
from greenchat.protocol.events import Event, Message, ModerationAction, Notice
from greenchat.protocol.names import foreign_parts, key_of
from greenchat.protocol.requests import Join, Leave, Say
from greenchat.protocol.text import slash_at
from greenchat.testing.chat import Chat
from greenchat.testing.clock import HandClock, Handle
from greenchat.testing.person import CODECS
from greenchat.testing.seat import Seat

# People who are in the chat at once. Of more, whoever has said nothing for the longest goes out, and comes back.
PEOPLE = 200

# What the plugin does in greenlets of its own, as a hook that it takes time in: answers of bots, `@on(waits=True)`.
BACKGROUND = "in the background"


class StillClock(HandClock):
    """It shows the time at which something was said, and nothing that waits for a time happens."""

    def call_later(self, seconds: float, function: Callable[[], object]) -> Handle:
        return Handle(self.monotonic() + seconds, function)

    def show(self, time: datetime) -> None:
        """It is never set back."""
        self.move(max((time - self.now()).total_seconds(), 0.0), lambda function: None)


class Stopwatch:
    """How long each call of the hooks of one plugin takes, while it is on."""

    def __init__(self, plugin: str) -> None:
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self.is_on = False
        self._plugin = plugin

    def timed(self, plugin: str, hook: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """See `Dispatcher.trace_by`."""
        if plugin != self._plugin:
            return function
        times = self.times

        def call(*given: Any, **more: Any) -> Any:
            if not self.is_on:
                return function(*given, **more)
            began = clock()
            try:
                return function(*given, **more)
            finally:
                times[hook].append(clock() - began)

        return call


class Witness:
    """A plugin that notes what all are told in rooms, who keeps order how, and does none of it."""

    def __init__(self) -> None:
        self.seen: list[Event] = []
        self.ordered: list[str] = []

    @hookimpl
    def greenchat_event(self, event: Event) -> None:
        self.seen.append(event)

    @hookimpl
    def greenchat_acted(self, act: ModerationAction) -> None:
        self.ordered.append(" ".join(filter(None, (act.act, act.target, act.room and f"in {act.room}", act.details))))

    @hookimpl
    def greenchat_order(self, order: Order) -> bool:
        long = "for good" if order.seconds is None else f"for {order.seconds:g} s"
        where = order.room or "the whole chat"
        self.ordered.append(f"{order.act} {order.name} in {where} {long}: {order.why}")
        return True

    def take(self) -> tuple[list[Event], list[str]]:
        """What there is since the last look."""
        found, self.seen, self.ordered = (self.seen, self.ordered), [], []
        return found


class DryChat(Chat):
    """That of the plugin called `name`, which is `given` as to `Chat`."""

    _new_clock = StillClock
    clock: StillClock

    def __init__(self, name: str, given: object, settings: dict[str, object], data_dir: Path, start: datetime) -> None:
        self.failed: list[Exception] = []
        self.left_out: Counter[str] = Counter()
        self._witness, self._watch = Witness(), Stopwatch(name)
        self._seats: OrderedDict[tuple[str, int], Seat] = OrderedDict()
        self._at_start = True
        super().__init__(given, self._witness, settings=settings, data_dir=data_dir, start=start)
        self._at_start = False
        self.server.hooks.trace_by(self._watch.timed)
        tasks: Any = next(one.ctx for one in self.server.plugins if one.name == name and one.ctx is not None)._tasks
        tasks._run = self._watch.timed(name, BACKGROUND, tasks._run)
        _tell_time_by(self.clock)

    @property
    def times(self) -> dict[str, list[float]]:
        """How long the calls took, by hooks."""
        return self._watch.times

    def _raise_failures(self) -> None:
        """One that cannot start ends it; what fails later is noted."""
        if self._at_start:
            super()._raise_failures()
        else:
            self.failed += self._failures.take()

    def begin(self) -> list[Outcome]:
        """What the plugin has done at its start."""
        return [Outcome("did", after=text) for text in self._rest("")]

    def replay(self, message: DryMessage) -> list[Outcome]:
        """What becomes of a message, and for it."""
        self.clock.show(message.time)
        if foreign_parts(message.sender) is not None or self._is_bot(message.sender):
            self.left_out["said by a plugin"] += 1
            return []
        about = message.room, message.seq, message.sender
        try:
            seat = self._seat_of(message)
        except Reject as verdict:
            if verdict.by == NO_NAME:
                self.left_out["nobody can be called so, or the room"] += 1
                return []
            return [Outcome("kept out", *about, before=message.text, code=verdict.code, why=verdict.text)]
        room = self.server.chat.rooms[message.room]
        room.seq, room.rev = message.seq - 1, max(room.rev, message.seq - 1)
        self.server.chat.ids.next = message.id
        self._heard()
        self._witness.take()
        self._watch.is_on = True
        try:
            refusal = self.run(lambda: _say(seat, room, message))
        finally:
            self._watch.is_on = False
        where = {"room": message.room, "seq": message.seq, "sender": message.sender}
        return [replace(one, **where) for one in self._outcomes(seat, message, refusal)]

    # --- what comes of it ---

    def _outcomes(self, seat: Seat, message: DryMessage, refusal: Reject | None) -> Iterator[Outcome]:
        events, ordered = self._witness.take()
        seq, told = 0, []
        for name, frame in self._heard():
            kind = frame.get("type")
            if name == seat.name and kind == "ack" and "ref" in frame:
                seq = frame.get("seq", 0)
            elif name == seat.name and kind == "error" and "ref" in frame:
                refusal = Reject(frame.get("text", ""), frame.get("code", ""))
            elif not frame.get("room") and kind not in ("ack", "welcome"):
                told += [(name, text) for text in (frame.get("text", ""), *frame.get("lines", ())) if text]
        if refusal is not None:
            yield Outcome("refused", before=message.text, code=refusal.code, why=refusal.text)
        else:
            said = _found(events, message.room, seq)
            if said is None:
                yield Outcome("took", before=message.text)
            else:
                events.remove(said)
                if said.text != message.text:
                    yield Outcome("changed", before=message.text, after=said.text)
        for event in events:
            yield from _words_of(event)
        for name, text in dict.fromkeys(told):
            yield Outcome("told", to=name, after=text)
        for text in ordered:
            yield Outcome("did", after=text)

    def _rest(self, room: str) -> Iterator[str]:
        events, ordered = self._witness.take()
        yield from (one.after for event in events for one in _words_of(event) if one.kind == "said")
        yield from ordered

    def _heard(self) -> list[tuple[str, dict[str, Any]]]:
        """What all have been told, and by which name they are known."""
        found = []
        for seat in self._seats.values():
            screen: Any = seat.outbox
            if screen.data:
                lines = b"".join(screen.data).splitlines()
                screen.data.clear()
                found += [(seat.name, json.loads(line)) for line in lines]
        return found

    # --- who is there ---

    def _is_bot(self, name: str) -> bool:
        member = self.server.chat.members.get(key_of(name))
        return member is not None and bool(member.bot)

    def _seat_of(self, message: DryMessage) -> Seat:
        """Somebody of this name and account, in the room. Raises `Reject`."""
        key, account_id = key_of(message.sender), message.account_id
        for other in [one for one in self._seats if one[0] == key and one[1] != account_id]:
            self._leave(other)
        seat = self._seats.get((key, account_id))
        if seat is None or seat.closing is not None or seat.member is None:
            while len(self._seats) >= PEOPLE:
                self._leave(next(iter(self._seats)))
            seat = Seat(self.server, f"127.0.0.1:{50001 + len(self.people)}", CODECS["json"], self.clock)
            self.run(seat.begin)
            if account_id:
                self._as_account(seat, message.sender, key, account_id)
            self._seats[key, account_id] = seat
        self._seats.move_to_end((key, account_id))
        if seat.member is None or message.room not in seat.member.rooms:
            self._join(seat, message)
        return seat

    def _join(self, seat: Seat, message: DryMessage) -> None:
        self._heard()
        self.run(lambda: seat.ask([Join(message.sender, message.room, ref=0)]))
        if seat.member is None or message.room not in seat.member.rooms:
            errors = [frame for _, frame in self._heard() if frame.get("type") == "error"]
            error = errors[-1] if errors else {}
            refused = Reject(error.get("text", "They did not come in."), error.get("code", "rejected"))
            if refused.code in ("name_invalid", "room_invalid"):
                refused.by = NO_NAME
            raise refused

    def _as_account(self, seat: Seat, name: str, key: str, account_id: int) -> None:
        accounts = self.server.accounts
        if accounts.by_id(account_id) is None:
            accounts.known = True
            accounts.add(Account(account_id, key, name))
        self.run(lambda: seat.log_in(key, account_id))

    def _leave(self, key: tuple[str, int]) -> None:
        seat = self._seats.pop(key)
        if seat.closing is None:
            self.run(lambda: seat.ask([Leave()]))


# Why somebody could not come in, where it is no plugin's doing: as `Reject.by`.
NO_NAME = "(no name)"


def _say(seat: Seat, room: Room, message: DryMessage) -> Reject | None:
    """As its client did then, as far as that is known: `/me` and the escape of what begins with a slash are made again.
    Why it was refused, where no answer tells it."""
    text, reply_to = message.text, message.reply_to
    reply_to = reply_to if reply_to and room.log.find(reply_to) is not None else 0
    at = slash_at(text)
    if message.action and "\n" in text:
        try:
            seat.say(text, action=True, room=room.name, reply_to=reply_to)
        except Reject as verdict:
            return verdict
        return None
    if message.action:
        text = f"/me {text}"
    elif at >= 0:
        text = f"{text[:at]}/{text[at:]}"
    seat.ask([Say(text, room.name, 1, reply_to=reply_to)])
    return None


def _found(events: Iterable[Event], room: str, seq: int) -> Message | None:
    """The message of this number among them."""
    messages = (one for one in events if isinstance(one, Message) and one.room == room)
    return next((one for one in messages if seq and one.seq == seq), None)


def _words_of(event: Event) -> Iterator[Outcome]:
    """What people in a room read of it."""
    where = getattr(event, "room", "")
    if isinstance(event, Message):
        yield Outcome("said", by=event.sender, where=where, after=event.text)
        return
    for line in plain(event):
        yield Outcome("said" if isinstance(event, Notice) else "did", where=where, after=line.text)


def _tell_time_by(clock: StillClock) -> None:
    """Have what is said in this process be said at the time that `clock` shows: it is made for nothing else."""

    class ShownTime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock.now()

    for module in (place, checks):
        vars(module)["datetime"] = ShownTime
