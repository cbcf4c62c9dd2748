"""Who is there, and what there is to know of them."""

import pytest
from kit.irc import IrcClient
from kit.orders import shell
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


def test_who_is_in_no_room_comes_and_goes_as_well(server):
    with IrcClient(server, "ada", caps=["away-notify", "draft/extended-monitor", "setname"]) as ada:
        ada.ask("MONITOR + hal,hans")
        with IrcClient(server, "hal") as hal:
            assert [(line.verb, line.text) for line in ada.sync()] == [("730", "hal!hal@greenchat")]
            hal.ask("AWAY :tea", "SETNAME :Hal the Great", "NICK HAL", "JOIN #d2")
            assert [(line.verb, line.text) for line in ada.sync()] == [("AWAY", "tea"), ("SETNAME", "Hal the Great")]
            hal.ask("PART #d2", "NICK hans")
            assert [(line.verb, line.text) for line in ada.sync()] == [("731", "HAL"), ("730", "hans!hans@greenchat")]
        assert [(line.verb, line.text) for line in ada.sync()] == [("731", "hans")]


def test_who_is_away_is_told_to_be(server):
    with IrcClient(server, "ada", "#d3", caps=["away-notify"]) as ada, IrcClient(server, "ike") as ike:
        ike.ask("AWAY :at sea")
        assert [(line.verb, line.params) for line in ada.ask("PRIVMSG ike :hello?")] == [
            ("301", ["ada", "ike", "at sea"])
        ]
        assert ada.ask("NOTICE ike :hello?") == []
        ike.ask("JOIN #d3")
        assert [(line.source, line.verb) for line in ada.sync()] == [("ike", "JOIN"), ("ike", "AWAY")]
        ike.ask("PART #d3")
        ada.ask("PART #d3")


def test_who_is_invited(server):
    with (
        IrcClient(server, "ada", "#d4", caps=["invite-notify"]) as ada,
        IrcClient(server, "bob", "#d4", caps=["invite-notify"]) as bob,
        IrcClient(server, "liz", caps=["invite-notify"]) as liz,
        Program(server, "pit", "d4") as pit,
    ):
        ada.sync(), bob.sync()
        pit.exchange(type="command", name="invite", args={"user": "liz"}, room="d4")
        asked = ("pit", "INVITE", ["liz", "#d4"])
        assert [(line.source, line.verb, line.params) for line in liz.sync()] == [asked]
        assert [(line.source, line.verb, line.params) for line in ada.sync()] == [asked]  # who keeps order there
        assert bob.sync() == []
        assert ada.verbs("INVITE liz #d4") == ["341"]


def test_operators_are_accounts(tmp_path):
    with (
        serving(data_dir=tmp_path) as server,
        IrcClient(server, "root", "#d5") as root,
        IrcClient(server, "ada", "#d5") as ada,
    ):
        root.ask("REGISTER * * correct-horse-battery")
        shell(tmp_path, "operators", "add", "root")
        root.close()
        with IrcClient(server, "jim", "#d5") as jim, IrcClient(server, "mal", "#d5") as mal, server.join("meg") as meg:
            jim.sync()
            assert jim.verbs("OPER root wrong", "KILL mal") == ["464", "481"]
            told = [line for line in jim.ask("OPER root correct-horse-battery") if line.source in ("greenchat", "jim")]
            assert {"381", "MODE"} <= {line.verb for line in told}
            assert ["jim", "+o"] in [line.params for line in told if line.verb == "MODE"]
            ada.sync()
            jim.ask("KILL mal :spam, and more of it", "KILL meg")
            assert [(line.source, line.text) for line in ada.sync() if line.verb == "QUIT"] == [
                ("mal", "put out by jim: spam, and more of it")
            ]
            assert mal.until("ERROR")[-1].text == "Closing link: put out by jim: spam, and more of it"
            meg.read_until("ERROR|You were put out of the chat by jim.")
            assert jim.verbs("KILL nobody", "KILL jim") == ["401", "481"]


def test_real_names_and_accounts_are_told(server):
    caps = ["setname", "account-notify", "extended-join"]
    with IrcClient(server, "fay", "#e1", caps=caps) as fay, IrcClient(server, "gil", "#e1", caps=caps) as gil:
        (joined,) = fay.sync()
        assert joined.params == ["#e1", "*", "Real Name"]
        gil.ask("SETNAME :Gil the Great")
        gil.ask("REGISTER * * correct-horse-battery")
        assert [(line.verb, line.text) for line in fay.sync()] == [("SETNAME", "Gil the Great"), ("ACCOUNT", "gil")]


def test_what_the_operator_has_people_told():
    brand = {"brand.name": "Rose Garden", "brand.welcome": "Be kind.\nTea is at five.", "brand.rules": "No spam."}
    with serving(settings=brand) as server, IrcClient(server) as ada:
        ada.send("NICK ada", "USER ada 0 * :Ada")
        told = [line for line in ada.until("376") if line.verb in ("372", "375")]
        assert [line.text for line in told] == [
            "- Rose Garden: message of the day", "- Be kind.", "- Tea is at five.", "- The rules: /quote rules",
        ]  # fmt: skip
        assert ada.verbs("MOTD") == ["375", "372", "372", "372", "376"]
        assert "No spam." in [line.text for line in ada.ask("rules")]
        assert r"NETWORK=Rose\x20Garden" in [param for line in ada.ask("VERSION") for param in line.params]


def test_about_the_server(server):
    with IrcClient(server, "ada") as ada:
        assert [line.verb for line in ada.welcome][:5] == ["001", "002", "003", "004", "005"]
        assert ada.verbs("MOTD", "VERSION", "TIME", "ADMIN") == [
            "422", "351", "005", "005", "391", "256", "257", "258", "259",
        ]  # fmt: skip
        assert ada.verbs("LUSERS") == ["251", "252", "253", "254", "255", "265", "266"]
        assert ada.verbs("MODE ada", "MODE ada +i", "MODE nobody +i") == ["221", "401"]
        assert ada.verbs("OPER ada secret", "OPER ada", "KILL ada") == ["464", "461", "481"]
