"""Operators ban and mute, and what they have ordered stays: over a real server."""

import logging
import re
import signal
import threading

import gevent
import pytest
from kit.machine import eventually
from kit.orders import ELSEWHERE, HOUR, THERE, UNTIL, connect_from, house, is_slowed, operator, refusals, shell
from kit.processes import serve_process
from kit.programs import Program, crown, enrol, owner, says

from greenchat import hookimpl
from greenchat.testing import DEADLINE


@pytest.fixture
def server(tmp_path):
    with house(tmp_path, "ada") as running:
        running.data_dir = tmp_path
        yield running


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
    eventually(lambda: Program(server).join(name="bob")["type"] == "welcome")
    eventually(lambda: server.server.hooks.check_join is None)
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
    eventually(lambda: server.server.hooks.check_message is None)


def test_what_an_operator_without_an_account_has_ordered_for_the_chat_holds(tmp_path):
    with house(tmp_path) as server:
        ada, bob, eve = server.join("ada"), server.join("bob"), server.join("eve")
        says(ada, "/crown", "/mute bob 1h")
        says(eve, "/become eve")
        crown(tmp_path, "eve")
        eve.read_until("INFO|eve is an operator now.")  # by then it was looked at what has ended, too
        assert refusals(says(bob, "hello"))[0].startswith("You are muted for ")


def test_a_mute_lasts_ten_minutes_where_nobody_says_how_long_and_ends_by_itself(server):
    ada, bot = operator(server), Program(server, "bot")
    assert re.fullmatch(rf"INFO\|bot is muted for 10m, {UNTIL}\.", says(ada, "/mute bot")[-1])
    assert bot.refused("hello") == "muted"
    says(ada, "/mute bot 1s")
    eventually(lambda: bot.ask("hello")[-1]["type"] == "ack")
    eventually(lambda: server.server.hooks.check_message is None)


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
        eventually(lambda: any("bob: kick eve in garden (weeds)" in line for line in says(ada, "/audit")))
    assert "operators, bans and mutes can be stored again" in caplog.text


def test_what_cannot_be_written_before_the_end_is_in_the_log(tmp_path, caplog):
    (tmp_path / "moderation.sqlite3").mkdir()
    with house(tmp_path) as server:
        bob, eve = owner(server, "bob"), server.join("eve", "garden")
        says(bob, "/kick eve weeds")
        eve.read_until("ERROR|You were put out of garden by bob: weeds")
    assert re.search(r"not in the audit trail: ModerationAction\(by='bob', act='kick', target='eve'", caplog.text)
