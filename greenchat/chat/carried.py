"""A chat in plain data, for the process that takes this one's place, and a chat made of that again. No socket is known
here, nobody is told anything, and nothing waits but `reopen`.

A member is known by its number in all that is carried. What is in the chat has no secret part for these modules, so
that all of it is in one place: tests hold each class against them, whose attributes are carried, made anew by who comes
back, or empty in a chat at rest.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import ref

from msgspec import Struct

from greenchat.chat.carried_logs import GONE, NOBODY
from greenchat.chat.carried_rooms import CarriedRoom, carry_rooms, reopen_room, restore_rooms
from greenchat.chat.carried_talks import (
    CarriedBegun,
    CarriedKeys,
    CarriedTalk,
    carry_begun,
    carry_keys,
    carry_talks,
    open_keys,
    restore_begun,
    restore_keys,
    restore_talks,
)
from greenchat.chat.chat import Chat
from greenchat.chat.ignoring import Ignored, _Person
from greenchat.chat.outlet import Login, Outlet
from greenchat.chat.room import Member, shows
from greenchat.errors import GreenchatError

# How often plugins may answer to what is told when all is to come to rest.
ANSWERS = 5


class NotAtRestError(GreenchatError):
    """Something is under way in a chat, and would be lost. The text says what."""


class CarriedPerson(Struct, array_like=True, gc=False):
    """Somebody who is ignored: as `ignoring._Person`. `member` is their number, while they are followed."""

    shown: str
    key: str
    last: list[str]
    account: int
    member: int


class CarriedMember(Struct, array_like=True, gc=False):
    """`rooms` are the names of theirs, in the order in which they have come. Who is not `is_here` has left, and may
    still come back. `last_writer` is who has written to them alone, and in which conversation."""

    name: str
    key: str
    account: str
    account_id: int
    role: str
    is_here: bool
    away: str
    bot: str
    rooms: list[str]
    reads: dict[str, int]
    ignored: list[CarriedPerson] | None
    last_writer: tuple[str, str] | None


class CarriedChat(Struct, array_like=True, gc=False):
    """What is new comes at the end, with a default."""

    members: list[CarriedMember]
    rooms: list[CarriedRoom]
    talks: list[CarriedTalk]
    keys: CarriedKeys
    begun: list[CarriedBegun]
    next_id: int
    messages: int
    deliveries: int


def under_way(chat: Chat) -> list[str]:
    """What is still under way in `chat`, in words; it is at rest where that is nothing."""
    rooms = [room.name for room in chat.rooms.values() if not room.fanout.is_at_rest]
    found = [f"what was told in {name} is still going out" for name in rooms]
    if count := open_keys(chat):
        found.append(f"messages with a key of which it is not known yet what becomes of them: {count}")
    return found


def settle(chat: Chat) -> None:
    """Have all that was told go out at once. What plugins tell in answer to that goes out, too, for a few times."""
    for _ in range(ANSWERS):
        for room in list(chat.rooms.values()):
            room.fanout.send_all()
        if not under_way(chat):
            break


def carry(chat: Chat) -> tuple[CarriedChat, dict[Member, int]]:
    """All that there is in `chat`, and the number of each member: of those who are in it, and of those who may come
    back. Raises `NotAtRestError`."""
    if found := under_way(chat):
        raise NotAtRestError(f"The chat is not at rest: {'; '.join(found)}. Let the event loop turn first.")
    absent = chat.memory.absent if chat.memory is not None else ()
    everybody = dict.fromkeys([*chat.members.values(), *absent])
    index = {member: number for number, member in enumerate(everybody)}
    stats = chat.delivery_stats
    carried = CarriedChat(
        [_carry_member(chat, member, index) for member in index],
        carry_rooms(chat, index),
        carry_talks(chat, index),
        carry_keys(chat, index),
        carry_begun(chat, index),
        chat.ids.next,
        stats.messages,
        stats.deliveries,
    )
    return carried, index


def restore(chat: Chat, carried: CarriedChat) -> list[Member]:
    """Have `chat`, in which nobody is yet, be as that one was, but for the sessions of its members: those, by their
    numbers. Their rooms are restored by `reopen` to the plugins, and their sessions come by `attach_carried`."""
    if chat.members or chat.rooms:
        raise ValueError("somebody is in this chat already: what is carried over must come first")
    members = [Member(one.name, one.key, Login(one.account, one.account_id, one.role)) for one in carried.members]
    restore_rooms(chat, carried.rooms, members)
    restore_talks(chat, carried.talks, members)
    restore_keys(chat, carried.keys, members)
    restore_begun(chat, carried.begun, members)
    chat.ids.begin_above(carried.next_id - 1)
    chat.delivery_stats.messages, chat.delivery_stats.deliveries = carried.messages, carried.deliveries
    for member, one in zip(members, carried.members, strict=True):
        member.away, member.bot, member.reads = one.away, one.bot, one.reads
        member.rooms = {name: chat.rooms[name] for name in one.rooms}
        member.last_writer = _last_writer(chat, one)
        if one.is_here:
            chat.people.add(member)
    for member, one in zip(members, carried.members, strict=True):
        member.ignored = restore_ignored(one.ignored, members)
        if one.is_here:
            chat._ignoring._changed(member)
    return members


def reopen(chat: Chat, carried: CarriedChat) -> None:
    """To be called once the plugins' hooks are bound: they hear of each room that was carried over, as of one that is
    opened. May wait."""
    for one in carried.rooms if chat._hooks.room_opened is not None else ():
        if (room := chat.rooms.get(one.name)) is not None:
            reopen_room(chat, room)


def attach_carried(chat: Chat, session: Outlet, member: Member, only: str, is_welcome: bool) -> None:
    """Put a session back: it is `member`'s, and shows the rooms that it has shown before, by what `only` and
    `is_welcome` were."""
    session.login, session.only, session.is_welcome = member.login, only, is_welcome
    member.sessions.append(session)
    for room in member.rooms.values():
        if shows(session, room):
            room.fanout.came(session, member)


def carry_ignored(ignored: Ignored | None, index: Mapping[Any, int]) -> list[CarriedPerson] | None:
    if ignored is None:
        return None
    return [
        CarriedPerson(one.shown, one.key, list(one._last), one.account, index.get(one.member, NOBODY))
        for one in ignored._people
    ]


def restore_ignored(people: Sequence[CarriedPerson] | None, members: Sequence[Member]) -> Ignored | None:
    if people is None:
        return None
    ignored = Ignored()
    for one in people:
        person = _Person(one.shown, one.key, members[one.member] if one.member != NOBODY else None)
        person.account = one.account
        person._last.extend(one.last)
        ignored._people.append(person)
    ignored._index()
    return ignored


def _carry_member(chat: Chat, member: Member, index: Mapping[Member, int]) -> CarriedMember:
    writer = member.last_writer
    talk = writer[1]() if writer is not None else None
    return CarriedMember(
        member.name,
        member.key,
        member.account,
        member.account_id,
        member.role,
        chat.people.has(member),
        member.away,
        member.bot,
        list(member.rooms),
        member.reads,
        carry_ignored(member.ignored, index),
        (writer[0], talk.id if talk is not None else "") if writer is not None else None,
    )


def _last_writer(chat: Chat, one: CarriedMember) -> "tuple[str, Any] | None":
    if one.last_writer is None:
        return None
    name, conversation = one.last_writer
    talk = chat.open_conversation(conversation)
    return name, ref(talk) if talk is not None else GONE
