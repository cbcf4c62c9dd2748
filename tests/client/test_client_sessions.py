"""The client library, where a person is more than one connection: with the real server, and several clients at once."""

from contextlib import ExitStack

import pytest
from kit.peers import RawServer, welcome
from kit.processes import kept_port
from kit.programs import Anybody, account_id

from greenchat import Account, hookimpl
from greenchat.client import Client, DisconnectedError, RefusedError
from greenchat.protocol.events import Joined, Left, Message, Renamed
from greenchat.protocol.replies import Error, Welcome
from greenchat.testing import DEADLINE, serving


class Believer(Anybody):
    """Logs in whoever says that they do."""

    @hookimpl
    def greenchat_request(self, session, frame):
        if getattr(frame, "login", ""):
            if self.accounts.find(frame.name) is None:
                self.accounts.add(Account(account_id(frame.name), frame.name, frame.name))
            session.log_in(frame.name, account_id(frame.name))
        return False


@pytest.fixture
def server():
    settings = {"server.disabled_plugins": ["accounts"], "limits.absence_seconds": 1}
    with serving(Believer(), settings=settings) as running:
        yield running


@pytest.fixture
def connect(server):
    """A client that has connected, and has not joined."""
    with ExitStack() as clients:
        yield lambda: clients.enter_context(Client.connect(server.host, server.port))


@pytest.fixture
def ada(connect):
    """`ada()`: one more device of somebody who is logged in."""

    def device(room=""):
        client = connect()
        client.join("ada", room, login="yes")
        return client

    return device


def until(client, kind, **fields):
    """The next item of this kind with these fields; what comes before it is dropped."""
    while True:
        items = client.receive(DEADLINE)
        assert items, f"no {kind.__name__} came"
        for item in items:
            if isinstance(item, kind) and all(getattr(item, name) == value for name, value in fields.items()):
                return item


# --- coming back -----------------------------------------------------------------------------------------------------


def test_who_comes_back_is_the_same_and_nobody_reads_of_it(connect):
    eve = connect()
    eve.join("eve", "garden")
    first = connect()
    first.join("ada", "garden")
    first.enter("cellar")
    first.confirm(first.say("/away Lunch", "garden"))
    token = first.token
    first.close()
    second = connect()
    welcome = second.resume(token)
    assert (second.name, sorted(welcome.rooms)) == ("ada", ["cellar", "garden"])
    second.confirm(second.say("here", "garden"))
    assert until(eve, Message).text == "here"
    assert sorted(second.rooms) == ["cellar", "garden"], "with a welcome for each, and none for another room"
    assert second.rooms["garden"].away == {"ada": "Lunch"}
    assert token != second.token != ""
    told = [item for item in eve.receive(0) if isinstance(item, Joined | Left)]
    assert told == []


def test_the_old_connection_need_not_be_gone(connect):
    first, second = connect(), connect()
    first.join("ada")
    second.resume(first.token)
    assert until(first, Error).code == "resumed_elsewhere"
    with pytest.raises(DisconnectedError):
        first.receive(DEADLINE)
    assert second.confirm(second.say("here", "lobby"))


def test_an_answer_that_was_lost_leads_nowhere_else(connect):
    first = connect()
    first.join("ada")
    second, third = connect(), connect()
    second.resume(first.token)
    third.resume(first.token)
    assert third.token == second.token, "who did not get the new one gets the same once more"


def test_a_room_may_be_named_as_well(connect):
    first, second = connect(), connect()
    first.join("ada")
    first.close()
    assert second.resume(first.token, "garden").room == "garden"


@pytest.mark.parametrize("token", ["gr_" + "A" * 22, "gd_" + "A" * 22, "no token"])
def test_a_token_of_nobody(connect, token):
    client = connect()
    with pytest.raises(RefusedError) as refusal:
        client.resume(token)
    assert refusal.value.code == "token_invalid"
    assert client.join("ada").name == "ada", "on the same connection"


def test_who_has_left_does_not_come_back(connect):
    first, second = connect(), connect()
    first.join("ada")
    first.leave()
    list(first)
    with pytest.raises(RefusedError) as refusal:
        second.resume(first.token)
    assert refusal.value.code == "token_invalid"


def test_an_absence_that_is_told_is_no_end(connect):
    eve, first, second = connect(), connect(), connect()
    eve.join("eve")
    first.join("ada")
    first.close()
    assert until(eve, Left).name == "ada"
    second.resume(first.token)
    assert until(eve, Joined).name == "ada"
    assert list(second.rooms) == ["lobby"]


def test_a_name_that_somebody_else_has_by_now(connect):
    eve, first, thief, second = connect(), connect(), connect(), connect()
    eve.join("eve")
    first.join("ada")
    first.close()
    assert until(eve, Left).name == "ada"
    thief.join("ada")
    with pytest.raises(RefusedError) as refusal:
        second.resume(first.token)
    assert refusal.value.code == "name_taken"


def test_a_token_outlasts_a_restart(tmp_path):
    with kept_port() as port:
        settings = {"server.port": port}
        with serving(settings=settings, data_dir=tmp_path), Client.connect("127.0.0.1", port) as first:
            first.join("ada", "garden")
        with serving(settings=settings, data_dir=tmp_path), Client.connect("127.0.0.1", port) as second:
            assert second.resume(first.token).rooms == ["garden"]
            assert second.name == "ada"


# --- no room, and several devices ------------------------------------------------------------------------------------


def test_in_no_room(connect):
    ada = connect()
    welcome = ada.join("ada", None)
    assert (welcome.rooms, ada.room, ada.welcome, ada.rooms) == ([], "", None, {})
    with pytest.raises(RefusedError) as refusal:
        ada.confirm(ada.say("to whom?", "lobby"))
    assert refusal.value.code == "not_in_room"
    assert ada.enter("garden").room == "garden"


def test_what_one_says_comes_to_ones_other_devices(connect, ada):
    bob, phone, laptop = connect(), ada(), ada()
    bob.join("bob")
    ack = phone.confirm(phone.say("Hello!"))
    heard = until(laptop, Message)
    assert (heard.text, heard.sender, heard.seq, heard.own) == ("Hello!", "ada", ack.seq, True)
    assert not until(bob, Message).own
    phone.confirm(phone.say("psst", to="bob"))
    private = until(laptop, Message)
    assert (private.sender, private.with_, private.text, private.own) == ("ada", "bob", "psst", True)
    assert not until(bob, Message).own
    bob.say("hi")
    assert [until(device, Message).own for device in (phone, laptop)] == [False, False]


def test_rooms_follow_ones_other_devices(ada):
    phone = ada()
    phone.enter("garden")
    laptop = ada()
    laptop.confirm(laptop.say("/ping", "lobby"))
    assert sorted(laptop.rooms) == ["garden", "lobby"], "where one is, one's new device is"
    phone.enter("cellar")
    assert until(laptop, Welcome, room="cellar").ref is None
    assert sorted(laptop.rooms) == ["cellar", "garden", "lobby"]
    laptop.confirm(laptop.part("garden"))
    assert until(phone, Left).name == "ada"
    assert sorted(phone.rooms) == sorted(laptop.rooms) == ["cellar", "lobby"]
    phone.confirm(phone.say("/nick Ada", "lobby"))
    until(laptop, Renamed)
    assert laptop.name == phone.name == "Ada"


def test_one_device_goes_and_the_other_stays(connect, ada):
    bob, phone, laptop = connect(), ada(), ada()
    bob.join("bob")
    phone.leave()
    list(phone)
    laptop.say("still here")
    items = bob.receive(DEADLINE)
    assert not [item for item in items if isinstance(item, Left)]


# --- what is kept to oneself -----------------------------------------------------------------------------------------


def test_tokens_are_told_to_the_server_alone():
    secrets = {"token": "gr_secret", "device": "laptop"}
    with RawServer() as raw, Client.connect(*raw.address) as client:
        raw.accept()
        raw.send(welcome(name="ada", ref=1, token="gr_next", device_token="gd_next", account="ada"))
        answer = client.join(login="hunter2", room=None, **secrets)
        assert raw.read() == {"type": "join", "room": None, "ref": 1, "login": "hunter2", **secrets}
        assert (client.token, client.device_token, client.account) == ("gr_next", "gd_next", "ada")
        raw.send(welcome("garden", name="ada", token="gr_last"))
        (item,) = client.receive(DEADLINE)
        assert (client.token, client.device_token) == ("gr_last", "gd_next")
        shown = repr(client) + repr(answer) + repr(item)
        assert not [secret for secret in ("gr_", "gd_", "hunter2") if secret in shown]
