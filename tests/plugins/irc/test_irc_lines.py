"""Lines of IRC: whole, in pieces, too long, and such as are none."""

import pytest
from greenchat_plugins.irc import HANDLERS
from greenchat_plugins.irc.asking import SPOKEN, VERBS
from kit.irc import IrcClient

from greenchat.testing import serving


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def raw(client, data: bytes):
    client.socket.sendall(data)
    return client.sync()


def test_in_pieces(server):
    with IrcClient(server, "ada") as ada, IrcClient(server, "bob") as bob:
        for text in ("a", "😃", "a b", ":a"):
            for data in (f"PRIVMSG bob :{text}\r\n", f"privmsg  bob :{text}\n", f":ada PRIVMSG bob :{text}\r\n"):
                for byte in data.encode():
                    ada.socket.sendall(bytes([byte]))
                ada.sync()
                assert [line.text for line in bob.sync()] == [text]


def test_as_long_as_may_be(server):
    with IrcClient(server, "ada", "#long") as ada, IrcClient(server, "bob", "#long") as bob:
        ada.sync()
        for target, verb in (("bob", "PRIVMSG"), ("bob", "NOTICE"), ("#long", "PRIVMSG")):
            most = 510 - len(f":ada!ada@greenchat {verb} {target} :")  # as others get it: in one line, or not at all
            for text in ("a" * most, "é" * (most // 2), "a" * (most - 4) + "😃"):
                assert ada.ask(f"{verb} {target} :{text}") == []
                assert [line.text for line in bob.sync()] == [text]
            for text in ("a" * most + "b", "a" * (most - 3) + "😃", "a" * (508 - len(f"{verb} {target}"))):
                assert [line.verb for line in ada.ask(f"{verb} {target} :{text}")] == ["417"]
        assert [line.verb for line in ada.ask(f"PRIVMSG bob,#long :{'a' * 477}")] == ["417"]
        assert [(line.params[0], len(line.text)) for line in bob.sync()] == [("bob", 477)]
        (pong,) = [line for line in ada.ask("PING " + "x" * 505) if line.verb == "PONG"]
        assert "x" * 450 in pong.text
        assert [line.verb for line in ada.ask("PING " + "x" * 506)] == ["417"]
        assert [line.verb for line in ada.ask("@a=" + "b" * 8000 + " PING x")] == ["417"]
        assert bob.sync() == []


def test_what_is_no_text(server):
    caps = ["batch", "echo-message", "labeled-response"]
    with IrcClient(server, "ada", "#qux", caps=caps) as ada, IrcClient(server, "bob") as bob:
        (failed,) = raw(ada, b"@label=xyz PRIVMSG #qux hi\xaa\r\n")
        assert (failed.verb, failed.params[:2], failed.tags) == ("FAIL", ["PRIVMSG", "INVALID_UTF8"], {"label": "xyz"})
        (failed,) = raw(bob, b"PRIVMSG ada hi\xaa\r\n")
        assert (failed.verb, failed.params[:2]) == ("FAIL", ["PRIVMSG", "INVALID_UTF8"])
        for nonsense in (b"\r\n\r\n", b"   \r\n", b"@tag\r\n", b":only\r\n", b"@ :\r\n", b"\n"):
            assert raw(bob, nonsense) == []
        for bad in (b"PRIVMSG ada :a\0b\r\n", b"PRIVMSG ada :a\rb\r\n", b"\0\r\n", b"\r\r\n"):
            assert [line.verb for line in raw(bob, bad)] == ["421"]
        assert ada.sync() == []


@pytest.mark.parametrize("end", ["", "\r\n"])
def test_a_line_without_end(server, end):
    with IrcClient(server, "ada") as ada:
        ada.socket.sendall(b"PRIVMSG #test " + b"a" * 16384 + end.encode())
        ada.until("ERROR")
        ada.expect_closed()


def test_many_at_once_before_anything_else(server):
    with IrcClient(server) as client:
        client.send("CAP LS 302", *(f"NICK n{number}" for number in range(500)), *["JOIN #x"] * 500, "USER u 0 * :R")
        client.send("CAP END")
        assert client.until("001")[-1].params[0] == "n499"


def test_many_rooms(server):
    with IrcClient(server, "ada") as ada:
        rooms = [f"#r{number}" for number in range(1000)]
        lines = ada.ask(*(f"JOIN {','.join(rooms[at : at + 20])}" for at in range(0, 1000, 20)))
        answers = [line.verb for line in lines if line.verb in ("366", "405")]
        assert len(answers) == 1000
        assert ada.ask("JOIN 0") != []


def test_names_that_are_too_long(server):
    with IrcClient(server, "ada") as ada:
        tokens = dict(p.partition("=")[::2] for line in ada.welcome if line.verb == "005" for p in line.params)
        most = int(tokens["CHANNELLEN"])
        room = "#" + "a" * (most - 1)
        assert ada.ask(f"JOIN {room}")[0].params == [room]
        (refused,) = ada.ask(f"JOIN {room}a")
        assert (refused.verb, refused.params[:2]) == ("403", ["ada", f"{room}a"])
        nick = "b" * int(tokens["NICKLEN"])
        assert ada.ask(f"NICK {nick}")[0].params == [nick]
        (refused,) = ada.ask(f"NICK {nick}bbbbb")
        assert (refused.verb, refused.params[:2]) == ("432", [nick, f"{nick}bbbbb"])


def test_what_the_plugin_asks_itself_is_no_verb(server):
    """Else words could go by it to clients of IRC alone, past all who look at what is said."""
    with IrcClient(server, "ada", "#own") as ada, IrcClient(server, "bob", "#own") as bob:
        ada.sync()
        for verb in sorted(set(HANDLERS) - set(VERBS) - SPOKEN):
            if not verb.isdigit():
                told = ada.ask(verb, f"{verb} x", f"{verb} PRIVMSG #own :words", f"{verb} a b c d")
                assert {line.verb for line in told} <= {"421", "NOTICE"}, verb  # the chat may have such a command
        assert bob.sync() == []
