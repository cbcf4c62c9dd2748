"""Every setting, with its default and the reason for it, in one place.

`greenchat config` prints these structs as commented TOML; settings.py reads them from files and the environment.
A number that is not here stands as a named constant, with its reason, beside the code that needs it.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from greenchat.config import brand, colours
from greenchat.config.icons import Icon, read_icon


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every settings struct, also those that plugins declare for their `[plugins.NAME]`.

    A field is `Annotated[type, Meta(description="...")]` with a default: the description is what
    `greenchat config` prints above it.
    """


Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]


class Server(Settings, frozen=True, kw_only=True):
    """Where the server listens, what it keeps, which plugins it loads."""

    host: Annotated[
        str, Meta(description="The address to listen on; 0.0.0.0 is every IPv4 address of this machine.")
    ] = "0.0.0.0"
    port: Annotated[int, Meta(ge=0, le=65535, description="The TCP port; 0 takes a free one and says which.")] = 9999
    listen: Annotated[
        list[str],
        Meta(
            description="Addresses to listen on instead of host and port, all at once: HOST:PORT, [IPv6]:PORT ([::] "
            "takes IPv4, too), unix:/path."
        ),
    ] = field(default_factory=list)
    password: Annotated[
        str,
        Meta(
            description="A pass phrase that all must know who join: for private chats. Empty is none. Better in a file "
            "that only the server can read, or in the environment, than on the command line, which all can see."
        ),
    ] = ""
    data_dir: Annotated[
        str, Meta(description="Where plugins keep their files; empty is this system's own place for application data.")
    ] = ""
    default_room: Annotated[str, Meta(min_length=1, description="The room of everybody who names none.")] = "lobby"
    direct_days: Annotated[
        float,
        Meta(
            ge=0,
            description="Remove what two accounts have said to each other alone after so many days; 0 keeps it. For "
            "what is said in rooms there is plugins.history.keep_days.",
        ),
    ] = 0
    log_format: Annotated[Literal["text", "json"], Meta(description="How the log on standard error is written.")] = (
        "text"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important thing that is logged; -v is debug."),
    ] = "info"
    grace_seconds: Annotated[
        Seconds, Meta(description="How long a stop waits for what is still on its way to the clients.")
    ] = 5.0
    plugins: Annotated[
        list[str], Meta(description="Modules to load as plugins, besides the installed ones; called before those.")
    ] = field(default_factory=list)
    plugins_dirs: Annotated[
        list[str], Meta(description="Directories in which each .py file and each package is a plugin.")
    ] = field(default_factory=list)
    disabled_plugins: Annotated[list[str], Meta(description="Plugins that are found, but not loaded.")] = field(
        default_factory=list
    )
    plugin_holds: Annotated[
        Count,
        Meta(
            description="How often within a minute a plugin may hold everybody up, for more than a tenth of a second "
            "each time, before it is switched off (its checks go on); 0 is as often as it likes. One has bad luck a "
            "few times; 20 are two seconds and more of sixty in which nobody was served."
        ),
    ] = 20
    trace_plugins: Annotated[
        bool, Meta(description="Log each call of a plugin's hook, without what was said. For who writes plugins.")
    ] = False
    required_plugins: Annotated[
        list[str], Meta(description="Plugins without which the server does not start, should they fail to load.")
    ] = field(default_factory=list)


class Tls(Settings, frozen=True, kw_only=True):
    """Encryption. Without a certificate there is none."""

    cert: Annotated[str, Meta(description="A PEM file: the certificate, and those between it and its root.")] = ""
    key: Annotated[
        str, Meta(description="A PEM file: the certificate's private key; empty if it is in the same file.")
    ] = ""
    required: Annotated[
        bool, Meta(description="Refuse connections in clear text, but for Unix sockets. Else one port takes both.")
    ] = False


class Limits(Settings, frozen=True, kw_only=True):
    """What one client may take from the others. 0 is "no limit"."""

    frame_bytes: Annotated[
        Count, Meta(description="The longest frame, in bytes without its newline: a page of text. IRC has 512.")
    ] = 4096
    outbox_bytes: Annotated[
        Count,
        Meta(
            description="How much may wait for a client that reads slower than the room talks, in bytes; past it the "
            "connection is closed. 1 MiB is over 10,000 messages behind, besides what the kernel holds."
        ),
    ] = 1024 * 1024
    outboxes_bytes: Annotated[
        Count,
        Meta(
            description="How much may wait for all such clients together, in bytes; past it those furthest behind are "
            "closed first. 256 MiB: as much as 256 of them at their own limit, on a small machine."
        ),
    ] = 256 * 1024 * 1024
    outbox_seconds: Annotated[
        Seconds,
        Meta(
            description="How long a client may take nothing of what waits for it before it is closed, in seconds: "
            "a phone between two cells needs some, a dead one has them all."
        ),
    ] = 30.0
    flood_burst: Annotated[
        Count, Meta(description="Frames a client may send at once before it is slowed down: a pasted paragraph or two.")
    ] = 50
    flood_rate: Annotated[
        Seconds,
        Meta(
            description="Frames a second from one client past the burst: more than anybody types. The rest is not "
            "lost: the server reads slower, and a pasted page of 200 lines has arrived after 15 seconds."
        ),
    ] = 10.0
    connections: Annotated[
        Count,
        Meta(
            description="Connections in all. An idle one takes about 10 KB (a WebSocket 14 KB) and a file descriptor."
        ),
    ] = 10_000
    connections_per_address: Annotated[
        Count,
        Meta(
            description="Connections from one address: a classroom or an office behind one router, whose browsers "
            "take up to seven each while they load the page. Of IPv6, the /64 counts, since whoever has one address "
            "there has them all."
        ),
    ] = 200
    attempts_per_minute: Annotated[
        Count,
        Meta(
            description="New connections from one address (or /64) within a minute: a whole classroom may load the "
            "page twice, at seven each; a program that tries again and again gets no further."
        ),
    ] = 600
    first_frame_seconds: Annotated[
        Seconds, Meta(description="How long a new connection may say nothing at all: somebody on netcat needs a while.")
    ] = 60.0
    handshake_seconds: Annotated[
        Seconds, Meta(description="How long a TLS handshake may take: some round trips around the world.")
    ] = 10.0
    join_seconds: Annotated[
        Seconds, Meta(description="How long a connection may stay without having joined, for instance to try names.")
    ] = 120.0
    password_failures: Annotated[
        Count,
        Meta(
            description="Wrong pass phrases from one address (or /64) within a minute; then it has to wait. A person "
            "mistypes a few times, a program that guesses gets through a word list in years."
        ),
    ] = 5
    token_failures: Annotated[
        Count,
        Meta(
            description="Tokens from one address (or /64) within a minute that are not good; then it has to wait. A "
            "token has 128 bits of chance: nobody guesses one. A classroom may come back with old ones after an outage."
        ),
    ] = 100
    sessions_per_account: Annotated[
        Count,
        Meta(
            description="Connections of one account at one time: all devices that somebody has, with some windows on "
            "each. One more ends the one that has said nothing for longest."
        ),
    ] = 20
    absence_seconds: Annotated[
        Seconds,
        Meta(
            description="How long nobody is told that somebody with a token has lost their connection: a page that is "
            "loaded again, a phone between two cells."
        ),
    ] = 10.0
    resume_seconds: Annotated[
        Seconds,
        Meta(
            description="How long somebody who has lost their connection may come back with their token, with their "
            "rooms and all: a tunnel, a laptop that is carried to another room, a restart."
        ),
    ] = 120.0
    absent_per_address: Annotated[
        Count,
        Meta(
            description="Guests of one address (or /64) whose names are held while they are lost; of more it is told "
            "at once that they have left. A table of friends behind one router, and too few to keep names from others."
        ),
    ] = 5
    ping_seconds: Annotated[
        Seconds,
        Meta(
            description="After so long a silence a JSON client is pinged, and closed if it is still silent after as "
            "long again; the kernel probes all connections at this pace. Below the minutes that routers remember one."
        ),
    ] = 60.0
    idle_seconds: Annotated[
        Seconds, Meta(description="How long somebody who has joined may say nothing. People leave chats open for days.")
    ] = 0.0
    members_per_room: Annotated[
        Count, Meta(description="Members of one room: as many as there are connections, by default.")
    ] = 0
    rooms: Annotated[
        Count, Meta(description="Rooms at one time: who makes one after the other takes some KB for each.")
    ] = 10_000
    rooms_per_address: Annotated[
        Count,
        Meta(
            description="Rooms that there are at one time of those that one address (or /64), or one account, has "
            "opened: half of what a whole classroom could, and a hundredth of all. Operators may open more."
        ),
    ] = 100
    rooms_per_session: Annotated[
        Count, Meta(description="Rooms that one JSON client may be in: more than anybody follows.")
    ] = 50
    unanswered_messages: Annotated[
        Count,
        Meta(
            description="What somebody may write to an account that is away and has never answered: enough to say what "
            "one wants, and no flood to come back to."
        ),
    ] = 5
    new_conversations: Annotated[
        Count,
        Meta(
            description="With how many people one may begin to talk alone within an hour: more than anybody who means "
            "them, and little for who advertises."
        ),
    ] = 20
    edit_seconds: Annotated[
        Seconds, Meta(description="For how long one may edit what one has said. Deleting it one may always.")
    ] = 0.0
    topic_length: Annotated[
        Count, Meta(description="The longest topic of a room, in characters: a line or two on a screen.")
    ] = 300
    name_length: Annotated[
        Count, Meta(description="The longest user or room name, in characters: fits a column beside the talk.")
    ] = 32

    def announced(self) -> dict[str, int | float]:
        """What a JSON client reads in `welcome.limits`, so that it can wait instead of being refused: all of them."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class Brand(Settings, frozen=True, kw_only=True):
    """How this chat shows itself to all clients. It holds at once when it is read again."""

    name: Annotated[
        str, Meta(max_length=40, description="What the chat is called: in titles, and to who comes in. One line.")
    ] = ""
    accent: Annotated[
        str,
        Meta(
            description="Its colour, such as #14713f, dark enough to be read on white. On dark grounds it is made "
            "lighter."
        ),
    ] = ""
    icon: Annotated[
        str,
        Meta(
            description="A file with its picture, for the page: a PNG of at most 1024 by 1024 pixels or a plain SVG, "
            "square, at most 64 KiB."
        ),
    ] = ""
    welcome: Annotated[
        str,
        Meta(max_length=500, description="What who comes in is told, also on a telephone: at most 5 lines."),
    ] = ""
    rules: Annotated[
        str, Meta(max_length=4000, description="The rules: at most 50 lines, which /rules tells to everybody.")
    ] = ""

    def __post_init__(self) -> None:
        brand.require_line("name", self.name)
        brand.require_accent(self.accent)
        brand.require_lines("welcome", self.welcome, brand.WELCOME_LINES)
        brand.require_lines("text of the rules", self.rules, brand.RULES_LINES)

    @property
    def accents(self) -> tuple[str, str]:
        """The accent for light and for dark grounds, as `#rrggbb`; both are empty where there is none."""
        return colours.accents(self.accent) if self.accent else ("", "")

    @property
    def welcome_lines(self) -> list[str]:
        return brand.lines_of(self.welcome)

    @property
    def rules_lines(self) -> list[str]:
        return brand.lines_of(self.rules)

    def read_icon(self) -> Icon | None:
        """The picture, as it is in its file now; None where there is to be none. Raises `ConfigError`."""
        return read_icon(self.icon) if self.icon else None


class Config(Settings, frozen=True, kw_only=True):
    """The whole configuration: one attribute a TOML table."""

    server: Server = Server()
    brand: Brand = Brand()
    tls: Tls = Tls()
    limits: Limits = Limits()
    plugins: dict[str, dict[str, Any]] = field(default_factory=dict)
