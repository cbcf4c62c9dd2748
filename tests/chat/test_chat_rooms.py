"""Several rooms, roles, and whom one ignores, without a socket."""

import pytest
from kit.hall import JSON, Hall, NoHooks
from kit.programs import Program

from greenchat.config.schema import Limits
from greenchat.errors import Reject
from greenchat.testing import serving


def names(hall, room):
    return [member.name for member in hall.chat.rooms[room].members.values()]


def test_one_more_room_is_where_one_talks_from_then_on():
    hall = Hall("ada", "bob")
    hall.enter("cy", "garden")
    hall.go("ada", "Garden")
    hall.end_turn()
    assert hall.people["cy"].read() == ["INFO|ada has joined the chat."]
    hall.say("ada", "hello garden")
    hall.chat.say(hall.members["ada"], "hello lobby", room=hall.chat.rooms["lobby"])
    hall.end_turn()
    assert hall.people["cy"].read() == ["MSG|ada|hello garden"]
    assert hall.people["bob"].read() == ["MSG|ada|hello lobby"]
    assert names(hall, "lobby") == ["ada", "bob"]
    assert names(hall, "garden") == ["cy", "ada"]


def test_a_move_is_one_leaving_and_one_coming():
    hall = Hall("ada", "bob")
    hall.enter("cy", "garden")
    hall.say("bob", "before")
    hall.go("ada", "garden", move=True)
    hall.say("bob", "after")
    hall.say("cy", "welcome")
    hall.end_turn()
    assert hall.people["ada"].read() == ["MSG|bob|before", "MSG|cy|welcome"]
    assert hall.people["bob"].read() == ["INFO|ada has left the chat."]
    assert hall.people["cy"].read() == ["INFO|ada has joined the chat."]


def test_who_is_refused_by_a_room_stays_where_they_are():
    class Hooks(NoHooks):
        @staticmethod
        def check_enter(session, name, room, key, since):
            if room == "cellar" and key != "sesame":
                raise Reject("Closed.", "room_key")

    hall = Hall("ada", "bob", hooks=Hooks())
    with pytest.raises(Reject, match="Closed"):
        hall.go("ada", "cellar", "mellon", move=True)
    hall.end_turn()
    assert hall.people["bob"].read() == []
    assert names(hall, "lobby") == ["ada", "bob"]
    assert "cellar" not in hall.chat.rooms
    assert not hall.chat.may_enter(hall.people["ada"], hall.members["ada"], "cellar")
    hall.go("ada", "cellar", "sesame")
    assert hall.chat.may_enter(hall.people["ada"], hall.members["ada"], "cellar")


def test_a_name_taken_while_a_room_was_being_opened_is_refused():
    class Slow(NoHooks):
        """Somebody else is quicker."""

        def room_opened(self, room):
            self.room_opened = None
            hall.enter("ada", "garden")

    hooks = Slow()
    hall = Hall(hooks=hooks)
    with pytest.raises(Reject, match="taken"):
        hall.enter("Ada", "garden")
    assert names(hall, "garden") == ["ada"]


def test_two_who_open_one_room_at_once_meet_in_it():
    class Slow(NoHooks):
        def room_opened(self, room):
            self.room_opened = None
            hall.enter("bob", "garden")

    hall = Hall(hooks=Slow())
    hall.enter("ada", "garden")
    hall.end_turn()
    assert names(hall, "garden") == ["bob", "ada"]
    hall.say("ada", "there you are")
    hall.end_turn()
    assert hall.people["bob"].read() == ["INFO|ada has joined the chat.", "MSG|ada|there you are"]


def test_a_room_goes_on_counting_from_where_it_was_restored():
    class Hooks(NoHooks):
        said = ()

        @staticmethod
        def room_opened(room):
            room.restore(41)

        def messages(self, messages):
            self.said += tuple(message.seq for message in messages)

    hall = Hall("ada", "bob", hooks=Hooks())
    hall.say("ada", "one", "two")
    hall.end_turn()
    assert hall.hooks.said == (42, 43)
    assert hall.chat.delivery_stats.messages == 2


def test_all_of_an_emptied_room_has_been_told_before_it_is_opened_again():
    class Hooks(NoHooks):
        latest = 0

        def room_opened(self, room):
            room.restore(self.latest)

        def messages(self, messages):
            assert messages[0].seq > self.latest, "a number twice"
            self.latest = messages[-1].seq

    hall = Hall(hooks=Hooks())
    hall.enter("ada", "garden")
    hall.say("ada", "one", "two")
    hall.leave("ada")
    hall.enter("bob", "garden")
    hall.say("bob", "three")
    hall.end_turn()
    assert hall.hooks.latest == 3


def test_leaving_one_of_several_rooms():
    hall = Hall("ada", "bob")
    ada = hall.members["ada"]
    garden = hall.go("ada", "garden")
    hall.chat.part(ada, garden, "left")
    assert list(ada.rooms) == ["lobby"]
    assert "garden" not in hall.chat.rooms
    hall.chat.part(ada, ada.rooms["lobby"], "left")
    assert ada.rooms == {}
    with pytest.raises(Reject, match="in no room"):
        hall.say("ada", "to nobody")
    hall.go("ada", "garden")
    assert ada.room.name == "garden"


def test_leaving_altogether_leaves_all_rooms():
    hall = Hall("ada", "bob")
    hall.enter("cy", "garden")
    hall.go("ada", "garden")
    hall.end_turn()
    hall.people["cy"].read()
    hall.leave("ada")
    hall.leave("ada")
    hall.end_turn()
    assert hall.people["bob"].read() == hall.people["cy"].read() == ["INFO|ada has left the chat."]


def test_a_new_name_is_told_in_every_room():
    hall = Hall("ada", "bob")
    hall.enter("cy", "garden")
    hall.go("ada", "garden")
    hall.end_turn()
    hall.people["cy"].read()
    hall.chat.rename(hall.members["ada"], "ida")
    hall.end_turn()
    assert hall.people["bob"].read() == hall.people["cy"].read() == ["INFO|ada is now known as ida."]
    assert names(hall, "lobby") == ["bob", "ida"]


def test_as_many_rooms_as_there_may_be():
    hall = Hall("ada", limits=Limits(rooms=2, rooms_per_session=2))
    hall.enter("bob", "garden")
    with pytest.raises(Reject, match="There are 2 rooms"):
        hall.enter("cy", "cellar")
    hall.go("ada", "garden")
    hall.leave("bob")
    with pytest.raises(Reject, match="You are in 2 rooms"):
        hall.go("ada", "cellar")
    with pytest.raises(Reject, match="in garden already"):
        hall.go("ada", "garden")


def test_who_is_ignored_is_not_read_but_seen():
    hall = Hall("ada", "bob", "cy")
    hall.chat.ignore(hall.members["bob"], "ada")
    hall.say("ada", "not for bob")
    hall.say("cy", "for all")
    hall.chat.rename(hall.members["ada"], "ida")
    hall.say("ada", "nor this")
    hall.end_turn()
    assert hall.people["bob"].read() == ["MSG|cy|for all", "INFO|ada is now known as ida."]
    assert hall.people["cy"].read() == ["MSG|ada|not for bob", "INFO|ada is now known as ida.", "MSG|ida|nor this"]
    with pytest.raises(Reject, match="does not take messages"):
        hall.chat.whisper(hall.members["ada"], "bob", "psst")
    hall.chat.unignore(hall.members["bob"], "Ida")
    hall.say("ada", "again")
    hall.end_turn()
    assert hall.people["bob"].read() == ["MSG|ida|again"]


def test_an_owner_by_account_is_owner_again_after_coming_back():
    hall = Hall("ada", "bob")
    room = hall.chat.rooms["lobby"]
    hall.people["ada"].login.account_id = room.owner = 4711
    assert room.role_of(hall.members["ada"]) == "owner"
    assert room.role_of(hall.members["bob"]) == ""
    hall.leave("ada")
    hall.enter("ada")
    assert not room.owned_by(hall.members["ada"]), "not logged in"
    hall.people["ada"].login.account_id = 4711
    assert room.owned_by(hall.members["ada"])
    hall.people["ada"].login.role = "operator"
    assert room.role_of(hall.members["ada"]) == "operator"


def test_a_guest_owns_a_room_until_leaving_it():
    hall = Hall("ada", "bob")
    room = hall.chat.rooms["lobby"]
    room.owner = hall.members["ada"]
    hall.leave("ada")
    assert room.owner is None


def test_topic_and_presence_are_told_in_the_right_rooms():
    hall = Hall("ada", "bob", limits=Limits(topic_length=10))
    hall.enter("cy", "garden")
    hall.go("ada", "garden")
    hall.end_turn()
    hall.people["cy"].read()
    hall.chat.set_topic(hall.members["ada"], hall.chat.rooms["garden"], "Roses")
    hall.chat.set_away(hall.members["ada"], "lunch")
    hall.end_turn()
    assert hall.people["cy"].read() == ["INFO|ada has set the topic: Roses", "INFO|ada is away: lunch"]
    assert hall.people["bob"].read() == ["INFO|ada is away: lunch"]
    for bad in ("x" * 11, "a\nb", "\x1b[2J"):
        with pytest.raises(Reject):
            hall.chat.set_topic(hall.members["ada"], hall.chat.rooms["garden"], bad)
    assert hall.chat.rooms["garden"].topic == "Roses"


def test_a_member_of_two_rooms_speaks_json():
    hall = Hall()
    ada = hall.enter("ada", codec=JSON)
    hall.enter("bob")
    hall.go("ada", "garden")
    hall.end_turn()
    ada.read()
    hall.say("bob", "hi")
    hall.end_turn()
    (line,) = ada.read()
    assert '"room":"lobby","seq":1' in line


def test_an_address_and_an_account_open_only_so_many_rooms_and_more_once_those_are_gone():
    hall = Hall("ada", "bob", "cy", limits=Limits(rooms_per_address=2, rooms_per_session=0))
    for name, address in (("ada", "192.0.2.1:5000"), ("bob", "192.0.2.1:5001"), ("cy", "192.0.2.2:5000")):
        hall.people[name].address = address
    for room in ("one", "two"):
        hall.go("ada", room)
    for name in ("ada", "bob"):
        with pytest.raises(Reject, match="There are 2 rooms made from your address or account") as refused:
            hall.go(name, "three")
        assert refused.value.code == "too_many_rooms"
    hall.go("bob", "one")  # one that there is
    hall.go("cy", "three")
    hall.chat.part(hall.members["ada"], hall.chat.rooms["one"], "left")
    with pytest.raises(Reject):
        hall.go("bob", "four")  # the one that ada has opened is still there
    hall.chat.part(hall.members["bob"], hall.chat.rooms["one"], "left")
    hall.go("bob", "four")
    hall.people["ada"].login.account_id = hall.people["cy"].login.account_id = 7
    hall.go("cy", "five")
    with pytest.raises(Reject):
        hall.go("ada", "six")


def test_operators_and_who_comes_by_a_unix_socket_open_as_many_rooms_as_they_like():
    hall = Hall("ada", "bob", limits=Limits(rooms_per_address=1))
    hall.people["ada"].address = "192.0.2.1:5000"
    hall.people["ada"].login.role = "operator"
    for number in range(4):
        hall.go("ada", f"a{number}")
        hall.go("bob", f"b{number}")  # its address is "unix"
    assert len(hall.chat.rooms) == 9


def test_who_comes_into_a_hall_is_told_some_by_name_and_how_many_there_are_besides(monkeypatch):
    monkeypatch.setattr("greenchat.chat.room.MEMBERS_TOLD", 3)
    with serving() as server:
        for number in range(5):
            server.join(f"p{number}")
        late = Program(server, "late")
        assert late.welcome["members"] == ["late", "p0", "p1"]
        assert late.welcome["members_more"] == 3
        names = late.told("/names", "names")
        assert (names["members"], names["members_more"]) == (["late", "p0", "p1"], 3)
        assert names["lines"] == ["In lobby (6): late, p0, p1 and 3 more"]
        plain = server.connect()
        plain.send("JOIN|plain", "MSG|/who")
        assert plain.read().startswith("INFO|Welcome to lobby, plain. Here are p0, p1 and 4 more.")
        plain.expect("INFO|In lobby (7): p0, p1, p2, p3, p4, late, plain")
