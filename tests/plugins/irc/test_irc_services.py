"""Passwords that clients of other networks send by themselves."""

from kit.irc import IrcClient


def test_nobody_is_called_like_a_service(server):
    plain = server.connect()
    plain.send("JOIN|NickServ")
    assert plain.read() == "ERROR|The username NickServ is kept for the server. Choose another."
    with IrcClient(server, "ada") as ada:
        assert ada.verbs("NICK ChanServ") == ["432"]
        told = ada.ask("PRIVMSG NickServ :identify correct-horse-battery")
        assert [line.verb for line in told] == ["401", "NOTICE", "NOTICE"]
        assert ada.verbs("NOTICE NickServ :identify correct-horse-battery")[:1] == ["401"]
