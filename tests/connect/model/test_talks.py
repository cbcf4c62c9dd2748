"""What one says with one person alone: it is with that person and nobody else, and there once."""

from contextlib import ExitStack

import pytest
from kit.accounts import SECRET, accounts, registered
from kit.models import Person, told

from greenchat.client import DisconnectedError


@pytest.fixture
def ada(server):
    with Person(server, "ada") as person:
        yield person


@pytest.fixture
def bob(server, ada):
    with Person(server, "bob") as person:
        ada.until(lambda: "bob" in ada.place.members)
        yield person


def direct(person):
    return [place for place in person.chats.ordered() if place.is_direct]


def begin(person, name):
    person.chats.show(person.chats.talk_to(name).id)
    return person.place


def test_two_spellings_are_one_conversation(ada, bob):
    begun = begin(ada, "BOB")
    assert begin(ada, "ｂｏｂ") is begun
    begin(bob, "Ada")
    bob.say("It is me")
    ada.until(ada.words)
    assert direct(ada) == [begun]
    assert (begun.title, ada.words(), begun.is_new) == ("bob", ["bob: It is me"], False)
    ada.say("I see")
    bob.until(lambda: bob.words() == ["bob: It is me", "ada: I see"])
    assert [place.title for place in direct(bob)] == ["ada"]


def test_it_is_called_by_the_name_that_they_have_now(ada, bob):
    begin(ada, "bob")
    bob.say("/nick Robert")
    ada.until(lambda: ada.place.title == "Robert")
    ada.say("Still you?")
    bob.until(lambda: [place for place in direct(bob) if bob.words(place) == ["ada: Still you?"]])
    bob.say("/nick Bert")
    ada.until(lambda: ada.place.title == "Bert")
    assert ada.words() == ["ada: Still you?"]


def test_what_was_begun_with_somebody_goes_to_nobody_else(ada, bob, server):
    begin(ada, "bob").draft.text = "For your eyes"
    bob.client.leave()
    ada.until(lambda: ada.place.gone)
    with Person(server, "bob") as another:
        ada.say("For your eyes")
        (item,) = ada.place.timeline.waiting
        assert (item.state, item.why) == ("failed", ada.place.gone)
        assert "not here any more" in item.why
        ada.say("/me is where you know")
        assert ada.place.gone in told(ada.place)
        ada.settled()
        another.say("/help")
        another.settled()
        assert not direct(another)
        again = begin(ada, "bob")  # by one's own will
        assert (again.draft.text, again.gone) == ("For your eyes", "")
        ada.say("And you are?")
        another.until(lambda: direct(another))
        assert another.words(direct(another)[0]) == ["ada: And you are?"]


def test_what_turns_out_to_be_a_conversation_that_is_there_goes_on_there(ada, bob):
    known = begin(ada, "bob")
    ada.say("one")
    ada.settled()
    ada.sender.join("garden")
    ada.until(lambda: "garden" in ada.chats.places)
    ada.sender.part(ada.chats.places["lobby"])
    ada.until(lambda: "lobby" not in ada.chats.places)
    bob.say("/nick Robert")
    bob.settled()
    begun = begin(ada, "robert")
    assert begun is not known, "nobody has told"
    for text in ("two", "three"):
        ada.say(text)
    ada.settled()
    assert direct(ada) == [known]
    assert (ada.place, known.title) == (known, "Robert")
    assert ada.words() == ["ada: one", "ada: two", "ada: three"]
    bob.until(lambda: bob.words(direct(bob)[0]) == ["ada: one", "ada: two", "ada: three"])


def test_what_is_begun_on_another_device():
    with accounts() as server, ExitStack() as stack:
        registered(server)
        laptop, phone = (stack.enter_context(Person(server, "ada", login=SECRET)) for _ in range(2))
        bob = stack.enter_context(Person(server, "bob"))
        laptop.until(lambda: "bob" in laptop.place.members)
        phone.until(lambda: "bob" in phone.place.members)
        begun = begin(phone, "Bob")
        begin(laptop, "bob")
        laptop.say("Lunch?")
        phone.until(phone.words)
        assert direct(phone) == [begun]
        assert (begun.title, phone.words(), begun.unread) == ("bob", ["ada: Lunch?"], 0)
        phone.say("At one")
        bob.until(lambda: [place for place in direct(bob) if len(bob.words(place)) == 2])
        laptop.until(lambda: laptop.words() == ["ada: Lunch?", "ada: At one"])


def test_what_was_begun_before_a_loss_goes_to_nobody_who_came_meanwhile(ada, bob, server):
    begin(ada, "bob")
    ada.lose()
    bob.client.leave()
    with pytest.raises(DisconnectedError):
        bob.until(lambda: False)
    with Person(server, "bob") as another:
        ada.say("For your eyes")
        ada.come_back()
        ada.settled()
        assert "may be somebody else" in ada.place.gone
        assert [item.state for item in ada.place.timeline.waiting] == ["failed"]
        assert not direct(another)
