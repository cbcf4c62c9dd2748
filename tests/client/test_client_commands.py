"""The client library asks which commands there are, and runs them by their arguments."""

import pytest
from kit.accounts import CHEAP, SECRET
from kit.peers import RawServer

from greenchat.client import Client, NoAnswerError, PlainClient, RefusedError
from greenchat.protocol.events import Message, Topic
from greenchat.protocol.replies import CommandList, HistoryPage
from greenchat.testing import DEADLINE, serving


@pytest.fixture
def server():
    with serving(settings=CHEAP) as running:
        yield running


@pytest.fixture
def connect(server):
    def connect(name="", room="", kind=Client):
        client = server.peers.enter_context(kind.connect(server.host, server.port))
        if name:
            client.join(name, room)
        return client

    return connect


def until(client, kind):
    """The next item of this kind."""
    while True:
        items = client.receive(DEADLINE)
        assert items, f"no {kind.__name__} came"
        for item in items:
            if isinstance(item, kind):
                return item


def test_the_table_has_the_arguments_with_their_kinds(connect):
    ada = connect()
    table = {entry.name: entry for entry in ada.commands()}
    name, password = table["login"].arguments
    assert (name.name, name.kind, name.optional) == ("name", "word", True)
    assert (password.name, password.kind, password.optional) == ("password", "secret", False)
    assert table["login"].private
    assert table["passwd"].line == "/passwd OLD NEW"
    assert "op" not in table, "that is for operators"


def test_a_command_tells_and_says(connect):
    ada, bob = connect("ada", "dev"), connect("bob", "dev")
    ran = ada.command("topic", room="dev", text="Roses")
    assert until(bob, Topic).topic == "Roses"
    assert (ran.ack.seq, ran.lines) == (0, [])
    ran = ada.command("me", room="dev", text="waves")
    said = until(bob, Message)
    assert (said.text, said.action, said.seq) == ("waves", True, ran.ack.seq)
    (page,) = ada.command("history", n=1).told
    assert isinstance(page, HistoryPage)
    assert [event.text for event in page.events] == ["waves"]
    ran = ada.command("edit", number=said.seq, text="bows")
    assert ran.ack.seq in (0, said.seq)
    ran = ada.command("ping")
    assert len(ran.lines) == 1


def test_an_argument_may_be_called_as_a_place(connect):
    ada, bob = connect("ada", "dev"), connect("bob")
    ada.command("room", {"setting": "key", "value": "thorns"}, room="dev")
    ada.command("invite", {"user": "bob", "room": "dev"}, room="dev")
    assert bob.command("join", {"room": "dev"}).told[0].room == "dev"
    assert "dev" in bob.rooms


def test_to_one_person_alone(connect):
    ada, bob = connect("ada"), connect("bob")
    place = ada.confirm(ada.say("hi", to="bob")).conversation
    bob.confirm(bob.say("hello", conversation=place))
    bob.command("re", conversation=place, text="How are you?")
    ada.command("me", to="bob", text="yawns")
    texts = []
    while "yawns" not in texts:
        texts += [item.text for item in bob.receive(DEADLINE) if isinstance(item, Message) and item.conversation]
    assert texts == ["hi", "yawns"]
    with pytest.raises(ValueError, match="one command is run in a room"):
        ada.command("me", room="lobby", to="bob", text="yawns")


def test_a_refusal_is_an_error(connect):
    ada = connect("ada")
    with pytest.raises(RefusedError, match="Type it so: /history") as refused:
        ada.command("history", n="many")
    assert refused.value.code == "usage"
    with pytest.raises(RefusedError) as refused:
        ada.command("nonsense", {"a": 1})
    assert refused.value.code == "unknown_command"
    assert not ada.pending
    assert ada.command("ping").lines, "and goes on"


def test_what_comes_meanwhile_is_kept(connect):
    ada, bob = connect("ada"), connect("bob")
    bob.confirm(bob.say("one"))
    ada.command("ping")
    assert until(ada, Message).text == "one"


def test_a_secret_is_in_nothing_that_is_shown(connect):
    ada = connect("ada")
    ref = ada.run("register", {"password": SECRET})
    assert ada.pending == {ref: "/register"}
    ada.confirm(ref)
    again = connect()
    again.join("eve")
    ran = again.command("login", name="ada", password=SECRET)
    assert again.account == "ada"
    assert SECRET not in repr(ran)


def test_without_waiting(connect):
    ada = connect("ada")
    ref = ada.ask_commands()
    table = until(ada, CommandList)
    assert table.ref == ref
    assert any(entry.name == "topic" for entry in table.commands)


def test_a_server_that_is_too_old():
    with RawServer() as server, Client.connect(*server.address) as client:
        server.accept()
        server.welcome("ada")
        client.join("ada")
        server.read()
        for ask in client.commands, lambda: client.command("ping"):
            server.send({"type": "error", "code": "unknown_type", "text": "No.", "ref": 2 + (ask != client.commands)})
            with pytest.raises(RefusedError) as refused:
                ask()
            assert refused.value.code == "unknown_type"
        with pytest.raises(NoAnswerError):
            client.commands(timeout=0)


def test_plain_frames_have_none(connect):
    ada = connect("ada", kind=PlainClient)
    for ask in ada.commands, ada.ask_commands, lambda: ada.command("ping"):
        with pytest.raises(RefusedError, match="Plain frames"):
            ask()
