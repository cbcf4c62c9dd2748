"""The conversations of two that a program follows: of each, what was missed comes before what is said there now."""

from collections.abc import Callable, Iterator

from greenchat.client.asking import Logged
from greenchat.client.cursor import Cursor
from greenchat.client.errors import RefusedError
from greenchat.client.places import conversation_at, place_at, place_of
from greenchat.protocol.events import Deleted, Ended, Event, Message
from greenchat.protocol.replies import Conversations
from greenchat.protocol.requests import Frame

# What has ended cannot be caught up with; and this not now.
GONE, NOT_NOW = "conversation_gone", "history_off"


class Talks:
    """`cursor` is how far the program has got, and `catch_up` tells what it has missed in a conversation.

    What is said in a conversation may come before the list of all of them, or be of one that is not in the list. The
    cursor must not move behind that while something before it has not been told."""

    def __init__(self, cursor: Cursor, catch_up: Callable[[str], Iterator[Message | Deleted]]) -> None:
        self._cursor = cursor
        self._catch_up = catch_up
        self._since = cursor.latest  # None if it was never moved. What it does not know has begun later
        self._caught: set[str] = set()  # where what comes is right behind the cursor
        self._ahead: set[tuple[str, int]] = set()  # what was told although it is not

    def forget_ended(self, told: Conversations) -> None:
        """Those that are not there any more by this list: else they were kept for ever."""
        listed = {place_at("", state.conversation) for state in told.direct}
        for place in self._cursor.direct if not told.more else ():
            if place not in listed and place not in self._caught:  # or it has begun since the list was made
                self._cursor.forget(place)

    def missed(self, told: Conversations) -> Iterator[Message | Deleted]:
        """What was missed in all conversations that there are by this list."""
        cursor = self._cursor
        listed = {place_at("", state.conversation): state for state in told.direct}
        for place, state in listed.items():
            if place not in cursor and self._since is not None:
                cursor.begin_at(place, self._since)
            elif place in cursor and cursor[place].epoch == told.epoch and cursor[place].rev >= state.rev:
                self._caught.add(place)
                continue
            yield from self._unless_gone(place)
        if told.more and listed:  # without any, they cannot be read at the moment
            for place in cursor.direct:
                if place not in listed and place not in self._caught:
                    yield from self._unless_gone(place)

    def told(self, item: Event | Frame, epoch: str) -> Iterator[Event | Frame]:
        """What has just come, behind what was missed before it. `epoch` is that of conversations."""
        cursor = self._cursor
        if isinstance(item, Ended):
            self._caught.discard(place_at("", item.conversation))
        elif isinstance(item, Logged) and item.conversation and item.rev:
            place = place_of(item)
            if place not in cursor and self._since is not None:
                cursor.begin_at(place, min(self._since, item.time))
            if place in cursor and place not in self._caught:
                try:
                    yield from self._caught_up(place)
                except RefusedError as refusal:
                    if refusal.code not in (GONE, NOT_NOW):
                        raise
                    if refusal.code == GONE:
                        cursor.forget(place)
                    elif isinstance(item, Message):
                        self._ahead.add((place, item.rev))
                    yield item
                    return
                if cursor[place].rev >= item.rev:
                    return
            self._caught.add(place)
        yield item
        cursor.passed(item, epoch)

    def _unless_gone(self, place: str) -> Iterator[Message | Deleted]:
        try:
            yield from self._caught_up(place)
        except RefusedError as refusal:
            if refusal.code != GONE:
                raise
            self._cursor.forget(place)

    def _caught_up(self, place: str) -> Iterator[Message | Deleted]:
        for event in self._catch_up(conversation_at(place)):
            if (place, event.rev) not in self._ahead:
                yield event
        self._caught.add(place)
