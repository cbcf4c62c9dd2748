"""What was missed, as it would have been told: to who goes on as if nothing had been."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from greenchat.client import Client, ClientError, Cursor, RefusedError
from greenchat.client.cursor import Place
from greenchat.client.places import conversation_at, place_at
from greenchat.protocol.events import EPOCH, Change, Deleted, Edited, Event, Message
from greenchat.protocol.replies import Conversations, HistoryPage, Welcome
from greenchat.protocol.requests import Frame

NO_HISTORY = "This server keeps no history: what was said meanwhile is not known."

# So much of it is put in the order in which it was said at once, in messages; the server tells it by what has become of
# it last.
AT_ONCE = 1000


def as_told(events: Iterable[Message | Deleted], latest: int, until: datetime) -> Iterator[Message | Change]:
    """These, which `Client.catch_up` brings. `latest` is the id of the latest message that was told, and `until` when
    the latest of all had happened: ids rise, over restarts, too. Who has put an emoji where meanwhile is not known.

    Raises what `events` raise, once all has been told that came before.
    """
    batch: list[Message | Deleted] = []
    problem: ClientError | None = None
    try:
        for event in events:
            batch.append(event)
            if len(batch) == AT_ONCE:
                yield from _in_order(batch, latest, until)
                batch = []
    except ClientError as error:
        problem = error
    yield from _in_order(batch, latest, until)
    if problem is not None:
        raise problem


def _in_order(events: list[Message | Deleted], latest: int, until: datetime) -> Iterator[Message | Change]:
    for event in sorted(events, key=lambda event: event.seq):
        if isinstance(event, Deleted) or event.id > latest:
            yield event
        elif event.edited is not None and event.edited > until:
            yield Edited(event.room, event.seq, event.rev, event.text, event.sender, event.edited, event.conversation)


class Reached:
    """How far one has been told of what happens in the rooms that one looks at, and in conversations of two."""

    def __init__(self) -> None:
        self._cursor = Cursor()
        self._epoch = ""  # of conversations

    def come_into(self, welcome: Welcome) -> None:
        """What happens in that room matters from now on."""
        if welcome.room and welcome.epoch and welcome.room not in self._cursor:
            self._cursor[welcome.room] = _now(welcome.epoch, welcome.rev)

    def told(self, item: Event | Frame) -> None:
        """To be called with each, in order."""
        cursor = self._cursor
        match item:
            case HistoryPage(ref=None, room=room) if room in cursor:  # what was said before one came
                numbers = [event.id for event in item.events if isinstance(event, Message)]
                cursor[room] = replace(cursor[room], id=max([cursor[room].id, *numbers]))
            case Conversations():
                self._epoch = item.epoch
                for state in item.direct:
                    place = place_at("", state.conversation)
                    if place not in cursor:
                        cursor[place] = _now(item.epoch, state.rev)
            case _:
                cursor.passed(item, self._epoch)

    def missed(self, client: Client) -> Iterator[Message | Change]:
        """What has happened since, to who has come back by this `client`, and has not received anything by it yet; but
        for what one has said oneself. Raises `ClientError`."""
        since = self._cursor.latest or EPOCH
        places = [room for room in client.rooms if room in self._cursor]
        for state in client.overview().direct:
            place = place_at("", state.conversation)
            if place not in self._cursor:
                self._cursor.begin_at(place, since)  # it has begun meanwhile
            places.append(place)
        for place in places:
            yield from self._missed(client, place)

    def _missed(self, client: Client, place: str) -> Iterator[Message | Change]:
        conversation = conversation_at(place)
        events = client.catch_up("" if conversation else place, self._cursor, conversation=conversation)
        try:
            for item in as_told(events, self._cursor[place].id, self._cursor[place].time):
                if not (isinstance(item, Message) and (item.own or item.sender == client.name)):
                    yield item
        except RefusedError:
            pass  # it has ended in this very moment, or was never to be told


def _now(epoch: str, rev: int) -> Place:
    return Place(epoch, rev, 0, datetime.now(UTC))
