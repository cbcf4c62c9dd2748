"""The log of what two people say to each other alone, without a socket: numbers, answers, changes, and what is read."""

import json

import pytest
from kit.hall import JSON, Hall, NoHooks

from greenchat.chat.outlet import Asked
from greenchat.config.schema import Limits
from greenchat.errors import Reject
from greenchat.protocol.events import Deleted
from greenchat.protocol.requests import History


def begun(hall, *texts, by="ada", to="bob"):
    """The conversation in which these are said."""
    for text in texts:
        said = hall.chat.whisper(hall.members[by], to, text)
    return hall.chat.conversation(hall.members[by], said.conversation)


def told(person):
    return [json.loads(line) for line in person.read()]


def test_each_message_has_its_numbers_and_is_told_to_all_sessions_of_both_but_the_one_that_says_it():
    hall = Hall()
    phone = hall.enter("ada", codec=JSON)
    laptop, netcat = hall.attach("laptop", "ada", codec=JSON), hall.attach("netcat", "ada")
    bob, plain = hall.enter("bob", codec=JSON), hall.attach("plain", "bob")
    hall.end_turn()
    for person in hall.people.values():
        person.read()
    first, second = (hall.chat.whisper(hall.members["ada"], "bob", text, origin=phone) for text in ("one", "two"))
    assert [(said.seq, said.rev, said.with_, said.room) for said in (first, second)] == [
        (1, 1, "bob", ""),
        (2, 2, "bob", ""),
    ]
    assert second.id > first.id
    assert phone.read() == netcat.read() == []
    assert [(one["text"], one["own"], one["with"], one["seq"]) for one in told(laptop)] == [
        ("one", True, "bob", 1),
        ("two", True, "bob", 2),
    ]
    assert [(one["type"], one.get("text"), one.get("with"), one.get("rev"), one["seq"]) for one in told(bob)] == [
        ("message", "one", "ada", 1, 1),
        ("read", None, None, None, 1),  # on netcat
        ("message", "two", "ada", 2, 2),
        ("read", None, None, None, 2),
    ]
    assert plain.read() == ["MSG|ada (private)|one", "MSG|ada (private)|two"]


def test_answers_and_changes_are_as_in_rooms_and_say_that_they_are_private():
    hall = Hall("ada", "bob", "eve")
    chat, ada, bob = hall.chat, hall.members["ada"], hall.members["bob"]
    talk = begun(hall, "Lunch at one?")
    chat.converse(bob, talk.id, "Gladly!", reply_to=1)
    assert chat.edit(ada, talk, 1, "Lunch at two?") == 3
    assert chat.react(bob, talk, 1, "👍") == 4
    assert chat.has_reacted(bob, talk, 1, "👍")
    assert chat.last_message(ada, talk) == 2
    assert chat.last_message(ada, talk, own=True) == 1
    assert chat.delete(bob, talk, 2) == 5
    assert chat.message(talk, 1).text == "Lunch at two?"
    changes = [
        'INFO|ada (private) has changed "Lunch at one?": Lunch at two?',
        'INFO|bob (private) reacts with 👍 to ada: "Lunch at two?"',
        "INFO|bob (private) has deleted a message.",
    ]
    assert hall.people["ada"].read() == ['MSG|bob (private)|(to ada: "Lunch at one?") Gladly!', *changes]
    assert hall.people["bob"].read() == ["MSG|ada (private)|Lunch at one?", *changes]
    assert hall.people["eve"].read() == []
    with pytest.raises(Reject, match="not yours") as refusal:
        chat.delete(bob, talk, 1)
    assert "owner" not in str(refusal.value), "nobody keeps order here"
    for act in (lambda: chat.edit(ada, talk, 2, "again"), lambda: chat.converse(ada, talk.id, "what?", reply_to=2)):
        with pytest.raises(Reject, match="no message 2 in this conversation"):
            act()


def test_no_observer_sees_any_of_it():
    seen = []

    class Hooks(NoHooks):
        messages = changed = event = acted = staticmethod(seen.append)

    hall = Hall("ada", "bob", hooks=Hooks())
    seen.clear()
    talk = begun(hall, "psst")
    hall.chat.edit(hall.members["ada"], talk, 1, "pssst")
    hall.chat.react(hall.members["bob"], talk, 1, "👍")
    hall.chat.delete(hall.members["ada"], talk, 1)
    hall.end_turn()
    assert seen == []


def test_checks_see_words_and_changes_of_them():
    checked = []

    class Hooks(NoHooks):
        @staticmethod
        def check_message(session, message):
            checked.append((message.room, message.text))
            return message.text.replace("damn", "d***")

        @staticmethod
        def check_reaction(session, room, emoji):
            raise Reject("You are muted.", "muted")

    hall = Hall("ada", "bob", hooks=Hooks())
    talk = begun(hall, "damn")
    hall.chat.edit(hall.members["ada"], talk, 1, "damn it")
    assert hall.chat.message(talk, 1).text == "d*** it"
    with pytest.raises(Reject, match="muted"):
        hall.chat.react(hall.members["bob"], talk, 1, "👍")
    assert checked == [("", "damn"), ("", "damn it")]


def test_what_was_said_is_read_by_the_two_and_by_nobody_else():
    hall = Hall("ada", "bob", "eve")
    chat, ada, bob = hall.chat, hall.members["ada"], hall.members["bob"]
    talk = begun(hall, "one", "two", "three")
    chat.converse(bob, talk.id, "four")
    chat.delete(ada, talk, 2)

    def page(member, **ask):
        return chat.read_conversation(member, History(conversation=talk.id, **ask))

    everything = page(bob)
    assert [(one.seq, getattr(one, "text", None), getattr(one, "own", None)) for one in everything.events] == [
        (1, "one", False),
        (2, None, None),
        (3, "three", False),
        (4, "four", True),
    ]
    assert (everything.room, everything.conversation, everything.with_, everything.rev) == ("", talk.id, "ada", 5)
    assert [one.seq for one in page(ada, before=4, limit=2).events] == [2, 3]
    assert page(ada, before=4, limit=2).more
    assert [one.seq for one in page(ada, after=1, limit=2).events] == [2, 3]
    newer = page(ada, rev=3, epoch=everything.epoch)
    assert [(one.seq, one.rev) for one in newer.events] == [(4, 4), (2, 5)]
    assert isinstance(newer.events[1], Deleted)
    assert not newer.anew
    assert page(ada, rev=3, epoch="another").anew
    for ask in (talk.id, "nothing", ""):
        with pytest.raises(Reject) as refusal:
            chat.read_conversation(hall.members["eve"], History(conversation=ask))
        assert refusal.value.code == "conversation_gone"


def test_who_is_ignored_cannot_say_it_by_changing_what_was_said_before():
    hall = Hall("ada", "bob")
    talk = begun(hall, "hello")
    hall.chat.ignore(hall.members["bob"], "ada")
    for act in (
        lambda: hall.chat.edit(hall.members["ada"], talk, 1, "and now?"),
        lambda: hall.chat.react(hall.members["ada"], talk, 1, "🐎"),
    ):
        with pytest.raises(Reject) as refusal:
            act()
        assert refusal.value.code == "ignored"
    hall.chat.delete(hall.members["ada"], talk, 1)


def test_one_begins_so_many_conversations_an_hour():
    hall = Hall("ada", *"abcd", limits=Limits(new_conversations=3))
    for name in "abcab":
        begun(hall, "hi", to=name)
    with pytest.raises(Reject) as refusal:
        begun(hall, "hi", to="d")
    assert refusal.value.code == "too_many_conversations"
    begun(hall, "hi", by="d", to="ada")
    begun(hall, "hi", to="d")


def test_commands_mean_the_conversation_that_they_are_typed_in():
    hall = Hall("ada", "bob")
    ada = hall.members["ada"]
    with pytest.raises(Reject, match="You and bob have said nothing"):
        hall.chat.place_meant(ada, Asked(to="bob"))
    talk = begun(hall, "psst")
    assert hall.chat.place_meant(ada, Asked(conversation=talk.id)) is talk
    assert hall.chat.place_meant(ada, Asked(to="bob")) is talk
    assert hall.chat.place_meant(ada).name == "lobby"
