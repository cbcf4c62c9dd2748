"""How a session comes into the chat: as somebody new, as one more session of who is there, or as who had its token."""

from abc import abstractmethod
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Protocol

from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.chat import Chat
from greenchat.chat.presence import Kept
from greenchat.chat.room import Member, Room
from greenchat.config.schema import Config
from greenchat.errors import Reject
from greenchat.hooks import interfaces
from greenchat.hooks.dispatch import Dispatcher
from greenchat.protocol.requests import Join, Ref
from greenchat.session import reading
from greenchat.session.stay import Stay, invalid
from greenchat.session.stays import PREFIX, Stays
from greenchat.session.waiting import tell_waiting


class Host(Protocol):
    """What it needs of its server."""

    config: Config
    hooks: Dispatcher
    chat: Chat
    accounts: AccountDirectory
    stays: Stays

    def remembered(self, account_id: int) -> Kept: ...


class Newcomer(interfaces.Session):
    """A session, as far as it comes in. `stay` is its place, to which its client may come back."""

    __slots__ = ("server", "stay")

    server: Host
    stay: Stay | None

    @abstractmethod
    def joined(self, member: Member) -> None:
        """From now on, this session is `member`'s."""

    @abstractmethod
    def welcome(self, room: Room | None, ref: Ref = None, token: str = "", *, is_first: bool = False) -> None:
        """Tell it all about a room that it shows from now on; or that it is here, in none. With the first it is told
        how the chat shows itself."""

    @abstractmethod
    def show_others(self, room: Room) -> None:
        """Have the other sessions of its member know of a room that it has come into."""


def join(session: Newcomer, asked: Join) -> None:
    """Let it in as it asks for, and welcome it. Raises `Reject`."""
    if asked.token.startswith(PREFIX):
        _resume(session, asked)
        return
    if asked.token and not session.account_id:  # no plugin has logged it in by that
        raise invalid()
    server, many = session.server, session.codec.many_rooms
    account = server.accounts.by_id(session.account_id) if session.account_id else None
    name = asked.name or (account.name if account is not None else "")
    there = server.chat.people.of_account(session.account_id)
    before = set(there.rooms) if there is not None else set[str]()
    room = asked.room if many else asked.room or ""
    kept = server.remembered(session.account_id)  # before the others are told: from then on they may talk to it
    member = server.chat.join(session, name, room, asked.key, kept.reads)
    session.joined(member)
    _keep_few(session, member)
    refused = _bring(session, member, kept)
    _greet(session, member, room, before, asked.ref, is_new=True)
    _tell(session, refused)
    tell_waiting(session)


def _resume(session: Newcomer, asked: Join) -> None:
    server = session.server
    member, token, kept = server.stays.resume(session, asked.token)
    before = set(member.rooms)
    session.joined(member)
    _keep_few(session, member)
    refused = _enter_again(session, member, kept)
    server.stays.arrived(session)
    meant = session.stay.only if session.stay is not None else ""
    session.only = meant if member.rooms.keys() == {meant} else ""
    if asked.room:
        try:
            room = server.chat.room_name(asked.room)
            if room not in member.rooms:
                server.chat.enter(session, member, room, asked.key)
            if member.rooms.keys() == {room}:
                session.only = room
        except Reject as verdict:
            refused.append(verdict)
    _greet(session, member, asked.room, before, asked.ref, token, is_new=True)
    _tell(session, refused)


def move(session: Newcomer, guest: Member, member: Member) -> None:
    """Who is here as `guest` has logged in to the account of `member`, who is here as well: it is one more session of
    theirs, and brings the rooms along. Raises `Reject`."""
    chat, stays = session.server.chat, session.server.stays
    looks_at, now = session.only, datetime.now(UTC)
    kept = Kept(
        dict.fromkeys(guest.rooms, now), [room for room in guest.rooms.values() if room.owner is guest], guest.away
    )
    before, login = set(member.rooms), session.login
    session.login = member.login
    try:
        chat.require_welcome(session, member)
    except Reject:
        session.login = login
        raise
    member.reads = guest.reads | member.reads
    chat.leave(guest, f"logged in as {member.name}")
    stays.over(session, "logged in")
    session.member, session.is_welcome = None, False
    chat.attach(session, member)
    session.joined(member)
    _keep_few(session, member)
    if session.server.hooks.account is not None:
        session.server.hooks.account(session)
    if session.codec.many_rooms:
        refused = _enter_again(session, member, kept)
    else:
        refused = []
        try:
            chat.enter(session, member, looks_at, move=True)
        except Reject as verdict:
            refused.append(verdict)
    _greet(session, member, None, before)
    _tell(session, refused)
    tell_waiting(session)


def bring_along(session: Newcomer, member: Member, kept: Kept) -> None:
    """Let `member`, who has just logged in, have what their account has: whom it ignores, and its rooms."""
    before = set(member.rooms)
    session.is_welcome = False  # to those rooms
    try:
        refused = _bring(session, member, kept)
    finally:
        session.is_welcome = True
    for name in [name for name in member.rooms if name not in before] if session.codec.many_rooms else ():
        _show(session, member, name)
    _tell_all(session, member)
    _tell(session, refused)
    tell_waiting(session)


def _bring(session: Newcomer, member: Member, kept: Kept) -> list[Reject]:
    """Have `member` ignore whom their account ignores; and be in its rooms, if the session can show them: why they are
    not let into some of them."""
    if kept.ignored is not None:
        session.server.chat.ignore_also(member, kept.ignored)
    return _enter_again(session, member, kept) if session.codec.many_rooms else []


def _enter_again(session: Newcomer, member: Member, kept: Kept) -> list[Reject]:
    refused = session.server.chat.enter_again(session, member, kept) if kept.rooms else []
    reading.recall(session.server.hooks, member)  # nothing waits once it is shown the rooms
    return refused


def _tell(session: Newcomer, refused: list[Reject]) -> None:
    """Why it has not come into some of its rooms."""
    for verdict in refused:
        session.refuse(verdict)


def _greet(
    session: Newcomer,
    member: Member,
    named: str | None,
    before: Collection[str],
    ref: Ref = None,
    token: str = "",
    *,
    is_new: bool = False,
) -> None:
    """Welcome it: to the room that it has named, or the first; then to all others that it shows. The other sessions
    of `member` see those that were not there `before`. `is_new`: its connection was not in the chat until now."""
    if not token and getattr(session.codec, "tokens", False):  # a codec of a plugin may know of none
        token = session.server.stays.begin(session)
    chat = session.server.chat
    session.is_welcome = session in member.sessions  # or it was ended meanwhile
    chosen = session.only or (chat.room_name(named) if named else "")
    first = member.rooms.get(chosen) or (next(iter(member.rooms.values()), None) if session.codec.many_rooms else None)
    if first is not None:
        chat.show(session, member, first)
    session.welcome(first, ref, token, is_first=is_new)
    if first is not None and first.name not in before:
        session.show_others(first)
    for name in [name for name, room in member.rooms.items() if room is not first]:
        room = member.rooms.get(name)
        if room is None or session in room.fanout.listeners:
            continue  # another device has left it meanwhile, or has come into it, with a welcome for this one
        if session.codec.many_rooms:
            _show(session, member, name, others=name not in before)
        elif name not in before:
            session.show_others(room)
    _tell_all(session, member)


def _tell_all(session: Newcomer, member: Member) -> None:
    """Tell it of all that `member` takes part in, if it knows numbers: a codec of a plugin may know of none."""
    if session in member.sessions and getattr(session.codec, "numbers", False):
        session.tell(reading.conversations(session))


def _show(session: Newcomer, member: Member, name: str, *, others: bool = True) -> None:
    """A plugin may have taken its time, and somebody may have left the room meanwhile, or the chat."""
    room = member.rooms.get(name)
    if room is not None and session in member.sessions:
        session.server.chat.show(session, member, room)
        session.welcome(room)
        if others:
            session.show_others(room)


def _keep_few(session: Newcomer, member: Member) -> None:
    """No account has more sessions than it may: the one that is idle longest ends."""
    most = session.server.config.limits.sessions_per_account
    others = [one for one in member.sessions if one is not session and isinstance(one, interfaces.Session)]
    while most and len(others) >= most:
        longest = max(others, key=lambda one: one.idle_seconds)
        others.remove(longest)
        longest.end(Reject(f"You have {most} connections, and this one was idle longest.", "too_many_sessions"))
