"""A chat that another process takes over: all in it is as it was, for whoever looks at it."""

import pytest
from kit.hall import JSON, Hall
from msgspec import msgpack

from greenchat.chat.carried import CarriedChat, NotAtRestError, attach_carried, carry, reopen, restore
from greenchat.errors import Reject


class Next:
    """A hall that took over from another one: `people` have their screens again, and `members` are who they were."""

    def __init__(self, hall, hooks=None, **more):
        carried, index = carry(hall.chat)
        carried = msgpack.decode(msgpack.encode(carried), type=CarriedChat)
        self.hall = Hall(hooks=hooks, limits=hall.chat._limits, codec=hall.codec, **more)
        found = restore(self.hall.chat, carried)
        reopen(self.hall.chat, carried)
        for name, member in hall.members.items():
            if member in index:
                self.hall.members[name] = found[index[member]]
        for name, person in hall.people.items():
            member = next((one for one in index if person in one.sessions), None)
            if member is not None:
                again = self.hall.people[name] = type(person)(person.codec)
                attach_carried(self.hall.chat, again, found[index[member]], person.only, person.is_welcome)


def after(hall, **more):
    hall.end_turn()
    return Next(hall, **more).hall


def names(hall, room):
    return [member.name for member in hall.chat.rooms[room].members.values()]


def test_who_is_where_is_the_same_in_the_same_order_and_nobody_is_told_anything():
    hall = Hall("cy", "ada", "bob")
    hall.go("ada", "garden")
    hall.go("bob", "cellar")
    hall.go("bob", "garden")
    hall.chat.set_topic(hall.members["ada"], hall.chat.rooms["garden"], "Tulips")
    hall.chat.set_away(hall.members["cy"], "Lunch")
    there = after(hall)
    assert list(there.chat.rooms) == ["lobby", "garden", "cellar"]
    assert names(there, "lobby") == ["cy", "ada", "bob"]
    assert names(there, "garden") == ["ada", "bob"]
    assert list(there.members["bob"].rooms) == ["lobby", "cellar", "garden"]
    assert there.chat.rooms["garden"].topic == "Tulips"
    assert there.members["cy"].away == "Lunch"
    there.end_turn()
    assert [person.read() for person in there.people.values()] == [[], [], []]


def test_talk_goes_on_with_the_next_number():
    hall = Hall("ada", "bob")
    hall.say("ada", "one", "two")
    number = hall.chat.ids.next
    there = after(hall)
    said = there.chat.say(there.members["bob"], "three")
    there.end_turn()
    assert (said.seq, said.rev) == (3, 3)
    assert said.id >= number
    assert there.people["ada"].read() == ["MSG|bob|three"]
    assert there.chat.rooms["lobby"].epoch == hall.chat.rooms["lobby"].epoch
    assert there.chat.delivery_stats.messages == 3


def test_a_guest_may_change_what_they_have_said_before_and_nobody_else_may():
    hall = Hall("ada", "bob", codec=JSON)
    hall.say("ada", "helo")
    hall.chat.react(hall.members["bob"], hall.chat.rooms["lobby"], 1, "👍")
    there = after(after(hall))
    ada, bob, lobby = there.members["ada"], there.members["bob"], there.chat.rooms["lobby"]
    assert there.chat.has_reacted(bob, lobby, 1, "👍")
    assert not there.chat.has_reacted(ada, lobby, 1, "👍")
    with pytest.raises(Reject, match="not yours"):
        there.chat.edit(bob, lobby, 1, "haha")
    assert there.chat.edit(ada, lobby, 1, "hello") == 3
    assert there.chat.message(lobby, 1).text == "hello"


def test_what_is_still_going_out_is_not_lost_but_refused():
    hall = Hall("ada")
    hall.say("ada", "one")
    with pytest.raises(NotAtRestError, match="lobby"):
        carry(hall.chat)
    hall.end_turn()
    carry(hall.chat)
