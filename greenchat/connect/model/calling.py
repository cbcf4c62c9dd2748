"""What calls for somebody in each conversation, as they have chosen it: asked of the server, and learnt from it."""

from greenchat.client import Client
from greenchat.connect.commands import Commands
from greenchat.connect.model.asking import Asked
from greenchat.connect.model.chats import Chats
from greenchat.connect.model.place import LEVELS, Place
from greenchat.protocol.events import Event
from greenchat.protocol.replies import Ack, Error, Levels
from greenchat.protocol.requests import Frame, Ref

COMMAND = "notify"

# The code with which a guest is refused.
NOT_LOGGED_IN = "not_logged_in"

HERE = "What calls you in {}: {}. It holds until you leave: the server keeps it for who is logged in."


class Calling:
    """The server keeps it for accounts alone; for others it holds here, until they leave."""

    def __init__(self, chats: Chats, commands: Commands) -> None:
        self._chats = chats
        self._commands = commands
        self._asked_as = ""  # the account for which this connection has asked
        self._refs: set[Ref] = set()

    @property
    def is_kept(self) -> bool:
        """Whether the server keeps it for who is logged in."""
        return self._commands.knows(COMMAND)

    def ask(self, client: Client) -> None:
        """Ask who has just come, or has logged in. Raises `DisconnectedError`."""
        if client.account != self._asked_as and self._commands.told:
            self._asked_as = client.account
            if client.account and self._commands.knows(COMMAND):
                self._refs.add(client.run(COMMAND, {}))

    def lost(self) -> None:
        self._asked_as = ""
        self._refs.clear()

    def choose(self, place: Place, level: str) -> None:
        """Have it hold here alone, and say so."""
        self._chats.choose(self._chats.levels | {place.id: level})
        self._chats.tell(place, HERE.format(place.title, level))

    def in_place_of(self, item: Event | Frame, asked: Asked | None) -> Event | Frame:
        """`item`, unless it refuses /notify to a guest: that holds here."""
        if isinstance(item, Error) and item.code == NOT_LOGGED_IN and asked is not None and asked.place is not None:
            match asked.line.lower().split():
                case [command, level] if command == f"/{COMMAND}" and level in LEVELS:
                    self.choose(asked.place, level)
                    return Ack(ref=item.ref)
        return item

    def is_answer(self, item: Event | Frame) -> bool:
        """Whether `item` tells of it, and nobody needs to be shown it. To be called with each."""
        match item:
            case Levels():
                rooms, conversations = item.rooms, item.conversations
                self._chats.words = item.words
                self._chats.choose(rooms | {f"@{conversation}": how for conversation, how in conversations.items()})
                return item.ref is None or item.ref in self._refs
            case Ack(ref=ref) | Error(ref=ref) if ref in self._refs:
                self._refs.discard(ref)
                return True
        return False
