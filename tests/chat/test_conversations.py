"""What two people say to each other alone goes to that person or to nobody, never to whoever has their name by then."""

import pytest
from gevent.event import Event
from kit.hall import deliver
from kit.programs import Anybody, Program, says

from greenchat import Command, hookimpl
from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.conversations import MOST_OPEN, Conversations
from greenchat.chat.directory import Directory
from greenchat.chat.outlet import Login
from greenchat.chat.room import Member
from greenchat.errors import Reject
from greenchat.testing import serving


@pytest.fixture
def server():
    with serving(Anybody, settings={"plugins.history.replay": 0}) as running:
        yield running


def say(program, text, **where):
    """The answer to what is said."""
    return program.request(type="say", text=text, **where)


def test_words_go_to_the_person_whatever_they_are_called(server):
    ada, bob = Program(server, "ada"), Program(server, "bob")
    ack = say(ada, "psst", to="BOB")
    assert (ack["type"], ack["with"]) == ("ack", "bob")
    private = bob.read_until("message", room="")
    assert (private["text"], private["conversation"]) == ("psst", ack["conversation"])
    bob.ask("/nick rob", "lobby")
    eve = Program(server, "bob")
    answer = say(ada, "still you?", conversation=ack["conversation"])
    assert (answer["with"], answer["conversation"]) == ("rob", ack["conversation"])
    assert bob.read_until("message", room="")["text"] == "still you?"
    assert say(bob, "yes", conversation=private["conversation"])["type"] == "ack"
    assert ada.read_until("message", room="", sender="rob")["conversation"] == ack["conversation"]
    assert say(ada, "and you?", to="bob")["conversation"] != ack["conversation"]
    assert [frame["text"] for frame in eve.leave() if frame.get("conversation") and frame["type"] == "message"] == [
        "and you?"
    ]


def test_who_leaves_and_who_comes_by_that_name_are_not_the_same(server):
    ada, bob = Program(server, "ada"), Program(server, "bob")
    ada.join(room="garden")
    conversation = say(ada, "one", to="bob")["conversation"]
    bob.leave()
    assert ada.read_until("ended") == {
        "type": "ended",
        "conversation": conversation,
        "with": "bob",
        "reason": "bob has left the chat.",
    }
    eve = Program(server, "bob")
    assert say(ada, "secret", conversation=conversation)["code"] == "conversation_gone"
    assert say(ada, "/me whispers", conversation=conversation)["code"] == "conversation_gone"
    assert say(ada, "hello", to="bob")["conversation"] != conversation
    assert [frame["text"] for frame in eve.leave() if frame.get("conversation") and frame["type"] == "message"] == [
        "hello"
    ]


def test_nobody_takes_part_in_the_conversation_of_others(server):
    ada, _, eve = Program(server, "ada"), Program(server, "bob"), Program(server, "eve")
    conversation = say(ada, "psst", to="bob")["conversation"]
    assert say(eve, "me too", conversation=conversation)["code"] == "conversation_gone"
    assert say(eve, "me too", conversation="")["type"] == "ack", "to the lobby, as nothing else was named"


def test_a_guest_who_logs_in_is_another_and_accounts_come_back_to_what_they_said(server):
    ada, bob = Program(server, "ada"), Program(server, "bob")
    guests = say(ada, "as guests", to="bob")["conversation"]
    assert bob.read_until("message", room="")["conversation"] == guests
    assert [frame["conversation"] for frame in bob.ask("/become bob") if frame["type"] == "ended"] == [guests]
    assert ada.read_until("ended")["conversation"] == guests
    assert say(ada, "still?", conversation=guests)["code"] == "conversation_gone"
    ada.ask("/become ada")
    accounts = say(ada, "as ourselves", to="bob")["conversation"]
    bob.leave()
    assert say(ada, "there?", conversation=accounts)["with"] == "bob", "it waits"
    mallory = Program(server, "bob")
    assert say(ada, "there?", conversation=accounts)["with"] == "bob"
    mallory.ask("/nick mallory", "lobby")
    bob = Program(server, "bobby")
    bob.ask("/become bob")
    assert say(ada, "there you are", conversation=accounts)["with"] == "bobby"
    assert bob.read_until("message", room="")["conversation"] == accounts
    assert "private" not in [frame["type"] for frame in mallory.leave()]


def test_commands_in_a_conversation_do_there_what_they_can_and_nothing_elsewhere(server):
    ada, bob, eve = Program(server, "ada"), Program(server, "bob"), Program(server, "eve")
    conversation = say(ada, "psst", to="bob")["conversation"]
    bob.read_until("message", room="")
    ack = say(ada, "/me hugs you", conversation=conversation)
    assert (ack["conversation"], ack["with"]) == (conversation, "bob")
    assert bob.read_until("message", room="")["action"] is True
    assert say(ada, "/me waves", to="bob")["conversation"] == conversation
    for line in ("/topic Secrets", "/who", "/part", "/kick bob", "/room key x", "/history"):
        assert say(ada, line, conversation=conversation)["code"] == "room_required", line
        assert say(ada, line, to="bob")["code"] == "room_required", line
    assert say(ada, "/ping", conversation=conversation)["type"] == "ack"
    assert say(ada, "//shrug", conversation=conversation)["type"] == "ack"
    assert [bob.read_until("message", room="")["text"] for _ in range(2)] == ["waves", "/shrug"]
    assert say(ada, "/logn ada secret", conversation=conversation)["code"] == "unknown_command"
    assert say(ada, "where?", conversation=conversation, room="lobby")["code"] == "malformed"
    assert say(ada, "where?", to="bob", room="lobby")["code"] == "malformed"
    assert {frame["type"] for frame in eve.leave()} <= {"joined", "left"}


def test_who_is_ignored_is_so_in_conversations_too(server):
    ada, bob = Program(server, "ada"), Program(server, "bob")
    conversation = say(ada, "psst", to="bob")["conversation"]
    bob.ask("/ignore ada")
    ada.ask("/nick ida")
    assert say(ada, "psst", conversation=conversation)["code"] == "ignored"
    assert say(ada, "psst", to="bob")["code"] == "ignored"


def test_a_plain_client_whispers_and_is_whispered_to_as_ever(server):
    ada, bob = server.join("ada"), Program(server, "bob")
    says(ada, "/msg bob psst")
    private = bob.read_until("message", room="")
    assert say(bob, "yes?", conversation=private["conversation"])["with"] == "ada"
    ada.expect("MSG|bob (private)|yes?")
    ada.send("LEAVE")
    assert ada.read() == ""
    assert bob.read_until("ended")["with"] == "ada"


def guest(name):
    return Member(name, name, Login())


PEOPLE = ("ada", 1), ("bob", 2), ("eve", 0)


def test_what_has_ended_leaves_nothing_behind():
    people = Directory()
    ada, bob, eve = (Member(name, name, Login(name, account_id)) for name, account_id in PEOPLE)
    for person in (ada, bob, eve):
        people.add(person)
    chat = Conversations(people, AccountDirectory(), deliver)
    talks = []
    for one, other in ((ada, bob), (ada, eve), (eve, bob), (eve, eve)):
        begun = chat.begin(one.identity, other.identity)
        assert chat.known(one.identity, other.identity) is chat.known(other.identity, one.identity) is begun
        assert begun.has(one)
        talks.append(begun)
    for person in (ada, eve, bob):
        people.remove(person)
        assert not any(talk.has(person) for talk in talks), "what one still waited to say is not said"
        chat.went(person, person.account_id, "gone")
    assert not any((chat._by_id, chat._by_ends, chat._of))


class BeginsMeanwhile:
    """Has no conversation kept; and while it looks, the other one of the two begins to talk."""

    epoch = "1"

    def __init__(self, chat):
        self.chat = chat

    def between(self, one, other):
        self.begun = self.chat.begin(other, one)


def test_two_who_write_to_each_other_first_at_the_same_moment_have_one_conversation():
    chat = Conversations(Directory(), AccountDirectory(), deliver)
    chat.keeper = BeginsMeanwhile(chat)
    assert chat.known(1, 2) is chat.keeper.begun


def test_one_has_so_many_conversations_at_the_most():
    chat = Conversations(Directory(), AccountDirectory(), deliver)
    ada = guest("ada")
    for number in range(MOST_OPEN):
        chat.begin(ada, guest(str(number)))
    with pytest.raises(Reject, match="as many as one may"):
        chat.begin(ada, guest("one more"))
    chat.begin(guest("another"), ada)


class Slow:
    """A command that takes its time, and something that the same person says by other means meanwhile."""

    def __init__(self):
        self.go_on = Event()

    @hookimpl
    def greenchat_commands(self):
        return [Command("slowly", "TEXT", "Say it in a while.", self.slowly), Command("go", "", "Go on.", self.go)]

    def slowly(self, session, argument):
        self.go_on.wait()
        session.say(argument)

    def go(self, session, argument):
        self.go_on.set()


def test_a_command_that_waits_says_it_where_it_was_typed():
    with serving(Slow, Anybody, settings={"plugins.history.replay": 0}) as server:
        ada = Program(server, "ada")
        ada.join(room="garden")
        lobby, garden = Program(server, "lo"), Program(server, "ga", "garden")
        ada.send(type="say", text="/slowly at last", room="garden")
        session = server.call(lambda: server.server.chat.find("ada").sessions[0])
        with pytest.raises(Reject, match="more than one room"):  # as it would be by a timer of a plugin
            server.call(lambda: session.say("meanwhile"))
        lobby.ask("/go")
        assert garden.read_until("message")["text"] == "at last"
        assert [frame for frame in lobby.leave() if frame["type"] == "message"] == []
