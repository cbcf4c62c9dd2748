"""Clients of IRC while the server is replaced."""

from kit.irc import IrcClient
from kit.programs import Program

pytest_plugins = ["kit.over_reloads"]

CAPS = ["message-tags", "server-time", "echo-message", "labeled-response", "batch"]


def test_nobody_notices(over, in_clear):
    with (
        IrcClient(in_clear, "ada", "#dev", caps=CAPS) as ada,
        IrcClient(in_clear, "bob", "#dev") as bob,
        Program(in_clear, "pat") as pat,
    ):
        pat.exchange(type="join", room="dev")
        ada.ask("AWAY :lunch", "MONITOR + zoe")
        bob.sync()
        for number in range(3):
            ada.send(f"@label=l{number} PRIVMSG #dev :before {number}")
            bob.socket.sendall(b"PRIVMSG #dev :half ")  # a line that is not whole yet
            over.hand_over(in_clear)
            bob.socket.sendall(b"and half\r\n")
            assert [line.text for line in bob.sync()] == [f"before {number}"]
            pat.ask(f"after {number}", "dev")
            told = ada.sync()
            assert [(line.source, line.text) for line in told if line.verb == "PRIVMSG"] == [
                ("ada", f"before {number}"),
                ("bob", "half and half"),
                ("pat", f"after {number}"),
            ]
            assert [line.tags["label"] for line in told if "label" in line.tags] == [f"l{number}"]
            assert [line.text for line in bob.sync()] == [f"after {number}"]
        (away,) = [line for line in bob.ask("WHOIS ada") if line.verb == "301"]
        assert away.text == "lunch"
        with IrcClient(in_clear, "zoe", "#dev"):
            assert "730" in [line.verb for line in ada.sync()]
        assert "731" in [line.verb for line in ada.sync()]


def test_who_is_still_coming_in_goes_on(over, in_clear):
    with IrcClient(in_clear) as ada:
        ada.send("CAP LS 302", "CAP REQ :server-time", "NICK ada")
        ada.until("CAP")
        over.hand_over(in_clear)
        ada.send("USER ada 0 * :Ada", "CAP END", "JOIN #dev")
        lines = ada.until("366")
        assert [line.verb for line in lines if line.verb in ("001", "JOIN")] == ["001", "JOIN"]
        with IrcClient(in_clear, "bob", "#dev") as bob:
            bob.send("PRIVMSG #dev :hello")
            bob.sync()
            assert "time" in next(line for line in ada.sync() if line.verb == "PRIVMSG").tags
