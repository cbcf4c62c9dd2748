"""What a client has said without an answer is said again once it is back, and is said once."""

import socket

import pytest
from kit.programs import Anybody, without_plugins

from greenchat.client import Client, RefusedError
from greenchat.client.keys import may_repeat
from greenchat.protocol.events import Message
from greenchat.protocol.requests import Say
from greenchat.testing import serving


@pytest.fixture
def server():
    with serving(Anybody, settings=without_plugins("accounts")) as server:
        yield server


@pytest.fixture
def connect(server):
    clients = []

    def connect(name="", **join):
        client = Client.connect(server.host, server.port)
        clients.append(client)
        if name:
            client.join(name, **join)
        return client

    yield connect
    for client in clients:
        client.close()


def lose(client, *, unheard=False):
    """The connection is lost before an answer has come, or before anything more has gone out."""
    if unheard:
        client._connection._socket.shutdown(socket.SHUT_WR)
    else:
        client.close()


def back(connect, lost):
    client = connect()
    client.resume(lost.token)
    return client, client.repeat(lost)


def texts(client):
    return [event.text for event in client.history("lobby").events if isinstance(event, Message)]


@pytest.mark.parametrize("unheard", [True, False])
def test_what_had_no_answer_is_said_once(connect, unheard):
    ada = connect("ada")
    ada.confirm(ada.say("Zero."))
    if unheard:
        lose(ada, unheard=True)
    refs = [ada.say(text) for text in ("One.", "Two.", "Two.", "//three")]
    lose(ada)
    again, new = back(connect, ada)
    assert list(new) == refs
    assert not ada.pending
    assert [again.confirm(ref).seq for ref in new.values()] == [2, 3, 4, 5]
    assert texts(again) == ["Zero.", "One.", "Two.", "Two.", "/three"]
    assert again.repeat(ada) == {}


def test_it_may_be_lost_again(connect):
    ada = connect("ada")
    ada.say("One.")
    lose(ada)
    second, new = back(connect, ada)
    lose(second)
    third, newer = back(connect, second)
    assert list(newer) == list(new.values())
    assert [third.confirm(ref).seq for ref in newer.values()] == [1]
    assert texts(third) == ["One."]


def test_what_may_mean_another_is_left_to_its_writer(connect):
    ada, bob = connect("ada"), connect("bob")
    bob.confirm(bob.say("Here?"))
    lose(ada, unheard=True)
    left = [ada.say("/me waves"), ada.say("psst", to="bob"), ada.edit("lobby", 1, "x"), ada.say("No.", key="")]
    answer = ada.say("Yes.", reply_to=1)
    assert ada.unsure == left
    lose(ada)
    again, new = back(connect, ada)
    assert list(new) == [answer]
    assert list(ada.pending) == left
    assert again.confirm(new[answer]).seq == 2
    assert not may_repeat(Say("Yes.", "lobby", reply_to=1), ada, connect("eve", room="garden")), "other numbers"


def test_whoever_else_one_is_says_nothing(connect):
    ada = connect("ada")
    ada.say("One.")
    lose(ada)
    assert connect("eve").repeat(ada) == {}
    assert len(ada.pending) == 1


def test_an_account_needs_no_token(server, connect):
    ada = connect_as(connect, "ada")
    ada.say("One.")
    lose(ada)
    phone = connect_as(connect, "ada")
    new = phone.repeat(ada)
    assert [phone.confirm(ref).seq for ref in new.values()] == [1]


def connect_as(connect, account):
    client = connect()
    client.confirm(client.say(f"/become {account}"))
    client.join(account)
    assert client.account == account
    return client


def test_a_key_of_ones_own(connect):
    ada = connect("ada")
    first = ada.confirm(ada.say("One.", key="of-today"))
    assert ada.confirm(ada.say("One.", key="of-today")).seq == first.seq
    with pytest.raises(RefusedError) as refused:
        ada.confirm(ada.say("Two.", key="of-today"))
    assert refused.value.code == "key_reused"


def test_what_is_too_long_with_a_key_has_none(connect):
    ada = connect("ada")
    most = int(ada.limit("frame_bytes"))
    ref = ada.say("x" * (most - 40))
    assert ref not in ada._keyed
    assert ada.confirm(ref).seq == 1


def test_who_does_not_come_back_gives_no_keys(connect):
    ada = connect("ada")
    ada.repeats = False
    ada.say("One.")
    lose(ada)
    assert back(connect, ada)[1] == {}
