"""What clients of IRC and all others say to each other."""

import pytest
from kit.irc import IrcClient
from kit.programs import Program, sync

from greenchat import hookimpl
from greenchat.testing import serving

# What a terminal would do something at.
CODES = ("\x02bell\x07", "\x1b[31mred", "\x9b31mred")


@pytest.fixture(scope="module")
def server():
    """One server for many small tests, each in rooms and under names of its own."""
    with serving(settings={"plugins.history.replay": 20}) as running:
        yield running


def test_everybody_reads_everybody(server):
    with IrcClient(server, "ada", "#one") as ada, Program(server, "pat") as pat:
        pat.exchange(type="join", room="one")
        carl = server.join("carl", "one")
        ada.sync()
        ada.send("PRIVMSG #one :from IRC")
        assert sync(carl) == ["MSG|ada|from IRC"]
        carl.send("MSG|from netcat")
        pat.ask("from a program", "one")
        told = [(line.source, line.verb, line.params) for line in ada.sync()]
        assert sorted(told) == [
            ("carl", "PRIVMSG", ["#one", "from netcat"]),
            ("pat", "PRIVMSG", ["#one", "from a program"]),
        ]


def test_a_slash_is_said(server):
    with IrcClient(server, "ada", "#two") as ada, IrcClient(server, "bob", "#two") as bob:
        ada.send("PRIVMSG #two :/nick eve", "PRIVMSG #two ://x")
        ada.sync()
        assert [line.text for line in bob.sync()] == ["/nick eve", "//x"]


def test_what_one_does(server):
    with IrcClient(server, "ada", "#three") as ada, IrcClient(server, "bob", "#three") as bob:
        carl = server.join("eve", "three")
        for client in (ada, bob):
            client.sync()
        ada.send("PRIVMSG #three :\x01ACTION waves\x01")
        ada.sync()
        assert [line.text for line in bob.sync()] == ["\x01ACTION waves\x01"]
        assert sync(carl) == ["MSG|ada|* ada waves"]


def test_colours_are_for_clients_of_irc(server):
    caps = ["server-time", "batch", "message-tags", "draft/chathistory"]
    with IrcClient(server, "ada", "#four", caps=["echo-message"]) as ada, IrcClient(server, "bob", "#four") as bob:
        carl = server.join("cat", "four")
        for client in (ada, bob):
            client.sync()
        said = ["\x02bold\x02 and \x0304,01red\x03", "\x01ACTION \x1dleans\x1d\x01", "plain", "\x02/nick\x02 eve"]
        assert [line.text for line in ada.ask(*(f"PRIVMSG #four :{text}" for text in said))] == said
        assert [line.text for line in bob.sync()] == said
        clean = ["bold and red", "* ada leans", "plain", "/nick eve"]
        assert sync(carl) == [f"MSG|ada|{text}" for text in clean]
        assert [line.text for line in ada.ask("PRIVMSG bob :\x02psst", "NOTICE bob :\x02!")] == ["\x02psst", "\x02!"]
        assert [(line.verb, line.text) for line in bob.sync()] == [("PRIVMSG", "\x02psst"), ("NOTICE", "\x02!")]
        # A line that has to be cut for others goes without: a code could be cut through.
        longest = f"\x0304{'word ' * 95}".strip()
        ada.ask(f"PRIVMSG #four :{longest}")
        assert " ".join(line.text for line in bob.sync()) == longest.removeprefix("\x0304")
        # Other control codes are for nobody.
        assert ada.verbs(*(f"{verb} #four :{text}" for verb in ("PRIVMSG", "NOTICE") for text in CODES)) == ["404"] * 3
        assert (bob.sync(), len(sync(carl))) == ([], 1)
        with Program(server, "pam", "four") as pam, IrcClient(server, "evi", "#four", caps=caps) as evi:
            found = pam.exchange(type="history", room="four")[-1]
            assert [one["text"] for one in found["events"] if one["type"] == "message"][:1] == clean[:1]
            told = [line.text for line in evi.ask("CHATHISTORY LATEST #four * 10") if line.verb == "PRIVMSG"]
            assert told[: len(said)] == said  # as long as it is remembered


class Softer:
    """Changes what is said."""

    @hookimpl
    def greenchat_check_message(self, session, message):
        return message.text.replace("damn", "dear")


def test_what_a_plugin_has_changed_goes_without_colours():
    with serving(Softer()) as server, IrcClient(server, "ada", "#a") as ada, IrcClient(server, "bob", "#a") as bob:
        ada.ask("PRIVMSG #a :da\x02mn\x02 it", "NOTICE #a :\x02fine")
        assert [(line.verb, line.text) for line in bob.sync()] == [("PRIVMSG", "dear it"), ("NOTICE", "\x02fine")]


def test_several_lines_keep_their_colours(server):
    caps = ["message-tags", "batch", "draft/multiline", "echo-message"]
    with IrcClient(server, "ada", "#fourth", caps=caps) as ada, Program(server, "tim", "fourth") as tim:
        ada.sync()
        lines = ["@batch=b PRIVMSG #fourth :\x02one", "@batch=b PRIVMSG #fourth :two"]
        echo = ada.ask("BATCH +b draft/multiline #fourth", *lines, "BATCH -b")
        assert [line.text for line in echo if line.verb == "PRIVMSG"] == ["\x02one", "two"]
        assert [one["text"] for one in tim.exchange(type="ping") if one["type"] == "message"] == ["one\ntwo"]


def test_lines_are_cut_where_words_end(server):
    with IrcClient(server, "ada", "#five") as ada, Program(server, "tess") as tess:
        tess.exchange(type="join", room="five")
        ada.sync()
        text = "Grüße " * 200 + "\nEnde"
        tess.ask(text, "five")
        lines = ada.sync()
        assert all(len(f":tess!tess@greenchat PRIVMSG #five :{line.text}\r\n".encode()) <= 512 for line in lines)
        assert " ".join(line.text.strip() for line in lines[:-1]) == text.split("\n")[0].strip()
        assert lines[-1].text == "Ende"


def test_alone_with_somebody(server):
    with IrcClient(server, "ada") as ada, IrcClient(server, "bob", caps=["echo-message"]) as bob:
        ada.send("PRIVMSG bob :psst")
        ada.sync()
        assert [(line.source, line.params) for line in bob.sync()] == [("ada", ["bob", "psst"])]
        assert [(line.source, line.params) for line in bob.ask("PRIVMSG ada :yes?")] == [("bob", ["ada", "yes?"])]
        assert [(line.source, line.params) for line in ada.sync()] == [("bob", ["ada", "yes?"])]
        assert ada.verbs("PRIVMSG nobody :hello?") == ["401"]


def test_who_has_a_name_by_now_is_not_who_had_it(server):
    with IrcClient(server, "ada") as ada:
        with IrcClient(server, "bob") as bob:
            bob.send("PRIVMSG ada :it is me")
            bob.sync()
            assert [line.text for line in ada.sync()] == ["it is me"]
        with IrcClient(server, "bob") as another:
            (refused,) = ada.ask("PRIVMSG bob :a secret for you")
            assert (refused.verb, refused.params[1]) == ("401", "bob")
            assert another.sync() == []
            assert ada.ask("PRIVMSG bob :and who are you?") == []
            assert [line.text for line in another.sync()] == ["and who are you?"]


def test_only_a_space_ends_a_parameter(server):
    """Clients leave the colon out where there is no space; and nobody has the name that a longer one begins with."""
    with IrcClient(server, "yui", "#blanks") as yui, IrcClient(server, "mio", "#blanks") as mio:
        yui.sync()
        mio.ask("PRIVMSG #blanks 今日は\N{IDEOGRAPHIC SPACE}世界", "PRIVMSG yui\N{NO-BREAK SPACE}chan :a secret")
        assert [line.text for line in yui.sync()] == ["今日は\N{IDEOGRAPHIC SPACE}世界"]


def test_what_a_client_sends_by_itself_does_not_tell_who_writes_to_another(server):
    notice, typing = "NOTICE moe :I am away", "@+typing=active TAGMSG moe"
    with IrcClient(server, "una", caps=["message-tags"]) as una:
        with IrcClient(server, "moe") as moe:
            moe.ask("PRIVMSG una :it is me")
            una.sync()
        with IrcClient(server, "moe", caps=["message-tags"]) as another:
            assert una.verbs(typing, notice, typing) == []  # the one notice is lost
            assert another.sync() == []
            assert una.verbs(notice) == []
            assert [line.verb for line in another.sync()] == ["NOTICE"]
            assert una.verbs(typing, "PRIVMSG moe :\x01FINGER my secret\x01") == ["401"]
            assert another.sync() == []
            una.ask(typing, "PRIVMSG moe :I mean you")
            assert [line.verb for line in another.sync()] == ["TAGMSG", "PRIVMSG"]
    with IrcClient(server, "una") as una, IrcClient(server, "moe") as moe:
        moe.ask("PRIVMSG una :it is me")
        una.sync()
        moe.ask("NICK max")
        with IrcClient(server, "moe") as another:
            assert una.verbs(notice) == []
            assert una.verbs("PRIVMSG moe :a secret") == ["401"]
            assert (moe.sync(), another.sync()) == ([], [])


def test_a_person_and_their_messages_have_one_account(server):
    caps = ["message-tags", "server-time", "account-tag", "echo-message", "labeled-response", "batch"]
    with IrcClient(server, "grace", "#six", caps=caps) as grace:
        grace.ask("REGISTER * * correct-horse-battery")
        (echo,) = grace.ask("@label=one PRIVMSG #six :hello")
        assert (echo.verb, echo.text, echo.tags["label"], echo.tags["account"]) == ("PRIVMSG", "hello", "one", "grace")
        assert {"time", "msgid"} < echo.tags.keys()
        with IrcClient(server, "phone", caps=caps, account=("grace", "correct-horse-battery")) as phone:
            assert [line.params[0] for line in phone.welcome if line.verb == "001"] == ["grace"]
            phone.send("PRIVMSG #six :from the phone")
            (echo,) = phone.sync()
            (told,) = grace.sync()
            assert told.tags == echo.tags
            assert (told.source, told.text) == ("grace", "from the phone")


def test_changes_of_a_message(server):
    caps = ["message-tags", "echo-message", "draft/message-redaction"]
    with Program(server, "xan") as xan:
        xan.exchange(type="join", room="seven")
        ada = IrcClient(server, "ada", "#seven", caps=caps)
        (said,) = ada.ask("PRIVMSG #seven :frist")
        msgid = said.tags["msgid"]
        (reacted,) = ada.ask(f"@+draft/react=👍;+draft/reply={msgid} TAGMSG #seven")
        assert (reacted.verb, reacted.tags["+draft/react"], reacted.tags["+draft/reply"]) == ("TAGMSG", "👍", msgid)
        xan.exchange(type="react", seq=1, emoji="🎉", room="seven")
        assert [line.tags["+draft/react"] for line in ada.sync()] == ["🎉"]
        xan.exchange(type="say", text="an answer", reply_to=1, room="seven")
        (answer,) = ada.sync()
        assert answer.tags["+draft/reply"] == msgid
        xan.exchange(type="edit", seq=2, text="another answer", room="seven")
        (edited,) = ada.sync()
        assert (edited.text, edited.tags["+draft/reply"]) == ("(edited) another answer", answer.tags["msgid"])
        (gone,) = ada.ask(f"REDACT #seven {msgid} :a \x02slip")
        assert (gone.verb, gone.params) == ("REDACT", ["#seven", msgid, "a slip"])
        (refused,) = ada.ask(f"REDACT #elsewhere {msgid}")
        assert refused.params[:3] == ["REDACT", "INVALID_TARGET", "#elsewhere"]
        assert ada.verbs(f"REDACT #seven {answer.tags['msgid']}") == ["FAIL"]
        ada.close()


def test_who_knows_no_ids_reads_what_is_meant(server):
    """Clients that take all tags there are, and show none of them."""
    with (
        IrcClient(server, "wee", "#unnumbered", caps=["message-tags", "server-time"]) as wee,
        Program(server, "xen") as xen,
    ):
        xen.exchange(type="join", room="unnumbered")
        wee.ask("PRIVMSG #unnumbered :frist")
        xen.exchange(type="say", text="an answer", reply_to=1, room="unnumbered")
        xen.exchange(type="react", seq=1, emoji="🎉", room="unnumbered")
        xen.exchange(type="edit", seq=2, text="another answer", room="unnumbered")
        xen.exchange(type="delete", seq=2, room="unnumbered")
        assert [(line.verb, line.text) for line in wee.sync() if line.verb != "JOIN"] == [
            ("PRIVMSG", '(to wee: "frist") an answer'),
            ("NOTICE", 'xen reacts with 🎉 to wee: "frist"'),
            ("NOTICE", 'xen has changed "an answer": another answer'),
            ("NOTICE", "xen has deleted a message."),
        ]
        xen.exchange(type="say", text="once more", reply_to=1, room="unnumbered")
        with IrcClient(server, "late", "#unnumbered", caps=["server-time"]) as late:
            assert [line.text for line in late.welcome if line.verb == "PRIVMSG"] == [
                *("frist (🎉 1)", '(to wee: "frist") once more')
            ]


def test_who_knows_no_ids_reads_what_is_meant_between_two(server):
    with IrcClient(server, "wim", caps=["message-tags"]) as wim, Program(server, "xia", "lobby") as xia:
        talk = xia.exchange(type="say", text="frist", to="wim")[-1]["conversation"]
        xia.exchange(type="react", seq=1, emoji="🎉", conversation=talk)
        xia.exchange(type="edit", seq=1, text="first", conversation=talk)
        assert [(line.source, line.verb, line.params) for line in wim.sync()] == [
            ("xia", "PRIVMSG", ["wim", "frist"]),
            ("xia", "NOTICE", ["wim", 'xia (private) reacts with 🎉 to xia: "frist"']),
            ("xia", "NOTICE", ["wim", 'xia (private) has changed "frist": first']),
        ]


def test_several_lines_are_one_message(server):
    caps = ["message-tags", "batch", "draft/multiline", "echo-message"]
    with IrcClient(server, "ada", "#eight", caps=caps) as ada, Program(server, "yve") as yve:
        yve.exchange(type="join", room="eight")
        ada.sync()
        echo = ada.ask(
            "BATCH +b draft/multiline #eight",
            "@batch=b PRIVMSG #eight :def f():",
            "@batch=b PRIVMSG #eight :    return ",
            "@batch=b;draft/multiline-concat PRIVMSG #eight :1",
            "BATCH -b",
        )
        assert [line.verb for line in echo] == ["BATCH", "PRIVMSG", "PRIVMSG", "PRIVMSG", "BATCH"]
        assert [frame["text"] for frame in yve.exchange(type="ping") if frame["type"] == "message"] == [
            "def f():\n    return 1"
        ]


def test_an_action_is_for_who_one_has_talked_to(server):
    with IrcClient(server, "hal") as hal, IrcClient(server, "ivy") as ivy:
        ivy.ask("PRIVMSG hal :it is me")
        hal.sync()
        ivy.ask("NICK iris")
        with IrcClient(server, "ivy") as another:
            assert hal.verbs("PRIVMSG ivy :\x01ACTION whispers\x01") == ["401"]
            assert (ivy.sync(), another.sync()) == ([], [])


def test_an_id_of_another_conversation_means_no_message(server):
    caps = ["message-tags", "echo-message", "draft/message-redaction"]
    with IrcClient(server, "jon", caps=caps) as jon, IrcClient(server, "kim"), IrcClient(server, "lee"):
        (to_kim,) = jon.ask("PRIVMSG kim :one")
        jon.ask("PRIVMSG lee :two")
        assert jon.verbs(f"REDACT lee {to_kim.tags['msgid']}") == ["FAIL"]
        assert jon.verbs(f"REDACT kim {to_kim.tags['msgid']}") == ["REDACT"]
