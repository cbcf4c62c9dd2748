"""The vocabulary: every kind of event, request and answer of the core, each in one entry.

Codecs, clients, rooms and the tests of the documentation take their lists from here. A new kind is a struct in
events.py, requests.py or replies.py, one entry here and, where people are to read of it, its sentence in
codecs/wording.py. Plugins declare events and answers of their own, which need no entry.
"""

from enum import Enum
from functools import reduce
from operator import or_
from typing import Any, NamedTuple, get_args

from msgspec import Struct

from greenchat.protocol.events import (
    Away,
    Deleted,
    Edited,
    Ended,
    Event,
    Invited,
    Joined,
    Left,
    Message,
    ModerationAction,
    Notice,
    Pinned,
    Reacted,
    Read,
    Refused,
    Renamed,
    Role,
    Topic,
)
from greenchat.protocol.plugin_reports import Touches, Why
from greenchat.protocol.reload_reports import Reconnect, Reload, Reloaded
from greenchat.protocol.replies import (
    Ack,
    Branded,
    CommandList,
    Conversations,
    CursorPlaces,
    Error,
    Exported,
    HistoryPage,
    Levels,
    Pins,
    SearchResults,
    Stats,
    UploadPlace,
    Welcome,
)
from greenchat.protocol.requests import (
    Delete,
    Edit,
    Export,
    Hangup,
    History,
    Invalid,
    Join,
    KeepCursor,
    Leave,
    ListCommands,
    ListMentions,
    MarkRead,
    Ping,
    Pong,
    React,
    RunCommand,
    Say,
    Search,
    Status,
    Unknown,
)


class Told(Enum):
    """Who is told of an event, besides plugins."""

    ROOM = "all who are in its room"
    ONE = "one person alone"
    NOBODY = "nobody"


class EventKind(NamedTuple):
    """`words`: somebody has written what is in it, and who ignores them is not told."""

    type: type[Event]
    told: Told
    words: bool = False


EVENTS = [
    EventKind(Message, Told.ROOM, words=True),
    EventKind(Edited, Told.ROOM, words=True),
    EventKind(Deleted, Told.ROOM),
    EventKind(Reacted, Told.ROOM, words=True),
    EventKind(Ended, Told.ONE),
    EventKind(Read, Told.ONE),
    EventKind(Joined, Told.ROOM),
    EventKind(Left, Told.ROOM),
    EventKind(Renamed, Told.ROOM),
    EventKind(Topic, Told.ROOM),
    EventKind(Pinned, Told.ROOM),
    EventKind(Away, Told.ROOM, words=True),
    EventKind(Role, Told.ROOM),
    EventKind(Invited, Told.ONE),
    EventKind(Notice, Told.ROOM),
    EventKind(ModerationAction, Told.NOBODY),
    EventKind(Refused, Told.NOBODY),
]

# What a client can ask, in whatever language has a word for it.
Asked = (
    Join
    | Say
    | RunCommand
    | ListCommands
    | Edit
    | Delete
    | React
    | MarkRead
    | KeepCursor
    | Leave
    | History
    | Search
    | ListMentions
    | Export
    | Ping
    | Pong
    | Status
    | Why
    | Reload
)

# What comes in, then: also what is not understood.
Request = Asked | Hangup | Unknown | Invalid

# What a client is answered, besides what commands answer; and a ping, which asks the client.
Reply = (
    Welcome
    | Branded
    | Conversations
    | HistoryPage
    | SearchResults
    | Exported
    | CursorPlaces
    | CommandList
    | Levels
    | UploadPlace
    | Pins
    | Ack
    | Stats
    | Touches
    | Reloaded
    | Reconnect
    | Error
    | Ping
    | Pong
)


# --- what others take from it ----------------------------------------------------------------------------------------

TOLD_IN_ROOMS = tuple(kind.type for kind in EVENTS if kind.told is Told.ROOM)
NOT_TOLD_IN_ROOMS = tuple(kind.type for kind in EVENTS if kind.told is not Told.ROOM)
WITH_WORDS = tuple(kind.type for kind in EVENTS if kind.words)

REQUESTS: tuple[type[Struct], ...] = get_args(Asked)
REPLIES: tuple[type[Struct], ...] = get_args(Reply)

# All that the server sends to a client.
SENT: tuple[type[Struct], ...] = (*(kind.type for kind in EVENTS if kind.told is not Told.NOBODY), *REPLIES)


def room_of(event: object) -> str:
    """The room whose members are told of `event`; empty where it is nothing that is told in rooms."""
    return event.room if isinstance(event, TOLD_IN_ROOMS) else ""  # type: ignore[attr-defined]  # each of them has one


def any_of(kinds: tuple[type[Struct], ...]) -> Any:
    """The type of what is of one of these kinds, for a decoder."""
    return reduce(or_, kinds)


def tags(kinds: tuple[type[Struct], ...]) -> frozenset[str]:
    """What these kinds are called on the wire, as `type`."""
    return frozenset(str(kind.__struct_config__.tag) for kind in kinds)
