"""How a client of IRC comes in, and goes."""

import pytest
from kit.irc import IrcClient

from greenchat.testing import serving


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def verbs(lines):
    return [line.verb for line in lines]


def test_nick_and_user_in_any_order(server):
    for nick, lines in (("one", ["NICK one", "USER u 0 * :R"]), ("two", ["USER u s e r", "NICK two"])):
        with IrcClient(server) as client:
            client.send(*lines)
            (first, *_, last) = client.until("422")
            assert (first.verb, first.params[0], last.params[0]) == ("001", nick, nick)


def test_what_is_told_first(server):
    with IrcClient(server, "ada") as ada:
        assert verbs(ada.welcome)[:5] == ["001", "002", "003", "004", "005"]
        tokens = [param for line in ada.welcome if line.verb == "005" for param in line.params[1:-1]]
        assert {"CASEMAPPING=ascii", "CHANTYPES=#", "PREFIX=(qov)~@+", "UTF8ONLY", "WHOX", "BOT=B"} < set(tokens)
        assert all(len(line.params) <= 15 and line.params[0] == "ada" for line in ada.welcome)


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        (["NICK :", "USER u 0 * :R"], "431"),
        (["NICK *", "USER u 0 * :R"], "432"),
        (["NICK #room", "USER u 0 * :R"], "432"),
        (["NICK a!b", "USER u 0 * :R"], "432"),
        (["NICK ok", "USER u 0 *"], "461"),
        (["NICK ok", "USER u 0 * :"], "461"),
        (["NICK a", "NICK"], "431"),
        (["NICK a", "JOIN #room"], "451"),
        (["NICK a", "PRIVMSG somebody :hi"], "451"),
        (["NICK a", "PING"], "409"),
        (["CAP NONSENSE"], "410"),
    ],
)
def test_what_is_refused_at_first(server, lines, refused):
    with IrcClient(server) as client:
        assert verbs(client.ask(*lines)) == [refused]
        client.send("NICK valid", "USER u 0 * :R")
        assert client.until("001")[-1].params[0] == "valid"


def test_a_nick_that_is_taken(server):
    with IrcClient(server, "ada"), IrcClient(server) as other:
        other.send("NICK ada", "USER u 0 * :R")
        assert other.until("433")[-1].params[:2] == ["*", "ada"]
        other.send("NICK eve")
        assert other.until("422")[-1].params[0] == "eve"
        (refused,) = other.ask("NICK ADA")
        assert (refused.verb, refused.params[:2]) == ("433", ["eve", "ADA"])


def test_a_nick_that_is_free_again(server):
    with IrcClient(server, "ada") as ada, IrcClient(server, "bob", "#free") as bob:
        (told,) = ada.ask("NICK Ada")
        assert (told.source, told.verb, told.params) == ("ada", "NICK", ["Ada"])
        assert ada.ask("NICK Ada") == []
        (refused,) = ada.ask("NICK :a b")
        assert (refused.verb, refused.params[:-1]) == ("432", ["Ada", "a"])
        ada.ask("NICK malice")
        assert [line.params for line in bob.ask("NICK ada") if line.verb == "NICK"] == [["ada"]]


def test_quit(server):
    with IrcClient(server, "bob", "#quit") as bob:
        with IrcClient(server, "ada", "#quit") as ada:
            bob.sync()
            ada.send("QUIT :off to \x02lunch")
            assert ada.line().verb == "ERROR"
            ada.expect_closed()
        assert [(line.source, line.verb, line.text) for line in bob.until("QUIT")] == [
            ("ada", "QUIT", "Quit: off to lunch")
        ]
        with IrcClient(server) as other:
            other.send("NICK carl", "QUIT")
            assert other.line().verb == "ERROR"


def test_the_password_of_the_server():
    with serving(settings={"server.password": "open sesame"}) as server:
        with IrcClient(server) as client:
            client.send("PASS :open sesame", "NICK ada", "USER u 0 * :R")
            assert client.until("001")
        for first in ([], ["PASS wrong"]):
            with IrcClient(server) as client:
                client.send(*first, "NICK bob", "USER u 0 * :R")
                assert client.line().verb == "464"
                assert client.until("ERROR")
                client.expect_closed()


def test_the_password_of_the_server_may_have_a_colon():
    with serving(settings={"server.password": "grace:hopper"}) as server:
        with IrcClient(server, "") as client:
            client.send("PASS grace:hopper", "NICK ada", "USER u 0 * :R")
            assert client.until("001")[-1].params[0] == "ada"
        with IrcClient(server) as client:
            client.send("PASS grace:other", "NICK bob", "USER u 0 * :R")
            assert client.line().verb == "464"


def test_an_account_by_the_password(server):
    with IrcClient(server, "grace") as grace:
        grace.ask("REGISTER * * correct-horse-battery")
    with IrcClient(server) as client:
        client.send("PASS grace:correct-horse-battery", "NICK whatever", "USER u 0 * :R")
        assert client.until("001")[-1].params[0] == "grace"
        client.until("422")
        assert verbs(client.ask("PASS more")) == ["462"]
        assert verbs(client.ask("USER u 0 * :R")) == ["462"]


def test_ping_and_pong(server):
    with IrcClient(server, "ada") as ada:
        ada.send("PING abcdef")
        pong = ada.line()
        assert (pong.source, pong.verb, pong.params) == ("greenchat", "PONG", ["greenchat", "abcdef"])
        for bad in ("PING", "PING :"):
            (refused,) = ada.ask(bad)
            assert (refused.verb, refused.params[0]) == ("409", "ada")


def test_there_and_back(server):
    with IrcClient(server, "ada") as ada:
        for nick in ("eve", "ada", "eve"):
            assert [line.params for line in ada.ask(f"NICK {nick}")] == [[nick]]
        assert verbs(ada.ask("REGISTER eve * correct-horse-battery")) == ["REGISTER"]
