"""What is told for a request, and what is said for it: it bears the ref, and belongs there; all else does not."""

import json

import gevent
import pytest
from gevent.event import Event
from kit.programs import Program, owner, says

from greenchat import Answer, Command, Reject, Say, Unknown, hookimpl
from greenchat.testing import DEADLINE, serving


class Rolled(Answer, frozen=True, kw_only=True, tag="rolled"):
    eyes: int


class Toys:
    """Commands that do one thing each."""

    def __init__(self):
        self.waits, self.go_on = Event(), Event()

    @hookimpl
    def greenchat_commands(self):
        return [
            Command("roll", "", "Tell a line, an answer and another line.", self.roll),
            Command("slow", "", "Tell a line, wait, and say something.", self.slow),
            Command("later", "", "Tell something from another greenlet.", self.later),
            Command("wave", "[TEXT]", "Another name of /me waves.", lambda session, _: session.command("me waves")),
            Command("half", "", "Say something, and fail.", self.half),
            Command("oops", "", "Be told an error that is no refusal.", self.oops),
            Command("where", "", "Tell what was asked, and where.", self.where),
        ]

    def roll(self, session, argument):
        session.info("It rolls.")
        session.tell(Rolled(eyes=6, lines=["A six."]))
        session.info("It lies.")

    def slow(self, session, argument):
        session.info("I wait.")
        self.waits.set()
        assert self.go_on.wait(DEADLINE)
        session.info(f"I am in {session.room}.")
        session.say("I was slow.")

    def later(self, session, argument):
        call, done = session.call, Event()

        def answer():
            call.reply("For you.")
            session.info(f"For anybody, in {session.room or 'no room'}.")
            done.set()

        gevent.spawn(answer)
        assert done.wait(DEADLINE)

    def half(self, session, argument):
        session.say("Half of it.")
        raise Reject("That is all.", code="half")

    def oops(self, session, argument):
        session.refuse(Reject("You have slipped.", code="slipped"))

    def where(self, session, argument):
        call = session.call
        assert call.session is session
        call.reply(f"{call.argument} | {call.asked.room or call.asked.to or call.asked.conversation} | {call.ref}")


@pytest.fixture
def toys():
    return Toys()


@pytest.fixture
def server(toys):
    with serving(toys) as running:
        yield running


@pytest.fixture
def ada(server):
    """In the lobby, and in the garden."""
    program = Program(server, "ada")
    program.join(room="garden")
    program.read_until("role")  # to who has made the room
    return program


def shown(frames):
    """Of frames what they are, the words in them, and their ref."""
    return [(frame["type"], frame.get("text") or frame.get("lines"), frame.get("ref")) for frame in frames]


def test_all_that_a_command_tells_bears_the_ref(ada):
    ref = ada.refs + 1
    assert shown(ada.ask("/roll", "lobby")) == [
        ("notice", "It rolls.", ref),
        ("rolled", ["A six."], ref),
        ("notice", "It lies.", ref),
        ("ack", None, ref),
    ]


def test_without_a_ref_nothing_has_one(ada):
    ada.send(type="say", text="/roll", room="lobby")
    assert shown(ada.read() for _ in range(3)) == [
        ("notice", "It rolls.", None),
        ("rolled", ["A six."], None),
        ("notice", "It lies.", None),
    ]


def test_a_welcome_and_a_page_of_history_are_answers_too(ada):
    ada.ask("words to keep", "lobby")
    answers = {frame["type"]: frame.get("ref") for frame in ada.ask("/join cellar", "lobby")}
    assert answers["welcome"] == answers["ack"] == ada.refs
    (page,) = (frame for frame in ada.ask("/history", "lobby") if frame["type"] == "history")
    assert (page["ref"], page["events"][-1]["text"]) == (ada.refs, "words to keep")
    (found,) = (frame for frame in ada.ask("/search words", "lobby") if frame["type"] == "found")
    assert found["ref"] == ada.refs


def test_a_page_of_history_that_nobody_has_asked_for_has_no_ref():
    with serving(settings={"plugins.history.replay": 5}) as server:
        bob = Program(server, "bob", "garden")
        bob.ask("words to keep", "garden")
        ada = Program(server, "ada")
        told = ada.ask("/join garden")
        assert [(frame["type"], frame.get("ref")) for frame in told] == [
            ("welcome", ada.refs),
            ("history", None),
            ("ack", ada.refs),
        ]


def test_what_other_greenlets_tell_and_say_meanwhile_is_not_of_the_command(server, toys, ada):
    bob = server.join("bob", "garden")
    ada.read_until("joined", name="bob")
    ada.send(type="say", text="/slow", room="garden", ref="s")
    assert shown([ada.read()]) == [("notice", "I wait.", "s")]

    def meanwhile():
        (session,) = (one for one in server.server.sessions.values() if one.name == "ada")
        assert session.call is None
        assert session.room == ""
        session.info("Aside.")
        with pytest.raises(Reject, match="say in which"):
            session.say("Where would this go?")
        return session.say("An aside.", room="lobby").seq

    aside = server.call(meanwhile)
    server.call(toys.go_on.set)
    *told, ack = (ada.read() for _ in range(3))
    assert shown(told) == [("notice", "Aside.", None), ("notice", "I am in garden.", "s")]
    assert (ack["type"], ack["ref"]) == ("ack", "s")
    bob.expect("MSG|ada|I was slow.")
    assert ack["id"] == ada.ask("and on", "garden")[-1]["id"] - 1, "it is that of what the command has said"
    assert aside == 1


def test_who_answers_from_another_greenlet_uses_the_call(ada):
    assert shown(ada.ask("/later", "garden")) == [
        ("notice", "For you.", ada.refs),
        ("notice", "For anybody, in no room.", None),
        ("ack", None, ada.refs),
    ]


def test_a_command_within_a_command_is_run_where_that_was_typed(server, ada):
    bob = server.join("bob", "garden")
    ada.read_until("joined", name="bob")
    (ack,) = ada.ask("/wave", "garden")
    assert (ack["ref"], ack["seq"]) == (ada.refs, 1)
    bob.expect("MSG|ada|* ada waves")


def test_what_a_refused_command_has_said_is_not_taken_for_the_next_ones(ada):
    assert ada.refused("/half", "garden") == "half"
    assert ada.ask("/roll", "garden")[-1] == {"type": "ack", "ref": ada.refs}


def test_there_is_exactly_one_answer_and_it_comes_last(ada):
    assert shown(ada.ask("/oops", "garden")) == [("error", "You have slipped.", None), ("ack", None, ada.refs)]


def test_a_call_tells_what_was_asked(ada):
    assert ada.ask("/where  now ", "Garden")[0]["text"] == f"now | garden | {ada.refs}"
    assert ada.exchange(type="say", text="/where", to="bob")[0]["text"] == f" | bob | {ada.refs}"


class Takers:
    """Plugins that deal with frames themselves."""

    @hookimpl
    def greenchat_frame(self, session, frame):
        if type(frame) is Unknown and frame.kind == "time":
            session.info("It is late.")
            return True
        if type(frame) is Say and frame.text.isupper():
            session.say(frame.text.lower())
            return True
        return False

    @hookimpl
    def greenchat_request(self, session, frame):
        if type(frame).__name__ == "Status":
            session.info("How do you mean?")
        return False

    @hookimpl
    def greenchat_check_message(self, session, message):
        if message.text == "fine":
            session.info("That is fine.")


def test_plugins_that_take_frames_answer_them_and_say_for_them_where_they_were_written():
    with serving(Takers()) as server:
        bob = owner(server, "bob")
        ada = Program(server, "ada")
        ada.join(room="garden")
        ada.send(type="time", ref="t")
        assert shown([ada.read()]) == [("notice", "It is late.", "t")]
        (ack,) = ada.ask("LESS NOISE", "garden")
        assert ack["seq"] == 1
        bob.expect("INFO|ada has joined the chat.", "MSG|ada|less noise")
        ada.send(type="status", ref="s")
        assert [frame[2] for frame in shown([ada.read(), ada.read()])] == ["s", "s"]
        assert shown(ada.ask("fine", "garden")) == [("notice", "That is fine.", None), ("ack", None, ada.refs)]
        assert says(bob, "fine") == ["MSG|ada|fine", "INFO|That is fine."]


class Scribe:
    """Takes messages in a row, and says what they come to."""

    @hookimpl
    def greenchat_says(self, session, says):
        session.info(f"{len(says)} in {session.room}")
        session.say(" ".join(say.text for say in says))
        return True


def test_plugins_that_take_messages_in_a_row_say_for_them_where_they_were_written():
    with serving(Scribe()) as server:
        bob = owner(server, "bob")
        ada = Program(server, "ada")
        ada.join(room="garden")
        assert shown(ada.ask("one", "garden")) == [("notice", "1 in garden", ada.refs), ("ack", None, ada.refs)]
        bob.expect("INFO|ada has joined the chat.", "MSG|ada|one")
        ada.peer.send(*(json.dumps({"type": "say", "text": text, "room": "garden", "ref": text}) for text in "ab"))
        answers = []
        while "b" not in [answer.get("ref") for answer in answers]:
            answers.append(ada.read())
        acks = [answer["ref"] for answer in answers if answer["type"] == "ack"]
        assert acks == ["a", "b"], "each has its own, in whatever runs they have come"
