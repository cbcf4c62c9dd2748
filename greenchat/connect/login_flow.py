"""The way in, on a terminal: what is missing is asked for, and asked for again where the server does not take it."""

import os
import socket
from collections.abc import Iterable
from typing import Protocol

from greenchat.client import Client, RefusedError
from greenchat.connect.client_file import ClientFile
from greenchat.connect.common import DEFAULT_HOST, DEFAULT_PORT, Line, error_line, info_line, login_name
from greenchat.connect.logins import Logins, server_key
from greenchat.connect.options import Visit
from greenchat.connect.profiles import Profile, save
from greenchat.connect.sentences import LOCKED
from greenchat.connect.ticket import Ticket
from greenchat.errors import ConfigError, GreenchatError
from greenchat.protocol.address import UNIX, parse_port, parse_server
from greenchat.protocol.replies import Welcome

# Refusals of a join after which another name may do; a plugin that refuses without a code of its own is one of them.
NAME_REFUSALS = frozenset({"name_taken", "name_invalid", "rejected"})


class Shows(Protocol):
    """Where it is told what was refused."""

    def show(self, lines: Iterable[Line]) -> None: ...


def ask(what: str, default: str = "", *, secret: bool = False, may_be_empty: bool = False) -> str:
    """See `prompt.ask`."""
    # Imported here: prompt_toolkit takes longer than all the rest, and who says all that is needed is asked nothing.
    from greenchat.connect import prompt

    return prompt.ask(what, default, secret=secret, may_be_empty=may_be_empty)


class LoginFlow:
    """Asks for what `visit` does not say. `ticket` is what has led in; `logins` keep what leads in next time."""

    def __init__(self, screen: Shows, visit: Visit) -> None:
        self._screen = screen
        self._stay = False if visit.plain else visit.stay
        host, port = _ask_where() if visit.host is None else (visit.host, visit.port or DEFAULT_PORT)
        self.logins = Logins(server_key(host, port, visit.encryption))
        name = visit.name or ask("Name", self.logins.last() or login_name())
        self.ticket = Ticket(host, port, name, visit.room, visit.encryption, visit.password, visit.login)
        self.ticket.plain = visit.plain
        self.ticket.rooms = visit.rooms
        self._visit = visit
        self.ticket.keys[visit.room] = visit.key
        self.ticket.device = _this_device() if self._stay else ""
        self._find_tokens(visit)
        if visit.asks_login or (self._stay and not (self.ticket.device_token or visit.login)):
            self._ask_password(f"Password of {name}")

    def enter(self) -> tuple[Client, Welcome]:
        """A client that has joined. Raises `ClientError`, and `EOFError` or `KeyboardInterrupt` by who gives up."""
        while True:
            # A connection for each try: while one thinks of another name, the server may lose patience with the old.
            try:
                client, welcome = self.ticket.enter()
                break
            except RefusedError as error:
                refusal = error
            finally:
                self._forget_refused()
            self._ask_again(refusal)
        if self._visit.save:
            self._keep_profile(self._visit)
        return client, welcome

    def _keep_profile(self, visit: Visit) -> None:
        """What has led in, without its secrets."""
        ticket, encryption = self.ticket, self.ticket.encryption
        rooms = [room for room in (ticket.room or "", *ticket.rooms) if room]
        profile = Profile(
            ticket.host,
            None if ticket.host.startswith(UNIX) else ticket.port,
            tls=encryption is not None,
            cafile=os.path.abspath(encryption.cafile) if encryption is not None and encryption.cafile else "",
            insecure=encryption is not None and encryption.insecure,
            name=ticket.account or ticket.name,
            rooms=rooms,
            view=visit.view,
        )
        file = ClientFile()
        try:
            save(file, visit.save, profile)
        except ConfigError as error:
            self._screen.show([error_line(str(error))])
        else:
            told = f"{visit.save} is a profile now, in {file.path}: `greenchat connect {visit.save}` leads here."
            self._screen.show([info_line(told)])

    def _find_tokens(self, visit: Visit) -> None:
        """Who says that they log in does so. Who wants to stay comes in as themselves, not as the guest of before."""
        ticket = self.ticket
        if visit.plain or visit.asks_login or visit.login:
            return
        if visit.stay is not False:
            ticket.device_token = self.logins.device(ticket.name)
            if self.logins.is_locked:
                self._screen.show([LOCKED])
            ticket.device = _this_device() if ticket.device_token else ticket.device
        if ticket.device_token or not self._stay:
            ticket.token = self.logins.take_session(ticket.name)

    def _forget_refused(self) -> None:
        ticket = self.ticket
        if ticket.token in ticket.refused:
            self.logins.forget_session()
            ticket.token = ""
        if ticket.device_token in ticket.refused:
            self.logins.forget_device(ticket.name, ticket.device_token)
            ticket.device_token = ""

    def _ask_again(self, refusal: RefusedError) -> None:
        """For what was refused. The reason is told, but where the question says it. Raises `refusal` if nothing that
        one could ask for would help."""
        ticket = self.ticket
        match refusal.code:
            case "name_reserved":
                self._ask_login(f"{ticket.name} belongs to somebody. Its password")
            case "login_failed":
                self._screen.show([error_line(str(refusal))])
                self._ask_login(f"Password of {ticket.name}")
            case "room_key":
                if ticket.key:
                    self._screen.show([error_line(str(refusal))])
                ticket.keys[ticket.room or ""] = ask(f"Key of {ticket.room or 'the room'}", secret=True)
            case "password_required" | "password_wrong":
                self._screen.show([error_line(str(refusal))])
                ticket.password = ask("Pass phrase", secret=True)
            case code if code in NAME_REFUSALS:
                self._screen.show([error_line(str(refusal))])
                self._ask_name()
            case _:
                raise refusal

    def _ask_login(self, question: str) -> None:
        self._ask_password(f"{question} (empty: another name)", may_be_empty=True)
        if not self.ticket.login:
            self._ask_name()

    def _ask_password(self, question: str, *, may_be_empty: bool = False) -> None:
        """And once, whether one wants to stay logged in: others may use this computer, too."""
        ticket = self.ticket
        ticket.login = ask(question, secret=True, may_be_empty=may_be_empty)
        if ticket.login and self._stay is None:
            answer = ask("Stay logged in on this computer? [y/N]", may_be_empty=True)
            self._stay = answer.lower() in ("y", "yes")
            ticket.device = _this_device() if self._stay else ""

    def _ask_name(self) -> None:
        ticket = self.ticket
        ticket.name, ticket.login, ticket.token, ticket.device_token = ask("Name"), "", "", ""


def _this_device() -> str:
    """What one's devices are told apart by."""
    return socket.gethostname() or "terminal"


def _ask_where() -> tuple[str, int]:
    """Host and port; who says both at once is not asked for the port, nor is who names a Unix socket."""
    while True:
        try:
            host, port = parse_server(ask("Server", DEFAULT_HOST))
            break
        except GreenchatError as error:
            print(error)
    while port is None and not host.startswith(UNIX):
        try:
            port = parse_port(ask("Port", str(DEFAULT_PORT)))
        except GreenchatError as error:
            print(error)
    return host, port or DEFAULT_PORT
