"""All that it takes to come into a chat, and to come back: where it is, as whom, and the secrets, in memory alone."""

from contextlib import suppress
from dataclasses import dataclass, field

from greenchat.client import (
    CONNECT_SECONDS,
    Client,
    ClientError,
    DisconnectedError,
    NoAnswerError,
    PlainClient,
    TurnedAwayError,
    UnreachableError,
)
from greenchat.client.plain import JOIN_SECONDS, LEAVE_SECONDS
from greenchat.net.encryption import Encryption
from greenchat.protocol.replies import Welcome
from greenchat.protocol.text import slash_at

# What may come of speaking JSON Lines to a server that does not know them.
NO_JSON = (TurnedAwayError, UnreachableError, DisconnectedError, NoAnswerError)

# A greenchat server answers within milliseconds. One that has not for so long does not know the language, or is very
# busy: it is asked in plain frames, and if it is a greenchat server after all, in JSON Lines once more. In seconds: a
# lost first packet is sent again after one.
FIRST_WORD_SECONDS = 3.0


@dataclass(slots=True)
class Ticket:
    """`account` is whose password `login` is, where there is one. `keys` are those of rooms, by their names. `plain`:
    the server is spoken to in plain frames; `speaks_json`: it has spoken JSON Lines."""

    host: str
    port: int
    name: str
    room: str = ""
    encryption: Encryption | None = None
    password: str = field(default="", repr=False)
    login: str = field(default="", repr=False)
    account: str = ""
    plain: bool = False
    speaks_json: bool = False
    keys: dict[str, str] = field(default_factory=dict, repr=False)

    def enter(self) -> tuple[Client, Welcome]:
        """A client that has joined; in plain frames where the server does not seem to know JSON Lines. Raises as
        `Client.connect` and `Client.join` do."""
        if self.plain:
            return self._join(PlainClient, JOIN_SECONDS)
        # Plain frames carry no secrets: who has one waits for a slow server, and asks for no other language.
        decided = self.speaks_json or bool(self.password or self.login or self.keys.get(self.room))
        client: Client | None = None
        try:
            client = self._connect(Client)
            return client, self._enter(client, CONNECT_SECONDS if decided else FIRST_WORD_SECONDS)
        except NO_JSON as error:
            if client is None or decided or not client.may_speak_plain:
                raise
            return self._try_plain(error)

    def _try_plain(self, problem: ClientError) -> tuple[Client, Welcome]:
        """What happens in plain frames, where JSON Lines have led to a `problem`."""
        try:
            client, welcome = self._join(PlainClient, JOIN_SECONDS)
        except (UnreachableError, DisconnectedError, NoAnswerError):
            raise problem from None
        if client.has_commands:
            # That seems to be a greenchat server which was busy, or was started just now.
            self._go(client)
            try:
                return self._join(Client, CONNECT_SECONDS)
            except NO_JSON:
                client, welcome = self._join(PlainClient, JOIN_SECONDS)
        self.plain = True
        return client, welcome

    def _go(self, client: Client) -> None:
        """Leave, and wait for the end, so that the name is free again."""
        with client, suppress(ClientError):
            client.leave()
            while client.receive(LEAVE_SECONDS):
                pass

    def _join(self, kind: type[Client], timeout: float) -> tuple[Client, Welcome]:
        client = self._connect(kind)
        return client, self._enter(client, timeout)

    def _connect(self, kind: type[Client]) -> Client:
        return kind.connect(self.host, self.port, encryption=self.encryption)

    def _enter(self, client: Client, timeout: float) -> Welcome:
        name = self.account if self.login and self.account else self.name
        key = self.keys.get(self.room, "")
        try:
            welcome = client.join(name, self.room, timeout, password=self.password, key=key, login=self.login)
        except BaseException:
            client.close()
            raise
        self.speaks_json = not client.plain
        if self.login:
            self.account = name
        return welcome

    def learn(self, line: str, room: str, name: str) -> None:
        """From a command that was run in `room`, by who is called `name` since: with which secrets to come back."""
        match line[max(slash_at(line), 0) :].split(maxsplit=2):
            case [command, password] if command.lower() in ("/login", "/register"):
                self.account, self.login = name, password
            case [command, account, password] if command.lower() == "/login":
                self.account, self.login = account, password.strip()
            case [command, _, password] if command.lower() == "/passwd":
                self.login = password.strip()
            case [command, *_] if command.lower() in ("/logout", "/unregister"):
                self.account = self.login = ""
            case [command, _, key] if command.lower() == "/join":
                self.keys[room] = key.strip()
            case [command, setting, key] if (command.lower(), setting.lower()) == ("/room", "key"):
                self.keys[room] = "" if key.strip().lower() == "off" else key.strip()
