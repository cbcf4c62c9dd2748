"""What a client is told once it is in: who it is, what the server can do, how many are here."""

from collections.abc import Iterator

from greenchat import ChatServer

from .asking import CHANNELS
from .caps import HISTORY_MESSAGES
from .frames import Numeric
from .grammar import cut
from .modes import MODES
from .names import HOST, to_channel
from .saying import TARGETS

# The most nicks that one client monitors.
MONITORED = 100

# How a space is written in a token of 005.
SPACE = "\\x20"

# So many tokens go into one line of 005.
TOKENS = 13

# Longest texts that clients are told of, in bytes: a line of 512 has them, with its prefix.
TOPIC_BYTES, KICK_BYTES, AWAY_BYTES, QUIT_BYTES = 390, 300, 300, 300

# The same of the message of the day, which is wrapped: as wide as windows are.
MOTD_BYTES = 200


def _tokens(server: ChatServer) -> list[str]:
    """Those of 005 (Modern IRC, RPL_ISUPPORT)."""
    limits = server.config.limits
    return [
        f"AWAYLEN={AWAY_BYTES}",
        "BOT=B",
        "CASEMAPPING=ascii",
        f"CHANLIMIT=#:{limits.rooms_per_session or ''}",
        "CHANMODES=b,k,l,imnt",
        f"CHANNELLEN={(limits.name_length or 200) + 1}",
        "CHANTYPES=#",
        f"CHATHISTORY={HISTORY_MESSAGES}",
        "ELIST=MNU",
        f"KICKLEN={KICK_BYTES}",
        f"MODES={MODES}",
        f"MONITOR={MONITORED}",
        "MSGREFTYPES=msgid,timestamp",
        f"NETWORK={server.config.brand.name.replace(' ', SPACE) or HOST}",
        f"NICKLEN={limits.name_length or 200}",
        "PREFIX=(qov)~@+",
        "SAFELIST",
        f"TARGMAX=PRIVMSG:{TARGETS},NOTICE:{TARGETS},TAGMSG:{TARGETS},JOIN:{CHANNELS},PART:{CHANNELS},KICK:{TARGETS},NAMES:1,"
        "WHOIS:1,LIST:,MONITOR:",
        f"TOPICLEN={TOPIC_BYTES}",
        "UTF8ONLY",
        "WHOX",
    ]


def greeting(nick: str, version: str, created: str, server: ChatServer) -> Iterator[Numeric]:
    yield Numeric("001", (), f"Welcome to {server.config.brand.name or HOST}, {nick}")
    yield Numeric("002", (), f"Your host is {HOST}, running version {version}")
    yield Numeric("003", (), f"This server was started {created}")
    yield Numeric("004", (HOST, version, "BTio", "biklmnoqtv", "bkloqv"))
    yield from supported(server)


def supported(server: ChatServer) -> Iterator[Numeric]:
    found = _tokens(server)
    for start in range(0, len(found), TOKENS):
        yield Numeric("005", found[start : start + TOKENS], "are supported by this server")


def motd(server: ChatServer) -> Iterator[Numeric]:
    """What the operator has everybody told who comes in; or else what to do now, since one is in no room yet."""
    brand, room = server.config.brand, to_channel(server.chat.default_room)
    if not (welcome := brand.welcome_lines):
        text = f"There is no message of the day. /list shows the rooms, /join {room} leads into one"
        yield Numeric("422", (), text)
        return
    yield Numeric("375", (), f"- {brand.name or HOST}: message of the day")
    for one in [*welcome, *(["The rules: /quote rules"] if brand.rules_lines else [])]:
        yield from (Numeric("372", (), f"- {part}") for part in cut(one, MOTD_BYTES))
    yield Numeric("376", (), f"End of /MOTD command. /list shows the rooms, /join {room} leads into one")
