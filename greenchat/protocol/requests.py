"""What clients ask. What they are answered is in replies.py, and what all see in events.py.

A frame is what a codec makes of one line. Its `ref`, where the codec has one, comes back in the answer.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

Ref = int | str | None
Value = str | int | float | bool
Time = Annotated[datetime, Meta(tz=True)]


class Frame(Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag=str.lower):
    """Anything that crosses the wire between one client and the server."""


class Join(Frame, frozen=True, gc=False, tag="join"):
    """Come in as `name`; an empty `room` is the server's default room, None is no room but those that one had not left.
    Who is in already comes into one more room.

    `password` is the server's, if it has one, `key` the room's, `login` the one of the account called `name`. With a
    `token` of an earlier welcome one is who one was then. `device` names the device on which one wants to stay logged
    in. Without `replay` this session is not told what was said in rooms before it came.
    """

    name: str = ""
    room: str | None = ""
    ref: Ref = None
    password: str = ""
    key: str = ""
    login: str = ""
    token: str = ""
    device: str = ""
    replay: bool = True

    def __repr__(self) -> str:
        return f"Join(name={self.name!r}, room={self.room!r}, ref={self.ref!r})"  # secrets do not get into a log


class Say(Frame, frozen=True, gc=False, tag="say"):
    """Say `text` in a `room` that one is in; or to one person, by the id of the `conversation` with them, or `to` who
    is called so. Where nothing is named, it is the only room that one has been in. `reply_to` is the sequence number of
    the message there that it answers; 0 for none. With a `key`, it is said once, however often it comes. Between the
    lines of a `text` there is a "\\n"."""

    text: str
    room: str = ""
    ref: Ref = None
    conversation: str = ""
    to: str = ""
    reply_to: int = 0
    key: str = ""


class RunCommand(Frame, frozen=True, gc=False, tag="command"):
    """Run the command called `name` with `args`, by the names of its arguments (see `CommandList`): in a `room` that
    one is in, or with one person, as an answer to a message there perhaps. As in Say, but for the `key`: commands have
    none, and are run each time."""

    name: str
    args: dict[str, Value | list[Value] | None] = field(default_factory=dict)
    room: str = ""
    ref: Ref = None
    conversation: str = ""
    to: str = ""
    reply_to: int = 0
    key: str = ""

    def __repr__(self) -> str:
        return f"RunCommand(name={self.name!r}, room={self.room!r}, ref={self.ref!r})"  # secrets do not get into a log


class ListCommands(Frame, frozen=True, gc=False, tag="commands"):
    """Which commands may one run, and with which arguments? Also before JOIN."""

    ref: Ref = None


class Edit(Frame, frozen=True, gc=False, tag="edit"):
    """The message `seq` of a room, which one has said, is to say `text` from now on. `room` as in Say; or it is in a
    `conversation` with one person."""

    seq: int
    text: str
    room: str = ""
    ref: Ref = None
    conversation: str = ""


class Delete(Frame, frozen=True, gc=False, tag="delete"):
    """The message `seq` of a room is to be gone: one's own, or of others where one keeps order. `conversation` as in
    Edit."""

    seq: int
    room: str = ""
    ref: Ref = None
    conversation: str = ""


class React(Frame, frozen=True, gc=False, tag="react"):
    """Put an `emoji` to the message `seq` of a room; or, with `on` false, take one's own away. `conversation` as in
    Edit."""

    seq: int
    emoji: str
    room: str = ""
    on: bool = True
    ref: Ref = None
    conversation: str = ""


class MarkRead(Frame, frozen=True, gc=False, tag="read"):
    """One has read a room, or the `conversation` with one person, up to the message `seq`. `room` as in Say."""

    seq: int
    room: str = ""
    conversation: str = ""
    ref: Ref = None


class KeepCursor(Frame, frozen=True, gc=False, tag="cursor"):
    """How far a program called `name` has got, which the server keeps for it: in a room or conversation, behind `rev`
    of its `epoch`. `id` and `time` are those of the latest message there, if the program wants to have them again. With
    a place and no `epoch`, nothing is kept of that place any more. With neither, all of it is asked for."""

    name: str
    room: str = ""
    conversation: str = ""
    epoch: str = ""
    rev: int = 0
    ref: Ref = None
    id: int = 0
    time: Time | None = None


class Leave(Frame, frozen=True, gc=False, tag="leave"):
    """Go: out of one of several rooms; or else altogether, and the connection closes once everything is delivered."""

    room: str = ""
    ref: Ref = None


class History(Frame, frozen=True, gc=False, tag="history"):
    """What was said in a room, or in a `conversation` with one person: at most `limit` messages, the latest of those
    that all the conditions leave.

    `before` and `after` are sequence numbers, 0 for no condition; `since` (from then on) and `until` (before then) are
    times. With `after` or `since`, and neither `before` nor `until`, it is the earliest of them: the next page.

    With an `epoch`, one catches up instead: with all there that is newer than `rev` of that epoch.
    """

    room: str = ""
    before: int = 0
    after: int = 0
    since: Time | None = None
    until: Time | None = None
    limit: int = 50
    ref: Ref = None
    rev: int = 0
    epoch: str = ""
    conversation: str = ""


class Export(Frame, frozen=True, gc=False, tag="export"):
    """All that others and one have said to each other alone, or what is in one `conversation`, page by page: behind the
    `cursor` of the page before, empty for the first."""

    conversation: str = ""
    cursor: str = ""
    ref: Ref = None


class Search(Frame, frozen=True, gc=False, tag="search"):
    """The latest messages with all the words of `text`: in `room`, or in a `conversation` with one person, or in all
    that one may read; with an `id` below `before`, unless that is 0."""

    text: str
    room: str = ""
    before: int = 0
    limit: int = 20
    ref: Ref = None
    conversation: str = ""


class ListMentions(Frame, frozen=True, gc=False, tag="mentions"):
    """The latest messages of others that concern one: that have one's name or words, or answer what one has said, in
    all that one may read; with an `id` below `before`, unless that is 0."""

    before: int = 0
    limit: int = 20
    ref: Ref = None


class Ping(Frame, frozen=True, gc=False, tag="ping"):
    """Are you there?"""

    ref: Ref = None

    def pong(self) -> "Pong":
        """The answer."""
        return Pong(self.ref)


class Pong(Frame, frozen=True, gc=False, tag="pong"):
    """I am."""

    ref: Ref = None


class Status(Frame, frozen=True, gc=False, tag="status"):
    """How is the server? It tells whoever asks from its own machine."""

    ref: Ref = None


class Hangup(Frame, frozen=True, gc=False):
    """The client has closed its side, in the way of its codec: as at the end of its bytes, the connection is lost."""

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
