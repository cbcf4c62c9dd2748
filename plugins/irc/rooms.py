"""Who comes into a room is told what it is about and who is there."""

from collections.abc import Callable, Iterable

from greenchat import Welcome

from .client import Client
from .frames import Numeric
from .names import source, to_channel, to_irc
from .shared import SIGNS, SharedCodec

# Names in one line: with the longest names, and the prefix, they fit into it.
NAMES_BYTES = 380


def came_in(
    welcome: Welcome,
    client: Client,
    shared: SharedCodec,
    numeric: Callable[[Numeric], str],
    topic_set_by: Numeric | None = None,
) -> list[str]:
    """All that is told to one who has come into the room of a welcome."""
    channel = to_channel(welcome.room)
    lines = [shared.joined(welcome.room, welcome.name, client.realname)]
    if welcome.topic:
        lines.append(numeric(Numeric("332", (channel,), welcome.topic)))
        if topic_set_by is not None:
            lines.append(numeric(topic_set_by))
    if not client.has("no-implicit-names") and not client.has("draft/no-implicit-names"):
        lines += [numeric(one) for one in names(channel, welcome.members, welcome.roles, client)]
    return lines


def names(channel: str, members: Iterable[str], roles: dict[str, str], client: Client) -> Iterable[Numeric]:
    line, full = "", client.has("userhost-in-names")
    for name in members:
        word = SIGNS.get(roles.get(name, ""), "") + (source(name) if full else to_irc(name))
        if line and len(line.encode()) + 1 + len(word.encode()) > NAMES_BYTES:
            yield Numeric("353", ("=", channel), line)
            line = ""
        line = f"{line} {word}".lstrip()
    if line:
        yield Numeric("353", ("=", channel), line)
    yield Numeric("366", (channel,), "End of /NAMES list")
