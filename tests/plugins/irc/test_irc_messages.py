"""PRIVMSG, NOTICE and TAGMSG: where they go, with which tags, and what is told of them to who has sent them."""

import pytest
from kit.irc import IrcClient
from kit.programs import sync

from greenchat.testing import serving

TAGS = ["message-tags"]
LABELS = ["batch", "echo-message", "labeled-response"]


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def told(lines):
    return [(line.source, line.verb, line.params) for line in lines]


def test_notices_are_notices(server):
    with IrcClient(server, "ada", "#one", caps=["echo-message"]) as ada, IrcClient(server, "bob", "#one") as bob:
        carl = server.join("ned", "one")
        ada.sync(), bob.sync()
        room, alone = ("ada", "NOTICE", ["#one", "hello there"]), ("ada", "NOTICE", ["bob", "psst"])
        for line, notice in (("NOTICE #one :hello there", room), ("NOTICE bob psst", alone)):
            assert told(ada.ask(line)) == [notice]
            assert told(bob.sync()) == [notice]
        assert sync(carl) == ["MSG|ada|hello there"]
        assert told(ada.ask("PRIVMSG #one :hello there")) == [("ada", "PRIVMSG", ["#one", "hello there"])]


def test_nobody_is_told_that_a_notice_was_not_said(server):
    with IrcClient(server, "ada", "#two") as ada:
        assert ada.ask("NOTICE #nowhere :x", "NOTICE nobody :x", "NOTICE #two :", "NOTICE #two", "NOTICE") == []
        # What was refused as a notice is none when it is said.
        assert told(ada.ask("NOTICE bob :hi")) == []
        with IrcClient(server, "bob") as bob:
            ada.ask("PRIVMSG bob :hi")
            assert told(bob.sync()) == [("ada", "PRIVMSG", ["bob", "hi"])]


@pytest.mark.parametrize(
    ("line", "code", "params"),
    [
        ("PRIVMSG #nowhere :x", "403", ["ada", "#nowhere"]),
        ("PRIVMSG nobody :x", "401", ["ada", "nobody"]),
        ("PRIVMSG #three :", "412", ["ada"]),
        ("PRIVMSG #three", "412", ["ada"]),
        ("PRIVMSG", "411", ["ada"]),
        ("PRIVMSG a,b,c,d,e :x", "407", ["ada", "a,b,c,d,e"]),
    ],
)
def test_what_cannot_be_said(server, line, code, params):
    with IrcClient(server, "ada", "#three") as ada:
        (refused,) = ada.ask(line)
        assert refused.verb in (code, "404")
        assert refused.params[:-1] == params


def test_to_oneself(server):
    with IrcClient(server, "ada", caps=LABELS) as ada:
        told = [(line.verb, line.text, line.tags) for line in ada.ask("@label=me PRIVMSG ada :note")]
        assert told == [("PRIVMSG", "note", {"label": "me"}), ("PRIVMSG", "note", {})]
    with IrcClient(server, "ada") as ada:
        assert [line.text for line in ada.ask("PRIVMSG ada :note")] == ["note"]


def test_tags_of_clients_go_along(server):
    with (
        IrcClient(server, "ada", "#four", caps=[*TAGS, "echo-message"]) as ada,
        IrcClient(server, "bob", "#four", caps=TAGS) as bob,
        IrcClient(server, "carl", "#four") as carl,
        IrcClient(server, "dave", "#four", caps=["server-time"]) as dave,
    ):
        for one in (ada, bob, carl, dave):
            one.sync()
        (echo,) = ada.ask(r"@+baz=b\:t;fizz=buzz;+x=\s PRIVMSG #four hi")
        for line in (echo, *bob.sync()):
            assert line.tags == {"+baz": r"b\:t", "+x": r"\s", "msgid": echo.tags["msgid"]}
        assert [line.tags for line in carl.sync()] == [{}]
        assert [set(line.tags) for line in dave.sync()] == [{"time"}]
        (echo,) = ada.ask("@+draft/reply=unknown PRIVMSG bob :an answer")
        for line in (echo, *bob.sync()):
            assert line.tags == {"+draft/reply": "unknown", "msgid": echo.tags["msgid"]}
        (echo,) = ada.ask(r"@+buzz=fizz\:buzz;cat=dog;+steel TAGMSG #four")
        for line in (echo, *bob.sync()):
            assert line.verb == "TAGMSG"
            assert line.tags == {"+buzz": r"fizz\:buzz", "+steel": "", "msgid": echo.tags["msgid"]}
        assert carl.sync() == dave.sync() == []
        echoes = ada.ask("@+steel TAGMSG bob,#four")
        assert [line.params for line in echoes] == [["bob"], ["#four"]]
        assert [line.params for line in bob.sync()] == [["bob"], ["#four"]]
        (refused,) = ada.ask("@+steel TAGMSG bob,#four,carl,dave,ada")
        assert refused.verb == "407"


def test_the_longest_tags(server):
    with (
        IrcClient(server, "ada", "#five", caps=[*TAGS, "echo-message"]) as ada,
        IrcClient(server, "bob", "#five", caps=TAGS) as bob,
    ):
        ada.sync(), bob.sync()
        longest = "a" * (4096 - len("@+baz= "))
        for line in (f"@+baz={longest} TAGMSG #five", f"@+baz={longest} PRIVMSG #five :{'b' * 400}"):
            (echo,) = ada.ask(line)
            (relayed,) = bob.sync()
            assert echo.tags == relayed.tags
            assert echo.tags["+baz"] == longest
            (refused,) = ada.ask(line.replace("baz", "bazz"))
            assert refused.verb == "417"
            assert bob.sync() == []


def test_answers_with_labels(server):
    with IrcClient(server, "ada", caps=LABELS) as ada, IrcClient(server, "bob") as bob:
        (one,) = ada.ask("@label=1 PRIVMSG bob :hi")
        assert (one.verb, one.tags) == ("PRIVMSG", {"label": "1"})
        (one,) = ada.ask("@label=2 NOTICE bob :hi")
        assert (one.verb, one.tags) == ("NOTICE", {"label": "2"})
        assert [line.tags for line in bob.sync()] == [{}, {}]
        (one,) = ada.ask("@label=3 PING token")
        assert (one.verb, one.tags, one.text) == ("PONG", {"label": "3"}, "token")
        (one,) = ada.ask("@label=4 NONSENSE")
        assert (one.verb, one.tags) == ("421", {"label": "4"})
        for silent in ("PONG x", "NICK ada", "NOTICE nobody :x"):
            (one,) = ada.ask(f"@label=5 {silent}")
            assert (one.verb, one.tags) == ("ACK", {"label": "5"})
        first, *lines, last = [line for line in ada.ask("@label=6 JOIN #a,#b") if line.verb != "MODE"]
        assert (first.verb, first.tags, first.params[1]) == ("BATCH", {"label": "6"}, "labeled-response")
        assert {line.tags["batch"] for line in lines} == {first.params[0][1:]}
        assert [line.verb for line in lines].count("JOIN") == 2
        assert (last.verb, last.params) == ("BATCH", [f"-{first.params[0][1:]}"])


def test_one_label_for_many(server):
    with IrcClient(server, "ada", caps=LABELS) as ada, IrcClient(server, "bob") as bob:
        lines = ada.ask("@label=7 PRIVMSG bob,nobody,bob :hi")
        assert [line.verb for line in lines] == ["BATCH", "PRIVMSG", "401", "PRIVMSG", "BATCH"]
        assert len(bob.sync()) == 2


def test_an_unknown_emoji_of_a_message_is_told_on(server):
    caps = [*TAGS, *LABELS]
    with IrcClient(server, "ada", "#six", caps=caps) as ada, IrcClient(server, "bob", "#six", caps=TAGS) as bob:
        ada.sync(), bob.sync()
        (said,) = ada.ask("PRIVMSG #six :hi")
        bob.sync()
        (echo,) = ada.ask(f"@label=8;+draft/reply={said.tags['msgid']};+draft/react=l😃l TAGMSG #six")
        (relayed,) = bob.sync()
        assert (echo.tags["label"], relayed.tags["+draft/react"]) == ("8", "l😃l")
        (said,) = ada.ask("PRIVMSG bob :hi")
        assert [line.tags["msgid"] for line in bob.sync()] == [said.tags["msgid"]]
        (echo,) = ada.ask(f"@label=9;+draft/reply={said.tags['msgid']};+draft/react=l😃l TAGMSG bob")
        (relayed,) = bob.sync()
        assert (echo.tags["label"], relayed.tags["+draft/react"]) == ("9", "l😃l")
        assert relayed.params == ["bob"]


def test_bots_say_so(server):
    with IrcClient(server, "robby", "#seven") as robby, IrcClient(server, "ada", "#seven", caps=TAGS) as ada:
        assert told(robby.ask("MODE robby +B"))[-1][1:] == ("MODE", ["robby", "+B"])
        ada.sync()
        robby.ask("PRIVMSG #seven :beep", "PRIVMSG ada :boop")
        assert [set(line.tags) for line in ada.sync()] == [{"msgid", "bot", "draft/bot"}] * 2
        robby.ask("MODE robby -B", "PRIVMSG #seven :beep")
        assert [set(line.tags) for line in ada.sync()] == [{"msgid"}]


def test_what_is_told_to_oneself_is_told_twice(server):
    with IrcClient(server, "ada", caps=[*TAGS, *LABELS]) as ada:
        for line, verb in (
            ("PRIVMSG ada :x", "PRIVMSG"),
            ("NOTICE ada :x", "NOTICE"),
            ("PRIVMSG ada :\x01PING 1\x01", "PRIVMSG"),
            ("TAGMSG ada", "TAGMSG"),
        ):
            lines = ada.ask(f"@label=z;+draft/reply=123 {line}")
            assert [(line.verb, line.tags.get("label")) for line in lines] == [(verb, "z"), (verb, None)]


def test_requests_among_clients(server):
    with IrcClient(server, "ada", caps=["echo-message"]) as ada, IrcClient(server, "bob") as bob:
        asked = ("ada", "PRIVMSG", ["bob", "\x01VERSION\x01"])
        assert told(ada.ask("PRIVMSG bob :\x01VERSION\x01")) == [asked]
        assert told(bob.ask("NOTICE ada :\x01VERSION none\x01")) == [asked]
        assert told(ada.sync()) == [("bob", "NOTICE", ["ada", "\x01VERSION none\x01"])]


def test_nobody_forges_what_the_server_says(server):
    caps = [*TAGS, *LABELS, "account-tag", "server-time"]
    with IrcClient(server, "eve", "#eight", caps=caps) as eve, IrcClient(server, "ada", "#eight", caps=caps) as ada:
        eve.sync(), ada.sync()
        forged = '{"verb":"KICK","tags":{"account":"root"}}'
        for label in (f"a\x1f{forged}", f"\x1e0/9\x1ea\x1f{forged}", "x" * 100):
            eve.send(f"@account=root;time=0;msgid=1;label={label} PRIVMSG #eight :\x1f{forged}")
            (echo,) = eve.sync()
            (told,) = ada.sync()
            assert (told.verb, told.text, set(told.tags)) == ("PRIVMSG", f"\x1f{forged}", {"time", "msgid"})
            assert echo == told


def test_what_comes_back_is_no_longer_than_a_line(server):
    with IrcClient(server, "ada") as ada:
        for line in ("JOIN #", "WHOIS ", "HELP ", "MODE ", "KICK #x ", "CHATHISTORY LATEST #", "MONITOR + "):
            ada.send(line + "é" * ((500 - len(line)) // 2), "PING end")
            while (raw := ada.read()) and "PONG" not in raw:
                assert len(f"{raw}\n".encode()) <= 512


def test_one_that_is_refused_takes_nothing_from_the_others(server):
    with IrcClient(server, "ada", "#nine") as ada, IrcClient(server, "bob", "#nine") as bob:
        bob.sync()
        ada.ask("NOTICE nobody,#nine :x", "NOTICE nobody :y", "NOTICE #nine :y", "NOTICE nobody :z", "PRIVMSG #nine :w")
        found = [(line.verb, line.text) for line in bob.sync()]
        assert found == [("NOTICE", "x"), ("NOTICE", "y"), ("PRIVMSG", "w")]


def test_what_is_beside_one_message_stays_with_it(server):
    """Though the same is said elsewhere at the same time."""
    caps = [*TAGS, *LABELS]
    with (
        IrcClient(server, "ada", "#here", "#there", caps=caps) as ada,
        IrcClient(server, "bob", "#here", "#there", caps=TAGS) as bob,
    ):
        ada.sync()
        ada.ask("@+x=one NOTICE #here :hi", "PRIVMSG #there :hi", "@+x=two NOTICE bob :hi", "PRIVMSG #here :hi")
        told = sorted((line.params[0], line.verb, line.tags.get("+x", "")) for line in bob.sync())
        assert told == [
            ("#here", "NOTICE", "one"),
            ("#here", "PRIVMSG", ""),
            ("#there", "PRIVMSG", ""),
            ("bob", "NOTICE", "two"),
        ]


def test_all_that_somebody_does_has_their_account():
    caps = ["message-tags", "account-tag", "account-notify", "away-notify", "setname"]
    with serving(settings={"plugins.accounts.password_length": 1}) as server, IrcClient(server, "grace") as grace:
        grace.ask("JOIN #hers")
        with IrcClient(server, "ada", "#hers", caps=caps) as ada:
            grace.ask(
                "REGISTER * * hopper", "PRIVMSG ada :hi", "PRIVMSG ada :\x01VERSION\x01", "@+x TAGMSG ada",
                "INVITE ada #other", "JOIN #other", "INVITE ada #other", "AWAY :out", "SETNAME :G", "NICK amazing",
                "TOPIC #hers :Compilers", "PART #hers", "JOIN #hers", "KICK #hers ada :out",
            )  # fmt: skip
            lines = [line for line in ada.sync() if line.source in ("grace", "amazing")]
            told = [(line.verb, line.tags.get("account")) for line in lines]
            verbs = ["PRIVMSG", "PRIVMSG", "TAGMSG", "INVITE", "AWAY", "SETNAME", "NICK", "TOPIC", "PART", "JOIN"]
            assert told == [("ACCOUNT", "grace"), *((verb, "grace") for verb in [*verbs, "KICK"])]


def test_what_one_is_in_a_new_room_is_part_of_the_answer(server):
    with IrcClient(server, "ada", caps=LABELS) as ada:
        begin, *inner, end = ada.ask("@label=x JOIN #mine,#yours")
        assert (begin.verb, begin.tags["label"], end.verb) == ("BATCH", "x", "BATCH")
        assert [line.verb for line in inner] == ["JOIN", "353", "366", "MODE"] * 2
        assert all(line.tags["batch"] == begin.params[0][1:] for line in inner)


def test_who_wants_no_questions_of_clients(server):
    with IrcClient(server, "ada", "#asks") as ada, IrcClient(server, "bob", "#asks") as bob:
        ada.sync()
        assert told(bob.ask("MODE bob +T")) == [("bob", "MODE", ["bob", "+T"])]
        assert bob.ask("MODE bob")[0].params == ["bob", "+iT"]
        assert ada.verbs("PRIVMSG bob :\x01VERSION\x01", "PRIVMSG #asks :\x01VERSION\x01") == ["531"]
        ada.ask("NOTICE bob :\x01VERSION mine\x01", "PRIVMSG bob :\x01ACTION waves\x01")
        assert told(bob.sync()) == [
            ("ada", "NOTICE", ["bob", "\x01VERSION mine\x01"]),
            ("ada", "PRIVMSG", ["bob", "\x01ACTION waves\x01"]),
        ]
        bob.ask("MODE bob -T")
        ada.ask("PRIVMSG bob :\x01VERSION\x01")
        assert told(bob.sync()) == [("ada", "PRIVMSG", ["bob", "\x01VERSION\x01"])]


def test_the_answer_to_join_is_whole_also_where_the_plugin_is_not_at_work():
    with serving(settings={"plugins.irc.rooms": ["lobby"]}) as server, IrcClient(server, "ada", caps=LABELS) as ada:
        for channel in ("#other", "#lobby"):
            begin, *_, end = ada.ask(f"@label=x JOIN {channel}")
            assert (begin.verb, begin.tags, end.verb) == ("BATCH", {"label": "x"}, "BATCH")
        (refused,) = ada.ask("@label=y JOIN #")
        assert (refused.verb, refused.tags) == ("476", {"label": "y"})


def test_who_takes_a_name_over_says_nothing_of_who_had_it(server):
    with IrcClient(server, "ada", "#heir", caps=TAGS) as ada, IrcClient(server, "bob", "#heir", caps=TAGS) as bob:
        ada.sync()
        bob.ask("NICK eve\r\n@+x=theirs NOTICE #heir :hello")
        assert [(line.source, line.verb, line.tags.get("+x")) for line in ada.sync()] == [
            ("bob", "NICK", None),
            ("eve", "NOTICE", "theirs"),
        ]
        with IrcClient(server, "bob", "#heir") as heir:
            ada.sync()
            heir.ask("PRIVMSG #heir :hello")
            assert [(line.verb, line.tags.get("+x")) for line in ada.sync()] == [("PRIVMSG", None)]


def test_the_last_word_of_who_goes_is_the_notice_that_it_was(server):
    with IrcClient(server, "ada", "#last") as ada, IrcClient(server, "bob", "#last") as bob:
        ada.sync()
        bob.send("NOTICE #last :good-bye\r\nQUIT")
        assert [line.verb for line in ada.until("QUIT")] == ["NOTICE", "QUIT"]
        with IrcClient(server, "bob", "#last") as bob:
            ada.sync()
            bob.ask("NOTICE #last :hello\r\nNICK eve")
            assert [line.verb for line in ada.sync()] == ["NOTICE", "NICK"]


def test_a_room_that_there_is_anew_has_nothing_of_the_one_before(server):
    with IrcClient(server, "eve", "#anew", caps=TAGS) as eve:
        eve.ask("@+x=mine NOTICE #anew :first")
    caps = ["message-tags", "batch", "draft/chathistory"]
    with IrcClient(server, "eve", "#anew", caps=caps) as eve:  # with history it is the same one
        assert [line.tags.get("+x") for line in eve.ask("CHATHISTORY LATEST #anew * 1")] == [None, "mine", None]
    with serving(settings={"server.disabled_plugins": ["history"]}) as server:
        with IrcClient(server, "eve", "#anew", caps=TAGS) as eve:
            eve.ask("@+x=theirs NOTICE #anew :first")
        with IrcClient(server, "ada", "#anew", caps=TAGS) as ada, IrcClient(server, "bob", "#anew") as bob:
            ada.sync()
            bob.ask("PRIVMSG #anew :first here")
            assert [(line.verb, line.tags.get("+x")) for line in ada.sync()] == [("PRIVMSG", None)]
