"""Who comes into a room is told what it is about and who is there."""

from collections.abc import Callable, Iterable, Mapping

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
    signs: Mapping[str, str],
    topic_set_by: Numeric | None = None,
) -> list[str]:
    """All that is told to one who has come into the room of a welcome. `signs` are those before names there."""
    channel = to_channel(welcome.room)
    lines = [shared.joined(welcome.room, welcome.name, client.realname)]
    if welcome.topic:
        lines.append(numeric(Numeric("332", (channel,), welcome.topic)))
        if topic_set_by is not None:
            lines.append(numeric(topic_set_by))
    if not client.has("no-implicit-names") and not client.has("draft/no-implicit-names"):
        lines += [numeric(one) for one in names(channel, welcome.members, signs, client)]
    return lines


def names(channel: str, members: Iterable[str], signs: Mapping[str, str], client: Client) -> Iterable[Numeric]:
    """`signs` are all that stand before a name, the highest first."""
    line, full, shown = "", client.has("userhost-in-names"), signs_shown(client)
    for name in members:
        word = signs.get(name, "")[:shown] + (source(name) if full else to_irc(name))
        if line and len(line.encode()) + 1 + len(word.encode()) > NAMES_BYTES:
            yield Numeric("353", ("=", channel), line)
            line = ""
        line = f"{line} {word}".lstrip()
    if line:
        yield Numeric("353", ("=", channel), line)
    yield Numeric("366", (channel,), "End of /NAMES list")


def signs_shown(client: Client) -> int:
    """How many of those before a name this client wants to see."""
    return len(SIGNS) if client.has("multi-prefix") else 1
