"""What happens in a chat. Events are immutable, and the same to every codec, plugin and client.

All times are UTC. A field that a codec cannot carry (plain frames have no room) is at its default in a client.
"""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from greenchat.protocol.requests import Ref

EPOCH = datetime.fromtimestamp(0, UTC)


class Event(Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag=str.lower):
    """Anything that happens. `gc=False`: an event holds no other container, so the collector need not visit it."""


E = TypeVar("E", bound=Event)


def require_sound(event: E) -> E:
    """`event`, as it comes from a plugin. Raises `TypeError` or `ValueError` where something in it is not what it is
    declared to be, or cannot be sent."""
    msgspec.json.decode(msgspec.json.encode(event), type=type(event))
    return event


class File(Struct, frozen=True, gc=False, omit_defaults=True):
    """A file that comes with a message: its `name`, its `type` such as "image/png", its `size` in bytes; of a picture
    that may be shown where the message is, how wide and high it is.

    `url` is where it is to be read, for some hours, and `thumb` where a small copy of a large picture is: a whole
    address, or a path on the port of the chat. Who keeps messages keeps neither: who reads is given new ones.
    """

    id: str
    name: str
    type: str
    size: int
    width: int = 0
    height: int = 0
    url: str = ""
    thumb: str = ""

    @property
    def as_kept(self) -> "File":
        """All of it but where it is: that holds for some hours, and lets who has it read the file."""
        return replace(self, url="", thumb="")


class Message(Event, frozen=True, gc=False, tag="message"):
    """Somebody said something in a room; or to one person alone: then `room` is empty, `conversation` is the id of what
    these two say to each other, whatever they are called, and `with_` how who gets it calls the other one. Nobody else
    sees that, observers included.

    `seq` rises by one a message in its room, without gaps. `id` is unique in the whole server, also across restarts; it
    rises in a room, and says nothing of what was said first in two of them. `rev` is its last change's place among all
    that has happened in its room. All three are 0 until all checks have passed. `action` marks a `/me`. `own`: who gets
    it has said it themselves, on another device.

    `reply_to` is the message there that it answers, 0 for none. `edited` is when its text was changed last, if it
    was; `reactions` are who has put which emoji to it, and None where nobody has. `account` is the key of the name that
    the sender was logged in to; empty for a guest. `files` come with it, None where there are none: its `text` is what
    was written beside them, or else the name of the first.
    """

    room: str
    seq: int
    id: int
    sender: str
    text: str
    time: datetime
    action: bool = False
    own: bool = False
    rev: int = 0
    reply_to: int = 0
    edited: datetime | None = None
    reactions: dict[str, list[str]] | None = None
    account: str = ""
    conversation: str = ""
    with_: str = field(name="with", default="")
    files: list[File] | None = None


class Edited(Event, frozen=True, gc=False, tag="edited"):
    """The message `seq` of `room`, or of a `conversation`, says `text` from now on, as `by` wants it, who has said it.
    `rev` is this change's place among all that has happened there."""

    room: str
    seq: int
    rev: int
    text: str
    by: str
    time: datetime
    conversation: str = ""


class Deleted(Event, frozen=True, gc=False, tag="deleted"):
    """The message `seq` of `room` is gone: `by` has deleted it, who has said it or keeps order. `rev` and
    `conversation` as in `Edited`."""

    room: str
    seq: int
    rev: int
    by: str
    time: datetime
    conversation: str = ""


class Reacted(Event, frozen=True, gc=False, tag="reacted"):
    """`by` has put an `emoji` to the message `seq` of `room`; or taken it away again, where it is not `on`. `rev`
    and `conversation` as in `Edited`."""

    room: str
    seq: int
    rev: int
    by: str
    emoji: str
    on: bool
    time: datetime
    conversation: str = ""


class Ended(Event, frozen=True, gc=False, tag="ended"):
    """A conversation has ended, for a `reason` to be read: no words go to whoever is called as `with_` was."""

    conversation: str
    with_: str = field(name="with")
    reason: str


class Read(Event, frozen=True, gc=False, tag="read"):
    """Who gets this has read a room up to the message `seq`, or a `conversation`, and then `room` is empty; on another
    device."""

    room: str
    seq: int
    conversation: str = ""


class Joined(Event, frozen=True, gc=False, tag="joined"):
    """`name` came into `room`, where it is "operator", "owner" or neither (empty). `bot`: a plugin moves it."""

    room: str
    name: str
    time: datetime
    role: str = ""
    bot: bool = False


class Left(Event, frozen=True, gc=False, tag="left"):
    """`name` went out of `room`, for `reason` ("left", "left: " and why, "connection lost", ...): put out `by`
    somebody, if that is not empty; or out of the whole chat, if they are `gone`."""

    room: str
    name: str
    reason: str
    time: datetime
    by: str = ""
    gone: bool = False


class Renamed(Event, frozen=True, gc=False, tag="renamed"):
    """`name` is called `new_name` from now on."""

    room: str
    name: str
    new_name: str
    time: datetime


class Notice(Event, frozen=True, gc=False, tag="notice"):
    """The server tells something. `room` is empty when it is told to one session, or to all. `ref` is that of the
    request for which it is told.

    Where somebody has kept order, or set something for the room, it says so to programs as the audit trail has it: see
    `ModerationAction`.
    """

    text: str
    room: str = ""
    ref: Ref = None
    act: str = ""
    by: str = ""
    target: str = ""
    details: str = ""


class Topic(Event, frozen=True, gc=False, tag="topic"):
    """What `room` is about, from now on, as `by` has set it. Empty: nothing any more."""

    room: str
    topic: str
    by: str
    time: datetime


class Pinned(Event, frozen=True, gc=False, tag="pinned"):
    """`by` has pinned the message `seq` of `room`, which `sender` has said; or, where it is not `on`, has taken it off
    again, as who deletes it does, and then no `sender` is told."""

    room: str
    seq: int
    by: str
    on: bool
    time: datetime
    sender: str = ""


class Away(Event, frozen=True, gc=False, tag="away"):
    """`name` is away, and `why`; an empty `why` is "back again"."""

    room: str
    name: str
    why: str
    time: datetime


class Role(Event, frozen=True, gc=False, tag="role"):
    """`name` is "operator" (in the whole chat), "owner" (of `room`) or neither (empty), from now on."""

    room: str
    name: str
    role: str
    time: datetime


class Invited(Event, frozen=True, gc=False, tag="invited"):
    """`by` asks whoever gets this, who is called `name`, to come into `room`, and may have opened it for them."""

    room: str
    by: str
    time: datetime
    name: str = ""


class ModerationAction(Event, frozen=True, gc=False, tag="acted"):
    """Somebody kept order. For the hook `greenchat_acted` only: an audit trail keeps it.

    `act` is one word or two ("kick", "unban"), done by `by` (a name; "shell" for the server's command line) to `target`
    (a name, an address, a network, or nothing), in `room` or, where that is empty, in the whole chat.
    """

    by: str
    act: str
    target: str
    room: str
    details: str
    time: datetime


class Refused(Event, frozen=True, gc=False, tag="refused"):
    """A request of a session was refused. For observers only: the session itself gets an `Error`.

    `name` is empty before JOIN. `text` is the reason as the sender saw it. It may quote a few characters of what was
    sent (codes unknown_type, unknown_command, unknown_user, ...): `printable` makes it fit for a log, but does not make
    a password that was typed in the wrong place fit for one.
    """

    session: int
    name: str
    code: str
    text: str
    time: datetime


# What changes a message that was said.
Change = Edited | Deleted | Reacted

# What a history keeps of what happens in a room.
PastEvent = Message | Joined | Left | Renamed
