"""Ids of messages, as clients know them. Each says its place and its number there, so that changes, which name no more
than these, say the same; and what is told to many needs no list of ids."""

from zlib import crc32

from greenchat import Reject, require_room

from .names import is_channel, room_of

# No number of a message has more digits.
MOST_DIGITS = 15


def mark_of(place: str) -> str:
    """What all ids of a room begin with, or those of a conversation, by its id."""
    return f"{crc32(place.encode()):08x}-"


def msgid(place: str, seq: int) -> str:
    return f"{mark_of(place)}{seq}"


def seq_in(given: str, target: str, talk: str = "") -> int:
    """The number in an id that was `given`, of a message in the room `target`, or in the conversation with the id
    `talk`. 0 for what is none, or is of another place."""
    mark, _, number = given.partition("-")
    if not (number.isascii() and number.isdecimal()) or len(number) > MOST_DIGITS:
        return 0
    place = talk
    if is_channel(target):
        try:
            place = require_room(room_of(target), 0)
        except Reject:
            return 0
    return int(number) if place and f"{mark}-" == mark_of(place) else 0
