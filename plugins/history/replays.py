"""The last that was said in each room, at hand for who comes in: a welcome does not wait for the disk."""

from collections import deque
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from greenchat import (
    Alteration,
    ChatServer,
    Deleted,
    History,
    HistoryPage,
    Member,
    Message,
    Messages,
    Past,
    Reject,
    Room,
    Session,
    require_name,
)

from .pages import Pages
from .writer import MessageWriter

# Messages that are compared with the file at once: some milliseconds of looking, and less than one of the event loop.
AT_ONCE = 1000


class Last:
    """The last messages of a room; `oldest` is the first that is kept of it, 0 where that is one before these."""

    __slots__ = ("_count", "_messages", "_runs", "oldest")

    def __init__(self, messages: deque[Past], oldest: int) -> None:
        self._messages = messages
        self._runs: deque[Messages] = deque()  # newer ones, of which nobody has asked for messages yet
        self._count = 0  # of the messages in those
        self.oldest = oldest

    @property
    def messages(self) -> deque[Past]:
        for run in self._runs:
            self._messages.extend(Past(message, run.account_id) for message in run)
        self._runs.clear()
        self._count = 0
        return self._messages

    def add(self, run: Messages) -> None:
        """Of what was said at last, as much is kept as is asked for, and not much more."""
        most = self._messages.maxlen
        assert most is not None
        run = run if len(run.texts) <= most else run[-most:]
        self._runs.append(run)
        self._count += len(run.texts)
        while self._count - len(self._runs[0].texts) >= most:
            self._count -= len(self._runs.popleft().texts)


class Replays:
    """`length` messages of each room that there is; none with 0."""

    def __init__(self, server: ChatServer, message_writer: MessageWriter, pages: Pages, length: int) -> None:
        self._chat = server.chat
        self._rooms = server.chat.rooms
        self._message_writer = message_writer
        self._pages = pages
        self._length = length
        self._last: WeakKeyDictionary[Room, Last] = WeakKeyDictionary()

    def open(self, room: Room) -> None:
        """Restore a new room. The greenlet waits; meanwhile others may open the same one, and talk there."""
        while True:
            before = self._reached(room.name)
            if self._length:
                self._load(room)
            # If somebody is in another one of this name, that is the one that counts.
            if before == self._reached(room.name) or room.name in self._rooms:
                break
        writer, time = self._message_writer, self._message_writer.times.get(room.name, room.time)
        room.restore(before[0], time, rev=writer.revs.get(room.name, 0), epoch=writer.epoch)

    def take(self, messages: Messages) -> None:
        """These were said in a row in one room."""
        room = self._rooms.get(messages.room)
        last = self._last.get(room) if room is not None else None
        if last is not None:
            last.add(messages)

    def change(self, alteration: Alteration) -> None:
        """One of them is another one now."""
        change = alteration.change
        room = self._rooms.get(change.room)
        last = self._last.get(room) if room is not None else None
        for place, past in enumerate(last.messages if last is not None else ()):
            if last is not None and past.message.seq == change.seq:
                last.messages[place] = alteration.past

    def tell(self, session: Session, room: Room) -> None:
        """Tell who has just come into `room` what was said before that: all of it will get is what comes after."""
        if not session.replay:
            return
        self._pages.hand_over(room)
        last = self._last.get(room)
        member = session.require_member()
        said = [past for past in last.messages if not is_ignored(past.message, member)] if last is not None else []
        if last is not None and said:
            told = self._chat.as_told(said, member)
            session.tell(HistoryPage(room.name, [*told], told[0].seq > last.oldest))

    def reload(self) -> None:
        """Read all of it again. The greenlet waits."""
        for room in list(self._last):
            self._load(room)

    def refresh(self) -> None:
        """Read again what another program has changed: somebody was forgotten, perhaps. The greenlet waits."""
        rooms = list(self._last)
        while rooms:
            some: list[Past] = []
            while rooms and len(some) < AT_ONCE:
                some += [past for past in self._recent(rooms.pop()) if isinstance(past.message, Message)]
            try:
                changed = self._pages.changed(some)
            except Reject:  # history is off, and all is read again once it is not
                return
            for room in filter(None, map(self._rooms.get, changed)):
                room.log.forget()
                self._load(room)

    def forget(self, name: str, upto: int) -> None:
        """The messages of a room are gone, up to this one."""
        room = self._rooms.get(name)
        last = self._last.get(room) if room is not None else None
        if last is not None:
            last.oldest = upto + 1
            while last.messages and last.messages[0].message.seq <= upto:
                last.messages.popleft()

    def _load(self, room: Room) -> None:
        seq, messages, more = self._message_writer.latest.get(room.name, 0), list[Past](), False
        if seq:  # else nothing was ever said there
            ask = History(room.name, limit=self._length)
            try:
                messages, more = self._pages.read(ask)
            except Reject:  # history is off
                messages = [*self._recent(room)] or [*self._pages.unsaved(ask)]
        # What was said while we were reading, as far as we have not read it.
        latest = messages[-1].message.seq if messages else seq
        newer = [past for past in self._recent(room) if past.message.seq > latest]
        oldest = 0 if more else messages[0].message.seq if messages else seq + 1
        self._last[room] = Last(deque([*messages, *newer], self._length), oldest)

    def _reached(self, name: str) -> tuple[int, int]:
        """What was said there, and what has become of it, up to now."""
        return self._message_writer.latest.get(name, 0), self._message_writer.revs.get(name, 0)

    def _recent(self, room: Room) -> Sequence[Past]:
        last = self._last.get(room)
        return last.messages if last is not None else ()


def is_ignored(message: Message | Deleted, member: Member) -> bool:
    """Whether `member` does not read what its sender says."""
    if not member.ignored or not isinstance(message, Message):
        return False
    try:
        return member.ignored.covers_name(require_name(message.sender, 0)[1])
    except Reject:  # nobody who is here can be called so
        return False
