"""What one client alone is answered. What all see is in events.py."""

from datetime import datetime, timedelta

from msgspec import Struct, field

from greenchat.protocol.events import Deleted, Message, PastEvent
from greenchat.protocol.plugin_reports import HookUse, plugin_rows
from greenchat.protocol.requests import Frame, Ref

# The version of JSON Lines that is spoken. 1 was what could still change. From 2 on it only grows: what a client of one
# version relies on, all later ones do.
PROTOCOL = 2


class Welcome(Frame, frozen=True, tag="welcome"):
    """The answer to Join; and without being asked for, that one has come into a room by another device.

    `room` is empty where one is in none, and `rooms` are all that one is in by then. With `token` one comes back after
    the connection was lost, with `device_token` also much later. `members` are the names in the room, the newcomer's
    among them; of very many some, and `members_more` is how many there are besides. `roles` are who of them is
    "operator" or "owner"; `away` who of them is, and why; `bots` who of
    them is moved by a plugin. `seq` is the room's latest message; `account` whose account
    one is logged in to; `limits` what the server allows (see `Limits.announced`); `hint` a sentence for people. From
    `rev` of this `epoch` on, one catches up after an absence (see `History`). `protocol` is the version that the server
    speaks, see `PROTOCOL`; what does not say so is older than that. One has read the room up to the message `read`;
    `unread` are those behind it that are not one's own, and `mentions` how many of those name one.
    """

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
    rooms: list[str] = field(default_factory=list)
    token: str = ""
    device_token: str = ""
    rev: int = 0
    epoch: str = ""
    protocol: int = 1
    read: int = 0
    unread: int = 0
    mentions: int = 0
    bots: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Welcome(name={self.name!r}, room={self.room!r}, ref={self.ref!r})"  # secrets do not get into a log


class Branded(Frame, frozen=True, tag="brand"):
    """How the chat shows itself, as its operator wants it: told to who has just come in, where there is something to
    tell, and when it has changed. `accent` is a colour for light grounds, and `accent_dark` the same for dark ones, as
    `#rrggbb`. `icon` is the media type of its picture, which the page has. `welcome` and `rules` are texts of some
    lines. What is empty is not set."""

    name: str = ""
    accent: str = ""
    accent_dark: str = ""
    icon: str = ""
    welcome: str = ""
    rules: str = ""


class RoomState(Struct, frozen=True):
    """A room that one is in: its latest message and `rev`, and the rest as in `Welcome`."""

    room: str
    seq: int
    rev: int
    read: int
    unread: int
    mentions: int


class DirectState(Struct, frozen=True):
    """What one says with one other person alone, who is called `with_` now. The rest as in `RoomState`."""

    conversation: str
    with_: str = field(name="with")
    seq: int
    rev: int
    read: int
    unread: int


class Conversations(Frame, frozen=True, tag="conversations"):
    """All that one takes part in, told once one has come into the chat. `epoch` is that of the direct ones. `more`: one
    has more of those than are told, or they cannot be read at the moment."""

    rooms: list[RoomState]
    direct: list[DirectState] = field(default_factory=list)
    epoch: str = ""
    more: bool = False


class CursorPlace(Struct, frozen=True, omit_defaults=True):
    """Where a program is in a room, or in a conversation: behind `rev` of an `epoch`; and what else it has
    wanted to be kept."""

    room: str = ""
    conversation: str = ""
    epoch: str = ""
    rev: int = 0
    id: int = 0
    time: datetime | None = None


class CursorPlaces(Frame, frozen=True, tag="cursor"):
    """The answer to KeepCursor that asks how far the program called `name` has got: nowhere yet, if there are none."""

    name: str
    places: list[CursorPlace]
    ref: Ref = None


class Answer(Frame, frozen=True, kw_only=True):
    """The root of what commands answer. `lines` is what it says to people: a plain client gets them as INFO, a JSON
    client gets them as well as the other fields. Plugins declare their own:

    class Rolled(Answer, frozen=True, kw_only=True, tag="rolled"):
        eyes: int
    """

    lines: list[str] = field(default_factory=list)
    ref: Ref = None


class ArgumentEntry(Struct, frozen=True, omit_defaults=True):
    """One argument of a command. `kind` is one of those in PROTOCOL.md; `choices` are those of a "choice", and of a
    "word" some to be offered; `minimum` and `maximum` bound a number; `pattern` is what a text matches as a whole, at
    most `longest` characters long."""

    name: str
    kind: str
    optional: bool = False
    repeated: bool = False
    choices: list[str] = field(default_factory=list)
    minimum: int | float | None = None
    maximum: int | float | None = None
    pattern: str = ""
    longest: int = 0


class CommandEntry(Struct, frozen=True, omit_defaults=True):
    """A command that one may run: its name, its usage, a line of help, and its arguments in their order. Of a `private`
    one nothing that is typed is kept; one with `lines` takes several. `plugin` is whose it is."""

    name: str
    usage: str
    help: str
    arguments: list[ArgumentEntry] = field(default_factory=list)
    private: bool = False
    lines: bool = False
    plugin: str = ""

    @property
    def line(self) -> str:
        """As one types it."""
        return f"/{self.name} {self.usage}".rstrip()


class CommandList(Answer, frozen=True, kw_only=True, tag="commands"):
    """The answer to ListCommands, and to /help: the commands that one may run."""

    commands: list[CommandEntry]


class HistoryPage(Frame, frozen=True, tag="history"):
    """The answer to History, also told to who comes into a room. `events` are messages, and comings and goings where
    those are kept, in their order; of a deleted message, that it is. `more`: there are more messages beyond it, in the
    direction that was asked for.

    To who catches up it is all that is newer, messages as they are now, by `rev`; that of the page is how far it goes.
    If it is `anew`, it is no more than the latest page, and what one had before may be wrong.

    Of a `conversation`, `with_` is how the other one is called, and `room` is empty.
    """

    room: str
    events: list[PastEvent | Deleted]
    more: bool = False
    ref: Ref = None
    rev: int = 0
    epoch: str = ""
    anew: bool = False
    conversation: str = ""
    with_: str = field(name="with", default="")


class NumberedPage(HistoryPage, frozen=True, tag="history"):
    """The same to programs. People on clients that know lines and nothing else read the number of each message with it,
    since they have asked for that."""


class Exported(Frame, frozen=True, tag="exported"):
    """The answer to Export: messages of one conversation after the other, as they are now, without those that were
    deleted. With the `cursor` one asks for the next page; it is empty where there is none."""

    messages: list[Message]
    cursor: str = ""
    ref: Ref = None


class UploadPlace(Answer, frozen=True, kw_only=True, tag="upload"):
    """The answer to `/upload`: where to `put` a file by HTTP, and within how many `seconds` to begin."""

    put: str
    seconds: int


class Levels(Answer, frozen=True, kw_only=True, tag="levels"):
    """What calls for somebody in the `rooms` and `conversations` in which they have chosen it, by names and ids: "all",
    "mentions" or "none"; and which `words` do, as their name does. The answer to /notify and /highlight; and without
    being asked for, as it was chosen on another device."""

    rooms: dict[str, str] = field(default_factory=dict)
    conversations: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


class Pin(Struct, frozen=True, omit_defaults=True):
    """The message `seq` was pinned `by` somebody, at `time`. `message` is it as it is now, where that was asked for."""

    seq: int
    by: str
    time: datetime
    message: Message | None = None


class Pins(Answer, frozen=True, kw_only=True, tag="pins"):
    """What is pinned in `room`, the latest first. The answer to /pins; and without being asked for, and without the
    messages, to who comes into a room where something is."""

    room: str
    pins: list[Pin] = field(default_factory=list)


class SearchResults(Frame, frozen=True, tag="found"):
    """The answer to Search: messages, the latest first. `more`: there are older ones. Without a `text` it is the answer
    to ListMentions."""

    text: str
    messages: list[Message]
    more: bool = False
    ref: Ref = None


class Ack(Frame, frozen=True, gc=False, tag="ack"):
    """The message asked for with `ref` was said, as `seq` of its room, under `id`. Or the message `seq` was changed,
    and there is no `id`. `rev` is that of either there. In a `conversation` with one person, `with_` is how they are
    called. Where a plugin has taken it, as a command say, none of these is there."""

    ref: Ref
    seq: int = 0
    id: int = 0
    rev: int = 0
    conversation: str = ""
    with_: str = field(name="with", default="")


class Stats(Frame, frozen=True, tag="stats"):
    """The answer to Status. What has no other unit is a number since the server's start, or of this moment.

    `deliveries` counts each message as often as there were sessions to get it. `waiting_bytes` is what waits for
    clients that read slower than their room talks, `waiting_bytes_most` for the slowest. `refusals` are by their codes.
    `loop_lag_seconds` is the longest turn of the event loop within the last minute or two: nobody was served meanwhile.
    `plugins` are the hooks that were called, `plugin_holds` how often each plugin was found to hold everybody up, and
    `plugins_off` which were switched off, and why.
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
    plugins: list[HookUse] = field(default_factory=list)
    plugin_holds: dict[str, int] = field(default_factory=dict)
    plugins_off: dict[str, str] = field(default_factory=dict)

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
            *plugin_rows(self.plugins, self.plugin_holds, self.plugins_off),
        ]


class Error(Frame, frozen=True, gc=False, tag="error"):
    """A request was refused: `code` for programs, `text` for people."""

    code: str
    text: str = field(default="")
    ref: Ref = None
