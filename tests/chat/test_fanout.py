"""What goes out to very many takes several turns of the event loop: in order, and once, whoever comes and goes."""

import random
import time
from collections import defaultdict

import pytest
from kit.hall import JSON, PLAIN, Hall

from greenchat.chat.fanout import CHUNK
from greenchat.chat.room import MEMBERS_TOLD
from greenchat.protocol.events import Joined, Left, Message

MANY = 3 * CHUNK


def hall_of_many(**options) -> Hall:
    hall = Hall(*(f"p{number}" for number in range(MANY)), **options)
    hall.turn.left = 1  # every turn is long after the first look at the clock
    return hall


def heard(hall: Hall) -> int:
    return sum(bool(person.batches) for person in hall.people.values())


def end_turns(hall: Hall) -> None:
    for _ in range(100):
        if not hall.turn.scheduled:
            return
        hall.turn.left = 2
        hall.end_turn()
    raise AssertionError("it never ends")


def test_a_fan_out_to_many_goes_on_in_the_next_turn_and_all_get_it_once():
    hall = hall_of_many()
    hall.say("p0", "hello")
    hall.turn.left = 3  # one at the end of the turn, one after who is not told of all, one after CHUNK others
    hall.end_turn()
    assert 0 < heard(hall) < MANY - 1
    end_turns(hall)
    assert hall.people["p0"].read() == []
    assert all(hall.people[f"p{number}"].read() == ["MSG|p0|hello"] for number in range(1, MANY))


def test_a_turn_that_is_long_already_leaves_it_to_the_next():
    hall = hall_of_many()
    hall.say("p0", "hello")
    hall.turn.left = 1
    hall.end_turn()
    assert heard(hall) == 0
    end_turns(hall)
    assert heard(hall) == MANY - 1


def test_who_is_to_be_told_something_else_does_not_wait_for_its_turn():
    hall = hall_of_many()
    room, last = hall.chat.rooms["lobby"], hall.people[f"p{MANY - 1}"]
    hall.say("p0", "one")
    hall.turn.left = 3
    hall.end_turn()
    hall.chat.set_topic(hall.members["p0"], room, "Roses")
    hall.say("p1", "two")
    assert last.read() == [], "it is still to get all of it"
    delivered = hall.chat.delivery_stats.deliveries
    room.fanout.catch_up(last)
    told = ["MSG|p0|one", "INFO|p0 has set the topic: Roses", "MSG|p1|two"]
    assert last.read() == told
    room.fanout.catch_up(last)
    hall.say("p1", "three")
    end_turns(hall)
    assert last.read() == ["MSG|p1|three"], "and nothing twice"
    assert hall.people["p2"].read() == [*told, "MSG|p1|three"]
    assert hall.chat.delivery_stats.deliveries == delivered + 2 * (MANY - 1), "two were said since, to all but one"


def test_messages_alone_are_left_to_the_end_of_the_turn():
    hall = Hall("ada", "bob", "cy")
    room, cy = hall.chat.rooms["lobby"], hall.people["cy"]
    hall.say("ada", "one")
    room.fanout.catch_up_with_events(cy)
    assert hall.people["cy"].read() == []
    hall.chat.set_topic(hall.members["bob"], room, "Roses")
    room.fanout.catch_up_with_events(cy)
    assert hall.people["cy"].read() == ["MSG|ada|one", "INFO|bob has set the topic: Roses"]
    hall.say("ada", "two")
    room.fanout.catch_up_with_events(cy)
    assert hall.people["cy"].read() == []
    hall.end_turn()
    assert hall.people["cy"].read() == ["MSG|ada|two"]


def test_what_is_said_meanwhile_comes_behind_and_who_comes_meanwhile_gets_only_that():
    hall = hall_of_many()
    hall.say("p0", "one")
    hall.turn.left = 2
    hall.end_turn()
    newcomer = hall.enter("late")
    hall.say("p1", "two")
    end_turns(hall)
    assert newcomer.read() == ["MSG|p1|two"]
    for number in range(2, MANY):
        assert hall.people[f"p{number}"].read() == ["MSG|p0|one", "INFO|late has joined the chat.", "MSG|p1|two"]


@pytest.mark.parametrize("who", ["p1", f"p{MANY - 1}"])
def test_who_leaves_meanwhile_has_got_it_once_whether_its_turn_had_come_or_not(who):
    hall = hall_of_many()
    hall.say("p0", "one")
    hall.turn.left = 2
    hall.end_turn()
    hall.say("p0", "two")
    hall.leave(who)
    assert hall.people[who].read() == ["MSG|p0|one", "MSG|p0|two"]
    end_turns(hall)
    assert hall.people[who].read() == []
    assert hall.people["p2"].read() == ["MSG|p0|one", "MSG|p0|two", f"INFO|{who} has left the chat."]


def test_a_room_that_is_emptied_meanwhile_gives_everybody_all_and_can_be_opened_again():
    hall = Hall()
    for number in range(MANY):
        hall.enter(f"p{number}", "garden")
    hall.end_turn()
    for person in hall.people.values():
        person.read()
    hall.turn.left = 1
    hall.say("p0", "one")
    hall.turn.left = 2
    hall.end_turn()
    for number in range(MANY):
        hall.leave(f"p{number}")
    assert "garden" not in hall.chat.rooms
    assert all(hall.people[f"p{number}"].read()[0] == "MSG|p0|one" for number in range(1, MANY))
    newcomer = hall.enter("late", "garden")
    end_turns(hall)
    assert newcomer.read() == []


def test_who_leaves_and_comes_back_meanwhile_gets_nothing_twice():
    hall = hall_of_many()
    last = f"p{MANY - 1}"
    member, person = hall.members[last], hall.people[last]
    person.codec = person.shared_codec = JSON
    hall.say("p0", "one")
    hall.turn.left = 2
    hall.end_turn()
    room = hall.chat.rooms["lobby"]
    hall.chat.part(member, room, "left")
    hall.go(last, "lobby")
    hall.say("p0", "two")
    end_turns(hall)
    events = JSON.reply_decoder().feed(b"".join(person.batches))
    assert [event.text for event in events if isinstance(event, Message)] == ["one", "two"]


def test_observers_are_told_at_once_what_is_going_out():
    seen = []

    class Hooks:
        check_join = check_enter = check_message = room_opened = acted = event = gone = None
        messages = staticmethod(seen.extend)

    hall = hall_of_many(hooks=Hooks())
    hall.say("p0", "one")
    hall.chat.rooms["lobby"].flush()
    hall.say("p0", "two")
    hall.chat.rooms["lobby"].flush()
    assert [message.text for message in seen] == ["one", "two"]
    assert hall.chat.rooms["lobby"].fanout.is_busy
    end_turns(hall)
    assert not hall.chat.rooms["lobby"].fanout.is_busy
    assert hall.people["p5"].read() == ["MSG|p0|one", "MSG|p0|two"]


def test_who_waits_for_a_busy_room_is_called_once_all_has_gone_out():
    hall = hall_of_many()
    calls = []
    hall.say("p0", "one")
    hall.turn.left = 2
    hall.end_turn()
    hall.chat.rooms["lobby"].fanout.when_calm(lambda: calls.append(heard(hall)))
    end_turns(hall)
    assert calls == [MANY - 1]


def test_thousands_who_leave_at_once_take_no_square_of_the_time():
    """Each is given what has not gone out yet when it leaves, which is bounded."""
    seconds = []
    for many in (500, 2000):
        hall = Hall(*(f"p{number}" for number in range(many)))
        hall.turn.left = 0
        began = time.thread_time()
        for number in range(many):
            hall.leave(f"p{number}")
        seconds.append(time.thread_time() - began)
    assert seconds[1] < 10 * seconds[0] + 0.1


def test_in_a_hall_some_members_are_told_by_name_with_who_asks_and_who_has_a_role():
    hall = Hall(*(f"p{number}" for number in range(MEMBERS_TOLD + 10)))
    room = hall.chat.rooms["lobby"]
    last, chief = hall.members[f"p{MEMBERS_TOLD + 9}"], hall.members[f"p{MEMBERS_TOLD + 5}"]
    assert len(room.some_members(last)) == MEMBERS_TOLD
    chief.login.role = "operator"
    hall.chat.tell_role(chief)
    told = room.some_members(last)
    assert len(told) == len(set(told)) == MEMBERS_TOLD
    assert {last, chief, hall.members["p0"]} <= set(told)
    for number in range(10):
        hall.leave(f"p{number}")
    assert room.some_members(last) == list(room.members.values())


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_everybody_is_told_all_of_their_time_once_and_in_order(seed):
    """Two codecs, people who come, go, talk and ignore, flushes, and turns that are long after any look at the clock:
    each hears what a list that is kept beside it says."""
    dice = random.Random(seed)
    hall = Hall(*(f"p{number}" for number in range(dice.choice([3, CHUNK, 2 * CHUNK + 5]))))
    here = set(hall.people)
    due: dict[str, list[str]] = defaultdict(list)
    codecs = dict.fromkeys(here, PLAIN)
    room = hall.chat.rooms["lobby"]

    def told(event: str, but: str = "") -> None:
        for name in here:
            if name != but:
                due[name].append(event)

    for step in range(300):
        hall.turn.left = dice.choice([None, 1, 2, 3])
        what = dice.choices(["say", "come", "go", "flush", "end"], [8, 3, 3, 1, 5])[0]
        name = dice.choice(sorted(here)) if here else ""
        if what == "come" or not here:
            name = f"n{step}"
            codecs[name] = dice.choice([PLAIN, JSON])
            hall.enter(name, codec=codecs[name])
            told(f"+{name}")
            here.add(name)
        elif what == "say":
            hall.say(name, f"{name}-{step}")
            told(f"{name}-{step}", but=name)
        elif what == "go":
            here.discard(name)
            hall.leave(name)
            told(f"-{name}")
        elif what == "flush":
            room.flush()
        else:
            hall.end_turn()
    end_turns(hall)
    for name, person in hall.people.items():
        got = []
        for event in codecs[name].reply_decoder().feed(b"".join(person.batches)):
            match event:
                case Message(text=text):
                    got.append(text)
                case Joined(name=who):
                    got.append(f"+{who}")
                case Left(name=who):
                    got.append(f"-{who}")
                case _:
                    who, _, rest = event.text.partition(" ")
                    got.append(("+" if "joined" in rest else "-") + who)
        assert got == due[name], name
