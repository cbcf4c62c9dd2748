"""Who has reacted to a message, as one goes on to show it after the server has told of it."""

from msgspec.structs import replace

from greenchat.protocol.events import Message, Renamed
from greenchat.protocol.names import GONE


def renamed(message: Message, event: Renamed) -> Message:
    """`message` once somebody is called otherwise: whoever has reacted is named by the name that they have now. Nobody
    had the new one until then, so who is named by it already is a guest who has gone."""
    if message.reactions is None:
        return message

    def now(name: str) -> str:
        if _same(name, event.name):
            return event.new_name
        return f"{name}{GONE}" if _same(name, event.new_name) else name

    return replace(message, reactions={emoji: [*map(now, names)] for emoji, names in message.reactions.items()})


def _same(name: str, other: str) -> bool:
    """Names are in their normal form but for case."""
    return name.lower() == other.lower()
