"""All conversations that one takes part in: what has come in each, who is there, and what of it is unread."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from itertools import takewhile

from msgspec.structs import replace

from greenchat.client.places import place_at, place_of
from greenchat.connect.model.marks import Mark, Missed, Now
from greenchat.connect.model.markup import mentions
from greenchat.connect.model.place import LEVELS, Place
from greenchat.connect.model.rows import Row, rows
from greenchat.connect.model.talks import Talks
from greenchat.connect.model.timeline import KEPT, Item, Told
from greenchat.protocol.events import Deleted, Event, Joined, Left, Message, Renamed
from greenchat.protocol.replies import Branded, Conversations, HistoryPage, Welcome

# So many items are kept of all conversations together: those that were not looked at for longest give first, but for
# so many that one who goes back there sees a screen full at once.
KEPT_IN_ALL = 20_000
LEAST_KEPT = 100

GONE_BACK = "You are not in this room any more: /join {} takes you back."
NOWHERE = "You are in no conversation: /join ROOM takes you to one."
ENDED = "This conversation has ended."


@dataclass(frozen=True, slots=True)
class Alert:
    """Something calls for one: who, where, and how it begins is for the surface to say."""

    place: str
    message: Message


class Chats(Talks):
    """`me` is one's name, `account` whose account it is, `current` the conversation that is looked at, empty for none.
    `attentive`: whoever is there sees its end at this moment, so that what comes is read. `alerts` are for the surface
    to take away. `revision` rises with each change of the list, of members and of what is unread.
    """

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC), zone: tzinfo | None = None) -> None:
        super().__init__()
        self.now = now
        self.zone = zone
        self.me = self.account = self.server = ""
        self.brand = Branded()  # how the chat shows itself
        self.attentive = True
        self.alerts: list[Alert] = []
        self.revision = 0
        self.read: Callable[[str, int], None] = lambda place, seq: None  # one has read so far, see `Reading`
        self._heard = self._looked = 0

    def today(self) -> date:
        """Of the one who reads."""
        return self.now().astimezone(self.zone).date()

    # --- the list ---

    @property
    def place(self) -> Place | None:
        """The one that is looked at."""
        return self.places.get(self.current)

    def ordered(self) -> list[Place]:
        """Rooms by their names, then people, the latest first."""
        rooms = sorted((place for place in self.places.values() if not place.is_direct), key=lambda one: one.title)
        people = [place for place in self.places.values() if place.is_direct]
        return rooms + sorted(people, key=lambda one: -one.heard)

    def room(self, name: str) -> Place:
        return self.places.get(name) or self._begin(Place(name, name))

    def nowhere(self) -> Place:
        """What is looked at by who is in no conversation, once there is something to be told."""
        place = self.room("")
        place.title, place.gone = self.server, NOWHERE
        return place

    def choose(self, levels: Mapping[str, str]) -> None:
        """What calls for one, by places; as usual in others. What is no level is one that newer servers have."""
        self.levels = {place: level for place, level in levels.items() if level in LEVELS}
        for place in self.places.values():
            place.level = self.levels.get(place.id, "usual")
        self.revision += 1

    def show_brand(self, brand: Branded) -> bool:
        """Whether that is to be told: who has come back, or sees it change, knows where they are."""
        is_first, self.brand = self.brand == Branded(), brand
        self.revision += 1
        return is_first

    def drop(self, gone: str) -> None:
        """It is nowhere any more. What is looked at then is beside it."""
        at = [place.id for place in self.ordered()]
        if self.places.pop(gone, None) is None:
            return
        self.revision += 1
        if self.current == gone:
            index = at.index(gone)
            rest = at[:index] + at[index + 1 :]
            self.current = ""
            if rest:
                self.show(rest[min(index, len(rest) - 1)])

    def touch(self, place: Place) -> None:
        """Something has come there."""
        self._heard += 1
        place.heard = self._heard
        self.revision += 1

    # --- what is looked at ---

    def show(self, there: str) -> None:
        """Look at it: what is unread there is behind a line then."""
        before, place = self.place, self.places[there]
        if before is not None and before is not place:
            before.mark = None
        self.current = there
        if there:
            self.places.pop("", None)
        self._looked += 1
        place.looked = self._looked
        if before is not place:
            place.mark = place.read if place.unread else None
        self.revision += 1
        self._make_room()

    def step(self, by: int) -> None:
        """To the one before or behind it in the list."""
        ids = [place.id for place in self.ordered()]
        if ids:
            at = ids.index(self.current) if self.current in ids else -1
            self.show(ids[(at + by) % len(ids)])

    def next_unread(self) -> bool:
        """To the next with something unread, those first that call for one; whether there is one."""
        ordered = [place for place in self.ordered() if place.id != self.current and place.level != "none"]
        calling = [place for place in ordered if place.mentions or (place.is_direct and place.unread)]
        for place in [*calling, *(place for place in ordered if place.unread)]:
            self.show(place.id)
            return True
        return False

    def rows(self, place: Place, last: int | None = None) -> list[Row]:
        """See `rows.rows`."""
        return rows(place.timeline, place.mark, self.zone, last)

    # --- what is unread ---

    def saw(self, there: str, seq: int) -> None:
        """What is there, up to this message, stands on the screen of somebody who looks."""
        place = self.places.get(there)
        if place is not None and seq > place.read:
            self.has_read(place, seq)
            self.read(there, seq)

    def has_read(self, place: Place, seq: int) -> None:
        """Here, or on another device."""
        if seq <= place.read:
            return
        place.read = seq
        timeline = place.timeline
        behind = max(timeline.last, place.reach.seq) - seq
        first = timeline.first
        if not timeline.newer and first and first <= seq + 1:
            behind_it = takewhile(lambda one: one.seq > seq, timeline.messages())
            left = [one for one in behind_it if not self.is_mine(one)]
            place.unread, place.mentions = len(left), sum(self.calls(place, one) for one in left)
        else:
            place.unread = min(place.unread, max(behind, 0))
            place.mentions = min(place.mentions, place.unread)
        self.revision += 1

    def is_mine(self, message: Message) -> bool:
        return message.own or (message.sender == self.me and not message.conversation)

    def calls(self, place: Place, message: Message) -> bool:
        """Whether it is for the one who reads it more than for others."""
        if self.is_mine(message):
            return False
        answered = place.timeline.item(message.reply_to) if message.reply_to else None
        if answered is not None and isinstance(answered.what, Message):
            mine = self.is_mine(answered.what) or answered.state != ""
            if mine:
                return True
        return place.is_direct or mentions([self.me, *self.words], message.text)

    # --- what comes ---

    def heard(self, place: Place, message: Message, *, live: bool = True) -> None:
        """It was said just now; or, if it is not `live`, while one was away."""
        if not message.seq:  # plain frames tell neither numbers nor times
            message = replace(message, time=self.now())
        place.move(number=message.id, seq=message.seq, rev=message.rev, time=message.time)
        timeline = place.timeline
        mine = self.is_mine(message)
        here = live and place.id == self.current and self.attentive
        if timeline.newer and message.seq:
            added: list[Item] = []  # one reads far up, and comes to it later
        else:
            at_end = place.id != self.current or self.attentive
            added = timeline.add(message, at_end=at_end, state="stored" if mine else "")
        self.touch(place)
        if self._heard % KEPT == 0:
            self._make_room()
        if mine:
            self.has_read(place, message.seq)
            return
        if message.seq and message.seq <= place.read:
            return
        if message.seq and not added and not timeline.newer:
            return  # it was here already
        calls = self.calls(place, message)
        place.unread += 1
        place.mentions += calls
        if here:
            self.saw(place.id, message.seq)
            if not message.seq:
                place.unread = place.mentions = 0
        elif place.mark is None and place.id == self.current:
            place.mark = place.read
        if place.level == "all" or (calls and place.level != "none"):
            self.alerts.append(Alert(place.id, message))

    def tell(self, place: Place | None, text: str, *, error: bool = False) -> None:
        """The server, or this client, says something to one alone."""
        place = place or self.place
        if place is not None and text:
            place.timeline.add(Told(text, self.now(), error))

    def add_page(self, place: Place, events: Iterable[Event], *, older: bool) -> None:
        """A page of what was said before; `older`: somebody reads up there, else it is the latest."""
        wanted = (Message, Deleted, Joined, Left, Renamed)
        place.timeline.add(*[event for event in events if isinstance(event, wanted)], at_end=not older)
        for item in place.timeline.items:
            if isinstance(item.what, Message) and not item.state and self.is_mine(item.what):
                item.state = "stored"

    def seen(self) -> dict[str, Mark]:
        """How far one is in each, to come back to."""
        return {
            place.id: place.reach
            for place in self.places.values()
            if not place.is_new and (not place.gone or place.is_direct)
        }

    def back(self, welcome: Welcome, rooms: Mapping[str, Welcome], missed: Mapping[str, Missed]) -> None:
        """One has come back, and is in these rooms; this was said and changed in them meanwhile."""
        there = {welcome.room, *welcome.rooms}
        self.doubt_all()
        for place in self.places.values():
            if not place.is_direct and place.id not in there and not place.gone:
                place.gone = GONE_BACK.format(place.title)
        for at, each in missed.items():
            known = self.places.get(at)
            if known is not None:
                self._catch_up(known, each, rooms[at].epoch if at in rooms else self.direct_epoch)

    def _catch_up(self, place: Place, missed: Missed, epoch: str) -> None:
        timeline = place.timeline
        if missed.gap or epoch != place.reach.epoch:
            timeline.clear()  # its numbers may be others by now, or too much lies between
        for event in missed.events:
            if isinstance(event, Message | Deleted) and timeline.older and 0 < event.seq < timeline.first:
                continue  # it was dropped here, and comes with the page that it is in
            if isinstance(event, Message) and event.seq > place.reach.seq and timeline.item(event.seq) is None:
                self.heard(place, event, live=False)
            elif isinstance(event, Message | Deleted | Joined | Left | Renamed):
                timeline.add(event)
            if isinstance(event, Message) and self.is_mine(event) and (item := timeline.item(event.seq)):
                item.state = item.state or "stored"
        place.reach = place.reach._replace(epoch=epoch)

    def come_into(self, place: Place, now: Now, read: int, unread: int, mentions: int) -> None:
        """As the server tells it: what comes next is behind `now`."""
        if place.reach.epoch != now.epoch and place.reach.epoch:
            place.timeline.clear()
            place.read = 0
        place.gone = ""
        place.reach = place.reach._replace(seq=now.seq, rev=now.rev, epoch=now.epoch)
        place.read = max(place.read, read) if now.seq >= place.read else read
        place.unread, place.mentions = unread, mentions
        if place.id == self.current and unread and place.mark is None:
            place.mark = place.read
        self.revision += 1

    def end_others(self, told: Conversations) -> None:
        listed = {place_at("", state.conversation) for state in told.direct}
        for place in self.places.values():
            if place.is_direct and not place.is_new and place.id not in listed and not place.gone and not told.more:
                place.gone = ENDED

    def shared(self, room: str, name: str) -> Iterator[Place]:
        """The rooms that one shares with somebody: what happens to them is told in one of them, and holds in all."""
        for place in self.places.values():
            if not place.is_direct and (place.id == room or name in place.members):
                yield place

    def where(self, item: Message | HistoryPage) -> Place:
        if item.conversation:
            return self.direct(item.conversation, item.with_)
        return self.room(item.room) if item.room else (self.place or self.room(self.server))

    def known(self, item: object) -> Place | None:
        """The place that is meant by what has a room or a conversation, if one has it."""
        return self.places.get(place_of(item)) if hasattr(item, "conversation") else None  # type: ignore[arg-type]

    def _make_room(self) -> None:
        total = sum(len(place.timeline) for place in self.places.values())
        for place in sorted(self.places.values(), key=lambda one: one.heard):
            if total <= KEPT_IN_ALL:
                return
            if place.id != self.current:
                before = len(place.timeline)
                place.timeline.shrink(LEAST_KEPT)
                total -= before - len(place.timeline)
