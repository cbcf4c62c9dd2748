"""What a client of IRC asks for (IRCv3, capability negotiation)."""

import pytest
from kit.irc import IrcClient

from greenchat.testing import serving


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def caps(client, *lines):
    return [line.params[1:] for line in client.ask(*lines) if line.verb == "CAP"]


def test_what_there_is(server):
    with IrcClient(server) as client:
        ((_, told),) = caps(client, "CAP LS 302")
        assert {"sasl=PLAIN", "server-time", "cap-notify", "draft/chathistory"} < set(told.split())
        assert caps(client, "CAP LIST") == [["LIST", "cap-notify"]]
    with IrcClient(server) as client:
        assert caps(client, "CAP LIST") == [["LIST", ""]]
        ((_, told),) = caps(client, "CAP LS")
        assert "=" not in told
        assert "sasl" in told.split()


def test_a_client_that_negotiates_is_in_once_it_is_done(server):
    with IrcClient(server) as client:
        client.send("CAP LS 302", "NICK ada", "USER u 0 * :R")
        assert [line.verb for line in client.sync()] == ["CAP"]
        client.send("CAP END")
        assert client.line().verb == "001"


def test_all_or_nothing(server):
    with IrcClient(server) as client:
        for words in ("foo", "foo qux bar baz qux quux", "foo multi-prefix bar", "multi-prefix bar"):
            assert caps(client, f"CAP REQ :{words}") == [["NAK", words]]
        assert caps(client, "CAP LIST") == [["LIST", ""]]
        assert caps(client, "CAP REQ :multi-prefix echo-message") == [["ACK", "multi-prefix echo-message"]]
        assert caps(client, "CAP REQ -multi-prefix", "CAP LIST") == [["ACK", "-multi-prefix"], ["LIST", "echo-message"]]


def test_in_the_middle_of_it(server):
    with IrcClient(server, "ada", "#caps", caps=["server-time"]) as ada, IrcClient(server, "bob", "#caps") as bob:
        ada.sync()
        bob.send("PRIVMSG #caps :one")
        bob.sync()
        assert [set(line.tags) for line in ada.sync()] == [{"time"}]
        ada.send("CAP REQ :-server-time message-tags")
        ada.sync()
        bob.send("PRIVMSG #caps :two", "PRIVMSG ada :three")
        bob.sync()
        assert [set(line.tags) for line in ada.sync()] == [{"msgid"}, {"msgid"}]
