"""One session's place in the chat, which outlasts its connection: what is known of it, and how it is kept in a file."""

import secrets
from datetime import datetime
from typing import Protocol

from msgspec import Struct, msgpack

from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.ignoring import Ignored, StoredPerson
from greenchat.chat.outlet import Login, Outlet
from greenchat.chat.presence import Kept
from greenchat.chat.room import Member
from greenchat.chat.tokens import Stored as StoredChain
from greenchat.chat.tokens import TokenChain
from greenchat.errors import Reject

ID_BYTES = 16  # of chance, by which the file knows a stay


class Resumable(Outlet, Protocol):
    """What stays know of a session. `stay` is its own; None before it has one, and for those that cannot come back.
    `device` is what the account's owner calls where it is, and `device_id` the number of that."""

    id: int
    member: Member | None
    stay: "Stay | None"
    device: str
    device_id: int

    def log_in(self, account: str, account_id: int = 0) -> None: ...


class Stay:
    """`session` is connected; None where that was lost, at `lost_at` of a clock that never goes back, from `network`.

    `member` is None after a restart, until they come back: then `name` and `kept` tell who it was, and `kept` in which
    rooms they still have to arrive. `password_set` is when the password of the account was set, when it was connected
    last: a new one ends it.
    """

    __slots__ = (
        "chain",
        "device",
        "device_id",
        "id",
        "is_busy",
        "is_new",
        "is_over",
        "is_overdue",
        "kept",
        "known",
        "login",
        "lost_at",
        "member",
        "name",
        "network",
        "only",
        "password_set",
        "session",
    )

    def __init__(self, chain: TokenChain, login: Login) -> None:
        self.id = secrets.token_bytes(ID_BYTES)
        self.chain = chain
        self.known: tuple[bytes, ...] = ()  # the hashes by which it is found
        self.login = login
        self.member: Member | None = None
        self.session: Resumable | None = None
        self.lost_at: float | None = None
        self.is_over = False  # nobody comes back to it any more
        self.is_overdue = False  # it was lost so long ago that the others may be told
        self.network = ""
        self.only = ""  # the room that its session means where it names none, as long as that holds
        self.password_set = 0
        self.is_busy = False  # somebody comes back to it at this moment
        self.device, self.device_id = "", 0
        self.name = ""
        self.kept: Kept | None = None
        self.is_new = True  # it began with this server, and not before

    def belongs_to(self, member: Member, session: Resumable) -> None:
        """It is `session`'s from now on, of `member`."""
        self.member, self.login, self.session = member, member.login, session
        self.lost_at, self.kept = None, None
        session.stay = self

    @staticmethod
    def count_awaited(member: Member) -> None:
        """To be called when one of the stays of `member` is lost, or is so no more."""
        member.awaited = sum(stay.lost_at is not None for stay in member.stays)

    def stored(self, kept: Kept) -> bytes:
        """As it is kept in a file: no token can be made of it."""
        member, device = self.member, self.session or self
        return msgpack.encode(
            _Stored(
                self.chain.stored,
                member.name if member is not None else self.name,
                self.login.account,
                self.login.account_id,
                self.password_set,
                device.device,
                device.device_id,
                kept.rooms,
                kept.away,
                kept.ignored.stored if kept.ignored is not None else [],
            )
        )

    @classmethod
    def restored(cls, number: bytes, data: bytes) -> "Stay":
        """The one of which `stored` has made this. Raises `msgspec.DecodeError`."""
        stored = msgpack.decode(data, type=_Stored)
        stay = cls(TokenChain.restore(stored.chain), Login(stored.account, stored.account_id))
        stay.id, stay.name, stay.password_set = number, stored.name, stored.password_set
        stay.is_new = False
        stay.device, stay.device_id = stored.device, stored.device_id
        ignored = Ignored.restored(stored.ignored) if stored.ignored else None
        stay.kept = Kept(stored.rooms, away=stored.away, ignored=ignored)
        return stay


class _Stored(Struct, array_like=True):
    """In this order; what is new comes at the end, with a default."""

    chain: StoredChain
    name: str
    account: str
    account_id: int
    password_set: int
    device: str
    device_id: int
    rooms: dict[str, datetime]
    away: str
    ignored: list[StoredPerson]


def encode_ignored(ignored: Ignored | None) -> bytes:
    """Whom an account ignores, as it is kept in a file."""
    return msgpack.encode(ignored.stored) if ignored is not None else b""


def decode_ignored(data: bytes) -> Ignored | None:
    """The other way round."""
    people = msgpack.decode(data, type=list[StoredPerson]) if data else []
    return Ignored.restored(people) if people else None


def password_set(login: Login, accounts: AccountDirectory) -> int:
    """When the password of this account was set, in microseconds since 1970; 0 for guests."""
    account = accounts.by_id(login.account_id) if login.account_id else None
    return account.since if account is not None else 0


def shows_few(there: Member | None) -> bool:
    """Whether somebody is here by plain clients alone, which have not come into all the rooms of their account."""
    return there is not None and bool(there.sessions) and not any(one.codec.many_rooms for one in there.sessions)


def elsewhere() -> Reject:
    return Reject("You have come back on another connection.", code="resumed_elsewhere")


def invalid() -> Reject:
    return Reject("This token is not good any more. Join by your name, or log in.", code="token_invalid")
