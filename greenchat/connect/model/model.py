"""The one thing that a surface holds: what is known, what one says, and what the server tells of both."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo

from greenchat.client import Client
from greenchat.connect.commands import Commands
from greenchat.connect.model.calling import Calling
from greenchat.connect.model.chats import Chats
from greenchat.connect.model.marks import Mark, Missed
from greenchat.connect.model.sender import Sender
from greenchat.connect.model.told import feed
from greenchat.connect.names import Names
from greenchat.connect.reading import Reading
from greenchat.protocol.events import Event
from greenchat.protocol.replies import CommandEntry, Welcome
from greenchat.protocol.requests import Frame, Ref


class Model:
    """What comes by a connection goes into `hear`, and `pump` sends what waits; both raise `DisconnectedError`. `now`
    is the time of day, `clock` counts seconds, `zone` is the reader's."""

    def __init__(
        self,
        commands: Commands | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        zone: tzinfo | None = None,
    ) -> None:
        self.commands = commands or Commands()
        self.names = Names()
        self.reading = Reading()
        self.chats = Chats(now=now, zone=zone)
        self.chats.read = self.reading.shown
        self.sender = Sender(self.chats, self.commands, clock)
        self.calling = Calling(self.chats, self.commands)
        self._client: Client | None = None

    def come(self, client: Client, welcome: Welcome, table: Iterable[CommandEntry] | None = None) -> None:
        """One has come in for the first time."""
        self._client = client
        self.sender.use(client)
        self.commands.learn(table, client.account)
        self.hear([welcome])

    def begin(self) -> None:
        """Ask for what one wants to know from the beginning. Raises `DisconnectedError`."""
        if self._client is not None:
            self.commands.begin(self._client)

    def enter(self, rooms: Iterable[str], keys: Mapping[str, str]) -> None:
        """Come into these rooms besides. Raises `DisconnectedError`."""
        if self._client is not None and not self._client.plain:
            for room in rooms:
                self.sender.join(room, keys.get(room, ""), aside=True)

    def hear(self, items: Iterable[Event | Frame]) -> None:
        """This has come, in this order."""
        for item in items:
            self.take(item)

    def take(self, item: Event | Frame) -> bool:
        """Whether it is for people, and no answer to what this client has asked by itself."""
        assert self._client is not None
        self.names.learn(item)
        if self.reading.is_answer(item) or self.commands.is_answer(item, self._client) or self.calling.is_answer(item):
            return False
        ref: Ref = getattr(item, "ref", None)
        asked = self.sender.asked_as(ref) if ref is not None else None
        item = self.calling.in_place_of(item, asked)
        if not self.sender.answer(item):
            feed(self.chats, item, asked.place if asked is not None else None)
        if isinstance(item, Welcome) and item.room:
            self.reading.known(item.room, item.read)
            if asked is not None and not asked.aside:  # by a command
                self.sender.entered(item.room)
        return True

    def pump(self) -> float | None:
        """Send what waits; in how many seconds to do so again, None where that need not be."""
        if self._client is None:
            return None
        self.commands.ask(self._client)
        self.calling.ask(self._client)
        self.sender.pump()
        place = self.chats.place
        if place is not None and not place.timeline.last and not place.gone:
            self.sender.older(place)  # what one looks at has something in it, if there is anything
        return self.reading.tell(self._client)

    @property
    def waiting(self) -> int:
        """How many of one's words and commands have no answer yet."""
        return self.sender.waiting

    @property
    def unsent(self) -> int:
        """How many of them were not sent."""
        return self.sender.waiting - len(self.sender.under_way())

    @property
    def is_logging_out(self) -> bool:
        """Whether a /logout is among them."""
        return self.sender.is_logging_out

    @property
    def returns_to(self) -> str | None:
        """The room that a guest comes back to who is not known any more; None for none."""
        return None

    def seen(self) -> Mapping[str, Mark]:
        return self.chats.seen()

    def pause(self) -> None:
        """Nobody may use the connection for a moment: what one says waits."""
        self.sender.use(None)

    def resume(self) -> None:
        self.sender.use(self._client)

    def lost(self) -> None:
        """The connection has ended by itself."""
        self.sender.lost()
        self.reading.lost()
        self.calling.lost()

    def back(
        self,
        client: Client,
        welcome: Welcome,
        missed: Mapping[str, Missed],
        table: Iterable[CommandEntry] | None,
    ) -> None:
        """One has come back by another connection, and `missed` this meanwhile."""
        again = self.use(client, table)
        self.catch_up(client, welcome, missed)
        self.sender.back(client, again)

    def use(self, client: Client, table: Iterable[CommandEntry] | None) -> dict[int, int]:
        """This is the connection from now on; what it has said again, as `Client.repeat`."""
        before, self._client = self._client, client
        self.commands.learn(table, client.account)
        return client.repeat(before) if before is not None else {}

    def catch_up(self, client: Client, welcome: Welcome, missed: Mapping[str, Missed]) -> None:
        """What was said and changed meanwhile is known now, and where one is."""
        chats = self.chats
        chats.me, chats.account = client.name, client.account
        if client.conversations is not None:
            chats.direct_epoch = client.conversations.epoch
        chats.back(welcome, client.rooms, missed)
        for each in client.rooms.values():
            self.take(each)
