"""What a client is told once it is in: who it is, what the server can do, how many are here."""

from collections.abc import Iterator

from greenchat import ChatServer

from .caps import HISTORY_MESSAGES
from .frames import Numeric
from .names import HOST, to_channel

# The most nicks that one client monitors.
MONITORED = 100

# So many tokens go into one line of 005.
TOKENS = 13

# Longest texts that clients are told of, in bytes: a line of 512 has them, with its prefix.
TOPIC_BYTES, KICK_BYTES, AWAY_BYTES, QUIT_BYTES = 390, 300, 300, 300


def tokens(server: ChatServer) -> list[str]:
    """Those of 005 (Modern IRC, RPL_ISUPPORT)."""
    limits = server.config.limits
    return [
        f"AWAYLEN={AWAY_BYTES}",
        "BOT=B",
        "CASEMAPPING=ascii",
        f"CHANLIMIT=#:{limits.rooms_per_session or ''}",
        "CHANMODES=b,k,,imnt",
        f"CHANNELLEN={(limits.name_length or 200) + 1}",
        "CHANTYPES=#",
        f"CHATHISTORY={HISTORY_MESSAGES}",
        f"KICKLEN={KICK_BYTES}",
        "MODES=4",
        f"MONITOR={MONITORED}",
        "MSGREFTYPES=msgid,timestamp",
        f"NETWORK={HOST}",
        f"NICKLEN={limits.name_length or 200}",
        "PREFIX=(qov)~@+",
        "SAFELIST",
        "TARGMAX=PRIVMSG:4,NOTICE:4,TAGMSG:4,JOIN:20,PART:20,KICK:4,NAMES:1,WHOIS:1,LIST:,MONITOR:",
        f"TOPICLEN={TOPIC_BYTES}",
        "UTF8ONLY",
        "WHOX",
    ]


def greeting(nick: str, version: str, created: str, server: ChatServer) -> Iterator[Numeric]:
    yield Numeric("001", (), f"Welcome to {HOST}, {nick}")
    yield Numeric("002", (), f"Your host is {HOST}, running version {version}")
    yield Numeric("003", (), f"This server was started {created}")
    yield Numeric("004", (HOST, version, "Bio", "bikmnoqt", "bkoq"))
    found = tokens(server)
    for start in range(0, len(found), TOKENS):
        yield Numeric("005", found[start : start + TOKENS], "are supported by this server")


def no_motd(server: ChatServer) -> Numeric:
    """In place of a message of the day: what to do now, since one is in no room yet."""
    room = to_channel(server.chat.default_room)
    return Numeric("422", (), f"There is no message of the day. /list shows the rooms, /join {room} leads into one")
