"""Rooms in plain data, for the process that takes this one's place."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from greenchat.chat.carried_logs import NOBODY, CarriedLog, carry_log, restore_log
from greenchat.chat.chat import Chat
from greenchat.chat.openings import Opener
from greenchat.chat.place import new_epoch
from greenchat.chat.room import Member, Room


class CarriedRoom(Struct, array_like=True, gc=False):
    """`members` are those who are in it, in their order, by their numbers, and `roles` what all were told of them. The
    owner is the member `owner`, or else the account `owner_account`. `openers` count it as theirs. Those with a voice
    are members in `voices`, and accounts by their ids."""

    name: str
    topic: str
    owner: int
    owner_account: int
    lasts: bool
    seq: int
    rev: int
    epoch: str
    time: datetime
    members: list[int]
    roles: dict[int, str]
    openers: list[Opener]
    log: CarriedLog
    voices: list[int] = []
    voices_of_accounts: list[int] = []


def carry_rooms(chat: Chat, index: Mapping[Member, int]) -> list[CarriedRoom]:
    return [
        CarriedRoom(
            room.name,
            room.topic,
            index.get(room.owner, NOBODY) if isinstance(room.owner, Member) else NOBODY,
            room.owner if isinstance(room.owner, int) else 0,
            room.lasts,
            room.seq,
            room.rev,
            room.epoch,
            room.time,
            [index[member] for member in room.members.values()],
            {index[member]: role for member, role in room._roles.items()},
            list(chat._openings._openers.get(room, ())),
            carry_log(room.log, index),
            [index[one] for one in room.voices if isinstance(one, Member) and one in index],
            [one for one in room.voices if isinstance(one, int)],
        )
        for room in chat.rooms.values()
    ]


def restore_rooms(chat: Chat, carried: Sequence[CarriedRoom], members: Sequence[Member]) -> None:
    """Who is in which room is known, but to the members themselves: in what order they have come into theirs."""
    for one in carried:
        if not one.members and one.name != chat.default_room:
            continue  # it was the default room, and is not any more
        room = chat.rooms[one.name] = Room(one.name, chat._turns, chat._deliver, chat._observe, chat.delivery_stats)
        room.topic, room.lasts = one.topic, one.lasts
        room.owner = members[one.owner] if one.owner != NOBODY else one.owner_account or None
        room.seq, room.rev, room.epoch, room.time = one.seq, one.rev, one.epoch, one.time
        room.members = {members[number].key: members[number] for number in one.members}
        room.voices = {*(members[number] for number in one.voices), *one.voices_of_accounts}
        room._roles = {members[number]: role for number, role in one.roles.items()}
        restore_log(room.log, one.log, members, one.name)
        if one.openers:
            chat._openings._openers[room] = one.openers
            chat._openings._counts.update(one.openers)


def reopen_room(chat: Chat, room: Room) -> None:
    """Have the plugins know of `room`, which was carried over. They restore a room that is new to them: whose it is,
    what it is about and what was said there lately is known better here. If they know other numbers, the higher ones
    hold, and another epoch begins; and where they know more than was said here, what was said is found with them.
    May wait."""
    assert chat._hooks.room_opened is not None
    owner, topic, lasts, time = room.owner, room.topic, room.lasts, room.time
    voices = room.voices
    seq, rev, epoch = room.seq, room.rev, room.epoch
    log, room.log = room.log, type(room.log)()  # theirs is forgotten when it is restored
    try:
        chat._hooks.room_opened(room)
    finally:
        room.log = log
        room.owner, room.topic, room.lasts, room.voices = owner, topic, lasts or room.lasts, voices
        found = room.seq, room.rev, room.epoch
        room.seq, room.rev, room.time = max(seq, room.seq), max(rev, room.rev), max(time, room.time)
    if found == (seq, rev, epoch):
        return
    if room.epoch == epoch:
        room.epoch = new_epoch()
        is_behind = found[0] <= seq and found[1] <= rev  # they have missed some of it
    else:
        is_behind = not found[0]
    if not is_behind:
        log.forget()
