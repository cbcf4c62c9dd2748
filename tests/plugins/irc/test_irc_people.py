"""Who is there, and what there is to know of them."""

import pytest
from kit.irc import IrcClient
from kit.programs import Program

from greenchat.testing import serving


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def test_what_there_is_to_know(server):
    with IrcClient(server, "ada", "#a1", realname="Ada L") as ada, IrcClient(server, "bob") as bob:
        ada.ask("AWAY :lunch")
        told = {line.verb: line.params for line in bob.ask("WHOIS ada")}
        assert told["311"][1:] == ["ada", "~user", "greenchat", "*", "Ada L"]
        assert told["319"][2] == "@#a1"
        assert told["301"][2] == "lunch"
        assert {"312", "317", "318"} < told.keys()
        assert [line.verb for line in bob.ask("WHOIS nobody")] == ["401", "318"]
        assert "378" not in told
        assert "378" in ada.verbs("WHOIS ada")
        assert [line.verb for line in ada.ask("AWAY")] == ["305"]
        assert bob.verbs("WHOIS") == ["431"]


def test_those_of_a_room(server):
    with IrcClient(server, "ada", "#b1") as ada, Program(server, "pat") as pat:
        pat.exchange(type="join", room="b1")
        ada.sync()
        listed = [line.params[1:] for line in ada.ask("WHO #b1") if line.verb == "352"]
        assert [(params[4], params[5]) for params in listed] == [("ada", "H@"), ("pat", "H")]
        fields = [line.params[1:] for line in ada.ask("WHO #b1 %tnaf,42") if line.verb == "354"]
        assert fields == [["42", "ada", "H@", "0"], ["42", "pat", "H", "0"]]
        assert [line.verb for line in ada.ask("WHO pat")] == ["352", "315"]
        assert [line.text for line in ada.ask("ISON pat nobody ada")] == ["pat ada"]
        assert [line.text for line in ada.ask("USERHOST pat")] == ["pat=+pat@greenchat"]


def test_those_who_have_left(server):
    with IrcClient(server, "ada") as ada:
        with IrcClient(server, "brief", realname="A Guest"):
            pass
        told = ada.ask("WHOWAS brief")
        assert [line.verb for line in told] == ["314", "312", "369"]
        assert told[0].text == "A Guest"
        assert ada.verbs("WHOWAS never") == ["406", "369"]


def test_another_name(server):
    with IrcClient(server, "ada", "#c1") as ada, IrcClient(server, "bob", "#c1") as bob:
        ada.sync()
        assert [(line.source, line.verb, line.params) for line in ada.ask("NICK grace")] == [("ada", "NICK", ["grace"])]
        assert [(line.source, line.params) for line in bob.sync()] == [("ada", ["grace"])]
        assert ada.verbs("NICK bob", "NICK a|b", "NICK") == ["433", "432", "431"]


def test_who_wants_to_know_of_comings_and_goings(server):
    caps = ["away-notify", "extended-monitor"]
    with IrcClient(server, "ada", caps=caps) as ada:
        assert [line.verb for line in ada.ask("MONITOR + bob,eve")] == ["731"]
        with IrcClient(server, "bob", "#d1") as bob:
            assert [(line.verb, line.text) for line in ada.sync()] == [("730", "bob!bob@greenchat")]
            bob.ask("AWAY :tea")
            assert [(line.source, line.verb, line.text) for line in ada.sync()] == [("bob", "AWAY", "tea")]
            assert [line.verb for line in ada.ask("MONITOR S")] == ["730", "731"]
            bob.ask("NICK eve")
            assert [(line.verb, line.text) for line in ada.sync()] == [("731", "bob"), ("730", "eve!eve@greenchat")]
        assert [(line.verb, line.text) for line in ada.sync()] == [("731", "eve")]
        assert [line.text for line in ada.ask("MONITOR L")] == ["bob,eve", "End of MONITOR list"]
        assert ada.verbs("MONITOR C", "MONITOR L") == ["733"]


def test_real_names_and_accounts_are_told(server):
    caps = ["setname", "account-notify", "extended-join"]
    with IrcClient(server, "fay", "#e1", caps=caps) as fay, IrcClient(server, "gil", "#e1", caps=caps) as gil:
        (joined,) = fay.sync()
        assert joined.params == ["#e1", "*", "Real Name"]
        gil.ask("SETNAME :Gil the Great")
        gil.ask("REGISTER * * correct-horse-battery")
        assert [(line.verb, line.text) for line in fay.sync()] == [("SETNAME", "Gil the Great"), ("ACCOUNT", "gil")]


def test_about_the_server(server):
    with IrcClient(server, "ada") as ada:
        assert [line.verb for line in ada.welcome][:5] == ["001", "002", "003", "004", "005"]
        assert ada.verbs("MOTD", "VERSION", "TIME", "ADMIN") == [
            "422", "351", "005", "005", "391", "256", "257", "258", "259",
        ]  # fmt: skip
        assert ada.verbs("LUSERS") == ["251", "252", "253", "254", "255", "265", "266"]
        assert ada.verbs("MODE ada", "MODE ada +i", "MODE nobody +i") == ["221", "401"]
        assert ada.verbs("OPER ada secret") == ["491"]
