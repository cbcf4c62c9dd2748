"""What clients ask, and what one client alone is answered. What all see is in events.py.

A frame is what a codec makes of one line. Its `ref`, where the codec has one, comes back in the answer.
"""

from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct, field

from greenchat.protocol.events import Joined, Left, Message, Renamed

Ref = int | str | None
Time = Annotated[datetime, Meta(tz=True)]


class Frame(Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag=str.lower):
    """Anything that crosses the wire between one client and the server."""


# --- a client asks ---------------------------------------------------------------------------------------------------


class Join(Frame, frozen=True, gc=False, tag="join"):
    """Come in as `name`; an empty `room` is the server's default room. Who is in already comes into one more room.

    `password` is the server's, if it has one, `key` the room's, `login` the one of the account called `name`.
    """

    name: str = ""
    room: str = ""
    ref: Ref = None
    password: str = ""
    key: str = ""
    login: str = ""

    def __repr__(self) -> str:
        return f"Join(name={self.name!r}, room={self.room!r}, ref={self.ref!r})"  # secrets do not get into a log


class Say(Frame, frozen=True, gc=False, tag="say"):
    """Say `text` in a `room` that one is in; or to one person, by the id of the `conversation` with them, or `to` who
    is called so. Where nothing is named, it is the only room that one has been in."""

    text: str
    room: str = ""
    ref: Ref = None
    conversation: str = ""
    to: str = ""


class Leave(Frame, frozen=True, gc=False, tag="leave"):
    """Go: out of one of several rooms; or else altogether, and the connection closes once everything is delivered."""

    room: str = ""
    ref: Ref = None


class History(Frame, frozen=True, gc=False, tag="history"):
    """What was said in a room: at most `limit` messages, the latest of those that all the conditions leave.

    `before` and `after` are sequence numbers, 0 for no condition; `since` (from then on) and `until` (before then) are
    times. With `after` or `since`, and neither `before` nor `until`, it is the earliest of them: the next page.
    """

    room: str = ""
    before: int = 0
    after: int = 0
    since: Time | None = None
    until: Time | None = None
    limit: int = 50
    ref: Ref = None


class Search(Frame, frozen=True, gc=False, tag="search"):
    """The latest messages with all the words of `text`: in `room`, or in all rooms that one may read; with an `id`
    below `before`, unless that is 0."""

    text: str
    room: str = ""
    before: int = 0
    limit: int = 20
    ref: Ref = None


class Ping(Frame, frozen=True, gc=False, tag="ping"):
    """Are you there?"""

    ref: Ref = None


class Pong(Frame, frozen=True, gc=False, tag="pong"):
    """I am."""

    ref: Ref = None


class Status(Frame, frozen=True, gc=False, tag="status"):
    """How is the server? It tells whoever asks from its own machine."""

    ref: Ref = None


class Unknown(Frame, frozen=True, gc=False):
    """Well-formed, but of no type the core knows. A plugin may take it; else the sender gets an ERROR.

    `kind` is the type as it was written, `body` what followed: the rest of a plain line, or the whole JSON line.
    """

    kind: str
    body: str
    ref: Ref = None


class Invalid(Frame, frozen=True, gc=False):
    """Not to be understood: `code` and `text` say why and what to do. `fatal`: no frame can follow it any more."""

    code: str
    text: str
    ref: Ref = None
    fatal: bool = False


Request = Join | Say | Leave | History | Search | Ping | Pong | Status | Unknown | Invalid

# --- the server answers ----------------------------------------------------------------------------------------------


class Welcome(Frame, frozen=True, tag="welcome"):
    """The answer to Join. `members` are the names in the room, the newcomer's among them; of very many some, and
    `members_more` is how many there are besides. `roles` are who of them is "operator" or "owner"; `away` who of them
    is, and why. `seq` is the room's latest message; `account` whose account
    one is logged in to; `limits` what the server allows (see `Limits.announced`); `hint` a sentence for people."""

    name: str
    room: str
    members: list[str]
    seq: int
    limits: dict[str, int | float]
    server: str
    hint: str = ""
    ref: Ref = None
    topic: str = ""
    account: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    away: dict[str, str] = field(default_factory=dict)
    members_more: int = 0


class Answer(Frame, frozen=True, kw_only=True):
    """The root of what commands answer. `lines` is what it says to people: a plain client gets them as INFO, a JSON
    client gets them as well as the other fields. Plugins declare their own:

    class Rolled(Answer, frozen=True, kw_only=True, tag="rolled"):
        eyes: int
    """

    lines: list[str] = field(default_factory=list)
    ref: Ref = None


class HistoryPage(Frame, frozen=True, tag="history"):
    """The answer to History, also told to who comes into a room. `events` are messages, and comings and goings where
    those are kept, in their order. `more`: there are more messages beyond it, in the direction that was asked for."""

    room: str
    events: list[Message | Joined | Left | Renamed]
    more: bool = False
    ref: Ref = None


class SearchResults(Frame, frozen=True, tag="found"):
    """The answer to Search: messages, the latest first. `more`: there are older ones."""

    text: str
    messages: list[Message]
    more: bool = False
    ref: Ref = None


class Ack(Frame, frozen=True, gc=False, tag="ack"):
    """The message asked for with `ref` was said, as `seq` of its room, under `id`; or in a `conversation` with one
    person, who is called `with_`. Where a plugin has taken it, as a command say, none of these is there."""

    ref: Ref
    seq: int = 0
    id: int = 0
    conversation: str = ""
    with_: str = field(name="with", default="")


class Stats(Frame, frozen=True, tag="stats"):
    """The answer to Status. What has no other unit is a number since the server's start, or of this moment.

    `deliveries` counts each message as often as there were members to get it. `waiting_bytes` is what waits for clients
    that read slower than their room talks, `waiting_bytes_most` for the slowest. `refusals` are by their codes.
    `loop_lag_seconds` is the longest turn of the event loop within the last minute or two: nobody was served meanwhile.
    """

    server: str
    uptime_seconds: float
    sessions: int
    sessions_in_all: int
    members: int
    rooms: int
    messages: int
    deliveries: int
    waiting_bytes: int
    waiting_bytes_most: int
    refusals: dict[str, int]
    loop_lag_seconds: float
    ref: Ref = None

    def rows(self) -> list[tuple[str, str]]:
        """A label and what there is to say of it, for people."""
        refused = ", ".join(f"{code} {count:,}" for code, count in sorted(self.refusals.items()))
        return [
            ("server", self.server),
            ("up", f"{timedelta(seconds=int(self.uptime_seconds))}"),
            ("sessions", f"{self.sessions:,} now, {self.sessions_in_all:,} in all"),
            ("members", f"{self.members:,} in {self.rooms:,} room{'s' * (self.rooms != 1)}"),
            ("messages", f"{self.messages:,}, delivered {self.deliveries:,} times"),
            ("waiting", f"{self.waiting_bytes:,} bytes for slow readers, {self.waiting_bytes_most:,} for the slowest"),
            ("refused", refused or "nothing"),
            ("loop lag", f"{self.loop_lag_seconds * 1000:.0f} ms at most, of late"),
        ]


class Error(Frame, frozen=True, gc=False, tag="error"):
    """A request was refused: `code` for programs, `text` for people."""

    code: str
    text: str = field(default="")
    ref: Ref = None
