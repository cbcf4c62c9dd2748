"""Accounts: SASL (IRCv3) and REGISTER (IRCv3, account-registration)."""

from base64 import b64encode

import pytest
from kit.irc import IrcClient

from greenchat.testing import serving

WORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def server():
    with serving(settings={"plugins.history.replay": 5}) as running:
        for name, word in (("jilles", WORD), ("large", "bar" * 100), ("equal", "bar" * 95 + "12"), ("foo", "é" * 100)):
            with IrcClient(running, name) as client:
                client.send(f"REGISTER * * {word}")
                assert client.until("REGISTER")[-1].params[:2] == ["SUCCESS", name]
        yield running


def plain(name, word=WORD, acting=None):
    return b64encode("\0".join([name if acting is None else acting, name, word]).encode()).decode()


def begin(client):
    client.send("CAP REQ sasl", "AUTHENTICATE PLAIN")
    assert client.until("AUTHENTICATE")[-1].params == ["+"]


@pytest.mark.parametrize("acting", ["jilles", ""])
def test_who_logs_in(server, acting):
    with IrcClient(server) as client:
        client.send("CAP LS 302", "NICK nick", "USER u 0 * :R")
        begin(client)
        one, two = client.ask(f"AUTHENTICATE {plain('jilles', acting=acting)}")
        assert (one.verb, one.params[2], two.verb) == ("900", "jilles", "903")
        client.send("CAP END")
        assert client.until("001")[-1].params[0] == "nick"
        assert [line.verb for line in client.until("422")][-1] == "422"


@pytest.mark.parametrize(("name", "word"), [("large", "bar" * 100), ("equal", "bar" * 95 + "12"), ("foo", "é" * 100)])
def test_long_ones_come_in_parts(server, name, word):
    response = plain(name, word)
    with IrcClient(server) as client:
        begin(client)
        parts = [response[at : at + 400] for at in range(0, len(response), 400)]
        if len(parts[-1]) == 400:
            parts.append("+")
        lines = client.ask(*(f"AUTHENTICATE {part}" for part in parts))
        assert [line.verb for line in lines] == ["900", "903"]


def test_what_fails(server):
    with IrcClient(server) as client:
        assert [line.verb for line in client.ask("CAP REQ sasl", "AUTHENTICATE FOO")] == ["CAP", "908", "904"]
        for bad in (plain("jilles", "millet"), plain("nobody"), plain("jilles", acting="foo"), "%%%", "+", "A" * 401):
            begin(client)
            assert client.ask(f"AUTHENTICATE {bad}")[-1].verb in ("904", "905")
        begin(client)
        assert [line.verb for line in client.ask("AUTHENTICATE *")] == ["906"]
        begin(client)
        assert [line.verb for line in client.ask(f"AUTHENTICATE {plain('jilles')}")] == ["900", "903"]
        assert [line.verb for line in client.ask("AUTHENTICATE PLAIN")] == ["907"]


def test_later_on(server):
    with IrcClient(server, "later", caps=["sasl", "account-tag"]) as client:
        for name, word in (("foo", "é" * 100), ("jilles", WORD)):
            begin(client)
            lines = client.ask(f"AUTHENTICATE {plain(name, word)}")
            assert [line.verb for line in lines] == ["900", "903"]
            assert lines[0].params[2] == name
        begin(client)
        assert [line.verb for line in client.ask(f"AUTHENTICATE {plain('foo', 'wrong')}")] == ["904"]
        assert [line.tags["account"] for line in client.ask("PRIVMSG later :note")] == ["jilles"]


def test_who_logs_in_is_in_once_they_are_told_so(server):
    """Phones send all of it in one go. What others say meanwhile comes behind the room that it is said in."""
    with IrcClient(server, "ruth", "#lobby") as ruth:
        ruth.ask(f"REGISTER * * {WORD}")
        with IrcClient(server) as phone, IrcClient(server, "una", "#lobby") as una:
            phone.send("CAP LS 302", "CAP REQ sasl", "CAP REQ soju.im/read", "NICK ruth", "USER ruth 0 * :Ruth")
            phone.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('ruth')}")
            assert [line.verb for line in phone.until("903")] == ["CAP", "CAP", "CAP", "AUTHENTICATE", "900", "903"]
            una.ask("PRIVMSG #lobby :said meanwhile")
            verbs = [line.verb for line in phone.ask("CAP END")]
            assert verbs[0] == "001"
            assert verbs.index("422") < verbs.index("JOIN") < verbs.index("366") < verbs.index("PRIVMSG")
        with IrcClient(server) as phone:
            phone.send("CAP LS 302", "CAP REQ sasl", "NICK ruth", "USER ruth 0 * :Ruth", "AUTHENTICATE PLAIN")
            phone.send(f"AUTHENTICATE {plain('ruth')}", "CAP END")
            assert phone.until("001")[-1].params[0] == "ruth"
            phone.until("366")


def test_who_fails_to_log_in_has_no_name_of_others(server):
    with IrcClient(server) as phone:
        phone.send("CAP REQ sasl", "NICK jilles", "USER j 0 * :J", "AUTHENTICATE PLAIN")
        phone.send(f"AUTHENTICATE {plain('jilles', 'millet')}", "CAP END")
        assert [line.verb for line in phone.until("433")] == ["CAP", "AUTHENTICATE", "904", "433"]
        assert phone.line().text.endswith("If that is you: /quote login jilles PASSWORD")


def test_what_was_said_to_one_alone_waits(server):
    with IrcClient(server, "olga") as olga, IrcClient(server, "pia") as pia:
        for client in (olga, pia):
            client.send(f"REGISTER * * {WORD}")
            client.until("REGISTER")
        olga.close()
        pia.ask("PRIVMSG olga :when you are back")
        with IrcClient(server, "olga", account=("olga", WORD)) as olga:
            assert ("pia", "olga", "when you are back") in [
                (line.source, line.params[0], line.text) for line in olga.welcome if line.verb == "PRIVMSG"
            ]


def test_what_cannot_be_registered(server):
    with IrcClient(server, "carl", caps=["draft/account-registration"]) as carl:
        for line, code in (
            ("REGISTER other * " + WORD, "ACCOUNT_NAME_MUST_BE_NICK"),
            ("REGISTER * * carl", "WEAK_PASSWORD"),
        ):
            (failed,) = carl.ask(line)
            assert (failed.verb, failed.params[:2]) == ("FAIL", ["REGISTER", code])
        assert [line.verb for line in carl.ask("REGISTER *")] == ["461"]
        assert [line.verb for line in carl.ask("REGISTER * * " + WORD)] == ["REGISTER"]
        (failed,) = carl.ask("REGISTER * * " + WORD)
        assert failed.params[:2] == ["REGISTER", "ALREADY_AUTHENTICATED"]
    with IrcClient(server) as client:
        (_, failed) = client.ask("NICK bar", "CAP LIST", f"REGISTER * * {WORD}")
        assert failed.params[:2] == ["REGISTER", "COMPLETE_CONNECTION_REQUIRED"]


def test_one_more_device(server):
    """Who logs in to an account that is there already is that person from then on, and is in their rooms."""
    with IrcClient(server, "grace", "#r") as grace, IrcClient(server, "guest", "#q", caps=["sasl"]) as guest:
        grace.ask(f"REGISTER * * {WORD}")
        begin(guest)
        lines = guest.ask(f"AUTHENTICATE {plain('grace')}")
        nick = next(line for line in lines if line.verb == "NICK")
        assert (nick.source, nick.params) == ("guest", ["grace"])
        assert [line.verb for line in lines if line.verb in ("900", "903")] == ["900", "903"]
        assert ("grace", ["#r"]) in [(line.source, line.params) for line in lines if line.verb == "JOIN"]
        guest.ask("PRIVMSG #r :it is me")
        assert [line.text for line in grace.sync() if line.verb == "PRIVMSG"] == ["it is me"]
