"""What somebody has of a chat, by a real server, and without a screen."""

from datetime import UTC, datetime, timedelta

import pytest
from kit.models import Person, is_gone, told
from kit.programs import Program
from msgspec.structs import replace

from greenchat.connect.model.place import About
from greenchat.testing import serving


@pytest.fixture
def ada(server):
    with Person(server, "ada") as person:
        yield person


@pytest.fixture
def bob(server, ada):
    with Person(server, "bob") as person:
        ada.until(lambda: "bob" in ada.place.members)
        yield person


def test_talking(ada, bob):
    ada.say("Hello, bob!")
    assert ada.words() == ["ada: Hello, bob! (sending)"], "one sees it at once"
    bob.until(bob.words)
    assert bob.words() == ["ada: Hello, bob!"]
    bob.say("Hi!\nHow are you?")
    ada.until(lambda: ada.words() == ["ada: Hello, bob!", "bob: Hi!\nHow are you?"])
    assert ada.lines()[0] == "-- day"
    assert [member.name for member in ada.place.members.ordered()] == ["ada", "bob"]


def test_a_slash_that_is_to_be_said(ada, bob):
    ada.say("//shrug")
    bob.until(bob.words)
    ada.settled()
    assert (ada.words(), bob.words()) == (["ada: /shrug"], ["ada: /shrug"])


def test_a_refused_message_says_why(ada, bob):
    ada.say("x" * 5000)
    (item,) = ada.place.timeline.waiting
    assert item.state == "failed"
    assert "4096" in item.why
    ada.sender.say_again(ada.place, item)
    assert len(ada.place.timeline.waiting) == 1


def test_what_is_said_again_is_never_run(ada, bob):
    ada.say(f"  //me {'x' * 5000}")
    (item,) = ada.place.timeline.waiting
    item.change(replace(item.what, text="  /me waves"))
    ada.sender.say_again(ada.place, item)
    ada.model.pump()
    bob.until(bob.words)
    assert bob.words() == ["ada:   /me waves"]


def test_what_becomes_of_a_message(ada, bob):
    ada.say("one")
    ada.say("two")
    bob.until(lambda: len(bob.words()) == 2)
    ada.settled()
    one, two = (message.seq for message in reversed([*ada.place.timeline.messages()]))
    ada.sender.edit(ada.place, one, "the first")
    bob.sender.react(bob.place, two, "👍")
    bob.say("yes", about=About("reply", two, bob.place.timeline.message(two).id))
    changed = ["ada: the first (edited)", "ada: two (👍 1)", "bob: yes"]
    ada.until(lambda: ada.words() == changed)
    bob.until(lambda: bob.words() == changed)
    (row,) = [row for row in ada.chats.rows(ada.place) if row.original is not None]
    assert (row.original.text, row.head) == ("two", True)
    ada.sender.delete(ada.place, two)
    bob.until(lambda: is_gone(bob.place, two))
    assert bob.lines()[-3:] == ["ada: the first (edited)", "(1 deleted)", "bob: yes"]
    bob.sender.edit(bob.place, one, "mine")
    bob.until(lambda: told(bob.place))
    assert bob.words()[0] == "ada: the first (edited)"


def test_joins_are_folded(ada, server):
    for name in ("carl", "dora", "emil"):
        with Program(server, name):
            pass
    ada.until(lambda: "emil" not in ada.place.members and "(6 came and went)" in ada.lines())


def test_several_rooms_and_what_is_unread(ada, bob):
    ada.sender.join("garden")
    ada.until(lambda: ada.chats.current == "garden")
    bob.say("Where are you, ada?")
    bob.say("Hello?")
    lobby = ada.chats.places["lobby"]
    ada.until(lambda: lobby.unread == 2)
    assert lobby.mentions == 1
    assert [alert.message.text for alert in ada.chats.alerts] == ["Where are you, ada?"]
    assert [place.id for place in ada.chats.ordered()] == ["garden", "lobby"]
    assert ada.chats.next_unread()
    assert ada.chats.current == "lobby"
    assert ada.lines()[-3:] == ["-- new", "bob: Where are you, ada?", "bob: Hello?"]
    ada.chats.saw("lobby", lobby.timeline.last)
    assert (lobby.unread, lobby.mentions) == (0, 0)
    ada.chats.show("garden")
    ada.chats.show("lobby")
    assert "-- new" not in ada.lines(), "one has read it"
    ada.sender.part(lobby)
    ada.until(lambda: "lobby" not in ada.chats.places)
    assert ada.chats.current == "garden"


def test_two_people_alone(ada, bob):
    talk = ada.chats.talk_to("bob")
    ada.chats.show(talk.id)
    ada.say("psst")
    ada.say("over here")
    assert len(ada.words()) == 2
    ada.settled()
    bob.until(lambda: any(place.is_direct and place.unread == 2 for place in bob.chats.ordered()))
    assert ada.words() == ["ada: psst", "ada: over here"]
    assert not ada.place.is_new
    assert bob.chats.next_unread()
    assert (bob.place.title, bob.words()) == ("ada", ["ada: psst", "ada: over here"])
    bob.say("what is it?")
    ada.until(lambda: ada.words()[-1] == "bob: what is it?")
    assert ada.chats.talk_to("bob") is ada.place
    assert [place.is_direct for place in ada.chats.ordered()] == [False, True]


def test_commands_answer_where_they_were_run(ada):
    ada.say("/ping")
    ada.settled()
    assert told(ada.place)[-1] == "Pong."
    ada.say("/nosuch secret")
    ada.settled()
    assert "secret" not in repr(ada.lines())
    assert ada.lines()[-1].startswith("! ")
    ada.say("/topic Roses")
    ada.say("/nick Ada2")
    ada.until(lambda: ada.chats.me == "Ada2" and ada.place.topic == "Roses")
    assert ada.place.members.find("ada2").name == "Ada2"


def test_a_command_that_says_something_shows_it(ada, bob):
    ada.say("/me waves")
    ada.until(lambda: ada.words())
    assert ada.words() == ["ada: waves"]
    bob.until(bob.words)


@pytest.fixture
def kept(tmp_path):
    """A server with a history."""
    with serving(data_dir=tmp_path / "data") as server:
        yield server


def test_looking_back_by_pages(kept):
    with Program(kept, "bob") as bob, Person(kept, "ada") as ada:
        for number in range(150):
            bob.request(type="say", text=f"{number}", room="lobby")
        ada.until(lambda: len(ada.words()) == 150)
    with Person(kept, "eve") as eve:
        eve.until(lambda: eve.words())
        first = len(eve.words())
        assert first < 150, "the latest page"
        assert eve.sender.older(eve.place)
        assert not eve.sender.older(eve.place), "it is asked for already"
        eve.until(lambda: len(eve.words()) > first)
        while eve.sender.older(eve.place):
            eve.until(lambda: eve.sender.since is None)
        assert eve.words() == [f"bob: {number}" for number in range(150)]
        found = []
        eve.sender.search("77", found.append)
        eve.until(lambda: found)
        eve.place.timeline.shrink(10)
        assert eve.sender.around(eve.place, found[0].messages[0].seq)
        eve.until(lambda: eve.sender.target)
        assert "bob: 77" in eve.words()
        assert eve.place.timeline.newer
        eve.sender.latest(eve.place)
        eve.until(lambda: eve.words() and eve.words()[-1] == "bob: 149")


def test_coming_back_without_gap_or_duplicate(kept):
    with Person(kept, "ada") as ada, Person(kept, "bob") as bob:
        bob.say("one")
        bob.say("two")
        ada.until(lambda: len(ada.words()) == 2)
        bob.settled()
        first, second = (message.seq for message in reversed([*bob.place.timeline.messages()]))
        ada.say("three")
        bob.until(lambda: "ada: three" in bob.words())  # a socket that is closed with something unread takes that along
        ada.lose()
        ada.say("four, typed meanwhile")
        ada.say("/delete")
        ada.say(f"/react {first} 👍")
        assert ada.words()[-1] == "ada: four, typed meanwhile (queued)"
        assert ada.sender.waiting == 4
        bob.say("five")
        bob.sender.edit(bob.place, first, "ONE")
        bob.sender.delete(bob.place, second)
        bob.until(lambda: is_gone(bob.place, second) and bob.sender.since is None)
        ada.come_back()
        ada.settled()
        wanted = ["bob: ONE (edited, 👍 1)", "ada: three", "bob: five", "ada: four, typed meanwhile"]
        ada.until(lambda: ada.words() == wanted)
        bob.until(lambda: bob.words() == wanted)
        assert "-- new" in ada.lines()
        assert ada.lines().index("-- new") == ada.lines().index("bob: five") - 1
        assert any(text.startswith("Not run: /delete") for text in told(ada.place)), "it meant another message"


def test_a_killed_server_that_knows_nothing_any_more(server):
    with Person(server, "ada") as ada:
        ada.say("before")
        ada.settled()
        ada.lose()
        ada.ticket.token = ""
        ada.come_back()
        ada.say("after")
        ada.settled()
        assert ada.words()[-1] == "ada: after"


def test_what_has_waited_has_the_time_at_which_it_was_said(server):
    with Person(server, "ada") as ada:
        begun = datetime(2026, 12, 24, 23, 59, tzinfo=UTC)
        ada.chats.now = lambda: begun
        ada.lose()
        ada.say("Good night!")
        assert [item.what.time for item in ada.place.timeline.waiting] == [begun]
        ada.chats.now = lambda: begun + timedelta(minutes=2)
        ada.come_back()
        assert [item.what.time for item in ada.place.timeline.waiting] == [begun + timedelta(minutes=2)]


def test_read_positions_go_to_the_server(kept):
    with Program(kept, "bob") as bob, Person(kept, "ada") as ada:
        bob.request(type="say", text="read me", room="lobby")
        ada.until(ada.words)
        assert ada.place.unread == 0, "it stood before one's eyes"
        ada.until(lambda: ada.model.reading.tell(ada.client) is None and not ada.client.pending)
        ada.chats.attentive = False
        bob.request(type="say", text="and me", room="lobby")
        ada.until(lambda: ada.place.unread == 1)
        assert ada.lines()[-2:] == ["-- new", "bob: and me"]
