"""What two people say alone while a disk fails, somebody is just coming in, or what is said is refused."""

import sqlite3
from contextlib import closing

import pytest
from gevent.event import Event
from kit.accounts import SECRET, accounts, registered
from kit.machine import eventually
from kit.programs import Program
from kit.sessions import settled

from greenchat import Reject, hookimpl
from greenchat.storage.direct_rows import FILE
from greenchat.testing import DEADLINE

QUIET = {"plugins.history.replay": 0, "plugins.accounts.registrations_per_hour": 0, "limits.absence_seconds": 0.01}


class Gate:
    """Keeps who comes into the garden waiting, and refuses rude words."""

    def __init__(self):
        self.waits, self.opened = Event(), Event()
        self.opened.set()

    @hookimpl
    def greenchat_check_enter(self, room):
        if room == "garden" and not self.opened.is_set():
            self.waits.set()
            self.opened.wait(DEADLINE)

    @hookimpl
    def greenchat_check_message(self, message):
        if "rude" in message.text:
            raise Reject("That is rude.", "rude")


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def chat(gate, tmp_path):
    with accounts(gate, data_dir=tmp_path, settings=QUIET) as server:
        for name in ("ada", "bob", "eve"):
            registered(server, name).send("LEAVE")
        yield server


def login(server, name):
    one = Program(server)
    assert one.join(name=name, login=SECRET)["type"] == "welcome"
    settled(one)
    return one


def say(program, text, **where):
    return program.request(type="say", text=text, **where)


def test_a_file_that_cannot_be_written_stops_nobody_in_rooms_and_denies_nothing(chat, tmp_path):
    ada, bob, eve = (login(chat, name) for name in ("ada", "bob", "eve"))
    say(ada, "one", to="bob", key="k1")
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert say(ada, "two", to="bob", key="k2")["code"] == "not_stored"
        assert say(ada, "two", to="bob", key="k2")["code"] == "try_again", "bob has read it, and it may be kept yet"
        assert say(eve, "Good morning!", room="lobby", key="e1")["seq"] == 1
        assert say(ada, "one", to="bob", key="k1")["seq"] == 1
        other.execute("ROLLBACK")
    assert [bob.read_until("message", **{"with": "ada"})["text"] for _ in range(2)] == ["one", "two"]


def test_nothing_said_alone_comes_before_the_welcome(chat, gate):
    ada, bob = login(chat, "ada"), login(chat, "bob")
    ada.join(room="garden")
    ada.peer.close()
    bob.read_until("left", name="ada")
    chat.call(gate.opened.clear)
    phone = Program(chat)
    phone.send(type="join", name="ada", login=SECRET, ref=1)
    eventually(lambda: chat.call(gate.waits.is_set))
    talk = say(bob, "early", to="ada")["conversation"]
    chat.call(gate.opened.set)
    assert phone.read()["type"] == "welcome"
    settled(phone)
    (listed,) = phone.conversations["direct"]
    assert (listed["conversation"], listed["seq"], listed["unread"]) == (talk, 1, 1)


def test_what_is_refused_is_no_new_conversation(gate, tmp_path):
    with accounts(gate, data_dir=tmp_path, settings=QUIET | {"limits.new_conversations": 1}) as server:
        for name in ("ada", "bob", "eve"):
            registered(server, name).send("LEAVE")
        ada = login(server, "ada")
        assert [say(ada, text, to="bob")["code"] for text in ("rude", "", "rude again")] == ["rude", "empty", "rude"]
        assert say(ada, "Hello!", to="bob")["seq"] == 1
        assert say(ada, "Hello!", to="eve")["code"] == "too_many_conversations"
