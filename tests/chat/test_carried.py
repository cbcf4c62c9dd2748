"""A chat that another process takes over: all in it is as it was, for whoever looks at it."""

from contextlib import suppress

import pytest
from hypothesis import strategies as st
from kit.carried_chats import next_hall
from kit.hall import JSON, PLAIN, Hall, NoHooks, Person
from kit.properties import for_all

from greenchat.chat import reading
from greenchat.chat.carried import NotAtRestError, carry, restore, under_way
from greenchat.config.schema import Limits
from greenchat.errors import Reject


def names(hall, room):
    return [member.name for member in hall.chat.rooms[room].members.values()]


def test_who_is_where_is_the_same_in_the_same_order_and_nobody_is_told_anything():
    hall = Hall("cy", "ada", "bob")
    hall.go("ada", "garden")
    hall.go("bob", "cellar")
    hall.go("bob", "garden")
    hall.chat.set_topic(hall.members["ada"], hall.chat.rooms["garden"], "Tulips")
    hall.chat.set_away(hall.members["cy"], "Lunch")
    there = next_hall(hall)
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
    there = next_hall(hall)
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
    there = next_hall(next_hall(hall))
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
    assert under_way(hall.chat) == []


def test_what_waits_for_another_turn_is_under_way_too():
    hall = Hall("ada", "bob")
    hall.turn.left = 1
    hall.say("ada", "one")
    hall.end_turn()
    hall.turn.left = None
    assert len(under_way(hall.chat)) == 1
    hall.end_turn()
    assert under_way(hall.chat) == []


def test_somebody_must_not_be_there_already():
    carried, _ = carry(Hall("ada").chat)
    with pytest.raises(ValueError, match="already"):
        restore(Hall("bob").chat, carried)


def test_whom_one_ignores_is_still_the_same_person():
    hall = Hall("ada", "bob", "cy")
    hall.chat.ignore(hall.members["ada"], "bob")
    hall.chat.ignore(hall.members["ada"], "dan")  # who may come
    hall.chat.rename(hall.members["bob"], "robert")
    hall.chat.rename(hall.members["cy"], "bob")
    there = next_hall(next_hall(hall))
    there.enter("dan")
    there.end_turn()
    there.people["ada"].read()
    there.say("bob", "this is what robert says")
    there.say("cy", "and this is what the new bob says")
    there.say("dan", "dan")
    there.end_turn()
    assert there.people["ada"].read() == ["MSG|bob|and this is what the new bob says"]
    there.chat.rename(there.members["bob"], "bert")
    there.say("bob", "still not read")
    there.end_turn()
    assert there.people["ada"].read() == ["INFO|robert is now known as bert."]
    there.leave("bob")
    assert there.members["ada"].ignored.names == ["bert", "dan"]
    assert there.chat.unignore(there.members["ada"], "bert") == "bert"


def test_roles_are_known_and_told_once_more_only_where_they_change():
    hall = Hall("ada", "bob")
    hall.enter("cy", "garden")
    garden = hall.chat.rooms["garden"]
    hall.go("bob", "garden")
    garden.owner = hall.members["cy"]
    hall.members["ada"].login.role = "operator"
    for name in ("ada", "cy"):
        hall.chat.tell_role(hall.members[name])
    there = next_hall(hall)
    garden = there.chat.rooms["garden"]
    assert garden.role_of(there.members["cy"]) == "owner"
    for name in ("ada", "cy"):
        there.chat.tell_role(there.members[name])
    there.end_turn()
    assert there.people["bob"].read() == []
    there.leave("cy")
    assert garden.owner is None


def test_the_owner_may_be_an_account():
    hall = Hall("ada")
    hall.enter("bob", "garden")
    hall.chat.rooms["garden"].owner = 7
    assert next_hall(hall).chat.rooms["garden"].owner == 7


def test_how_far_one_has_read_goes_on():
    hall = Hall("ada", "bob", codec=JSON)
    hall.say("bob", "one", "two", "ada, look", "four")
    lobby = hall.chat.rooms["lobby"]
    hall.chat.read(hall.members["ada"], lobby, 1)
    there = next_hall(hall)
    for name, counts in (("ada", (1, 3, 1)), ("bob", (4, 0, 0))):
        member = there.members[name]
        assert tuple(reading.unread(member, there.chat.rooms["lobby"], there.chat.names_of(member))) == counts


def test_accounts_are_one_member_and_their_devices_show_what_they_have_shown():
    hall = Hall("bob")
    ada = hall.people["ada"] = Person(JSON, 7)
    hall.members["ada"] = hall.chat.join(ada, "ada")
    hall.attach("phone", "ada", codec=PLAIN)
    hall.go("bob", "garden")
    hall.chat.enter(hall.people["phone"], hall.members["ada"], "garden")
    hall.people["shy"] = Person(JSON, 7)
    hall.people["shy"].is_welcome = False
    hall.chat.attach(hall.people["shy"], hall.members["ada"])
    there = next_hall(hall)
    member = there.members["ada"]
    assert there.chat.people.of_account(7) is member
    assert [one.login is member.login for one in member.sessions] == [True] * 3
    there.chat.say(there.members["bob"], "in the garden", room=there.chat.rooms["garden"])
    there.chat.say(there.members["bob"], "in the lobby", room=there.chat.rooms["lobby"])
    there.end_turn()
    assert [len(there.people[name].read()) for name in ("ada", "phone", "shy")] == [2, 1, 0]


def test_rooms_count_for_who_has_opened_them():
    hall = Hall("ada", limits=Limits(rooms_per_address=1))
    hall.people["ada"].address = "192.0.2.7:50000"
    hall.go("ada", "garden")
    there = next_hall(hall)
    there.people["ada"].address = "192.0.2.7:50000"
    with pytest.raises(Reject, match="as many as there may be"):
        there.go("ada", "cellar")
    there.chat.part(there.members["ada"], there.chat.rooms["garden"], "left")
    there.go("ada", "cellar")


def test_an_empty_room_that_is_not_the_default_one_any_more_is_gone():
    hall = Hall("ada")
    hall.go("ada", "garden", move=True)
    assert "lobby" in hall.chat.rooms
    assert "lobby" in next_hall(hall).chat.rooms
    assert list(next_hall(hall, default_room="foyer").chat.rooms) == ["garden"]


class Keeper(NoHooks):
    """A plugin that knows a room up to a message, or nothing of it."""

    def __init__(self, **numbers):
        self.opened, self.numbers = [], numbers

    def room_opened(self, room):
        self.opened.append(room.name)
        room.owner, room.topic = 99, "As it was once"
        room.restore(**self.numbers)


def carried_to(seq, rev=0, epoch=None):
    """A hall of four messages and five changes that is taken over where a plugin has kept so much; before and after."""
    hall = Hall("ada", "bob", codec=JSON)
    hall.say("ada", "one", "two", "three", "four")
    hall.chat.edit(hall.members["ada"], hall.chat.rooms["lobby"], 1, "ONE")
    hall.chat.set_topic(hall.members["ada"], hall.chat.rooms["lobby"], "Now")
    before = hall.chat.rooms["lobby"]
    keeper = Keeper(seq=seq, rev=rev, epoch=before.epoch if epoch is None else epoch)
    there = next_hall(hall, hooks=keeper)
    assert keeper.opened == ["lobby"]
    room = there.chat.rooms["lobby"]
    assert (room.topic, room.owner) == ("Now", None)
    return before, room


def test_a_plugin_that_keeps_all_of_a_room_has_it_open_again_as_it_is():
    before, room = carried_to(4, 5)
    assert (room.seq, room.rev, room.epoch) == (4, 5, before.epoch)
    assert room.log.find(1).message.text == "ONE"


def test_where_a_plugin_has_missed_some_the_numbers_go_on_and_another_epoch_begins():
    before, room = carried_to(3, 3)
    assert (room.seq, room.rev) == (4, 5)
    assert room.epoch != before.epoch
    assert room.log.find(4).message.text == "four"


@pytest.mark.parametrize("epoch", [None, "another"])
def test_where_a_plugin_knows_more_the_higher_numbers_hold_and_it_is_asked(epoch):
    before, room = carried_to(10, 3, epoch)
    assert (room.seq, room.rev) == (10, 10)
    assert room.epoch not in (before.epoch, "")
    assert room.log.find(4) is None


def test_a_plugin_that_is_new_and_knows_nothing_takes_nothing_away():
    _, room = carried_to(0, 0, "another")
    assert (room.seq, room.rev, room.epoch) == (4, 5, "another")
    assert room.log.find(1).message.text == "ONE"


def test_what_is_carried_on_and_on_stays_the_same():
    hall = Hall("ada", "bob", "cy", codec=JSON)
    hall.go("bob", "garden")
    hall.say("ada", "one", "two")
    hall.chat.react(hall.members["bob"], hall.chat.rooms["lobby"], 1, "👍")
    hall.chat.ignore(hall.members["ada"], "bob")
    hall.chat.whisper(hall.members["ada"], "cy", "hello")
    hall.leave("cy")
    hall.end_turn()
    first, _ = carry(hall.chat)
    looked_at = next_hall(hall)
    looked_at.chat.rooms["lobby"].log.find(1)
    for there in (next_hall(next_hall(hall)), looked_at):
        assert same(there, first)


def same(hall, carried):
    """Whether what is carried of `hall` is this, but for the ids that come next, which go by the clock."""
    found, _ = carry(hall.chat)
    found.next_id = carried.next_id
    return found == carried


NAMES = ["ada", "bob", "cy", "dan"]
name, room = st.sampled_from(NAMES), st.sampled_from(["lobby", "garden", "cellar"])
deeds = st.one_of(
    st.tuples(st.sampled_from(["enter", "go", "part"]), name, room),
    st.tuples(st.sampled_from(["say", "rename", "leave"]), name, st.sampled_from(["eve", "fay"])),
    st.tuples(st.sampled_from(["ignore", "whisper", "phone"]), name, name),
)


def do(hall, deed, one, other):
    member = hall.members.get(one)
    is_in = member is not None and hall.chat.people.has(member)
    match deed:
        case "enter" if not is_in:
            hall.enter(one, other)
        case "go" if is_in:
            hall.go(one, other)
        case "part" if is_in:
            hall.chat.part(member, hall.chat.room_of(member, other), "left")
        case "say" if is_in:
            for there in list(member.rooms.values()):
                hall.chat.say(member, other, room=there)
        case "rename" if is_in:
            hall.chat.rename(member, other)
        case "leave" if is_in:
            hall.leave(one)
        case "ignore" if is_in:
            hall.chat.ignore(member, other)
        case "whisper" if is_in:
            hall.chat.whisper(member, other, "psst")
        case "phone" if is_in:
            hall.attach(f"{one}'s phone", one)


@for_all(st.lists(deeds, max_size=30), st.lists(deeds, max_size=10))
def test_whatever_has_happened_the_chat_goes_on_in_the_same_way(before, after):
    hall = Hall("ada", "bob", codec=JSON)
    for deed in before:
        with suppress(Reject):
            do(hall, *deed)
    there = next_hall(hall)
    assert same(there, carry(hall.chat)[0])
    for deed in after:
        refused = []
        for one in (hall, there):
            try:
                do(one, *deed)
            except Reject as verdict:
                refused.append(verdict.text)
        assert len(refused) != 1, refused
        assert len({*refused}) < 2
    for one in (hall, there):
        one.end_turn()
    assert {one: list(it.rooms) for one, it in there.chat.members.items()} == {
        one: list(it.rooms) for one, it in hall.chat.members.items()
    }
    for one in (hall, there):
        for person in one.people.values():
            person.read()
        one.chat.announce("The end")
        one.end_turn()
    reached = [{name for name, person in one.people.items() if person.read()} for one in (hall, there)]
    assert reached[0] == reached[1]
