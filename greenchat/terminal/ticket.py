"""All that it takes to come into a chat, and to come back: where it is, as whom, and the secrets, in memory alone."""

from dataclasses import dataclass, field

from greenchat.client import Client
from greenchat.encryption import Encryption
from greenchat.frames import Welcome
from greenchat.text import slash_at


@dataclass(slots=True)
class Ticket:
    """`account` is whose password `login` is, where there is one. `keys` are those of rooms, by their names."""

    host: str
    port: int
    name: str
    room: str = ""
    encryption: Encryption | None = None
    password: str = field(default="", repr=False)
    login: str = field(default="", repr=False)
    account: str = ""
    keys: dict[str, str] = field(default_factory=dict, repr=False)

    def enter(self) -> tuple[Client, Welcome]:
        """A client that has joined. Raises as `Client.connect` and `Client.join` do."""
        client = Client.connect(self.host, self.port, encryption=self.encryption)
        try:
            name = self.account if self.login and self.account else self.name
            key = self.keys.get(self.room, "")
            return client, client.join(name, self.room, password=self.password, key=key, login=self.login)
        except BaseException:
            client.close()
            raise

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
