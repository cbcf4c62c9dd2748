"""/sessions: where somebody is in the chat or stays logged in, and how to end it there."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self

from msgspec import Struct

from greenchat import Answer, ChatServer, Reject, Session, amount

from .device_store import Device
from .devices import Devices
from .logins import Logins

# What ends a session that one ends oneself, from another one.
ENDED = "You have ended this session on another device."


class Listed(Struct, frozen=True, omit_defaults=True):
    """A session; or, where nothing is connected, a device on which one stays logged in. `id` is what ends it, `kind`
    the language that it speaks: "plain", "json", "web". `idle_seconds` since it was used last."""

    id: int
    kind: str
    address: str
    since: datetime
    idle_seconds: float
    device: str = ""
    this: bool = False
    connected: bool = True

    @classmethod
    def of_session(cls, session: Session, asker: Session) -> Self:
        return cls(
            id=number_of(session),
            kind=session.codec.name,
            address=session.address,
            since=session.since,
            idle_seconds=round(session.idle_seconds, 1),
            device=session.device,
            this=session is asker,
        )

    @classmethod
    def of_device(cls, device: Device) -> Self:
        idle = max(0.0, datetime.now(UTC).timestamp() - device.last_used / 1e6)
        since = datetime.fromtimestamp(device.created / 1e6, UTC)
        return cls(device.number, "", "", since, round(idle, 1), device.name, connected=False)

    @property
    def line(self) -> str:
        facts = [
            f"{self.kind} from {self.address}" if self.connected else "not connected",
            self.device,
            f"since {self.since:%Y-%m-%d %H:%M} UTC",
            f"idle for {_duration(self.idle_seconds)}",
            "this one" if self.this else "",
        ]
        return f"{self.id}: {', '.join(filter(None, facts))}"


class SessionList(Answer, frozen=True, kw_only=True, tag="sessions"):
    """The answer to /sessions: those that are connected in the order in which they came, then the other devices."""

    sessions: list[Listed]


def number_of(session: Session) -> int:
    """By which people end it. Odd, as those of devices are even: no number means a session and a device."""
    return 2 * session.id + 1


class Sessions:
    """The command."""

    def __init__(self, server: ChatServer, devices: Devices, logins: Logins) -> None:
        self._server = server
        self._devices = devices
        self._logins = logins

    def run(self, session: Session, number: int | None, *, ends: bool) -> None:
        if not session.account:
            session.require_member()
        if ends != (number is not None):
            raise Reject("Type it so: /sessions, or /sessions end NUMBER.", code="usage")
        if number is None:
            self._list(session)
        else:
            self._end(session, number)

    def _list(self, session: Session) -> None:
        live = self._live(session)
        used = {one.device_id for one in live}
        found = [Listed.of_session(one, session) for one in live]
        found += [Listed.of_device(device) for device in self._stored(session) if device.id not in used]
        lines = [*(one.line for one in found), "/sessions end NUMBER ends one."]
        session.tell(SessionList(sessions=found, lines=lines))

    def _end(self, session: Session, number: int) -> None:
        for one in self._live(session):
            if number_of(one) == number:
                if one is session:
                    self._logins.end(session, "You have ended this session.")
                else:
                    self._logins.end(one, ENDED)
                    session.info(f"Session {number} is ended.")
                return
        for device in self._stored(session):
            if device.number == number:
                self._devices.remove(session.account_id, [device.id])
                self._devices.end([device.id], ENDED)
                session.info(f"You are logged out on {device.name}.")
                return
        raise Reject(f"You have no session {number}. /sessions lists yours.", code="unknown_session")

    def _live(self, session: Session) -> list[Session]:
        """All connections of the same person, the oldest first."""
        return [one for one in self._server.sessions.values() if one.closing is None and _is_same(one, session)]

    def _stored(self, session: Session) -> Sequence[Device]:
        return self._devices.of_account(session.account_id) if session.account_id else ()


def _is_same(one: Session, other: Session) -> bool:
    if one is other or (one.member is not None and one.member is other.member):
        return True
    return bool(one.account_id) and one.account_id == other.account_id


def _duration(seconds: float) -> str:
    """In the largest unit of which there are two."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return amount(int(seconds // length), unit)
    return amount(int(seconds), "second")
