"""Where something is said, as one word: a room, or what two people say to each other alone."""

from typing import Protocol

# Before the id of a conversation. No room's name begins so.
DIRECT = "@"


class Told(Protocol):
    """What is told of a room, or of a conversation; `room` is empty then."""

    @property
    def room(self) -> str: ...

    @property
    def conversation(self) -> str: ...


def place_of(item: Told) -> str:
    return place_at(item.room, item.conversation)


def place_at(room: str, conversation: str) -> str:
    return f"{DIRECT}{conversation}" if conversation else room


def conversation_at(place: str) -> str:
    """The id of the conversation; empty where it is a room."""
    return place.removeprefix(DIRECT) if place.startswith(DIRECT) else ""
