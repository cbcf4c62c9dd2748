"""Who one is, kept for coming back: now, when this is started again, and not at all once one is logged out."""

from collections.abc import Callable

from greenchat.client import Client
from greenchat.connect.logins import Logins
from greenchat.connect.ticket import Ticket
from greenchat.connect.tries import SENT_AWAY
from greenchat.protocol.events import Event, Left, Renamed
from greenchat.protocol.replies import Error, Welcome
from greenchat.protocol.requests import Frame


class Staying:
    """`sent_away` is the code with which one was, as the last word of the server, which is `why`; `logging_out`: as one
    has asked for oneself. `not_kept` is called where it cannot be kept that one stays logged in."""

    def __init__(self, ticket: Ticket, logins: Logins, not_kept: Callable[[], None]) -> None:
        self.sent_away = self.why = ""
        self.logging_out = False
        self._ticket = ticket
        self._logins = logins
        self._not_kept = not_kept

    def learn(self, client: Client, item: Event | Frame) -> None:
        """From what the server tells."""
        match item:
            case Error(code=code, text=text, ref=None) if code in SENT_AWAY:
                self.sent_away, self.why = code, text
                if code == "logged_out":
                    self.log_out(client)
            case Left(name=client.name) if self.sent_away == "banned":
                self.sent_away = ""  # out of that room only
            case Welcome():
                self.welcomed(client)
            case Renamed(new_name=client.name):
                self.keep(client)

    def log_out(self, client: Client) -> None:
        """Whether the server knows or not."""
        self.sent_away = "logged_out"
        self._logins.forget_device(self._ticket.account or client.name)

    def welcomed(self, client: Client) -> None:
        ticket = self._ticket
        for token in ticket.refused & {ticket.device_token}:
            self._logins.forget_device(ticket.account, token)
        ticket.account = client.account or (ticket.account if ticket.login else "")
        self.keep(client)

    def keep(self, client: Client) -> None:
        """What leads back, and what leads in when this is started again."""
        ticket = self._ticket
        ticket.token = client.token
        if ticket.may_be_kept(client.token):
            self._logins.keep_session(ticket.account or client.name, client.token)
        else:
            self._logins.forget_session()
        if client.device_token not in ("", ticket.device_token):
            ticket.device_token = client.device_token
            if not self._logins.keep_device(client.account, client.device_token):
                self._not_kept()

    def look_again(self) -> None:
        """For the token of this machine: another terminal may have got the next one."""
        if self._ticket.account:
            self._ticket.device_token = self._logins.device(self._ticket.account, self._ticket.device_token)

    def end(self, *, returns: bool) -> None:
        """Who `returns` may be back at once, as whose window was closed; nobody else is."""
        if not returns or self.sent_away == "logged_out":
            self._logins.forget_session()
