"""What clients say from connecting to a joined room with its history, line by line as their sources have it, and what
they wait for before they go on.

Goguma and senpai send all of it in one go; gamja, Halloy, HexChat and irc-framework (The Lounge) read in between.
"""

from base64 import b64encode

import pytest
from kit.accounts import CHEAP, SECRET
from kit.irc import IrcClient

from greenchat.testing import serving

# The room has these, the last of them in two lines.
SAID = ["one", "two", "three\nand more"]

# What all of them read in 005, with what it means to them.
TOKENS = {"CASEMAPPING": "ascii", "CHANTYPES": "#", "PREFIX": "(qov)~@+", "NETWORK": "greenchat"}


@pytest.fixture(scope="module")
def server():
    with serving(settings=CHEAP | {"plugins.history.replay": 20}) as running:
        keeper = IrcClient(running, "keeper", "#room")
        with IrcClient(running, "ada", "#room", caps=["batch", "message-tags", "draft/multiline"]) as ada:
            ada.send(f"REGISTER * * {SECRET}")
            ada.until("REGISTER")
            for text in SAID:
                lines = [f"@batch=b PRIVMSG #room :{line}" for line in text.split("\n")]
                ada.ask("BATCH +b draft/multiline #room", *lines, "BATCH -b")
            ada.ask("TOPIC #room :What it is about", "PART #room")
        with keeper:
            yield running


def plain(name="ada", acting=""):
    return b64encode("\0".join([acting, name, SECRET]).encode()).decode()


def acked(lines):
    """The capabilities that a client may count on."""
    return {cap for line in lines if line.params[1:2] == ["ACK"] for cap in line.text.split()}


def offered(lines):
    return {word.partition("=")[0] for line in lines if line.params[1:2] == ["LS"] for word in line.text.split()}


def tokens(lines):
    words = [word.partition("=") for line in lines if line.verb == "005" for word in line.params[1:-1]]
    return {name: value for name, _, value in words}


def is_in(client, room="#room"):
    """It has asked to join: what it builds its list of names of, and its line for the topic."""
    lines = client.until("366")
    joined, names = [[one for one in lines if one.verb == verb] for verb in ("JOIN", "353")]
    assert [(line.source, line.params[0]) for line in joined] == [("ada", room)]
    assert {line.params[2] for line in names} == {room} == {lines[-1].params[1]}
    assert "ada" in " ".join(line.text for line in names).replace("~", "")
    assert [line.text for line in lines if line.verb == "332"] == ["What it is about"]
    assert [line.params[1:3] for line in lines if line.verb == "333"] == [[room, "ada"]]


def history(lines, room="#room"):
    """The texts of the batch of this room that `lines` hold, and of those within it."""
    (begin,) = [line for line in lines if line.verb == "BATCH" and line.params[1:] == ["chathistory", room]]
    name = begin.params[0][1:]
    assert [line.params for line in lines if line.verb == "BATCH"][-1] == [f"-{name}"] or "label" in lines[0].tags
    inner = {
        line.params[0][1:] for line in lines if line.verb == "BATCH" and line.tags.get("batch") == name
    }  # of several lines
    told = [line for line in lines if line.verb == "PRIVMSG" and line.tags.get("batch") in {name} | inner]
    assert all("time" in line.tags for line in told if line.tags["batch"] == name)
    return [line.text for line in told]


ONE_BY_ONE = [line for text in SAID for line in text.split("\n")]


def test_goguma(server):
    caps = ["away-notify", "batch", "echo-message", "message-tags", "multi-prefix", "sasl", "server-time", "setname"]
    caps += ["draft/chathistory", "draft/event-playback", "draft/read-marker"]
    unknown = ["soju.im/bouncer-networks", "soju.im/no-implicit-names", "soju.im/bouncer-networks-notify"]
    with IrcClient(server) as phone:
        requests = [f"CAP REQ {cap}" for cap in caps + unknown]
        login = ["AUTHENTICATE PLAIN", f"AUTHENTICATE {plain()}"]
        phone.send("CAP LS 302", "NICK ada", "USER ada 0 * ada", *requests, *login, "CAP END")
        lines = phone.until("422")
        verbs = [line.verb for line in lines]
        assert acked(lines) == set(caps)
        assert verbs.index("903") < verbs.index("001")
        assert not {"ERROR", "FAIL", "433"} & set(verbs)
        assert tokens(lines).items() >= TOKENS.items()
        phone.send("JOIN #room")
        is_in(phone)
        phone.send("CHATHISTORY TARGETS timestamp=2020-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 100")
        phone.until("BATCH")
        (target,) = [line for line in phone.until("BATCH") if line.verb == "CHATHISTORY"]
        assert target.params[:2] == ["TARGETS", "#room"]
        told = phone.ask(
            "CHATHISTORY BETWEEN #room timestamp=2020-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 100"
        )
        assert history(told) == ONE_BY_ONE
        latest = phone.ask("CHATHISTORY LATEST #room * 100")
        last = [line.tags["time"] for line in latest if line.verb == "PRIVMSG" and "time" in line.tags][-1]
        (marked,) = phone.ask(f"MARKREAD #room timestamp={last}")
        assert (marked.verb, marked.params) == ("MARKREAD", ["#room", f"timestamp={last}"])
        (who, end) = phone.ask("WHO ada %tnfr,42")
        assert (who.verb, who.params[1:3], end.verb) == ("354", ["42", "ada"], "315")
        assert [(line.verb, line.text) for line in phone.ask("PING goguma-0")] == [("PONG", "goguma-0")]


def test_senpai(server):
    caps = ["away-notify", "batch", "cap-notify", "echo-message", "message-tags", "multi-prefix", "server-time", "sasl"]
    caps += ["setname", "draft/chathistory", "draft/event-playback"]
    with IrcClient(server) as client:
        requests = [f"CAP REQ {cap}" for cap in [*caps, "soju.im/bouncer-networks", "soju.im/read", "soju.im/search"]]
        login = ["AUTHENTICATE PLAIN", f"AUTHENTICATE {plain(acting='ada')}"]
        client.send("CAP LS 302", *requests, "NICK ada", "USER ada 0 * :Ada L.", *login, "CAP END")
        lines = client.until("422")
        assert acked(lines) == set(caps)
        (logged_in,) = [line for line in lines if line.verb == "900"]
        assert logged_in.params[1] == "ada!ada@greenchat"  # its user and host, by which it knows how long a line may be
        client.send("JOIN #room")
        is_in(client)
        told = client.ask("WHO #room", "CHATHISTORY BEFORE #room timestamp=2100-01-01T00:00:00.000Z 100")
        who = next(line for line in told if line.verb == "352")
        assert (len(who.params), who.params[2:5]) == (8, ["~user", "greenchat", "greenchat"])
        assert history([line for line in told if line.verb in ("BATCH", "PRIVMSG")]) == ONE_BY_ONE


def test_gamja(server):
    wanted = ["away-notify", "batch", "chghost", "echo-message", "invite-notify", "labeled-response", "message-tags"]
    wanted += ["multi-prefix", "server-time", "setname", "draft/chathistory", "draft/event-playback"]
    with IrcClient(server) as client:
        client.send("CAP LS 302", "NICK ada", "USER ada 0 * ada")
        there = offered(client.until("CAP"))
        caps = ["sasl", *(cap for cap in wanted if cap in there)]
        assert there >= {"batch", "echo-message", "labeled-response", "server-time", "draft/chathistory"}
        client.send(f"CAP REQ :{' '.join(caps)}")
        assert acked(client.until("CAP")) == set(caps)
        client.send("AUTHENTICATE PLAIN")
        assert client.until("AUTHENTICATE")[-1].params == ["+"]
        client.send(f"AUTHENTICATE {plain()}")
        client.until("903")
        client.send("CAP END")
        assert tokens(client.until("422")).items() >= {**TOKENS, "CHATHISTORY": "100", "MONITOR": "100"}.items()
        client.send("@label=1 JOIN #room")
        lines = client.until("366")
        assert ("ada", "JOIN") in [(line.source, line.verb) for line in lines]
        client.sync()
        told = client.ask("@label=2 CHATHISTORY BEFORE #room timestamp=2100-01-01T00:00:00.000Z 100")
        assert told[0].tags["label"] == "2"
        assert all("label" not in line.tags for line in told[1:])  # what has another label, it does not read
        assert history(told) == ONE_BY_ONE
        told = client.ask("@label=3 CHATHISTORY AFTER #room timestamp=2100-01-01T00:00:00.000Z 100")
        assert history(told) == []  # it waits for the batch, though there is nothing in it
        who = client.ask("@label=4 WHO ada")
        assert [line.verb for line in who if line.verb in ("352", "315")] == ["352", "315"]


def test_halloy(server):
    wanted = ["invite-notify", "userhost-in-names", "away-notify", "message-tags", "server-time", "chghost"]
    wanted += ["extended-monitor", "account-notify", "extended-join", "batch", "draft/chathistory"]
    wanted += ["draft/event-playback", "labeled-response", "echo-message", "multi-prefix", "draft/read-marker"]
    wanted += ["setname", "sasl", "draft/multiline"]
    with IrcClient(server) as client:
        client.send("CAP LS 302", "NICK ada", "USER ada 0 * ada")
        lines = client.until("CAP")
        limits = next(word for word in lines[-1].text.split() if word.startswith("draft/multiline="))
        assert "max-bytes=4096" in limits  # without, it says one line at a time
        caps = [cap for cap in wanted if cap in offered(lines)]
        assert set(wanted) - set(caps) <= {"chghost", "invite-notify"}
        client.send(f"CAP REQ :{' '.join(caps)}")
        assert acked(client.until("CAP")) == set(caps)
        client.send("AUTHENTICATE PLAIN")
        client.until("AUTHENTICATE")
        client.send(f"AUTHENTICATE {plain()}")
        client.until("903")
        client.send("CAP END")
        told = tokens(client.until("422"))
        assert told.items() >= {**TOKENS, "CHATHISTORY": "100", "MSGREFTYPES": "msgid,timestamp"}.items()
        assert "WHOX" in told
        client.send("JOIN #room")
        lines = client.until("366")
        (joined,) = [line for line in lines if line.verb == "JOIN"]
        assert joined.params[:2] == ["#room", "ada"]  # extended: with the account
        assert "ada!ada@greenchat" in next(line for line in lines if line.verb == "353").text
        assert [line.params[0] for line in lines if line.verb == "MARKREAD"] == ["#room"]
        told = client.ask("MODE #room", "@label=1 CHATHISTORY LATEST #room * 100", "WHO #room %tcnf,9")
        assert [line.params[1] for line in told if line.verb == "324"] == ["#room"]
        assert history([line for line in told if line.verb in ("BATCH", "PRIVMSG")]) == ONE_BY_ONE
        assert ["9", "#room", "ada", "H"] in [line.params[1:] for line in told if line.verb == "354"]


def test_hexchat(server):
    wanted = ["multi-prefix", "away-notify", "account-notify", "extended-join", "userhost-in-names", "server-time"]
    wanted += ["account-tag", "setname", "cap-notify", "sasl"]
    with IrcClient(server) as client:
        client.send("CAP LS 302", "NICK ada", "USER ada 0 * :realname")
        assert set(wanted) <= offered(client.until("CAP"))
        client.send(f"CAP REQ :{' '.join(wanted)}")
        assert acked(client.until("CAP")) == set(wanted)
        client.send("AUTHENTICATE PLAIN")
        client.until("AUTHENTICATE")
        client.send(f"AUTHENTICATE {plain(acting='ada')}")
        client.until("903")
        client.send("CAP END")
        client.until("422")
        client.send("JOIN #room")
        is_in(client)
        # It asks for no history: that comes by itself, with its times, and each line is one.
        told = client.ask("MODE #room", "WHO #room %chtsunfra,152")
        assert [line.text for line in told if line.verb == "PRIVMSG" and "time" in line.tags] == ONE_BY_ONE
        (who,) = [line for line in told if line.verb == "354" and "ada" in line.params[2:]]
        token, channel, user, host, _, nick, flags, account = who.params[1:9]
        assert (token, channel, user, host, nick, flags[0], account) == (
            *("152", "#room", "~ada", "greenchat", "ada", "H", "ada"),
        )


def test_irc_framework(server):
    wanted = ["cap-notify", "batch", "multi-prefix", "message-tags", "draft/message-tags-0.2", "away-notify"]
    wanted += ["invite-notify", "account-notify", "account-tag", "server-time", "userhost-in-names", "extended-join"]
    wanted += ["znc.in/server-time-iso", "znc.in/server-time", "sasl", "echo-message"]
    with IrcClient(server) as client:
        client.send("CAP LS 302", "NICK ada", "USER ada 0 * :Ada L.")
        there = offered(client.until("CAP"))
        caps = [cap for cap in wanted if cap in there]
        client.send(f"CAP REQ :{' '.join(caps)}")
        assert acked(client.until("CAP")) == set(caps)
        client.send("AUTHENTICATE PLAIN")
        client.until("AUTHENTICATE")
        client.send(f"AUTHENTICATE {plain(acting='ada')}")
        client.until("900")
        client.send("CAP END")  # it does not wait for 903
        client.until("422")
        client.send("JOIN #room")
        is_in(client)
        told = client.sync()  # it asks for no history, but knows what a batch of it is
        assert history(told) == ONE_BY_ONE
