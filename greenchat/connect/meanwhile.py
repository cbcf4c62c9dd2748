"""What has happened while the connection was lost, as one is told when one is back."""

from collections.abc import Iterator, Mapping

from greenchat.client import Client
from greenchat.client.places import place_at
from greenchat.codecs.wording import between
from greenchat.connect.common import Line, clean
from greenchat.connect.draft import is_command, said_as
from greenchat.connect.model.asking import Asked
from greenchat.connect.model.chats import Chats
from greenchat.connect.model.marks import Mark, Missed, Now, is_after
from greenchat.connect.reading import Gap
from greenchat.connect.said import is_called, said_alone
from greenchat.connect.telling import Telling
from greenchat.protocol.events import Message, PastEvent
from greenchat.protocol.replies import DirectState


class Meanwhile:
    """By places: what was `missed`, and `marks`, how far each had been shown."""

    def __init__(
        self,
        chats: Chats,
        telling: Telling,
        client: Client,
        missed: Mapping[str, Missed],
        marks: Mapping[str, Mark],
    ) -> None:
        self._chats = chats
        self._telling = telling
        self._missed = missed
        self._now = {room: Now.of(welcome, welcome.epoch) for room, welcome in client.rooms.items()}
        self._talks: dict[str, DirectState] = {}
        self._marks = dict(marks)
        self._events = {
            place: [event for event in each.events if isinstance(event, PastEvent)] for place, each in missed.items()
        }
        if (told := client.conversations) is None:
            return
        chats.direct_epoch = told.epoch
        for state in told.direct:
            place, now = place_at("", state.conversation), Now.of(state, told.epoch)
            if place in missed:
                self._talks[place], self._now[place] = state, now
                self._marks.setdefault(place, Mark(seq=state.read))
            if place in missed or not state.unread:
                telling.come_into(chats.direct(state.conversation, state.with_), now)
            else:
                telling.forget(place)  # of it one is told as of a new one

    def found(self, said: Asked, name: str) -> Message | None:
        """What was `said`, by who is called `name`, if the history has it. It is not told as missed then."""
        for place, there in self._events.items():
            for event in there:
                if isinstance(event, Message) and self._is(event, said, name, place):
                    there.remove(event)
                    self._telling.past(self._chats.where(event), event)
                    return event
        return None

    def _is(self, event: Message, said: Asked, name: str, place: str) -> bool:
        if event.action:
            return False
        if event.conversation:
            words, to = said_alone(said.line)
            if event.text != words or (to and not is_called(event.with_, to)):
                return False
            return event.own and is_after(event, self._marks.get(place, Mark())._replace(seq=0))
        text = "" if is_command(said.line) else said_as(said.line)
        room = said.place.id if said.place is not None else ""
        return (event.room, event.sender, event.text) == (room, name, text) and event.seq > said.seq

    def told(self, here: str) -> Iterator[Line]:
        """`here` is the room that is seen."""
        for place in sorted(self._missed, key=lambda place: place == here):  # what one looks at comes last
            there = self._chats.places.get(place) or self._chats.room(place)
            mark, talk = self._marks.get(place, Mark()), self._talks.get(place)
            where = between(talk.with_) if talk is not None else f"in {place}"
            yield from self._telling.told_missed(there, where, self._events[place], mark, self._missed[place].gap)
            if place in self._now:
                where = "" if place == here or talk is not None else f"[{clean(place)}] "
                yield from self._telling.told_changes(where, self._missed[place].events, mark, self._now[place])

    def skipped(self) -> Iterator[tuple[str, Gap]]:
        """What of conversations is not told by that."""
        for place, talk in self._talks.items():
            if self._missed[place].gap:
                yield place, Gap(talk.read + 1, self._missed[place].first(talk.seq) - 1)

    def shown(self, here: str) -> Iterator[tuple[str, int]]:
        """What one has read by that: up to which message."""
        for place, now in self._now.items():
            if place in self._talks or (place == here and place in self._missed):
                yield place, now.seq
