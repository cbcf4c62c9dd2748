"""A hall of people on IRC, and one in a thousand rooms: whoever asks about all of it is told in good time, and nobody
else waits for that."""

import socket
import time
from contextlib import ExitStack

import pytest
from kit.irc import IrcClient
from kit.processes import serve_process

from greenchat.testing import DEADLINE

pytestmark = pytest.mark.alone

# More than one answer tells of, see plugins/irc/whois.py.
PEOPLE, MOST = 1010, 1000
ROOMS = 1000

# In seconds, on however busy a machine: each takes a hundredth of it, and would take longer if it grew with the square.
SOON = 20.0

LIMITS = [
    f"--set={setting}"
    for setting in ("limits.flood_rate=0", "limits.connections_per_address=0", "limits.attempts_per_minute=0")
]


def numbered(lines, code):
    return sum(line.verb == code for line in lines)


def test_who_asks_about_a_hall(tmp_path):
    with serve_process(tmp_path, *LIMITS) as server, ExitStack() as stack:
        for number in range(PEOPLE):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), DEADLINE))
            one.sendall(f"JOIN|p{number}|hall\n".encode())
            one.recv(1)
        ada, bob = (stack.enter_context(IrcClient(server, nick, "#hall")) for nick in ("ada", "bob"))
        ada.sync()
        began = time.monotonic()
        for what, code in (("WHO #hall", "352"), ("WHO #hall %tna,7", "354"), ("WHO p*", "352")):
            assert numbered(ada.ask(what), code) >= MOST - 1  # who asks is one of them, but for a mask
        names = [nick for line in ada.ask("NAMES #hall") if line.verb == "353" for nick in line.text.split()]
        assert len(set(names)) == len(names) > MOST / 2
        for _ in range(20):
            ada.send("WHO #hall")
        bob.ask("WHOIS ada")  # who is served meanwhile
        assert time.monotonic() < began + SOON
        for _ in range(20):
            assert numbered(ada.until("315"), "352") == MOST
        assert time.monotonic() < began + SOON


def test_who_is_in_a_thousand_rooms(tmp_path):
    many = [f"--set=limits.{limit}=0" for limit in ("rooms_per_session", "rooms_per_address")]
    with serve_process(tmp_path, *LIMITS, *many) as server, IrcClient(server, "bob") as bob:
        began = time.monotonic()
        rooms = [f"#r{number}" for number in range(ROOMS)]
        joins = [f"JOIN {','.join(rooms[at : at + 20])}" for at in range(0, ROOMS, 20)]
        with IrcClient(server, "ada") as ada:
            told = ada.ask(*joins)
            assert numbered(told, "366") == ROOMS
            bob.ask("JOIN #r1,#r2,#r3", "MONITOR + ada")
            told = ada.ask("AWAY :out", "WHOIS ada", "LIST", "NICK eve", *(f"PART {room}" for room in rooms[:20]))
            assert numbered(told, "323") == 1
            assert numbered(told, "NICK") == 1  # not for each room
            assert [line.verb for line in bob.sync()].count("731") == 1
        assert [line.verb for line in bob.ask("WHOIS eve")] == ["401", "318"]
        assert time.monotonic() < began + SOON
