"""What clients ask, and what one client alone is answered. What all see is in events.py.

A frame is what a codec makes of one line. Its `ref`, where the codec has one, comes back in the answer.
"""

from msgspec import Struct, field

Ref = int | str | None


class Frame(Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag=str.lower):
    """Anything that crosses the wire between one client and the server."""


# --- a client asks ---------------------------------------------------------------------------------------------------


class Join(Frame, frozen=True, gc=False, tag="join"):
    """Come in as `name`; an empty `room` is the server's default room."""

    name: str
    room: str = ""
    ref: Ref = None


class Say(Frame, frozen=True, gc=False, tag="say"):
    """Say `text` to the room one is in. A JSON client may name the room; it must be that one."""

    text: str
    room: str = ""
    ref: Ref = None


class Leave(Frame, frozen=True, gc=False, tag="leave"):
    """Go. The connection closes once everything has been delivered."""

    room: str = ""
    ref: Ref = None


class History(Frame, frozen=True, gc=False, tag="history"):
    """At most `limit` messages of a room, older than the sequence number `before` (0: the latest)."""

    room: str = ""
    before: int = 0
    limit: int = 50
    ref: Ref = None


class Ping(Frame, frozen=True, gc=False, tag="ping"):
    """Are you there?"""

    ref: Ref = None


class Pong(Frame, frozen=True, gc=False, tag="pong"):
    """I am."""

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


Request = Join | Say | Leave | History | Ping | Pong | Unknown | Invalid

# --- the server answers ----------------------------------------------------------------------------------------------


class Welcome(Frame, frozen=True, tag="welcome"):
    """The answer to Join. `members` are the names in the room, the newcomer's among them; `seq` the room's latest
    message; `limits` what the server allows (see `Limits.announced`); `hint` a sentence for people."""

    name: str
    room: str
    members: list[str]
    seq: int
    limits: dict[str, int | float]
    server: str
    hint: str = ""
    ref: Ref = None


class Ack(Frame, frozen=True, gc=False, tag="ack"):
    """The message asked for with `ref` was said, as `seq` of its room, under `id`. Where a plugin has taken it, as a
    command say, there is neither: both are 0, and left out."""

    ref: Ref
    seq: int = 0
    id: int = 0


class Error(Frame, frozen=True, gc=False, tag="error"):
    """A request was refused: `code` for programs, `text` for people."""

    code: str
    text: str = field(default="")
    ref: Ref = None
