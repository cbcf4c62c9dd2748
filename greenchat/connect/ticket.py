"""All that it takes to come into a chat, and to come back: where it is, as whom, and the secrets."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from greenchat.client import (
    CONNECT_SECONDS,
    Client,
    ClientError,
    DisconnectedError,
    NoAnswerError,
    PlainClient,
    RefusedError,
    TurnedAwayError,
    UnreachableError,
)
from greenchat.client.plain import JOIN_SECONDS, LEAVE_SECONDS
from greenchat.net.encryption import Encryption
from greenchat.protocol.replies import Welcome

# What may come of speaking JSON Lines to a server that does not know them.
NO_JSON = (TurnedAwayError, UnreachableError, DisconnectedError, NoAnswerError)

# A greenchat server answers within milliseconds. One that has not for so long does not know the language, or is very
# busy: it is asked in plain frames, and if it is a greenchat server after all, in JSON Lines once more. In seconds: a
# lost first packet is sent again after one.
FIRST_WORD_SECONDS = 3.0


# Why a token leads in no more: it is of no use to anybody. The other one, or the name, may be.
VOID = frozenset({"token_invalid", "name_taken"})


@dataclass(slots=True)
class Ticket:
    """An empty `room` is the server's default room, None is no room. `account` is whose account it is, where there is
    one, and `login` its password. `token` is the one of the session before, `device_token` the one of this machine, and
    `refused` are those that lead in no more. `device` is what this machine is called, where one wants to stay logged in
    on it. `been_in`: a token leads to where one was. `keys` are those of rooms, by their names. `plain`: the server is
    spoken to in plain frames; `speaks_json`: it has spoken JSON Lines. Into `rooms` one comes besides, once one is
    in."""

    host: str
    port: int
    name: str
    room: str | None = ""
    encryption: Encryption | None = None
    password: str = field(default="", repr=False)
    login: str = field(default="", repr=False)
    account: str = ""
    token: str = field(default="", repr=False)
    device_token: str = field(default="", repr=False)
    refused: set[str] = field(default_factory=set, repr=False)
    device: str = ""
    been_in: bool = False
    plain: bool = False
    speaks_json: bool = False
    keys: dict[str, str] = field(default_factory=dict, repr=False)
    rooms: tuple[str, ...] = ()

    def enter(self) -> tuple[Client, Welcome]:
        """A client that has joined; in plain frames where the server does not seem to know JSON Lines. Raises as
        `Client.connect` and `Client.join` do."""
        if self.plain:
            return self._join(PlainClient, JOIN_SECONDS)
        # Plain frames carry no secrets: who has one waits for a slow server, and asks for no other language.
        secrets = self.password, self.login, self.key, *self._tokens()
        decided = self.speaks_json or any(secrets)
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

    @property
    def key(self) -> str:
        """The key of the room, as far as it is known."""
        return self.keys.get(self.room or "", "")

    def _tokens(self) -> list[str]:
        return [token for token in (self.token, self.device_token) if token and token not in self.refused]

    def _enter(self, client: Client, timeout: float) -> Welcome:
        try:
            welcome = self._resume(client, timeout) or self._come_by_name(client, timeout)
        except BaseException:
            client.close()
            raise
        self.speaks_json = not client.plain
        return welcome

    def _resume(self, client: Client, timeout: float) -> Welcome | None:
        """Come in by a token; None where there is none that leads in."""
        room = None if self.been_in else self.room or None
        for token in [] if client.plain else self._tokens():
            try:
                return client.join("", room, timeout, password=self.password, key=self.key, token=token)
            except RefusedError as error:
                if error.code in VOID:
                    self.refused.add(token)
                elif error.code != "try_later" or self.been_in:
                    raise
        return None

    def _come_by_name(self, client: Client, timeout: float) -> Welcome:
        if self.been_in and self.account and not self.login:
            # By their name alone one would come back as somebody else.
            raise RefusedError("login_failed", f"You are not logged in to {self.account} any more.")
        name = self.account if self.login and self.account else self.name
        device = self.device if self.login else ""
        welcome = client.join(
            name, self.room, timeout, password=self.password, key=self.key, login=self.login, device=device
        )
        if self.login:
            self.account = name
        return welcome

    def may_be_kept(self, token: str) -> bool:
        """Whether who opens this client again, and has this `token`, is to be who they were: not on a computer on which
        they do not want to stay logged in, since others may use it, too."""
        return bool(token) and (not self.account or bool(self.device))

    def learn(self, command: str, args: Mapping[str, str | list[str]], room: str, name: str) -> None:
        """From a command that was run in `room`, by who is called `name` since: with which secrets to come back."""
        match command, args:
            case "login", {"password": str(password), **others}:
                self.account, self.login = str(others.get("name", name)), password
            case "register", {"password": str(password)}:
                self.account, self.login = name, password
            case "passwd", {"new": str(password)}:
                self.login = password
            case (("logout" | "unregister"), _):
                self.account = self.login = ""
            case "join", {"key": str(key)}:
                self.keys[room] = key
            case "room", {"setting": str(setting), "value": str(key)} if setting.lower() == "key":
                self.keys[room] = "" if key.lower() == "off" else key
