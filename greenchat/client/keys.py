"""What may be said again once the connection was lost, and by which key the server knows it then."""

import secrets
from contextlib import suppress
from typing import Protocol

from msgspec.structs import replace

from greenchat.client.connection import JSON
from greenchat.protocol.replies import Conversations, Welcome
from greenchat.protocol.requests import Say
from greenchat.protocol.text import slash_at

# From this version of the protocol on, servers know keys.
KNOWS_KEYS = 2

KEY_BYTES = 12  # of chance: nobody hits the same twice


class Joined(Protocol):
    """`Client`, as far as it matters here."""

    protocol: int
    repeats: bool
    rooms: dict[str, Welcome]
    conversations: Conversations | None

    def limit(self, name: str) -> float: ...


def with_key(client: Joined, say: Say) -> Say | None:
    """How `say` is to be said again, with its key and its place; None where it has none. A command is done each time,
    and who has a name may be somebody else by then."""
    at = slash_at(say.text)
    is_command = at >= 0 and not say.text.startswith("/", at + 1)
    if client.protocol < KNOWS_KEYS or not client.repeats or is_command or say.to:
        return None
    room = say.room
    if not (room or say.conversation):
        if len(client.rooms) != 1:
            return None
        (room,) = client.rooms
    again = replace(say, room=room, key=secrets.token_urlsafe(KEY_BYTES))
    most = int(client.limit("frame_bytes"))
    with suppress(UnicodeEncodeError):  # it will be refused
        if not most or len(JSON.encode_request(again)) - 1 <= most:
            return again
    return None


def may_repeat(say: Say, before: Joined, now: Joined) -> bool:
    """Whether the message that it answers, if it answers one, has the same number `now`."""
    return not say.reply_to or _epoch(before, say) == _epoch(now, say) != ""


def _epoch(client: Joined, say: Say) -> str:
    if say.conversation:
        return client.conversations.epoch if client.conversations is not None else ""
    return client.rooms[say.room].epoch if say.room in client.rooms else ""
