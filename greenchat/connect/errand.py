"""What `say` and `tail` share: one comes into one place, back into it where the connection is lost, and goes."""

import time
from collections.abc import Callable
from contextlib import suppress

from greenchat.client import Client, ClientError, DisconnectedError, NoAnswerError, RefusedError
from greenchat.client.keys import KNOWS_KEYS
from greenchat.connect.common import DEFAULT_HOST, DEFAULT_PORT, login_name
from greenchat.connect.logins import Logins, server_key
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
NOT_LOGGED_IN = "You are not logged in to {} on this computer any more. Use --login-file FILE."
PLAIN_ROOM = "This server speaks plain frames only, and knows no rooms. Name none: ''."
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

    Whoever stays logged in on this computer comes as who they are there, unless the visit has another name. Rooms are
    remembered for accounts: whoever comes into one only for this goes out of it at the end.
    """

    def __init__(self, visit: Visit, name: str = "") -> None:
        where = visit.room
        self.person = where.removeprefix(PERSON) if where.startswith(PERSON) else ""
        self.room = ""
        self._asked = "" if self.person else where.lstrip("#")
        self._key = visit.key
        self._passing_by = False  # one is in the room for this alone
        self._client: Client | None = None
        self._ticket = ticket = ticket_of(visit, name)
        self._logins = Logins(server_key(ticket.host, ticket.port, ticket.encryption))
        if not (visit.plain or visit.login) and (stays := visit.name or self._logins.last()):
            ticket.device_token = self._logins.device(stays)
            ticket.name = stays if ticket.device_token else ticket.name
        ticket.room = None if self.person or (self.logs_in and self._asked) else self._asked
        ticket.keys = {self._asked: visit.key}

    @property
    def client(self) -> Client:
        """Of who has come in."""
        assert self._client is not None
        return self._client

    @property
    def name(self) -> str:
        return self._ticket.name

    @property
    def logs_in(self) -> bool:
        """Whether one comes with an account."""
        return bool(self._ticket.login or self._ticket.device_token)

    def come(self, name: str = "") -> Client:
        """Come in, as `name` or as the visit has it. Raises `ClientError`."""
        ticket = self._ticket
        ticket.name = name or ticket.name
        try:
            client, welcome = ticket.enter()
        except RefusedError:
            self._is_void()
            raise
        self._client = client
        self._keep(client)
        if client.plain:
            if self.person:
                raise RefusedError("rejected", PLAIN_ALONE)
            if self._asked and not client.has_commands:  # it has taken that for a part of the name
                raise RefusedError("rejected", PLAIN_ROOM)
            self.room = client.room
        elif ticket.room is not None:
            self.room = welcome.room
        elif not self.person:
            self.room = _spelt(welcome, self._asked) or self._come_into()
        return client

    def _keep(self, client: Client) -> None:
        """What leads in next time. Raises `RefusedError` where it has not led in."""
        ticket = self._ticket
        if self._is_void() and not client.account:  # a guest is somebody else
            raise RefusedError("login_failed", NOT_LOGGED_IN.format(ticket.name))
        if ticket.device_token and client.device_token not in ("", ticket.device_token):
            ticket.device_token = client.device_token
            self._logins.keep_device(client.account, client.device_token)

    def _is_void(self) -> bool:
        """Whether one is not logged in on this computer any more; then this is kept no longer."""
        ticket = self._ticket
        is_void = ticket.device_token in ticket.refused
        if is_void:
            self._logins.forget_device(ticket.name, ticket.device_token)
        return is_void

    def _come_into(self) -> str:
        room = self.client.enter(self._asked, self._key).room
        self._passing_by = True
        return room

    def back(
        self,
        tell: Callable[[str], object],
        until: float | None = None,
        rest: Callable[[float], object] = time.sleep,
    ) -> Client:
        """Come back after a loss, trying again and again until that moment of `time.monotonic`; None: for ever. What
        keeps one out meanwhile goes to `tell`, once; between two tries one `rest`s. Returns the client that was lost.

        Raises `RefusedError` where trying again does not help or one is not in the room any more, and `NoAnswerError`.
        """
        lost = self.client
        client, welcome = come_back(lost, self._ticket, self.room, tell, until, rest)
        self._client = client
        self._keep(client)
        if self.room and not client.plain and not _spelt(welcome, self.room):
            raise RefusedError("not_in_room", OUT.format(self.room))
        return lost

    def may_repeat(self, lost: Client) -> bool:
        """Whether what was said in the room by that client may be said again with its key. Raises `ClientError`; where
        that is another loss, one may come back and ask again."""
        if self.person or lost.plain:
            return False
        try:
            return knows_keys(lost, self.client, self._ticket, self.room)
        except (DisconnectedError, NoAnswerError):
            lose_again(lost, self.client, self._ticket)
            raise

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
    lost: Client,
    ticket: Ticket,
    room: str,
    tell: Callable[[str], object],
    until: float | None = None,
    rest: Callable[[float], object] = time.sleep,
) -> tuple[Client, Welcome]:
    """Come in again, as who one was if that can be, and as a guest into the `room` where one was, trying until that
    moment of `time.monotonic`; None: for ever. What keeps one out meanwhile goes to `tell`, once; between two tries one
    `rest`s, for so many seconds.

    Raises `RefusedError` where trying again does not help, and `NoAnswerError`.
    """
    lost.close()
    ticket.been_in, ticket.token, ticket.name = True, lost.token, lost.name
    ticket.account = lost.account or (ticket.account if ticket.login else "")
    told = {""}
    for pause in pauses():
        if until is not None and time.monotonic() + pause > until:
            break
        rest(pause)
        try:
            client, welcome = ticket.enter()
            return client, _in_room(client, welcome, room, ticket.keys.get(room, ""))
        except ClientError as error:
            if not is_passing(error):
                raise
            if str(error) not in told:
                told.add(str(error))
                tell(str(error))
    raise NoAnswerError(f"{lost.where} could not be reached again in time.")


def _in_room(client: Client, welcome: Welcome, room: str, key: str) -> Welcome:
    """The welcome to who was in that room. A guest whose token is good was not put out of it: a server that was stopped
    just then knows who they are, and not where. Raises `ClientError`, and has closed the client then."""
    if not room or client.plain or client.account or _spelt(welcome, room):
        return welcome
    try:
        return client.enter(room, key)
    except BaseException:
        client.close()
        raise


def has_forgotten(lost: Client, client: Client, room: str) -> bool:
    """Whether the server knows nothing of what was in that room when the connection was lost, to who has come back: it
    was started again, and keeps no history of it. Raises `ClientError`."""
    before, now = lost.rooms.get(room), client.rooms.get(room)
    if client.plain or now is None or (before is not None and before.epoch == now.epoch != ""):
        return False
    try:
        client.history(room, limit=1)
    except RefusedError as refusal:
        return refusal.code == "no_history"
    return False


def knows_keys(lost: Client, client: Client, ticket: Ticket, room: str) -> bool:
    """Whether the server of who has come back, by that ticket, knows by which keys they have said something in that
    room before the connection was lost. Raises `ClientError`."""
    if not is_same(lost, client, ticket) or client.protocol < KNOWS_KEYS:
        return False
    return room in client.rooms and room in lost.rooms and not has_forgotten(lost, client, room)


def is_same(lost: Client, client: Client, ticket: Ticket) -> bool:
    """Whether the server takes who has come back by that ticket for who was lost."""
    by_token = bool(lost.token) and lost.token not in ticket.refused
    return by_token or client.account == lost.account != ""


def lose_again(lost: Client, client: Client, ticket: Ticket) -> None:
    """Who has come back was lost again, before anything was said again: `lost` comes back by the latest token then."""
    lost.token = client.token if is_same(lost, client, ticket) else ""
    client.close()


def _spelt(welcome: Welcome, room: str) -> str:
    """How the server spells a room that one is in; empty where one is not."""
    return next((one for one in [welcome.room, *welcome.rooms] if one and is_called(one, room)), "")
