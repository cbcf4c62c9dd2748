"""The way in, on a terminal: what is missing is asked for, and asked for again where the server does not take it."""

from greenchat.client import Client, RefusedError
from greenchat.connect.common import DEFAULT_HOST, DEFAULT_PORT, error_line, login_name
from greenchat.connect.options import Visit
from greenchat.connect.screen import Screen, ask
from greenchat.connect.ticket import Ticket
from greenchat.errors import GreenchatError
from greenchat.protocol.address import UNIX, parse_port, parse_server
from greenchat.protocol.replies import Welcome

# Refusals of a join after which another name may do; a plugin that refuses without a code of its own is one of them.
NAME_REFUSALS = frozenset({"name_taken", "name_invalid", "rejected"})


class LoginFlow:
    """Asks for what `visit` does not say. `ticket` is what has led in."""

    def __init__(self, screen: Screen, visit: Visit) -> None:
        self._screen = screen
        host, port = _ask_where() if visit.host is None else (visit.host, visit.port or DEFAULT_PORT)
        name = visit.name or ask("Name", login_name())
        login = ask(f"Password of {name}", secret=True) if visit.asks_login else visit.login
        self.ticket = Ticket(host, port, name, visit.room, visit.encryption, visit.password, login)
        self.ticket.plain = visit.plain
        self.ticket.keys[visit.room] = visit.key

    def enter(self) -> tuple[Client, Welcome]:
        """A client that has joined. Raises `ClientError`, and `EOFError` or `KeyboardInterrupt` by who gives up."""
        while True:
            # A connection for each try: while one thinks of another name, the server may lose patience with the old.
            try:
                return self.ticket.enter()
            except RefusedError as error:
                refusal = error
            self._ask_again(refusal)

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
                if ticket.keys[ticket.room]:
                    self._screen.show([error_line(str(refusal))])
                ticket.keys[ticket.room] = ask(f"Key of {ticket.room or 'the room'}", secret=True)
            case "password_required" | "password_wrong":
                self._screen.show([error_line(str(refusal))])
                ticket.password = ask("Pass phrase", secret=True)
            case code if code in NAME_REFUSALS:
                self._screen.show([error_line(str(refusal))])
                self._ask_name()
            case _:
                raise refusal

    def _ask_login(self, question: str) -> None:
        self.ticket.login = ask(f"{question} (empty: another name)", secret=True, may_be_empty=True)
        if not self.ticket.login:
            self._ask_name()

    def _ask_name(self) -> None:
        self.ticket.name, self.ticket.login = ask("Name"), ""


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
