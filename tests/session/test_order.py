"""Events and answers reach a session in the order of its requests: what one has caused in a room comes before its
answer."""

import json

import pytest
from kit.programs import Program, without_plugins

from greenchat import Command, Notice, hookimpl
from greenchat.testing import serving


class Keeper:
    """Holds every acknowledgement until told otherwise."""

    def __init__(self):
        self.held = []

    @hookimpl(tryfirst=True)
    def greenchat_delay_ack(self, release):
        self.held.append(release)
        return True

    def release(self):
        held, self.held = self.held, []
        for release in held:
            release(None)
        return len(held)


class Echo:
    """Tells a room of what is about to be said in it, and has a command that does so and answers."""

    @hookimpl
    def greenchat_check_message(self, session, message):
        if message.text == "knock":
            session.chat.rooms[message.room].post(Notice("Knock, knock.", message.room))

    @hookimpl
    def greenchat_commands(self):
        def bell(session, argument):
            room = session.require_member().room
            room.post(Notice("The bell rings.", room.name))
            session.info("You have rung.")
            room.post(Notice("It has rung.", room.name))

        return [Command("bell", "", "Ring the bell.", bell)]


@pytest.fixture
def server():
    """One that keeps no history, so that no acknowledgement has to wait."""
    with serving(Echo(), settings=without_plugins("history")) as running:
        yield running


def in_one_go(program, *frames):
    """Send all of them at once."""
    program.peer.send(*map(json.dumps, frames))


def words(frame):
    return frame.get("text") or frame.get("topic") or frame.get("why") or frame.get("new_name") or ""


def test_what_a_command_causes_in_the_room_comes_before_its_answer(server):
    ada = Program(server, "ada")
    assert [(frame["type"], words(frame)) for frame in ada.ask("/bell")] == [
        ("notice", "The bell rings."),
        ("notice", "You have rung."),
        ("notice", "It has rung."),
        ("ack", ""),
    ]


def test_requests_in_one_go_are_answered_in_their_order_events_among_them(server):
    ada = Program(server, "ada", "garden")
    in_one_go(
        ada,
        {"type": "say", "text": "/topic Roses", "ref": 1},
        {"type": "say", "text": "one", "ref": 2},
        {"type": "ping", "ref": 3},
        {"type": "say", "text": "/nick ada2", "ref": 4},
        {"type": "say", "text": "", "ref": 5},
        {"type": "say", "text": "/away Tea", "ref": 6},
        {"type": "join", "room": "cellar", "ref": 7},
        {"type": "say", "text": "knock", "room": "garden", "ref": 8},
        {"type": "leave", "room": "cellar", "ref": 9},
    )
    told, refs = [], []
    while 9 not in refs:
        frame = ada.read()
        told.append((frame["type"], frame.get("ref")))
        refs.append(frame.get("ref"))
    assert told == [
        ("role", None),  # to who has made the room
        ("topic", None),
        ("ack", 1),
        ("ack", 2),
        ("pong", 3),
        ("renamed", None),
        ("ack", 4),
        ("error", 5),
        ("away", None),
        ("ack", 6),
        ("welcome", 7),
        ("role", None),
        ("notice", None),  # the knock
        ("ack", 8),
        ("left", None),
        ("ack", 9),
    ]


def test_so_it_is_for_plain_clients(server):
    ada = server.join("ada")
    ada.send("MSG|/bell", "MSG|/nick ann", "MSG|/ping", "MSG|", "MSG|/bell")
    ada.expect(
        "INFO|The bell rings.",
        "INFO|You have rung.",
        "INFO|It has rung.",
        "INFO|ada is now known as ann.",
        "INFO|Pong.",
        "ERROR|The message is empty. Write something.",
        "INFO|The bell rings.",
        "INFO|You have rung.",
        "INFO|It has rung.",
    )


def test_what_others_said_before_comes_before_the_answer_and_once(server):
    ada, bob = Program(server, "ada"), Program(server, "bob")
    ada.read_until("joined")

    def both():
        """In one turn of the server's loop."""
        one, other = (
            next(session for session in server.server.sessions.values() if session.name == name)
            for name in ("ada", "bob")
        )
        other.say("before")
        one.info("You are told.")
        other.say("after")
        other.say("and on")

    server.call(both)
    assert [words(ada.read()) for _ in range(4)] == ["before", "You are told.", "after", "and on"]
    assert [frame["type"] for frame in ada.ask("hi")] == ["ack"], "and nothing twice"
    assert bob.read_until("message")["text"] == "hi"


def test_a_ping_with_a_ref_is_in_that_order_and_one_without_is_answered_at_once():
    keeper = Keeper()
    with serving(keeper, Echo()) as server:
        ada = Program(server, "ada")
        in_one_go(
            ada,
            {"type": "say", "text": "one", "ref": 1},
            {"type": "say", "text": "/bell", "ref": 2},
            {"type": "ping", "ref": 3},
            {"type": "ping"},
        )
        told = [ada.read() for _ in range(3)]
        assert [(frame["type"], words(frame)) for frame in told] == [
            ("notice", "The bell rings."),  # a room waits for nobody's disk
            ("notice", "It has rung."),
            ("pong", ""),
        ]
        assert "ref" not in told[-1]
        assert server.call(keeper.release) == 1
        assert [(frame["type"], frame["ref"]) for frame in (ada.read() for _ in range(4))] == [
            ("ack", 1),
            ("notice", 2),
            ("ack", 2),
            ("pong", 3),
        ]


def test_the_server_asks_whether_one_is_there_whatever_the_disk_does():
    keeper = Keeper()
    with serving(keeper, settings={"limits.ping_seconds": 1}) as server:
        ada = Program(server, "ada")
        ada.send(type="say", text="one", ref=1)
        assert ada.read() == {"type": "ping"}
        ada.send(type="pong")
        server.call(keeper.release)
        assert ada.read_until("ack")["ref"] == 1
