"""A chat without sockets that another one takes over, as a new process does, in plain data."""

from msgspec import msgpack

from greenchat.chat.carried import CarriedChat, attach_carried, carry, reopen, restore
from greenchat.session.carried_stays import CarriedStays, carry_stays, restore_stays
from greenchat.testing import Chat
from greenchat.testing.seat import Seat
from kit.hall import Hall


def again(carried):
    """The same, as the next process reads it."""
    return msgpack.decode(msgpack.encode(carried), type=type(carried))


def next_hall(hall, **more):
    """A new hall that has taken over from `hall` after this turn: `members` are who they were, and `people` have new
    screens."""
    hall.end_turn()
    carried, index = carry(hall.chat)
    carried = again(carried)
    there = Hall(limits=hall.chat._limits, codec=hall.codec, **more)
    members = restore(there.chat, carried)
    reopen(there.chat, carried)
    for name, member in hall.members.items():
        if member in index:
            there.members[name] = members[index[member]]
    for name, person in hall.people.items():
        for member in index:
            if person in member.sessions:
                seat = there.people[name] = type(person)(person.codec)
                seat.address = person.address
                attach_carried(there.chat, seat, members[index[member]], person.only, person.is_welcome)
    return there


def take_over(chat, *plugins, settings=None, without=()):
    """A new chat, in which everybody is who was in `chat`, by the same sessions; but for those persons in `without`,
    whose sessions could not be carried over."""
    carried, index = carry(chat.server.chat)
    stays = carry_stays(chat.server.stays, index)
    chat.server.stays.close()
    carried, stays = again(carried), again(stays)
    assert isinstance(carried, CarriedChat)
    assert isinstance(stays, CarriedStays)
    there = Chat(*plugins, settings=settings)
    there.tick(chat.clock.monotonic())  # it goes on in the next process
    there.run(lambda: _restore(chat, there, carried, stays, index, without))
    return there


def _restore(chat, there, carried, stays, index, without):
    accounts = chat.server.accounts
    if accounts.known:
        there.server.accounts.replace([accounts.by_id(one) for one in accounts.ids])
    members = restore(there.server.chat, carried)
    reopen(there.server.chat, carried)
    found = restore_stays(there.server.stays, stays, members)
    for person in chat.people:
        before = person.session
        if before.closing is not None or person in without:
            continue
        seat = Seat(there.server, before.address, before.codec, there.clock)
        del there.server.sessions[seat.id]
        seat.id = before.id
        there.server.sessions[seat.id] = seat
        if before.member is not None:
            member = members[index[before.member]]
            attach_carried(there.server.chat, seat, member, before.only, before.is_welcome)
            seat.joined(member)
        found.give(seat)
        assert isinstance(person.heard, list)  # what was on its way to them arrives
        person.session, person._run = seat, there.run
        there.people.append(person)
    found.end()
