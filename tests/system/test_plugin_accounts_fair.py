"""Whoever makes the server look at many passwords waits behind those who want it to look at one."""

import select
import time

import pytest
from kit.accounts import OTHER, SECRET, WRONG, accounts, gone, registered
from kit.programs import PeerFrom, Program

from greenchat.testing import serving

pytestmark = pytest.mark.alone

CROWD = 100
NO_LIMITS = {"failures_per_address": 0, "failures_per_account": 0}
HERE, THERE, ELSEWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


def peer_from(server, address):
    return server.peers.enter_context(PeerFrom(server, address))


def crowd(server, address, count=CROWD, name="ada"):
    """So many connections from one address that all try to log in to one account at once."""
    peers = [peer_from(server, address) for _ in range(count)]
    for peer in peers:
        peer.send(f"MSG|/login {name} wrong-password")
    return peers


def answered(peers):
    """How many have been answered."""
    return len(select.select([peer.socket for peer in peers], [], [], 0)[0])


@pytest.mark.parametrize("address", [HERE, THERE])
def test_a_crowd_that_logs_in_to_one_account_keeps_nobody_else_waiting(address):
    settings = {f"plugins.accounts.{name}": value for name, value in NO_LIMITS.items()}
    with serving(settings=settings) as server:  # at the real cost
        gone(registered(server))
        bob = registered(server, "bob")
        gone(bob)
        peers = crowd(server, HERE)
        bob = peer_from(server, address)
        begin = time.monotonic()
        bob.send(f"MSG|/login bob {SECRET}")
        bob.expect("INFO|You are logged in as bob. Now send JOIN|bob.")
        # Those that were looked at when bob came, and each other turn. On a busy machine some more are answered while
        # this process has still to read.
        assert answered(peers) < CROWD / 3, time.monotonic() - begin


def test_many_machines_that_try_one_account_do_not_queue_before_others():
    with accounts(failures_per_address=0, failures_per_account=5, memory_mib=64, passes=3) as server:
        gone(registered(server))
        peers = [peer for number in range(10, 30) for peer in crowd(server, f"127.0.0.{number}", 1)]
        owner = server.connect()
        owner.send(f"MSG|/login ada {SECRET}")
        owner.expect("INFO|You are logged in as ada. Now send JOIN|ada.")
        told = [peer.read() for peer in peers]
        assert told.count("ERROR|Name or password is wrong.") == 5
        late = [f"ERROR|Too many {what}. Try again in a minute." for what in ("logins at once", "failed logins")]
        assert sum(map(told.count, late)) == 15


def test_the_owner_is_at_home_after_a_restart(tmp_path):
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
    with accounts(data_dir=tmp_path, failures_per_account=2) as server:
        for address in (THERE, ELSEWHERE, THERE):
            stranger = peer_from(server, address)
            stranger.send(f"MSG|/login ada {OTHER}")
            refused = stranger.read()
        assert refused == "ERROR|Too many failed logins. Try again in a minute."
        owner = server.connect()
        owner.send(f"MSG|/login ada {SECRET}")
        owner.expect("INFO|You are logged in as ada. Now send JOIN|ada.")
    for path in tmp_path.glob("accounts.sqlite3*"):
        assert b"127.0.0" not in path.read_bytes()


def test_who_logs_in_from_elsewhere_is_at_home_there(tmp_path):
    with accounts(data_dir=tmp_path, failures_per_account=1) as server:
        gone(registered(server))
        owner = peer_from(server, THERE)
        owner.send(f"MSG|/login ada {SECRET}", "LEAVE")
        owner.expect("INFO|You are logged in as ada. Now send JOIN|ada.")
        stranger = peer_from(server, ELSEWHERE)
        stranger.send(f"MSG|/login ada {OTHER}")
        stranger.expect("ERROR|Name or password is wrong.")
        before = server.connect()
        before.send(f"MSG|/login ada {SECRET}")
        before.expect("ERROR|Too many failed logins. Try again in a minute.")
        owner = peer_from(server, THERE)
        owner.send(f"MSG|/login ada {SECRET}")
        owner.expect("INFO|You are logged in as ada. Now send JOIN|ada.")


def test_the_loop_goes_on_while_many_log_in():
    with serving() as server:  # at the real cost
        gone(registered(server))
        bob = Program(server)
        bob.join(name="bob")
        guests = [server.connect() for _ in range(10)]
        for guest in guests:
            guest.send("MSG|/login ada wrong-password", "MSG|/ping")
        for number in range(20):
            bob.send(type="ping", ref=number)
            assert bob.read() == {"type": "pong", "ref": number}
        guests[-1].socket.settimeout(0)
        with pytest.raises(BlockingIOError):
            guests[-1].socket.recv(1)
        for guest in guests[:-1]:
            guest.expect(f"ERROR|{WRONG}", "INFO|Pong.")
