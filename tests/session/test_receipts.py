"""Acknowledgements that wait until a plugin has made sure of something, and what comes behind them."""

import json
import queue

import gevent
import pytest
from kit.programs import Program

from greenchat import Reject, hookimpl
from greenchat.testing import DEADLINE, serving


class Keeper:
    """Holds every acknowledgement until told otherwise."""

    def __init__(self):
        self.held = []

    @hookimpl(tryfirst=True)
    def greenchat_delay_ack(self, room, seq, release):
        self.held.append((room.name, seq, release))
        return True


@pytest.fixture
def keeper():
    return Keeper()


@pytest.fixture
def server(keeper):
    with serving(keeper) as running:
        yield running


def wait_for(server, keeper, count):
    """The held acknowledgements, once there are `count`; each look is a turn of the server's loop."""
    for _ in range(100_000):
        found = server.call(lambda: list(keeper.held))
        if len(found) >= count:
            return found
    raise AssertionError(f"{len(found)} are held, not {count}")


def test_others_read_at_once_what_is_not_acknowledged_yet(server, keeper):
    ada, bob = Program(server, "ada"), server.join("bob")
    ada.read()
    ada.send(type="say", text="hi", ref=1)
    bob.expect("MSG|ada|hi")
    ((room, seq, release),) = wait_for(server, keeper, 1)
    assert (room, seq) == ("lobby", 1)
    server.call(lambda: release(None))
    answer = ada.read()
    assert (answer["type"], answer["ref"], answer["seq"]) == ("ack", 1, 1)


def test_answers_keep_the_order_of_their_requests_whatever_is_sure_first(server, keeper):
    ada = Program(server, "ada")
    ada.send(type="say", text="one", ref=1)
    wait_for(server, keeper, 1)
    ada.send(type="ping", ref=2)
    ada.send(type="say", text="", ref=3)
    ada.send(type="say", text="two", ref=4)
    first, second = wait_for(server, keeper, 2)
    server.call(lambda: second[2](None))
    ada.send(type="ping", ref=5)
    server.call(lambda: first[2](None))
    answers = [ada.read() for _ in range(5)]
    assert [(answer["type"], answer["ref"]) for answer in answers] == [
        ("ack", 1),
        ("pong", 2),
        ("error", 3),
        ("ack", 4),
        ("pong", 5),
    ]


def test_what_could_not_be_kept_is_an_error_and_only_that(server, keeper):
    ada = Program(server, "ada")
    ada.send(type="say", text="one", ref=1)
    ((_, _, release),) = wait_for(server, keeper, 1)
    server.call(lambda: release(Reject("The disk is full.", "not_stored")))
    server.call(lambda: release(None))  # too late: it was answered
    ada.send(type="ping", ref=2)
    assert [(answer["type"], answer.get("code"), answer["ref"]) for answer in (ada.read(), ada.read())] == [
        ("error", "not_stored", 1),
        ("pong", None, 2),
    ]


def test_who_leaves_gets_the_answers_first(server, keeper):
    ada = Program(server, "ada")
    ada.send(type="say", text="my last words", ref=1)
    ada.send(type="leave")
    ((_, _, release),) = wait_for(server, keeper, 1)
    server.call(lambda: release(None))
    assert ada.read()["type"] == "ack"
    ada.peer.expect_closed()


def test_messages_in_several_rooms_are_held_room_by_room(server, keeper):
    ada = Program(server, "ada")
    ada.send(type="join", room="garden")
    assert ada.read()["room"] == "garden"
    said = [("lobby", "a"), ("garden", "b"), ("garden", "c")]
    requests = [{"type": "say", "text": text, "room": room, "ref": ref} for ref, (room, text) in enumerate(said, 1)]
    ada.peer.send(*map(json.dumps, requests))
    found = wait_for(server, keeper, 2)
    last = {room: seq for room, seq, _ in found}
    assert last == {"lobby": 1, "garden": 2}
    for _, _, release in reversed(wait_for(server, keeper, len(found))):
        server.call(lambda release=release: release(None))
    answers = [frame for frame in (ada.read() for _ in range(4)) if frame["type"] == "ack"]
    assert [answer["ref"] for answer in answers] == [1, 2, 3]


def test_a_welcome_comes_before_what_is_said_in_its_room(server, keeper):
    bob = server.join("bob", "garden")
    ada = Program(server, "ada")
    ada.send(type="say", text="wait for me", ref=1)
    ada.send(type="join", room="garden", ref=2)
    ((_, _, release),) = wait_for(server, keeper, 1)
    bob.send("MSG|too early", "MSG|/ping")
    bob.read_until("INFO|Pong.")
    server.call(lambda: release(None))
    bob.expect("INFO|ada has joined the chat.")
    bob.send("MSG|now")
    frames = [ada.read() for _ in range(3)]
    assert [(frame["type"], frame.get("ref")) for frame in frames] == [("ack", 1), ("welcome", 2), ("message", None)]
    assert frames[2]["text"] == "now"


def test_a_keeper_that_fails_acknowledges_nothing(caplog):
    class Broken:
        @hookimpl(tryfirst=True)
        def greenchat_delay_ack(self):
            raise RuntimeError("no disk")

    with serving(Broken()) as server:
        ada = Program(server, "ada")
        ada.send(type="say", text="hi", ref=1)
        answer = ada.read()
        assert (answer["type"], answer["code"], answer["ref"]) == ("error", "not_stored", 1)
    assert "plugin Broken failed in greenchat_delay_ack" in caplog.text


def test_commands_and_what_they_say(server, keeper):
    ada = Program(server, "ada")
    ada.send(type="say", text="/ping", ref=1)
    assert [ada.read()["type"], ada.read()["type"]] == ["notice", "ack"], "nothing was said: nothing is to be kept"
    ada.send(type="say", text="/me waves", ref=2)
    ((_, seq, release),) = wait_for(server, keeper, 1)
    server.call(lambda: release(None))
    answer = ada.read()
    assert (answer["type"], answer["ref"], answer["seq"]) == ("ack", 2, seq)


class Slow:
    """Lets nobody in until told so, or ever."""

    def __init__(self):
        self.asked = queue.SimpleQueue()
        self.gone = queue.SimpleQueue()

    @hookimpl
    def greenchat_check_join(self, session):
        self.asked.put(session)
        try:
            gevent.sleep(DEADLINE)
        finally:
            self.gone.put(session.id)


@pytest.mark.parametrize("ending", ["the server stops", "an operator ends it"])
def test_a_join_that_waits_for_a_plugin_ends_with_its_connection(ending, caplog):
    slow = Slow()
    with serving(slow, settings={"server.grace_seconds": 0.1}) as server:
        ada, witness = server.connect(), server.connect()
        ada.send("JOIN|ada")
        session = slow.asked.get(timeout=DEADLINE)
        if ending == "the server stops":
            server.stop()
        else:
            server.call(lambda: session.close("sent home"))
        assert slow.gone.get(timeout=DEADLINE) == session.id, "what waited is not left behind"
        assert "INFO|Welcome" not in ada.read()
        witness.close()
    assert "Traceback" not in caplog.text


def test_a_plugin_may_close_a_connection_while_it_joins():
    class Bouncer:
        @hookimpl
        def greenchat_check_join(self, session):
            session.info("Not today.")
            session.close("sent home")
            raise Reject("Come back tomorrow.")

    with serving(Bouncer()) as server:
        ada = server.connect()
        ada.send("JOIN|ada")
        ada.expect("INFO|Not today.", "ERROR|Come back tomorrow.")
        ada.expect_closed()
