"""Channels: who comes, goes, keeps order, and what is told of them."""

import pytest
from kit.irc import IrcClient
from kit.programs import Program, sync

from greenchat.testing import serving


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def test_who_comes_in_is_told_what_it_is_about_and_who_is_there(server):
    with IrcClient(server, "ada", "#a1") as ada:
        ada.ask("TOPIC #a1 :Tulips and roses")
        with IrcClient(server, "bob") as bob:
            told = bob.ask("JOIN #a1")
            assert [line.params[2] for line in told if line.verb == "333"] == ["ada"]
            assert [(line.verb, line.params[1:]) for line in told if line.verb != "333"] == [
                ("JOIN", []),
                ("332", ["#a1", "Tulips and roses"]),
                ("353", ["=", "#a1", "@ada bob"]),
                ("366", ["#a1", "End of /NAMES list"]),
            ]
            assert [(line.source, line.verb) for line in ada.sync()] == [("bob", "JOIN")]
            told = bob.ask("TOPIC #a1")
            assert [line.verb for line in told] == ["332", "333"]
            assert told[1].params[2] == "ada"
            assert [line.params for line in bob.ask("PART #a1")] == [["#a1"]]
        assert [(line.source, line.verb) for line in ada.sync()] == [("bob", "PART"), ("bob", "QUIT")][:1]


def test_several_at_once_with_keys(server):
    with IrcClient(server, "ada", "#b1", "#b2") as ada, IrcClient(server, "bob") as bob:
        ada.ask("MODE #b1 +k sesame")
        assert [line.params[1] for line in bob.ask("JOIN #b1,#b2 wrong") if line.verb == "475"] == ["#b1"]
        assert [line.params[0] for line in bob.ask("JOIN #b1 sesame") if line.verb == "JOIN"] == ["#b1"]
        assert [line.params[1:] for line in ada.ask("MODE #b1") if line.verb == "324"] == [["#b1", "+nk", "sesame"]]
        assert sorted(line.params[0] for line in bob.ask("JOIN 0")) == ["#b1", "#b2"]
        assert bob.verbs("JOIN a", "JOIN #", "JOIN") == ["403", "476", "461"]


def test_who_leaves_the_chat_is_told_of_once(server):
    with IrcClient(server, "ada", "#c1", "#c2") as ada, Program(server, "pat") as pat:
        with IrcClient(server, "bob", "#c1", "#c2"):
            pat.exchange(type="join", room="c1")
            pat.exchange(type="join", room="c2")
            ada.sync()
        assert [(line.source, line.verb) for line in ada.sync()] == [("bob", "QUIT")]
        left = [frame for frame in pat.exchange(type="ping") if frame["type"] == "left"]
        assert sorted((frame["room"], frame["gone"]) for frame in left) == [("c1", True), ("c2", True)]


def test_who_is_put_out(server):
    with IrcClient(server, "ada", "#d1") as ada, IrcClient(server, "bob", "#d1") as bob:
        plain = server.join("carl", "d1")
        for client in (ada, bob):
            client.sync()
        assert bob.verbs("KICK #d1 ada") == ["482"]
        assert [line.verb for line in ada.ask("KICK #d1 nobody")] == ["401"]
        ada.send("KICK #d1 bob :That will do")
        ada.sync()
        (kicked,) = [line for line in bob.sync() if line.verb == "KICK"]
        assert (kicked.source, kicked.params[:2]) == ("ada", ["#d1", "bob"])
        assert bob.verbs("PRIVMSG #d1 :still here") == ["404"]
        assert sync(plain)[-1:] != ["MSG|bob|still here"]
        ada.ask("MODE #d1 +b bob")
        assert bob.verbs("JOIN #d1") == ["474"]
        assert [line.verb for line in ada.ask("MODE #d1 b")] == ["367", "368"]
        assert [line.verb for line in bob.ask("MODE #d1 b")] == ["368"]
        ada.ask("MODE #d1 -b bob!*@*")
        assert "JOIN" in bob.verbs("JOIN #d1")


def test_by_invitation(server):
    with IrcClient(server, "ada", "#e1") as ada, IrcClient(server, "bob") as bob:
        ada.ask("MODE #e1 +i")
        assert bob.verbs("JOIN #e1") == ["473"]
        assert [line.params[1:] for line in ada.ask("INVITE bob #e1") if line.verb == "341"] == [["bob", "#e1"]]
        assert [(line.source, line.params) for line in bob.sync()] == [("ada", ["bob", "#e1"])]
        assert "JOIN" in bob.verbs("JOIN #e1")
        ada.sync()
        assert ada.verbs("INVITE bob #e1") == ["443"]
        assert bob.verbs("TOPIC #e1 :mine") == ["TOPIC"]
        ada.ask("MODE #e1 +t")
        assert bob.verbs("TOPIC #e1 :mine") == ["MODE", "482"]


def test_which_there_are(server):
    with IrcClient(server, "ada", "#f1", "#f2") as ada, IrcClient(server, "bob") as bob:
        ada.ask("TOPIC #f1 :Roses")
        ada.ask("MODE #f2 +k secret")
        listed = {line.params[1]: line.params[2:] for line in bob.ask("LIST") if line.verb == "322"}
        assert listed["#f1"] == ["1", "Roses"]
        assert "#f2" not in listed
        assert [line.verb for line in bob.ask("NAMES #f2")] == ["366"]
        assert [line.verb for line in bob.ask("LIST #f1")] == ["321", "322", "323"]


def test_odd_names_go_there_and_back(server):
    with Program(server, "what?!") as odd, IrcClient(server, "ada", "#g1") as ada:
        odd.exchange(type="join", room="g1")
        (joined,) = ada.sync()
        nick = joined.source
        assert "?" not in nick
        assert "!" not in nick
        ada.send(f"PRIVMSG {nick} :psst")
        ada.sync()
        assert [frame["text"] for frame in odd.exchange(type="ping") if frame["type"] == "message"] == ["psst"]


def test_commands_of_the_chat(server):
    with IrcClient(server, "ada", "#h1") as ada, IrcClient(server, "bob", "#h1") as bob:
        ada.sync()
        (refused,) = ada.ask("roll 1d1")  # where nobody has said
        assert "say in which" in refused.text
        ada.send("roll #h1 1d1")
        ada.sync()
        assert [line.params[0] for line in bob.sync() if "1d1" in line.text] == ["#h1"]
        assert ada.verbs("nonsense") == ["421"]
