"""Operators keep order: by plain clients, JSON clients and the shell, over a real server."""

import json
import re
import threading
import types

import pytest
from greenchat_plugins.moderation.rules import Rules, Sanction
from greenchat_plugins.moderation.terms import address_of, network_in, written
from kit.machine import eventually
from kit.orders import (
    TIME,
    UNTIL,
    house,
    operator,
    refusals,
    shell,
)
from kit.programs import Program, enrol, know, owner, says

from greenchat import hookimpl
from greenchat.testing import DEADLINE


@pytest.fixture
def server(tmp_path):
    with house(tmp_path, "ada") as running:
        running.data_dir = tmp_path
        yield running


# --- who is an operator ---


def test_the_shell_adds_lists_and_removes_operators(tmp_path):
    assert shell(tmp_path, "operators", "list") == (
        "There are no operators yet. Add one: greenchat operators add NAME\n"
    )
    assert shell(tmp_path, "audit") == "Nobody has done anything yet.\n"
    assert list(tmp_path.iterdir()) == []
    enrol(tmp_path, "ada", "grace")
    assert shell(tmp_path, "operators", "add", "Ada") == "ada is an operator from now on, when logged in.\n"
    assert shell(tmp_path, "operators", "add", "ＡＤＡ") == "ada is an operator already.\n"
    shell(tmp_path, "operators", "add", "grace")
    listed = shell(tmp_path, "operators", "list").splitlines()
    assert [line.split()[0] for line in listed] == ["ada", "grace"]
    assert all(line.endswith("by shell") for line in listed)
    assert shell(tmp_path, "operators", "remove", "ada") == "ada is no operator any more.\n"
    assert "ada is no operator." in shell(tmp_path, "operators", "remove", "ada", code=1)
    assert "is not valid" in shell(tmp_path, "operators", "add", "a b", code=1)
    acts = [json.loads(line) for line in shell(tmp_path, "audit", "--json").splitlines()]
    assert [(act["by"], act["act"], act["target"]) for act in acts] == [
        ("shell", "op", "ada"),
        ("shell", "op", "grace"),
        ("shell", "deop", "ada"),
    ]


def test_the_shell_says_in_a_sentence_that_there_is_no_such_directory(tmp_path):
    assert "There is no directory" in shell(tmp_path / "nowhere", "operators", "list", code=2)


def test_a_running_server_notices_the_shell_by_itself(tmp_path):
    enrol(tmp_path, "ada")
    with house(tmp_path) as server:
        ada, bot = server.join("ada"), Program(server, "bot")
        says(ada, "/become ada")
        for command, line, role in [
            ("add", "INFO|ada is an operator now.", "operator"),
            ("remove", "INFO|ada is neither operator nor owner now.", ""),
        ]:
            shell(tmp_path, "operators", command, "ada")
            ada.read_until(line)
            assert bot.read_until("role", name="ada").get("role", "") == role
            answer = refusals(says(ada, "/announce Hello"))
            assert answer == ([] if role else ["You may not use /announce."])


def test_operators_act_only_when_they_are_logged_in(server):
    ada = server.join("ada")
    refused = ["You may not use /announce."]
    assert refusals(says(ada, "/announce Hello")) == refused
    assert refusals(says(ada, "/become ada", "/announce Hello")) == []
    assert refusals(says(ada, "/become", "/announce Hello")) == refused


def test_op_and_deop(server):
    ada, bob, bot = operator(server), server.join("bob"), Program(server, "bot")
    assert refusals(says(ada, "/op bob")) == ["bob is not logged in. /register makes the name theirs."]
    says(bob, "/become bob")
    bot.ask("/become Robot")
    assert "INFO|bob is an operator from now on." in says(ada, "/op BOB")
    bob.read_until("INFO|bob is an operator now.")
    bot.read_until("role", name="bob", role="operator")
    assert bot.refused("/announce hello") == "not_allowed"
    assert refusals(says(bob, "/kick ada", "/mute ada", "/ban ada")) == ["ada is an operator. /deop ada first."] * 3
    assert "INFO|ada is no operator any more." in says(bob, "/deop ada")
    ada.read_until("INFO|ada is neither operator nor owner now.")
    assert refusals(says(ada, "/announce Hello")) == ["You may not use /announce."]


def test_who_is_away_is_deopped_by_name_and_cannot_be_banned_before(server):
    enrol(server.data_dir, "grace")
    know(server, "grace")
    shell(server.data_dir, "operators", "add", "grace")
    ada = operator(server)
    eventually(lambda: "grace is an operator. /deop grace first." in refusals(says(ada, "/ban grace 1s")))
    assert "INFO|grace is no operator any more." in says(ada, "/deop Grace")
    assert refusals(says(ada, "/deop grace")) == ["grace is no operator."]


def test_help_lists_what_one_may_do(server):
    orders = {"op", "deop", "kick", "ban", "unban", "bans", "mute", "unmute", "slow", "announce", "audit"}

    def listed(peer):
        return {line.removeprefix("INFO|/").split()[0].rstrip(":") for line in says(peer, "/help")} & orders

    ada, bob, eve = operator(server), owner(server, "bob"), server.join("eve")
    assert listed(eve) == set()
    assert listed(bob) == orders - {"op", "deop", "announce", "audit"}
    assert listed(ada) == orders


# --- kick ---


def test_who_is_kicked_is_out_and_in_no_other_room_and_everybody_is_told(server):
    bob, eve, bot = owner(server, "bob"), server.join("eve", "garden"), Program(server, "bot", "garden")
    assert "INFO|eve was put out by bob: Enough is enough" in says(bob, "/kick eve Enough is enough")
    eve.read_until("ERROR|You were put out of garden by bob: Enough is enough")
    assert len(refusals(says(eve, "where does this go?"))) == 1
    bot.read_until("notice", text="eve was put out by bob: Enough is enough", room="garden")
    bot.read_until("left", name="eve", room="garden")
    eve.send("MSG|/join garden")  # a kick is no ban
    assert eve.read().startswith("INFO|Welcome to garden, eve.")


def test_a_program_is_kicked_out_of_one_of_its_rooms(server):
    bob, bot = owner(server, "bob"), Program(server, "bot", "attic")
    bot.join(room="garden")
    says(bob, "/kick bot")
    error = bot.read_until("error")
    assert (error["code"], error["text"]) == ("kicked", "You were put out of garden by bob.")
    assert bot.read_until("left", name="bot")["room"] == "garden"
    assert bot.refused("anybody here?", "garden") == "not_in_room"
    assert bot.ask("anybody here?", "attic")[-1]["type"] == "ack"


def test_a_program_is_kicked_out_of_its_only_room(server):
    bob, bot = owner(server, "bob"), Program(server, "bot", "garden")
    says(bob, "/kick bot")
    assert bot.read_until("error")["code"] == "kicked"
    assert bot.read_until("left", name="bot")["room"] == "garden"
    assert bot.refused("hello") == "room_required", "what was meant for the garden is not said elsewhere"
    assert bot.ask("/join lobby")[-1]["type"] == "ack"
    assert bot.ask("hello", "lobby")[-1]["type"] == "ack"


def test_who_is_kicked_out_of_the_default_room_may_come_back(server):
    ada, eve = operator(server), server.join("eve")
    ada.send("MSG|/kick eve")
    eve.expect("ERROR|You were put out of lobby by ada.")
    ada.read_until("INFO|eve was put out by ada.")
    ada.expect("INFO|eve has left the chat.")
    assert len(refusals(says(eve, "hello?"))) == 1
    eve.send("MSG|/join lobby")
    assert eve.read().startswith("INFO|Welcome to lobby, eve.")


class SlowDoor:
    """Who comes into a room waits at its door for as long as that is not `opened`."""

    def __init__(self):
        import gevent.event

        self.waiting, self._opened = threading.Event(), gevent.event.Event()
        self._opened.set()

    def shut(self):
        self._opened.clear()

    def open(self):
        self._opened.set()

    @hookimpl
    def greenchat_check_enter(self):
        if not self._opened.is_set():
            self.waiting.set()
        self._opened.wait()


@pytest.fixture
def door(tmp_path):
    """A server in which bob has a room that eve is in, and ada is an operator; and the door."""
    made = []

    def greenchat_plugin():
        made.append(SlowDoor())
        return made[0]

    plugin = types.SimpleNamespace(__name__="door", greenchat_plugin=greenchat_plugin)
    with house(tmp_path, "ada", plugins=[plugin]) as server:
        yield server, made[0], operator(server), owner(server, "bob"), server.join("eve", "garden")


def test_a_ban_holds_that_comes_right_after_a_kick(door):
    server, door, ada, bob, eve = door
    server.call(door.shut)
    bob.send("MSG|/kick eve")
    eve.read_until("ERROR|You were put out of garden by bob.")
    ada.send("MSG|/ban eve")
    eve.expect("ERROR|You are banned from this chat for good.")
    eve.expect_closed()


@pytest.mark.parametrize("by_owner", [True, False])
def test_a_ban_holds_that_comes_while_one_comes_back_from_a_kick(door, by_owner):
    server, door, ada, bob, eve = door
    says(bob, "/kick eve")
    server.call(door.shut)
    eve.send("MSG|/join garden")
    assert door.waiting.wait(DEADLINE)
    says(bob if by_owner else ada, "/ban eve")
    server.call(door.open)
    lines = []
    while not (lines and lines[-1].startswith("ERROR|You are banned from ")):
        lines.append(eve.read())
        assert lines[-1], lines
    says(bob, "for those who are in")
    if by_owner:
        assert not [line for line in says(eve) if line.startswith("MSG|")]
    else:
        eve.expect_closed()


# --- what is told ---


def test_an_announcement_says_who_speaks(server):
    ada, bob, bot = operator(server), owner(server, "bob"), Program(server, "bot")
    says(ada, "/announce Tea is ready.")
    bob.read_until("INFO|Announcement by ada: Tea is ready.")
    assert bot.read_until("notice", room="lobby")["text"] == "Announcement by ada: Tea is ready."


def test_bans_tells_who_why_and_until_when(server):
    ada, bob, bot = operator(server), owner(server, "bob"), Program(server, "bot")
    says(bob, "/ban eve weeds", "/slow garden 10")
    says(ada, "/ban carol 1h", "/mute bot 2h noise", "/ban 10.0.0.0/8 a botnet")
    lines = says(ada, "/bans")
    for line, expected in zip(
        lines,
        [
            rf"10\.0\.0\.0/8 is banned for good, by ada since {TIME}: a botnet",
            rf"carol is banned {UNTIL}, by ada since {TIME}\.",
            rf"eve is banned in garden for good, by bob since {TIME}: weeds",
            rf"bot is muted {UNTIL}, by ada since {TIME}: noise",
            r"garden is slow: one message every 10s\.",
        ],
        strict=True,
    ):
        assert re.fullmatch(rf"INFO\|{expected}", line)
    says(ada, "/op bob")
    assert len(says(bob, "/bans")) == 2  # of the room
    bot.ask("/become grace")
    says(ada, "/op bot")
    told = bot.told("/bans", "bans")
    assert [ban["what"] for ban in told["bans"]] == ["10.0.0.0/8", "carol", "eve"]
    assert told["lines"] == [line.removeprefix("INFO|") for line in lines]
    eve = told["bans"][2]
    assert (eve["room"], eve["by"], eve["why"], "until" in eve) == ("garden", "bob", "weeds", False)
    assert told["bans"][1]["until"] > told["bans"][1]["since"]
    assert told["slow"] == [{"room": "garden", "seconds": 10.0}]


def test_the_audit_trail_has_every_act_and_no_refusal(server):
    ada, bob = operator(server), owner(server, "bob")
    Program(server, "bot", "garden")
    says(bob, "/kick bot weeds", "/kick bot", "/mute nobody", "/room key sesame")
    says(
        ada,
        "/nick root",
        "/join garden",
        "/room topic-by owner",
        "/ban bot 1h noise",
        "/unban bot",
        "/unban bot",
        "/announce Hello",
    )
    expected = [
        ("bob", "kick", "bot", "garden", "weeds"),
        ("ada", "room", "", "garden", "topic-by owner"),
        ("ada", "ban", "bot", "", "for 1h, until "),
        ("ada", "unban", "bot", "", ""),
        ("ada", "announce", "", "", "Hello"),
    ]

    def found():
        lines = shell(server.data_dir, "audit", "--json").splitlines()
        return [
            tuple(act[name] for name in ("by", "act", "target", "room", "details")) for act in map(json.loads, lines)
        ]

    eventually(lambda: len(found()) >= len(expected))
    for act, (*words, details) in zip(found(), expected, strict=True):
        assert list(act[:4]) == words
        assert act[4].startswith(details)
    lines = [line.removeprefix("INFO|") for line in says(ada, "/audit")]
    assert lines == shell(server.data_dir, "audit").splitlines()
    assert re.fullmatch(rf"{TIME} bob: kick bot in garden \(weeds\)", lines[0])
    assert says(ada, "/audit 1") == [f"INFO|{lines[-1]}"]
    assert shell(server.data_dir, "audit", "--limit", "2").splitlines() == lines[-2:]
    assert refusals(says(ada, "/audit x")) == ["N is a whole number, such as 12, not 'x'. Type it so: /audit [N]"]
    grace = Program(server, "grace")
    grace.ask("/become grace")
    says(ada, "/op grace")
    told = grace.told("/audit 2", "audit")
    assert [(act["by"], act["act"], act["target"]) for act in told["acts"]] == [
        ("ada", "announce", ""),
        ("ada", "op", "grace"),
    ]


# --- the words of an order ---


@pytest.mark.parametrize(
    ("text", "long", "why"),
    [
        ("", "10m", "\\."),
        ("1h", "1h", "\\."),
        ("1h spam, spam", "1h", ": spam, spam"),
        ("spam 1h", "10m", ": spam 1h"),
        ("  1h\t spam   spam ", "1h", ": spam spam"),
        ("1h 2 strikes", "1h", ": 2 strikes"),
        (" for spam", "10m", ": for spam"),
    ],
)
def test_what_follows_a_name(server, text, long, why):
    ada, _ = operator(server), server.join("bob")
    told = rf"INFO\|bob is muted for {long}, {UNTIL}{why}"
    assert any(re.fullmatch(told, line) for line in says(ada, f"/mute bob {text}"))


@pytest.mark.parametrize(
    "terms",
    [
        "1 h why",
        "60",
        "60 why",
        "1hour",
        "90min",
        "1.5h",
        "1h30",
        "1h,",
        "+1h",
        "-1h",
        "~1h",
        ".5h",
        "1:30",
        "for 1h",
        "1y",
    ],
)
def test_what_looks_like_a_duration_and_is_none_bans_and_mutes_nobody(server, terms):
    ada, bob = operator(server), server.join("bob")
    for order in ("ban", "mute"):
        (refusal,) = refusals(says(ada, f"/{order} bob {terms}"))
        assert "30s, 10m, 1h30m, 2d or 1w" in refusal
        assert "without blanks" in refusal
    assert refusals(says(bob, "still here")) == []
    assert says(ada, "/bans")[-1] == "INFO|Nobody is banned or muted."


@pytest.mark.parametrize("order", ["ban", "mute"])
@pytest.mark.parametrize("typed", ["bob  1h why", " bob\t1h   why ", "bob\u30001h\u3000why"])
def test_blanks_do_not_make_it_for_good(server, order, typed):
    ada, _ = operator(server), server.join("bob")
    told = [line for line in says(ada, f"/{order} {typed}") if line.startswith("INFO|bob is ")]
    assert re.fullmatch(rf"INFO\|bob is (?:banned from the chat|muted) for 1h, {UNTIL}: why", told[0])


@pytest.mark.parametrize(("typed", "every"), [("lobby  10", "10s"), ("lobby\t1m", "1m"), ("lobby 60", "1m")])
def test_blanks_do_not_matter_for_a_slow_room(server, typed, every):
    assert f"INFO|lobby is slow from now on: one message every {every}." in says(operator(server), f"/slow {typed}")


@pytest.mark.parametrize(
    ("word", "network"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("10.0.0.5/24", "10.0.0.0/24"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.5/120", "10.0.0.0/24"),
        ("2001:db8::5", "2001:db8::/64"),
        ("2001:db8::5/128", "2001:db8::5/128"),
        ("2001:db8::5/32", "2001:db8::/32"),
    ],
)
def test_networks(word, network):
    assert written(network_in(word)) == network


@pytest.mark.parametrize("word", ["bob", "10", "10.0.0", "10.0.0.5/33", "2001:db8::/129", "10.0.0.256", "a/8"])
def test_what_is_no_network(word):
    assert network_in(word) is None


def ban_of(what, until):
    return Sanction(kind="network", what=what, room="", whom="", by="", account="ada", why="", since=0, until=until)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.1.2.3:5", "10.0.0.0/8"),
        ("10.2.0.1:5", "10.2.0.1"),
        ("11.0.0.1:5", None),
        ("12.0.0.1:5", None),
        ("[::ffff:10.1.2.3]:5", "10.0.0.0/8"),
        ("[2001:db8::1]:5", "2001:db8::/64"),
        ("[2001:db8:0:1::1]:5", None),
        ("[fe80::1%eth0]:5", "fe80::/64"),
        ("unix", None),
    ],
)
def test_of_networks_within_one_another_the_longest_ban_counts(address, found):
    book = Rules(
        bans=[
            ban_of("10.0.0.0/8", 2000),
            ban_of("10.1.0.0/16", 1500),
            ban_of("10.2.0.1", None),
            ban_of("12.0.0.0/8", 500),  # has ended
            ban_of("2001:db8::/64", None),
            ban_of("fe80::/64", None),
        ]
    )
    ban = book.ban_of_address(address_of(address), now=1000)
    assert (ban.what if ban else None) == found
