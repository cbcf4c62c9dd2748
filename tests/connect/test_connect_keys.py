"""What was under way when the line client lost its connection is said again, or told of where that cannot be."""

import pytest

from greenchat.client import Client
from greenchat.connect.conversation import Conversation
from greenchat.connect.telling import Missed
from greenchat.protocol.events import Message
from greenchat.testing import serving


@pytest.fixture
def client():
    with serving() as server:
        clients = []

        def connect():
            clients.append(Client.connect(server.host, server.port))
            return clients[-1]

        yield connect
        for client in clients:
            client.close()


@pytest.mark.parametrize("seen", [True, False])
def test_what_was_under_way_is_said_again_and_a_command_is_told_of(client, seen):
    ada, bob = client(), client()
    bob.join("bob")
    talk = Conversation(ada)
    [*talk.lines(ada.join("ada"))]
    talk.say("Hello!", "lobby")
    talk.say("/me waves", "lobby")
    said = []
    while len(said) < 2:
        said += [item for item in bob.receive(30) if isinstance(item, Message)]
    ada.close()
    talk.lost()
    again = client()
    welcome = again.resume(ada.token)
    missed = {"lobby": Missed([*said] if seen else [])}
    shown = []
    talk.show = lambda item, asked, lines: shown.extend(line.body for line in lines)
    talk.back(again, welcome, missed, None)
    assert not any("Hello!" in line for line in shown)
    assert any("/me" in line for line in shown), shown
    assert talk.pending == 1
    while talk.pending:
        for item in again.receive(30):
            assert not [line for line in talk.lines(item) if "Hello!" in line.body]
    texts = [event.text for event in again.history("lobby").events]
    assert texts == ["Hello!", "waves"]
