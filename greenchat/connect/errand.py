"""What `say` and `tail` share: one comes into one place, back into it where the connection is lost, and goes."""

import time
from collections.abc import Callable
from contextlib import suppress

from greenchat.client import Client, ClientError, NoAnswerError, RefusedError
from greenchat.connect.common import DEFAULT_HOST, DEFAULT_PORT, login_name
from greenchat.connect.options import Visit
from greenchat.connect.said import is_called
from greenchat.connect.ticket import Ticket
from greenchat.connect.tries import is_passing, pauses
from greenchat.protocol.replies import Welcome

# What stands before the name of one person, where a room could stand.
PERSON = "@"

# How long leaving may take, in seconds: the name is free once the server has closed, and nobody waits for a dead host.
LEAVE_SECONDS = 2.0

COMING_BACK = "Coming back as soon as the server can be reached."
OUT = "You are not in {} any more."
PLAIN_ALONE = "Plain frames do not talk to one person alone. Name a room."


def ticket_of(visit: Visit, name: str = "") -> Ticket:
    """What leads in, for who is asked nothing: a missing name is `name`, or the login name."""
    return Ticket(
        visit.host or DEFAULT_HOST,
        visit.port or DEFAULT_PORT,
        visit.name or name or login_name(),
        visit.room,
        visit.encryption,
        visit.password,
        visit.login,
        plain=visit.plain,
        keys={visit.room: visit.key},
    )


class Errand:
    """`visit.room` is where one goes: a room, empty for the server's default one, or `@NAME`, which is the `person` to
    whom one talks alone, in no room. `room` is how the server spells it.

    Rooms are remembered for accounts: whoever comes into one only for this goes out of it at the end.
    """

    def __init__(self, visit: Visit, name: str = "") -> None:
        where = visit.room
        self.person = where.removeprefix(PERSON) if where.startswith(PERSON) else ""
        self.room = ""
        self._asked = "" if self.person else where.lstrip("#")
        self._key = visit.key
        self._passing_by = False  # one is in the room for this alone
        self._client: Client | None = None
        self._ticket = ticket_of(visit, name)
        self._ticket.room = None if self.person or (visit.login and self._asked) else self._asked
        self._ticket.keys = {self._asked: visit.key}

    @property
    def client(self) -> Client:
        """Of who has come in."""
        assert self._client is not None
        return self._client

    @property
    def name(self) -> str:
        return self._ticket.name

    def come(self, name: str = "") -> Client:
        """Come in, as `name` or as the visit has it. Raises `ClientError`."""
        ticket = self._ticket
        ticket.name = name or ticket.name
        client, welcome = ticket.enter()
        self._client = client
        if client.plain:
            if self.person:
                raise RefusedError("rejected", PLAIN_ALONE)
            self.room = client.room
        elif ticket.room is not None:
            self.room = welcome.room
        elif not self.person:
            self.room = _spelt(welcome, self._asked) or self._come_into()
        return client

    def _come_into(self) -> str:
        room = self.client.enter(self._asked, self._key).room
        self._passing_by = True
        return room

    def back(self, tell: Callable[[str], object], until: float | None = None) -> bool:
        """Come back after a loss, trying again and again until that moment of `time.monotonic`; None: for ever. What
        keeps one out meanwhile goes to `tell`, once. Whether one is who one was, to who knows keys.

        Raises `RefusedError` where trying again does not help or one is not in the room any more, and `NoAnswerError`.
        """
        lost, ticket = self.client, self._ticket
        client, welcome = come_back(lost, ticket, tell, until)
        self._client = client
        if self.room and not client.plain and not _spelt(welcome, self.room):
            raise RefusedError("not_in_room", OUT.format(self.room))
        return is_same(lost, client, ticket)

    def go(self) -> None:
        """Say that one goes, so that the name is free at once."""
        if self._client is None:
            return
        deadline = time.monotonic() + LEAVE_SECONDS
        with self._client as client, suppress(ClientError):
            if self._passing_by and self.room in client.rooms:
                client.part(self.room)
            client.leave()
            while (left := deadline - time.monotonic()) > 0:
                client.receive(left)  # what comes now nobody reads


def come_back(
    lost: Client, ticket: Ticket, tell: Callable[[str], object], until: float | None = None
) -> tuple[Client, Welcome]:
    """Come in again, as who one was if that can be, trying until that moment of `time.monotonic`; None: for ever. What
    keeps one out meanwhile goes to `tell`, once.

    Raises `RefusedError` where trying again does not help, and `NoAnswerError`.
    """
    lost.close()
    ticket.been_in, ticket.token, ticket.name = True, lost.token, lost.name
    ticket.account = lost.account or (ticket.account if ticket.login else "")
    told = {""}
    for pause in pauses():
        if until is not None and time.monotonic() + pause > until:
            break
        time.sleep(pause)
        try:
            return ticket.enter()
        except ClientError as error:
            if not is_passing(error):
                raise
            if str(error) not in told:
                told.add(str(error))
                tell(str(error))
    raise NoAnswerError(f"{lost.where} could not be reached again in time.")


def is_same(lost: Client, client: Client, ticket: Ticket) -> bool:
    """Whether who has come back by that ticket is who was lost, to a server that knows keys."""
    by_token = bool(lost.token) and lost.token not in ticket.refused
    return by_token or client.account == lost.account != ""


def _spelt(welcome: Welcome, room: str) -> str:
    """How the server spells a room that one is in; empty where one is not."""
    return next((one for one in [welcome.room, *welcome.rooms] if one and is_called(one, room)), "")
