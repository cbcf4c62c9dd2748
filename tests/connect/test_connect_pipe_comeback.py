"""`greenchat connect` as a part of a pipe, when the connection is lost: it comes back by itself."""

import pytest
from kit.peers import message, page, welcome
from kit.pipes import said, type_into
from kit.programs import Program
from kit.proxies import Proxy

from greenchat.connect import Exit
from greenchat.testing import DEADLINE

pytest_plugins = ["kit.terminal_fixtures"]

LOST = "[ERROR] The server has closed the connection."
COMING = "[INFO] Coming back as soon as the server can be reached."


def test_what_is_said_meanwhile_comes_once_in_both_directions(start_pipe, server, bob):
    carol = Program(server, "carol")
    with Proxy(server.port) as proxy:
        process = start_pipe("--name", "bot", address=("127.0.0.1", proxy.port))
        bob.read_until("INFO|bot has joined the chat.")
        for turn in range(2):
            type_into(process, f"before {turn}")
            bob.expect(f"MSG|bot|before {turn}")
            carol.request(type="say", text=f"first {turn}")
            bob.read()
            assert process.stdout.readline() == f"[carol]: first {turn}\n".encode()
            proxy.cut()
            seq = carol.request(type="say", text=f"second {turn}")["seq"]
            carol.request(type="edit", seq=seq, text=f"changed {turn}")
            carol.request(type="say", text=f"psst {turn}", to="bot")
            type_into(process, f"meanwhile {turn}")
            assert process.stdout.readline() == f"[carol]: changed {turn}\n".encode()
            assert process.stdout.readline() == f"[carol (private)]: psst {turn}\n".encode()
            bob.read_until(f"MSG|bot|meanwhile {turn}")
        output, errors = process.communicate(timeout=DEADLINE)
        assert (process.returncode, output) == (Exit.DELIVERED, b"")
    assert said(bob, "INFO|bot has left the chat.") == [], "nobody has noticed, and nothing was said twice"
    told = errors.decode().splitlines()
    assert [told.count(line) for line in (LOST, COMING)] == [2, 2]


@pytest.fixture
def bot(start_pipe, raw):
    """A pipe that has joined."""
    process = start_pipe("--name", "bot", address=raw.address)
    raw.accept()
    come(raw, raw.read())
    return process


def come(raw, join, token="gr_1", **fields):
    """Let them in, and answer when they ask for the commands."""
    raw.send(welcome(name="bot", ref=join["ref"], token=token, protocol=2, epoch="e", **fields))
    raw.send({"type": "conversations", "rooms": []})
    raw.answer_commands()


def test_lines_without_an_answer_are_said_again_with_their_keys(bot, raw):
    type_into(bot, "one", "two", "three")
    before = [raw.read() for _ in range(3)]
    raw.send({"type": "ack", "ref": before[0]["ref"], "seq": 1, "id": 1, "rev": 1})
    raw.send(message(2, "hi", rev=2))
    assert bot.stdout.readline() == b"[bob]: hi\n"
    join = raw.knock()
    assert (join["token"], join.get("name", "")) == ("gr_1", "")
    come(raw, join)
    again = [raw.read() for _ in range(2)]
    assert [(say["text"], say["key"]) for say in again] == [(say["text"], say["key"]) for say in before[1:]]
    asks = raw.read()
    assert (asks["type"], asks["rev"], asks["epoch"]) == ("history", 2, "e")
    missed = [message(3, "two", sender="bot", rev=3), message(4, "ho", rev=4)]
    raw.send(page(*missed, ref=asks["ref"], epoch="e", rev=4), message(4, "ho", rev=4), message(5, "ha", rev=5))
    assert bot.stdout.readline() == b"[bob]: ho\n"
    assert bot.stdout.readline() == b"[bob]: ha\n"
    type_into(bot, "four")
    assert raw.read()["text"] == "four", "no answer is waited for"
    bot.stdin.close()
    bot.stdin = None
    raw.send({"type": "ack", "ref": again[0]["ref"], "seq": 3, "id": 3})
    raw.send({"type": "error", "code": "muted", "text": "Not now.", "ref": again[1]["ref"]})
    assert bot.stderr.readline().startswith(b"[INFO] Welcome"), "and a loss is told of, too"
    assert [bot.stderr.readline().decode().strip() for _ in "12"] == [LOST, COMING]
    come(raw, raw.knock())
    say = raw.read()
    assert say["text"] == "four", "also once the input has ended"
    raw.send(page(ref=raw.read()["ref"], epoch="e", rev=5), {"type": "ack", "ref": say["ref"], "seq": 6, "id": 6})
    assert raw.read() == {"type": "leave"}, "and not before"
    raw.hang_up()
    assert bot.wait(DEADLINE) == Exit.REFUSED
    assert "[ERROR] Line 3: Not now." in bot.stderr.read().decode().splitlines()


def test_lost_again_while_coming_back(bot, raw):
    type_into(bot, "one")
    before = raw.read()
    raw.send(welcome(name="bot", ref=raw.knock()["ref"], token="gr_2", protocol=2, epoch="e"))
    assert raw.next()["type"] == "commands"
    join = raw.knock()
    assert join["token"] == "gr_2"
    come(raw, join, token="gr_3")
    again = raw.read()
    assert (again["text"], again["key"]) == ("one", before["key"])


def test_where_nobody_can_know_what_was_said_it_ends(bot, raw):
    raw.refuse(raw.knock(), "token_invalid")
    join = raw.read()
    assert (join["name"], join["room"]) == ("bot", "lobby"), "nothing was under way"
    come(raw, join, token="gr_2")
    asks = raw.read()
    raw.send(page(message(1, "hi", rev=1), ref=asks["ref"], epoch="e", rev=1))
    assert bot.stdout.readline() == b"[bob]: hi\n"
    type_into(bot, "one")
    assert raw.read()["text"] == "one"
    raw.refuse(raw.knock(), "token_invalid")
    raw.send(welcome(name="bot", ref=raw.read()["ref"], token="gr_3", protocol=2, epoch="e"))
    assert raw.read() == {"type": "leave"}
    raw.hang_up()
    assert bot.wait(DEADLINE) == Exit.LOST, "though its input is still open"
    assert bot.stderr.read().decode().endswith("[ERROR] 1 message was not delivered.\n")


@pytest.mark.parametrize(("option", "line"), [("--once", "one"), ("--commands", "/topic one")])
def test_once_and_with_a_command_under_way_it_does_not_come_back(start_pipe, raw, option, line):
    process = start_pipe("--name", "bot", option, address=raw.address)
    raw.accept()
    raw.send(welcome(name="bot", ref=raw.read()["ref"], token="gr_1", protocol=2, epoch="e"))
    type_into(process, line)
    assert raw.read()["text"] == line
    raw.hang_up()
    assert process.wait(DEADLINE) == Exit.LOST, "though its input is still open"
    assert process.stderr.read().decode().splitlines()[-2:] == [LOST, "[ERROR] 1 message was not delivered."]
