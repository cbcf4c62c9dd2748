"""Operators and owners of rooms keep order: by plain clients, JSON clients and the shell, over a real server."""

import json
import logging
import re
import signal
import socket
import sqlite3
import threading
import time
import types
from contextlib import contextmanager

import gevent
import pytest
from click.testing import CliRunner
from greenchat_plugins.moderation.rules import Rules, Sanction
from greenchat_plugins.moderation.terms import address_of, duration, network_in, seconds_of, split_terms, written
from kit.processes import serve_process
from kit.programs import Anybody, Program, crown, enrol, know, owner, says, without_plugins

from greenchat import Reject, hookimpl
from greenchat.cli import main
from greenchat.testing import DEADLINE, Peer, serving

# These would greet, replay and log in, too.
ALONE = without_plugins("accounts", "history", "people", "web")
ELSEWHERE, THERE = "127.0.0.2", "127.0.0.3"

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
UNTIL = f"until {TIME}"
HOUR = r"(?:1h|59m\d+s)"  # what is left of it, on a busy machine


@contextmanager
def house(data_dir, *operators, plugins=(), **settings):
    """A server on `data_dir`, whose operators these accounts are."""
    if operators:
        crown(data_dir, *operators)
    with serving(Anybody, *plugins, settings=ALONE | settings, data_dir=data_dir) as server:
        yield server


@pytest.fixture
def server(tmp_path):
    with house(tmp_path, "ada") as running:
        running.data_dir = tmp_path
        yield running


def shell(data_dir, *arguments, code=0):
    result = CliRunner().invoke(main, [*arguments, "--data-dir", str(data_dir)])
    assert result.exit_code == code, result.output
    return result.output


def operator(server, name="ada", room=""):
    """A plain client that is logged in."""
    peer = server.join(name, room)
    peer.send(f"MSG|/become {name}")
    peer.read_until(f"INFO|{name} is an operator now.")
    return peer


def connect_from(server, address, *lines):
    """A plain client with an address of its own."""
    sock = socket.create_connection((server.host, server.port), DEADLINE, (address, 0))
    peer = server.peers.enter_context(Peer.__new__(Peer))
    peer.socket, peer._file = sock, sock.makefile("rb")
    peer.send(*lines)
    return peer


def refusals(lines):
    return [line.removeprefix("ERROR|") for line in lines if line.startswith("ERROR|")]


def is_slowed(lines, room="garden"):
    """Whether one of several messages was refused, as too soon."""
    (refusal,) = refusals(lines)
    return re.fullmatch(rf"One may say something every 1h in {room}\. Wait {HOUR}\.", refusal)


def in_time(condition):
    """Wait until something is so that happens by itself."""
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


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
    in_time(lambda: "grace is an operator. /deop grace first." in refusals(says(ada, "/ban grace 1s")))
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


# --- bans ---


def test_a_ban_puts_out_and_keeps_out_by_name_and_by_address(server):
    ada, bob = operator(server), connect_from(server, ELSEWHERE, "JOIN|bob")
    says(bob)
    ada.send("MSG|/ban bob spam")
    told = ada.read_until("INFO|bob is banned from the chat for good: spam")
    assert told[-2:] == ["INFO|bob was banned by ada for good: spam", "INFO|bob has left the chat."]
    bob.expect("ERROR|You are banned from this chat for good: spam")
    bob.expect_closed()
    peer = connect_from(server, ELSEWHERE, "JOIN|robert")
    peer.expect("ERROR|Your address is banned from this chat for good: spam")
    peer.expect_closed()
    other = connect_from(server, THERE, "JOIN|ＢＯＢ", "JOIN|ben", "MSG|/nick Bob")
    other.expect("ERROR|BOB is banned from this chat for good: spam")
    assert other.read().startswith("INFO|Welcome")
    other.expect("ERROR|Bob is banned from this chat for good: spam")
    bot = Program(server)
    assert bot.join(name="bob")["code"] == "banned"
    assert "INFO|bob is not banned any more." in says(ada, "/unban Bob")
    assert connect_from(server, ELSEWHERE, "JOIN|bob").read().startswith("INFO|Welcome")


def test_an_address_that_others_have_too_is_not_banned_along(server):
    ada = operator(server)
    bob, eve = connect_from(server, ELSEWHERE, "JOIN|bob"), connect_from(server, ELSEWHERE, "JOIN|eve")
    says(bob)
    says(eve)
    answer = says(ada, "/ban bob 1h")
    hint = "The address is not banned: others have it, too. /ban 127.0.0.2 bans them all."
    assert f"INFO|{hint}" in answer
    assert refusals(says(eve)) == []
    says(ada, re.search(r"/ban \S+", hint)[0])
    eve.read_until("ERROR|Your address is banned from this chat for good.")
    eve.expect_closed()


def test_a_ban_of_somebody_at_ones_own_address_is_by_name(server):
    ada, bob = operator(server), server.join("bob")
    assert "INFO|The address, 127.0.0.1, is not banned: you have it, too." in says(ada, "/ban bob")
    assert refusals(iter(bob.read, "")) == ["You are banned from this chat for good."]


def test_a_network_is_banned_with_all_who_come_from_it_also_before_they_join(server):
    ada = operator(server)
    silent, eve = connect_from(server, ELSEWHERE, "MSG|/ping"), connect_from(server, "127.0.1.1", "JOIN|eve")
    silent.expect("INFO|Pong.")
    says(eve)
    says(ada, "/ban 127.0.0.2/31 2h")
    assert re.fullmatch(rf"ERROR\|Your address is banned from this chat for .+, {UNTIL}\.", silent.read())
    silent.expect_closed()
    bob = connect_from(server, THERE, "JOIN|bob")
    assert bob.read().startswith("ERROR|Your address is banned from this chat for ")
    assert refusals(says(eve)) == []


def test_nobody_bans_a_network_that_an_operator_is_in(server):
    enrol(server.data_dir, "grace")
    shell(server.data_dir, "operators", "add", "grace")
    ada, grace = operator(server), connect_from(server, ELSEWHERE, "JOIN|grace", "MSG|/become grace")
    grace.read_until("INFO|grace is an operator now.")
    assert refusals(says(ada, "/ban 127.0.0.0/31", "/ban ::ffff:127.0.0.1", "/ban 127.0.0.2")) == [
        "127.0.0.0/31 holds your own address, 127.0.0.1.",
        "127.0.0.1 holds your own address, 127.0.0.1.",
        "grace is an operator, and comes from there. /deop grace first.",
    ]


def test_who_is_called_like_an_address_is_banned_by_name(server):
    ada, bob = operator(server), server.join("10.0.0.5")
    says(ada, "/ban 10.0.0.5")
    assert refusals(iter(bob.read, "")) == ["You are banned from this chat for good."]
    assert Program(server).join(name="10.0.0.5")["code"] == "banned"


def test_a_part_of_a_banned_network_is_not_unbanned_by_itself(server):
    ada = operator(server)
    says(ada, "/ban 10.0.0.0/8")
    assert refusals(says(ada, "/unban 10.1.2.3", "/unban 11.0.0.1", "/unban 10.9.9.9/8", "/unban 10.0.0.0/8")) == [
        "10.1.2.3 is banned as a part of 10.0.0.0/8. /unban 10.0.0.0/8",
        "11.0.0.1 is not banned.",
        "10.0.0.0/8 is not banned.",
    ]


def test_an_account_is_banned_by_whatever_name_it_came(server):
    ada, bob = operator(server), server.join("robert")
    says(bob, "/become bob")
    says(ada, "/ban robert")
    assert refusals(iter(bob.read, "")) == ["You are banned from this chat for good."]
    for name in ("bob", "robert"):
        assert Program(server).join(name=name)["code"] == "banned"
    again = Program(server, "rob")
    again.send(type="say", text="/become bob")
    assert again.read_until("error")["code"] == "banned"
    says(ada, "/unban robert")
    assert Program(server, "bob").welcome["type"] == "welcome"


def test_a_ban_ends_by_itself_and_then_nothing_is_checked_any_more(server):
    ada, bob = operator(server), server.join("bob")
    says(ada, "/ban bob 1s")
    assert re.fullmatch(rf"You are banned from this chat for 1s, {UNTIL}\.", *refusals(iter(bob.read, "")))
    assert Program(server).join(name="bob")["code"] == "banned"
    in_time(lambda: Program(server).join(name="bob")["type"] == "welcome")
    in_time(lambda: server.server.hooks.check_join is None)
    assert says(ada, "/bans")[-1] == "INFO|Nobody is banned or muted."


class Slowly:
    """Takes its time to open a room, as a disk would."""

    def __init__(self):
        self.has_begun = threading.Event()
        self.may_end = threading.Event()

    @hookimpl
    def greenchat_room_opened(self, room):
        if room.name == "attic":
            self.has_begun.set()
            while not self.may_end.is_set():
                gevent.sleep(0.001)


def test_a_ban_that_comes_while_one_comes_in_holds(tmp_path):
    slowly = Slowly()
    with house(tmp_path, "ada", plugins=[slowly]) as server:
        ada, bob = operator(server), server.connect()
        bob.send("JOIN|bob|attic")
        assert slowly.has_begun.wait(DEADLINE)
        says(ada, "/ban bob")
        slowly.may_end.set()
        assert refusals(iter(bob.read, "")) == ["You are banned from this chat for good."]


# --- mutes ---


def test_who_is_muted_reads_and_does_not_write(server):
    ada, bob, eve = operator(server), server.join("bob"), server.join("eve")
    assert re.fullmatch(
        rf"INFO\|bob is muted for 1h30m, {UNTIL}: calm down", says(ada, "/mute bob 1h30m calm down")[-1]
    )
    assert re.fullmatch(rf"INFO\|ada has muted you for 1h30m, {UNTIL}: calm down", says(bob)[-1])
    assert len(refusals(says(bob, "hello", "/me waves", "/msg eve hello", "/nick rob", "hello"))) == 5
    assert refusals(says(bob, "/join garden", "hello"))[0].startswith("You are muted for ")
    says(bob, "/join lobby")
    says(ada, "Hello, bob")
    bob.read_until("MSG|ada|Hello, bob")
    assert "INFO|bob is not muted any more." in says(ada, "/unmute bob")
    bob.read_until("INFO|ada has lifted your mute. You may talk again.")
    says(bob, "Thank you")
    before = eve.read_until("MSG|bob|Thank you")
    assert [line for line in before if line.startswith("MSG|")] == ["MSG|ada|Hello, bob"]
    in_time(lambda: server.server.hooks.check_message is None)


def test_a_mute_lasts_ten_minutes_where_nobody_says_how_long_and_ends_by_itself(server):
    ada, bot = operator(server), Program(server, "bot")
    assert re.fullmatch(rf"INFO\|bot is muted for 10m, {UNTIL}\.", says(ada, "/mute bot")[-1])
    assert bot.refused("hello") == "muted"
    says(ada, "/mute bot 1s")
    in_time(lambda: bot.ask("hello")[-1]["type"] == "ack")
    in_time(lambda: server.server.hooks.check_message is None)


def test_a_mute_holds_for_another_connection_and_for_look_alikes(server):
    ada, bob = operator(server), server.join("bob")
    says(ada, "/mute bob")
    bob.send("LEAVE")
    ada.read_until("INFO|bob has left the chat.")
    again = Program(server, "BOB")
    assert again.refused("hello") == "muted"
    assert again.refused("/nick ben") == "muted"
    again.leave()
    assert Program(server, "bob").refused("hello") == "muted"


def test_an_account_is_muted_also_once_it_has_logged_out(server):
    ada, bob = operator(server), Program(server, "robert")
    bob.ask("/become bob")
    says(ada, "/mute robert")
    bob.ask("/become")
    assert bob.refused("/nick ben") == "muted"
    assert bob.refused("hello") == "muted"
    other = Program(server, "rob")
    assert other.ask("hello")[-1]["type"] == "ack"
    other.ask("/become bob")
    assert other.refused("hello") == "muted"
    says(ada, "/unmute robert")
    assert other.ask("hello")[-1]["type"] == "ack"
    assert bob.ask("hello")[-1]["type"] == "ack"


def test_operators_are_neither_muted_nor_kept_out_by_what_was_ordered_for_a_namesake(server):
    enrol(server.data_dir, "grace")
    shell(server.data_dir, "operators", "add", "grace")
    ada, namesake = operator(server), Program(server, "Grace")
    says(ada, "/mute grace", "/ban grace")
    assert namesake.read_until("error")["code"] == "banned"
    grace = Program(server)
    assert grace.ask("/become grace")[-1]["type"] == "ack"
    assert grace.join(name="grace")["roles"] == {"ada": "operator", "grace": "operator"}
    assert grace.ask("hello")[-1]["type"] == "ack"


# --- the owner of a room ---


def test_an_owner_mutes_in_the_room_alone(server):
    bob, bot = owner(server, "bob"), Program(server, "bot", "garden")
    bot.join(room="attic")
    says(bob, "/mute bot")
    assert bot.read_until("notice")["text"].startswith("bob has muted you in garden for 10m, until ")
    assert bot.refused("hello", "garden") == "muted"
    assert bot.ask("hello", "attic")[-1]["type"] == "ack"
    assert bot.ask("/msg bob hello", "garden")[-1]["type"] == "ack"
    assert "INFO|bot is not muted in garden any more." in says(bob, "/unmute bot")
    assert bot.ask("hello", "garden")[-1]["type"] == "ack"


def test_an_owner_bans_from_the_room_alone(server):
    bob, eve, bot = owner(server, "bob"), server.join("eve", "garden"), Program(server, "bot", "garden")
    says(bob, "/ban eve 1h weeds")
    line = next(line for line in iter(eve.read, "") if line.startswith("ERROR|"))
    assert re.fullmatch(rf"ERROR\|You are banned from garden for {HOUR}, {UNTIL}: weeds", line)
    assert says(eve, "/join attic")[0].startswith("INFO|Welcome to attic, eve.")
    notice = bot.read_until("notice", room="garden")["text"]
    assert re.fullmatch(rf"eve was banned from garden by bob for {HOUR}, {UNTIL}: weeds", notice)
    for lines in (["/join garden"], ["/nick flower", "/join garden"]):
        assert refusals(says(eve, *lines))[-1].startswith("You are banned from garden for ")
    other = Program(server)
    assert other.join(name="EVE", room="garden")["code"] == "banned"
    assert other.join(name="eve")["room"] == "lobby"
    assert "INFO|flower is not banned in garden any more." in says(bob, "/unban flower")
    says(eve, "/join garden")
    bob.read_until("INFO|flower has joined the chat.")


def test_an_owner_bans_no_addresses(server):
    bob = owner(server, "bob")
    assert refusals(says(bob, "/ban 10.0.0.1")) == ["Only operators ban addresses. Ban somebody by name."]


def test_what_a_guest_has_ordered_ends_with_the_room(server):
    bob, eve, bot = owner(server, "bob"), server.join("eve", "garden"), Program(server, "bot", "garden")
    says(bob, "/ban eve", "/mute bot", "/slow garden 1h")
    says(bob, "/join lobby")
    assert bot.refused("still here", "garden") == "muted"
    assert refusals(says(eve, "/join garden"))[0].startswith("You are banned from garden ")
    bot.ask("/join lobby", "garden")
    bot.leave()
    assert any(line.startswith("INFO|Welcome to garden, eve. Nobody else") for line in says(eve, "/join garden"))
    assert any(line.startswith("INFO|Welcome to garden, bob. Here is eve") for line in says(bob, "/join garden"))
    assert refusals(says(bob, "one", "two")) == []
    in_time(lambda: not bans(server.data_dir))


def bans(data_dir):
    with sqlite3.connect(data_dir / "moderation.sqlite3") as connection:
        return connection.execute("SELECT what FROM bans").fetchall()


def test_what_an_account_has_ordered_in_its_room_stays(tmp_path):
    with house(tmp_path) as server:
        bob = owner(server, "bob")
        says(bob, "/become bob", "/ban eve")
    with house(tmp_path) as server:
        assert Program(server).join(name="eve", room="garden")["code"] == "banned"


def test_an_owner_orders_so_much_and_no_more(server, monkeypatch):
    monkeypatch.setattr("greenchat_plugins.moderation.orders.MOST_OF_AN_OWNER", 2)
    bob = owner(server, "bob")
    assert refusals(says(bob, "/ban a", "/ban b", "/ban c")) == [
        "There are 2 of your bans and mutes. Lift one first: /bans"
    ]


def test_nobody_has_rights_in_the_room_of_another(server):
    bob, bot = owner(server, "bob"), Program(server, "bot", "garden")
    owner(server, "eve", "attic")
    assert refusals(says(bob, "/slow attic 10", "/kick eve", "/mute eve")) == [
        "Only the owner of attic may do that.",
        "eve is not in garden.",
        "eve is not in garden.",
    ]
    bot.join(room="attic")
    assert bot.refused("/kick bob", "garden") == "not_allowed"
    says(bob, "/join attic")
    assert refusals(says(bob, "/kick eve")) == ["You may not use /kick."]


# --- slow rooms ---


def test_in_a_slow_room_everybody_but_who_keeps_order_talks_now_and_then(server):
    ada, bob, bot = operator(server, room="garden"), server.join("bob", "garden"), Program(server, "bot", "garden")
    says(ada, "/slow garden 1h", "one", "two")
    bot.read_until("notice", text="garden is slow from now on: one message every 1h.", room="garden")
    assert is_slowed(says(bob, "one", "two"))
    assert is_slowed(says(bob, "/nick ben", "/msg ada in private")), "a name is read like all else"
    assert is_slowed(says(bob, "three"))
    assert bot.ask("one")[-1]["type"] == "ack"
    assert bot.refused("two") == "slow"
    bot.leave()
    again = Program(server, "BOT", "garden")
    assert again.refused("three") == "slow"
    says(ada, "/slow garden 0")
    again.read_until("notice", text="garden is not slow any more.")
    assert again.ask("four")[-1]["type"] == "ack"
    in_time(lambda: server.server.hooks.check_message is None)


def test_after_so_many_seconds_one_may_talk_again(server):
    bob, bot = owner(server, "bob"), Program(server, "bot", "garden")
    says(bob, "/slow garden 1", "one", "two")
    assert bot.ask("one")[-1]["type"] == "ack"
    assert bot.refused("two") == "slow"
    in_time(lambda: bot.ask("two")[-1]["type"] == "ack")


@pytest.mark.parametrize("seconds", ["", "soon", "-1", "1 h", "1hour", "10 seconds", "1.5", "2d", "86401", "9" * 5000])
def test_what_is_no_number_of_seconds(server, seconds):
    ada = operator(server)
    assert refusals(says(ada, f"/slow lobby {seconds}"[:3000]))[0].startswith(("Type it so: /slow", "2d"))


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

    in_time(lambda: len(found()) >= len(expected))
    for act, (*words, details) in zip(found(), expected, strict=True):
        assert list(act[:4]) == words
        assert act[4].startswith(details)
    lines = [line.removeprefix("INFO|") for line in says(ada, "/audit")]
    assert lines == shell(server.data_dir, "audit").splitlines()
    assert re.fullmatch(rf"{TIME} bob: kick bot in garden \(weeds\)", lines[0])
    assert says(ada, "/audit 1") == [f"INFO|{lines[-1]}"]
    assert shell(server.data_dir, "audit", "--limit", "2").splitlines() == lines[-2:]
    assert refusals(says(ada, "/audit x")) == ["Type it so: /audit 20"]
    grace = Program(server, "grace")
    grace.ask("/become grace")
    says(ada, "/op grace")
    told = grace.told("/audit 2", "audit")
    assert [(act["by"], act["act"], act["target"]) for act in told["acts"]] == [
        ("ada", "announce", ""),
        ("ada", "op", "grace"),
    ]


# --- what stays ---


def test_all_of_it_outlasts_the_server_even_where_that_is_killed(tmp_path):
    cheap = ["--set", "plugins.accounts.memory_mib=1", "--set", "plugins.accounts.passes=1"]
    with serve_process(tmp_path, *cheap) as first, first.join("ada") as ada, first.join("eve") as eve:
        says(ada, "/register correct-horse-battery")
        shell(tmp_path, "operators", "add", "ada")
        ada.read_until("INFO|ada is an operator now.")
        ada.send("MSG|/ban bob 1h spam", "MSG|/mute eve 1h noise", "MSG|/slow lobby 1h")
        eve.read_until("INFO|lobby is slow from now on: one message every 1h.")
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(DEADLINE)
    with serve_process(tmp_path, *cheap) as second, second.connect() as ada, second.connect() as bob:
        bob.send("JOIN|bob")
        assert re.fullmatch(rf"ERROR\|bob is banned from this chat for {HOUR}, {UNTIL}: spam", bob.read())
        bob.send("JOIN|eve")
        assert refusals(says(bob, "hello"))[0].startswith("You are muted for ")
        ada.send("JOIN|carol", "MSG|one")
        assert is_slowed(says(ada, "two"), "lobby")
        says(ada, "/login ada correct-horse-battery")
        acts = [line.split(": ")[1] for line in says(ada, "/audit") if " ada: " in line]
        assert [act.split(" (")[0] for act in acts] == ["ban bob", "mute eve", "slow in lobby"]


def test_without_its_file_the_chat_goes_on_and_it_recovers_by_itself(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    crown(tmp_path, "ada")
    file, aside = tmp_path / "moderation.sqlite3", tmp_path / "aside"
    file.rename(aside)
    file.write_bytes(b"rubbish" * 1000)
    with house(tmp_path) as server:
        ada, bob, eve = server.join("ada"), owner(server, "bob"), server.join("eve", "garden")
        says(ada, "/become ada")
        assert refusals(says(ada, "Hello", "/announce Hello")) == ["You may not use /announce."]
        assert refusals(says(bob, "/ban eve", "/bans", "/kick eve weeds")) == [
            "This cannot be looked up or stored at the moment: nothing was done. Tell whoever runs the server.",
            "Who is banned cannot be read at the moment. Tell whoever runs the server.",
        ]
        assert eve.read_until("ERROR|You were put out of garden by bob: weeds") is not None
        assert "moderation.sqlite3 is damaged." in caplog.text
        aside.replace(file)
        ada.read_until("INFO|ada is an operator now.")
        in_time(lambda: any("bob: kick eve in garden (weeds)" in line for line in says(ada, "/audit")))
    assert "operators, bans and mutes can be stored again" in caplog.text


def test_what_cannot_be_written_before_the_end_is_in_the_log(tmp_path, caplog):
    (tmp_path / "moderation.sqlite3").mkdir()
    with house(tmp_path) as server:
        bob, eve = owner(server, "bob"), server.join("eve", "garden")
        says(bob, "/kick eve weeds")
        eve.read_until("ERROR|You were put out of garden by bob: weeds")
    assert re.search(r"not in the audit trail: ModerationAction\(by='bob', act='kick', target='eve'", caplog.text)


# --- the words of an order ---


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("1h30m", 5400),
        ("2D", 172_800),
        ("1w", 604_800),
        ("10", None),
        ("h", None),
        ("1h!", None),
    ],
)
def test_durations(word, seconds):
    assert seconds_of(word) == seconds


@pytest.mark.parametrize("word", ["0s", "11000w", "9" * 3000 + "s"])
def test_durations_that_cannot_be_meant(word):
    with pytest.raises(Reject, match="too short or too long"):
        seconds_of(word)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", (None, "")),
        ("1h", (3600, "")),
        ("1h spam, spam", (3600, "spam, spam")),
        ("spam 1h", (None, "spam 1h")),
        ("  1h\t spam   spam ", (3600, "spam spam")),
        ("1h 2 strikes", (3600, "2 strikes")),
        (" for spam", (None, "for spam")),
    ],
)
def test_what_follows_a_name(text, terms):
    assert split_terms(text) == terms


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
        assert refusal.endswith(
            "is no duration here. Type 30s, 10m, 1h30m, 2d or 1w, without blanks, right behind the name. "
            "Let a reason begin with a word."
        )
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
    ("seconds", "text"),
    [
        (0.2, "1s"),
        (30, "30s"),
        (60, "1m"),
        (61, "1m1s"),
        (5399.5, "1h30m"),
        (90_000, "1d1h"),
        (604_800, "1w"),
        (864_000, "1w3d"),
    ],
)
def test_durations_are_written_as_they_are_typed(seconds, text):
    assert duration(seconds) == text


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
